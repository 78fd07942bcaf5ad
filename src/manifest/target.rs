//! What `after` and `waits-for` name: tasks, calls of them, tags, sync points, places. Which of these a name is
//! depends on the whole manifest, so targets are read after all names are known.

use indexmap::{IndexMap, IndexSet};

use super::names::Documents;
use super::pattern::{CallPattern, Column, Glob, PartPattern, is_glob};
use super::reader::{Reader, at_span, listed};
use super::{Sourced, Sync, Target, Task};
use crate::diagnostic::{Diagnostic, nearest};
use crate::expr::{Part, Reference, Template};
use crate::name::{Name, TaskName};

/// The names that a target may have.
pub struct Names<'m> {
    tasks: IndexMap<&'m str, &'m Task>,
    syncs: Vec<TaskName>,
    tags: IndexSet<&'m str>,
    documents: &'m Documents<'m>,
}

/// Where a target stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asker<'a> {
    /// In the `after` of this task.
    After(&'a TaskName),
    WaitsFor,
}

/// A part of a key as a target writes it.
struct Written {
    name: Option<Name>,
    text: PartPattern,
}

type Parsed<T> = Result<T, Box<Diagnostic>>;

impl<'m> Names<'m> {
    pub fn new(tasks: &'m [Task], syncs: &[Sync], documents: &'m Documents<'m>) -> Names<'m> {
        Names {
            tasks: tasks.iter().map(|task| (task.name.as_str(), task)).collect(),
            syncs: syncs.iter().map(|sync| sync.name.clone()).collect(),
            tags: tasks.iter().flat_map(|task| &task.tags).map(String::as_str).collect(),
            documents,
        }
    }

    /// The target that a text names; what it does not name is reported.
    pub fn target(
        &self,
        reader: &Reader<'_>,
        text: &Sourced<String>,
        asker: Asker<'_>,
    ) -> Option<Sourced<Target>> {
        let value = match self.parse(text, asker) {
            Ok(target) => target,
            Err(diagnostic) => {
                reader.report(*diagnostic);
                return None;
            }
        };
        Some(Sourced { value, place: text.place.clone() })
    }

    fn parse(&self, text: &Sourced<String>, asker: Asker<'_>) -> Parsed<Target> {
        let address = text.value.trim();
        if let Some(tag) = address.strip_prefix("tag:") {
            return self.tag(text, tag, asker);
        }
        let (name, bracket) = split(address);
        if let Some(task) = self.tasks.get(name) {
            return match bracket {
                None => Ok(Target::Task(task.name.clone())),
                Some(inner) => one_task(text, task, &parts(text, inner)?),
            };
        }
        if let Some(sync) = self.syncs.iter().find(|sync| sync.as_str() == address) {
            return Ok(Target::Sync(sync.clone()));
        }
        match is_glob_of_names(name) {
            true => self.several(text, name, bracket, asker),
            false => self.place(text, asker),
        }
    }

    fn tag(&self, text: &Sourced<String>, tag: &str, asker: Asker<'_>) -> Parsed<Target> {
        if self.tags.contains(tag) {
            return Ok(Target::Tag(tag.to_owned()));
        }
        if is_glob(tag) {
            let glob = Glob::new(tag);
            let tasks = self.others(asker, |task| task.tags.iter().any(|tag| glob.matches(tag)));
            if !tasks.is_empty() {
                return Ok(Target::Tasks(format!("tag:{tag}"), names_of(&tasks)));
            }
        }
        let known = self.tags.iter().copied();
        let diagnostic = Diagnostic::error(format!("no task has the tag `{tag}`"))
            .at(text.place.span.clone(), "unknown tag");
        Err(Box::new(diagnostic.nearest(tag, known)))
    }

    /// The tasks besides the asking one: `*` there means all others.
    fn others(&self, asker: Asker<'_>, wanted: impl Fn(&Task) -> bool) -> Vec<&'m Task> {
        let is_other = |task: &Task| match asker {
            Asker::After(own) => task.name != *own,
            Asker::WaitsFor => true,
        };
        self.tasks.values().copied().filter(|task| is_other(task) && wanted(task)).collect()
    }

    /// What a glob of task names stands for, with or without brackets.
    fn several(
        &self,
        text: &Sourced<String>,
        name: &str,
        bracket: Option<&str>,
        asker: Asker<'_>,
    ) -> Parsed<Target> {
        let glob = Glob::new(name);
        let tasks = self.others(asker, |task| glob.matches(task.name.as_str()));
        let wrong = |message: String| Diagnostic::error(message).at(text.place.span.clone(), "");
        if tasks.is_empty() {
            let diagnostic = wrong(format!("no other task has a name like `{name}`"));
            return Err(Box::new(
                diagnostic.help(format!("the tasks are {}", listed(self.tasks.keys().take(12)))),
            ));
        }
        let Some(inner) = bracket else { return Ok(Target::Tasks(name.to_owned(), names_of(&tasks))) };
        let parts = parts(text, inner)?;
        let patterns: Vec<CallPattern> = tasks.iter().filter_map(|task| pattern(task, &parts).ok()).collect();
        if patterns.is_empty() {
            let diagnostic = wrong(format!("no task with a name like `{name}` has a key of this form"));
            return Err(Box::new(diagnostic.help(format!(
                "the tasks are {}",
                listed(names_of(&tasks).iter().map(TaskName::as_str).take(12))
            ))));
        }
        Ok(Target::Calls(patterns))
    }

    fn place(&self, text: &Sourced<String>, asker: Asker<'_>) -> Parsed<Target> {
        let whole = text.place.span.clone();
        let (reference, append) = match Reference::parse(&text.value) {
            Ok(parsed) => parsed,
            Err(_) => return Err(Box::new(self.unknown(text, asker))),
        };
        if !self.documents.has(reference.root.as_ref()) {
            return Err(Box::new(self.unknown(text, asker)));
        }
        if asker != Asker::WaitsFor {
            let message = "`after` names tasks, calls and sync points, no places";
            let help = "what a task reads it waits for by itself; name the task that fills the place";
            return Err(Box::new(Diagnostic::error(message).at(whole, "this is a document").help(help)));
        }
        if append {
            let diagnostic = Diagnostic::error("nothing can be waited for at `[]`").at(whole, "");
            return Err(Box::new(diagnostic.help("name the array itself")));
        }
        Ok(Target::Place(reference))
    }

    fn unknown(&self, text: &Sourced<String>, asker: Asker<'_>) -> Diagnostic {
        let name = text.value.trim();
        let root = name.split(['[', '.']).next().unwrap_or_default();
        let what =
            if asker != Asker::WaitsFor { "task or sync point" } else { "task, sync point or document" };
        let diagnostic = Diagnostic::error(format!("there is no {what} `{root}`"));
        let diagnostic = diagnostic.at(text.place.span.clone(), "unknown name");
        let tasks = self.tasks.keys().copied();
        let names = tasks.chain(self.syncs.iter().map(TaskName::as_str));
        let documents = self.documents.names().filter(|_| asker == Asker::WaitsFor);
        match nearest(root, names.chain(documents)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        }
    }
}

fn names_of(tasks: &[&Task]) -> Vec<TaskName> {
    tasks.iter().map(|task| task.name.clone()).collect()
}

/// Whether a text is made of what names are made of, and of `*` and `?`.
fn is_glob_of_names(text: &str) -> bool {
    is_glob(text) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-*?".contains(c))
}

/// How many parts the keys of a task have.
fn arity(task: &Task) -> usize {
    task.key.as_ref().map_or_else(|| task.variable_names().count(), Vec::len)
}

/// The calls of one task that these parts name.
fn one_task(text: &Sourced<String>, task: &Task, parts: &[Written]) -> Parsed<Target> {
    let pattern =
        pattern(task, parts).map_err(|diagnostic| Box::new(diagnostic.at(text.place.span.clone(), "")))?;
    Ok(match one_call(task, &pattern) {
        Some(key) => Target::Call(task.name.clone(), key),
        None => Target::Calls(vec![pattern]),
    })
}

/// Which part of the task's keys a column is; a variable is none where `key` names the calls.
fn position(task: &Task, column: &Column) -> Option<usize> {
    match column {
        Column::Position(position) => Some(*position),
        Column::Variable(name) if task.key.is_none() => task.variable_names().position(|known| known == name),
        Column::Variable(_) => None,
    }
}

/// The key, where a pattern gives each part of it.
fn one_call(task: &Task, pattern: &CallPattern) -> Option<Vec<Template>> {
    let part = |wanted: usize| {
        let mut parts = pattern.parts.iter();
        match parts.find(|(column, _)| position(task, column) == Some(wanted))? {
            (_, PartPattern::Exact(template)) => Some(template.clone()),
            (_, PartPattern::Glob(_)) => None,
        }
    };
    (0..arity(task)).map(part).collect()
}

/// What these parts ask of the keys of a task: all by name and any of them, or as many as the key has.
fn pattern(task: &Task, parts: &[Written]) -> Result<CallPattern, Diagnostic> {
    let count = arity(task);
    if parts.len() != count && parts.iter().any(|part| part.name.is_none()) {
        let message = format!("a key of `{}` has {}, this has {}", task.name, parts_of(count), parts.len());
        let help = match count {
            0 => format!("write `{}`", task.name),
            _ => format!("write `{}[{}]`", task.name, vec!["…"; count].join(",")),
        };
        return Err(Diagnostic::error(message).help(help));
    }
    let mut columns: Vec<(Column, PartPattern)> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let column = column(task, part, index)?;
        let is_same = |known: &Column| {
            *known == column || position(task, known).is_some_and(|at| Some(at) == position(task, &column))
        };
        if columns.iter().any(|(known, _)| is_same(known)) {
            return Err(Diagnostic::error("one part of the key is given twice").help("take one of them out"));
        }
        columns.push((column, part.text.clone()));
    }
    Ok(CallPattern { task: task.name.clone(), parts: columns })
}

fn column(task: &Task, part: &Written, position: usize) -> Result<Column, Diagnostic> {
    let Some(name) = &part.name else { return Ok(Column::Position(position)) };
    if task.variable_names().any(|known| known == name) {
        return Ok(Column::Variable(name.clone()));
    }
    let diagnostic = Diagnostic::error(format!("`{}` has no variable `{name}`", task.name));
    let known = || task.variable_names().map(Name::as_str);
    Err(match nearest(name.as_str(), known()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if known().next().is_none() => diagnostic.help(format!("write `{}`", task.name)),
        None => diagnostic
            .help(format!("the variables are {}; a text with `=` stands in quotes", listed(known()))),
    })
}

/// The parts in a target's brackets.
fn parts(text: &Sourced<String>, inner: &str) -> Parsed<Vec<Written>> {
    split_key(inner).into_iter().map(|part| written(text, part.trim())).collect()
}

/// A part: `text`, `"text"`, `name=text`; a bare text with `*` or `?` outside of `${{ }}` is a glob.
fn written(text: &Sourced<String>, part: &str) -> Parsed<Written> {
    let (name, bare) = match part.split_once('=') {
        Some((name, rest)) => match Name::new(name.trim()) {
            Ok(name) => (Some(name), rest.trim()),
            Err(_) => (None, part),
        },
        None => (None, part),
    };
    let unquoted = serde_json::from_str::<String>(bare);
    let template = Template::parse(unquoted.as_deref().unwrap_or(bare)).map_err(|error| {
        let at = (bare.as_ptr() as usize).saturating_sub(text.value.as_ptr() as usize);
        let span = text.place.inner(at + error.span.start..at + error.span.end);
        Box::new(at_span(error, span))
    })?;
    let globs = |part: &Part| matches!(part, Part::Literal(text) if is_glob(text));
    let text = match unquoted.is_err() && template.parts.iter().any(globs) {
        true => PartPattern::Glob(template),
        false => PartPattern::Exact(template),
    };
    Ok(Written { name, text })
}

fn parts_of(count: usize) -> String {
    match count {
        0 => "no part".to_owned(),
        1 => "1 part".to_owned(),
        _ => format!("{count} parts"),
    }
}

/// A name, and what stands between its only pair of brackets. Several pairs make a path: no name is given then.
fn split(address: &str) -> (&str, Option<&str>) {
    let Some((name, rest)) = address.split_once('[') else { return (address, None) };
    let Some(inner) = rest.strip_suffix(']') else { return (address, None) };
    if closes_early(inner) { (address, None) } else { (name, Some(inner)) }
}

/// Whether a `]` outside of `${{ }}` and quotes ends the first pair before the text's end.
fn closes_early(inner: &str) -> bool {
    scan(inner, |c| c == ']').is_some()
}

/// The parts between commas that stand outside of `${{ }}` and quotes.
fn split_key(inner: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = inner;
    while let Some(at) = scan(rest, |c| c == ',') {
        parts.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    parts.push(rest);
    parts
}

/// The first such character outside of `${{ }}` and double quotes.
fn scan(text: &str, wanted: impl Fn(char) -> bool) -> Option<usize> {
    let (mut quoted, mut escaped, mut skip_to) = (false, false, 0);
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '$' if text[at..].starts_with("${{") => {
                skip_to = text[at..].find("}}").map_or(text.len(), |end| at + end + 2);
            }
            c if wanted(c) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_hold_parts() {
        let check = |text: &'static str, expected: (&str, Option<Vec<&str>>)| {
            let (name, inner) = split(text);
            assert_eq!((name, inner.map(split_key)), expected, "{text}");
        };
        check("a", ("a", None));
        check("a[0,b c]", ("a", Some(vec!["0", "b c"])));
        check("a[\"x,]\",${{ f[1, 2] }}]", ("a", Some(vec!["\"x,]\"", "${{ f[1, 2] }}"])));
        check("a[0][1]", ("a[0][1]", None));
        check("a[0].b", ("a[0].b", None));
        check("a[", ("a[", None));
    }
}
