//! What an option or an argument may have as its value: words that clap knows, calls and documents of the manifest that the
//! command line names, runs that are kept, or files.

use std::fs;
use std::path::PathBuf;

use clap::{Arg, ValueHint};

use crate::cli::{ManifestArgs, StateArgs};
use crate::report::Color;
use crate::state::RunFolder;

use super::super::{begin, open, past, reports};
use super::calls::Known;
use super::position::Position;
use super::{Answer, Candidate, first_line};

/// Bytes of a journal that are read for the names of its calls.
const MOST_OF_JOURNAL: u64 = 4 << 20;

/// The values of `arg` that may begin so.
pub fn of(position: &Position<'_>, arg: &Arg, typed: &str) -> Answer {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let shown = possible.iter().filter(|value| !value.is_hide_set());
        let candidate = |value: &clap::builder::PossibleValue| Candidate {
            word: value.get_name().to_owned(),
            about: first_line(value.get_help()),
        };
        return Answer::Words(shown.map(candidate).collect());
    }
    let is_map = position.is_map();
    match (position.command.get_name(), arg.get_id().as_str()) {
        ("man", "verb") => Answer::Words(verbs()),
        (_, "task" | "skip") => known(position, |known| known.addresses(typed)),
        (_, "address" | "addresses") if is_map => Answer::Words(calls_of_map(position)),
        (_, "address" | "addresses") => known(position, |known| known.addresses(typed)),
        (_, "select") => known(position, |known| known.documents()),
        ("get", "path") if is_map => Answer::Words(calls_of_map(position)),
        ("get", "path") => known(position, |known| known.places(typed)),
        (_, "run" | "resume") => Answer::Words(runs(position)),
        _ => match arg.get_value_hint() {
            ValueHint::DirPath => Answer::Folders,
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::CommandWithArguments => Answer::Files,
            _ => Answer::Words(Vec::new()),
        },
    }
}

impl Position<'_> {
    /// Whether it is about `deco map`.
    fn is_map(&self) -> bool {
        self.command.get_name() == "map" || self.given("map").next().is_some()
    }

    fn path(&self, id: &str) -> Option<PathBuf> {
        self.given(id).last().map(PathBuf::from)
    }

    fn state(&self) -> StateArgs {
        let set = || std::env::var_os("DECO_STATE_DIR").filter(|folder| !folder.is_empty());
        StateArgs { state_dir: self.path("state_dir").or_else(|| set().map(PathBuf::from)) }
    }

    fn manifest(&self) -> ManifestArgs {
        let all = |id| self.given(id).map(str::to_owned).collect();
        ManifestArgs {
            manifest: self.path("manifest"),
            directory: self.path("directory"),
            set: all("set"),
            set_text: all("set_text"),
            color: Color::Never,
        }
    }
}

fn known(position: &Position<'_>, ask: impl FnOnce(&Known) -> Vec<Candidate>) -> Answer {
    Answer::Words(Known::open(&position.manifest()).map_or(Vec::new(), |known| ask(&known)))
}

fn verbs() -> Vec<Candidate> {
    use clap::CommandFactory;
    super::verbs(&crate::cli::Cli::command())
}

/// The runs that are kept, the last first.
fn runs(position: &Position<'_>) -> Vec<Candidate> {
    let (directory, state) = (position.path("directory"), position.state());
    let runs: Option<Vec<RunFolder>> = match position.is_map() {
        true => past::all_of_map(directory.as_deref(), &state)
            .map(|runs| runs.into_iter().map(|run| run.folder).collect())
            .ok(),
        false => open::find(position.path("manifest").as_deref(), directory.as_deref())
            .map(|found| begin::state_of(&found.name, &found.dir, &state).runs())
            .ok(),
    };
    let newest = runs.unwrap_or_default().into_iter().rev();
    newest.map(|run| Candidate { word: run.id, about: String::new() }).collect()
}

/// The calls of a run of `deco map`.
fn calls_of_map(position: &Position<'_>) -> Vec<Candidate> {
    let directory = position.path("directory");
    let run = past::of_map(directory.as_deref(), &position.state(), position.given("run").last()).ok();
    let run = run.filter(|run| fs::metadata(run.journal()).is_ok_and(|file| file.len() <= MOST_OF_JOURNAL));
    let record = run.and_then(|run| reports::record(&run).ok()).unwrap_or_default();
    // in the journal they stand as they began, which chance decides
    let mut calls: Vec<_> = record.calls.into_keys().collect();
    calls.sort_unstable();
    calls.into_iter().map(|word| Candidate { word: word.into(), about: String::new() }).collect()
}
