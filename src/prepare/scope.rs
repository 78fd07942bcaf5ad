//! What the expressions of one call, or of a sync point, may ask for: gathered from the plan and the store once, owned from
//! then on, so that a call holds nothing of the run while it is under way.

use std::cell::{Ref, RefCell};
use std::path::Path as FilePath;
use std::sync::Arc;

use crate::expr::{Binding, EvalError, Expression, Files, Reference, Scope, Template, View, key_text};
use crate::manifest::{DefaultValue, Sourced, Task};
use crate::mask::Masker;
use crate::name::{Name, TaskName, address_text};
use crate::outcome::Failure;
use crate::path::{Path, Segment};
use crate::plan::reads::{self, Read};
use crate::plan::scope::{Before, World};
use crate::plan::{CallId, Plan, Reader, SyncId};
use crate::store::{Clash, Store};
use crate::value::{Text, Value};

use super::documents::Handed;

/// The names of one call, as its templates see them.
pub struct CallScope {
    world: Arc<World>,
    /// `None`: a sync point.
    call: Option<Bound>,
    views: Vec<(Text, View)>,
    /// `result` and `exit`, once there are.
    pub after: Option<(Value, Value)>,
    /// `run` and `calls`, for a finalizer.
    pub also: Vec<(&'static str, Value)>,
    /// For private files.
    folder: Arc<FilePath>,
    /// The private files so far: path, and what the content comes to.
    files: RefCell<Vec<(String, blake3::Hash)>>,
    /// The documents that it was given to look at and change by itself.
    handed: RefCell<Handed>,
    /// The places of documents that it mutates at which its expressions look.
    looked_at: Vec<Path>,
    /// What the call must not give back.
    pub secrets: Masker,
}

/// What is bound for one call.
struct Bound {
    task: TaskName,
    /// As it is written.
    address: Text,
    variables: Vec<(Name, Value)>,
    key: Vec<Value>,
    /// From 1.
    attempt: u32,
}

/// Why a call does not come to run.
#[derive(Debug)]
pub enum Hindrance {
    /// Its `if` is false.
    Condition,
    /// An expression found nothing at a place that tasks change.
    Missing {
        message: String,
        place: Path,
    },
    Failed(Failure),
    Clash(Clash),
}

impl CallScope {
    /// Gathers what the call reads. `folder` is where its private files go.
    pub fn of_call(
        plan: &Plan,
        store: &mut Store,
        call: CallId,
        attempt: u32,
        folder: Arc<FilePath>,
    ) -> Result<CallScope, Clash> {
        let (mut views, mut looked_at) = (Vec::new(), Vec::new());
        if plan.world.reads_changed(plan.task_of(call)) {
            let reads = reads::of_task(plan.task(call));
            views = views_of(plan, store, &reads, Reader::Call(call))?;
            looked_at = own_looks(plan, &reads, call);
        }
        let (row, task) = (plan.row(call), &plan.task(call).name);
        let key = row.key();
        let bound = Bound {
            task: task.clone(),
            address: address_text(task, key.iter().filter_map(key_text)),
            variables: row.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            key,
            attempt,
        };
        Ok(CallScope {
            world: plan.world.clone(),
            call: Some(bound),
            views,
            after: None,
            also: Vec::new(),
            folder,
            files: RefCell::default(),
            handed: RefCell::default(),
            looked_at,
            secrets: Masker::new(),
        })
    }

    /// As for a call, for the `check` of a sync point.
    pub fn of_sync(plan: &Plan, store: &mut Store, sync: SyncId) -> Result<CallScope, Clash> {
        let views = views_of(plan, store, &reads::of_sync(plan.sync(sync)), Reader::Sync(sync))?;
        Ok(CallScope {
            world: plan.world.clone(),
            call: None,
            views,
            after: None,
            also: Vec::new(),
            folder: FilePath::new("").into(),
            files: RefCell::default(),
            handed: RefCell::default(),
            looked_at: Vec::new(),
            secrets: Masker::new(),
        })
    }

    /// The call's address; empty for a sync point.
    pub fn address(&self) -> Text {
        self.call.as_ref().map(|bound| bound.address.clone()).unwrap_or_default()
    }

    /// The values of the call's variables.
    pub fn variables(&self) -> &[(Name, Value)] {
        self.call.as_ref().map(|bound| &bound.variables[..]).unwrap_or_default()
    }

    /// What names the call.
    pub fn key(&self) -> &[Value] {
        self.call.as_ref().map(|bound| &bound.key[..]).unwrap_or_default()
    }

    /// The folder that the manifest's paths start from.
    pub fn dir(&self) -> &Arc<FilePath> {
        &self.world.manifest.dir
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// The places of documents that the call may look at.
    pub fn views(&self) -> &[(Text, View)] {
        &self.views
    }

    /// The private files so far: path, and what the content comes to.
    pub fn files_made(&self) -> Ref<'_, [(String, blake3::Hash)]> {
        Ref::map(self.files.borrow(), Vec::as_slice)
    }

    /// What the call may see of a document that tasks change, whatever its variables are called.
    pub fn view(&self, document: &str) -> Option<&View> {
        self.views.iter().find(|(known, _)| **known == *document).map(|(_, view)| view)
    }

    /// The places of documents that the call mutates at which its expressions look.
    pub fn looked_at(&self) -> &[Path] {
        &self.looked_at
    }

    /// Keeps what the call was given.
    pub fn hand(&self, handed: Handed) {
        *self.handed.borrow_mut() = handed;
    }

    /// Notes where the call has looked in what it was given.
    pub fn also_looked_at(&self, places: Vec<Path>) {
        self.handed.borrow_mut().looked_at.extend(places);
    }

    /// The documents that the call was given to look at and change by itself.
    pub fn handed(&self) -> Ref<'_, Handed> {
        self.handed.borrow()
    }

    /// Notes a private file: its path, and what its content comes to.
    pub fn made_file(&self, path: String, content: blake3::Hash) {
        self.files.borrow_mut().push((path, content));
    }

    /// Where the call's private files go.
    pub fn folder(&self) -> &FilePath {
        &self.folder
    }

    pub fn eval(&self, expression: &Expression) -> Result<Value, Hindrance> {
        expression.eval(self).map_err(|error| self.hindrance(error))
    }

    pub fn render(&self, template: &Sourced<Template>) -> Result<String, Hindrance> {
        template.value.render(self).map_err(|error| self.hindrance(error))
    }

    /// The keys of a place.
    pub fn keys(&self, place: &Reference) -> Result<Vec<Text>, Hindrance> {
        place.keys(self).map_err(|error| self.hindrance(error))
    }

    pub fn native(&self, template: &Sourced<Template>) -> Result<Value, Hindrance> {
        template.value.native(self).map_err(|error| self.hindrance(error))
    }

    /// The value of `default`, if the task has one.
    pub fn default_value(&self, task: &Task) -> Option<Result<Value, Hindrance>> {
        let default = task.default.as_ref()?;
        Some(default.eval(self).map_err(|error| self.hindrance(error)))
    }

    /// The value of a request.
    pub fn value_of(&self, request: &DefaultValue) -> Result<Value, Hindrance> {
        request.eval(self).map_err(|error| self.hindrance(error))
    }

    fn hindrance(&self, error: EvalError) -> Hindrance {
        match error.missing.and_then(|missing| changed_place(&self.world, missing)) {
            // the name itself is known, which the words for an expression alone could not tell
            Some(place) if place.segments.is_empty() => {
                Hindrance::Missing { message: format!("`{place}`: nothing stands there"), place }
            }
            Some(place) => Hindrance::Missing { message: error.message, place },
            None => Hindrance::Failed(Failure::Expression { message: error.message }),
        }
    }
}

/// A place of a document that tasks change, as an expression missed it.
pub fn changed_place(world: &World, (root, keys): (Text, Vec<Text>)) -> Option<Path> {
    let document = Name::new(&root).ok().filter(|name| world.is_changed(name.as_str()))?;
    Some(Path { document, segments: keys.into_iter().map(Segment::Key).collect() })
}

/// The places of documents that the call's task mutates at which its expressions look: `reads` only says where the call
/// itself may look.
fn own_looks(plan: &Plan, reads: &[Read<'_>], call: CallId) -> Vec<Path> {
    let task = plan.task(call);
    if task.mutates.is_empty() {
        return Vec::new();
    }
    let declared =
        |read: &Read<'_>| task.reads.iter().any(|declared| std::ptr::eq(&declared.value, read.reference));
    let own =
        reads.iter().filter(|read| !read.mutated && task.mutates(&read.reference.root) && !declared(read));
    let mut paths: Vec<Path> = own.filter_map(|read| plan.looked_place(read, Reader::Call(call))).collect();
    paths.sort_unstable();
    paths.dedup_by(|later, first| first.holds(later));
    paths
}

/// For each document that a reader reads and some task changes, the places that it may look at.
pub fn views_of(
    plan: &Plan,
    store: &mut Store,
    reads: &[Read<'_>],
    reader: Reader,
) -> Result<Vec<(Text, View)>, Clash> {
    let mut paths: Vec<Path> = reads
        .iter()
        .filter(|read| plan.world.is_changed(&read.reference.root))
        .filter_map(|read| plan.read_place(read, reader))
        .collect();
    paths.sort_unstable();
    // a place inside one before it is seen there
    paths.dedup_by(|later, first| {
        later.document == first.document && later.segments.starts_with(&first.segments)
    });
    let mut views: Vec<(Text, View)> = Vec::new();
    for path in paths {
        let value = store.at(plan, &path, reader)?;
        if views.last().is_none_or(|(name, _)| **name != *path.document.as_str()) {
            views.push((path.document.text().clone(), View::default()));
        }
        let keys = path.segments.into_iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key),
            Segment::Append | Segment::Any => None,
        });
        if let Some((_, view)) = views.last_mut() {
            view.places.push((keys.collect(), value));
        }
    }
    Ok(views)
}

impl Scope for CallScope {
    fn lookup(&self, name: &str) -> Option<Binding> {
        if let Some((_, value)) = self.variables().iter().find(|(known, _)| known.as_str() == name) {
            return Some(Binding::Value(value.clone()));
        }
        if let Some((_, view)) = self.views.iter().find(|(known, _)| **known == *name) {
            return Some(Binding::View(view.clone()));
        }
        if let Some((_, value)) = self.also.iter().find(|(known, _)| *known == name) {
            return Some(Binding::Value(value.clone()));
        }
        let value = match (name, &self.after, &self.call) {
            ("result", Some((result, _)), _) => result.clone(),
            ("exit", Some((_, exit)), _) => exit.clone(),
            ("attempt", _, Some(bound)) => Value::from(i128::from(bound.attempt)),
            ("task", _, Some(bound)) => Value::from(bound.task.as_str()),
            ("key", _, Some(bound)) => Value::array(bound.key.clone()),
            _ => return Before { world: &self.world, task: None, row: None, views: &[] }.lookup(name),
        };
        Some(Binding::Value(value))
    }

    fn key_part(&self, at: usize) -> Option<&Value> {
        self.key().get(at)
    }

    fn files(&self) -> &Files {
        &self.world.files
    }

    fn private_file(&self, content: &[u8]) -> Result<String, String> {
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            let file = tempfile::Builder::new().prefix("value-").tempfile_in(&self.folder)?;
            std::fs::write(file.path(), content)?;
            file.into_temp_path().keep().map_err(|error| error.error)
        };
        let path = write().map_err(|error| format!("cannot write a private file: {error}"))?;
        let path = path.into_os_string().into_string();
        let path = path.map_err(|_| "the path of a private file is not UTF-8".to_owned())?;
        self.made_file(path.clone(), blake3::hash(content));
        Ok(path)
    }
}
