//! Walks shell text as a shell's own lexer does and says for each value in it how it stands there: which
//! quotes a reference needs, whether it must be an integer, or why it cannot stand there.
//! Follows what sh, dash, bash, zsh, ksh and busybox share; where they differ it refuses the value.
//!
//! This file: commands, words, `case`, `[[ ]]`. Quotes and `$` are in `expansion.rs`, here-documents in `heredoc.rs`.

use std::collections::HashSet;

use super::heredoc::{Fed, HereDocument};
use super::reparse;
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

/// What ends a list of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closer {
    End,
    Paren,
    /// Of ksh's `${ command; }`.
    Brace,
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
    associative: HashSet<String>,
    /// Whether the command being read is such a declaration.
    declaring_associative: bool,
    /// How many `${…}` the place is inside of, in this command.
    pub(super) braces: usize,
    pub(super) backquotes: usize,
    depth: usize,
}

/// A list of commands as it is read.
struct Commands {
    closer: Closer,
    /// Of the command being read; empty where a reserved word may stand.
    words: Vec<Word>,
    cases: Vec<Case>,
    /// Inside `[[ ]]`.
    test: bool,
    /// What the next word is for, if for a redirection.
    redirect: Option<Redirect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redirect {
    File,
    HereString,
}

/// Where in a `case` we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Subject,
    In,
    /// `first`: `esac` or `(` may stand here.
    Pattern {
        first: bool,
    },
    Body,
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

    fn require_integer(&mut self, values: impl IntoIterator<Item = usize>) {
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

    fn refuse_words(&mut self, word: &Word, what: &str) {
        for &(value, _) in &word.values {
            if self.lands(value, Landing::Words) {
                let message = format!("`words` gives several words, and {what} takes one");
                self.refuse(value, &message, "leave `| words` out, or join the list into one text");
            }
        }
    }

    pub(super) fn is_associative(&self, name: &str) -> bool {
        self.declaring_associative || self.associative.contains(name)
    }

    // commands

    /// A list of commands, up to and with what closes it.
    pub(super) fn commands(&mut self, closer: Closer) {
        self.nested(|lexer| {
            let outer = std::mem::take(&mut lexer.word);
            let braces = std::mem::take(&mut lexer.braces);
            let declaring = std::mem::take(&mut lexer.declaring_associative);
            let mut list =
                Commands { closer, words: Vec::new(), cases: Vec::new(), test: false, redirect: None };
            while let Some(item) = lexer.peek() {
                if lexer.token(&mut list, item) {
                    break;
                }
            }
            lexer.end_command(&mut list);
            lexer.declaring_associative = declaring;
            lexer.braces = braces;
            lexer.word = outer;
        });
    }

    /// `$( )` and `<( )`, after the opening parenthesis: their here-documents are their own.
    pub(super) fn substitution(&mut self, closer: Closer) {
        let outer = std::mem::take(&mut self.documents);
        self.commands(closer);
        let left = std::mem::replace(&mut self.documents, outer);
        self.documents.extend(left);
    }

    /// Reads one token; true if it closed the list.
    fn token(&mut self, list: &mut Commands, item: Item) -> bool {
        let Item::Char(c) = item else {
            self.word_token(list);
            return false;
        };
        match c {
            ' ' | '\t' => self.skip(1),
            '\\' if self.sees(1, '\n') => self.skip(2),
            '#' => self.comment(),
            '\n' | '|' | '&' | '<' | '>' | '(' | ')' if list.test => self.skip(1),
            '\n' => self.newline(list),
            ';' | '&' | '|' => self.separator(list, c),
            '<' | '>' => self.redirection(list, c),
            '(' => self.open(list),
            ')' => return self.close(list),
            '}' if list.closer == Closer::Brace && list.words.is_empty() => {
                self.skip(1);
                return true;
            }
            _ => self.word_token(list),
        }
        false
    }

    /// A reference in a comment does no harm, and should it be none after all, the value is still there.
    pub(super) fn comment(&mut self) {
        while let Some(item) = self.peek() {
            match item {
                Item::Char('\n') => break,
                Item::Char(_) => {}
                Item::Value(value) => self.place(value, Place::Bare),
            }
            self.skip(1);
        }
        self.word = Word::default();
    }

    fn newline(&mut self, list: &mut Commands) {
        self.skip(1);
        self.end_command(list);
        self.read_documents();
    }

    fn separator(&mut self, list: &mut Commands, c: char) {
        self.skip(1);
        match c {
            ';' if self.eat(&[';', '&', '|']) => {
                self.eat(&['&']);
                if let Some(case) = list.cases.last_mut() {
                    *case = Case::Pattern { first: true };
                }
            }
            '&' if self.sees(0, '>') => return,
            '&' => drop(self.eat(&['&'])),
            '|' => drop(self.eat(&['|', '&'])),
            _ => {}
        }
        self.end_command(list);
    }

    fn redirection(&mut self, list: &mut Commands, c: char) {
        let before = self.position.checked_sub(1).and_then(|at| self.items.get(at));
        let numbered = matches!(before, Some(Item::Char(digit)) if digit.is_ascii_digit());
        let is_number = |word: &Word| word.text.chars().all(|c| c.is_ascii_digit());
        if numbered && list.words.last().is_some_and(is_number) {
            list.words.pop();
        }
        self.skip(1);
        if c == '<' && self.eat(&['<']) {
            if self.eat(&['<']) {
                list.redirect = Some(Redirect::HereString);
            } else {
                self.begin_document();
            }
        } else if self.eat(&['(']) {
            self.substitution(Closer::Paren);
        } else {
            self.eat(&['>', '&', '|']);
            list.redirect = Some(Redirect::File);
        }
    }

    fn open(&mut self, list: &mut Commands) {
        if let Some(Case::Pattern { first: first @ true }) = list.cases.last_mut() {
            *first = false;
            self.skip(1);
            return;
        }
        let in_for = matches!(list.words.as_slice(), [only] if only.is("for"));
        if self.sees(1, '(') && (list.words.is_empty() || in_for) {
            self.skip(2);
            if !self.arithmetic() {
                self.commands(Closer::Paren);
            }
        } else {
            self.skip(1);
            self.commands(Closer::Paren);
        }
        list.words.clear();
    }

    fn close(&mut self, list: &mut Commands) -> bool {
        self.skip(1);
        if let Some(case @ Case::Pattern { .. }) = list.cases.last_mut() {
            *case = Case::Body;
            list.words.clear();
            return false;
        }
        self.end_command(list);
        list.closer == Closer::Paren
    }

    fn end_command(&mut self, list: &mut Commands) {
        let words = std::mem::take(&mut list.words);
        list.redirect = None;
        self.declaring_associative = false;
        self.remember_associative(&words);
        if words.first().is_some_and(|word| word.is("[") || word.is("test")) {
            self.require_integers_in_test(&words);
        }
        for caution in reparse::cautions(&words) {
            self.caution(caution);
        }
        for document in &mut self.documents {
            if document.fed == Fed::Unknown {
                document.fed = reparse::reader_of_input(&words).map_or(Fed::Data, Fed::Program);
            }
        }
    }

    fn remember_associative(&mut self, words: &[Word]) {
        if declares_associative(words) {
            let names = words.iter().skip(1).map(|word| word.name().to_owned());
            self.associative.extend(names.filter(|name| !name.is_empty()));
        }
    }

    /// What stands beside `-eq` and the like is arithmetic to bash, zsh and ksh.
    fn require_integers_in_test(&mut self, words: &[Word]) {
        const COMPARISONS: [&str; 6] = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"];
        for (at, word) in words.iter().enumerate() {
            if COMPARISONS.iter().any(|operator| word.is(operator)) {
                let beside = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten();
                let operands = beside.filter_map(|at| words.get(at));
                self.require_integer(operands.flat_map(|word| &word.values).map(|(value, _)| *value));
            }
        }
    }

    // words

    fn word_token(&mut self, list: &mut Commands) {
        let word = self.word();
        if let Some(redirect) = list.redirect.take() {
            self.refuse_words(&word, "a redirection");
            if redirect == Redirect::HereString {
                reparse::cautions_for_input(&list.words, &word).into_iter().for_each(|c| self.caution(c));
            }
            return;
        }
        if let Some(case) = list.cases.last_mut().filter(|case| **case != Case::Body) {
            let Some(what) = case.take(&word) else {
                list.cases.pop();
                return;
            };
            self.refuse_words(&word, what);
        } else if list.test {
            self.test_word(list, word);
        } else {
            self.command_word(list, word);
        }
    }

    fn test_word(&mut self, list: &mut Commands, word: Word) {
        if word.is("]]") {
            list.test = false;
            self.require_integers_in_test(&list.words);
            list.words.clear();
        } else {
            self.refuse_words(&word, "`[[ ]]`");
            list.words.push(word);
        }
    }

    fn command_word(&mut self, list: &mut Commands, word: Word) {
        const LEADING: [&str; 15] = [
            "if", "then", "else", "elif", "fi", "do", "done", "while", "until", "{", "}", "!", "time",
            "coproc", "always",
        ];
        let first = list.words.is_empty();
        if first && LEADING.iter().any(|reserved| word.is(reserved)) {
            return;
        }
        if first && word.is("case") {
            list.cases.push(Case::Subject);
        } else if first && word.is("esac") {
            list.cases.pop();
        } else if first && word.is("[[") {
            list.test = true;
        } else if ends_head(&list.words, &word) {
            list.words.clear();
        } else {
            self.argument(list, word);
        }
    }

    fn argument(&mut self, list: &mut Commands, word: Word) {
        let assigns = list.words.iter().all(Word::is_assignment)
            || list.words.first().is_some_and(|first| reparse::is_declaration(first.program()));
        if assigns && word.is_assignment() {
            self.refuse_words(&word, "an assignment");
        }
        self.read_subscript(&word, false);
        list.words.push(word);
        self.declaring_associative = declares_associative(&list.words);
    }

    /// The subscript of an indexed array is arithmetic.
    fn read_subscript(&mut self, word: &Word, in_list: bool) {
        if !self.is_associative(word.name()) {
            self.require_integer(word.subscript_values(in_list));
        }
    }

    /// One word, up to an unquoted blank or operator.
    fn word(&mut self) -> Word {
        let outer = std::mem::take(&mut self.word);
        while let Some(item) = self.peek() {
            match item {
                Item::Char(' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')') => break,
                Item::Char('(') if !self.begins_group() => break,
                Item::Char('(') => self.group(),
                _ => self.part_of_word(item),
            }
        }
        std::mem::replace(&mut self.word, outer)
    }

    /// One character, value, quotation or expansion where bare words stand.
    pub(super) fn part_of_word(&mut self, item: Item) {
        match item {
            Item::Value(value) => {
                self.skip(1);
                self.place(value, Place::Bare);
            }
            Item::Char('\\') => self.escape(),
            Item::Char('\'') => self.single(),
            Item::Char('"') => self.double(),
            Item::Char('$') => self.dollar(super::expansion::Context::Bare),
            Item::Char('`') => self.backquote(super::expansion::Context::Bare),
            Item::Char(c) => {
                self.skip(1);
                self.word.text.push(c);
            }
        }
    }

    /// Whether the parenthesis is part of the word: an array's list or a pattern's group, not that of `name()`.
    fn begins_group(&self) -> bool {
        if self.word.text.ends_with('=') {
            return true;
        }
        let mut ahead = 1;
        while self.sees(ahead, ' ') || self.sees(ahead, '\t') {
            ahead += 1;
        }
        !self.word.text.is_empty() && !self.sees(ahead, ')')
    }

    /// `( … )` inside a word: words between blanks and bars.
    fn group(&mut self) {
        let in_list = self.word.text.ends_with('=');
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
                    Item::Char('(') => lexer.group(),
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
        let word = self.word();
        if in_list {
            let name_is_text = self.is_associative(self.word.name());
            if !name_is_text {
                self.require_integer(word.subscript_values(true));
            }
        } else {
            self.refuse_words(&word, "a pattern");
        }
        let at = self.word.text.len();
        self.word.values.extend(word.values.into_iter().map(|(value, _)| (value, at)));
        self.word.text.push(UNKNOWN);
    }
}

impl Case {
    /// Moves on over a word: what the word is, or `None` if it ends the `case`.
    fn take(&mut self, word: &Word) -> Option<&'static str> {
        match *self {
            Case::Subject => {
                *self = Case::In;
                Some("`case`")
            }
            Case::In => {
                if word.is("in") {
                    *self = Case::Pattern { first: true };
                }
                Some("`case`")
            }
            Case::Pattern { first: true } if word.is("esac") => None,
            Case::Pattern { .. } | Case::Body => {
                *self = Case::Pattern { first: false };
                Some("a pattern")
            }
        }
    }
}

/// Whether the word ends the head of `for name do` or `function name`, so that a command follows.
fn ends_head(words: &[Word], word: &Word) -> bool {
    match words {
        [first] => first.is("function"),
        [first, _] => (first.is("for") || first.is("select")) && word.is("do"),
        _ => false,
    }
}

fn declares_associative(words: &[Word]) -> bool {
    words.first().is_some_and(|first| reparse::is_declaration(first.program()))
        && words.iter().any(|word| word.is_option() && word.text.contains('A'))
}
