//! From a call and the store to an attempt: what the call reads, its text rendered, its environment and private
//! folder. Starts nothing; says instead if the call is to be skipped or has failed before it began.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::exec::Attempt;
use crate::expr::{Binding, EvalError, Expression, Files, Landing, Scope, Template, View};
use crate::manifest::settings::read_dotenv;
use crate::manifest::{Run, Sourced, Task};
use crate::outcome::Failure;
use crate::path::{Path, Segment};
use crate::plan::reads::{self, Read};
use crate::plan::{CallId, Plan};
use crate::shell::Argument;
use crate::store::{Clash, Store};
use crate::value::{Text, Value};

/// Variables by name; of equal names the later wins.
pub type Environment = indexmap::IndexMap<OsString, OsString>;

/// What is the same for every call of a run.
#[derive(Debug)]
pub struct Setting {
    pub run_id: String,
    /// Dotenv of the settings, the process's own variables and the settings' `env`, merged.
    pub env: Environment,
    /// Holds a folder for each slot, removed with the run.
    pub scratch: PathBuf,
}

/// One attempt of a call, as its templates see it.
pub struct CallScope<'a> {
    plan: &'a Plan,
    /// `None`: a sync point.
    call: Option<CallId>,
    views: Vec<(Text, View)>,
    /// `result` and `exit`, once there are.
    pub after: Option<(Value, Value)>,
    folder: PathBuf,
}

/// Why a call does not come to run.
#[derive(Debug)]
pub enum Hindrance {
    /// Its `if` is false.
    Condition,
    /// An expression found nothing at a place.
    Missing {
        message: String,
        place: Path,
    },
    Failed(Failure),
    Clash(Clash),
}

impl<'a> CallScope<'a> {
    /// Gathers what the call reads. The store is asked only here.
    pub fn of_call(
        plan: &'a Plan,
        store: &mut Store,
        call: CallId,
        folder: PathBuf,
    ) -> Result<CallScope<'a>, Clash> {
        let views = views(plan, store, &reads::of_task(plan.task(call)), Some(call))?;
        Ok(CallScope { plan, call: Some(call), views, after: None, folder })
    }

    /// As for a call, for the `check` of a sync point.
    pub fn of_sync(plan: &'a Plan, store: &mut Store, reads: &[Read<'_>]) -> Result<CallScope<'a>, Clash> {
        let views = views(plan, store, reads, None)?;
        Ok(CallScope { plan, call: None, views, after: None, folder: PathBuf::new() })
    }

    pub fn eval(&self, expression: &Expression) -> Result<Value, Hindrance> {
        expression.eval(self).map_err(|error| hindrance(self.plan, error))
    }

    fn render(&self, template: &Sourced<Template>) -> Result<String, Hindrance> {
        template.value.render(self).map_err(|error| hindrance(self.plan, error))
    }

    /// The value of `default`, if the task has one.
    pub fn default_value(&self, task: &Task) -> Option<Result<Value, Hindrance>> {
        let default = task.default.as_ref()?;
        Some(default.eval(self).map_err(|error| hindrance(self.plan, error)))
    }
}

/// For each document that a call reads and some task changes, the places that it may look at.
fn views(
    plan: &Plan,
    store: &mut Store,
    reads: &[Read<'_>],
    call: Option<CallId>,
) -> Result<Vec<(Text, View)>, Clash> {
    let mut paths: Vec<Path> = reads
        .iter()
        .filter(|read| plan.world.is_changed(&read.reference.root))
        .filter_map(|read| plan.read_place(read, call))
        .collect();
    paths.sort_unstable();
    // a place inside one before it is seen there
    paths.dedup_by(|later, first| {
        later.document == first.document && later.segments.starts_with(&first.segments)
    });
    let mut views: Vec<(Text, View)> = Vec::new();
    for path in paths {
        let value = store.at(plan, &path, plan.waited_for(&path, call))?;
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

fn hindrance(plan: &Plan, error: EvalError) -> Hindrance {
    let place = error.missing.and_then(|(root, keys)| {
        let document =
            crate::name::Name::new(&root).ok().filter(|name| plan.world.is_changed(name.as_str()))?;
        Some(Path { document, segments: keys.into_iter().map(Segment::Key).collect() })
    });
    match place {
        Some(place) => Hindrance::Missing { message: error.message, place },
        None => Hindrance::Failed(Failure::Expression { message: error.message }),
    }
}

impl Scope for CallScope<'_> {
    fn lookup(&self, name: &str) -> Option<Binding> {
        if let Some((_, view)) = self.views.iter().find(|(known, _)| **known == *name) {
            return Some(Binding::View(view.clone()));
        }
        let value = match (name, &self.after) {
            ("result", Some((result, _))) => result.clone(),
            ("exit", Some((_, exit))) => exit.clone(),
            ("attempt", _) => Value::from(1),
            _ => return self.before(name),
        };
        Some(Binding::Value(value))
    }

    fn files(&self) -> &Files {
        &self.plan.world.files
    }

    fn private_file(&self, content: &[u8]) -> Result<String, String> {
        let write = || {
            let file = tempfile::Builder::new().prefix("value-").tempfile_in(&self.folder)?;
            std::fs::write(file.path(), content)?;
            file.into_temp_path().keep().map_err(|error| error.error)
        };
        let path = write().map_err(|error| format!("cannot write a private file: {error}"))?;
        path.into_os_string().into_string().map_err(|_| "the path of a private file is not UTF-8".to_owned())
    }
}

impl CallScope<'_> {
    fn before(&self, name: &str) -> Option<Binding> {
        match self.call {
            Some(call) => self.plan.before(call).lookup(name),
            None => {
                crate::plan::scope::Before { world: &self.plan.world, task: None, row: None }.lookup(name)
            }
        }
    }
}

/// Whether the call's `if` holds; without one it does.
pub fn condition(scope: &CallScope<'_>, task: &Task) -> Result<(), Hindrance> {
    let Some(condition) = &task.condition else { return Ok(()) };
    match scope.eval(&condition.value)? {
        Value::Bool(true) => Ok(()),
        Value::Bool(false) => Err(Hindrance::Condition),
        other => Err(Hindrance::Failed(Failure::Expression { message: not_boolean("if", &other) })),
    }
}

/// The words for a condition that gave no boolean.
pub fn not_boolean(key: &str, value: &Value) -> String {
    let shown: String = value.to_json().chars().take(60).collect();
    format!(
        "`{key}` must give a boolean, and it gave {} ({shown}); compare it, as in `… == \"true\"`",
        value.kind()
    )
}

/// What the call is to run. `slot` counts from 1.
pub fn attempt(
    scope: &CallScope<'_>,
    setting: &Setting,
    call: CallId,
    slot: usize,
) -> Result<Attempt, Hindrance> {
    let task = scope.plan.task(call);
    let dir = match &task.dir {
        Some(dir) => scope.plan.manifest.dir.join(scope.render(dir)?),
        None => scope.plan.manifest.dir.clone(),
    };
    let stdin = task.stdin.as_ref().map(|stdin| scope.render(stdin)).transpose()?.unwrap_or_default();
    Ok(Attempt {
        argv: argv(scope, &task.run)?,
        env: environment(scope, setting, call, slot)?.into_iter().collect(),
        dir,
        stdin: Arc::from(stdin.into_bytes()),
        timeout: task.timeout,
        grace: task.grace,
    })
}

fn argv(scope: &CallScope<'_>, run: &Run) -> Result<Vec<OsString>, Hindrance> {
    let words: Vec<String> = match run {
        Run::Program { words, .. } => {
            let mut all = Vec::with_capacity(words.len());
            for word in words {
                all.extend(program_words(scope, word)?);
            }
            all
        }
        Run::Shell { shell, text, compiled } => {
            let values = text.value.slots().map(|slot| argument(scope, slot.landing, &slot.expression));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            let script = compiled
                .render(&values)
                .map_err(|message| Hindrance::Failed(Failure::Expression { message }))?;
            let name = shell.first().map(|shell| shell.rsplit('/').next().unwrap_or(shell).to_owned());
            shell.iter().cloned().chain([script.text]).chain(name).chain(script.arguments).collect()
        }
        Run::Script { interpreter, text } => {
            let script = scope.private_file(scope.render(text)?.as_bytes());
            let script = script.map_err(|message| Hindrance::Failed(Failure::CannotStart { message }))?;
            interpreter.iter().cloned().chain([script]).collect()
        }
    };
    match words.iter().find(|word| word.contains('\0')) {
        Some(_) => Err(Hindrance::Failed(Failure::CannotStart {
            message: "an argument holds a NUL byte, which no program can be given; pass the value by `stdin`"
                .to_owned(),
        })),
        None => Ok(words.into_iter().map(OsString::from).collect()),
    }
}

/// One item of a `run` array; a list that stands alone becomes several arguments.
fn program_words(scope: &CallScope<'_>, word: &Sourced<Template>) -> Result<Vec<String>, Hindrance> {
    match word.value.native(scope).map_err(|error| hindrance(scope.plan, error))? {
        Value::Array(items) if word.value.sole().is_some() => Ok(items.iter().map(Value::to_text).collect()),
        value => Ok(vec![value.to_text()]),
    }
}

fn argument(scope: &CallScope<'_>, landing: Landing, expression: &Expression) -> Result<Argument, Hindrance> {
    let value = scope.eval(expression)?;
    match (landing, value) {
        (Landing::Words, Value::Array(items)) => {
            Ok(Argument::Many(items.iter().map(Value::to_text).collect()))
        }
        (Landing::Words, other) => Err(Hindrance::Failed(Failure::Expression {
            message: format!("`words` takes a list, and `{}` is {}", expression.source(), other.kind()),
        })),
        (Landing::Word | Landing::Raw, value) => Ok(Argument::One(value.to_text())),
    }
}

/// The call's variables: the later wins, deco's own last.
fn environment(
    scope: &CallScope<'_>,
    setting: &Setting,
    call: CallId,
    slot: usize,
) -> Result<Environment, Hindrance> {
    let plan = scope.plan;
    let task = plan.task(call);
    let mut env = setting.env.clone();
    let mut set = |name: &str, value: String| drop(env.insert(name.into(), value.into()));
    if let Some(file) = &task.dotenv {
        let file = scope.render(file)?;
        let variables = read_dotenv(&plan.manifest.dir.join(&file)).map_err(|why| {
            Hindrance::Failed(Failure::CannotStart {
                message: format!("cannot read `{file}`: {}", why.message),
            })
        })?;
        variables.into_iter().for_each(|(name, value)| set(&name, value));
    }
    for (name, value) in &task.env {
        set(name, scope.render(value)?);
    }
    set("DECO_TASK", task.name.to_string());
    set("DECO_CALL", plan.address(call).to_string());
    set("DECO_KEY", Value::array(plan.key(call)).to_json());
    for (name, value) in plan.row(call).iter() {
        if matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            set(&format!("DECO_VAR_{}", name.as_str().to_uppercase()), value.to_text());
        }
    }
    set("DECO_ATTEMPT", "1".to_owned());
    set("DECO_SLOT", slot.to_string());
    set("DECO_CPUS", "1".to_owned());
    set("DECO_RUN_ID", setting.run_id.clone());
    set("DECO_TMPDIR", private_folder(scope).to_string_lossy().into_owned());
    set("DECO_RESULT", result_file(scope).to_string_lossy().into_owned());
    for name in declared_documents(task) {
        let file = document_file(scope, &name)?;
        set(&format!("DECO_DOC_{}", name.to_uppercase()), file);
    }
    match env.iter().find(|(_, value)| value.as_encoded_bytes().contains(&0)) {
        Some((name, _)) => Err(Hindrance::Failed(Failure::CannotStart {
            message: format!("the variable `{}` holds a NUL byte", name.to_string_lossy()),
        })),
        None => Ok(env),
    }
}

/// Where the call may put files of its own.
pub fn private_folder(scope: &CallScope<'_>) -> PathBuf {
    scope.folder.join("tmp")
}

/// The file that `$DECO_RESULT` names.
pub fn result_file(scope: &CallScope<'_>) -> PathBuf {
    scope.folder.join("result")
}

fn declared_documents(task: &Task) -> Vec<Text> {
    let mut names: Vec<Text> = task.reads.iter().map(|read| read.value.root.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Writes what the call may see of a document to a file of its own: the places that it reads, in their containers.
fn document_file(scope: &CallScope<'_>, name: &Text) -> Result<String, Hindrance> {
    let value = match scope.lookup(name) {
        Some(Binding::Value(value)) => value,
        Some(Binding::View(view)) => in_containers(&view),
        None => Value::Null,
    };
    let written = scope.private_file(value.to_json().as_bytes());
    written.map_err(|message| Hindrance::Failed(Failure::CannotStart { message }))
}

fn in_containers(view: &View) -> Value {
    let mut root = None;
    for (keys, value) in &view.places {
        let mut value = value.clone();
        for key in keys.iter().rev() {
            value = value.map(|value| Value::object([(key.clone(), value)]));
        }
        root = merged(root, value);
    }
    root.unwrap_or_else(Value::empty_object)
}

fn merged(one: Option<Value>, other: Option<Value>) -> Option<Value> {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let mut members = (*one).clone();
            for (key, value) in other.iter() {
                let value = merged(members.get(key).cloned(), Some(value.clone()));
                members.extend(value.map(|value| (key.clone(), value)));
            }
            Some(Value::Object(Arc::new(members)))
        }
        (one, other) => other.or(one),
    }
}
