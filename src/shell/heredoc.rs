//! Here-documents: the delimiter, the body, and the values in it.
//! Does not know which command reads the body beyond whether it takes it for a program.

use super::expansion::Context;
use super::lexer::{Item, Lexer, Place};
use super::reparse;

/// A here-document whose operator was read and whose body was not yet.
#[derive(Debug)]
pub(super) struct HereDocument {
    delimiter: String,
    /// Some of the delimiter was quoted: the shell expands nothing in the body.
    quoted: bool,
    /// `<<-`: tabs before each line go.
    strips_tabs: bool,
    pub fed: Fed,
}

/// What the command does with the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// The command was not yet read to its end.
    Unknown,
    Data,
    /// The named program takes it for a program.
    Program(String),
}

impl Lexer {
    /// After `<<`: the rest of the operator and the delimiter.
    pub(super) fn begin_document(&mut self) {
        let strips_tabs = self.eat(&['-']);
        while self.eat(&[' ', '\t']) {}
        let (mut delimiter, mut quoted, mut known) = (String::new(), false, true);
        let mut quote = None;
        while let Some(item) = self.peek() {
            match (item, quote) {
                (Item::Value(value), _) => {
                    known = false;
                    self.place(value, Place::Quoted);
                    let message = "a value stands in the delimiter of a here-document";
                    self.refuse(value, message, "write a fixed word there");
                }
                (Item::Char(c), Some(open)) if c == open => quote = None,
                (Item::Char(c @ ('\'' | '"')), None) => (quote, quoted) = (Some(c), true),
                (Item::Char('\\'), None) => {
                    quoted = true;
                    if let Some(Item::Char(c)) = self.peek_at(1) {
                        delimiter.push(c);
                        self.skip(1);
                    }
                }
                (Item::Char(c), None) if " \t\n;&|<>()".contains(c) => break,
                (Item::Char(c), _) => delimiter.push(c),
            }
            self.skip(1);
        }
        if known {
            self.documents.push(HereDocument { delimiter, quoted, strips_tabs, fed: Fed::Unknown });
        }
    }

    /// After a newline: the bodies of the here-documents that were begun before it.
    pub(super) fn read_documents(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            let (body_end, next) = self.find_delimiter(&document);
            let end = std::mem::replace(&mut self.end, body_end);
            let word = std::mem::take(&mut self.word);
            if document.quoted {
                self.literal_body(&document.delimiter)
            } else {
                self.expanded_body()
            }
            let body = std::mem::replace(&mut self.word, word);
            if let Fed::Program(reader) = &document.fed {
                for (value, _) in body.values {
                    self.caution(reparse::caution(value, reader));
                }
            }
            self.end = end;
            self.position = next;
        }
    }

    /// Where the body ends, and where the text goes on after the delimiter's line.
    fn find_delimiter(&self, document: &HereDocument) -> (usize, usize) {
        let mut start = self.position;
        let mut continued = false;
        while start < self.end {
            let rest = &self.items[start..self.end];
            let length = rest.iter().position(|item| *item == Item::Char('\n')).unwrap_or(rest.len());
            let line = &rest[..length];
            let next = (start + length + 1).min(self.end);
            if !continued && document.ends_at(line) {
                return (start, next);
            }
            let backslashes = line.iter().rev().take_while(|item| **item == Item::Char('\\')).count();
            continued = !document.quoted && backslashes % 2 == 1;
            start = next;
        }
        (self.end, self.end)
    }

    fn literal_body(&mut self, delimiter: &str) {
        while let Some(item) = self.peek() {
            if let Item::Value(value) = item {
                self.place(value, Place::Quoted);
                self.refuse(
                    value,
                    "a value stands in a here-document whose delimiter is quoted: the shell expands nothing there",
                    &format!(
                        "write `<<{delimiter}` without quotes, or give the text by `stdin`, or let the program \
                         there read `$DECO_VAR_<NAME>`"
                    ),
                );
            }
            self.skip(1);
        }
    }

    fn expanded_body(&mut self) {
        while let Some(item) = self.peek() {
            match item {
                Item::Value(value) => {
                    self.skip(1);
                    self.place(value, Place::Quoted);
                }
                Item::Char('\\') => self.escape(),
                Item::Char('$') => self.dollar(Context::Document),
                Item::Char('`') => self.backquote(Context::Document),
                Item::Char(_) => self.skip(1),
            }
        }
    }
}

impl HereDocument {
    fn ends_at(&self, line: &[Item]) -> bool {
        let tabs = if self.strips_tabs {
            line.iter().take_while(|item| **item == Item::Char('\t')).count()
        } else {
            0
        };
        line[tabs..].iter().copied().eq(self.delimiter.chars().map(Item::Char))
    }
}
