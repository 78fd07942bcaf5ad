//! The states of commands that no manifest holds: side by side in one folder, of which only the last few are kept. Each tells
//! its command line, so that the runs that began in a folder can be found again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::value::Value;

use super::{Home, RunFolder, State, choose};

/// How many command lines are remembered.
pub const KEPT_COMMANDS: usize = 50;

/// The file in a state that tells whose it is.
const LABEL: &str = "command.json";

/// The folder in which these states stand.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

/// A run of a command line.
#[derive(Clone, Debug)]
pub struct CommandRun {
    pub folder: RunFolder,
    /// The words of the command line, keys included.
    pub words: Arc<[String]>,
}

impl Shelf {
    /// In the folder of a user's states. Makes nothing.
    pub fn of(states: &Path) -> Shelf {
        Shelf { folder: states.join("map") }
    }

    /// The state of a command line that is run in the folder `dir`. Makes nothing.
    pub fn state(&self, words: &[String], dir: &Path) -> State {
        let mut bytes = Vec::new();
        for part in words.iter().map(String::as_bytes).chain([dir.as_os_str().as_encoded_bytes()]) {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        let command = Command { dir: dir.to_owned(), words: words.into() };
        State { folder: self.folder.join(super::short_hash(&bytes)), home: Home::Shelf(command) }
    }

    /// Removes the states beside this one that were used the longest ago, except of those that run.
    pub fn forget_others(&self, state: &State) {
        let others = self.folders().filter(|path| *path != state.folder);
        let mut others: Vec<(SystemTime, PathBuf)> = others
            .filter_map(|path| Some((fs::metadata(path.join("lock")).ok()?.modified().ok()?, path)))
            .collect();
        others.sort_unstable();
        let many = others.len().saturating_sub(KEPT_COMMANDS - 1);
        others[..many].iter().for_each(|(_, folder)| remove_unused(folder));
    }

    /// The states of command lines that were run in the folder `dir`, in no order, with their words.
    pub fn states(&self, dir: &Path) -> impl Iterator<Item = (State, Arc<[String]>)> {
        self.folders().filter_map(move |folder| {
            let words = words(&folder)?;
            let state = self.state(&words, dir);
            // the name of the folder is made of both: so it tells whether this is where the command was run
            (state.folder == folder).then_some((state, Arc::from(words)))
        })
    }

    /// The runs that began in the folder `dir` and are kept, the oldest first.
    pub fn runs(&self, dir: &Path) -> Vec<CommandRun> {
        let runs = self.states(dir).flat_map(|(state, words)| {
            state.runs().into_iter().map(move |folder| CommandRun { folder, words: Arc::clone(&words) })
        });
        let mut runs: Vec<CommandRun> = runs.collect();
        runs.sort_by(|a, b| a.folder.id.cmp(&b.folder.id));
        runs
    }

    /// Of the runs that began in the folder `dir` the one whose id begins so; without a beginning the last.
    pub fn find(&self, dir: &Path, id: Option<&str>) -> Result<RunFolder, String> {
        let runs = self.runs(dir).into_iter().map(|run| run.folder).collect();
        choose(runs, id, &format!("no run of `deco map` that began in `{}` is kept", dir.display()))
    }

    fn folders(&self) -> impl Iterator<Item = PathBuf> {
        fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path())
    }
}

/// A command line, and where it is run.
#[derive(Clone, Debug)]
pub(super) struct Command {
    dir: PathBuf,
    words: Vec<String>,
}

impl Command {
    /// Tells in the folder of the state whose it is.
    pub(super) fn label(&self, folder: &Path) -> Result<(), String> {
        let words = self.words.iter().map(|word| Value::from(word.as_str())).collect();
        let dir = Value::from(&*self.dir.to_string_lossy());
        let label = Value::object([("folder", dir), ("command", Value::array(words))]).to_json() + "\n";
        let file = folder.join(LABEL);
        if fs::read(&file).is_ok_and(|written| written == label.as_bytes()) {
            return Ok(());
        }
        super::disk::write(&file, label.as_bytes())
            .map_err(|error| format!("failed to write `{}`: {error}", file.display()))
    }
}

/// The command line of a state; `None`: it does not tell.
fn words(folder: &Path) -> Option<Vec<String>> {
    let label = Value::parse(&fs::read(folder.join(LABEL)).ok()?).ok()?;
    let Some(Value::Array(words)) = label.get("command") else { return None };
    let text = |word: &Value| match word {
        Value::String(text) => Some(text.to_string()),
        _ => None,
    };
    words.iter().map(text).collect()
}

/// One that cannot be removed now will be another time.
fn remove_unused(folder: &Path) {
    let Ok(lock) = File::open(folder.join("lock")) else { return };
    if lock.try_lock().is_ok() {
        let _ = super::remove_whole(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_commands_are_kept_and_those_that_run() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(folder.path());
        let states: Vec<State> =
            (0..KEPT_COMMANDS + 3).map(|n| shelf.state(&[n.to_string()], Path::new("/"))).collect();
        for (state, n) in states.iter().zip(0..) {
            fs::create_dir_all(&state.folder).unwrap();
            let lock = File::create(state.folder.join("lock")).unwrap();
            lock.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n)).unwrap();
        }
        let running = File::open(states[1].folder.join("lock")).unwrap();
        running.lock().unwrap();
        shelf.forget_others(&states[KEPT_COMMANDS + 2]);
        let there = |n: usize| states[n].folder.exists();
        assert_eq!([0, 1, 2, 3, KEPT_COMMANDS + 2].map(there), [false, true, false, true, true]);
    }

    #[test]
    fn words_that_are_divided_otherwise_are_another_command() {
        let of = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Shelf::of(Path::new("/s")).state(&words, Path::new("/a")).folder
        };
        assert_ne!(of(&["a b"]), of(&["a", "b"]));
        assert_eq!(of(&["a"]), of(&["a"]));
    }

    #[test]
    fn the_runs_of_a_folder_are_found_by_what_their_commands_tell() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(folder.path());
        let begin = |dir: &str, word: &str, id: &str| {
            let state = shelf.state(&[word.to_owned()], Path::new(dir));
            state.make().unwrap();
            fs::write(state.begin(id).unwrap().journal(), "").unwrap();
            state
        };
        begin("/a", "two words", "2");
        begin("/a", "x", "1");
        begin("/b", "x", "3");
        // one that tells nothing, or half, is passed over
        fs::write(begin("/a", "y", "4").folder.join(LABEL), "{\"command\":[\"y").unwrap();
        let runs = shelf.runs(Path::new("/a"));
        let told: Vec<(&str, &str)> = runs.iter().map(|run| (&*run.folder.id, &*run.words[0])).collect();
        assert_eq!(told, [("1", "x"), ("2", "two words")]);
        assert_eq!(shelf.find(Path::new("/b"), None).unwrap().id, "3");
        assert!(shelf.find(Path::new("/a"), Some("3")).unwrap_err().contains("the last are `2`, `1`"));
        assert!(shelf.find(Path::new("/c"), None).unwrap_err().contains("began in `/c`"));
    }
}
