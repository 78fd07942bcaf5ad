//! Backslashes, quotes and backquotes.
//! Knows what each does to the text inside, not what the quoted text is for.

use super::commands::Closer;
use super::expansion::Context;
use super::lexer::{Item, Lexer, Place};
use super::word::UNKNOWN;

impl Lexer {
    /// A backslash and what it escapes.
    pub(super) fn escape(&mut self) {
        self.skip(1);
        self.word.quoted = true;
        match self.peek() {
            Some(Item::Value(value)) => {
                self.skip(1);
                self.place(value, Place::Quoted);
                self.refuse(
                    value,
                    "a backslash stands right before a value",
                    "write `\\\\` for a backslash, or leave it out: the value needs no escape",
                );
            }
            Some(Item::Char(c)) => {
                self.skip(1);
                if c != '\n' {
                    self.word.text.push(c);
                }
            }
            None => {}
        }
    }

    pub(super) fn single(&mut self) {
        self.skip(1);
        self.word.quoted = true;
        while let Some(item) = self.peek() {
            self.skip(1);
            match item {
                Item::Char('\'') => break,
                Item::Char(c) => self.word.text.push(c),
                Item::Value(value) => self.place(value, Place::Single),
            }
        }
    }

    /// `$'…'`, in which the shell expands nothing.
    pub(super) fn single_with_escapes(&mut self) {
        self.skip(1);
        self.word.quoted = true;
        while let Some(item) = self.peek() {
            self.skip(1);
            match item {
                Item::Char('\'') => break,
                Item::Char('\\') if !matches!(self.peek(), Some(Item::Value(_))) => self.skip(1),
                Item::Char(c) => self.word.text.push(c),
                Item::Value(value) => {
                    self.place(value, Place::Quoted);
                    self.refuse(
                        value,
                        "a value stands in `$'…'`, where the shell expands nothing",
                        "put it beside in double quotes, as in `$'\\t'\"${{ … }}\"`, or give it by `stdin`, or use \
                         `$DECO_VAR_<NAME>`",
                    );
                }
            }
        }
    }

    pub(super) fn double(&mut self) {
        self.double_with(Place::Quoted);
    }

    pub(super) fn double_with(&mut self, place: Place) {
        self.skip(1);
        self.word.quoted = true;
        while let Some(item) = self.peek() {
            match item {
                Item::Char('"') => {
                    self.skip(1);
                    break;
                }
                Item::Char('\\') => self.escape(),
                Item::Char('$') => self.dollar(Context::Double),
                Item::Char('`') => self.backquote(Context::Double),
                Item::Char(c) => {
                    self.skip(1);
                    self.word.text.push(c);
                }
                Item::Value(value) => {
                    self.skip(1);
                    self.place(value, place);
                }
            }
        }
    }

    /// Backquotes: their text, once unescaped, is a command; a reference in it needs no escape at any depth.
    pub(super) fn backquote(&mut self, context: Context) {
        self.skip(1);
        self.word.text.push(UNKNOWN);
        self.word.quoted = true;
        let inner = self.unescape_backquoted(context);
        let end = std::mem::replace(&mut self.end, inner.len());
        let items = std::mem::replace(&mut self.items, inner);
        let position = std::mem::replace(&mut self.position, 0);
        self.backquotes += 1;
        self.substitution(Closer::End);
        self.backquotes -= 1;
        (self.items, self.position, self.end) = (items, position, end);
    }

    fn unescape_backquoted(&mut self, context: Context) -> Vec<Item> {
        let mut inner = Vec::new();
        while let Some(item) = self.peek() {
            self.skip(1);
            match item {
                Item::Char('`') => break,
                Item::Char('\\') => {
                    let escaped = match self.peek() {
                        Some(Item::Char(c @ ('$' | '`' | '\\'))) => Some(c),
                        Some(Item::Char('"')) if context == Context::Double => Some('"'),
                        _ => None,
                    };
                    inner.push(Item::Char(escaped.unwrap_or('\\')));
                    self.skip(usize::from(escaped.is_some()));
                }
                item => inner.push(item),
            }
        }
        inner
    }
}
