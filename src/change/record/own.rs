//! What a call did at a place and below it, and what stands there by that: data, whoever did it and in whichever steps.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::edit::{Act, nothing_there};
use crate::change::{Change, Container, Misfit};
use crate::path::{Path, Segment};
use crate::value::{Text, Value};

/// What a call did at a place.
#[derive(Debug)]
pub(super) enum Own {
    /// It did something below, or nothing.
    Inside(Inside),
    /// It wrote this. `moved`: it took out what had stood there before, so that the member now comes last.
    Value { value: Value, moved: bool },
    /// It took out what stood there; `stood`: in what it was given.
    Gone { stood: bool },
}

#[derive(Debug, Default)]
pub(super) struct Inside {
    /// The container that the call made where nothing stood.
    pub made: Option<Container>,
    /// By member, or position in the array that was given; in the order of the writes.
    pub members: IndexMap<Text, Own, FxBuildHasher>,
    pub appended: Vec<Value>,
}

impl Default for Own {
    fn default() -> Own {
        Own::Inside(Inside::default())
    }
}

impl Own {
    /// Whether something now stands at a place where `base` stood.
    pub fn stands(&self, base: Option<&Value>) -> bool {
        match self {
            Own::Inside(inside) => base.is_some() || inside.made.is_some(),
            Own::Value { .. } => true,
            Own::Gone { .. } => false,
        }
    }

    /// What now stands at a place where `base` stood.
    pub fn over(&self, base: Option<&Value>) -> Option<Value> {
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

    pub fn write_to(&self, at: &mut Path, changes: &mut Vec<Change>) {
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
    pub fn kind(&mut self, base: Option<&Value>, act: Act<'_>) -> Result<Container, Misfit> {
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
    pub fn items(&self, given: &[Value]) -> Vec<Value> {
        let now = |(index, item): (usize, &Value)| match self.members.get(index.to_string().as_str()) {
            Some(own) => own.over(Some(item)).unwrap_or_default(),
            None => item.clone(),
        };
        let given: Vec<Value> = given.iter().enumerate().map(now).collect();
        [given, self.appended.clone()].concat()
    }

    pub fn write_to(&self, at: &mut Path, changes: &mut Vec<Change>) {
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
