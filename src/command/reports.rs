//! What is made of a run's events once they are all in its journal: a file for each kind that is asked for.

use std::path::{Path, PathBuf};

use crate::cli::ReportFiles;
use crate::output;
use crate::report::record::Record;
use crate::report::{html, junit, trace};
use crate::state::{RunFolder, reading};

/// A kind of report: its option, and how it is made.
type Kind = (&'static str, fn(&Record) -> String);

const JUNIT: Kind = ("--junit", junit::document);
const TRACE: Kind = ("--trace", trace::document);
const HTML: Kind = ("--report", html::document);

/// Refuses a file that could not be written, before anything runs.
pub fn check(files: &ReportFiles) -> Result<(), String> {
    wanted(files).try_for_each(|((option, _), file)| {
        if file == Path::new("-") {
            return Err(format!(
                "`{option} -`: standard output carries only the answer; name a file, or `/dev/stderr`"
            ));
        }
        output::check_writable(file).map_err(|error| words(file, &error))
    })
}

/// Writes what is asked for.
pub fn write(files: &ReportFiles, run: &RunFolder) -> Result<(), String> {
    if wanted(files).next().is_none() {
        return Ok(());
    }
    let record = record(run)?;
    wanted(files).try_for_each(|((_, make), file)| {
        output::write_file(file, |out| out.write_all(make(&record).as_bytes()))
            .map_err(|error| words(file, &error))
    })
}

/// What became of a run, from its journal.
pub fn record(run: &RunFolder) -> Result<Record, String> {
    let mut record = Record::default();
    reading::read(&run.journal(), |event| record.take(event))?;
    Ok(record)
}

/// The files that are asked for, with their options.
pub fn files(files: &ReportFiles) -> impl Iterator<Item = (&'static str, &PathBuf)> {
    wanted(files).map(|((option, _), file)| (option, file))
}

fn wanted(files: &ReportFiles) -> impl Iterator<Item = (Kind, &PathBuf)> {
    let all = [(JUNIT, &files.junit), (TRACE, &files.trace), (HTML, &files.report)];
    all.into_iter().filter_map(|(kind, file)| Some((kind, file.as_ref()?)))
}

fn words(file: &Path, error: &std::io::Error) -> String {
    format!("cannot write `{}`: {error}", file.display())
}
