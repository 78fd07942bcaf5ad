//! The functions that expressions may call. Where files are asked, the scope's `Files` answer.

use std::ops::Range as Span;

use super::node::{Argument, Arguments};
use super::range::Range;
use super::{Files, ParseError, catalogue};
use crate::diagnostic::nearest;
use crate::value::{Text, Value};

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Range,
    Zip,
    Glob,
    Lines,
    Json,
    Basename,
    Stem,
    Dirname,
    Ext,
}

/// Every function's name with the fewest and the most arguments that it takes.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("range", Function::Range, 1, 3),
    ("zip", Function::Zip, 1, usize::MAX),
    ("glob", Function::Glob, 1, usize::MAX),
    ("lines", Function::Lines, 1, 1),
    ("json", Function::Json, 1, 1),
    ("basename", Function::Basename, 1, 1),
    ("stem", Function::Stem, 1, 1),
    ("dirname", Function::Dirname, 1, 1),
    ("ext", Function::Ext, 1, 1),
];

/// The function of this name, or an error at `span` that names the nearest.
pub fn function(name: &str, span: Span<usize>) -> Result<Function, ParseError> {
    Function::named(name).ok_or_else(|| {
        let error = ParseError::new(format!("no function is called `{name}`"), span);
        if catalogue::is_filter(name) {
            return error.help(format!("`{name}` is a filter: write `value | {name}`"));
        }
        match nearest(name, FUNCTIONS.iter().map(|(name, ..)| *name)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        }
    })
}

/// Why a value has no method of this name, and what to write instead.
pub fn no_method(name: &str, span: Span<usize>) -> ParseError {
    let error = ParseError::new(format!("values have no methods: `.{name}()` cannot be called"), span);
    match instead_of(name) {
        Some(instead) => error.help(format!("write `{instead}`")),
        None if catalogue::is_filter(name) => error.help(format!("write `| {name}`")),
        None => error,
    }
}

fn instead_of(method: &str) -> Option<&'static str> {
    Some(match method {
        "keys" => "| list",
        "strip" => "| trim",
        "get" => "value[key] | default(…)",
        "join" => "list | join(separator)",
        "startswith" => "is startingwith(…)",
        "endswith" => "is endingwith(…)",
        "splitlines" => "| lines",
        "isoformat" | "toISOString" | "to_string" | "toString" => "| string",
        _ => return None,
    })
}

impl Function {
    pub fn named(name: &str) -> Option<Function> {
        FUNCTIONS.iter().find(|(other, ..)| *other == name).map(|(_, function, ..)| *function)
    }

    fn entry(self) -> (&'static str, usize, usize) {
        let entry = FUNCTIONS.iter().find(|(_, function, ..)| *function == self);
        entry.map_or(("", 0, usize::MAX), |(name, _, fewest, most)| (name, *fewest, *most))
    }

    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// Refuses arguments that the text alone shows to be wrong.
    pub fn check(self, arguments: &Arguments, span: &Span<usize>) -> Result<(), ParseError> {
        if let Some((keyword, node)) = arguments.named.first() {
            let message = format!("`{}` takes no argument named `{keyword}`", self.name());
            return Err(ParseError::new(message, node.span.clone()));
        }
        let spread = arguments.positional.iter().any(|one| matches!(one, Argument::Spread(_)));
        if spread {
            return Ok(());
        }
        self.count(arguments.positional.len()).map_err(|words| ParseError::new(words, span.clone()))
    }

    fn count(self, given: usize) -> Result<(), String> {
        let (name, fewest, most) = self.entry();
        if (fewest..=most).contains(&given) {
            return Ok(());
        }
        let takes = match (fewest, most) {
            (1, 1) => "one argument".to_owned(),
            (_, usize::MAX) => "one argument or more".to_owned(),
            _ => format!("{fewest} to {most} arguments"),
        };
        Err(format!("`{name}` takes {takes}, not {given}"))
    }

    /// The function's value; `Err` is in words, without the place.
    pub fn call(self, arguments: &[Value], files: &Files) -> Result<Value, String> {
        self.count(arguments.len())?;
        match (self, arguments) {
            (Function::Range, bounds) => Range::new(bounds)?.to_value(),
            (Function::Zip, lists) => zip(lists),
            (Function::Glob, patterns) => {
                let patterns =
                    patterns.iter().map(|pattern| self.text(pattern)).collect::<Result<Vec<_>, _>>()?;
                files.glob(&patterns)
            }
            (Function::Lines, [file]) => files.lines(self.text(file)?),
            (Function::Json, [file]) => files.json(self.text(file)?),
            (_, [path]) => self.of_path(path),
            _ => Err("the arguments do not fit".to_owned()),
        }
    }

    /// `basename`, `stem`, `dirname` and `ext`, of which `self` is one.
    pub fn of_path(self, path: &Value) -> Result<Value, String> {
        let path = self.text(path)?;
        let part = match self {
            Function::Basename => basename(path),
            Function::Stem => split_extension(basename(path)).0,
            Function::Ext => split_extension(basename(path)).1,
            _ => dirname(path),
        };
        Ok(part.into())
    }

    fn text(self, value: &Value) -> Result<&Text, String> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(format!("`{}` takes a text, not {}", self.name(), other.kind())),
        }
    }
}

/// The items of each list at one position after the other, as long as the shortest has some.
fn zip(lists: &[Value]) -> Result<Value, String> {
    let lists = lists.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
    let mut columns: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let rows = (0..shortest).map(|_| Value::array(columns.iter_mut().filter_map(Iterator::next).collect()));
    Ok(Value::array(rows.collect()))
}

/// What a loop over the value goes over: a list's items, an object's keys.
fn items(value: &Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(items) => Ok(items.to_vec()),
        Value::Object(members) => Ok(members.keys().cloned().map(Value::String).collect()),
        other => Err(format!("`zip` takes lists, not {}", other.kind())),
    }
}

fn basename(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((_, name)) => name,
        None if trimmed.is_empty() && !path.is_empty() => "/",
        None => trimmed,
    }
}

/// As dirname(1): `.` where the path has no folder.
fn dirname(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((folder, _)) if folder.trim_end_matches('/').is_empty() => "/",
        Some((folder, _)) => folder.trim_end_matches('/'),
        None if trimmed.is_empty() && !path.is_empty() => "/",
        None => ".",
    }
}

/// A name's stem and its extension without the dot; a leading dot begins no extension.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && name != ".." => (stem, extension),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path() {
        for (path, base, stem, dir, ext) in [
            ("a/b.tar.gz", "b.tar.gz", "b.tar", "a", "gz"),
            ("b", "b", "b", ".", ""),
            ("/b.c", "b.c", "b", "/", "c"),
            ("a//b/", "b", "b", "a", ""),
            ("x/.bashrc", ".bashrc", ".bashrc", "x", ""),
            ("/", "/", "/", "/", ""),
            ("", "", "", ".", ""),
            ("é/ü.x", "ü.x", "ü", "é", "x"),
            ("..", "..", "..", ".", ""),
        ] {
            let part = |function: Function| function.of_path(&path.into()).unwrap().to_text();
            let parts = [Function::Basename, Function::Stem, Function::Dirname, Function::Ext].map(part);
            assert_eq!(parts, [base, stem, dir, ext], "{path}");
        }
    }

    #[test]
    fn zip_ends_with_the_shortest() {
        let lists = ["[1.10,2,3]", r#"{"a":0,"b":0}"#].map(|json| Value::parse(json.as_bytes()).unwrap());
        assert_eq!(zip(&lists).unwrap().to_json(), r#"[[1.10,"a"],[2,"b"]]"#);
        assert!(zip(&[Value::Null]).is_err());
    }
}
