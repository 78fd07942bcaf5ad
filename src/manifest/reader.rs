//! Typed access to a parsed TOML document: what is of another type, or under an unknown key, is reported with its place
//! and reading goes on, so that all errors come at once. Knows no key of the manifest.

use std::cell::RefCell;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::Sourced;
use super::place::place;
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::expr::{Expression, ParseError, Reference, Template};

/// A value of the document.
pub type Node<'a> = Spanned<DeValue<'a>>;

/// One document's text, and what was found wrong in it.
pub struct Reader<'a> {
    pub text: &'a str,
    found: RefCell<Vec<Diagnostic>>,
    suspected: RefCell<Vec<String>>,
}

/// A key, its place and its value.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub key: &'a Spanned<std::borrow::Cow<'a, str>>,
    pub node: &'a Node<'a>,
}

/// A table's entries, in the order in which they stand in the text.
#[derive(Clone, Default)]
pub struct Section<'a> {
    pub entries: Vec<Entry<'a>>,
}

/// Keys as tools of the same kind call them, where ours are not spelled nearly alike.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cmd", "run"),
    ("cmds", "run"),
    ("command", "run"),
    ("commands", "run"),
    ("script", "run"),
    ("exec", "run"),
    ("steps", "run"),
    ("needs", "after"),
    ("deps", "after"),
    ("depends", "after"),
    ("depends-on", "after"),
    ("dependencies", "after"),
    ("matrix", "for"),
    ("foreach", "for"),
    ("for-each", "for"),
    ("each", "for"),
    ("loop", "for"),
    ("with-items", "for"),
    ("environment", "env"),
    ("variables", "env"),
    ("cwd", "dir"),
    ("workdir", "dir"),
    ("working-dir", "dir"),
    ("working-directory", "dir"),
    ("desc", "description"),
    ("interpreter", "shell"),
    ("executable", "shell"),
    ("input", "stdin"),
    ("format", "result"),
    ("output", "result"),
    ("timeout-minutes", "timeout"),
    ("retry", "retries"),
    ("attempts", "retries"),
    ("max-attempts", "retries"),
    ("continue-on-error", "allow-failure"),
    ("ignore-errors", "allow-failure"),
    ("parallel", "jobs"),
    ("max-parallel", "jobs"),
];

/// What keys a table may have.
pub struct Known {
    /// What the table is called in messages: "a task", "`[settings]`".
    pub table: &'static str,
    pub keys: &'static [&'static str],
    pub not_yet: &'static [&'static str],
}

impl Known {
    /// The key that was probably meant by one that there is not.
    pub fn meant(&self, name: &str) -> Option<&str> {
        let names = self.keys.iter().chain(self.not_yet).copied();
        self.named_elsewhere(name).or_else(|| nearest(name, names))
    }

    /// The key that other tools call so.
    fn named_elsewhere(&self, name: &str) -> Option<&'static str> {
        let dashed = name.to_lowercase().replace('_', "-");
        let (_, ours) = ELSEWHERE.iter().find(|(theirs, _)| *theirs == dashed)?;
        self.keys.iter().any(|key| key == ours).then_some(*ours)
    }
}

impl<'a> Entry<'a> {
    pub fn name(&self) -> &'a str {
        self.key.get_ref()
    }

    /// From the key to the end of the value, where they stand together.
    pub fn span(&self) -> Span {
        let (key, value) = (self.key.span(), self.node.span());
        if value.start >= key.end { key.start..value.end } else { key }
    }
}

impl<'a> Section<'a> {
    fn new(table: &'a DeTable<'a>) -> Section<'a> {
        let mut entries: Vec<Entry<'a>> = table.iter().map(|(key, node)| Entry { key, node }).collect();
        entries.sort_by_key(|entry| entry.key.span().start);
        Section { entries }
    }

    pub fn entry(&self, key: &str) -> Option<Entry<'a>> {
        self.entries.iter().find(|entry| entry.name() == key).copied()
    }

    pub fn get(&self, key: &str) -> Option<&'a Node<'a>> {
        self.entry(key).map(|entry| entry.node)
    }
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Reader<'a> {
        Reader { text, found: RefCell::default(), suspected: RefCell::default() }
    }

    pub fn report(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// Notes the name of a document that stands in a text which is wrong, so that its readers are not blamed.
    pub fn suspect(&self, name: &str) {
        self.suspected.borrow_mut().push(name.to_owned());
    }

    pub fn suspected(&self) -> Vec<String> {
        self.suspected.borrow().clone()
    }

    /// What was found so far; the reader begins anew.
    pub fn take(&self) -> Vec<Diagnostic> {
        let mut found = self.found.take();
        // who reads a document that may not be called so is not told to call the function
        let suspected = self.suspected.borrow();
        let blamed: Vec<String> = suspected.iter().map(|name| format!("`{name}` is a function")).collect();
        found.retain(|one| !blamed.contains(&one.message));
        found
    }

    /// Reports that another type stands here; `help` says what to write.
    pub fn mismatch<T>(&self, node: &Node<'_>, expected: &str, help: &str) -> Option<T> {
        let found = kind(node.get_ref());
        let mut diagnostic =
            Diagnostic::error(format!("expected {expected}, found {found}")).at(node.span(), "");
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.report(diagnostic);
        None
    }

    pub fn string(&self, node: &'a Node<'a>) -> Option<Sourced<String>> {
        match node.get_ref() {
            DeValue::String(text) => Some(self.sourced(text, node.span())),
            DeValue::Array(_) | DeValue::Table(_) => self.mismatch(node, "a string", ""),
            _ => self.mismatch(node, "a string", "write the value in quotes"),
        }
    }

    /// The key's text and place.
    pub fn key(&self, entry: Entry<'a>) -> Sourced<String> {
        self.sourced(entry.name(), entry.key.span())
    }

    fn sourced(&self, text: &str, span: Span) -> Sourced<String> {
        Sourced { value: text.to_owned(), place: place(self.text, span, text) }
    }

    pub fn boolean(&self, node: &Node<'_>) -> Option<bool> {
        match node.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.mismatch(node, "a boolean", "write `true` or `false`, without quotes"),
        }
    }

    pub fn array(&self, node: &'a Node<'a>, expected: &str, help: &str) -> Option<&'a DeArray<'a>> {
        match node.get_ref() {
            DeValue::Array(items) => Some(items),
            _ => self.mismatch(node, expected, help),
        }
    }

    pub fn strings(&self, node: &'a Node<'a>) -> Option<Vec<Sourced<String>>> {
        let help = match node.get_ref() {
            DeValue::String(text) if text.len() < 40 => format!("write `[{text:?}]`"),
            DeValue::String(_) => "write it in brackets: `[\"…\"]`".to_owned(),
            _ => String::new(),
        };
        let items = self.array(node, "an array of strings", &help)?;
        Some(items.iter().filter_map(|item| self.string(item)).collect())
    }

    pub fn table(&self, node: &'a Node<'a>, expected: &str) -> Option<Section<'a>> {
        self.table_or(node, expected, "")
    }

    /// A table; `help` says what to write where another type stands.
    pub fn table_or(&self, node: &'a Node<'a>, expected: &str, help: &str) -> Option<Section<'a>> {
        match node.get_ref() {
            DeValue::Table(table) => Some(Section::new(table)),
            _ => self.mismatch(node, expected, help),
        }
    }

    /// The table under a key, whose own keys the user names; empty where there is none.
    pub fn section(&self, parent: &Section<'a>, key: &str) -> Section<'a> {
        parent.get(key).and_then(|node| self.table(node, "a table")).unwrap_or_default()
    }

    /// A table of which the keys are known; any other key is reported.
    pub fn known_table(&self, node: &'a Node<'a>, known: &Known) -> Option<Section<'a>> {
        let section = self.table(node, "a table")?;
        section.entries.iter().for_each(|entry| self.check_key(entry, known));
        Some(section)
    }

    fn check_key(&self, entry: &Entry<'a>, known: &Known) {
        let name = entry.name();
        if known.keys.contains(&name) {
            return;
        }
        let span = entry.key.span();
        if known.not_yet.contains(&name) {
            self.report(
                Diagnostic::error(format!("`{name}` is not yet supported"))
                    .at(span, "")
                    .help("this version of deco knows the key but does not act on it: take it out"),
            );
            return;
        }
        let diagnostic =
            Diagnostic::error(format!("{} has no key `{name}`", known.table)).at(span, "unknown key");
        let diagnostic = match known.meant(name) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("the keys are {}", listed(known.keys))),
        };
        self.report(diagnostic);
    }

    /// A length of time such as "10m"; `zero` says whether none at all is one.
    pub fn duration(&self, node: &'a Node<'a>, zero: bool) -> Option<Duration> {
        let help = "write a number and a unit: \"500ms\", \"30s\", \"10m\", \"1h 30m\"";
        let DeValue::String(text) = node.get_ref() else {
            return self.mismatch(node, "a length of time", help);
        };
        match humantime::parse_duration(text) {
            Ok(time) if zero || !time.is_zero() => return Some(time),
            Ok(_) => self.report(
                Diagnostic::error("the time must be more than nothing")
                    .at(node.span(), "")
                    .help("leave the key out for no limit"),
            ),
            Err(_) => {
                let message = format!("`{text}` is no length of time");
                self.report(Diagnostic::error(message).at(node.span(), "").help(help));
            }
        }
        None
    }

    pub fn template(&self, node: &'a Node<'a>) -> Option<Sourced<Template>> {
        let text = self.string(node)?;
        self.parsed(text, Template::parse)
    }

    /// An expression, which stands without `${{ }}`.
    pub fn expression(&self, node: &'a Node<'a>) -> Option<Sourced<Expression>> {
        let text = self.string(node)?;
        self.expression_of(text)
    }

    pub fn expression_of(&self, text: Sourced<String>) -> Option<Sourced<Expression>> {
        if let Some(at) = text.value.find("${{") {
            let span = text.place.inner(at..at + 3);
            let inner = text.value.trim().strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}"));
            let help = match inner {
                Some(inner) if !inner.contains("${{") => format!("write `{}`", inner.trim()),
                _ => "write the expression alone; `~` joins texts".to_owned(),
            };
            let message = "an expression stands here by itself, without `${{ }}`";
            self.report(Diagnostic::error(message).at(span, "").help(help));
            return None;
        }
        self.parsed(text, Expression::parse)
    }

    /// A path, and whether it ends with `[]`.
    pub fn reference_of(&self, text: Sourced<String>) -> Option<(Sourced<Reference>, bool)> {
        let Sourced { value: (reference, append), place } = self.parsed(text, Reference::parse)?;
        Some((Sourced { value: reference, place }, append))
    }

    fn parsed<T>(
        &self,
        text: Sourced<String>,
        parse: fn(&str) -> Result<T, ParseError>,
    ) -> Option<Sourced<T>> {
        match parse(&text.value) {
            Ok(value) => Some(Sourced { value, place: text.place }),
            Err(error) => {
                let span = text.place.inner(error.span.clone());
                self.report(at_span(error, span));
                None
            }
        }
    }
}

/// The error of a text, at this span of the manifest.
pub fn at_span(error: ParseError, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.message).at(span, "");
    match error.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// A text that is no name: why, where, what stands there.
pub fn no_name(message: String, span: Span, what: &str) -> Diagnostic {
    let reserved = message.ends_with("reserved name");
    let diagnostic = Diagnostic::error(message).at(span, what);
    if reserved { diagnostic.help("expressions use this word: choose another name") } else { diagnostic }
}

/// Names in backticks, with commas.
pub fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(", ")
}

/// What a TOML value is, in words.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
