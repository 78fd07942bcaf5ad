//! A [`Value`] as JSON text: compact, or with two spaces of indent. A large one is written piece by piece, its members
//! spread over the cores.

use std::io;

use super::{Object, Text, Value};
use crate::spread;

/// How JSON text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No spaces.
    Compact,
    /// Two spaces of indent and no final newline; empty containers stay `{}` and `[]`.
    Pretty,
}

/// Members that are written together; and how many such pieces are in memory at a time.
const PIECE: usize = 2_048;
const PIECES: usize = 32;

/// Bytes that are gathered before they are passed on.
const GATHER: usize = 64 * 1024;

/// The members of a container, with keys where it is an object.
enum Members<'a> {
    Array(&'a [Value]),
    Object(&'a Object),
}

impl<'a> Members<'a> {
    fn of(value: &'a Value) -> Option<Members<'a>> {
        match value {
            Value::Array(items) => Some(Members::Array(items)),
            Value::Object(members) => Some(Members::Object(members)),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Members::Array(items) => items.len(),
            Members::Object(members) => members.len(),
        }
    }

    fn get(&self, at: usize) -> Option<(Option<&'a Text>, &'a Value)> {
        match self {
            Members::Array(items) => items.get(at).map(|item| (None, item)),
            Members::Object(members) => members.get_index(at).map(|(key, value)| (Some(key), value)),
        }
    }

    fn brackets(&self) -> [char; 2] {
        match self {
            Members::Array(_) => ['[', ']'],
            Members::Object(_) => ['{', '}'],
        }
    }
}

impl Layout {
    /// Appends a value that stands `depth` containers deep.
    pub(super) fn value(self, value: &Value, depth: usize, out: &mut String) {
        let Some(members) = Members::of(value) else { return scalar(value, out) };
        let [open, close] = members.brackets();
        out.push(open);
        for at in 0..members.len() {
            if let Some(member) = self.begin(&members, at, depth, out) {
                self.value(member, depth + 1, out);
            }
        }
        self.end(&members, depth, out);
        out.push(close);
    }

    /// Appends what stands before a member's value.
    fn begin<'a>(
        self,
        members: &Members<'a>,
        at: usize,
        depth: usize,
        out: &mut String,
    ) -> Option<&'a Value> {
        let (key, value) = members.get(at)?;
        if at > 0 {
            out.push(',');
        }
        self.line(depth + 1, out);
        if let Some(key) = key {
            write_quoted(key, out);
            out.push_str(if self == Layout::Pretty { ": " } else { ":" });
        }
        Some(value)
    }

    /// Appends what stands between the last member and the closing bracket.
    fn end(self, members: &Members<'_>, depth: usize, out: &mut String) {
        if members.len() > 0 {
            self.line(depth, out);
        }
    }

    fn line(self, depth: usize, out: &mut String) {
        if self == Layout::Pretty {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    }
}

fn scalar(value: &Value, out: &mut String) {
    match value {
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => write_quoted(text, out),
        Value::Null | Value::Array(_) | Value::Object(_) => out.push_str("null"),
    }
}

/// `text` as a JSON string, as [`write_quoted`] appends it.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_quoted(text, &mut out);
    out
}

/// Appends `text` as a JSON string: only quotes, backslashes and control characters are escaped.
pub fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    // most texts hold nothing of the kind, which is seen faster for all bytes at once
    let holds_any = text.bytes().fold(false, |any, byte| any | is_escaped(byte));
    while let Some(at) = holds_any.then(|| rest.bytes().position(is_escaped)).flatten() {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes a value that may be too large to be one text in memory.
pub(super) struct Stream<'a> {
    layout: Layout,
    out: &'a mut dyn io::Write,
    gathered: String,
}

impl<'a> Stream<'a> {
    pub fn new(layout: Layout, out: &'a mut dyn io::Write) -> Stream<'a> {
        Stream { layout, out, gathered: String::new() }
    }

    /// Writes all of it.
    pub fn whole(mut self, value: &Value) -> io::Result<()> {
        self.value(value, 0)?;
        self.pass_on()
    }

    fn value(&mut self, value: &Value, depth: usize) -> io::Result<()> {
        let Some(members) = Members::of(value) else {
            scalar(value, &mut self.gathered);
            return Ok(());
        };
        let [open, close] = members.brackets();
        self.gathered.push(open);
        if members.len() > PIECE {
            self.pieces(&members, depth)?;
        } else {
            for at in 0..members.len() {
                if let Some(member) = self.layout.begin(&members, at, depth, &mut self.gathered) {
                    self.value(member, depth + 1)?;
                }
            }
        }
        self.layout.end(&members, depth, &mut self.gathered);
        self.gathered.push(close);
        if self.gathered.len() > GATHER { self.pass_on() } else { Ok(()) }
    }

    fn pieces(&mut self, members: &Members<'_>, depth: usize) -> io::Result<()> {
        let layout = self.layout;
        let piece = |first: usize| {
            let mut text = String::new();
            for at in first..members.len().min(first + PIECE) {
                if let Some(member) = layout.begin(members, at, depth, &mut text) {
                    layout.value(member, depth + 1, &mut text);
                }
            }
            text
        };
        self.pass_on()?;
        for first in (0..members.len()).step_by(PIECE * PIECES) {
            let left = (members.len() - first).div_ceil(PIECE).min(PIECES);
            let texts = spread::map(left, 1, |number| piece(first + number * PIECE));
            texts.iter().try_for_each(|text| self.out.write_all(text.as_bytes()))?;
        }
        Ok(())
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.out.write_all(self.gathered.as_bytes())?;
        self.gathered.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_value_is_written_as_a_small_one() {
        let number = |number: i128| Value::from(number);
        let many = |count: usize| Value::array((0..count as i128).map(number).collect());
        let keyed = Value::object((0..5_000).map(|key| (key.to_string(), many(key % 3))));
        let value = Value::object([("a", many(3 * PIECE * PIECES + 7)), ("b", many(0)), ("c", keyed)]);
        for layout in [Layout::Compact, Layout::Pretty] {
            let mut whole = String::new();
            layout.value(&value, 0, &mut whole);
            let mut streamed = Vec::new();
            value.write_to(layout, &mut streamed).unwrap();
            assert_eq!(String::from_utf8(streamed).unwrap(), whole);
        }
    }
}
