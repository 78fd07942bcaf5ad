//! The way down to where a call does something, or looks: through what it was given and what it did, and what the way itself
//! reads.

use std::collections::BTreeSet;

use super::edit::{Act, edit, no_array, nothing_there, position};
use super::own::{Inside, Own};
use crate::change::{Container, Misfit};
use crate::path::{Path, Segment};
use crate::value::{Text, Value};

/// Goes down to where an operation is done.
pub(super) struct Walk<'a> {
    /// Positions counted from 0.
    at: Path,
    reads: &'a mut BTreeSet<Path>,
}

impl<'a> Walk<'a> {
    /// From this place on, with what the call has looked at so far.
    pub fn new(at: Path, reads: &'a mut BTreeSet<Path>) -> Walk<'a> {
        Walk { at, reads }
    }

    /// Does it at the place or, by the segments that are left, below it.
    pub fn at_place(
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

/// An element of an array that the call may have appended to.
enum Element {
    Given(usize),
    Appended(usize),
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
pub(super) fn seen(own: Option<&Own>, base: Option<&Value>, rest: &[Segment]) -> Option<usize> {
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
