//! Where the characters of a TOML string stand in the manifest's text, so that a span inside a template underlines
//! the right characters whatever escapes stand before it. Knows TOML's strings, and nothing of what they mean.

use std::sync::Arc;

use super::Place;
use crate::diagnostic::Span;

/// The place of the string (or key) that stands at `span` of `source` and means `value`.
///
/// Should the text not decode to `value`, the place is the whole string.
pub fn place(source: &str, span: Span, value: &str) -> Place {
    let raw = source.get(span.clone()).unwrap_or_default();
    let mut decoded = Decoded { text: String::new(), offsets: Vec::new(), start: span.start };
    decoded.read(raw);
    let offsets = if decoded.text == value { decoded.offsets } else { Vec::new() };
    Place { span, offsets: offsets.into() }
}

/// The place of a text that deco made for something written at `span`: every part of it is the whole span.
pub fn made_at(span: Span) -> Place {
    Place { span, offsets: Arc::from([]) }
}

struct Decoded {
    text: String,
    /// One for each byte of `text`, and one for its end.
    offsets: Vec<u32>,
    start: usize,
}

impl Decoded {
    fn read(&mut self, raw: &str) {
        let (quotes, escapes) = delimiter(raw);
        let inner = raw.len().checked_sub(quotes).and_then(|end| raw.get(quotes..end)).unwrap_or_default();
        let first_line = match quotes {
            3 if inner.starts_with("\r\n") => 2,
            3 if inner.starts_with('\n') => 1,
            _ => 0,
        };
        let mut at = first_line;
        while let Some(c) = inner[at..].chars().next() {
            at = match c {
                '\\' if escapes => self.escape(inner, at, quotes),
                _ => self.push(c, quotes + at, at + c.len_utf8()),
            };
        }
        self.mark(quotes + at);
    }

    /// Takes the escape that begins at `at`; the position after it.
    fn escape(&mut self, inner: &str, at: usize, quotes: usize) -> usize {
        let rest = &inner[at + 1..];
        let continued = rest.trim_start_matches([' ', '\t', '\r']);
        if continued.starts_with('\n') {
            return inner.len() - continued.trim_start_matches([' ', '\t', '\r', '\n']).len();
        }
        let from = quotes + at;
        match rest.chars().next() {
            Some('b') => self.push('\u{8}', from, at + 2),
            Some('e') => self.push('\u{1b}', from, at + 2),
            Some('f') => self.push('\u{c}', from, at + 2),
            Some('n') => self.push('\n', from, at + 2),
            Some('r') => self.push('\r', from, at + 2),
            Some('t') => self.push('\t', from, at + 2),
            Some('x') => self.hex(rest, from, at, 2),
            Some('u') => self.hex(rest, from, at, 4),
            Some('U') => self.hex(rest, from, at, 8),
            Some(other) => self.push(other, from, at + 1 + other.len_utf8()),
            None => at + 1,
        }
    }

    fn hex(&mut self, rest: &str, from: usize, at: usize, digits: usize) -> usize {
        let code = rest.get(1..=digits).and_then(|code| u32::from_str_radix(code, 16).ok());
        match code.and_then(char::from_u32) {
            Some(c) => self.push(c, from, at + 2 + digits),
            None => at + 1,
        }
    }

    /// Adds a character that is written at `from` of the raw text; gives `next` back.
    fn push(&mut self, c: char, from: usize, next: usize) -> usize {
        self.text.push(c);
        for _ in 0..c.len_utf8() {
            self.mark(from);
        }
        next
    }

    fn mark(&mut self, at: usize) {
        self.offsets.push(u32::try_from(self.start + at).unwrap_or(u32::MAX));
    }
}

/// How many bytes each delimiter has, and whether backslashes escape.
fn delimiter(raw: &str) -> (usize, bool) {
    match raw {
        _ if raw.starts_with("\"\"\"") && raw.len() >= 6 => (3, true),
        _ if raw.starts_with("'''") && raw.len() >= 6 => (3, false),
        _ if raw.starts_with('"') => (1, true),
        _ if raw.starts_with('\'') => (1, false),
        _ => (0, false),
    }
}

#[cfg(test)]
mod tests {
    use toml::de::{DeTable, DeValue};

    use super::*;

    /// The source's text under the first `needle` of the value of `x`.
    #[track_caller]
    fn check(literal: &str, needle: &str, expected: &str) {
        let source = format!("# é\nx = {literal}\n");
        let table = DeTable::parse(&source).unwrap();
        let node = table.get_ref().get("x").unwrap();
        let DeValue::String(value) = node.get_ref() else { panic!("no string: {literal}") };
        let place = place(&source, node.span(), value);
        assert_eq!(place.offsets.len(), value.len() + 1, "{literal}");
        let at = value.find(needle).unwrap();
        assert_eq!(&source[place.inner(at..at + needle.len())], expected, "{literal}");
    }

    #[test]
    fn every_kind_of_string_has_its_places() {
        check(r#""a b c""#, "b", "b");
        check(r"'a\n b'", "b", "b");
        check(r#""a\n\t\"é\" b""#, "b", "b");
        check(r#""\u00e9\U0001F600\x41\e b""#, "b", "b");
        check(r#""xé b""#, "é", "é");
        check(r#""x\u00e9y""#, "é", r"\u00e9");
        check("\"\"\"\nfirst\n  second b\"\"\"", "b", "b");
        check("'''\nfirst\\\n  second b'''", "second", "second");
        check("\"\"\"a \\\n\n   b\"\"\"", "b", "b");
        check("\"\"\"a \\  \r\n   b\"\"\"", "b", "b");
        check("\"\"\"a \"quoted\" b\"\"\"", "quoted", "quoted");
        check("\"\"\"\"a\"\"\"\"", "a", "a");
        check("''", "", "");
    }

    #[test]
    fn what_does_not_decode_is_the_whole() {
        let place = place("x = \"abc\"", 4..9, "other");
        assert_eq!(place.inner(0..2), 4..9);
    }
}
