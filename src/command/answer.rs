//! `deco get` outside a call: a value of the answer that a run gave.

use crate::cli::GetArgs;
use crate::path::{Path, Segment};
use crate::state::RunFolder;
use crate::value::{Text, Value};

use super::{Exit, complain, get, past, print, wrong};

pub fn run(args: &GetArgs) -> Exit {
    let path = match args.path.parse::<Path>() {
        Ok(path) => path,
        Err(message) => return wrong(message),
    };
    let default = match get::default(args) {
        Ok(default) => default,
        Err(message) => return wrong(message),
    };
    let run = past::run(&args.past, args.run.as_deref());
    let found = run.map_err(|message| (Exit::Wrong, message));
    let found = found.and_then(|run| {
        let value = find(&run, &path).map_err(|message| (Exit::Failed, message))?;
        let nothing = || format!("nothing stands at `{path}` in the answer of the run {}", run.id);
        value.or(default).ok_or_else(|| (Exit::Failed, nothing()))
    });
    match found {
        Ok(Value::String(text)) if args.text => print(format!("{text}\n").as_bytes()),
        Ok(value) => print((value.to_pretty_json() + "\n").as_bytes()),
        Err((exit, message)) => {
            complain(message);
            exit
        }
    }
}

/// What stands at the place in the run's answer.
fn find(run: &RunFolder, path: &Path) -> Result<Option<Value>, String> {
    let bytes = std::fs::read(run.answer()).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!(
            "the run {} has no answer: it goes on, or not all of it succeeded; `--resume` goes on with one that was \
             cut off, `--keep-going` gives what succeeded",
            run.id
        ),
        _ => format!("failed to read `{}`: {error}", run.answer().display()),
    })?;
    let broken = |error| format!("`{}` is broken: {error}", run.answer().display());
    let answer = Value::parse(&bytes).map_err(broken)?;
    let keys: Option<Vec<&Text>> = path.segments.iter().map(key).collect();
    let document = answer.get(path.document.as_str());
    Ok(document.zip(keys).and_then(|(document, keys)| document.at(keys)).cloned())
}

fn key(segment: &Segment) -> Option<&Text> {
    match segment {
        Segment::Key(key) => Some(key),
        Segment::Append | Segment::Any => None,
    }
}
