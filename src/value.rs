//! JSON values that keep what they were given: every digit of a number, the order of an object's keys.
//! Clones are cheap (shared text, arrays and objects). Knows nothing of documents or places.

mod parse;
mod write;

use std::sync::Arc;
use std::{fmt, io};

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use write::Stream;
pub use write::{Layout, quoted, write_quoted};

/// Shared text: keys, names, strings. A short one needs no memory of its own.
pub type Text = smol_str::SmolStr;

/// The members of a JSON object, in their order.
pub type Object = IndexMap<Text, Value, FxBuildHasher>;

/// A JSON value. Equality is that of the compact bytes: digits and key order count.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(Arc<Vec<Value>>),
    Object(Arc<Object>),
}

/// A number as it was written, always in JSON's grammar.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Text);

impl Number {
    /// The digits as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as an integer, if it is written as one and fits 128 bits.
    pub fn as_i128(&self) -> Option<i128> {
        // most are small, and small ones are read faster
        self.0.parse::<i64>().map(i128::from).or_else(|_| self.0.parse()).ok()
    }

    /// The nearest double; infinite where the number is out of a double's range.
    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// The shortest digits that give this double back; `None` for NaN and the infinities.
    pub fn from_f64(value: f64) -> Option<Number> {
        let number = serde_json::Number::from_f64(value)?;
        Some(Number(number.as_str().into()))
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Number {
        Number(itoa::Buffer::new().format(value).into())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no JSON that deco takes: the parser's words with line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(pub String);

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value {
    /// Parses one JSON value. Refuses NaN, lone surrogates, duplicate keys, trailing text and nesting deeper than 127.
    pub fn parse(json: &[u8]) -> Result<Value, JsonError> {
        parse::parse(json)
    }

    /// Parses one JSON object in the same way, but gives its members one by one, and leaves it to who takes them to refuse
    /// one that comes twice. `false`: it is another value.
    pub fn parse_members(
        json: &[u8],
        member: &mut dyn FnMut(&str, Value) -> Result<(), String>,
    ) -> Result<bool, JsonError> {
        parse::members(json, member)
    }

    /// An empty object.
    pub fn empty_object() -> Value {
        Value::Object(Arc::default())
    }

    /// An empty array.
    pub fn empty_array() -> Value {
        Value::Array(Arc::default())
    }

    /// An array of these items.
    pub fn array(items: Vec<Value>) -> Value {
        Value::Array(Arc::new(items))
    }

    /// An object of these members; of equal keys the later value stays.
    pub fn object<K: Into<Text>>(members: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Object(Arc::new(members.into_iter().map(|(k, v)| (k.into(), v)).collect()))
    }

    /// What kind of value this is, in words for messages: "null", "a boolean", "a number" and so on.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// The member or element that `key` names: an object's by its text, an array's by position, from 0 or, negative,
    /// from the end.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.get(key),
            Value::Array(items) => items.get(position(key, items.len())?),
            _ => None,
        }
    }

    /// What an expression finds by `key`: as [`Value::get`], and in a text the character at a position.
    pub fn child(&self, key: &str) -> Option<Value> {
        match self {
            Value::String(text) => {
                let index = position(key, text.chars().count())?;
                text.chars().nth(index).map(|c| c.to_string().into())
            }
            other => other.get(key).cloned(),
        }
    }

    /// What an expression finds at a place below this one.
    pub fn look<'a>(&self, keys: impl IntoIterator<Item = &'a Text>) -> Option<Value> {
        keys.into_iter().try_fold(self.clone(), |value, key| value.child(key))
    }

    /// The value at a place below this one.
    pub fn at<'a>(&'a self, keys: impl IntoIterator<Item = &'a Text>) -> Option<&'a Value> {
        keys.into_iter().try_fold(self, |value, key| value.get(key))
    }

    /// How the value lands in a text: a string as itself, everything else as compact JSON.
    pub fn to_text(&self) -> String {
        match self {
            Value::String(text) => text.to_string(),
            other => other.to_json(),
        }
    }

    /// Compact JSON: no spaces, no escaping beyond JSON's need.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// Appends compact JSON to `out`.
    pub fn write_json(&self, out: &mut String) {
        Layout::Compact.value(self, 0, out);
    }

    /// JSON with two spaces of indent and no final newline; empty containers stay `{}` and `[]`.
    pub fn to_pretty_json(&self) -> String {
        let mut out = String::new();
        Layout::Pretty.value(self, 0, &mut out);
        out
    }

    /// Writes JSON piece by piece: for values that may be large.
    pub fn write_to(&self, layout: Layout, out: &mut dyn io::Write) -> io::Result<()> {
        Stream::new(layout, out).whole(self)
    }
}

/// The beginning of a text for a message: what is cut off shows as `…`.
pub fn excerpt(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The position that a key names among so many: from 0 or, negative, from the end.
fn position(key: &str, len: usize) -> Option<usize> {
    match key.strip_prefix('-') {
        Some(back) => len.checked_sub(parse_index(back)?),
        None => parse_index(key),
    }
}

/// An array position as a key writes it: digits without a leading zero.
pub fn parse_index(key: &str) -> Option<usize> {
    let canonical = key == "0" || !key.starts_with('0');
    let digits = canonical && key.bytes().all(|b| b.is_ascii_digit());
    if digits { key.parse().ok() } else { None }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => Arc::ptr_eq(a, b) || a == b,
            (Value::Object(a), Value::Object(b)) => {
                Arc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().eq(b.iter()))
            }
            _ => false,
        }
    }
}

impl Eq for Value {}

impl From<Text> for Value {
    fn from(text: Text) -> Value {
        Value::String(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i128> for Value {
    fn from(value: i128) -> Value {
        Value::Number(value.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => {
                serde_json::Number::from_string_unchecked(number.0.to_string()).serialize(serializer)
            }
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Value::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn keeps(json: &str) {
        assert_eq!(Value::parse(json.as_bytes()).unwrap().to_json(), json);
    }

    #[test]
    fn digits_and_key_order_stay() {
        keeps(r#"{"z":1.10,"a":[-0,1E5,123456789012345678901234567890.5],"é":"\u0001\"\\\n/"}"#);
        keeps("100000000000000000000000000000000000000000000000000000000000000000");
        keeps(r#"{"$serde_json::private::Number":"1"}"#);
        keeps(r#"[{"$serde_json::private::Number":2},{}]"#);
    }

    #[test]
    fn what_json_does_not_know_is_refused() {
        for json in [
            "NaN",
            "[Infinity]",
            r#""\ud800""#,
            r#"{"a":1,"a":1}"#,
            "1 2",
            "",
            "01",
            "'a'",
            "1.",
            "+1",
            ".5",
            "1e",
            "-",
            "[1,]",
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            "\"\n\"",
        ] {
            assert!(Value::parse(json.as_bytes()).is_err(), "{json}");
        }
        let deep = "[".repeat(10_000);
        assert!(Value::parse(deep.as_bytes()).is_err());
        assert!(Value::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn pretty_has_two_spaces_and_flat_empties() {
        let value = Value::parse(br#"{"a":[1,{"b":[]}],"c":{}}"#).unwrap();
        let pretty = "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}";
        assert_eq!(value.to_pretty_json(), pretty);
    }

    #[test]
    fn equality_is_that_of_the_bytes() {
        let parse = |json: &str| Value::parse(json.as_bytes()).unwrap();
        assert_ne!(parse("1.0"), parse("1"));
        assert_ne!(parse(r#"{"a":1,"b":2}"#), parse(r#"{"b":2,"a":1}"#));
        assert_eq!(parse(r#"{"a":[1,"x"]}"#), parse(r#"{ "a" : [1, "x"] }"#));
    }

    #[test]
    fn a_place_goes_through_objects_and_arrays() {
        let value = Value::parse(br#"{"a":[{"0":"x"}]}"#).unwrap();
        let keys = ["a", "0", "0"].map(Text::from);
        assert_eq!(value.at(&keys), Some(&Value::from("x")));
        assert_eq!(value.get("a").unwrap().get("00"), None);
        assert_eq!(value.get("a").unwrap().get("-1"), value.get("a").unwrap().get("0"));
        assert_eq!(value.get("a").unwrap().get("-2"), None);
        assert_eq!(value.get("a").unwrap().get("-0"), None);
    }
}
