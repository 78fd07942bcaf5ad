//! What can be known before anything has run: documents that no task changes, files, the environment, and the
//! values of a call's variables. Expressions that ask for anything else are left for the run.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::expr::{Binding, Expression, Files, Scope, View};
use crate::manifest::Manifest;
use crate::name::Name;
use crate::value::{Text, Value};

use super::TaskId;
use super::bindings::Row;
use super::reads::{self, Read};

/// What is the same for all calls of a run.
#[derive(Debug)]
pub struct World {
    pub manifest: Arc<Manifest>,
    pub files: Files,
    /// `env` in expressions: the process's variables and the settings', as one object.
    pub env: Value,
    changed: FxHashSet<Name>,
    /// The tasks whose calls read some of them, by place in the manifest.
    readers: Vec<bool>,
    /// Documents that tasks mutate; one that nobody gave begins as an empty object.
    mutated: FxHashSet<Name>,
    empty: Value,
}

impl World {
    pub fn new(manifest: Arc<Manifest>, env: Value) -> World {
        let filled = manifest.tasks.iter().flat_map(|task| &task.fills);
        let mut changed: FxHashSet<Name> =
            filled.filter_map(|fill| fill.place.value.document.clone().ok()).collect();
        let mutated = manifest.tasks.iter().flat_map(|task| &task.mutates);
        let mutated: FxHashSet<Name> =
            mutated.filter_map(|place| place.value.document.clone().ok()).collect();
        changed.extend(mutated.iter().cloned());
        let files = Files::new(&*manifest.dir);
        let is_changed = |read: &Read<'_>| changed.contains(&*read.reference.root);
        let readers = manifest.tasks.iter().map(|task| reads::of_task(task).iter().any(is_changed)).collect();
        World { manifest, files, env, changed, readers, mutated, empty: Value::empty_object() }
    }

    /// The documents that tasks mutate, in no order.
    pub fn mutated(&self) -> impl Iterator<Item = &Name> {
        self.mutated.iter()
    }

    /// Whether some task mutates the document.
    pub fn is_mutated(&self, document: &Name) -> bool {
        self.mutated.contains(document)
    }

    /// Whether some task changes the document.
    pub fn is_changed(&self, document: &str) -> bool {
        self.changed.contains(document)
    }

    /// Whether calls of the task read a document that some task changes.
    pub fn reads_changed(&self, task: TaskId) -> bool {
        self.readers[task.0 as usize]
    }

    /// A document that the manifest gives and no task changes.
    pub fn constant(&self, document: &str) -> Option<&Value> {
        self.given(document).filter(|_| !self.is_changed(document))
    }

    /// What the manifest gives for a document, changed or not.
    pub fn given(&self, document: &str) -> Option<&Value> {
        let given = self.manifest.documents.get(document).map(|document| &document.value);
        given.or_else(|| self.mutated.contains(document).then_some(&self.empty))
    }

    /// Whether a name is a document: given, or made by a task.
    pub fn is_document(&self, name: &str) -> bool {
        self.is_changed(name) || self.given(name).is_some()
    }
}

/// The names that an expression may ask for before the run: constants, and one call's variables and key.
pub struct Before<'a> {
    pub world: &'a World,
    pub task: Option<&'a str>,
    pub row: Option<Row<'a>>,
    /// Documents that tasks change, as far as they are known: for expansions while the run goes on.
    pub views: &'a [(Text, View)],
}

impl Before<'_> {
    /// Whether every name that the expression asks for is known.
    pub fn knows(&self, expression: &Expression) -> bool {
        expression.references().iter().all(|reference| self.knows_name(&reference.root))
    }

    fn knows_name(&self, name: &str) -> bool {
        match name {
            "env" => true,
            "task" => self.task.is_some(),
            "key" => self.row.is_some(),
            _ => {
                self.row.as_ref().is_some_and(|row| row.get(name).is_some())
                    || self.world.constant(name).is_some()
            }
        }
    }
}

impl Scope for Before<'_> {
    fn lookup(&self, name: &str) -> Option<Binding> {
        let row = self.row.as_ref().and_then(|row| row.get(name));
        if row.is_none()
            && let Some((_, view)) = self.views.iter().find(|(known, _)| **known == *name)
        {
            return Some(Binding::View(view.clone()));
        }
        let value = match name {
            "env" => self.world.env.clone(),
            "task" => Value::from(self.task?),
            "key" => Value::array(self.row.as_ref()?.key()),
            _ => match row {
                Some(value) => value.clone(),
                None => self.world.constant(name)?.clone(),
            },
        };
        Some(Binding::Value(value))
    }

    fn files(&self) -> &Files {
        &self.world.files
    }
}
