//! How a run begins: its manifest's state opened and locked, the run to go on with found, its journal open.

use std::path::{Path, PathBuf};

use crate::cli::{HowArgs, StateArgs};
use crate::manifest::Manifest;
use crate::run::resume::Resume;
use crate::state::journal::Journal;
use crate::state::{Lock, Locking, RunFolder, Shelf, State, WhileHeld};

use super::{Exit, broken, complain, wrong};

/// What a run has before it runs.
pub struct Begun {
    /// Held as long as this is.
    pub lock: Lock,
    pub folder: RunFolder,
    pub journal: Journal,
    pub resume: Resume,
}

/// The state of a manifest.
pub fn state(manifest: &Manifest, args: &StateArgs) -> State {
    state_of(&manifest.source.name, &manifest.dir, args)
}

/// The state of the manifest of this name in this folder.
pub fn state_of(name: &str, dir: &Path, args: &StateArgs) -> State {
    let file = Path::new(name).file_name().filter(|_| name != "<stdin>");
    State::of(dir, file, elsewhere(args).as_deref())
}

/// The states of the command lines of `deco map`.
pub fn shelf(args: &StateArgs) -> Result<Shelf, String> {
    let folder = elsewhere(args).or_else(own_states).ok_or(
        "no folder for the state of runs of `deco map`: set `HOME` or `XDG_STATE_HOME`, or name one by `--state-dir`",
    )?;
    Ok(Shelf::of(&folder))
}

fn elsewhere(args: &StateArgs) -> Option<PathBuf> {
    args.folder().map(|folder| std::path::absolute(folder).unwrap_or(folder.clone()))
}

/// As the XDG base directories have it: a relative path in the variable counts for nothing.
fn own_states() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || folder("HOME").map(|home| home.join(".local/state"));
    folder("XDG_STATE_HOME").or_else(home).map(|state| state.join("deco"))
}

/// Begins a run, or goes on with an earlier one; on error all has been said.
pub fn begin(manifest: &Manifest, state: &State, how: &HowArgs) -> Result<Begun, Exit> {
    let named = how.resume.as_deref().filter(|id| !id.is_empty());
    let named = named.map(|id| state.find(Some(id))).transpose().map_err(wrong)?;
    try_begin(manifest, state, how, named).map_err(broken)
}

fn try_begin(
    manifest: &Manifest,
    state: &State,
    how: &HowArgs,
    named: Option<RunFolder>,
) -> Result<Begun, String> {
    state.make()?;
    let within = std::env::var("DECO_RUN_ID").ok();
    let lock = state.lock(&Locking {
        run: &run_id(),
        manifest: &manifest.source.name,
        within: within.as_deref(),
        while_held: if how.no_wait {
            WhileHeld::Refuse { remedy: "without `--no-wait` this run would wait" }
        } else {
            WhileHeld::Wait(&|words| complain(words))
        },
    })?;
    // runs that waited for each other are sorted as they went
    let fresh = run_id();
    let earlier = match &how.resume {
        None => None,
        Some(_) => {
            let found = state.unfinished(named)?;
            if found.is_none() {
                complain("there is no unfinished run to resume: this one starts from the beginning");
            }
            found
        }
    };
    let tasks = manifest.tasks.len();
    let (folder, end, resume) = match earlier {
        None => (state.begin(&fresh)?, 0, Resume::nothing(tasks)),
        Some((folder, earlier)) => {
            folder.forget_answer();
            (folder, earlier.journal_end, Resume::after(tasks, earlier.ends))
        }
    };
    lock.name(&folder.id)?;
    let journal = Journal::open(&folder.journal(), end)?;
    Ok(Begun { lock, folder, journal, resume })
}

/// Sorts by time: the moment in UTC, to the millisecond, and the process.
fn run_id() -> String {
    let now = jiff::Timestamp::now();
    let millis = now.as_millisecond().rem_euclid(1000);
    format!("{}{millis:03}-{}", now.strftime("%Y%m%dT%H%M%S"), std::process::id())
}
