//! `deco log`: what calls of a past run printed, from its journal and its log files.

use std::fmt::Write;
use std::time::Duration;

use crate::cli::LogArgs;
use crate::outcome::{Outcome, in_words};
use crate::report::find;
use crate::report::record::{Call, End, Output, Record};
use crate::state::RunFolder;

use super::{Exit, broken, past, print, reports, wrong};

pub fn run(args: &LogArgs) -> Exit {
    match text(args) {
        Ok(text) => print(&text),
        Err(exit) => exit,
    }
}

fn text(args: &LogArgs) -> Result<Vec<u8>, Exit> {
    let run = &past::run(&args.past, args.run.as_deref()).map_err(wrong)?;
    let record = reports::record(run).map_err(broken)?;
    let mut calls = calls(&record, &args.addresses).map_err(wrong)?;
    calls.retain(|(_, call)| !args.failed || is_failed(call));
    let is_alone = calls.len() == 1 && !args.addresses.is_empty();
    let mut out = Vec::new();
    for (address, call) in calls {
        let printed = printed(args, run, call).map_err(broken)?;
        // of many calls, those that printed nothing would only be in the way
        if is_alone {
            out.extend(printed);
        } else if !printed.is_empty() || is_failed(call) {
            out.extend(heading(address, call).bytes());
            out.extend(printed);
        }
    }
    Ok(out)
}

/// The calls that are asked for, each once.
fn calls<'r>(record: &'r Record, addresses: &[String]) -> Result<Vec<(&'r str, &'r Call)>, String> {
    if addresses.is_empty() {
        return Ok(record.calls.iter().map(|(address, call)| (address.as_str(), call)).collect());
    }
    let mut found: indexmap::IndexMap<&str, &Call> = indexmap::IndexMap::new();
    for address in addresses {
        found.extend(find::named(record, address)?);
    }
    Ok(found.into_iter().collect())
}

fn is_failed(call: &Call) -> bool {
    call.end.as_ref().is_some_and(|end| matches!(end.outcome, Outcome::Failed { .. }))
}

fn heading(address: &str, call: &Call) -> String {
    let mut words = match &call.end {
        Some(end) => end.outcome.to_string(),
        None => "its end was not told".to_owned(),
    };
    if let Some(End { took_ms: Some(took), .. }) = &call.end {
        let _ = write!(words, " after {}", in_words(Duration::from_millis(*took)));
    }
    format!("==> {address}: {words}\n")
}

/// Both outputs as they were kept, each ending with a line break.
fn printed(args: &LogArgs, run: &RunFolder, call: &Call) -> Result<Vec<u8>, String> {
    let Some(end) = &call.end else { return Ok(Vec::new()) };
    let wanted = [(&end.stdout, !args.stderr), (&end.stderr, !args.stdout)];
    let mut out = Vec::new();
    for (output, _) in wanted.into_iter().filter(|(_, is_wanted)| *is_wanted) {
        out.extend(whole(run, output)?);
        if out.last().is_some_and(|&last| last != b'\n') {
            out.push(b'\n');
        }
    }
    Ok(out)
}

fn whole(run: &RunFolder, output: &Output) -> Result<Vec<u8>, String> {
    match &output.log {
        None => Ok(output.tail.clone().into_bytes()),
        Some(log) => {
            let file = run.path.join(log);
            std::fs::read(&file)
                .map_err(|error| format!("failed to read the log `{}`: {error}", file.display()))
        }
    }
}
