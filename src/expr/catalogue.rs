//! Which filters and tests there are, so that a name that nothing defines is an error before anything runs.
//! Knows nothing of what they do.

use std::ops::Range;

use super::functions::Function;
use super::node::{Argument, Arguments, Kind};
use super::{Landing, ParseError};
use crate::diagnostic::nearest;
use crate::value::Value;

/// Filters with a value of their own: minijinja's, less what is for HTML pages, and ours.
#[rustfmt::skip]
pub const FILTERS: &[&str] = &[
    "abs", "attr", "basename", "batch", "bool", "capitalize", "chain", "count", "dictsort", "dirname", "e",
    "escape", "ext", "first", "float", "format", "groupby", "indent", "int", "items", "join", "last",
    "length", "lines", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse",
    "round", "select", "selectattr", "slice", "sort", "split", "stem", "string", "sum", "title", "tojson",
    "trim", "unique", "upper", "values", "zip",
];

/// Filters that the tree has nodes or landings of its own for.
const SPECIAL: &[&str] = &["default", "d", "file", "raw", "words"];

/// Tests: minijinja's, less what is for HTML pages.
#[rustfmt::skip]
pub const TESTS: &[&str] = &[
    "boolean", "defined", "divisibleby", "endingwith", "eq", "equalto", "even", "false", "filter", "float",
    "ge", "greaterthan", "gt", "in", "int", "integer", "iterable", "le", "lessthan", "lower", "lt",
    "mapping", "ne", "none", "number", "odd", "sameas", "sequence", "startingwith", "string", "test",
    "true", "undefined", "upper",
];

/// A filter as the tree has it.
pub enum Filter {
    Default,
    File,
    Other(&'static str),
}

/// How the outermost filter of a slot lets the value land, if it is one that says so.
pub fn landing(name: &str) -> Option<Landing> {
    match name {
        "raw" => Some(Landing::Raw),
        "words" => Some(Landing::Words),
        _ => None,
    }
}

pub fn is_filter(name: &str) -> bool {
    FILTERS.contains(&name) || SPECIAL.contains(&name)
}

/// The filter of this name, or an error at `span` that names the nearest.
pub fn filter(name: &str, span: Range<usize>) -> Result<Filter, ParseError> {
    match name {
        "default" | "d" => return Ok(Filter::Default),
        "file" => return Ok(Filter::File),
        "raw" | "words" => {
            let message =
                format!("`{name}` says how a value lands: it can only be the last filter of a `${{{{ }}}}`");
            return Err(ParseError::new(message, span));
        }
        _ => {}
    }
    if let Some(known) = FILTERS.iter().find(|known| **known == name) {
        return Ok(Filter::Other(known));
    }
    let error = ParseError::new(format!("no filter is called `{name}`"), span);
    if Function::named(name).is_some() {
        return Err(error.help(format!("`{name}` is a function: write `{name}(…)`")));
    }
    match name {
        "keys" => Err(error.help("write `| list`")),
        _ => Err(suggest(error, name, FILTERS.iter().chain(SPECIAL))),
    }
}

/// The test of this name, or an error at `span` that names the nearest.
pub fn test(name: &str, span: Range<usize>) -> Result<&'static str, ParseError> {
    TESTS.iter().find(|known| **known == name).copied().ok_or_else(|| {
        suggest(ParseError::new(format!("no test is called `{name}`"), span), name, TESTS.iter())
    })
}

fn suggest<'a>(error: ParseError, name: &str, known: impl Iterator<Item = &'a &'a str>) -> ParseError {
    match nearest(name, known.copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// Refuses names of filters and tests in the arguments of `map`, `select` and the like that nothing defines.
pub fn check_names(filter: &str, arguments: &Arguments) -> Result<(), ParseError> {
    let (position, tests) = match filter {
        "map" => (0, false),
        "select" | "reject" => (0, true),
        "selectattr" | "rejectattr" => (1, true),
        _ => return Ok(()),
    };
    let Some(Argument::One(node)) = arguments.positional.get(position) else { return Ok(()) };
    let Kind::Constant(Value::String(name)) = &node.kind else { return Ok(()) };
    if tests {
        const SYMBOLS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
        return if SYMBOLS.contains(&&**name) { Ok(()) } else { test(name, node.span.clone()).map(drop) };
    }
    match self::filter(name, node.span.clone())? {
        Filter::File => Err(ParseError::new("`map` cannot use `file`", node.span.clone())),
        Filter::Default | Filter::Other(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_filter_and_test() {
        let page = include_str!("../../docs/expressions.md");
        let names = FILTERS.iter().chain(SPECIAL).chain(TESTS);
        let unnamed: Vec<_> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert!(unnamed.is_empty(), "{unnamed:?}");
    }
}
