//! A manifest of one task that no file says, for `deco map`. Everything that was not asked for is as in a manifest that
//! does not say it. Knows nothing of command lines: it is given what the task runs, and over what.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::place::made_at;
use super::reader::{Reader, Section};
use super::{Format, Manifest, Place, ResultFormat, Run, Sourced, Variable};
use super::{fills, run, settings, task};
use crate::diagnostic::{Diagnostic, Severity, Source, Span};
use crate::expr::{Expression, Template};
use crate::name::TaskName;

/// What the one task runs, each text with its place in the source.
#[derive(Debug)]
pub enum Command {
    /// Text for the shell.
    Shell(Sourced<Template>),
    /// A program and its arguments.
    Program(Vec<Sourced<Template>>),
}

/// The one task.
#[derive(Debug)]
pub struct Only {
    /// Of the task, and of the document that it fills.
    pub name: TaskName,
    pub command: Command,
    /// Outermost first.
    pub variables: Vec<Variable>,
    /// The expressions that name a call; `None`: the variables do.
    pub key: Option<Vec<Expression>>,
    /// Whether results are appended to an array, not filled by key.
    pub list: bool,
    pub result: Format,
    /// More than nothing.
    pub timeout: Option<Duration>,
    /// Attempts after the first.
    pub retries: u32,
}

/// The manifest, with what is to be said of it: none if a value stands where the shell would expand no reference.
pub fn manifest(source: Arc<Source>, dir: &Path, only: Only) -> (Option<Manifest>, Vec<Diagnostic>) {
    let reader = Reader::new(&source.text);
    let task = one_task(&reader, only, 0..source.text.len());
    let settings = settings::read(&reader, None, dir).settings;
    let found = reader.take();
    let is_sound = found.iter().all(|one| one.severity != Severity::Error);
    let manifest = |task| Manifest {
        source: source.clone(),
        dir: dir.into(),
        settings,
        pools: Vec::new(),
        documents: IndexMap::new(),
        tasks: vec![task],
        syncs: Vec::new(),
        sharing: IndexMap::new(),
    };
    (task.filter(|_| is_sound).map(manifest), found)
}

fn one_task(reader: &Reader<'_>, only: Only, span: Span) -> Option<super::Task> {
    let defaults = Section::default();
    let rest = task::read(reader, &only.name, &span, Section::default(), &defaults, &[]).task;
    let sourced = |value| Sourced { value, place: made_at(span.clone()) };
    let parts = only.key.as_ref().map(Vec::len);
    let fills = if only.list {
        fills::fill(reader, sourced(format!("{}[]", only.name)), None).into_iter().collect()
    } else {
        fills::default_fills(reader, &only.name, &span, &only.variables, parts)
    };
    let key = only.key.map(|parts| {
        parts.into_iter().map(|value| Sourced { value, place: made_at(span.clone()) }).collect()
    });
    let run = match only.command {
        Command::Shell(text) => run::compiled(reader, run::default_shell(), text)?,
        Command::Program(words) => Run::Program { words, span },
    };
    Some(super::Task {
        run,
        key,
        fills,
        variables: only.variables,
        result: ResultFormat { format: only.result, from_file: false },
        timeout: only.timeout,
        retries: only.retries,
        ..rest
    })
}

/// The place of a text of which each byte stands for itself, beginning at this byte of the source.
pub fn verbatim(start: usize, text: &str) -> Place {
    let end = start + text.len();
    Place { span: start..end, offsets: (start..=end).map(|at| at as u32).collect() }
}
