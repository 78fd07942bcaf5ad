//! How concurrent changes of one place combine, by the rules of `[documents]`. Knows values, not who changed them.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use crate::change::{Merge, Misfit};
use crate::expr::number::{Operator, calculate, compare};
use crate::value::Value;

/// What stands at the place after one more call's change. `seen`: what the call's own view held there, `stands`: what
/// stands there by now, `new`: what the call wrote.
pub fn merged(
    rule: Merge,
    seen: Option<&Value>,
    stands: Option<&Value>,
    new: &Value,
) -> Result<Value, Misfit> {
    match rule {
        Merge::Sum => sum(seen, stands, new),
        Merge::Min => extreme(stands, new, Ordering::Less),
        Merge::Max => extreme(stands, new, Ordering::Greater),
        Merge::Union => union(seen, stands, new),
    }
}

/// The call's difference from what it saw is added; nothing counts as 0.
fn sum(seen: Option<&Value>, stands: Option<&Value>, new: &Value) -> Result<Value, Misfit> {
    if seen == stands && matches!(new, Value::Number(_)) {
        return Ok(new.clone());
    }
    let zero = Value::from(0);
    let number = |value: &Value| match value {
        Value::Number(_) => Ok(value.clone()),
        other => Err(Misfit(format!("`sum` adds numbers, and {} stands there", other.kind()))),
    };
    let (seen, stands, new) =
        (number(seen.unwrap_or(&zero))?, number(stands.unwrap_or(&zero))?, number(new)?);
    let difference = calculate(Operator::Subtract, &new, &seen).map_err(Misfit)?;
    calculate(Operator::Add, &stands, &difference).map_err(Misfit)
}

/// The one that compares as wanted; of equal ones what stands.
fn extreme(stands: Option<&Value>, new: &Value, wanted: Ordering) -> Result<Value, Misfit> {
    let Some(stands) = stands else { return Ok(new.clone()) };
    let order = match (new, stands) {
        (Value::Number(new), Value::Number(stands)) => compare(new, stands),
        (Value::String(new), Value::String(stands)) => Some(new.cmp(stands)),
        _ => None,
    };
    match order {
        Some(order) => Ok(if order == wanted { new.clone() } else { stands.clone() }),
        None => Err(Misfit(format!("{} and {} cannot be compared", new.kind(), stands.kind()))),
    }
}

/// Elements, or members, that are missing are added.
fn union(seen: Option<&Value>, stands: Option<&Value>, new: &Value) -> Result<Value, Misfit> {
    let Some(stands) = stands else { return Ok(new.clone()) };
    match (stands, new) {
        (Value::Array(standing), Value::Array(wanted)) => {
            let kept: HashSet<String> = wanted.iter().map(Value::to_json).collect();
            if let Some(Value::Array(seen)) = seen
                && seen.iter().any(|item| !kept.contains(&item.to_json()))
            {
                return Err(Misfit("`union` only adds, and the call took an element away".to_owned()));
            }
            let mut items = Vec::clone(standing);
            let mut known: HashSet<String> = items.iter().map(Value::to_json).collect();
            items.extend(wanted.iter().filter(|item| known.insert(item.to_json())).cloned());
            Ok(Value::array(items))
        }
        (Value::Object(standing), Value::Object(wanted)) => {
            if let Some(Value::Object(seen)) = seen
                && seen.keys().any(|key| !wanted.contains_key(key))
            {
                return Err(Misfit("`union` only adds, and the call took a member away".to_owned()));
            }
            let mut members = (**standing).clone();
            for (key, value) in wanted.iter() {
                match members.get(key) {
                    None => drop(members.insert(key.clone(), value.clone())),
                    Some(known) if known == value || seen.and_then(|seen| seen.get(key)) == Some(value) => {}
                    Some(_) => {
                        return Err(Misfit(format!("`union` finds two values for the member `{key}`")));
                    }
                }
            }
            Ok(Value::Object(Arc::new(members)))
        }
        (standing, wanted) => Err(Misfit(format!(
            "`union` joins two arrays or two objects, and finds {} and {}",
            standing.kind(),
            wanted.kind()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Option<Value> {
        (!json.is_empty()).then(|| Value::parse(json.as_bytes()).unwrap())
    }

    #[track_caller]
    fn check(rule: Merge, (seen, stands, new): (&str, &str, &str), expected: Result<&str, &str>) {
        let result = merged(rule, value(seen).as_ref(), value(stands).as_ref(), &value(new).unwrap());
        match (result, expected) {
            (Ok(value), Ok(json)) => assert_eq!(value.to_json(), json),
            (Err(misfit), Err(part)) => assert!(misfit.0.contains(part), "{misfit:?}"),
            (result, expected) => panic!("{result:?}, not {expected:?}"),
        }
    }

    #[test]
    fn sums_add_differences() {
        check(Merge::Sum, ("3", "5", "4"), Ok("6"));
        check(Merge::Sum, ("", "", "1.50"), Ok("1.50"));
        check(Merge::Sum, ("", "2", "-1"), Ok("1"));
        check(Merge::Sum, ("", "\"x\"", "1"), Err("a text stands there"));
    }

    #[test]
    fn extremes_keep_their_digits() {
        check(Merge::Min, ("", "1.0", "1.00"), Ok("1.0"));
        check(Merge::Max, ("", "1.0", "1.10"), Ok("1.10"));
        check(Merge::Max, ("", "\"a\"", "\"b\""), Ok("\"b\""));
        check(Merge::Max, ("", "1", "\"b\""), Err("cannot be compared"));
    }

    #[test]
    fn unions_add_what_is_missing() {
        check(Merge::Union, ("[1]", "[1,3]", "[1,2,3]"), Ok("[1,3,2]"));
        check(Merge::Union, ("[1]", "[1]", "[2]"), Err("took an element away"));
        check(Merge::Union, ("", r#"{"a":1}"#, r#"{"a":1,"b":2}"#), Ok(r#"{"a":1,"b":2}"#));
        check(Merge::Union, ("", r#"{"a":1}"#, r#"{"a":2}"#), Err("two values"));
        check(Merge::Union, (r#"{"a":1}"#, r#"{"a":1}"#, r#"{"b":2}"#), Err("took a member away"));
    }
}
