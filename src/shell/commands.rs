//! Lists of commands: their words, redirections, `case`, `[[ ]]`, and what each asks of the values in it.
//! What stands inside a word is read elsewhere.

use super::heredoc::Fed;
use super::lexer::{Item, Lexer, Place};
use super::reparse;
use super::word::Word;

/// What ends a list of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closer {
    End,
    Paren,
    /// Of ksh's `${ command; }`.
    Brace,
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
    /// A list of commands, up to and with what closes it.
    pub(super) fn commands(&mut self, closer: Closer) {
        self.nested(|lexer| {
            let outer = std::mem::take(&mut lexer.word);
            let braces = std::mem::take(&mut lexer.braces);
            let declaring = std::mem::take(&mut lexer.declaring_associative);
            let (may_assign, matches_text) = (lexer.may_assign, lexer.matches_text);
            let mut list =
                Commands { closer, words: Vec::new(), cases: Vec::new(), test: false, redirect: None };
            while let Some(item) = lexer.peek() {
                if lexer.token(&mut list, item) {
                    break;
                }
            }
            lexer.end_command(&mut list);
            lexer.declaring_associative = declaring;
            (lexer.may_assign, lexer.matches_text) = (may_assign, matches_text);
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
            // after `(` it is part of a regular expression
            '#' if !(list.test && self.follows('(')) => self.comment(),
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
        let numbered = ('0'..='9').any(|digit| self.follows(digit));
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
        } else if list.words.is_empty() || self.closes_at_once() {
            self.skip(1);
            self.commands(Closer::Paren);
        } else {
            // zsh's pattern; a mistake to other shells
            self.group(false);
            self.word = Word::default();
            return;
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

    fn word_token(&mut self, list: &mut Commands) {
        self.matches_text = list.test || matches!(list.cases.last(), Some(Case::Pattern { .. }));
        self.may_assign = takes_assignment(&list.words);
        let word = self.word(false);
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
        if takes_assignment(&list.words) && word.is_assignment() {
            self.refuse_words(&word, "an assignment");
        }
        let is_text = self.is_associative(word.name());
        self.read_subscript(&word, is_text, false);
        list.words.push(word);
        self.declaring_associative = declares_associative(&list.words);
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

/// Whether the word after these is an assignment if it looks like one.
fn takes_assignment(words: &[Word]) -> bool {
    words.iter().all(Word::is_assignment)
        || words.first().is_some_and(|first| reparse::is_declaration(first.program()))
}
