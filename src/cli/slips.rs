//! Options that other tools have and deco has not: what is written here instead, beside clap's own message.
//! Knows words only, not what they do.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

/// The error of a command line whose first word is `verb`, with the remedy where the slip is a usual one.
#[must_use]
pub fn explained(mut error: Error, verb: &str) -> Error {
    let remedy = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => remedy(verb, option),
        _ => None,
    };
    if let Some(remedy) = remedy {
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(remedy)]));
    }
    error
}

fn remedy(verb: &str, option: &str) -> Option<String> {
    let remedy = match (verb, option) {
        ("run" | "check" | "plan" | "graph", "-f" | "--file" | "--manifest") => {
            return Some(format!("the manifest stands without an option: `deco {verb} FILE`"));
        }
        ("-C" | "--directory", _) => "`-C` stands behind the command: `deco run -C DIR`",
        ("map", "-n" | "--dry-run") => "`echo` before the command shows what would run",
        ("map", "--json") => "the answer is JSON; `--result json` takes what each call prints as JSON too",
        ("run", "--json") => "the answer is JSON; `--compact` prints it on one line",
        ("map", "--tag") => "the answer has the results by key; `--ndjson` prints each as it comes",
        ("map" | "run", "-P" | "--max-procs" | "--parallel" | "--max-parallel" | "--workers") => {
            "`--jobs N` says how many calls run at a time"
        }
        ("init", "-t") => "`--template NAME` chooses what to start from",
        _ => return None,
    };
    Some(remedy.to_owned())
}
