//! `$…` and arithmetic: parameters, substitutions, `$(( ))`.
//! Knows how the shells quote inside expansions, not what commands are.

use super::commands::Closer;
use super::lexer::{Item, Lexer, Place};
use super::word::UNKNOWN;

/// What an expansion stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Bare,
    Double,
    /// The body of a here-document.
    Document,
    Arithmetic,
}

/// How the text after a parameter's name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    /// A text: `${x:-…}`. In quotes it is quoted too.
    Text,
    /// A pattern, or what replaces it: `${x%…}`. Quotes outside do not reach it.
    Pattern,
    /// A number: `${x:…}`, or a subscript.
    Number,
    /// The subscript of an associative array, of which zsh keeps quotes.
    Key,
}

impl Context {
    fn place(self) -> Place {
        match self {
            Context::Bare => Place::Bare,
            Context::Double | Context::Document => Place::Quoted,
            Context::Arithmetic => Place::Arithmetic,
        }
    }
}

impl Lexer {
    /// `$` and what belongs to it.
    pub(super) fn dollar(&mut self, context: Context) {
        self.nested(|lexer| lexer.dollar_here(context));
    }

    fn dollar_here(&mut self, context: Context) {
        self.skip(1);
        let Some(next) = self.peek() else { return };
        let c = match next {
            Item::Value(value) => return self.value_after_dollar(value, context),
            Item::Char(c) => c,
        };
        if c == '\'' && context == Context::Bare {
            return self.single_with_escapes();
        }
        if c != '"' || context != Context::Bare {
            self.word.text.push(UNKNOWN);
        }
        match c {
            '(' if self.sees(1, '(') => {
                self.skip(2);
                if !self.arithmetic() {
                    self.substitution(Closer::Paren);
                }
            }
            '(' => {
                self.skip(1);
                self.substitution(Closer::Paren);
            }
            '{' => {
                self.skip(1);
                self.braces += 1;
                self.parameter(context);
                self.braces -= 1;
            }
            '[' => self.old_arithmetic(),
            c if c.is_ascii_alphabetic() || c == '_' => self.variable(),
            c if c.is_ascii_digit() || "$!#?-@*".contains(c) => self.skip(1),
            _ => {}
        }
    }

    /// A literal `$`, then a value: a `$` right before our reference would be read as part of it.
    fn value_after_dollar(&mut self, value: usize, context: Context) {
        self.skip(1);
        self.place(value, context.place());
        if context == Context::Arithmetic || self.backquotes > 0 {
            self.refuse(
                value,
                "a `$` stands right before a value",
                "leave out the `$`, or use `$( )` for backquotes",
            );
        } else {
            self.set_after_dollar(value);
        }
    }

    fn variable(&mut self) {
        self.name();
        if !self.sees(0, '[') {
            return;
        }
        let subscript = (1..).map_while(|ahead| self.peek_at(ahead));
        let subscript =
            subscript.take_while(|item| !matches!(item, Item::Char(']' | ' ' | '\t' | '\n' | '"')));
        let values =
            subscript.filter_map(|item| if let Item::Value(value) = item { Some(value) } else { None });
        for value in values.collect::<Vec<_>>() {
            let message = "a value stands in what zsh takes for a subscript and other shells for text";
            self.refuse(value, message, "put the variable's name in braces: `${name}[…]` or `${name[…]}`");
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(Item::Char(c)) = self.peek() {
            if !(c.is_ascii_alphanumeric() || c == '_') {
                break;
            }
            name.push(c);
            self.skip(1);
        }
        name
    }

    /// After `${`, up to and with `}`.
    fn parameter(&mut self, context: Context) {
        if self.sees(0, ' ') || self.sees(0, '\t') || self.sees(0, '\n') || self.sees(0, '|') {
            return self.substitution(Closer::Brace);
        }
        self.prefix();
        let name = self.name();
        if name.is_empty() {
            self.special_name(context);
        }
        if let Some(Item::Value(value)) = self.peek() {
            self.skip(1);
            self.place(value, Place::Quoted);
            self.refuse(
                value,
                "a value stands in the name of a variable",
                "use the value itself in its place",
            );
        }
        if self.eat(&['[']) {
            let by_text = self.is_associative(&name);
            let operand = if by_text { Operand::Key } else { Operand::Number };
            self.operand(operand, context, ']');
        }
        let operand = self.operator();
        self.operand(operand, context, '}');
    }

    /// `#`, `!` or zsh's `(flags)` before the name.
    fn prefix(&mut self) {
        if self.eat(&['(']) {
            while !matches!(self.peek(), None | Some(Item::Value(_))) && !self.eat(&[')']) {
                self.skip(1);
            }
        }
        let begins_name = |item| match item {
            Item::Char(c) => c.is_ascii_alphanumeric() || "_@*{$".contains(c),
            Item::Value(_) => true,
        };
        if self.peek_at(1).is_some_and(begins_name) {
            self.eat(&['#', '!', '^', '=', '~', '+']);
        }
    }

    fn special_name(&mut self, context: Context) {
        if self.sees(0, '$') && (self.sees(1, '{') || self.sees(1, '(')) {
            self.dollar(context);
        } else {
            self.eat(&['@', '*', '#', '?', '-', '$', '!']);
        }
    }

    fn operator(&mut self) -> Operand {
        let colon = self.eat(&[':']);
        let Some(Item::Char(c)) = self.peek() else { return Operand::Number };
        match c {
            '-' | '=' | '?' | '+' => {
                self.skip(1);
                Operand::Text
            }
            '#' | '%' | '/' | '^' | ',' | '~' | '@' | '|' | '*' => {
                self.skip(1);
                Operand::Pattern
            }
            _ if colon => Operand::Number,
            _ => Operand::Pattern,
        }
    }

    fn operand(&mut self, operand: Operand, context: Context, closer: char) {
        let inner = match operand {
            _ if context == Context::Arithmetic => Context::Arithmetic,
            Operand::Text => context,
            Operand::Pattern | Operand::Key => Context::Bare,
            Operand::Number => Context::Arithmetic,
        };
        while let Some(item) = self.peek() {
            match item {
                Item::Char(c) if c == closer => return self.skip(1),
                Item::Char('\\') => self.escape(),
                Item::Char('\'') if inner == Context::Bare => self.single(),
                Item::Char('"') if inner == Context::Bare => self.double(),
                // quotes in quotes: closing and opening once more holds whether they nest or, as in ksh, toggle
                Item::Char('"') if inner != Context::Arithmetic => self.double_with(Place::Bare),
                Item::Char('$') => self.dollar(inner),
                Item::Char('`') => self.backquote(inner),
                Item::Char(_) => self.skip(1),
                Item::Value(value) => {
                    self.skip(1);
                    let place = if operand == Operand::Key { Place::Quoted } else { inner.place() };
                    self.place(value, place);
                }
            }
        }
    }

    /// bash's `$[ … ]`; to other shells it is text.
    fn old_arithmetic(&mut self) {
        let mut rest = (1..).map_while(|ahead| self.peek_at(ahead));
        if rest.any(|item| item == Item::Char(']')) {
            self.skip(1);
            self.operand(Operand::Number, Context::Arithmetic, ']');
        }
    }

    /// After `((`, up to and with `))`. False: it ended with one parenthesis, so it was a command in a subshell.
    pub(super) fn arithmetic(&mut self) -> bool {
        let first = self.word.values.len();
        let mut open = 0_usize;
        while let Some(item) = self.peek() {
            match item {
                Item::Char('(') => open += 1,
                Item::Char(')') if open > 0 => open -= 1,
                Item::Char(')') if self.sees(1, ')') => {
                    self.skip(2);
                    return true;
                }
                Item::Char(')') => {
                    self.skip(1);
                    self.refuse_subshell(first);
                    return false;
                }
                Item::Char('\\') => {
                    self.escape();
                    continue;
                }
                Item::Char('$') => {
                    self.dollar(Context::Arithmetic);
                    continue;
                }
                Item::Char('`') => {
                    self.backquote(Context::Arithmetic);
                    continue;
                }
                Item::Char(_) => {}
                Item::Value(value) => self.place(value, Place::Arithmetic),
            }
            self.skip(1);
        }
        true
    }

    fn refuse_subshell(&mut self, first: usize) {
        for (value, _) in self.word.values.split_off(first.min(self.word.values.len())) {
            let message = "a value stands after `((`, which shells read as arithmetic or as a subshell";
            self.refuse(value, message, "put a blank between the two parentheses");
        }
    }
}
