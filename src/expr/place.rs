//! A place below a value: how a message writes it, what is said when nothing stands there.
//! Knows nothing of expressions.

use super::{EvalError, View};
use crate::value::{Text, parse_index, write_quoted};

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
