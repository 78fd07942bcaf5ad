//! A change of a document: the one list of operations that results, conflicts and replay are made of.
//! Applies changes to a value; does not know who made them or in which order they come.

pub mod diff;
pub mod lines;
pub mod record;

use std::sync::Arc;

use indexmap::map::Entry;
use schemars::JsonSchema;
use serde::Serialize;

use crate::path::{Path, Segment};
use crate::value::{Object, Text, Value, parse_index};

/// What is done at a path. A path that ends with `[]` appends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The value now stands at the place.
    Set(#[schemars(with = "serde_json::Value")] Value),
    /// A container of this kind stands there, unless something does already.
    Ensure(Container),
    /// Nothing stands there any more; of an object's member.
    Delete,
}

/// How concurrent changes of one place combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Each call adds its difference from what it saw.
    Sum,
    /// The least stands.
    Min,
    /// The greatest stands.
    Max,
    /// What is missing is added.
    Union,
}

/// The kinds of container that a path can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    Object,
    Array,
}

/// One change at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    #[schemars(with = "String")]
    pub path: Path,
    #[serde(flatten)]
    pub operation: Operation,
}

/// Why a change cannot be applied: what stands where, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit(pub String);

impl Change {
    pub fn set(path: Path, value: Value) -> Change {
        Change { path, operation: Operation::Set(value) }
    }

    /// What the change puts there.
    pub fn value(&self) -> Option<&Value> {
        match &self.operation {
            Operation::Set(value) => Some(value),
            Operation::Ensure(_) | Operation::Delete => None,
        }
    }

    pub fn delete(path: Path) -> Change {
        Change { path, operation: Operation::Delete }
    }

    pub fn ensure(path: Path, container: Container) -> Change {
        Change { path, operation: Operation::Ensure(container) }
    }

    /// Applies the change to what stands at `root`, a place that the change's path begins with `depth` segments
    /// below the document. `None` stands for nothing. Containers are created as needed.
    pub fn apply(&self, root: &mut Option<Value>, depth: usize) -> Result<(), Misfit> {
        let segments = &self.path.segments[depth..];
        match &self.operation {
            Operation::Set(value) => apply(root, segments, &|slot| *slot = Some(value.clone())),
            Operation::Ensure(container) => apply(root, segments, &|slot| {
                slot.get_or_insert_with(|| container.empty());
            }),
            Operation::Delete => delete(root, segments),
        }
    }
}

/// Takes away what stands at a place; nothing there is a misfit, since somebody took it for granted.
fn delete(slot: &mut Option<Value>, segments: &[Segment]) -> Result<(), Misfit> {
    match (slot.as_mut(), segments) {
        (Some(_), []) => *slot = None,
        (Some(Value::Object(members)), [Segment::Key(key)]) if members.contains_key(key) => {
            Arc::make_mut(members).shift_remove(key);
        }
        (Some(Value::Object(members)), [Segment::Key(key), rest @ ..]) if members.contains_key(key) => {
            delete_below(Arc::make_mut(members).get_mut(key), rest)?;
        }
        (Some(Value::Array(items)), [Segment::Key(key), rest @ ..]) if !rest.is_empty() => {
            let item = parse_index(key).and_then(|index| Arc::make_mut(items).get_mut(index));
            delete_below(item, rest)?;
        }
        (Some(Value::Array(_)), _) => {
            return Err(Misfit("an array's element cannot be taken out alone".to_owned()));
        }
        _ => return Err(Misfit("nothing stands there to delete".to_owned())),
    }
    Ok(())
}

fn delete_below(value: Option<&mut Value>, rest: &[Segment]) -> Result<(), Misfit> {
    let Some(value) = value else { return delete(&mut None, rest) };
    let mut slot = Some(std::mem::take(value));
    let deleted = delete(&mut slot, rest);
    *value = slot.unwrap_or_default();
    deleted
}

type Put<'a> = &'a dyn Fn(&mut Option<Value>);

/// Puts something at a place, which `put` is given; containers on the way are made.
fn apply(slot: &mut Option<Value>, segments: &[Segment], put: Put<'_>) -> Result<(), Misfit> {
    let Some((first, rest)) = segments.split_first() else {
        put(slot);
        return Ok(());
    };
    let container = if *first == Segment::Append { Container::Array } else { Container::Object };
    match (slot.get_or_insert_with(|| container.empty()), first) {
        (Value::Object(members), Segment::Key(key)) => {
            apply_to_member(Arc::make_mut(members), key, rest, put)
        }
        (Value::Array(items), Segment::Append) => {
            let mut item = None;
            apply(&mut item, rest, put)?;
            Arc::make_mut(items).extend(item);
            Ok(())
        }
        (Value::Array(items), Segment::Key(key)) => {
            let count = items.len();
            let item = parse_index(key).and_then(|index| Arc::make_mut(items).get_mut(index));
            let item =
                item.ok_or_else(|| Misfit(format!("`{key}` names no element of an array of {count}")))?;
            let mut slot = Some(std::mem::take(item));
            let applied = apply(&mut slot, rest, put);
            *item = slot.unwrap_or_default();
            applied
        }
        (Value::Object(_), Segment::Append) => {
            Err(Misfit("`[]` appends to an array, and an object stands there".to_owned()))
        }
        (_, Segment::Any) => Err(Misfit("a key is not known".to_owned())),
        (other, Segment::Key(key)) => {
            Err(Misfit(format!("`{key}` needs an object or an array, and {} stands there", other.kind())))
        }
        (other, Segment::Append) => {
            Err(Misfit(format!("`[]` appends to an array, and {} stands there", other.kind())))
        }
    }
}

/// Why nothing can be put at a place below a value: found without changing it.
pub fn misfit(given: &Value, segments: &[Segment]) -> Option<Misfit> {
    let (segment, rest) = segments.split_first()?;
    match (given, segment) {
        (_, Segment::Any) => None,
        (Value::Array(items), Segment::Key(key)) => match parse_index(key).and_then(|index| items.get(index))
        {
            Some(item) => misfit(item, rest),
            None => Some(Misfit(format!("`{key}` names no element of an array of {}", items.len()))),
        },
        (Value::Object(members), Segment::Key(key)) => {
            members.get(key).and_then(|member| misfit(member, rest))
        }
        (Value::Array(_), Segment::Append) => None,
        (other, Segment::Append) => {
            Some(Misfit(format!("`[]` appends to an array, and {} stands there", other.kind())))
        }
        (other, Segment::Key(key)) => {
            Some(Misfit(format!("`{key}` needs an object or an array, and {} stands there", other.kind())))
        }
    }
}

fn apply_to_member(members: &mut Object, key: &Text, rest: &[Segment], put: Put<'_>) -> Result<(), Misfit> {
    match members.entry(key.clone()) {
        Entry::Occupied(mut known) => {
            let mut slot = Some(std::mem::take(known.get_mut()));
            let applied = apply(&mut slot, rest, put);
            *known.get_mut() = slot.unwrap_or_default();
            applied
        }
        Entry::Vacant(free) => {
            let mut slot = None;
            apply(&mut slot, rest, put)?;
            if let Some(value) = slot {
                free.insert(value);
            }
            Ok(())
        }
    }
}

impl Container {
    pub fn empty(self) -> Value {
        match self {
            Container::Object => Value::empty_object(),
            Container::Array => Value::empty_array(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &str, changes: &[(&str, &str)], end: Result<&str, &str>) {
        let mut root = (!start.is_empty()).then(|| Value::parse(start.as_bytes()).unwrap());
        let mut outcome = Ok(());
        for (path, json) in changes {
            let change = Change::set(path.parse().unwrap(), Value::parse(json.as_bytes()).unwrap());
            outcome = outcome.and_then(|()| change.apply(&mut root, 0));
        }
        let got = outcome.map(|()| root.unwrap().to_json()).map_err(|misfit| misfit.0);
        match end {
            Ok(end) => assert_eq!(got.as_deref(), Ok(end)),
            Err(part) => assert!(got.as_ref().unwrap_err().contains(part), "{got:?}"),
        }
    }

    #[test]
    fn containers_come_as_they_are_needed() {
        check("", &[("d.b.x", "1"), ("d.a", "2"), ("d.b.y", "3")], Ok(r#"{"b":{"x":1,"y":3},"a":2}"#));
        check("", &[("d.log[]", "1"), ("d.log[]", "2")], Ok(r#"{"log":[1,2]}"#));
        check(r#"{"a":[1,2]}"#, &[("d.a[1]", "9")], Ok(r#"{"a":[1,9]}"#));
    }

    #[test]
    fn what_does_not_fit_says_so() {
        check("[1]", &[("d[1]", "2")], Err("names no element of an array of 1"));
        check("[1]", &[("d.x", "2")], Err("`x` names no element"));
        check("5", &[("d.x", "2")], Err("a number stands there"));
        check("{}", &[("d[]", "2")], Err("an object stands there"));
    }

    #[test]
    fn a_misfit_changes_nothing() {
        let mut root = Some(Value::parse(br#"{"a":{"n":1}}"#).unwrap());
        let before = root.clone();
        let change = Change::set("d.a.n.x".parse().unwrap(), Value::Null);
        assert!(change.apply(&mut root, 0).is_err());
        assert_eq!(root, before);
    }

    #[test]
    fn what_is_deleted_is_gone_and_must_have_stood_there() {
        let mut root = Some(Value::parse(br#"{"a":{"n":1,"m":2},"l":[{"k":1}]}"#).unwrap());
        let mut delete = |path: &str| Change::delete(path.parse().unwrap()).apply(&mut root, 0);
        delete("d.a.n").unwrap();
        delete("d.l[0].k").unwrap();
        assert!(delete("d.a.n").unwrap_err().0.contains("nothing stands there"));
        assert!(delete("d.l[0]").unwrap_err().0.contains("element"));
        assert_eq!(root.unwrap().to_json(), r#"{"a":{"m":2},"l":[{}]}"#);
    }

    #[test]
    fn ensure_leaves_what_stands() {
        let mut root = Some(Value::parse(br#"{"a":1}"#).unwrap());
        Change::ensure("d.a".parse().unwrap(), Container::Object).apply(&mut root, 0).unwrap();
        Change::ensure("d.b".parse().unwrap(), Container::Array).apply(&mut root, 0).unwrap();
        assert_eq!(root.unwrap().to_json(), r#"{"a":1,"b":[]}"#);
    }
}
