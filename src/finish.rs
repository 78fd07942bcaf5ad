//! What a run leaves: the answer made of the documents, the files it is written to. Knows nothing of processes.

use std::io;
use std::path::{Path as FilePath, PathBuf};

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::expr::{Binding, Files, Scope};
use crate::manifest::Select;
use crate::name::Name;
use crate::path::Path;
use crate::plan::{CallId, Plan, TaskId, select};
use crate::store::{Clash, Onlooker, Store};
use crate::value::{Layout, Text, Value};

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    Clash(Clash),
    /// An expression of `select` gave nothing.
    Expression {
        name: String,
        message: String,
    },
}

/// The documents as an object: those named, else those of the settings, else all that tasks change.
pub fn answer(plan: &Plan, store: &Store, only: Option<&[Name]>) -> Result<Value, NoAnswer> {
    if let Some(names) = only {
        return documents(plan, store, names);
    }
    match &plan.manifest.settings.select {
        Select::Changed => documents(plan, store, &changed(plan)),
        Select::Documents(names) => {
            let names: Vec<Name> = names.iter().map(|name| name.value.clone()).collect();
            documents(plan, store, &names)
        }
        Select::Computed(expressions) => {
            let scope = Whole { plan, documents: all(plan, store)? };
            let mut members = Vec::with_capacity(expressions.len());
            for (name, expression) in expressions {
                let value = expression.value.eval(&scope);
                let value = value
                    .map_err(|error| NoAnswer::Expression { name: name.clone(), message: error.message })?;
                members.push((name.as_str(), value));
            }
            Ok(Value::object(members))
        }
    }
}

/// The documents that the named calls change, in the answer's order.
pub fn filled_by(plan: &Plan, addresses: &[String]) -> Vec<Name> {
    let named = addresses.iter().filter_map(|address| select::named(plan, address).ok());
    let tasks_of = |named: select::Named| {
        let known: FxHashSet<TaskId> = named.calls.iter().map(|&call| plan.task_of(call)).collect();
        known.into_iter().chain(named.unexpanded)
    };
    let tasks: FxHashSet<TaskId> = named.flat_map(tasks_of).collect();
    let mut names = changed(plan);
    let changes = |task: &TaskId, name: &Name| plan.manifest.tasks[task.0 as usize].changes(name.as_str());
    names.retain(|name| tasks.iter().any(|task| changes(task, name)));
    names
}

/// Documents that tasks change: first those given, in the manifest's order, then by first filler.
fn changed(plan: &Plan) -> Vec<Name> {
    let given = plan.manifest.documents.keys().filter(|name| plan.world.is_changed(name.as_str())).cloned();
    let changed = plan.manifest.tasks.iter().flat_map(|task| task.changed_documents());
    let mut seen = FxHashSet::default();
    given.chain(changed).filter(|name| seen.insert(name.clone())).collect()
}

fn documents(plan: &Plan, store: &Store, names: &[Name]) -> Result<Value, NoAnswer> {
    let mut members: Vec<(Text, Value)> = Vec::with_capacity(names.len());
    for name in names {
        let calls = plan.changers_of(&Path::whole(name.clone()));
        let value = whole(plan, store, name, calls, Onlooker::Last);
        members.extend(value.map_err(NoAnswer::Clash)?.map(|value| (name.text().clone(), value)));
    }
    Ok(Value::object(members))
}

fn all(plan: &Plan, store: &Store) -> Result<Value, NoAnswer> {
    let constant =
        plan.manifest.documents.keys().filter(|name| !plan.world.is_changed(name.as_str())).cloned();
    let names: Vec<Name> = constant.chain(changed(plan)).collect();
    documents(plan, store, &names)
}

fn whole(
    plan: &Plan,
    store: &Store,
    name: &Name,
    mut calls: Vec<CallId>,
    onlooker: Onlooker<'_>,
) -> Result<Option<Value>, Clash> {
    calls.sort_unstable_by_key(|&call| plan.order_of(call));
    store.replay(plan, &Path::whole(name.clone()), &calls, onlooker)
}

/// The documents that a sync point writes, as they stand with the calls that it waited for.
pub fn checkpoint(plan: &Plan, store: &Store, sync: NodeIndex, names: &[Name]) -> Result<Value, Clash> {
    let before = select::before(plan, sync);
    let is_before = |node| before.contains(&node);
    let mut members: Vec<(Text, Value)> = Vec::with_capacity(names.len());
    for name in names {
        let mut calls = plan.changers_of(&Path::whole(name.clone()));
        calls.retain(|&call| is_before(plan.node_of(call)));
        let value = whole(plan, store, name, calls, Onlooker::After(&is_before))?;
        members.extend(value.map(|value| (name.text().clone(), value)));
    }
    Ok(Value::object(members))
}

/// The names that `select` expressions may ask for: every document as it stands at the end.
struct Whole<'a> {
    plan: &'a Plan,
    documents: Value,
}

impl Scope for Whole<'_> {
    fn lookup(&self, name: &str) -> Option<Binding> {
        match name {
            "env" => Some(Binding::Value(self.plan.world.env.clone())),
            _ => self.documents.get(name).cloned().map(Binding::Value),
        }
    }

    fn files(&self) -> &Files {
        &self.plan.world.files
    }
}

/// Writes an answer: JSON and one final newline.
pub fn write(answer: &Value, layout: Layout, out: &mut dyn io::Write) -> io::Result<()> {
    answer.write_to(layout, out)?;
    out.write_all(b"\n")
}

/// Where what was filled goes when a run that keeps going has failed.
pub fn partial_file(file: &FilePath) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}
