//! What becomes of a run that has ended: its answer where it was asked for, or the words for why there is none.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::cli::SelectionArgs;
use crate::diagnostic::Diagnostic;
use crate::event::RunStatus;
use crate::finish::{self, NoAnswer};
use crate::harvest::contains_secret;
use crate::mask::Masker;
use crate::name::Name;
use crate::output;
use crate::plan::{Plan, conflict, select};
use crate::report::Color;
use crate::run::Ran;
use crate::state::RunFolder;
use crate::store::Clash;
use crate::value::{Layout, Value};

use super::{Exit, broken, complain, open, print_by, secrets, wrong};

/// What is to become of the answer.
pub struct Asked<'a> {
    /// The documents; `None`: as the settings say.
    pub only: Option<Vec<Name>>,
    pub to: To,
    pub selection: Option<&'a SelectionArgs>,
    /// The answer is this document itself, not an object of documents; and what it is where nothing was filled.
    pub alone: Option<(Name, Value)>,
}

/// Where the answer goes.
pub enum To {
    StandardOutput,
    File(PathBuf),
    /// It has been shown already, piece by piece.
    Nowhere,
}

/// Whether the answer could be written, found before anything runs.
pub fn check(to: &To) -> Result<(), Exit> {
    let To::File(file) = to else {
        return match output::standard_output_was_closed() {
            true => {
                Err(broken("standard output is closed: the answer would be lost; `-o` names a file for it"))
            }
            false => Ok(()),
        };
    };
    output::check_writable(file).map_err(|error| unwritable(file, &error))
}

/// A file that the command line names cannot be written: it is the wrong one, unless the disk is to blame.
pub fn unwritable(file: &Path, error: &io::Error) -> Exit {
    let words = format!("cannot write `{}`: {error}", file.display());
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem
        | ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::FileTooLarge => broken(words),
        _ => wrong(words),
    }
}

/// Gives the answer, or says why there is none.
pub fn conclude(
    ran: &Ran,
    answer: Option<Result<Value, NoAnswer>>,
    folder: &RunFolder,
    asked: &Asked<'_>,
    layout: Layout,
    color: Color,
) -> Exit {
    let plan = &ran.plan;
    if ran.broken.is_some() {
        return Exit::Broken;
    }
    if let Some(signal) = ran.signal {
        return Exit::Signal(signal);
    }
    if let Some(clash) = &ran.clash {
        return in_conflict(ran, clash, color);
    }
    if ran.status == RunStatus::Succeeded
        && let Some(message) = asked.selection.and_then(|selection| named_nothing(selection, plan))
    {
        return failed(&ran.secrets, &message);
    }
    let answer = match answer {
        Some(Ok(answer)) => answer,
        Some(Err(NoAnswer::Clash(clash))) => return in_conflict(ran, &clash, color),
        Some(Err(NoAnswer::Expression { name, message })) => {
            return failed(&ran.secrets, &format!("`{name}` of `select` cannot be made: {message}"));
        }
        None => return Exit::Failed,
    };
    let whole = ran.status == RunStatus::Succeeded;
    if let Some(variable) = ran.secrets.find_in(&answer) {
        return failed(&ran.secrets, &contains_secret("the answer", variable));
    }
    if let Err(message) = folder.keep_answer(|out| finish::write(&answer, layout, out)) {
        return broken(message);
    }
    let answer = match &asked.alone {
        None => answer,
        Some((name, empty)) => answer.get(name.as_str()).unwrap_or(empty).clone(),
    };
    let written = match &asked.to {
        To::Nowhere => Exit::Done,
        To::StandardOutput => print_by(|out| finish::write(&answer, layout, out)),
        To::File(file) if whole => write(file, &answer, layout),
        To::File(file) => write(&finish::partial_file(file), &answer, layout),
    };
    if written == Exit::Done && !whole { Exit::Failed } else { written }
}

fn failed(secrets: &Masker, message: &str) -> Exit {
    complain(secrets.mask_message(message));
    Exit::Failed
}

fn write(file: &Path, answer: &Value, layout: Layout) -> Exit {
    match output::write_file(file, |out| finish::write(answer, layout, out)) {
        Ok(()) => Exit::Done,
        Err(error) => broken(format_args!("cannot write `{}`: {error}", file.display())),
    }
}

/// An address that could only be looked up once the run had found the calls, and that names none of them.
fn named_nothing(selection: &SelectionArgs, plan: &Plan) -> Option<String> {
    let addresses = selection.task.iter().chain(&selection.skip);
    addresses.filter_map(|address| select::named(plan, address).err()).next()
}

/// Draws the conflict on the manifest's text, as planning does.
fn in_conflict(ran: &Ran, clash: &Clash, color: Color) -> Exit {
    let plan = &ran.plan;
    let mut diagnostic = match clash {
        Clash::Unordered { first, second, path, by_reading } => {
            conflict::found(plan, *first, *second, path, *by_reading)
        }
        Clash::Misfit { call, path, message } => {
            let address = plan.address(*call);
            let error =
                Diagnostic::error(format!("what `{address}` changes at `{path}` does not fit: {message}"));
            error.at(plan.task(*call).span.clone(), "")
        }
    };
    secrets::hide(&ran.secrets, &mut diagnostic);
    open::show(&plan.manifest.source, vec![diagnostic], color);
    Exit::Failed
}
