//! Whether calls that the graph does not order have got in each other's way in one document: a tree over the keys of what
//! they changed and read. Knows places, kinds of access and call order; whether two calls are ordered it asks.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::change::Container;
use crate::path::Segment;
use crate::plan::CallId;
use crate::value::{Text, Value, parse_index};

/// What a call did at a place.
#[derive(Clone, Copy, Debug)]
pub enum Deed<'a> {
    Read,
    /// It filled the place: the value does not matter.
    Fill,
    /// It mutated the place; `None`: took it away.
    Write(Option<&'a Value>),
    /// It made an empty container of this kind where nothing stood: seen by who looks just there or at what holds it, and
    /// wrong if something stood there after all.
    Made(Container),
    /// It added an element at the end of the array that the place is in. `mutates`: of a document that it was given.
    Append {
        mutates: bool,
    },
}

/// One thing that a call did.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    pub call: CallId,
    /// Below the document.
    pub place: &'a [Segment],
    pub deed: Deed<'a>,
}

/// What must be asked of others.
pub struct Rules<'a> {
    /// Whether the second call, which comes later in call order, waits for the first, directly or not.
    pub is_ordered: &'a dyn Fn(CallId, CallId) -> bool,
    /// How much of a place is one that a merge rule names, if the place is that or stands in it.
    pub merged: &'a dyn Fn(&[Segment]) -> Option<usize>,
    /// Whether an array stood at the place in what the call was given.
    pub is_array: &'a dyn Fn(CallId, &[Segment]) -> bool,
    /// Whether an element of the array at the place may stand elsewhere for the call than for others, since calls that it comes
    /// after appended it.
    pub is_movable: &'a dyn Fn(CallId, &[Segment], usize) -> bool,
}

/// Two calls in conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    pub first: CallId,
    pub second: CallId,
    /// The more exact of the two places.
    pub place: &'a [Segment],
    /// Whether the second read what the first changed, rather than changing it too.
    pub by_reading: bool,
}

/// The first two calls in conflict: the first call is the earliest of all such pairs, then the second. `accesses` stand in
/// call order; those of one call together.
pub fn first<'a>(accesses: &[Access<'a>], rules: &Rules<'_>) -> Option<Pair<'a>> {
    let search = Search::new(accesses, rules);
    let mut found: Option<(usize, usize)> = None;
    search.visit(0, &mut Vec::new(), &mut found);
    found.map(|(one, other)| search.pair(one, other))
}

#[derive(Default)]
struct Node {
    keys: FxHashMap<Text, u32>,
    append: Option<u32>,
    /// Indexes of accesses, in call order.
    here: Vec<u32>,
}

struct Search<'s, 'a> {
    accesses: &'s [Access<'a>],
    rules: &'s Rules<'s>,
    nodes: Vec<Node>,
    /// For each access, the first of the same call: two of them compare as their calls do.
    turns: Vec<usize>,
    /// Places by the call that read them, for telling blind writes; made when two writes are equal.
    reads: std::cell::OnceCell<FxHashMap<CallId, BTreeSet<&'a [Segment]>>>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(accesses: &'s [Access<'a>], rules: &'s Rules<'s>) -> Search<'s, 'a> {
        let mut turns: Vec<usize> = (0..accesses.len()).collect();
        for index in 1..accesses.len() {
            if accesses[index].call == accesses[index - 1].call {
                turns[index] = turns[index - 1];
            }
        }
        let nodes = vec![Node::default()];
        let mut this = Search { accesses, rules, nodes, turns, reads: Default::default() };
        for (index, access) in accesses.iter().enumerate() {
            let mut at = 0;
            for segment in access.place {
                at = this.child_or_new(at, segment);
            }
            this.nodes[at as usize].here.push(index as u32);
        }
        this
    }

    fn child_or_new(&mut self, at: u32, segment: &Segment) -> u32 {
        let fresh = self.nodes.len() as u32;
        let node = &mut self.nodes[at as usize];
        let child = match segment {
            Segment::Key(key) => *node.keys.entry(key.clone()).or_insert(fresh),
            // what was done is known: there is no `Any` here
            Segment::Append | Segment::Any => *node.append.get_or_insert(fresh),
        };
        if child == fresh {
            self.nodes.push(Node::default());
        }
        child
    }

    /// Looks for an earlier pair than `found` at a place and below; `above`: what was done at the places that hold it.
    fn visit(&self, at: u32, above: &mut Vec<u32>, found: &mut Option<(usize, usize)>) {
        let node = &self.nodes[at as usize];
        let depth = above.len();
        self.earliest(&node.here, above, found);
        above.extend(&node.here);
        for &child in node.keys.values().chain(&node.append) {
            self.visit(child, above, found);
        }
        above.truncate(depth);
        self.appended_beside_members(node, found);
        self.appended_before_elements(node, found);
    }

    /// An element has another position where an earlier call, which the one that found it did not see, appended too.
    fn appended_before_elements(&self, node: &Node, found: &mut Option<(usize, usize)>) {
        let Some(append) = node.append else { return };
        let elements = node.keys.iter().filter_map(|(key, &child)| Some((parse_index(key)?, child)));
        for (index, child) in elements {
            let mut there = Vec::new();
            self.gather(child, &mut there);
            for &other in &there {
                let Access { call, place, .. } = self.accesses[other as usize];
                let appended = self.nodes[append as usize].here.iter().map(|&one| one as usize);
                let earlier = appended.filter(|&one| one < other as usize);
                let earlier = earlier.filter(|&one| matches!(self.accesses[one].deed, Deed::Append { .. }));
                let mut unseen = earlier.filter(|&one| self.are_unordered(one, other as usize));
                let array = |one: usize| &self.accesses[one].place[..self.accesses[one].place.len() - 1];
                if let Some(one) = unseen.next()
                    && place.len() > array(one).len()
                    && (self.rules.is_movable)(call, array(one), index)
                    && self.is_earlier((one, other as usize), *found)
                {
                    *found = Some((one, other as usize));
                }
            }
        }
    }

    /// One container cannot take members or set elements and appended ones, unless it was an array before.
    fn appended_beside_members(&self, node: &Node, found: &mut Option<(usize, usize)>) {
        let Some(append) = node.append.filter(|_| !node.keys.is_empty()) else { return };
        let is_change =
            |index: &u32| !matches!(self.accesses[*index as usize].deed, Deed::Read | Deed::Made(_));
        let appended: Vec<u32> = self.nodes[append as usize].here.iter().copied().filter(is_change).collect();
        let mutates =
            |index: &u32| matches!(self.accesses[*index as usize].deed, Deed::Append { mutates: true });
        let mut set = Vec::new();
        node.keys.values().for_each(|&child| self.gather(child, &mut set));
        set.retain(is_change);
        for &one in &appended {
            let Access { call, place, .. } = self.accesses[one as usize];
            let stood =
                LazyCell::new(|| mutates(&one) && (self.rules.is_array)(call, &place[..place.len() - 1]));
            for &other in &set {
                let (first, second) = (one.min(other) as usize, one.max(other) as usize);
                // accesses stand in call order: the lesser indexes are of the earlier calls
                if self.is_earlier((first, second), *found) && self.are_unordered(first, second) && !*stood {
                    *found = Some((first, second));
                }
            }
        }
    }

    /// Whether two accesses are those of an earlier pair of calls, or of the same and earlier in these.
    fn is_earlier(&self, (one, other): (usize, usize), found: Option<(usize, usize)>) -> bool {
        let rank = |one: usize, other: usize| (self.turns[one], self.turns[other], one, other);
        found.is_none_or(|(first, second)| rank(one, other) < rank(first, second))
    }

    fn gather(&self, at: u32, all: &mut Vec<u32>) {
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            let node = &self.nodes[at as usize];
            all.extend(&node.here);
            open.extend(node.keys.values().chain(&node.append));
        }
    }

    fn earliest(&self, here: &[u32], above: &[u32], found: &mut Option<(usize, usize)>) {
        if here.is_empty() || self.is_harmless(here, above) {
            return;
        }
        let mut all: Vec<(u32, bool)> = here.iter().map(|&index| (index, true)).collect();
        all.extend(above.iter().map(|&index| (index, false)));
        all.sort_unstable();
        for (nth, &(one, one_here)) in all.iter().enumerate() {
            let change = !matches!(self.accesses[one as usize].deed, Deed::Read);
            let is_late = found.is_some_and(|(first, _)| self.turns[one as usize] > self.turns[first]);
            if !change || is_late {
                continue;
            }
            let later = all[nth + 1..].iter().filter(|(_, other_here)| one_here || *other_here);
            let second = later
                .map(|&(other, _)| other as usize)
                .find(|&other| self.collide(one as usize, other) && self.are_unordered(one as usize, other));
            if let Some(second) = second
                && self.is_earlier((one as usize, second), *found)
            {
                *found = Some((one as usize, second));
            }
        }
    }

    /// The plain cases, in which nothing need be compared: one call alone, no change at all, appends alone, or all of
    /// it merged.
    fn is_harmless(&self, here: &[u32], above: &[u32]) -> bool {
        let mut all = here.iter().chain(above).map(|&index| &self.accesses[index as usize]);
        let first = self.accesses[here[0] as usize].call;
        let alone = all.clone().all(|access| access.call == first);
        alone
            || all.clone().all(|access| matches!(access.deed, Deed::Read))
            || (above.is_empty() && all.all(|access| matches!(access.deed, Deed::Append { .. })))
            || (above.is_empty()
                && here.iter().all(|&index| self.merged(&self.accesses[index as usize]).is_some()))
    }

    /// Of a place that a merge rule covers: how much of it the rule names. Nothing covers what is taken away.
    fn merged(&self, access: &Access<'_>) -> Option<usize> {
        match access.deed {
            Deed::Write(None) => None,
            _ => (self.rules.merged)(access.place),
        }
    }

    /// Whether two accesses of overlapping places, the first a change, go together only if one call waits for the other.
    fn collide(&self, one: usize, other: usize) -> bool {
        let (first, second) = (&self.accesses[one], &self.accesses[other]);
        if first.call == second.call {
            return false;
        }
        let merged = self.merged(first);
        match (first.deed, second.deed) {
            (Deed::Made(_), Deed::Read) => second.place.len() <= first.place.len(),
            (Deed::Made(one), Deed::Made(other)) => first.place == second.place && one != other,
            (Deed::Fill | Deed::Write(_), Deed::Made(kind)) => {
                first.place.len() <= second.place.len() || needs_another(kind, second.place, first.place)
            }
            (Deed::Made(kind), _) => needs_another(kind, first.place, second.place),
            (_, Deed::Made(kind)) => needs_another(kind, second.place, first.place),
            // who looks at what holds a merged place sees whether others have put something there
            (_, Deed::Read) => merged.is_none() || merged != self.merged(second),
            _ if merged.is_some() && merged == self.merged(second) => false,
            (Deed::Append { .. }, Deed::Append { .. }) => first.place.len() != second.place.len(),
            (Deed::Write(one_value), Deed::Write(other_value)) => {
                let equal = first.place == second.place && one_value == other_value;
                !(equal && self.is_blind(first) && self.is_blind(second))
            }
            _ => true,
        }
    }

    fn are_unordered(&self, one: usize, other: usize) -> bool {
        let (first, second) = (self.call(one), self.call(other));
        first != second && !(self.rules.is_ordered)(first, second)
    }

    /// Whether the call read nothing that overlaps what it wrote.
    fn is_blind(&self, write: &Access<'a>) -> bool {
        let reads = self.reads.get_or_init(|| {
            let mut reads: FxHashMap<CallId, BTreeSet<&'a [Segment]>> = FxHashMap::default();
            for access in self.accesses.iter().filter(|access| matches!(access.deed, Deed::Read)) {
                reads.entry(access.call).or_default().insert(access.place);
            }
            reads
        });
        let Some(places) = reads.get(&write.call) else { return true };
        let above = (0..=write.place.len()).any(|depth| places.contains(&write.place[..depth]));
        // what stands in a place follows it in the order of places
        let below = places.range(write.place..).next();
        !above && !below.is_some_and(|place| place.starts_with(write.place))
    }

    fn call(&self, index: usize) -> CallId {
        self.accesses[index].call
    }

    fn pair(&self, one: usize, other: usize) -> Pair<'a> {
        let (first, second) = (&self.accesses[one], &self.accesses[other]);
        let place = if first.place.len() >= second.place.len() { first.place } else { second.place };
        let by_reading = matches!(second.deed, Deed::Read);
        Pair { first: first.call, second: second.call, place, by_reading }
    }
}

/// Whether a change of a place needs another kind of container than the one that was made.
fn needs_another(made: Container, at: &[Segment], place: &[Segment]) -> bool {
    let below = if place.starts_with(at) { place.get(at.len()) } else { None };
    match (below, made) {
        (Some(Segment::Append), Container::Object) => true,
        (Some(Segment::Key(key)), Container::Array) => parse_index(key).is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;

    /// Accesses as words: `0 set x.y 5`, `1 read x`, `1 append l`, `2 delete x`, `0 fill x`, `1 fill l[]`.
    fn check(words: &[&str], merged: &[&str], ordered: &[(u32, u32)], expected: Option<(u32, u32, &str)>) {
        let path = |text: &str| format!("d.{text}").parse::<Path>().unwrap();
        let parsed: Vec<(CallId, String, Path, Option<Value>)> = words
            .iter()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                let append = if words[1] == "append" { "[]" } else { "" };
                let value = words.get(3).map(|json| Value::parse(json.as_bytes()).unwrap());
                (
                    CallId(words[0].parse().unwrap()),
                    words[1].to_owned(),
                    path(&format!("{}{append}", words[2])),
                    value,
                )
            })
            .collect();
        let accesses: Vec<Access<'_>> = parsed
            .iter()
            .map(|(call, deed, path, value)| Access {
                call: *call,
                place: &path.segments,
                deed: match deed.as_str() {
                    "read" => Deed::Read,
                    "fill" if path.is_append() => Deed::Append { mutates: false },
                    "fill" => Deed::Fill,
                    "append" => Deed::Append { mutates: true },
                    "make" => Deed::Made(Container::Object),
                    "list" => Deed::Made(Container::Array),
                    _ => Deed::Write(value.as_ref()),
                },
            })
            .collect();
        let rules = Rules {
            is_ordered: &|one, other| ordered.contains(&(one.0, other.0)),
            merged: &|place| {
                let covers = |rule: &&&str| path(rule).segments == place;
                merged.iter().find(covers).map(|_| place.len())
            },
            is_array: &|_, place| place == path("l").segments,
            is_movable: &|call, _, index| call == CallId(9) && index > 0,
        };
        let found = first(&accesses, &rules);
        let found = found.map(|pair| {
            let place = Path { document: path("x").document, segments: pair.place.to_vec() };
            (pair.first.0, pair.second.0, place.to_string())
        });
        assert_eq!(
            found,
            expected.map(|(one, other, place)| (one, other, format!("d.{place}"))),
            "{words:?}"
        );
    }

    #[test]
    fn changes_of_one_place_or_one_inside_the_other_collide() {
        check(&["0 set x 1", "1 set y 2"], &[], &[], None);
        check(&["0 set x 1", "1 set x 2"], &[], &[], Some((0, 1, "x")));
        check(&["0 set x {}", "1 set x.y 2"], &[], &[], Some((0, 1, "x.y")));
        check(&["0 delete x", "1 set x.y 2"], &[], &[], Some((0, 1, "x.y")));
        check(&["0 set x 1", "1 set x 2"], &[], &[(0, 1)], None);
        check(&["0 set x 1", "0 set x.y 2"], &[], &[], None);
    }

    #[test]
    fn appends_go_together_and_blind_equal_writes_too() {
        check(&["0 append l", "1 append l", "2 append l"], &[], &[], None);
        check(&["0 append l", "1 set l [1]"], &[], &[], Some((0, 1, "l[]")));
        check(&["0 append l", "1 set l[0] 1"], &[], &[], None);
        check(&["0 append x", "1 set x.k 1"], &[], &[], Some((0, 1, "x[]")));
        check(&["0 set x 1", "1 set x 1"], &[], &[], None);
        check(&["0 set x 1", "1 set x 1.0"], &[], &[], Some((0, 1, "x")));
        check(&["0 read x.y", "0 set x 1", "1 set x 1"], &[], &[], Some((0, 1, "x")));
        check(&["0 set x 1", "1 read x", "1 set x 1"], &[], &[], Some((0, 1, "x")));
        check(&["0 delete x", "1 delete x"], &[], &[], None);
        check(&["0 fill x", "1 fill x"], &[], &[], Some((0, 1, "x")));
        check(&["0 fill l[]", "1 fill l[]", "2 fill l[0]"], &[], &[], Some((0, 2, "l[]")));
    }

    #[test]
    fn who_reads_what_an_earlier_call_changed_collides_with_it() {
        check(&["0 read x", "1 set x 1"], &[], &[], None);
        check(&["0 set x 1", "1 read x"], &[], &[], Some((0, 1, "x")));
        check(&["0 set x.y 1", "1 read x"], &[], &[], Some((0, 1, "x.y")));
        check(&["0 append l", "1 read l"], &[], &[], Some((0, 1, "l[]")));
        check(&["0 set x 1", "1 read y", "1 set z 1"], &[], &[], None);
        // who finds nothing at a position looks at what is appended, and not at other members
        check(&["0 read x.0", "0 read x[]", "1 set x.1 1", "1 read x.1", "1 read x[]"], &[], &[], None);
        check(&["0 append x", "1 read x.0", "1 read x[]"], &[], &[], Some((0, 1, "x[]")));
    }

    #[test]
    fn a_container_that_is_made_shows_to_who_looks_at_it() {
        check(&["0 make x", "1 make x", "2 set x.y 1", "3 set x 1"], &[], &[(2, 3)], None);
        check(&["0 make x", "1 list x"], &[], &[], Some((0, 1, "x")));
        check(&["0 make x", "1 append x"], &[], &[], Some((0, 1, "x[]")));
        check(&["0 set x.k 1", "1 list x"], &[], &[], Some((0, 1, "x.k")));
        check(&["0 list l", "1 append l", "2 set l[0] 1"], &[], &[], None);
        check(&["0 set x 1", "1 make x"], &[], &[], Some((0, 1, "x")));
        check(&["0 set x.y 1", "1 make x"], &[], &[], None);
        check(&["0 make x", "1 read x.y"], &[], &[], None);
        check(&["0 make x.z", "1 read x"], &[], &[], Some((0, 1, "x.z")));
    }

    #[test]
    fn an_element_that_may_have_moved_collides_with_appends_before_it() {
        check(&["0 append l", "9 read l[1]"], &[], &[], Some((0, 9, "l[]")));
        check(&["0 append l", "9 set l[1] 2"], &[], &[], Some((0, 9, "l[]")));
        check(&["0 append l", "9 read l[0]"], &[], &[], None);
        check(&["0 append l", "8 read l[1]"], &[], &[], None);
        check(&["0 append l", "9 read l[1]"], &[], &[(0, 9)], None);
    }

    #[test]
    fn merges_cover_their_places_and_no_others() {
        check(&["0 read n", "0 set n 1", "1 read n", "1 set n 2"], &["n"], &[], None);
        check(&["0 set n 1", "1 set m 2", "2 set m 3"], &["n"], &[], Some((1, 2, "m")));
    }

    #[test]
    fn the_first_pair_in_call_order_is_named() {
        let words = ["0 set a 1", "1 set b 1", "2 set b 2", "3 set a 2", "4 read b"];
        check(&words, &[], &[], Some((0, 3, "a")));
        check(&words, &[], &[(0, 3)], Some((1, 2, "b")));
        check(&words, &[], &[(0, 3), (1, 2)], Some((1, 4, "b")));
        // whatever a call did first
        let words = ["0 set a 1", "0 set b 1", "1 set b 2", "2 set a 2"];
        check(&words, &[], &[], Some((0, 1, "b")));
    }
}
