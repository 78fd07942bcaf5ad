//! The text of an address taken apart: `task[part,name=part]`, each part a text or a glob. Knows neither a plan nor a run.

use globset::{Glob, GlobMatcher};

use crate::name::Name;

/// `name[…]` with one pair of brackets that ends the text.
pub fn split_call(address: &str) -> Option<(&str, &str)> {
    let (head, rest) = address.split_once('[')?;
    let key = rest.strip_suffix(']')?;
    Some((head, key))
}

/// A pattern with `*` and `?`.
pub fn matcher(glob: &str) -> Result<GlobMatcher, String> {
    Glob::new(glob)
        .map(|glob| glob.compile_matcher())
        .map_err(|error| format!("`{glob}` is no pattern: {}", error.kind()))
}

/// One part of a key as an address writes it.
pub struct Part {
    /// The variable, where the address names it.
    pub name: Option<String>,
    text: String,
    quoted: bool,
}

impl Part {
    /// Whether a key's text is meant.
    pub fn matches(&self, text: &str) -> Result<bool, String> {
        Ok(self.text == text
            || (!self.quoted && self.text.contains(['*', '?']) && matcher(&self.text)?.is_match(text)))
    }
}

/// The parts between commas; a part may be a JSON string, and may begin with `name=`.
pub fn split_key(key: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = key;
    loop {
        let name_end = rest.find('=').filter(|&end| Name::new(rest[..end].trim()).is_ok());
        let name = name_end.map(|end| rest[..end].trim().to_owned());
        rest = rest[name_end.map_or(0, |end| end + 1)..].trim_start();
        let (text, quoted, tail) = if rest.starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let text = stream.next()?.ok()?;
            (text, true, rest[stream.byte_offset()..].trim_start())
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim().to_owned(), false, &rest[end..])
        };
        parts.push(Part { name, text, quoted });
        match tail.strip_prefix(',') {
            Some(tail) => rest = tail,
            None if tail.is_empty() => return Some(parts),
            None => return None,
        }
    }
}
