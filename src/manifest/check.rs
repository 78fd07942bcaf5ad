//! From a manifest's text to a [`Manifest`] or to all that is wrong with it. First every table is read by itself, then
//! the names are looked up across the whole; nothing here is about single calls.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::load::load;
use super::reader::{Entry, Known, Node, Reader, Section, no_name};
use super::target::{Asker, Names};
use super::{Document, Manifest, Sourced, Sync, Task};
use super::{names, raw, settings, sync, task};
use crate::change::Change;
use crate::diagnostic::{Diagnostic, Severity, Source, Span};
use crate::name::{Name, TaskName};
use crate::path::Path as Place;
use crate::value::Value;

/// Parses a manifest. `dir` is the absolute folder that its paths start from; `overrides` are values that the command
/// line puts at places of documents, in order.
///
/// The diagnostics stand in the order of their places; there is no manifest if one of them is an error.
pub fn parse(
    source: Arc<Source>,
    dir: &Path,
    overrides: &[(Place, Value)],
) -> (Option<Manifest>, Vec<Diagnostic>) {
    let (table, syntax) = DeTable::parse_recoverable(&source.text);
    let root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let reader = Reader::new(&source.text);
    let parts = read(&reader, &root, dir, overrides);
    let (manifest, found) = if syntax.is_empty() {
        let manifest = look_up(&reader, parts, source.clone(), dir);
        (Some(manifest), reader.take())
    } else {
        (None, with_syntax(&source.text, &syntax, reader.take()))
    };
    let found = in_order(found);
    let failed = found.iter().any(|one| one.severity == Severity::Error);
    (manifest.filter(|_| !failed), found)
}

/// What the tables say, names not yet looked up.
struct Parts<'a> {
    settings: settings::Read,
    documents: IndexMap<Name, Document>,
    tasks: Vec<(task::Draft, Section<'a>)>,
    /// Whether there are tasks at all, right or wrong.
    any_task: bool,
    syncs: Vec<sync::Draft>,
}

fn read<'a>(reader: &Reader<'a>, root: &'a Node<'a>, dir: &Path, overrides: &[(Place, Value)]) -> Parts<'a> {
    let known = Known { table: "a manifest", keys: &raw::known().root, not_yet: raw::not_yet::ROOT };
    let root = reader.known_table(root, &known).unwrap_or_default();
    let settings = settings::read(reader, root.get("settings"), dir);
    let documents = documents(reader, &root, dir, overrides);
    let tasks = tasks(reader, &root, &settings.shell);
    let syncs = section(reader, &root, "sync");
    let syncs = syncs.entries.iter().filter_map(|entry| {
        let name = task_name(reader, entry)?;
        sync::read(reader, name, entry.key.span(), entry.node, dir)
    });
    let syncs = syncs.collect();
    let any_task = root.get("tasks").is_some_and(|node| match node.get_ref() {
        DeValue::Table(tasks) => !tasks.is_empty(),
        _ => true,
    });
    Parts { settings, documents, tasks, any_task, syncs }
}

/// A table of tables or values whose names the user gives.
fn section<'a>(reader: &Reader<'a>, root: &Section<'a>, key: &str) -> Section<'a> {
    root.get(key).and_then(|node| reader.table(node, "a table")).unwrap_or_default()
}

fn tasks<'a>(
    reader: &Reader<'a>,
    root: &Section<'a>,
    shell: &[Sourced<String>],
) -> Vec<(task::Draft, Section<'a>)> {
    let called = "`[defaults]`";
    let defaults =
        root.get("defaults").and_then(|node| task::table(reader, node, called)).unwrap_or_default();
    let tasks = section(reader, root, "tasks");
    let drafts = tasks.entries.iter().filter_map(|entry| {
        let own = task::table(reader, entry.node, "a task");
        let (name, own) = (task_name(reader, entry)?, own?);
        Some((task::read(reader, &name, &entry.key.span(), own.clone(), &defaults, shell), own))
    });
    drafts.collect()
}

fn task_name(reader: &Reader<'_>, entry: &Entry<'_>) -> Option<TaskName> {
    let name = TaskName::new(entry.name());
    name.map_err(|message| reader.report(no_name(message, entry.key.span(), ""))).ok()
}

/// `[data]`, then `[load]`, then what the command line puts over them.
fn documents<'a>(
    reader: &Reader<'a>,
    root: &Section<'a>,
    dir: &Path,
    overrides: &[(Place, Value)],
) -> IndexMap<Name, Document> {
    let mut documents = IndexMap::new();
    for entry in section(reader, root, "data").entries {
        add_document(reader, &mut documents, entry, reader.value(entry.node));
    }
    for entry in section(reader, root, "load").entries {
        if let Some(value) = loaded(reader, entry, dir) {
            add_document(reader, &mut documents, entry, value);
        }
    }
    for (place, value) in overrides {
        override_document(reader, &mut documents, place, value);
    }
    documents
}

fn add_document(
    reader: &Reader<'_>,
    documents: &mut IndexMap<Name, Document>,
    entry: Entry<'_>,
    value: Value,
) {
    let span = entry.key.span();
    let name = match Name::new(entry.name()) {
        Ok(name) => name,
        Err(message) => {
            let diagnostic = no_name(message, span, "a document's name stands here");
            let plain = entry.name().replace('-', "_");
            let diagnostic = match Name::new(&plain) {
                Ok(_) => diagnostic.help(format!("write `{plain}`")),
                Err(_) => diagnostic,
            };
            return reader.report(diagnostic);
        }
    };
    if let Some(first) = documents.get(&name) {
        let diagnostic =
            Diagnostic::error(format!("document `{name}` is given twice")).at(span, "in `[load]`");
        return reader.report(diagnostic.at(first.span.clone(), "in `[data]`").help("take one of them out"));
    }
    documents.insert(name, Document { value, span });
}

fn loaded<'a>(reader: &Reader<'a>, entry: Entry<'a>, dir: &Path) -> Option<Value> {
    let file = reader.string(entry.node)?;
    match load(&dir.join(&file.value)) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("cannot load `{}`: {}", file.value, error.message);
            let diagnostic = Diagnostic::error(message).at(entry.node.span(), "");
            reader.report(match error.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
            // the name is known all the same
            Some(Value::Null)
        }
    }
}

fn override_document(
    reader: &Reader<'_>,
    documents: &mut IndexMap<Name, Document>,
    place: &Place,
    value: &Value,
) {
    let mut slot = documents.get_mut(&place.document).map(|document| std::mem::take(&mut document.value));
    if let Err(misfit) = Change::set(place.clone(), value.clone()).apply(&mut slot, 0) {
        reader.report(Diagnostic::error(format!("cannot set `{place}`: {}", misfit.0)));
    }
    let value = slot.unwrap_or_default();
    documents.entry(place.document.clone()).or_insert(Document { value: Value::Null, span: 0..0 }).value =
        value;
}

/// Looks all names up and makes the whole.
fn look_up(reader: &Reader<'_>, parts: Parts<'_>, source: Arc<Source>, dir: &Path) -> Manifest {
    if !parts.any_task {
        let end = reader.text.trim_end().len();
        let diagnostic = Diagnostic::error("the manifest has no task").at(end..end, "no task up to here");
        reader.report(diagnostic.help("add one: `[tasks.hello]` and under it `run = \"echo hello\"`"));
    }
    parts.tasks.iter().for_each(|(draft, own)| task::check_runs(reader, draft, own));
    let (mut tasks, after): (Vec<Task>, Vec<_>) =
        parts.tasks.into_iter().map(|(draft, _)| (draft.task, draft.after)).unzip();
    let (mut syncs, waits_for): (Vec<Sync>, Vec<_>) =
        parts.syncs.into_iter().map(|draft| (draft.sync, draft.waits_for)).unzip();
    let documents = parts.documents;
    let (after, waits_for) = {
        let known = names::Documents::new(&documents, &tasks);
        let names = Names::new(&tasks, &syncs, known.names().collect());
        let targets = |texts: Vec<Sourced<String>>, asker| -> Vec<_> {
            texts.iter().filter_map(|text| names.target(reader, text, asker)).collect()
        };
        let after: Vec<_> = after.into_iter().map(|texts| targets(texts, Asker::After)).collect();
        let waits: Vec<_> = waits_for.into_iter().map(|texts| targets(texts, Asker::WaitsFor)).collect();
        (after, waits)
    };
    tasks.iter_mut().zip(after).for_each(|(task, after)| task.after = after);
    syncs.iter_mut().zip(waits_for).for_each(|(sync, waits_for)| sync.waits_for = waits_for);
    let manifest =
        Manifest { source, dir: dir.to_owned(), settings: parts.settings.settings, documents, tasks, syncs };
    check_names(reader, &manifest);
    manifest
}

fn check_names(reader: &Reader<'_>, manifest: &Manifest) {
    let documents = names::Documents::new(&manifest.documents, &manifest.tasks);
    names::check_settings(reader, &manifest.settings, &documents);
    for task in &manifest.tasks {
        names::check_task(reader, task, &documents);
        names::check_shared(reader, task, &documents, &manifest.documents);
    }
    for sync in &manifest.syncs {
        names::check_sync(reader, sync, &documents);
        if let Some(task) = manifest.tasks.iter().find(|task| task.name == sync.name) {
            let message = format!("a task and a sync point are both called `{}`", sync.name);
            let diagnostic = Diagnostic::error(message).at(sync.span.clone(), "this sync point");
            reader.report(diagnostic.at(task.span.clone(), "this task").help("rename one of them"));
        }
    }
}

/// The parser's errors, and of what was found besides that which stands on other lines: a broken line breaks more
/// than itself.
fn with_syntax(text: &str, syntax: &[toml::de::Error], found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let apart = |error: &&toml::de::Error| !follows_duplicate(text, syntax, error);
    let errors: Vec<Diagnostic> =
        syntax.iter().filter(apart).map(|error| syntax_error(text, error)).collect();
    let lines: Vec<usize> = errors.iter().map(|error| line(text, start(error))).collect();
    let apart = found.into_iter().filter(|other| !lines.contains(&line(text, start(other))));
    let apart: Vec<Diagnostic> = apart.collect();
    errors.into_iter().chain(apart).collect()
}

/// Whether an error is only that a table given twice has its keys twice too.
fn follows_duplicate(text: &str, syntax: &[toml::de::Error], error: &toml::de::Error) -> bool {
    let at = |error: &toml::de::Error| error.span().map_or(0, |span| span.start).min(text.len());
    let is_header = |line: &str| line.trim_start().starts_with('[');
    let twice = |error: &toml::de::Error| error.message() == "duplicate key";
    let before = text.get(..at(error)).unwrap_or_default();
    let header = before.rfind("\n[").map_or(0, |found| found + 1);
    let header_end = header + text.get(header..).and_then(|rest| rest.find('\n')).unwrap_or(0);
    let own = before.rsplit('\n').next().is_some_and(is_header);
    twice(error)
        && !own
        && syntax.iter().any(|other| twice(other) && (header..header_end).contains(&at(other)))
}

fn syntax_error(text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    if error.message() == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        let diagnostic = Diagnostic::error(format!("`{key}` is given twice")).at(span, "the second time");
        return diagnostic.help("take one of them out, or rename it");
    }
    let diagnostic = Diagnostic::error(format!("not valid TOML: {}", error.message())).at(span, "");
    match syntax_help(error.message()) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The remedy for the usual slips.
fn syntax_help(message: &str) -> Option<&'static str> {
    let remedies = [
        ("string values must be quoted", "write the text in quotes"),
        (
            "missing escaped value",
            r"write `\\` for a backslash, or the whole text in `'…'`, where it is nothing special",
        ),
        ("invalid basic string", "end the text with `\"`; a text of several lines stands in `\"\"\"`"),
        ("key with no value", "write `key = value`"),
        ("unclosed table", "end the header with `]`"),
        ("unclosed array", "end the array with `]`"),
        ("unclosed inline table", "end the table with `}`"),
    ];
    remedies.iter().find(|(start, _)| message.starts_with(start)).map(|(_, help)| *help)
}

fn start(diagnostic: &Diagnostic) -> usize {
    diagnostic.labels.first().map_or(0, |label| label.span.start)
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

/// Each once, in the order of the places. What `[defaults]` says wrong is found for every task.
fn in_order(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by_key(|diagnostic| first_span(diagnostic).map(|span| (span.start, span.end)));
    let mut once: Vec<Diagnostic> = Vec::new();
    for diagnostic in found {
        let start = start(&diagnostic);
        let near = once.iter().rev().take_while(|other| self::start(other) == start);
        if near.into_iter().all(|other| *other != diagnostic) {
            once.push(diagnostic);
        }
    }
    once
}

fn first_span(diagnostic: &Diagnostic) -> Option<Span> {
    diagnostic.labels.first().map(|label| label.span.clone())
}
