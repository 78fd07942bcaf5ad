//! `deco report`: what `deco run` would have written of a past run.

use std::io::{IsTerminal, stdout};
use std::path::Path;

use crate::cli::{ReportArgs, ReportFiles};
use crate::report::html;

use super::{Exit, broken, open, outputs, past, print, reports, wrong};

pub fn run(args: &ReportArgs) -> Exit {
    let report = args.output.clone().filter(|file| file != Path::new("-"));
    let files = ReportFiles { junit: args.junit.clone(), trace: args.trace.clone(), report };
    let to_stdout = files.report.is_none() && files.junit.is_none() && files.trace.is_none();
    if to_stdout && args.output.is_none() && stdout().is_terminal() {
        return wrong("the report is a page for a browser: write it to a file with `-o report.html`");
    }
    let run = reports::check(&files)
        .and_then(|()| check_apart(args, &files))
        .and_then(|()| past::run(&args.past, args.run.as_deref()));
    let run = match run {
        Ok(run) => run,
        Err(message) => return wrong(message),
    };
    if to_stdout {
        return match reports::record(&run) {
            Ok(record) => print(html::document(&record).as_bytes()),
            Err(message) => broken(message),
        };
    }
    reports::write(&files, &run).map_or_else(broken, |()| Exit::Done)
}

/// Refuses files that would be written over the manifest, or over each other.
fn check_apart(args: &ReportArgs, files: &ReportFiles) -> Result<(), String> {
    let past = &args.past;
    // one that cannot be found is told of elsewhere
    let found = open::find(past.manifest.as_deref(), past.directory.as_deref()).ok();
    let named = [("-o", &files.report), ("--junit", &files.junit), ("--trace", &files.trace)];
    let named = named.into_iter().filter_map(|(option, file)| Some((option, file.as_ref()?)));
    outputs::apart(found.and_then(|found| found.file).as_deref(), named)
}
