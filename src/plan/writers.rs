//! Who changes which place of one document: a tree over the keys, asked for all calls that may touch a place.

use rustc_hash::FxHashMap;

use crate::path::{Segment, is_position};
use crate::value::Text;

use super::CallId;

/// Changes of one document, by their places.
#[derive(Debug, Default)]
pub struct WriterTree {
    nodes: Vec<PlaceNode>,
    /// Whether some place has a key that is not known.
    pub has_unknown: bool,
}

/// One place: who changes just it, and the places below.
#[derive(Debug, Default)]
struct PlaceNode {
    keys: FxHashMap<Text, u32>,
    any: Option<u32>,
    append: Option<u32>,
    writers: Vec<CallId>,
}

/// Two changes of which one place is the other's, or holds it.
pub struct Overlap {
    pub outer: CallId,
    pub inner: CallId,
}

impl WriterTree {
    /// Records that `call` changes the place.
    pub fn insert(&mut self, segments: &[Segment], call: CallId) {
        if self.nodes.is_empty() {
            self.nodes.push(PlaceNode::default());
        }
        let mut at = 0;
        for segment in segments {
            self.has_unknown |= *segment == Segment::Any;
            at = self.child_or_new(at, segment);
        }
        self.nodes[at as usize].writers.push(call);
    }

    fn child_or_new(&mut self, at: u32, segment: &Segment) -> u32 {
        let fresh = self.nodes.len() as u32;
        let node = &mut self.nodes[at as usize];
        let child = match segment {
            Segment::Key(key) => *node.keys.entry(key.clone()).or_insert(fresh),
            Segment::Any => *node.any.get_or_insert(fresh),
            Segment::Append => *node.append.get_or_insert(fresh),
        };
        if child == fresh {
            self.nodes.push(PlaceNode::default());
        }
        child
    }

    /// The calls whose changes may be seen at the place, each once, in id order.
    pub fn overlapping(&self, segments: &[Segment]) -> Vec<CallId> {
        let mut found = Vec::new();
        let mut frontier: Vec<u32> = if self.nodes.is_empty() { Vec::new() } else { vec![0] };
        for segment in segments {
            frontier.iter().for_each(|&at| found.extend(&self.nodes[at as usize].writers));
            frontier = frontier.iter().flat_map(|&at| self.matching(at, segment)).collect();
        }
        for at in frontier {
            self.gather(at, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The children of a place that a segment may name.
    fn matching(&self, at: u32, segment: &Segment) -> Vec<u32> {
        let node = &self.nodes[at as usize];
        let wild = node.any.into_iter();
        match segment {
            Segment::Key(key) => {
                let appended = node.append.filter(|_| is_position(key));
                wild.chain(appended).chain(node.keys.get(key).copied()).collect()
            }
            Segment::Any => wild.chain(node.append).chain(node.keys.values().copied()).collect(),
            Segment::Append => {
                let positions = node.keys.iter().filter(|(key, _)| is_position(key));
                wild.chain(node.append).chain(positions.map(|(_, &child)| child)).collect()
            }
        }
    }

    /// How many keys of a place are those of some change, and the keys, sorted, that changes have there.
    pub fn keys_beside(&self, segments: &[Segment]) -> (usize, Vec<&str>) {
        let Some(mut node) = self.nodes.first() else { return (0, Vec::new()) };
        let mut depth = 0;
        while let Some(Segment::Key(key)) = segments.get(depth)
            && let Some(&child) = node.keys.get(key)
        {
            node = &self.nodes[child as usize];
            depth += 1;
        }
        let mut keys: Vec<&str> = node.keys.keys().map(|key| &**key).collect();
        keys.sort_unstable();
        (depth, keys)
    }

    /// All calls that change the place or one below it.
    fn gather(&self, at: u32, found: &mut Vec<CallId>) {
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            let node = &self.nodes[at as usize];
            found.extend(&node.writers);
            open.extend(node.any.iter().chain(&node.append).chain(node.keys.values()));
        }
    }

    /// Every pair of changes at known places that overlap and do not both append. Pairs at one place come as
    /// neighbours in the order that `rank` gives: if those are ordered, all are.
    pub fn known_overlaps(&self, rank: impl Fn(CallId) -> u32) -> Vec<Overlap> {
        let mut overlaps = Vec::new();
        let mut open =
            if self.nodes.is_empty() { Vec::new() } else { vec![(0, Vec::<CallId>::new(), false)] };
        while let Some((at, above, appends)) = open.pop() {
            let node = &self.nodes[at as usize];
            let mut here = node.writers.clone();
            here.sort_unstable_by_key(|&call| rank(call));
            for &inner in &here {
                overlaps.extend(above.iter().map(|&outer| Overlap { outer, inner }));
            }
            if !appends {
                overlaps.extend(here.windows(2).map(|pair| Overlap { outer: pair[0], inner: pair[1] }));
            }
            let above = if here.is_empty() { above } else { [above, here].concat() };
            open.extend(node.keys.values().map(|&child| (child, above.clone(), false)));
            open.extend(node.append.map(|child| (child, above.clone(), true)));
            overlaps.extend(self.appended_and_set(node));
        }
        overlaps
    }

    /// Members or elements set by key beside elements that are appended: one container cannot take both, or the
    /// key may name an element that is appended.
    fn appended_and_set(&self, node: &PlaceNode) -> Vec<Overlap> {
        let Some(append) = node.append else { return Vec::new() };
        let appenders = &self.nodes[append as usize].writers;
        let mut set = Vec::new();
        node.keys.values().for_each(|&child| self.gather(child, &mut set));
        let pairs =
            set.iter().flat_map(|&outer| appenders.iter().map(move |&inner| Overlap { outer, inner }));
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;

    /// The calls 0, 1, … fill these places of one document; the name before the first step is not looked at.
    fn writers(paths: &[&str]) -> WriterTree {
        let mut writers = WriterTree::default();
        for (id, path) in paths.iter().enumerate() {
            writers.insert(&segments(path), CallId(id as u32));
        }
        writers
    }

    fn segments(path: &str) -> Vec<Segment> {
        let path: Path = path.parse().unwrap();
        let any = |segment| if segment == Segment::Key("*".into()) { Segment::Any } else { segment };
        path.segments.into_iter().map(any).collect()
    }

    #[track_caller]
    fn sees(paths: &[&str], read: &str, expected: &[u32]) {
        let found: Vec<u32> = writers(paths).overlapping(&segments(read)).iter().map(|call| call.0).collect();
        assert_eq!(found, expected, "{read}");
    }

    #[test]
    fn a_read_sees_the_same_place_what_holds_it_and_what_it_holds() {
        let paths = ["d.a", "d.a.x", "d.b", "d"];
        sees(&paths, "d.a", &[0, 1, 3]);
        sees(&paths, "d.a.x.y", &[0, 1, 3]);
        sees(&paths, "d.a.z", &[0, 3]);
        sees(&paths, "d", &[0, 1, 2, 3]);
        sees(&paths, "d.c", &[3]);
    }

    #[test]
    fn unknown_keys_and_appends_may_be_any() {
        sees(&["d[*].x", "d[]", "d.k"], "d.q.x", &[0]);
        sees(&["d[*].x", "d[]", "d.k"], "d[3]", &[0, 1]);
        sees(&["d[0]", "d.k"], "d[]", &[0]);
    }

    #[test]
    fn overlaps_are_pairs_that_do_not_both_append() {
        let pairs = |paths: &[&str]| {
            let overlaps = writers(paths).known_overlaps(|call| call.0);
            overlaps.iter().map(|pair| (pair.outer.0, pair.inner.0)).collect::<Vec<_>>()
        };
        assert_eq!(pairs(&["d.a", "d.b", "d.e[]", "d.e[]"]), []);
        assert_eq!(pairs(&["d.a", "d[]"]), [(0, 1)]);
        assert_eq!(pairs(&["d.a", "d.a.x"]), [(0, 1)]);
        assert_eq!(pairs(&["d.a", "d.a", "d.a"]), [(0, 1), (1, 2)]);
        assert_eq!(pairs(&["d[0]", "d[]"]), [(0, 1)]);
        assert_eq!(pairs(&["d", "d[]"]), [(0, 1)]);
    }
}
