//! From a manifest's text to a [`Manifest`] or to all that is wrong with it. First every table is read by itself, then
//! the names are looked up across the whole; nothing here is about single calls.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::pools::{self, Pools};
use super::reader::{Entry, Known, Node, Reader, Section, no_name};
use super::target::{Asker, Names};
use super::{Document, Manifest, Sourced, Sync, Task};
use super::{documents, names, raw, settings, sharing, sync, syntax, task};
use crate::diagnostic::{Diagnostic, Severity, Source};
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
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let reader = Reader::new(&source.text);
    let parts = read(&reader, &root, dir, overrides);
    let manifest = syntax::is_sound(&errors).then(|| look_up(&reader, parts, source.clone(), dir));
    let found = syntax::merged(&source.text, &root, &errors, reader.take());
    let failed = found.iter().any(|one| one.severity == Severity::Error);
    (manifest.filter(|_| !failed), found)
}

/// What the tables say, names not yet looked up.
struct Parts<'a> {
    settings: settings::Read,
    pools: Pools,
    documents: IndexMap<Name, Document>,
    tasks: Vec<(task::Draft, Section<'a>)>,
    /// Whether there are tasks at all, right or wrong.
    any_task: bool,
    syncs: Vec<sync::Draft>,
    sharing: sharing::Read,
}

fn read<'a>(reader: &Reader<'a>, root: &'a Node<'a>, dir: &Path, overrides: &[(Place, Value)]) -> Parts<'a> {
    let known = Known { table: "a manifest", keys: raw::names::<raw::Root>(), not_yet: raw::not_yet::ROOT };
    let root = reader.known_table(root, &known).unwrap_or_default();
    let settings = settings::read(reader, root.get("settings"), dir);
    let pools = pools::read(reader, &root);
    let documents = documents::read(reader, &root, dir, overrides);
    let tasks = tasks(reader, &root, &settings.shell);
    let syncs = reader.section(&root, "sync");
    let syncs = syncs.entries.iter().filter_map(|entry| {
        let name = task_name(reader, entry)?;
        sync::read(reader, name, entry.key.span(), entry.node, dir)
    });
    let syncs = syncs.collect();
    // what stands under another key may have been meant for tasks
    let is_other = |entry: &Entry<'_>| !known.keys.contains(&entry.name());
    let any_task = root.entries.iter().any(is_other)
        || root.get("tasks").is_some_and(|node| match node.get_ref() {
            DeValue::Table(tasks) => !tasks.is_empty(),
            _ => true,
        });
    let sharing = sharing::read(reader, &root);
    Parts { settings, pools, documents, tasks, any_task, syncs, sharing }
}

fn tasks<'a>(
    reader: &Reader<'a>,
    root: &Section<'a>,
    shell: &[Sourced<String>],
) -> Vec<(task::Draft, Section<'a>)> {
    let called = "`[defaults]`";
    let defaults =
        root.get("defaults").and_then(|node| task::table(reader, node, called)).unwrap_or_default();
    check_defaults(reader, root, &defaults, shell);
    let tasks = reader.section(root, "tasks");
    let drafts = tasks.entries.iter().filter_map(|entry| {
        let own = task::table(reader, entry.node, "a task");
        let name = task_name(reader, entry);
        if own.is_none() || name.is_none() {
            reader.suspect(&entry.name().replace('-', "_"));
        }
        let (name, own) = (name?, own?);
        Some((task::read(reader, &name, &entry.key.span(), own.clone(), &defaults, shell), own))
    });
    drafts.collect()
}

/// Reads `[defaults]` as a task of its own, for what is wrong there and every task overrides.
fn check_defaults<'a>(
    reader: &Reader<'a>,
    root: &Section<'a>,
    defaults: &Section<'a>,
    shell: &[Sourced<String>],
) {
    if let (Some(entry), Ok(name)) = (root.entry("defaults"), TaskName::new("defaults")) {
        task::read(reader, &name, &entry.key.span(), Section::default(), defaults, shell);
    }
}

fn task_name(reader: &Reader<'_>, entry: &Entry<'_>) -> Option<TaskName> {
    let name = TaskName::new(entry.name());
    name.map_err(|message| reader.report(no_name(message, entry.key.span(), ""))).ok()
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
        let known = names::Documents::new(&documents, &tasks, reader.suspected());
        let names = Names::new(&tasks, &syncs, &known);
        let targets = |texts: Vec<Sourced<String>>, asker| -> Vec<_> {
            texts.iter().filter_map(|text| names.target(reader, text, asker)).collect()
        };
        let after = tasks.iter().zip(after);
        let after: Vec<_> = after.map(|(task, texts)| targets(texts, Asker::After(&task.name))).collect();
        let waits: Vec<_> = waits_for.into_iter().map(|texts| targets(texts, Asker::WaitsFor)).collect();
        (after, waits)
    };
    tasks.iter_mut().zip(after).for_each(|(task, after)| task.after = after);
    syncs.iter_mut().zip(waits_for).for_each(|(sync, waits_for)| sync.waits_for = waits_for);
    tasks.iter().for_each(|task| parts.pools.check_uses(reader, task));
    sharing::check(reader, &parts.sharing, &tasks);
    let manifest = Manifest {
        source,
        dir: dir.into(),
        settings: parts.settings.settings,
        pools: parts.pools.known,
        documents,
        tasks,
        syncs,
        sharing: parts.sharing.into_iter().map(|(name, (sharing, _))| (name, sharing)).collect(),
    };
    check_names(reader, &manifest);
    manifest
}

fn check_names(reader: &Reader<'_>, manifest: &Manifest) {
    let documents = names::Documents::new(&manifest.documents, &manifest.tasks, reader.suspected());
    names::check_settings(reader, &manifest.settings, &documents);
    for task in &manifest.tasks {
        names::check_task(reader, task, &documents);
        names::check_shared(reader, task, &documents);
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
