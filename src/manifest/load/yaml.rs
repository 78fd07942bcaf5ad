//! YAML as values: by YAML 1.2, so that `no` is a text; digits and key order stay, as in JSON.
//! The digits of a number are taken from the text itself, since a parser's number has lost some of them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::FormatError;
use crate::value::{Object, Text, Value};

/// What a YAML text means.
pub fn parse(text: &str) -> Result<Value, FormatError> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options) {
        Ok(node) => Ok(node.value.into_value(text, byte_range(&node.defined))),
        Err(error) => Err(words(error.without_snippet())),
    }
}

/// What stands in the text, each item with its place.
enum Node {
    Scalar(Value),
    Array(Vec<Spanned<Node>>),
    Object(Vec<(Text, Spanned<Node>)>),
}

impl Node {
    fn into_value(self, text: &str, range: Option<(u64, u64)>) -> Value {
        match self {
            Node::Scalar(Value::Number(number)) => as_written(text, range).unwrap_or(Value::Number(number)),
            Node::Scalar(value) => value,
            Node::Array(items) => {
                let items = items.into_iter().map(|item| {
                    let range = byte_range(&item.defined);
                    item.value.into_value(text, range)
                });
                Value::array(items.collect())
            }
            Node::Object(members) => {
                let members = members.into_iter().map(|(key, member)| {
                    let range = byte_range(&member.defined);
                    (key, member.value.into_value(text, range))
                });
                Value::object(members)
            }
        }
    }
}

/// The number with the digits that stand in the text, where they are JSON's.
fn as_written(text: &str, range: Option<(u64, u64)>) -> Option<Value> {
    let (start, end) = range?;
    let digits = text.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?.trim();
    match Value::parse(digits.as_bytes()) {
        Ok(number @ Value::Number(_)) => Some(number),
        _ => None,
    }
}

fn byte_range(at: &serde_saphyr::Location) -> Option<(u64, u64)> {
    let span = at.span();
    let start = span.byte_offset()?;
    Some((start, start + span.byte_len()?))
}

fn words(error: &serde_saphyr::Error) -> FormatError {
    if let serde_saphyr::Error::DuplicateMappingKey { key, location } = error {
        let key = key.as_deref().unwrap_or("a key");
        return FormatError {
            message: format!("line {} has the key `{key}` a second time", location.line()),
            help: Some("give each key once".to_owned()),
        };
    }
    FormatError {
        message: format!("not valid YAML: {error}"),
        help: Some("check it with a YAML tool".to_owned()),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(i128::from(value).into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(i128::from(value).into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        let number = crate::value::Number::from_f64(value);
        number
            .map(|number| Node::Scalar(Value::Number(number)))
            .ok_or_else(|| E::custom("JSON has no such number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members: Vec<(Text, Spanned<Node>)> = Vec::new();
        let mut known = Object::default();
        while let Some((key, value)) = map.next_entry::<String, _>()? {
            let key = Text::from(key);
            // 1 and "1" are two keys to YAML and one to JSON
            if known.insert(key.clone(), Value::Null).is_some() {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            members.push((key, value));
        }
        Ok(Node::Object(members))
    }
}
