//! From a call and what it sees to a request for a worker: the function and its arguments, by reference where they are
//! places of documents, so that a document goes to a worker once and not with every call.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::exec::worker::{Argument, Kind, Request, Version, Work, python};
use crate::exec::{Basis, Environment};
use crate::expr::Reference;
use crate::manifest::{self, Run, Task};
use crate::outcome::Failure;
use crate::path::{Path, Segment};
use crate::value::{Text, Value};

use super::documents::{Handed, mutable_places, seen};
use super::environment::{self, given_to_call};
use super::versions::is_small;
use super::{CallScope, Hindrance, Kept, Own, Setting};

/// What a call is for a worker.
#[derive(Debug)]
pub struct Sent {
    pub common: Arc<Common>,
    pub request: Request,
}

/// What a call has in common with others of its task that go through its slot, worked out for the first of them.
#[derive(Debug)]
pub struct Common {
    pub kind: Kind,
    /// What it comes to, with what its task says.
    pub(super) hash: OnceLock<blake3::Hash>,
    variables: Arc<[(Text, OsString)]>,
    /// The text that names the function, if it is one.
    pub(super) function: Text,
    /// What the file comes to that it stands in.
    pub(super) source: Option<blake3::Hash>,
}

/// Where the worker for Python functions is put, once it is needed.
#[derive(Debug)]
pub struct PythonWorker {
    folder: PathBuf,
    arguments: OnceLock<Result<Vec<OsString>, String>>,
}

impl PythonWorker {
    pub fn new(folder: PathBuf) -> PythonWorker {
        PythonWorker { folder, arguments: OnceLock::new() }
    }

    fn arguments(&self) -> Result<&[OsString], Hindrance> {
        let install = || {
            python::install(&self.folder).map_err(|error| {
                format!("failed to write the worker to `{}`: {error}", self.folder.display())
            })
        };
        self.arguments.get_or_init(install).as_deref().map_err(|message| cannot_start(message.clone()))
    }
}

/// What the call is for a worker, or `None` if it runs a process of its own. The caller numbers it.
pub fn request(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
    own: &Own,
    kept: &mut Kept,
) -> Result<Option<Sent>, Hindrance> {
    if !task.run.is_sent() {
        return Ok(None);
    }
    let common = match &kept.common {
        Some(known) => known.clone(),
        None => Arc::new(common(scope, setting, task, own)?),
    };
    if is_constant(task) {
        kept.common = Some(common.clone());
    }
    let work = match &task.run {
        Run::Worker { request, .. } => {
            scope.hand(Handed { places: mutable_places(scope, task)?, ..Handed::default() });
            Work::Request(scope.value_of(request)?)
        }
        Run::Function { arguments, .. } => called(scope, setting, task, &common.function, arguments)?,
        Run::Shell { .. } | Run::Program { .. } | Run::Script { .. } => return Ok(None),
    };
    let request = Request {
        id: 0,
        work,
        variables: common.variables.clone(),
        env: given_to_call(scope, setting, task)?,
        timeout: task.timeout,
        grace: task.grace,
    };
    Ok(Some(Sent { common, request }))
}

/// The kind of worker that calls of the task need, if it is one for all of them.
pub fn worker_kind(scope: &CallScope, setting: &Setting, task: &Task, own: &Own) -> Option<Kind> {
    let is_known = task.run.is_sent() && is_constant(task);
    is_known.then(|| common(scope, setting, task, own).ok()).flatten().map(|common| common.kind)
}

fn common(scope: &CallScope, setting: &Setting, task: &Task, own: &Own) -> Result<Common, Hindrance> {
    setting
        .folders
        .make(own.place.slot)
        .map_err(|error| cannot_start(format!("cannot make a private folder: {error}")))?;
    let argv = argv(scope, setting, &task.run)?;
    let dir = match &task.dir {
        Some(dir) => scope.dir().join(scope.render(dir)?),
        None => scope.dir().to_path_buf(),
    };
    let Basis { inherited, declared, given } = environment::basis(scope, setting, task, own)?;
    // what names the run is the worker's, so that nothing of it is left behind; the rest is told with the calls
    let (of_run, of_calls): (Vec<_>, Vec<_>) = given.into_iter().partition(|(name, _)| name == "DECO_RUN_ID");
    let basis = Arc::new(Basis { inherited, declared, given: of_run });
    let env = Environment { basis, own: Vec::new() };
    Ok(Common {
        kind: Kind { argv, dir, env, terminal: setting.terminal },
        hash: OnceLock::new(),
        variables: of_calls.into(),
        source: file(scope, &task.run).and_then(|file| setting.sources.hash(&file)),
        function: function(scope, &task.run),
    })
}

/// The function as a worker finds it.
fn function(scope: &CallScope, run: &Run) -> Text {
    let Run::Function { origin, function, .. } = run else { return Text::default() };
    match file(scope, run) {
        Some(file) => format!("{}:{function}", file.to_string_lossy()).into(),
        None => format!("{origin}:{function}").into(),
    }
}

/// The file that a function stands in, where it is named: the manifest's, wherever the call runs.
fn file(scope: &CallScope, run: &Run) -> Option<PathBuf> {
    match run {
        Run::Function { origin, .. } if origin.ends_with(".py") => Some(scope.dir().join(origin)),
        _ => None,
    }
}

fn argv(scope: &CallScope, setting: &Setting, run: &Run) -> Result<Vec<OsString>, Hindrance> {
    let mut argv = Vec::new();
    match run {
        Run::Worker { words, .. } => {
            for word in words {
                argv.extend(super::program_words(scope, word)?.into_iter().map(OsString::from));
            }
        }
        Run::Function { python, .. } => {
            let python = python.as_ref().map(|python| scope.render(python)).transpose()?;
            argv.push(python.unwrap_or_else(|| "python3".to_owned()).into());
            argv.extend_from_slice(setting.python.arguments()?);
        }
        Run::Shell { .. } | Run::Program { .. } | Run::Script { .. } => {}
    }
    Ok(argv)
}

/// Whether all calls of the task need workers of one kind.
fn is_constant(task: &Task) -> bool {
    let of_run = match &task.run {
        Run::Worker { words, .. } => &words[..],
        Run::Function { python, .. } => python.as_slice(),
        Run::Shell { .. } | Run::Program { .. } | Run::Script { .. } => &[],
    };
    let mut texts = of_run.iter().chain(&task.dir);
    environment::is_constant(task) && texts.all(|text| text.value.slots().next().is_none())
}

fn called(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
    function: &Text,
    arguments: &[manifest::Argument],
) -> Result<Work, Hindrance> {
    let places = mutable_places(scope, task)?;
    let mut handed = Handed { places, ..Handed::default() };
    let mut whole = Vec::new();
    let (mut args, mut named) = (Vec::new(), Vec::new());
    for passed in arguments {
        let value = &passed.value.value;
        let place = value.sole_reference().map(Cow::Borrowed);
        let argument = match place.or_else(|| value.sole_place().map(Cow::Owned)) {
            Some(place) => by_reference(scope, setting, task, passed, &place, (&mut handed, &mut whole))?,
            None => Argument::Value(scope.eval(value)?),
        };
        match &passed.name {
            Some(name) => named.push((name.as_str().into(), argument)),
            None => args.push(argument),
        }
    }
    scope.hand(handed);
    Ok(Work::Call { function: function.clone(), args, named })
}

/// A place of a document: a part of a version that the worker holds. What is small goes with the call, but for a document
/// that the call may change.
fn by_reference(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
    passed: &manifest::Argument,
    place: &Reference,
    (handed, whole): (&mut Handed, &mut Vec<Arc<Version>>),
) -> Result<Argument, Hindrance> {
    let value = scope.eval(&passed.value.value)?;
    let is_variable = scope.variables().iter().any(|(name, _)| *name.as_str() == *place.root);
    let Ok(document) = place.document.clone() else { return Ok(Argument::Value(value)) };
    let is_container = matches!(value, Value::Array(_) | Value::Object(_));
    if task.mutates(&place.root) && !is_variable {
        let keys = scope.keys(place)?;
        if is_container {
            // one for all arguments of the call: they may share parts
            let version = match whole.iter().find(|known| known.document == document) {
                Some(known) => known.clone(),
                None => setting.versions.of(&document, &seen(scope, &document)),
            };
            whole.push(version.clone());
            return Ok(Argument::Part { version, path: keys, tracked: true });
        }
        // a copy, at which the call then looks
        let segments = keys.into_iter().map(Segment::Key).collect();
        handed.looked_at.push(Path { document: document.clone(), segments });
    }
    if is_small(&value) {
        let name = || passed.value.value.source().into();
        return Ok(if is_container {
            Argument::Lent { value, name: name() }
        } else {
            Argument::Value(value)
        });
    }
    let version = setting.versions.of(&document, &value);
    Ok(Argument::Part { version, path: Vec::new(), tracked: false })
}

fn cannot_start(message: String) -> Hindrance {
    Hindrance::Failed(Failure::CannotStart { message })
}
