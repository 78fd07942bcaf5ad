//! What filters and tests give: those that are our own (they keep digits and write JSON), and the way to minijinja's
//! for all others. Which there are stands in the catalogue. Knows nothing of scopes.

use std::sync::LazyLock;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value as Jinja};

use super::convert::{self, MAX_SIZE, from_minijinja, to_minijinja};
use super::functions::Function;
use super::{number, operators};
use crate::value::Value;

/// What minijinja may spend on one filter: about two gigabytes, or the sorting of a million items.
const FUEL: u64 = 32_000_000;

/// Filters that work on a text: what is none is first written as it would land.
const ON_TEXT: &[&str] =
    &["capitalize", "e", "escape", "indent", "lines", "lower", "replace", "split", "title", "trim", "upper"];

/// The value of `input | name(positional, named)`; `None` where the filter finds nothing (`first` of an empty list).
pub fn apply(
    name: &str,
    input: &Value,
    positional: &[Value],
    named: Vec<(String, Value)>,
) -> Result<Option<Value>, String> {
    if named.is_empty()
        && let Some(result) = own(name, input, positional)
    {
        return result;
    }
    let text;
    let input = match input {
        Value::String(_) => input,
        other if ON_TEXT.contains(&name) => {
            text = Value::from(other.to_text());
            &text
        }
        other => other,
    };
    std::iter::once(input).chain(positional).try_for_each(in_range)?;
    let mut arguments = vec![to_minijinja(input)];
    arguments.extend(positional.iter().map(|argument| to_minijinja(&readable(name, argument))));
    if !named.is_empty() {
        let named = named.into_iter().map(|(key, value)| (key, to_minijinja(&value)));
        arguments.push(Kwargs::from_iter(named).into());
    }
    let result = ENVIRONMENT.empty_state().apply_filter(name, &arguments);
    let result = result.map_err(|error| match (name, input) {
        ("sum", Value::Object(_)) => {
            format!("{}: an object gives its keys; write `| values | sum`", convert::detail(&error))
        }
        ("sum", Value::Array(items)) if items.iter().any(|item| matches!(item, Value::String(_))) => {
            format!(
                "{}: write `| map('int') | sum`, or `result = \"json\"` where they come from",
                convert::detail(&error)
            )
        }
        _ => convert::detail(&error),
    })?;
    if result.is_undefined() { Ok(None) } else { from_minijinja(&result).map(Some) }
}

/// Refuses integers that minijinja would round: what is beyond 128 bits.
fn in_range(value: &Value) -> Result<(), String> {
    let is_beyond = |value: &Value| match value {
        // so many digits always fit
        Value::Number(number) if number.as_str().len() <= 38 => false,
        Value::Number(number) => number::is_integer(number) && number.as_i128().is_none(),
        _ => false,
    };
    let beyond = match value {
        Value::Array(items) => items.iter().find(|item| is_beyond(item)),
        other => Some(other).filter(|other| is_beyond(other)),
    };
    match beyond {
        Some(number) => {
            Err(format!("{number} does not fit into 128 bits; as a text, by `string`, it keeps its digits"))
        }
        None => Ok(()),
    }
}

/// Arguments that a filter writes into a text are written as they would land.
fn readable(filter: &str, argument: &Value) -> Value {
    match (filter, argument) {
        (_, Value::String(_)) | ("format", Value::Number(_)) => argument.clone(),
        ("format" | "replace", other) => other.to_text().into(),
        _ => argument.clone(),
    }
}

/// The filters that need no minijinja, or must not pass through it to keep every digit.
fn own(name: &str, input: &Value, arguments: &[Value]) -> Option<Result<Option<Value>, String>> {
    let value = match (name, input, arguments) {
        ("tojson", input, []) => Ok(input.to_json().into()),
        ("tojson", input, [indent]) => indented(input, indent),
        ("string", input, []) => Ok(input.to_text().into()),
        ("length" | "count", Value::Array(items), []) => Ok(count(items.len())),
        ("length" | "count", Value::Object(members), []) => Ok(count(members.len())),
        ("first", Value::Array(items), []) => return Some(Ok(items.first().cloned())),
        ("last", Value::Array(items), []) => return Some(Ok(items.last().cloned())),
        ("list", Value::Array(_), []) => Ok(input.clone()),
        ("reverse", Value::Array(items), []) => Ok(Value::array(items.iter().rev().cloned().collect())),
        ("values", Value::Object(members), []) => Ok(Value::array(members.values().cloned().collect())),
        ("values", other, []) => Err(format!("`values` takes an object, not {}", other.kind())),
        ("join", Value::Array(items), []) => join(items, ""),
        ("join", Value::Array(items), [separator]) => join(items, &separator.to_text()),
        ("basename" | "stem" | "dirname" | "ext", input, []) => Function::named(name)?.of_path(input),
        _ => return None,
    };
    Some(value.map(Some))
}

fn count(len: usize) -> Value {
    Value::from(i128::try_from(len).unwrap_or(i128::MAX))
}

fn indented(input: &Value, indent: &Value) -> Result<Value, String> {
    match indent {
        Value::Bool(true) => Ok(input.to_pretty_json().into()),
        Value::Number(width) if width.as_i128() == Some(2) => Ok(input.to_pretty_json().into()),
        Value::Bool(false) | Value::Null => Ok(input.to_json().into()),
        other => Err(format!("`tojson` indents by 2, not by {other}")),
    }
}

fn join(items: &[Value], separator: &str) -> Result<Value, String> {
    if items.len().saturating_mul(separator.len()) > MAX_SIZE {
        return Err("the result is larger than 10 million bytes".to_owned());
    }
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        match item {
            Value::String(text) => joined.push_str(text),
            other => other.write_json(&mut joined),
        }
    }
    Ok(joined.into())
}

/// The value of `input is name(arguments)`.
pub fn holds(name: &str, input: &Value, arguments: &[Value]) -> Result<bool, String> {
    let order = |other: &Value| operators::order(input, other);
    match (name, arguments) {
        ("eq" | "equalto", [other]) => Ok(operators::equal(input, other)),
        ("ne", [other]) => Ok(!operators::equal(input, other)),
        ("lt" | "lessthan", [other]) => order(other).map(|order| order.is_lt()),
        ("le", [other]) => order(other).map(|order| order.is_le()),
        ("gt" | "greaterthan", [other]) => order(other).map(|order| order.is_gt()),
        ("ge", [other]) => order(other).map(|order| order.is_ge()),
        ("in", [container]) => operators::contains(container, input),
        ("integer" | "int", []) => Ok(matches!(input, Value::Number(number) if number::is_integer(number))),
        ("float", []) => Ok(matches!(input, Value::Number(number) if !number::is_integer(number))),
        _ => {
            std::iter::once(input).chain(arguments).try_for_each(in_range)?;
            let all: Vec<Jinja> = std::iter::once(input).chain(arguments).map(to_minijinja).collect();
            ENVIRONMENT.empty_state().perform_test(name, &all).map_err(|error| convert::detail(&error))
        }
    }
}

/// minijinja with our own filters in it, for `map('tojson')` and the like.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    for name in ["tojson", "string", "values", "basename", "stem", "dirname", "ext"] {
        environment.add_filter(name, move |input: &Jinja| mapped(name, input));
    }
    environment
});

fn mapped(name: &str, input: &Jinja) -> Result<Jinja, Error> {
    let result = from_minijinja(input).and_then(|input| own(name, &input, &[]).unwrap_or(Ok(None)));
    match result {
        Ok(value) => Ok(value.as_ref().map_or(Jinja::UNDEFINED, to_minijinja)),
        Err(words) => Err(Error::new(ErrorKind::InvalidOperation, words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::catalogue::{FILTERS, TESTS};

    #[test]
    fn every_name_is_one_that_minijinja_or_we_define() {
        let known = |kind: &str, name: &str| {
            ENVIRONMENT.empty_state().perform_test(kind, &[Jinja::from(name)]).unwrap()
        };
        assert!(FILTERS.iter().all(|name| known("filter", name)));
        assert!(TESTS.iter().all(|name| known("test", name)));
        assert!(FILTERS.is_sorted() && TESTS.is_sorted());
    }

    #[track_caller]
    fn filtered(name: &str, input: &str, arguments: &str, expected: &str) {
        let parse = |json: &str| Value::parse(json.as_bytes()).unwrap();
        let Value::Array(arguments) = parse(arguments) else { panic!() };
        let result = apply(name, &parse(input), &arguments, Vec::new()).unwrap();
        assert_eq!(result.map_or("nothing".to_owned(), |value| value.to_json()), expected, "{name}");
    }

    #[test]
    fn our_own_filters_keep_digits() {
        filtered("tojson", r#"{"a":"<é>","b":1.10}"#, "[]", r#""{\"a\":\"<é>\",\"b\":1.10}""#);
        filtered("tojson", "[1e+05]", "[2]", r#""[\n  1e+05\n]""#);
        filtered("string", "1.10", "[]", r#""1.10""#);
        filtered("string", "null", "[]", r#""null""#);
        filtered("join", r#"[1.10,true,"x",{"a":1}]"#, r#"[", "]"#, r#""1.10, true, x, {\"a\":1}""#);
        filtered("first", "[1.10]", "[]", "1.10");
        filtered("last", "[]", "[]", "nothing");
        filtered("reverse", "[1.10,2]", "[]", "[2,1.10]");
        filtered("length", r#"{"a":1}"#, "[]", "1");
        filtered("values", r#"{"b":1.10,"a":[2]}"#, "[]", "[1.10,[2]]");
        filtered("length", r#""é""#, "[]", "1");
    }

    #[test]
    fn other_filters_see_values_as_json_writes_them() {
        filtered("upper", "true", "[]", r#""TRUE""#);
        filtered("replace", r#"{"a":1}"#, r#"["\"", true]"#, r#""{trueatrue:1}""#);
        filtered("format", r#""%s %s %.1f""#, "[null,[1],2.25]", r#""null [1] 2.2""#);
        filtered("sum", "[1,2]", "[]", "3");
        filtered("map", r#"[{"a":1}]"#, r#"["values"]"#, "[[1]]");
        filtered("map", r#"["a/b.c"]"#, r#"["stem"]"#, r#"["b"]"#);
        filtered("map", r#"[[1.10,null]]"#, r#"["tojson"]"#, r#"["[1.10,null]"]"#);
        filtered("items", r#"{"a":1.10}"#, "[]", r#"[["a",1.1]]"#);
        filtered("items", r#"{"a":[1.10]}"#, "[]", r#"[["a",[1.10]]]"#);
    }

    #[test]
    fn an_object_has_values_and_no_sum() {
        let fails = |name: &str, input: Value| apply(name, &input, &[], Vec::new()).unwrap_err();
        assert_eq!(fails("values", Value::array(Vec::new())), "`values` takes an object, not an array");
        let object = Value::parse(br#"{"a":1}"#).unwrap();
        assert!(fails("sum", object).ends_with("an object gives its keys; write `| values | sum`"));
        assert!(fails("sum", Value::array(vec!["1".into()])).contains("`| map('int') | sum`"));
    }

    #[test]
    fn work_without_an_end_is_refused() {
        let fails = |name: &str, input: Value, arguments: &[Value]| {
            apply(name, &input, arguments, Vec::new()).is_err()
        };
        let huge = Value::from(10_i128.pow(12));
        let text = Value::from("x".repeat(100_000));
        for (name, input, arguments) in [
            ("slice", Value::array(vec![1.into()]), vec![huge.clone()]),
            ("batch", Value::array(vec![1.into()]), vec![huge.clone(), 0.into()]),
            ("indent", Value::from("a\nb"), vec![huge]),
            ("replace", text.clone(), vec!["x".into(), text.clone()]),
            ("join", Value::array(vec![1.into(); 100_000]), vec![text]),
            ("format", Value::from("%1000000000000s"), vec!["x".into()]),
        ] {
            assert!(fails(name, input, &arguments), "{name}");
        }
    }
}
