//! The states of commands that no manifest holds: side by side in one folder, of which only the last few are kept.

use std::fs::{self, File};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustc_hash::FxHasher;

use super::State;

/// How many command lines are remembered.
pub const KEPT_COMMANDS: usize = 50;

impl State {
    /// The state of a command line that is run in the folder `dir`; in `elsewhere`. Makes nothing.
    pub fn of_command(words: &[String], dir: &Path, elsewhere: &Path) -> State {
        let mut hasher = FxHasher::default();
        for part in words.iter().map(String::as_bytes).chain([dir.as_os_str().as_encoded_bytes()]) {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        State { folder: elsewhere.join("map").join(format!("{:016x}", hasher.finish())), is_elsewhere: true }
    }

    /// Removes the states beside this one that were used the longest ago, except of those that run.
    pub fn forget_others(&self) {
        let entries =
            self.folder.parent().and_then(|all| fs::read_dir(all).ok()).into_iter().flatten().flatten();
        let others = entries.map(|entry| entry.path()).filter(|path| *path != self.folder);
        let mut others: Vec<(SystemTime, PathBuf)> = others
            .filter_map(|path| Some((fs::metadata(path.join("lock")).ok()?.modified().ok()?, path)))
            .collect();
        others.sort_unstable();
        let many = others.len().saturating_sub(KEPT_COMMANDS - 1);
        others[..many].iter().for_each(|(_, folder)| remove_unused(folder));
    }
}

/// One that cannot be removed now will be another time.
fn remove_unused(folder: &Path) {
    let Ok(lock) = File::open(folder.join("lock")) else { return };
    if lock.try_lock().is_ok() {
        let _ = fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_commands_are_kept_and_those_that_run() {
        let folder = tempfile::tempdir().unwrap();
        let states: Vec<State> = (0..KEPT_COMMANDS + 3)
            .map(|n| State::of_command(&[n.to_string()], Path::new("/"), folder.path()))
            .collect();
        for (state, n) in states.iter().zip(0..) {
            fs::create_dir_all(&state.folder).unwrap();
            let lock = File::create(state.folder.join("lock")).unwrap();
            lock.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n)).unwrap();
        }
        let running = File::open(states[1].folder.join("lock")).unwrap();
        running.lock().unwrap();
        states[KEPT_COMMANDS + 2].forget_others();
        let there = |n: usize| states[n].folder.exists();
        assert_eq!([0, 1, 2, 3, KEPT_COMMANDS + 2].map(there), [false, true, false, true, true]);
    }

    #[test]
    fn words_that_are_divided_otherwise_are_another_command() {
        let of = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            State::of_command(&words, Path::new("/a"), Path::new("/s")).folder
        };
        assert_ne!(of(&["a b"]), of(&["a", "b"]));
        assert_eq!(of(&["a"]), of(&["a"]));
    }
}
