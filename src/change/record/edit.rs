//! What an operation does to a value that is the call's own: nothing of it is a read, and positions count from what stands
//! there now.

use std::sync::Arc;

use crate::change::{Container, Misfit, apply, delete};
use crate::path::Segment;
use crate::value::{Value, parse_index};

/// What is done at a place.
#[derive(Clone, Copy)]
pub(super) enum Act<'a> {
    Set(&'a Value),
    Ensure(Container),
    Append(&'a Value),
    Delete,
}

/// Where in an array of so many elements a key points: from 0, or with `-` from the end.
pub(super) fn position(key: &str, count: usize) -> Option<usize> {
    let position = match key.strip_prefix('-') {
        Some(back) => count.checked_sub(parse_index(back).filter(|&back| back > 0)?)?,
        None => parse_index(key)?,
    };
    (position < count).then_some(position)
}

/// Does something at a place below a value that is the call's own.
pub(super) fn edit(slot: &mut Option<Value>, segments: &[Segment], act: Act<'_>) -> Result<(), Misfit> {
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

pub(super) fn no_array(found: &Value) -> Misfit {
    Misfit(format!("`[]` appends to an array, and {} stands there", found.kind()))
}

pub(super) fn nothing_there() -> Misfit {
    Misfit("nothing stands there to delete".to_owned())
}
