//! What the TOML parser says is wrong, in this manifest's words; what is wrong besides, in order and each once.
//! A broken line breaks more than itself, so what else is found on it is not said.

use toml::de::{DeValue, Error};

use super::reader::Node;
use crate::diagnostic::{Diagnostic, Span};

/// Whether every error is a key given twice: then all tables are whole, and names can be looked up.
pub fn is_sound(errors: &[Error]) -> bool {
    errors.iter().all(is_duplicate)
}

/// The parser's errors, and of what was found besides that which stands on other lines.
pub fn merged(text: &str, root: &Node<'_>, errors: &[Error], found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let own = errors.iter().filter(|error| !follows_duplicate(text, errors, error));
    let mut all: Vec<Diagnostic> =
        causes(text, own).into_iter().map(|error| explained(text, root, error)).collect();
    let lines: Vec<usize> = all.iter().map(|error| line(text, start(error))).collect();
    all.extend(found.into_iter().filter(|other| !lines.contains(&line(text, start(other)))));
    in_order(all)
}

/// Each once, in the order of the places: what `[defaults]` says wrong is found for every task.
fn in_order(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = |one: &Diagnostic| one.labels.first().map(|label| (label.span.start, label.span.end));
    found.sort_by_key(place);
    let mut once: Vec<Diagnostic> = Vec::new();
    for diagnostic in found {
        let mut same_place = once.iter().rev().take_while(|other| place(other) == place(&diagnostic));
        if !same_place.any(|other| *other == diagnostic) {
            once.push(diagnostic);
        }
    }
    once
}

/// Those that do not follow from one before: the first on each line, and none behind a bracket that is left open, which
/// takes in the lines after it.
fn causes<'e>(text: &str, errors: impl Iterator<Item = &'e Error>) -> Vec<&'e Error> {
    let (mut causes, mut rest): (Vec<&Error>, Vec<&Error>) = errors.partition(|error| is_duplicate(error));
    rest.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    rest.dedup_by_key(|error| line(text, error.span().map_or(0, |span| span.start)));
    let open = rest.iter().position(|error| leaves_open(error.message()));
    rest.truncate(open.map_or(rest.len(), |open| open + 1));
    causes.append(&mut rest);
    causes
}

fn leaves_open(message: &str) -> bool {
    ["array elements", "unclosed array", "inline table"].iter().any(|part| message.contains(part))
}

fn is_duplicate(error: &Error) -> bool {
    error.message() == "duplicate key"
}

fn explained(text: &str, root: &Node<'_>, error: &Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    if is_duplicate(error) {
        let key = text.get(span.clone()).unwrap_or_default();
        let first = first_place(text, root, &span);
        let diagnostic = Diagnostic::error(format!("`{key}` is given twice")).at(span, "the second time");
        let diagnostic = match first {
            Some(first) => diagnostic.at(first, "the first time"),
            None => diagnostic,
        };
        return diagnostic.help("take one of them out, or rename it");
    }
    let rest = text.get(span.start..).unwrap_or_default();
    let message = match rest.split_whitespace().next() {
        Some(word) if is_unquoted(error.message(), word) => UNQUOTED,
        _ => error.message(),
    };
    let diagnostic = Diagnostic::error(format!("not valid TOML: {message}")).at(span, "");
    match remedy(message) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// What the parser says of most words that stand without quotes.
const UNQUOTED: &str = "string values must be quoted, expected literal string";

/// Whether a word was taken for a boolean or a number after its first letter.
fn is_unquoted(message: &str, word: &str) -> bool {
    let taken = ["invalid boolean", "invalid float", "invalid mantissa"];
    taken.iter().any(|start| message.starts_with(start)) && word.contains(char::is_alphabetic)
}

/// The remedy for the usual slips.
fn remedy(message: &str) -> Option<&'static str> {
    let remedies = [
        ("string values must be quoted", "write the text in quotes"),
        (
            "missing escaped value",
            r"write `\\` for a backslash, or the whole text in `'…'`, where it is nothing special",
        ),
        ("invalid basic string", "end the text with `\"`; a text of several lines stands in `\"\"\"`"),
        ("key with no value", "write `key = value`"),
        ("invalid unquoted key", "write `key = value`; a key of other characters stands in quotes"),
        (
            "unexpected key or value",
            "a text ends with its next quote: with both kinds of quotes in it, write it in `'''…'''`",
        ),
        ("missing comma between array elements", "end the array with `]`, or write `,` between its values"),
        ("unclosed table", "end the header with `]`"),
        ("unclosed array", "end the array with `]`"),
        ("unclosed inline table", "end the table with `}`"),
    ];
    remedies.iter().find(|(start, _)| message.starts_with(start)).map(|(_, help)| *help)
}

/// Whether an error is only that a table given twice has its keys twice too.
fn follows_duplicate(text: &str, errors: &[Error], error: &Error) -> bool {
    let at = |error: &Error| error.span().map_or(0, |span| span.start).min(text.len());
    let header = header(text, at(error));
    let in_header = |at: usize| header.contains(&at);
    is_duplicate(error)
        && !in_header(at(error))
        && errors.iter().any(|other| is_duplicate(other) && in_header(at(other)))
}

/// The last line up to this one that begins with `[`: the header of the table that stands here.
fn header(text: &str, at: usize) -> Span {
    let line_end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end);
    let before = text.get(..line_end).unwrap_or_default();
    let start = match before.rfind("\n[") {
        Some(found) => found + 1,
        None => 0,
    };
    start..start + text.get(start..).and_then(|rest| rest.find('\n')).unwrap_or(text.len() - start)
}

/// Where the key that stands again at `again` stood first: in the same table's text, or in a header that is the same.
fn first_place(text: &str, root: &Node<'_>, again: &Span) -> Option<Span> {
    let section = header(text, again.start);
    if section.contains(&again.start) {
        return first_header(text, &section, again);
    }
    let key = text.get(again.clone())?;
    let mut first = None;
    keys(root, &mut |span| {
        let same = (section.end..again.start).contains(&span.start) && text.get(span.clone()) == Some(key);
        first = if same { Some(span) } else { first.take() };
    });
    first
}

/// The same key in an earlier header that reads the same.
fn first_header(text: &str, section: &Span, again: &Span) -> Option<Span> {
    let line = text.get(section.clone())?.trim_end();
    let before = text.get(..section.start)?;
    let mut at = 0;
    for other in before.split_inclusive('\n') {
        if other.trim_end() == line {
            let start = at + (again.start - section.start);
            return Some(start..start + again.len());
        }
        at += other.len();
    }
    None
}

/// Every key's place, at any depth.
fn keys(node: &Node<'_>, each: &mut impl FnMut(Span)) {
    match node.get_ref() {
        DeValue::Table(table) => table.iter().for_each(|(key, value)| {
            each(key.span());
            keys(value, each);
        }),
        DeValue::Array(items) => items.iter().for_each(|item| keys(item, each)),
        _ => {}
    }
}

fn start(diagnostic: &Diagnostic) -> usize {
    diagnostic.labels.first().map_or(0, |label| label.span.start)
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}
