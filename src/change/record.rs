//! What one call does to the documents that it was given, operation by operation, brought to a normal form: the changes
//! that come to the same, each place once, and the places that the call looked at. Fed by `deco set` and its like and by
//! workers; knows nothing of files, of formats, or of other calls.
//!
//! - A write takes away what the call did at or below its place, and one below a value that the call wrote is part of that
//!   value. What the call wrote itself it does not read.
//! - Making a container where nothing stands is neither a write nor a read; it shows only if nothing comes into it.
//! - A position from the end, or at or behind the end of the array that was given, is found only by the array's length: it
//!   is a read of the array, except where a position from the end names an element that the call appended.
//! - A position where no array stands yet is a read of that place, and of what others append there.
//! - An element of the array that was given is taken out by writing, and reading, the whole array.
//! - A call that takes out all that it appended has looked at the array: nothing else would say that one stood there.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

use super::{Change, Container, Misfit, apply, delete};
use crate::path::{Path, Segment, is_position};
use crate::value::{Text, Value, parse_index};

/// One call's doings, over the places that it may change.
#[derive(Debug)]
pub struct Recorder {
    places: Vec<Place>,
    reads: BTreeSet<Path>,
    turns: usize,
}

/// What a call did, in its normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// In an order in which they can be applied.
    pub changes: Vec<Change>,
    /// Places that the call looked at, none inside another, in order.
    pub reads: Vec<Path>,
}

/// A place that the call may change, what stood there, and what the call did.
#[derive(Debug)]
struct Place {
    path: Path,
    base: Option<Value>,
    own: Own,
    /// How many places had come to stand, where nothing had stood, when this one did.
    turn: usize,
}

/// What a call did at a place.
#[derive(Debug)]
enum Own {
    /// It did something below, or nothing.
    Inside(Inside),
    /// It wrote this. `moved`: it took out what had stood there before, so that the member now comes last.
    Value { value: Value, moved: bool },
    /// It took out what stood there; `stood`: in what it was given.
    Gone { stood: bool },
}

#[derive(Debug, Default)]
struct Inside {
    /// The container that the call made where nothing stood.
    made: Option<Container>,
    /// By member, or position in the array that was given; in the order of the writes.
    members: IndexMap<Text, Own, FxBuildHasher>,
    appended: Vec<Value>,
}

/// What is done at a place.
#[derive(Clone, Copy)]
enum Act<'a> {
    Set(&'a Value),
    Ensure(Container),
    Append(&'a Value),
    Delete,
}

/// An element of an array that the call may have appended to.
enum Element {
    Given(usize),
    Appended(usize),
}

impl Recorder {
    /// Over the places that a call may change, and what stands there for it; no place inside another.
    pub fn new(places: impl IntoIterator<Item = (Path, Option<Value>)>) -> Recorder {
        let place = |(path, base)| Place { path, base, own: Own::default(), turn: 0 };
        Recorder { places: places.into_iter().map(place).collect(), reads: BTreeSet::new(), turns: 0 }
    }

    /// Writes a value; a path that ends with `[]` appends it.
    pub fn set(&mut self, path: &Path, value: &Value) -> Result<(), Misfit> {
        match path.segments.split_last() {
            Some((Segment::Append, array)) => self.act(path, array.len(), Act::Append(value)),
            _ => self.act(path, path.segments.len(), Act::Set(value)),
        }
    }

    /// Appends to the array at `path`, which is made if nothing stands there.
    pub fn append(&mut self, path: &Path, value: &Value) -> Result<(), Misfit> {
        self.act(path, path.segments.len(), Act::Append(value))
    }

    /// Takes out what stands there; that something does is looked at.
    pub fn delete(&mut self, path: &Path) -> Result<(), Misfit> {
        self.act(path, path.segments.len(), Act::Delete)
    }

    /// Makes a container unless something stands there.
    pub fn ensure(&mut self, path: &Path, container: Container) -> Result<(), Misfit> {
        self.act(path, path.segments.len(), Act::Ensure(container))
    }

    /// Notes that the call looked at a place and all below it; of other documents than those that it may change, nothing.
    pub fn read(&mut self, path: &Path) {
        match self.places.iter().find(|place| place.path.holds(path)) {
            Some(place) => {
                let depth = place.path.segments.len();
                let Some(seen) = seen(Some(&place.own), place.base.as_ref(), &path.segments[depth..]) else {
                    return;
                };
                let at = |depth: usize| Path { segments: path.segments[..depth].to_vec(), ..path.clone() };
                self.reads.insert(at(depth + seen));
                // where nothing stands, others may append to an array that has such an element then
                let mut base = place.base.as_ref();
                for (below, key) in path.keys().skip(depth).take(seen).enumerate() {
                    if base.is_none() && is_position(key) {
                        let mut array = at(depth + below);
                        array.segments.push(Segment::Append);
                        self.reads.insert(array);
                    }
                    base = base.and_then(|base| base.get(key));
                }
            }
            None if self.places.iter().any(|place| place.path.document == path.document) => {
                self.reads.insert(path.clone());
            }
            None => {}
        }
    }

    /// What the call changed up to here.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut places: Vec<&Place> = self.places.iter().collect();
        places.sort_by_key(|place| place.turn);
        for place in places {
            place.own.write_to(&mut place.path.clone(), &mut changes);
        }
        changes
    }

    /// All of it.
    pub fn finish(self) -> Recorded {
        let changes = self.changes();
        let mut reads: Vec<Path> = self.reads.into_iter().collect();
        reads.dedup_by(|later, first| first.holds(later));
        Recorded { changes, reads }
    }

    fn act(&mut self, path: &Path, length: usize, act: Act<'_>) -> Result<(), Misfit> {
        let segments = &path.segments[..length];
        let place = self.places.iter_mut().find(|place| place.path.holds(path));
        let place =
            place.ok_or_else(|| Misfit(format!("`{path}` is not among the places that it may change")))?;
        // `d[]` stands in `d`, but nothing is appended above a place
        let below = segments.get(place.path.segments.len()..).unwrap_or_default();
        let mut walk = Walk { at: place.path.clone(), reads: &mut self.reads };
        let stood = place.own.stands(place.base.as_ref());
        let done = walk.at_place(&mut place.own, place.base.as_ref(), below, act);
        if !stood && place.own.stands(place.base.as_ref()) {
            self.turns += 1;
            place.turn = self.turns;
        }
        done
    }
}

/// Goes down to where an operation is done.
struct Walk<'a> {
    /// Positions counted from 0.
    at: Path,
    reads: &'a mut BTreeSet<Path>,
}

impl Walk<'_> {
    fn at_place(
        &mut self,
        own: &mut Own,
        base: Option<&Value>,
        rest: &[Segment],
        act: Act<'_>,
    ) -> Result<(), Misfit> {
        match own {
            Own::Inside(inside) => match rest {
                [] => self.here(own, base, act),
                [Segment::Key(key), rest @ ..] => match (base, inside.kind(base, act)?) {
                    (_, Container::Object) => {
                        let base = base.and_then(|base| base.get(key));
                        self.member(inside, key.clone(), base, rest, act)
                    }
                    (Some(Value::Array(items)), Container::Array) => self.element(own, items, key, rest, act),
                    (_, Container::Array) => self.element(own, &[], key, rest, act),
                },
                _ => Err(Misfit("there is no such place".to_owned())),
            },
            Own::Value { value, .. } => {
                let mut slot = Some(std::mem::take(value));
                let edited = edit(&mut slot, rest, act);
                match slot {
                    Some(left) => *value = left,
                    None => *own = Own::Gone { stood: base.is_some() },
                }
                edited
            }
            Own::Gone { stood } => {
                let moved = *stood;
                let mut slot = None;
                edit(&mut slot, rest, act)?;
                if let Some(value) = slot {
                    *own = Own::Value { value, moved };
                }
                Ok(())
            }
        }
    }

    /// At a place of which the call has written nothing as a whole.
    fn here(&mut self, own: &mut Own, base: Option<&Value>, act: Act<'_>) -> Result<(), Misfit> {
        let Own::Inside(inside) = own else { return Ok(()) };
        match act {
            Act::Set(value) => *own = Own::Value { value: value.clone(), moved: false },
            Act::Ensure(container) if base.is_none() => {
                inside.made.get_or_insert(container);
            }
            Act::Ensure(_) => {}
            Act::Append(value) => {
                let stands = base.cloned().or_else(|| inside.made.map(Container::empty));
                match stands {
                    None => inside.made = Some(Container::Array),
                    Some(Value::Array(_)) => {}
                    Some(other) => return Err(no_array(&other)),
                }
                inside.appended.push(value.clone());
            }
            Act::Delete if base.is_none() && inside.made.is_none() => return Err(nothing_there()),
            Act::Delete => {
                // what the call made is taken out whatever else has come to stand there: it would be seen
                self.reads.insert(self.at.clone());
                *own = Own::Gone { stood: base.is_some() };
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        inside: &mut Inside,
        key: Text,
        base: Option<&Value>,
        rest: &[Segment],
        act: Act<'_>,
    ) -> Result<(), Misfit> {
        self.at.segments.push(Segment::Key(key.clone()));
        let entry = inside.members.entry(key);
        let index = entry.index();
        let own = entry.or_default();
        let stood = own.stands(base);
        let done = self.at_place(own, base, rest, act);
        if !stood && own.stands(base) {
            inside.members.move_index(index, inside.members.len() - 1);
        }
        self.at.segments.pop();
        done
    }

    fn element(
        &mut self,
        own: &mut Own,
        given: &[Value],
        key: &Text,
        rest: &[Segment],
        act: Act<'_>,
    ) -> Result<(), Misfit> {
        let Own::Inside(inside) = own else { return Ok(()) };
        let count = given.len() + inside.appended.len();
        let Some(position) = position(key, count) else {
            return Err(Misfit(format!("`{key}` names no element of an array of {count}")));
        };
        let element = Element::of(position, given.len());
        if looks_at_length(&element, key) {
            self.reads.insert(self.at.clone());
        }
        match (element, rest, act) {
            (Element::Appended(index), [], Act::Delete) => {
                inside.appended.remove(index);
                // as the header says: the append is gone, and with it what an object here would collide with
                if inside.appended.is_empty() {
                    self.reads.insert(self.at.clone());
                }
            }
            (Element::Appended(index), ..) => {
                let item = &mut inside.appended[index];
                let mut slot = Some(std::mem::take(item));
                let edited = edit(&mut slot, rest, act);
                *item = slot.unwrap_or_default();
                return edited;
            }
            (Element::Given(index), [], Act::Delete) => {
                self.reads.insert(self.at.clone());
                let mut items = inside.items(given);
                items.remove(index);
                *own = Own::Value { value: Value::array(items), moved: false };
            }
            (Element::Given(index), ..) => {
                return self.member(inside, index.to_string().into(), given.get(index), rest, act);
            }
        }
        Ok(())
    }
}

impl Default for Own {
    fn default() -> Own {
        Own::Inside(Inside::default())
    }
}

impl Own {
    /// Whether something now stands at a place where `base` stood.
    fn stands(&self, base: Option<&Value>) -> bool {
        match self {
            Own::Inside(inside) => base.is_some() || inside.made.is_some(),
            Own::Value { .. } => true,
            Own::Gone { .. } => false,
        }
    }

    /// What now stands at a place where `base` stood.
    fn over(&self, base: Option<&Value>) -> Option<Value> {
        match self {
            Own::Value { value, .. } => Some(value.clone()),
            Own::Gone { .. } => None,
            Own::Inside(inside) => match base.cloned().or_else(|| inside.made.map(Container::empty))? {
                Value::Array(items) => Some(Value::array(inside.items(&items))),
                Value::Object(mut members) if !inside.members.is_empty() => {
                    let all = Arc::make_mut(&mut members);
                    for (key, own) in &inside.members {
                        let stood = all.get(key).cloned();
                        let value = own.over(stood.as_ref());
                        if value.is_none() || matches!(own, Own::Value { moved: true, .. }) {
                            all.shift_remove(key);
                        }
                        all.extend(value.map(|value| (key.clone(), value)));
                    }
                    Some(Value::Object(members))
                }
                other => Some(other),
            },
        }
    }

    fn write_to(&self, at: &mut Path, changes: &mut Vec<Change>) {
        match self {
            Own::Value { value, moved } => {
                changes.extend(moved.then(|| Change::delete(at.clone())));
                changes.push(Change::set(at.clone(), value.clone()));
            }
            Own::Gone { stood } => {
                // what the call made and took out again is a write all the same, of which nothing is left
                changes.extend((!stood).then(|| Change::set(at.clone(), Value::Null)));
                changes.push(Change::delete(at.clone()));
            }
            Own::Inside(inside) => inside.write_to(at, changes),
        }
    }
}

impl Inside {
    /// What kind of container stands here, for an act below it; made if nothing does.
    fn kind(&mut self, base: Option<&Value>, act: Act<'_>) -> Result<Container, Misfit> {
        match (base, self.made) {
            (Some(Value::Object(_)), _) => Ok(Container::Object),
            (Some(Value::Array(_)), _) => Ok(Container::Array),
            (Some(other), _) => {
                Err(Misfit(format!("an object or an array is needed, and {} stands there", other.kind())))
            }
            (None, Some(made)) => Ok(made),
            (None, None) if matches!(act, Act::Delete) => Err(nothing_there()),
            (None, None) => Ok(*self.made.insert(Container::Object)),
        }
    }

    /// The elements that now stand in an array of these.
    fn items(&self, given: &[Value]) -> Vec<Value> {
        let now = |(index, item): (usize, &Value)| match self.members.get(index.to_string().as_str()) {
            Some(own) => own.over(Some(item)).unwrap_or_default(),
            None => item.clone(),
        };
        let given: Vec<Value> = given.iter().enumerate().map(now).collect();
        [given, self.appended.clone()].concat()
    }

    fn write_to(&self, at: &mut Path, changes: &mut Vec<Change>) {
        let before = changes.len();
        for (key, own) in &self.members {
            at.segments.push(Segment::Key(key.clone()));
            own.write_to(at, changes);
            at.segments.pop();
        }
        at.segments.push(Segment::Append);
        changes.extend(self.appended.iter().map(|item| Change::set(at.clone(), item.clone())));
        at.segments.pop();
        if let Some(container) = self.made
            && changes.len() == before
        {
            changes.push(Change::ensure(at.clone(), container));
        }
    }
}

impl Element {
    fn of(position: usize, given: usize) -> Element {
        match position.checked_sub(given) {
            Some(index) => Element::Appended(index),
            None => Element::Given(position),
        }
    }
}

/// Whether it takes the length of the array that was given to find the element.
fn looks_at_length(element: &Element, key: &str) -> bool {
    key.starts_with('-') == matches!(element, Element::Given(_))
}

/// How many of these segments name the place that is looked at; `None`: the call sees only what it wrote itself.
fn seen(own: Option<&Own>, base: Option<&Value>, rest: &[Segment]) -> Option<usize> {
    let inside = match own {
        None => None,
        Some(Own::Inside(inside)) => Some(inside),
        Some(Own::Value { .. } | Own::Gone { .. }) => return None,
    };
    let Some((Segment::Key(key), rest)) = rest.split_first() else { return Some(0) };
    let made = inside.and_then(|inside| inside.made);
    let given = match (base, made) {
        (Some(Value::Array(items)), _) => Some(items.len()),
        (None, Some(Container::Array)) => Some(0),
        _ => None,
    };
    let mut key = key.clone();
    if let Some(given) = given {
        let appended = inside.map_or(0, |inside| inside.appended.len());
        let Some(position) = position(&key, given + appended) else { return Some(0) };
        let element = Element::of(position, given);
        if looks_at_length(&element, &key) {
            return Some(0);
        }
        if let Element::Appended(_) = element {
            return None;
        }
        key = position.to_string().into();
    }
    let own = inside.and_then(|inside| inside.members.get(&key));
    seen(own, base.and_then(|base| base.get(&key)), rest).map(|below| below + 1)
}

/// Where in an array of so many elements a key points: from 0, or with `-` from the end.
fn position(key: &str, count: usize) -> Option<usize> {
    let position = match key.strip_prefix('-') {
        Some(back) => count.checked_sub(parse_index(back).filter(|&back| back > 0)?)?,
        None => parse_index(key)?,
    };
    (position < count).then_some(position)
}

/// Does something at a place below a value that is the call's own.
fn edit(slot: &mut Option<Value>, segments: &[Segment], act: Act<'_>) -> Result<(), Misfit> {
    let mut segments = counted_from_0(slot.as_ref(), segments);
    match act {
        Act::Set(value) => apply(slot, &segments, &|slot| *slot = Some(value.clone())),
        Act::Ensure(container) => apply(slot, &segments, &|slot| {
            slot.get_or_insert_with(|| container.empty());
        }),
        Act::Append(value) => {
            segments.push(Segment::Append);
            apply(slot, &segments, &|slot| *slot = Some(value.clone()))
        }
        Act::Delete => take_out(slot, &segments),
    }
}

fn counted_from_0(mut value: Option<&Value>, segments: &[Segment]) -> Vec<Segment> {
    let counted = segments.iter().map(|segment| {
        let (Some(Value::Array(items)), Segment::Key(key)) = (value, segment) else {
            value = match segment {
                Segment::Key(key) => value.and_then(|value| value.get(key)),
                _ => None,
            };
            return segment.clone();
        };
        let position = position(key, items.len());
        value = position.and_then(|position| items.get(position));
        position.map_or_else(|| segment.clone(), |position| Segment::Key(position.to_string().into()))
    });
    counted.collect()
}

/// Deletes, an array's element too.
fn take_out(slot: &mut Option<Value>, segments: &[Segment]) -> Result<(), Misfit> {
    if let [above @ .., Segment::Key(key)] = segments
        && let Some(Value::Array(items)) = slot.as_mut().and_then(|value| below(value, above))
    {
        let index = parse_index(key).filter(|&index| index < items.len()).ok_or_else(nothing_there)?;
        Arc::make_mut(items).remove(index);
        return Ok(());
    }
    delete(slot, segments)
}

fn below<'v>(value: &'v mut Value, segments: &[Segment]) -> Option<&'v mut Value> {
    segments.iter().try_fold(value, |value, segment| match (value, segment) {
        (Value::Object(members), Segment::Key(key)) => Arc::make_mut(members).get_mut(key),
        (Value::Array(items), Segment::Key(key)) => Arc::make_mut(items).get_mut(parse_index(key)?),
        _ => None,
    })
}

fn no_array(found: &Value) -> Misfit {
    Misfit(format!("`[]` appends to an array, and {} stands there", found.kind()))
}

fn nothing_there() -> Misfit {
    Misfit("nothing stands there to delete".to_owned())
}

#[cfg(test)]
mod tests;
