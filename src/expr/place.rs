//! A place below a value: what a key finds there, how a message writes it, what is said when nothing stands there.
//! Knows nothing of expressions.

use super::{EvalError, View};
use crate::value::{Text, Value, parse_index, write_quoted};

/// What `key` finds in a value: a member, an element or a character; a negative position counts from the end.
pub fn child(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Object(members) => members.get(key).cloned(),
        Value::Array(items) => items.get(position(key, items.len())?).cloned(),
        Value::String(text) => {
            let index = position(key, text.chars().count())?;
            text.chars().nth(index).map(|c| c.to_string().into())
        }
        _ => None,
    }
}

fn position(key: &str, len: usize) -> Option<usize> {
    match key.strip_prefix('-') {
        Some(digits) => len.checked_sub(parse_index(digits)?),
        None => parse_index(key),
    }
}

/// The error for a place at which nothing stands.
pub fn missing(root: &Text, keys: Vec<Text>) -> EvalError {
    let message = match keys.as_slice() {
        [] => format!("`{root}` is not known here"),
        [name] if &**root == "env" => format!("the environment variable `{name}` is not set"),
        keys => format!("`{}`: nothing stands there", place_text(root, keys)),
    };
    EvalError { message, missing: Some((root.clone(), keys)) }
}

/// Why a document cannot be used at a place that is not among those known.
pub fn partly_known(view: &View, root: &str, keys: &[Text]) -> String {
    let known: Vec<_> = view.places.iter().map(|(place, _)| place_text(root, place)).collect();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    format!("`{}` is not known here: what is known of it is {known}", place_text(root, keys))
}

/// A place as a path writes it.
fn place_text(root: &str, keys: &[Text]) -> String {
    let mut out = root.to_owned();
    for key in keys {
        let mut chars = key.chars();
        let word = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if word {
            out.push('.');
            out.push_str(key);
        } else if parse_index(key).is_some() {
            out.push_str(&format!("[{key}]"));
        } else {
            out.push('[');
            write_quoted(key, &mut out);
            out.push(']');
        }
    }
    out
}
