//! The state folder of one manifest: a folder for each of its last runs, and the lock that lets one run at a time use them.
//! Failures come in words: what could not be done to which file, and what to do about it. Unaware of plans and processes.

mod disk;
pub mod durations;
pub mod earlier;
pub mod journal;
mod lock;
pub mod logs;
pub mod reading;
mod shelf;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use lock::{Holder, Lock, Locking, WhileHeld};
pub use shelf::{CommandRun, Shelf};

/// How many runs of a manifest are kept.
pub const KEPT_RUNS: usize = 20;

/// How many ids are listed where one is not known.
const LISTED: usize = 5;

/// The state of one manifest.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
    home: Home,
}

/// Where a state stands.
#[derive(Clone, Debug)]
enum Home {
    BesideManifest,
    /// In a folder that the user chose.
    Elsewhere,
    Shelf(shelf::Command),
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    /// Sorts by the time at which the run began.
    pub id: String,
    pub path: PathBuf,
}

/// Tells folders apart, in the same way with every version of deco: 16 hexadecimal digits.
fn short_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

impl State {
    /// Where the state of the manifest `file`, in the folder `dir`, stands: beside it, or in `elsewhere`, which several
    /// manifests may share. A manifest without a file is called `-`. Makes nothing.
    pub fn of(dir: &Path, file: Option<&OsStr>, elsewhere: Option<&Path>) -> State {
        let name = file.unwrap_or(OsStr::new("-"));
        let folder = match elsewhere {
            None => dir.join(".deco").join(name),
            Some(elsewhere) => {
                let mut own = name.to_owned();
                own.push(format!("-{}", short_hash(dir.join(name).as_os_str().as_encoded_bytes())));
                elsewhere.join(own)
            }
        };
        let home = if elsewhere.is_some() { Home::Elsewhere } else { Home::BesideManifest };
        State { folder, home }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder, for its owner's eyes only; the one beside the manifest is ignored by git.
    pub fn make(&self) -> Result<(), String> {
        let all = self.folder.parent().unwrap_or(&self.folder);
        disk::create_private_folder(all).map_err(|error| self.unusable(all, &error))?;
        let ignore = all.join(".gitignore");
        if matches!(self.home, Home::BesideManifest) && !ignore.exists() {
            disk::write(&ignore, b"*\n").map_err(|error| self.unusable(&ignore, &error))?;
        }
        let runs = self.folder.join("runs");
        disk::create_private_folder(&runs).map_err(|error| self.unusable(&runs, &error))?;
        match &self.home {
            Home::Shelf(command) => command.label(&self.folder),
            Home::BesideManifest | Home::Elsewhere => Ok(()),
        }
    }

    fn unusable(&self, what: &Path, error: &io::Error) -> String {
        format!("failed to make `{}`: {error}; `--state-dir` puts deco's state elsewhere", what.display())
    }

    /// Waits for the lock, or not: see [`Lock`]. Who held it may have removed the state with it: then it is made anew.
    pub fn lock(&self, locking: &Locking<'_>) -> Result<Lock, String> {
        loop {
            let lock = Lock::take(&self.folder.join("lock"), locking)?;
            if lock.is_in_place() {
                return Ok(lock);
            }
            self.make()?;
        }
    }

    /// The runs that are kept, the oldest first.
    pub fn runs(&self) -> Vec<RunFolder> {
        let mut runs = self.folders();
        runs.retain(|run| run.journal().is_file());
        runs
    }

    /// The folders of runs, the oldest first, whatever they hold.
    fn folders(&self) -> Vec<RunFolder> {
        let entries = std::fs::read_dir(self.folder.join("runs")).into_iter().flatten().flatten();
        let run = |entry: std::fs::DirEntry| {
            Some(RunFolder { id: entry.file_name().into_string().ok()?, path: entry.path() })
        };
        let mut folders: Vec<RunFolder> = entries.filter_map(run).collect();
        folders.sort_by(|a, b| a.id.cmp(&b.id));
        folders
    }

    /// The run whose id begins so, if there is one such; without a beginning the last.
    pub fn find(&self, id: Option<&str>) -> Result<RunFolder, String> {
        choose(self.runs(), id, "no run is kept; `deco run` makes one")
    }

    /// A folder for a run that begins.
    pub fn begin(&self, id: &str) -> Result<RunFolder, String> {
        let path = self.folder.join("runs").join(id);
        disk::create_private_folder(&path).map_err(|error| self.unusable(&path, &error))?;
        Ok(RunFolder { id: id.to_owned(), path })
    }

    /// Removes all runs but the last few, and this one; and what is left of runs that were being removed, or never came to
    /// their journal. For who holds the lock.
    pub fn forget_older_than(&self, this: &RunFolder) {
        let (mut runs, ruins): (Vec<_>, Vec<_>) =
            self.folders().into_iter().partition(|run| run.journal().is_file());
        runs.truncate(runs.len().saturating_sub(KEPT_RUNS));
        for run in runs.iter().chain(&ruins).filter(|run| run.id != this.id) {
            // one that cannot be removed now will be with the next run
            let _ = std::fs::remove_dir_all(&run.path);
        }
    }

    /// Removes all of it. For who holds the lock.
    pub fn remove(&self) -> Result<(), String> {
        match remove_whole(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("failed to remove `{}`: {error}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Takes a folder away at once, and removes it then: whoever waits for its lock makes a new one, of which nothing is removed.
fn remove_whole(folder: &Path) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".removed-");
    name.push(folder.file_name().unwrap_or_default());
    name.push(format!("-{}", std::process::id()));
    let removed = folder.with_file_name(name);
    std::fs::rename(folder, &removed)?;
    std::fs::remove_dir_all(removed)
}

/// Of these runs, the oldest first, the one whose id begins so; without a beginning the last. `none` says that there are none.
fn choose(mut runs: Vec<RunFolder>, id: Option<&str>, none: &str) -> Result<RunFolder, String> {
    let Some(id) = id else { return runs.pop().ok_or_else(|| none.to_owned()) };
    let last: Vec<String> = runs.iter().rev().take(LISTED).map(|run| format!("`{}`", run.id)).collect();
    runs.retain(|run| run.id.starts_with(id));
    match (runs.pop(), runs.is_empty()) {
        (Some(run), true) => Ok(run),
        (Some(_), false) => Err(format!("the ids of several runs begin with `{id}`")),
        (None, _) if last.is_empty() => Err(none.to_owned()),
        (None, _) => Err(format!("there is no run `{id}`; the last are {}", last.join(", "))),
    }
}

impl RunFolder {
    /// The file of the run's events.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// The answer that the run gave, as it was printed, in whole or in part.
    pub fn answer(&self) -> PathBuf {
        self.path.join("answer.json")
    }

    /// Takes back the answer of an earlier part of the run.
    pub fn forget_answer(&self) {
        // where it cannot be removed, it could not be written either
        let _ = std::fs::remove_file(self.answer());
    }

    /// Keeps the answer, for whoever asks for it later.
    pub fn keep_answer(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
        let file = self.answer();
        disk::fill(&file, write).map_err(|error| format!("failed to write `{}`: {error}", file.display()))
    }

    /// Where outputs go that are too long for the events.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }
}
