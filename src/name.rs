//! Names that users give: of documents, variables and tasks, and the address of a call.
//! Validated once, printable, ordered. Knows nothing of the manifest that they stand in.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use smol_str::SmolStrBuilder;

use crate::value::{Text, quoted};

/// The name of a document or a `for` variable: `[A-Za-z_][A-Za-z0-9_]*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Text);

/// The name of a task or sync point: as [`Name`], and `-` after the first character.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskName(Text);

/// Names that no document, task or variable may take: deco's own, and Jinja's words.
pub const RESERVED: &[&str] = &[
    "env", "key", "task", "result", "run", "calls", "attempt", "exit", "range", "zip", "glob", "lines",
    "json", "basename", "stem", "dirname", "ext", "and", "or", "not", "in", "is", "if", "else", "true",
    "false", "none", "True", "False", "None", "loop", "self",
];

fn has_form(text: &str, dash: bool) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || (dash && byte == b'-'))
}

impl Name {
    /// The name, or why `text` is none.
    pub fn new(text: &str) -> Result<Name, String> {
        if !has_form(text, false) {
            return Err(format!("`{text}` is no name: letters, digits and `_`, not beginning with a digit"));
        }
        check_reserved(text)?;
        Ok(Name(text.into()))
    }

    /// Whether a text is a name.
    pub fn is_one(text: &str) -> bool {
        has_form(text, false) && !RESERVED.contains(&text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name's text, shared.
    pub fn text(&self) -> &Text {
        &self.0
    }
}

/// A set of names is asked for a text.
impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TaskName {
    /// The name, or why `text` is none.
    pub fn new(text: &str) -> Result<TaskName, String> {
        if !has_form(text, true) {
            return Err(format!(
                "`{text}` is no task name: letters, digits, `_` and `-`, beginning with a letter or `_`"
            ));
        }
        check_reserved(text)?;
        Ok(TaskName(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document that the task fills unless it says otherwise: its name with `_` for `-`.
    pub fn default_document(&self) -> Result<Name, String> {
        Name::new(&self.0.replace('-', "_"))
    }
}

fn check_reserved(text: &str) -> Result<(), String> {
    if RESERVED.contains(&text) {
        return Err(format!("`{text}` is a reserved name"));
    }
    Ok(())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a user names one call: `process`, `process[0,3]`. Parts are the key's texts in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallAddress {
    pub task: TaskName,
    pub key: Vec<Text>,
}

impl Serialize for CallAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for CallAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&address_text(&self.task, &self.key))
    }
}

/// The address of a call of a task as it is written.
pub fn address_text(task: &TaskName, key: impl IntoIterator<Item = impl AsRef<str>>) -> Text {
    let mut text = SmolStrBuilder::new();
    text.push_str(task.as_str());
    let mut has_key = false;
    for part in key {
        text.push(if has_key { ',' } else { '[' });
        text.push_str(&key_part(part.as_ref()));
        has_key = true;
    }
    if has_key {
        text.push(']');
    }
    text.finish()
}

/// An address as it is displayed: the key's parts bare, or as JSON strings where they are not plain.
impl std::str::FromStr for CallAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<CallAddress, String> {
        let (task, key) = match text.split_once('[') {
            Some((task, key)) => (task, key.strip_suffix(']').ok_or("an address without its `]`")?),
            None => (text, ""),
        };
        let mut parts: Vec<Text> = Vec::new();
        let mut rest = key;
        while !rest.is_empty() {
            let (part, after) = match rest.starts_with('"') {
                true => quoted_part(rest)?,
                false => {
                    let end = rest.find(',').unwrap_or(rest.len());
                    (rest[..end].into(), &rest[end..])
                }
            };
            parts.push(part);
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        Ok(CallAddress { task: TaskName::new(task)?, key: parts })
    }
}

fn quoted_part(text: &str) -> Result<(Text, &str), String> {
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let part = strings.next().and_then(Result::ok).ok_or("a key that is no JSON string")?;
    Ok((part.into(), &text[strings.byte_offset()..]))
}

/// A key's text as an address writes it: bare where that is plain, else as a JSON string.
pub fn key_part(text: &str) -> Cow<'_, str> {
    let special = |c: char| c.is_control() || matches!(c, ',' | '[' | ']' | '"' | '\'' | '=' | '*' | '?');
    // most are numbers or words, which are told at a glance
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word || (!text.is_empty() && text.trim() == text && !text.contains(special)) {
        return text.into();
    }
    quoted(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        for good in ["a", "_x1", "Lat"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "a-b", "a b", "é", "env", "not"] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
        assert_eq!(TaskName::new("unit-tests").unwrap().default_document().unwrap().as_str(), "unit_tests");
        assert!(TaskName::new("-a").is_err());
    }

    #[test]
    fn an_address_quotes_what_is_not_plain() {
        let address = |key: &[&str]| {
            let key = key.iter().map(|&part| part.into()).collect();
            CallAddress { task: TaskName::new("t").unwrap(), key }.to_string()
        };
        assert_eq!(address(&[]), "t");
        assert_eq!(address(&["0", "a b"]), "t[0,a b]");
        assert_eq!(address(&["a,b", "", "x\n"]), r#"t["a,b","","x\n"]"#);
    }
}
