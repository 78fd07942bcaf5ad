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

mod edit;
mod own;
mod walk;

use std::collections::BTreeSet;

use super::{Change, Container, Misfit};
use crate::path::{Path, Segment, is_position};
use crate::value::Value;

use edit::Act;
use own::Own;
use walk::{Walk, seen};

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
        let mut walk = Walk::new(place.path.clone(), &mut self.reads);
        let stood = place.own.stands(place.base.as_ref());
        let done = walk.at_place(&mut place.own, place.base.as_ref(), below, act);
        if !stood && place.own.stands(place.base.as_ref()) {
            self.turns += 1;
            place.turn = self.turns;
        }
        done
    }
}

#[cfg(test)]
mod tests;
