//! From a finished attempt to what the call changes: its ending judged, its output read as the task says, its fills
//! made. Applies nothing.

mod left;
pub mod mutations;
pub mod returned;

use crate::change::Change;
use crate::change::record::{Recorded, Recorder};
use crate::exec::{Ending, Finished};
use crate::expr::{Reference, Step, key_text};
use crate::manifest::load::{FormatError, count, decode};
use crate::manifest::{Fill, Format, Task};
use crate::outcome::{Exit, Failure};
use crate::path::{Path, Segment};
use crate::prepare::documents::mutable_places;
use crate::prepare::{CallScope, Hindrance, LONGEST_RESULT, MOST_VALUES, result_file};
use crate::value::{Text, Value, excerpt};

/// What the call changes and where it looked, or why it failed.
pub fn changes(scope: &mut CallScope, task: &Task, finished: &Finished) -> Result<Recorded, Failure> {
    let exit = judge(task, &finished.ending)?;
    let result = result(scope, task, &finished.stdout.bytes)?;
    let recorded = mutations::of_call(&scope.handed()).map_err(|message| Failure::Fill { message })?;
    completed(scope, task, recorded, result, Value::from(i128::from(exit)))
}

/// What the call did to documents, with what its expressions looked at and what it fills.
fn completed(
    scope: &mut CallScope,
    task: &Task,
    mut recorded: Recorded,
    result: Value,
    exit: Value,
) -> Result<Recorded, Failure> {
    // what fills nothing is neither kept nor shown
    if !task.fills.is_empty()
        && let Some(variable) = scope.secrets.find_in(&result)
    {
        return Err(Failure::Result { message: contains_secret("its result", variable) });
    }
    recorded.reads.extend(looks(scope, task));
    recorded.reads.sort_unstable();
    recorded.reads.dedup_by(|later, first| first.holds(later));
    no_secrets(scope, &recorded)?;
    let filled = fills(scope, task, result, exit).map_err(failure)?;
    match recorded.changes.is_empty() {
        true => recorded.changes = filled,
        false => recorded.changes.extend(filled),
    }
    Ok(recorded)
}

/// The places of documents that it may change at which the call's expressions looked, with what it takes to find them: a
/// position may need the length of its array.
fn looks(scope: &CallScope, task: &Task) -> Vec<Path> {
    let handed = scope.handed();
    let looked_at = || scope.looked_at().iter().chain(&handed.looked_at);
    if looked_at().next().is_none() {
        return Vec::new();
    }
    let places = match handed.places.is_empty() {
        true => mutable_places(scope, task),
        false => Ok(handed.places.clone()),
    };
    let Ok(places) = places else { return looked_at().cloned().collect() };
    let mut recorder = Recorder::new(places);
    looked_at().for_each(|path| recorder.read(path));
    recorder.finish().reads
}

/// Where a call looked that did not come to change anything: by its expressions, and by `deco get`; in all that it was given,
/// where that cannot be read. That it did nothing may come of what it saw there.
pub fn looked_at(scope: &CallScope, task: &Task) -> Vec<Path> {
    let mut reads = looks(scope, task);
    let handed = scope.handed();
    match mutations::of_call(&handed) {
        Ok(by_itself) => reads.extend(by_itself.reads),
        Err(_) => reads.extend(handed.places.iter().map(|(place, _)| place.clone())),
    }
    // a place that holds a secret can be neither kept nor shown; what holds it is looked at as well
    for path in &mut reads {
        while !path.segments.is_empty() && scope.secrets.find_in_text(&path.to_string()).is_some() {
            path.segments.pop();
        }
    }
    reads.sort_unstable();
    reads.dedup_by(|later, first| first.holds(later));
    reads
}

/// Refuses places and values that hold a secret, which could be neither kept nor shown.
fn no_secrets(scope: &CallScope, recorded: &Recorded) -> Result<(), Failure> {
    if scope.secrets.is_empty() {
        return Ok(());
    }
    let refuse = |what: &str, found: Option<&str>| {
        found.map_or(Ok(()), |variable| Err(Failure::Fill { message: contains_secret(what, variable) }))
    };
    for change in &recorded.changes {
        refuse("the place that it changes", scope.secrets.find_in_text(&change.path.to_string()))?;
        refuse("what it changes", change.value().and_then(|value| scope.secrets.find_in(value)))?;
    }
    recorded
        .reads
        .iter()
        .try_for_each(|path| refuse("a place that it reads", scope.secrets.find_in_text(&path.to_string())))
}

/// The words for something that holds the value of a secret variable.
pub fn contains_secret(what: &str, variable: &str) -> String {
    format!("{what} contains the value of `{variable}`, a secret")
}

/// What the call fills when it was skipped or forgiven: `default` in the place of its result.
pub fn defaults(scope: &mut CallScope, task: &Task) -> Option<Result<Vec<Change>, Failure>> {
    let value = scope.default_value(task)?;
    let made = value.and_then(|value| fills(scope, task, value, Value::Null));
    Some(made.map_err(failure))
}

/// Why an expression of a call that has ended gave nothing, as its failure.
fn failure(hindrance: Hindrance) -> Failure {
    match hindrance {
        Hindrance::Failed(failure) => failure,
        Hindrance::Missing { message, .. } => Failure::Fill { message },
        Hindrance::Condition | Hindrance::Clash(_) => {
            Failure::Fill { message: "cannot be filled".to_owned() }
        }
    }
}

/// The exit code, if the ending is no failure.
fn judge(task: &Task, ending: &Ending) -> Result<i32, Failure> {
    match ending {
        Ending::Exited(Exit::Code(code)) if task.ok_exit.contains(code) => Ok(*code),
        Ending::Exited(exit) => Err(Failure::Exit { exit: *exit }),
        Ending::TimedOut => {
            Err(Failure::Timeout { limit_ms: task.timeout.map_or(0, |limit| limit.as_millis() as u64) })
        }
        Ending::Answered => Ok(0),
        Ending::Ended => Err(Failure::Interrupted),
        Ending::Stopped { signal } => Err(Failure::StoppedByTerminal { signal: *signal }),
        Ending::TooLong { limit } => Err(Failure::Result { message: too_long("standard output", *limit) }),
        Ending::CannotStart(message) => Err(Failure::CannotStart { message: message.clone() }),
    }
}

fn result(scope: &CallScope, task: &Task, stdout: &[u8]) -> Result<Value, Failure> {
    let wrong = |message: String| Failure::Result { message };
    if !task.result.from_file {
        if !task.reads_stdout() {
            return Ok(Value::Null);
        }
        check_count(task.result.format, "standard output", stdout)?;
        return decode(task.result.format, stdout).map_err(|error| {
            let plain = if is_plain_text(task.result.format, stdout) {
                "; `result = \"text\"` takes it as it is"
            } else {
                ""
            };
            wrong(format!("its standard output is not what `result` says: {}{plain}", in_words(error)))
        });
    }
    let bytes =
        left::read(&result_file(scope), LONGEST_RESULT as u64).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => wrong("it wrote no file `$DECO_RESULT`".to_owned()),
            _ => wrong(format!("the file `$DECO_RESULT` cannot be read: {error}")),
        })?;
    if bytes.len() > LONGEST_RESULT {
        return Err(wrong(too_long("file `$DECO_RESULT`", LONGEST_RESULT)));
    }
    check_count(task.result.format, "file `$DECO_RESULT`", &bytes)?;
    decode(task.result.format, &bytes).map_err(|error| {
        wrong(format!("its file `$DECO_RESULT` is not what `result` says: {}", in_words(error)))
    })
}

/// Whether the task takes a word for JSON, as one does who forgets the quotes.
fn is_plain_text(format: Format, stdout: &[u8]) -> bool {
    let begins_like_json = |byte: &u8| b"{[\"-0123456789".contains(byte);
    let first = stdout.trim_ascii_start().first();
    format == Format::Json && first.is_some_and(|byte| !begins_like_json(byte))
}

/// Refuses what would take too much memory once it is read.
fn check_count(format: Format, what: &str, bytes: &[u8]) -> Result<(), Failure> {
    match count::values(format, bytes, MOST_VALUES) {
        values if values > MOST_VALUES => Err(Failure::Result {
            message: format!(
                "its {what} holds {values} values, and a result may have {MOST_VALUES}; let the result be the name of a file"
            ),
        }),
        _ => Ok(()),
    }
}

fn too_long(what: &str, limit: usize) -> String {
    format!(
        "its {what} is longer than {} MiB, the most that a result may be; let the result be the name of a file",
        limit / (1024 * 1024)
    )
}

fn in_words(error: FormatError) -> String {
    match error.help {
        Some(help) => format!("{} ({help})", error.message),
        None => error.message,
    }
}

fn fills(scope: &mut CallScope, task: &Task, result: Value, exit: Value) -> Result<Vec<Change>, Hindrance> {
    scope.after = Some((result, exit));
    task.fills.iter().map(|fill| change(scope, fill)).collect()
}

fn change(scope: &CallScope, fill: &Fill) -> Result<Change, Hindrance> {
    let path = place(scope, &fill.place.value, fill.append)?;
    let value = match (&fill.value, &scope.after) {
        (Some(expression), _) => scope.eval(&expression.value)?,
        (None, Some((result, _))) => result.clone(),
        (None, None) => Value::Null,
    };
    if scope.secrets.is_empty() {
        return Ok(Change::set(path, value));
    }
    let secret = |what: &str, variable: &str| {
        Hindrance::Failed(Failure::Fill { message: contains_secret(what, variable) })
    };
    if let Some(variable) = scope.secrets.find_in_text(&path.to_string()) {
        return Err(secret("the place that it fills", variable));
    }
    match scope.secrets.find_in(&value) {
        Some(variable) => Err(secret("what it fills", variable)),
        None => Ok(Change::set(path, value)),
    }
}

fn place(scope: &CallScope, reference: &Reference, append: bool) -> Result<Path, Hindrance> {
    let failed = |message: String| Hindrance::Failed(Failure::Fill { message });
    let document = reference.document.clone().map_err(failed)?;
    let mut segments = Vec::with_capacity(reference.steps.len() + usize::from(append));
    for step in &reference.steps {
        segments.push(Segment::Key(match step {
            Step::Key(key) => key.clone(),
            Step::Computed(index) => key(scope.eval(index)?, index.source()).map_err(failed)?,
        }));
    }
    segments.extend(append.then_some(Segment::Append));
    Ok(Path { document, segments })
}

fn key(value: Value, source: &str) -> Result<Text, String> {
    key_text(&value).ok_or_else(|| {
        let shown = excerpt(&value.to_json(), 60);
        format!("the key `{source}` must be a text, a number from 0 or a boolean, and it is {shown}")
    })
}
