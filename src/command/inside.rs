//! What `deco set`, `append`, `delete` and `get` share: the call that they stand in, told by its environment, and the file
//! that their operations are appended to, safely when several run at once. No run, no manifest, no state.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use crate::change::lines::Line;
use crate::path::Path;
use crate::prepare::documents::{CHANGES, MUTATES, READS};
use crate::value::Value;

use super::{Exit, complain};

/// The call that this command was started by.
pub struct Call {
    operations: PathBuf,
    /// Where it may change something.
    pub mutates: Vec<Path>,
    /// Where else it may look.
    pub reads: Vec<Path>,
}

impl Call {
    /// The call, if there is one; in words if it has no documents, or is broken.
    pub fn find() -> Result<Option<Call>, String> {
        let file = std::env::var_os(CHANGES).filter(|file| !file.is_empty());
        let Some(operations) = file else {
            return match std::env::var("DECO_CALL") {
                Ok(call) => {
                    Err(format!("the task of `{call}` declares no document: name it in `mutates` or `reads`"))
                }
                Err(_) => Ok(None),
            };
        };
        Ok(Some(Call { operations: operations.into(), mutates: places(MUTATES)?, reads: places(READS)? }))
    }

    /// Opens the list of operations and holds it, so that nobody else adds to it meanwhile.
    pub fn operations(&self) -> Result<File, String> {
        // not made anew: what is gone belonged to a call that has ended
        let file = File::options().read(true).append(true).open(&self.operations);
        let file = file.map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => "the call has ended".to_owned(),
            _ => format!("cannot open the list of the call's changes: {why}"),
        })?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|why| format!("cannot lock the list of the call's changes: {why}"))?;
        Ok(file)
    }
}

fn places(variable: &str) -> Result<Vec<Path>, String> {
    let broken = || format!("`${variable}` does not say what deco wrote there");
    let text = std::env::var(variable).map_err(|_| broken())?;
    match Value::parse(text.as_bytes()) {
        Ok(Value::Array(paths)) => {
            paths.iter().map(|path| path.to_text().parse().map_err(|_| broken())).collect()
        }
        _ => Err(broken()),
    }
}

/// Writes an operation down.
pub fn write(mut file: &File, line: &Line) -> Result<(), String> {
    file.write_all(line.to_text().as_bytes())
        .map_err(|why| format!("cannot write to the list of the call's changes: {why}"))
}

/// Notes a change by the call that this command stands in.
pub fn change(line: Result<Line, String>) -> Exit {
    let made = line.and_then(|line| {
        let outside =
            || format!("`deco {}` changes documents inside a call of a run, and this is none", line.verb());
        let call = Call::find()?.ok_or_else(outside)?;
        if !call.mutates.iter().any(|place| place.holds(line.path())) {
            return Err(not_declared(line.path(), "change", &call.mutates, "`mutates`"));
        }
        write(&call.operations()?, &line)
    });
    match made {
        Ok(()) => Exit::Done,
        Err(message) => {
            complain(message);
            Exit::Wrong
        }
    }
}

/// The words for a place that the task does not declare.
pub fn not_declared(path: &Path, what: &str, declared: &[Path], key: &str) -> String {
    let places: Vec<String> = declared.iter().map(|place| format!("`{place}`")).collect();
    let may = match places.as_slice() {
        [] => format!("nothing to {what}"),
        places => format!("only {} to {what}", places.join(", ")),
    };
    format!("`{path}`: the task declares {may}; name the place in {key}")
}

/// The path of an argument.
pub fn path(text: &str) -> Result<Path, String> {
    text.parse()
}

/// The value of an argument: JSON, or with `is_text` a text; `-` stands for standard input.
pub fn value(argument: &str, is_text: bool) -> Result<Value, String> {
    let mut input = String::new();
    let given = match argument {
        "-" => {
            let read = io::stdin().lock().read_to_string(&mut input);
            read.map_err(|why| format!("cannot read standard input: {why}"))?;
            match is_text {
                true => input.strip_suffix('\n').unwrap_or(&input),
                false => &input,
            }
        }
        given => given,
    };
    if is_text {
        return Ok(given.into());
    }
    Value::parse(given.as_bytes())
        .map_err(|why| format!("the value is no JSON: {why}; `--text` takes it as it is"))
}
