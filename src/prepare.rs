//! From a call and what it sees to an attempt: its text rendered, its environment and private folder. Starts nothing;
//! says instead if the call is to be skipped or has failed before it began.

pub mod documents;
mod environment;
pub mod fingerprint;
pub mod folders;
mod kept;
pub mod scope;
pub mod sent;
mod shortcut;
mod sources;
pub mod versions;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::exec::{Attempt, Environment, Keep, Variables};
use crate::expr::{Expression, Landing, Scope, Template};
use crate::manifest::{Run, Sourced, Task};
use crate::mask::Secrets;
use crate::outcome::Failure;
use crate::report::Live;
use crate::shell::{Argument, words as written};
use crate::state::logs::Logs;
use crate::value::{Value, excerpt};
use shortcut::Way;

pub use folders::Folders;
pub use kept::{Kept, Place};
pub use scope::{CallScope, Hindrance};
pub use sent::{Common, PythonWorker, Sent, worker_kind};
pub use sources::Sources;
pub use versions::Versions;

/// What is the same for every call of a run.
#[derive(Debug)]
pub struct Setting {
    pub run_id: String,
    /// Dotenv of the settings, the process's own variables and the settings' `env`, merged.
    pub env: Arc<Variables>,
    /// What of that the manifest says.
    pub declared: Vec<(String, String)>,
    pub folders: Arc<Folders>,
    /// What calls are given of documents, as text.
    pub texts: documents::Texts,
    /// What many calls see.
    pub versions: Versions,
    /// The worker for Python functions.
    pub python: PythonWorker,
    /// The files that they stand in.
    pub sources: Sources,
    pub secrets: Secrets,
    /// Where outputs go that are too long for the events.
    pub logs: Logs,
    /// Who looks at what calls print while they run, if somebody does.
    pub live: Option<Arc<Live>>,
    /// Whether the run has a controlling terminal.
    pub terminal: bool,
}

/// The most bytes that a result may have: it is kept in memory, read there, and written to the journal.
pub const LONGEST_RESULT: usize = 64 * 1024 * 1024;

/// The most values that a result may hold, all its parts counted: each takes 50 to 130 bytes.
pub const MOST_VALUES: usize = 4_000_000;

/// Whether the call's `if` holds; without one it does.
pub fn condition(scope: &CallScope, task: &Task) -> Result<(), Hindrance> {
    let Some(condition) = &task.condition else { return Ok(()) };
    match scope.eval(&condition.value)? {
        Value::Bool(true) => Ok(()),
        Value::Bool(false) => Err(Hindrance::Condition),
        other => Err(Hindrance::Failed(Failure::Expression { message: not_boolean("if", &other) })),
    }
}

/// The words for a condition that gave no boolean.
pub fn not_boolean(key: &str, value: &Value) -> String {
    let shown = excerpt(&value.to_json(), 60);
    let compared = match value {
        Value::Number(_) => "… != 0",
        Value::Array(_) | Value::Object(_) => "… | length > 0",
        _ => "… == \"true\"",
    };
    format!(
        "`{key}` must give a boolean, and it gave {} ({shown}); compare it, as in `{compared}`",
        value.kind()
    )
}

/// What one attempt has of its own.
#[derive(Debug)]
pub struct Own {
    pub place: Place,
    /// How much had ended that it may build on.
    pub as_of: u64,
}

/// What a call comes to.
#[derive(Debug)]
pub enum Work {
    /// A process of its own.
    Process(Box<Attempt>),
    /// A request to a worker.
    Request(Box<Sent>),
}

impl Work {
    /// The environment that it begins with.
    pub fn env(&self) -> &Environment {
        match self {
            Work::Process(attempt) => &attempt.env,
            Work::Request(sent) => &sent.common.kind.env,
        }
    }
}

/// What the call is to do, and the command for people: a request has none.
pub fn work(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
    own: &Own,
    kept: &mut Kept,
) -> Result<(Work, String), Hindrance> {
    kept.turn_to(&own.place);
    if let Some(sent) = sent::request(scope, setting, task, own, kept)? {
        return Ok((Work::Request(Box::new(sent)), String::new()));
    }
    let (attempt, command) = attempt(scope, setting, task, own, kept)?;
    Ok((Work::Process(Box::new(attempt)), command))
}

/// What the call is to run, and its command for people.
fn attempt(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
    own: &Own,
    kept: &mut Kept,
) -> Result<(Attempt, String), Hindrance> {
    setting.folders.make(own.place.slot).map_err(|error| {
        let message = format!("cannot make a private folder: {error}");
        Hindrance::Failed(Failure::CannotStart { message })
    })?;
    // first of all, so that what goes wrong later shows no secret of it
    let mut env = environment::environment(scope, setting, task, own, kept)?;
    let dir = match &task.dir {
        Some(dir) => scope.dir().join(scope.render(dir)?).into(),
        None => scope.dir().clone(),
    };
    let stdin = task.stdin.as_ref().map(|stdin| scope.render(stdin)).transpose()?.unwrap_or_default();
    if kept.commands.is_none() && is_constant(&task.run) {
        kept.commands = Some(commands(scope, &task.run)?);
    }
    let Commands { argv, shortcut, written } = match &kept.commands {
        Some(known) => known.clone(),
        None => commands(scope, &task.run)?,
    };
    let shortcut = shortcut.filter(|short| {
        let (Some(shell), Some(program)) = (argv.first(), short.first()) else { return false };
        match shortcut::way(shell, program, &env.basis, &dir) {
            Way::Shell => false,
            Way::Direct { folder } => {
                env.own.extend(folder.map(|folder| ("PWD".into(), folder)));
                true
            }
        }
    });
    let attempt = Attempt {
        argv,
        shortcut,
        env,
        dir,
        stdin: Arc::from(stdin.into_bytes()),
        timeout: task.timeout,
        grace: task.grace,
        as_of: own.as_of,
        slot: own.place.slot,
        stdout: if task.reads_stdout() { Keep::Whole { limit: LONGEST_RESULT } } else { Keep::Short },
        terminal: setting.terminal,
    };
    let fits = attempt.check_size();
    fits.map_err(|message| Hindrance::Failed(Failure::CannotStart { message }))?;
    Ok((attempt, written))
}

/// A command in each of its forms.
#[derive(Clone, Debug)]
struct Commands {
    argv: Arc<[OsString]>,
    /// What comes to the same without a shell.
    shortcut: Option<Arc<[OsString]>>,
    /// For people.
    written: String,
}

/// Whether all calls of the task have the same command. A script is a file of the call's own.
fn is_constant(run: &Run) -> bool {
    match run {
        Run::Program { words, .. } => words.iter().all(|word| word.value.slots().next().is_none()),
        Run::Shell { text, .. } => text.value.slots().next().is_none(),
        Run::Script { .. } | Run::Function { .. } | Run::Worker { .. } => false,
    }
}

fn commands(scope: &CallScope, run: &Run) -> Result<Commands, Hindrance> {
    let mut short = None;
    let (words, written): (Vec<String>, String) = match run {
        Run::Program { words, .. } => {
            let mut all = Vec::with_capacity(words.len());
            for word in words {
                all.extend(program_words(scope, word)?);
            }
            let written = written(&all);
            (all, written)
        }
        Run::Shell { shell, text, compiled, direct } => {
            let values = text.value.slots().map(|slot| argument(scope, slot.landing, &slot.expression));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            let script = compiled
                .render(&values)
                .map_err(|message| Hindrance::Failed(Failure::Expression { message }))?;
            short = direct.as_ref().map(|direct| direct.argv(&values));
            let name = shell.first().map(|shell| shell.rsplit('/').next().unwrap_or(shell).to_owned());
            let argv = shell.iter().cloned().chain([script.text]).chain(name).chain(script.arguments);
            (argv.collect(), compiled.written(&values))
        }
        Run::Script { interpreter, text } => {
            let text = scope.render(text)?;
            let script = scope.private_file(text.as_bytes());
            let script = script.map_err(|message| Hindrance::Failed(Failure::CannotStart { message }))?;
            (interpreter.iter().cloned().chain([script]).collect(), excerpt(&text, 1000))
        }
        Run::Function { .. } | Run::Worker { .. } => {
            let message = "a call of this kind is no process of its own".to_owned();
            return Err(Hindrance::Failed(Failure::CannotStart { message }));
        }
    };
    match words.iter().find(|word| word.contains('\0')) {
        Some(_) => Err(Hindrance::Failed(Failure::CannotStart {
            message: "an argument holds a NUL byte, which no program can be given; pass the value by `stdin`"
                .to_owned(),
        })),
        None => {
            let texts = |words: Vec<String>| words.into_iter().map(OsString::from).collect();
            Ok(Commands { argv: texts(words), shortcut: short.map(texts), written })
        }
    }
}

/// One item of a `run` array; a list that stands alone becomes several arguments.
fn program_words(scope: &CallScope, word: &Sourced<Template>) -> Result<Vec<String>, Hindrance> {
    match scope.native(word)? {
        Value::Array(items) if word.value.sole().is_some() => Ok(items.iter().map(Value::to_text).collect()),
        value => Ok(vec![value.to_text()]),
    }
}

fn argument(scope: &CallScope, landing: Landing, expression: &Expression) -> Result<Argument, Hindrance> {
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

/// Where the call may put files of its own.
pub fn private_folder(scope: &CallScope) -> PathBuf {
    scope.folder().join("tmp")
}

/// The file that `$DECO_RESULT` names.
pub fn result_file(scope: &CallScope) -> PathBuf {
    scope.folder().join("result")
}
