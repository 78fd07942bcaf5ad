//! From a reference as written to a place in a document, for one call: index expressions that can be known now are
//! evaluated. What cannot be known ends a read (it covers all below) and is `Any` in a fill.

use crate::expr::{Expression, Reference, Step, key_text};
use crate::path::{Path, Segment};
use crate::value::{Text, Value, parse_index};

use super::scope::Before;

/// The place that a reference reads: as many steps as are known.
pub fn read_place(reference: &Reference, before: &Before<'_>) -> Option<Path> {
    let document = reference.document.clone().ok()?;
    let mut given = before.world.given(&reference.root);
    let known = reference.steps.iter().map_while(|step| {
        let key = step_key(step, before)?;
        // a position from the end names another element as soon as some call sets or appends one
        let from_the_end = key.starts_with('-') && matches!(given, Some(Value::Array(_)));
        given = given.and_then(|value| value.get(&key));
        (!from_the_end).then_some(Segment::Key(key))
    });
    Some(Path { document, segments: known.collect() })
}

/// The place that a fill goes to; steps that are not known yet are [`Segment::Any`].
pub fn fill_place(reference: &Reference, append: bool, before: &Before<'_>) -> Option<Path> {
    let document = reference.document.clone().ok()?;
    let steps = reference.steps.iter().map(|step| step_key(step, before).map_or(Segment::Any, Segment::Key));
    let segments = steps.chain(append.then_some(Segment::Append)).collect();
    Some(Path { document, segments })
}

/// Whether a fill is known to go to this place.
pub fn is_fill_place(reference: &Reference, append: bool, before: &Before<'_>, place: &Path) -> bool {
    let Ok(document) = &reference.document else { return false };
    let (steps, segments) = (&reference.steps, &place.segments);
    let is_step = |(step, segment): (&Step, &Segment)| match (step, segment) {
        (Step::Key(key), Segment::Key(known)) => key == known,
        (Step::Computed(expression), Segment::Key(known)) => match bound(expression, before) {
            Some(Value::String(key)) => key == known,
            Some(Value::Number(key)) => key.as_str() == known.as_str(),
            _ => computed_key(expression, before).as_ref() == Some(known),
        },
        (_, Segment::Append | Segment::Any) => false,
    };
    *document == place.document
        && append == place.is_append()
        && segments.len() == steps.len() + usize::from(append)
        && steps.iter().zip(segments).all(is_step)
}

/// The place that a fill goes to as far as every call of the task shares it: computed steps are `Any`.
pub fn shape(reference: &Reference, append: bool) -> Vec<Segment> {
    let steps = reference.steps.iter().map(|step| match step {
        Step::Key(key) => Segment::Key(key.clone()),
        Step::Computed(_) => Segment::Any,
    });
    steps.chain(append.then_some(Segment::Append)).collect()
}

/// The place that a read looks at as far as every call of the task shares it: computed steps are `Any`.
pub fn read_shape(reference: &Reference) -> Vec<Segment> {
    shape(reference, false)
}

fn step_key(step: &Step, before: &Before<'_>) -> Option<Text> {
    match step {
        Step::Key(key) => Some(key.clone()),
        Step::Computed(expression) => computed_key(expression, before),
    }
}

fn computed_key(expression: &Expression, before: &Before<'_>) -> Option<Text> {
    if let Some(value) = bound(expression, before) {
        return key_text(value);
    }
    if !before.knows(expression) {
        return None;
    }
    key_text(&expression.eval(before).ok()?)
}

/// The value of the variable, or of the part of the key, that the expression is, if it is one alone.
fn bound<'a>(expression: &Expression, before: &Before<'a>) -> Option<&'a Value> {
    let row = before.row.as_ref()?;
    match expression.member() {
        Some(("key", part)) => row.key_part(parse_index(part)?),
        Some(_) => None,
        None => row.get(expression.name()?),
    }
}
