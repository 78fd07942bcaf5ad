//! Walks shell text as a shell's own lexer does and says for each value in it how it stands there: which
//! quotes a reference needs, whether it must be an integer, or why it cannot stand there.
//! Follows what sh, dash, bash, zsh, ksh and busybox share; where they differ it refuses the value.
//!
//! This file: items, values, words. Commands are in `commands.rs`, quotes in `quotes.rs`, `$` in `expansion.rs`,
//! here-documents in `heredoc.rs`.

use std::collections::HashSet;

use super::commands::Closer;
use super::expansion::Context;
use super::heredoc::HereDocument;
use super::word::{UNKNOWN, Word};
use super::{Piece, Remark};
use crate::expr::Landing;

/// How deep commands and expansions may be nested; values below are refused.
const DEEPEST: usize = 64;

/// How a reference must be written to be one word where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Bare,
    /// In `"…"` or a here-document.
    Quoted,
    /// In `'…'`.
    Single,
    /// In `$(( ))`.
    Arithmetic,
}

/// A place and what holds there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub place: Place,
    /// The shell evaluates the value as arithmetic: anything but an integer could run a command.
    pub integer: bool,
    /// A literal `$` stands right before it.
    pub after_dollar: bool,
}

/// What the walk found.
pub(super) struct Found {
    pub slots: Vec<Slot>,
    pub remarks: Vec<Remark>,
    pub cautions: Vec<Remark>,
}

/// What the text is made of here: a character, or a value by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Char(char),
    Value(usize),
}

pub(super) struct Lexer {
    pub(super) items: Vec<Item>,
    pub(super) position: usize,
    /// One past the last item to look at: that of the text, or of a here-document's body.
    pub(super) end: usize,
    landings: Vec<Landing>,
    slots: Vec<Option<Slot>>,
    remarks: Vec<Remark>,
    cautions: Vec<Remark>,
    /// The word being read.
    pub(super) word: Word,
    /// Here-documents whose bodies begin after the next newline.
    pub(super) documents: Vec<HereDocument>,
    /// Names declared with `-A`: their subscripts are texts.
    pub(super) associative: HashSet<String>,
    /// Whether the command being read is such a declaration.
    pub(super) declaring_associative: bool,
    /// Whether the word being read is an assignment if it looks like one.
    pub(super) may_assign: bool,
    /// Whether the word being read is matched with texts, not with files: in a `case` or `[[ ]]`.
    pub(super) matches_text: bool,
    /// How many `${…}` the place is inside of, in this command.
    pub(super) braces: usize,
    pub(super) backquotes: usize,
    depth: usize,
}

impl Lexer {
    pub fn new(pieces: &[Piece<'_>]) -> Lexer {
        let mut items = Vec::new();
        let mut landings = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => items.extend(text.chars().map(Item::Char)),
                Piece::Value(landing) => {
                    items.push(Item::Value(landings.len()));
                    landings.push(*landing);
                }
            }
        }
        Lexer {
            end: items.len(),
            items,
            position: 0,
            slots: vec![None; landings.len()],
            landings,
            remarks: Vec::new(),
            cautions: Vec::new(),
            word: Word::default(),
            documents: Vec::new(),
            associative: HashSet::new(),
            declaring_associative: false,
            may_assign: false,
            matches_text: false,
            braces: 0,
            backquotes: 0,
            depth: 0,
        }
    }

    pub fn run(mut self) -> Found {
        if self.landings.iter().any(|landing| *landing != Landing::Raw) {
            self.commands(Closer::End);
            self.refuse_unreached();
        }
        let slots = self.slots.into_iter().map(Option::unwrap_or_default).collect();
        Found { slots, remarks: self.remarks, cautions: self.cautions }
    }

    fn refuse_unreached(&mut self) {
        let unreached = |(value, slot): (usize, &Option<Slot>)| slot.is_none().then_some(value);
        for value in self.slots.iter().enumerate().filter_map(unreached).collect::<Vec<_>>() {
            self.refuse(
                value,
                "a value stands in text that is nested too deep",
                "assign it to a variable further out",
            );
        }
    }

    // the items

    pub(super) fn peek(&self) -> Option<Item> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<Item> {
        let at = self.position + ahead;
        if at < self.end { self.items.get(at).copied() } else { None }
    }

    pub(super) fn sees(&self, ahead: usize, c: char) -> bool {
        self.peek_at(ahead) == Some(Item::Char(c))
    }

    /// Whether this character stands right before.
    pub(super) fn follows(&self, c: char) -> bool {
        self.position.checked_sub(1).and_then(|at| self.items.get(at)) == Some(&Item::Char(c))
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.position = (self.position + count).min(self.end);
    }

    pub(super) fn eat(&mut self, wanted: &[char]) -> bool {
        let found = matches!(self.peek(), Some(Item::Char(c)) if wanted.contains(&c));
        if found {
            self.skip(1);
        }
        found
    }

    /// Goes one level down for `read`; past the deepest level the rest is left unread.
    pub(super) fn nested(&mut self, read: impl FnOnce(&mut Self)) {
        if self.depth == DEEPEST {
            self.position = self.end;
            return;
        }
        self.depth += 1;
        read(self);
        self.depth -= 1;
    }

    // the values

    /// Takes note that this value stands so, as a part of the word being read.
    pub(super) fn place(&mut self, value: usize, place: Place) {
        self.word.values.push((value, self.word.text.len()));
        self.word.text.push(UNKNOWN);
        let slot = Slot { place, integer: place == Place::Arithmetic, after_dollar: false };
        if let Some(found) = self.slots.get_mut(value) {
            *found = Some(slot);
        }
        if self.lands(value, Landing::Words) && (place != Place::Bare || self.braces > 0) {
            self.refuse(
                value,
                "`words` gives several words, and here only a part of one can stand",
                "put it outside of quotes, or leave `| words` out",
            );
        }
    }

    pub(super) fn set_after_dollar(&mut self, value: usize) {
        if let Some(Some(slot)) = self.slots.get_mut(value) {
            slot.after_dollar = true;
        }
    }

    pub(super) fn require_integer(&mut self, values: impl IntoIterator<Item = usize>) {
        for value in values {
            if let Some(Some(slot)) = self.slots.get_mut(value) {
                slot.integer = true;
            }
        }
    }

    fn lands(&self, value: usize, landing: Landing) -> bool {
        self.landings.get(value) == Some(&landing)
    }

    pub(super) fn refuse(&mut self, value: usize, message: &str, help: &str) {
        if !self.lands(value, Landing::Raw) {
            self.remarks.push(Remark { value, message: message.to_owned(), help: help.to_owned() });
        }
    }

    pub(super) fn caution(&mut self, remark: Remark) {
        if !self.lands(remark.value, Landing::Raw) {
            self.cautions.push(remark);
        }
    }

    pub(super) fn refuse_words(&mut self, word: &Word, what: &str) {
        for &(value, _) in &word.values {
            if self.lands(value, Landing::Words) {
                let message = format!("`words` gives several words, and {what} takes one");
                self.refuse(value, &message, "leave `| words` out, or join the list into one text");
            }
        }
    }

    /// The subscript of an indexed array is arithmetic; that of an associative one is a text, in which zsh would
    /// keep our quotes.
    pub(super) fn read_subscript(&mut self, word: &Word, is_text: bool, in_list: bool) {
        let values = word.subscript_values(in_list);
        if !is_text {
            return self.require_integer(values);
        }
        for value in values {
            if let Some(Some(slot)) = self.slots.get_mut(value)
                && slot.place == Place::Bare
            {
                slot.place = Place::Quoted;
            }
        }
    }

    pub(super) fn is_associative(&self, name: &str) -> bool {
        self.declaring_associative || self.associative.contains(name)
    }

    // words

    /// One word, up to an unquoted blank or operator. `in_list`: an element of an array's list.
    pub(super) fn word(&mut self, in_list: bool) -> Word {
        let outer = std::mem::take(&mut self.word);
        while let Some(item) = self.peek() {
            match item {
                Item::Char('[') if self.begins_subscript(in_list) => self.subscript(),
                Item::Char(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')') => break,
                Item::Char('(') if !self.begins_group() => break,
                Item::Char('(') => self.group(self.word.text.ends_with('=')),
                _ => self.part_of_word(item),
            }
        }
        std::mem::replace(&mut self.word, outer)
    }

    /// Whether `name[…]=` follows: bash reads its subscript to the end, blanks and operators included.
    fn begins_subscript(&self, in_list: bool) -> bool {
        let name_only = self.word.name().len() == self.word.text.len();
        let may_assign =
            if in_list { self.word.text.is_empty() } else { self.may_assign && !self.word.text.is_empty() };
        name_only
            && may_assign
            && (1..).map_while(|ahead| self.peek_at(ahead).map(|_| ahead)).any(|ahead| {
                let after = ahead + 1 + usize::from(self.sees(ahead + 1, '+'));
                self.sees(ahead, ']') && self.sees(after, '=')
            })
    }

    /// `[…]` of an assignment.
    fn subscript(&mut self) {
        let mut open = 0_usize;
        while let Some(item) = self.peek() {
            match item {
                Item::Char('[') => open += 1,
                Item::Char(']') => open -= 1,
                _ => {}
            }
            self.part_of_word(item);
            if open == 0 {
                break;
            }
        }
    }

    /// One character, value, quotation or expansion where bare words stand.
    pub(super) fn part_of_word(&mut self, item: Item) {
        match item {
            Item::Value(value) => {
                self.skip(1);
                self.refuse_after_tilde(value);
                self.place(value, Place::Bare);
            }
            Item::Char('\\') => self.escape(),
            Item::Char('\'') => self.single(),
            Item::Char('"') => self.double(),
            Item::Char('$') => self.dollar(Context::Bare),
            Item::Char('`') => self.backquote(Context::Bare),
            Item::Char(c) => {
                self.skip(1);
                self.word.text.push(c);
            }
        }
    }

    /// Some shells expand `~` and zsh's `=` though what follows is quoted.
    fn refuse_after_tilde(&mut self, value: usize) {
        if self.word.begins_tilde() {
            let message = "a value stands right after `~` or `=`, which some shells expand with it";
            self.refuse(value, message, "write `\\~` or `\\=` for the character itself, or a `/` after `~`");
        }
    }

    /// Whether the parenthesis is part of the word: an array's list or a pattern's group, not that of `name()`.
    fn begins_group(&self) -> bool {
        if self.word.text.ends_with('=') {
            return true;
        }
        !self.word.text.is_empty() && !self.closes_at_once()
    }

    /// Whether the parenthesis here is that of `name()`.
    pub(super) fn closes_at_once(&self) -> bool {
        let mut ahead = 1;
        while self.sees(ahead, ' ') || self.sees(ahead, '\t') {
            ahead += 1;
        }
        self.sees(ahead, ')')
    }

    /// `( … )` inside a word: words between blanks and bars. `in_list`: it is that of an array.
    pub(super) fn group(&mut self, in_list: bool) {
        self.skip(1);
        self.nested(|lexer| {
            while let Some(item) = lexer.peek() {
                match item {
                    Item::Char(')') => {
                        lexer.skip(1);
                        break;
                    }
                    Item::Char('\n') => {
                        lexer.skip(1);
                        lexer.read_documents();
                    }
                    Item::Char(' ' | '\t' | ';' | '&' | '|' | '<' | '>') => lexer.skip(1),
                    // a list holds no lists: zsh takes them for patterns
                    Item::Char('(') => lexer.group(false),
                    Item::Char('#') if in_list => lexer.comment_in_list(),
                    _ => lexer.word_of_group(in_list),
                }
            }
        });
    }

    fn comment_in_list(&mut self) {
        let outer = std::mem::take(&mut self.word);
        self.comment();
        self.word = outer;
    }

    fn word_of_group(&mut self, in_list: bool) {
        let word = self.word(in_list);
        if in_list {
            let name_is_text = self.is_associative(self.word.name());
            self.read_subscript(&word, name_is_text, true);
        } else {
            self.refuse_words(&word, "a pattern");
            self.refuse_qualifiers(&word);
        }
        let at = self.word.text.len();
        self.word.values.extend(word.values.into_iter().map(|(value, _)| (value, at)));
        self.word.text.push(UNKNOWN);
    }

    /// zsh takes `name(…)` for a glob qualifier, and may evaluate what is in it.
    fn refuse_qualifiers(&mut self, word: &Word) {
        for &(value, _) in word.values.iter().filter(|_| !self.matches_text).collect::<Vec<_>>() {
            let message = "a value stands in parentheses inside a word, which zsh evaluates";
            self.refuse(value, message, "put the value outside of them, or the pattern into a `case`");
        }
    }
}
