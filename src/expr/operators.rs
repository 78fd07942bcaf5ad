//! What operators mean between values: truth, equality, order, `in`, and what is neither a number's business nor a
//! slice's. Errors are in words without a place; the evaluator adds it.

use std::cmp::Ordering;
use std::sync::Arc;

use super::convert::MAX_SIZE;
use super::number::{self, Operator};
use super::reads::key_text;
use crate::value::{Text, Value};

/// Whether a condition takes the value as true: what is not null, false, zero or empty.
pub fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// `==`: numbers by their value, objects whatever the order of their keys.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => number::compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => {
            Arc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b)))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, value)| b.get::<Text>(key).is_some_and(|other| equal(value, other));
            Arc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().all(same))
        }
        _ => a == b,
    }
}

/// `<` and the like: two numbers, two texts, two booleans or two arrays of such.
pub fn order(a: &Value, b: &Value) -> Result<Ordering, String> {
    let ordering = match (a, b) {
        (Value::Number(a), Value::Number(b)) => number::compare(a, b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Array(a), Value::Array(b)) => {
            for (a, b) in a.iter().zip(b.iter()) {
                match order(a, b)? {
                    Ordering::Equal => {}
                    different => return Ok(different),
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        _ => None,
    };
    ordering.ok_or_else(|| format!("{} and {} have no order", a.kind(), b.kind()))
}

/// `item in container`: an item of an array, a key of an object, a part of a text.
pub fn contains(container: &Value, item: &Value) -> Result<bool, String> {
    match (container, item) {
        (Value::Array(items), item) => Ok(items.iter().any(|one| equal(one, item))),
        (Value::Object(members), item) => Ok(key_text(item).is_some_and(|key| members.contains_key(&key))),
        (Value::String(text), Value::String(part)) => Ok(text.contains(&**part)),
        (Value::String(_), other) => Err(format!("a text holds only texts, not {}", other.kind())),
        (other, _) => Err(format!("`in` needs a list, an object or a text, not {}", other.kind())),
    }
}

/// `a operator b`.
pub fn apply(operator: Operator, a: &Value, b: &Value) -> Result<Value, String> {
    match (operator, a, b) {
        (Operator::Concatenate, a, b) => concatenate(&[&a.to_text(), &b.to_text()]),
        (Operator::Add, Value::String(a), Value::String(b)) => concatenate(&[a, b]),
        (Operator::Add, Value::Array(a), Value::Array(b)) => {
            sized(a.len(), b.len().checked_add(a.len()))?;
            Ok(Value::array(a.iter().chain(b.iter()).cloned().collect()))
        }
        (Operator::Multiply, Value::String(_) | Value::Array(_), Value::Number(_)) => repeat(a, b),
        (Operator::Multiply, Value::Number(_), Value::String(_) | Value::Array(_)) => repeat(b, a),
        (_, Value::Number(_) | Value::Bool(_), Value::Number(_) | Value::Bool(_)) => {
            number::calculate(operator, a, b)
        }
        _ => Err(mismatch(operator, a, b)),
    }
}

/// `-a`.
pub fn negate(a: &Value) -> Result<Value, String> {
    match a {
        Value::Number(_) | Value::Bool(_) => number::negate(a),
        other => Err(format!("`-` needs a number, not {}", other.kind())),
    }
}

fn mismatch(operator: Operator, a: &Value, b: &Value) -> String {
    let (symbol, a, b) = (operator.symbol(), a.kind(), b.kind());
    let hint = if operator == Operator::Add { "; `~` joins values of any kind to a text" } else { "" };
    format!("`{symbol}` does not go with {a} and {b}{hint}")
}

fn concatenate(parts: &[&str]) -> Result<Value, String> {
    sized(0, Some(parts.iter().map(|part| part.len()).sum()))?;
    Ok(parts.concat().into())
}

fn repeat(repeated: &Value, count: &Value) -> Result<Value, String> {
    let count = match count {
        Value::Number(number) => number.as_i128(),
        _ => None,
    };
    let count = count.ok_or("only a whole number can say how often")?.max(0);
    let times = usize::try_from(count).unwrap_or(usize::MAX);
    match repeated {
        Value::String(text) => {
            sized(text.len(), text.len().checked_mul(times))?;
            Ok(text.repeat(times).into())
        }
        Value::Array(items) => {
            sized(items.len(), items.len().checked_mul(times))?;
            Ok(Value::array(std::iter::repeat_n(items.iter(), times).flatten().cloned().collect()))
        }
        other => Err(format!("{} cannot be repeated", other.kind())),
    }
}

/// Refuses what would be made too large; what is there already is taken as it is.
fn sized(there: usize, made: Option<usize>) -> Result<(), String> {
    match made {
        Some(size) if size <= MAX_SIZE.max(there) => Ok(()),
        _ => Err("the result is larger than 10 million items or bytes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn equality_looks_at_values_not_at_digits_or_order() {
        let same = |a: &str, b: &str| equal(&value(a), &value(b));
        assert!(same("1.0", "1") && same(r#"{"a":1,"b":[2]}"#, r#"{"b":[2.0],"a":1}"#));
        assert!(!same("1", "true") && !same("1", r#""1""#) && !same(r#"{"a":1}"#, r#"{"a":1,"b":1}"#));
        assert!(!same("[1,2]", "[2,1]") && !same("null", "false"));
    }

    #[test]
    fn order_is_only_between_values_of_one_kind() {
        let order = |a: &str, b: &str| order(&value(a), &value(b));
        assert_eq!(order("[1,2]", "[1,10]"), Ok(Ordering::Less));
        assert_eq!(order(r#""b""#, r#""a""#), Ok(Ordering::Greater));
        assert_eq!(order("[1]", "[1,0]"), Ok(Ordering::Less));
        assert_eq!(order("1", r#""1""#).unwrap_err(), "a number and a text have no order");
        assert!(order("{}", "{}").is_err() && order("null", "1").is_err());
    }

    #[test]
    fn in_looks_into_lists_objects_and_texts() {
        let contains = |a: &str, b: &str| contains(&value(a), &value(b));
        assert_eq!(contains("[1,2.0]", "2"), Ok(true));
        assert_eq!(contains(r#"{"2":0}"#, "2"), Ok(true));
        assert_eq!(contains(r#""abc""#, r#""bc""#), Ok(true));
        assert_eq!(contains("[]", "null"), Ok(false));
        assert!(contains(r#""1""#, "1").is_err() && contains("1", "1").is_err());
    }

    #[test]
    fn joining_keeps_digits_and_json() {
        let apply =
            |operator, a: &str, b: &str| apply(operator, &value(a), &value(b)).map(|value| value.to_json());
        assert_eq!(apply(Operator::Concatenate, "1.10", "true").unwrap(), r#""1.10true""#);
        assert_eq!(apply(Operator::Concatenate, r#""x""#, r#"{"a":null}"#).unwrap(), r#""x{\"a\":null}""#);
        assert_eq!(apply(Operator::Add, "[1.10]", "[2]").unwrap(), "[1.10,2]");
        assert_eq!(apply(Operator::Multiply, "[1.10]", "2").unwrap(), "[1.10,1.10]");
        assert_eq!(apply(Operator::Multiply, "-1", r#""ab""#).unwrap(), r#""""#);
        assert!(apply(Operator::Add, "1", r#""1""#).unwrap_err().contains("`~`"));
        assert!(apply(Operator::Multiply, r#""ab""#, "1000000000000").unwrap_err().contains("10 million"));
        assert!(apply(Operator::Multiply, "[1]", &i128::MAX.to_string()).is_err());
        assert!(apply(Operator::Divide, "null", "1").is_err());
    }
}
