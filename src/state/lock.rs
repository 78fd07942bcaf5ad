//! One run of a manifest at a time: a lock that the system frees with its last holder, the run or the watchdog that still
//! ends what the run left behind. The file names the holder, for messages alone.

use std::fs::{self, File, TryLockError};
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::disk;

/// How long the lock of a run that died is waited for, while its processes are being ended.
const AFTER_DEATH: Duration = Duration::from_secs(4);

/// How often such a lock is tried.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// The state is ours until this is dropped. If this process dies before, until every process is gone that was given the
/// descriptor.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// How the lock is to be taken.
pub struct Locking<'a> {
    pub run: &'a str,
    /// What to call the manifest.
    pub manifest: &'a str,
    /// The run that this process is a call of, if it is one.
    pub within: Option<&'a str>,
    pub while_held: WhileHeld<'a>,
}

/// What to do while another run holds the lock.
#[derive(Clone, Copy)]
pub enum WhileHeld<'a> {
    /// Waits for its end, which is told before, with the words for who holds it.
    Wait(&'a dyn Fn(&str)),
    /// Fails, and says what to do.
    Refuse { remedy: &'a str },
}

/// Who holds a lock, as the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    pub run: String,
}

impl Lock {
    pub(super) fn take(path: &Path, locking: &Locking<'_>) -> Result<Lock, String> {
        let open = || File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = open().map_err(|error| words("open", path, &error))?;
        if !try_lock(&file, path)? {
            wait(&file, path, locking)?;
        }
        let lock = Lock { file, path: path.to_owned() };
        lock.name(locking.run)?;
        Ok(lock)
    }

    /// Says in the file that this process holds it, for this run.
    pub fn name(&self, run: &str) -> Result<(), String> {
        let holder = format!("{} {run}\n", std::process::id());
        disk::replace(&self.file, holder.as_bytes()).map_err(|error| words("write", &self.path, &error))
    }

    /// Whether others who ask for the lock ask for this file: not if it was removed while it was waited for.
    pub(super) fn is_in_place(&self) -> bool {
        let same =
            |own: fs::Metadata, named: fs::Metadata| (own.dev(), own.ino()) == (named.dev(), named.ino());
        self.file.metadata().and_then(|own| Ok(same(own, fs::metadata(&self.path)?))).unwrap_or(false)
    }

    /// Whoever has this descriptor, or a copy, holds the lock, even after the death of this process.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Lock {
    /// Freed though somebody may have a copy for a moment yet.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn wait(file: &File, path: &Path, locking: &Locking<'_>) -> Result<(), String> {
    let held = read_holder(path);
    if let Some(holder) = &held {
        if locking.within == Some(&holder.run) || is_ancestor(holder.pid) {
            return Err(format!(
                "`{}` is being run by a run that this one is a part of (process {}): they would wait for each other",
                locking.manifest, holder.pid
            ));
        }
        if !is_alive(holder.pid) && ends_soon(file, path)? {
            return Ok(());
        }
    }
    let who = held.map_or("another process".to_owned(), |holder| {
        format!("process {} (run {})", holder.pid, holder.run)
    });
    let held = format!("`{}` is being run by {who}", locking.manifest);
    match locking.while_held {
        WhileHeld::Refuse { remedy } => Err(format!("{held}; {remedy}")),
        WhileHeld::Wait(told) => {
            told(&format!("{held}; waiting for its end (`--no-wait` would not)"));
            file.lock().map_err(|error| words("lock", path, &error))
        }
    }
}

/// The run has died, and its watchdog is about to end: whether it did.
fn ends_soon(file: &File, path: &Path) -> Result<bool, String> {
    let end = Instant::now() + AFTER_DEATH;
    while Instant::now() < end {
        if try_lock(file, path)? {
            return Ok(true);
        }
        thread::sleep(TRY_EVERY);
    }
    Ok(false)
}

fn try_lock(file: &File, path: &Path) -> Result<bool, String> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(words("lock", path, &error)),
    }
}

fn read_holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.take(1024).read_to_string(&mut text).ok()?;
    let (pid, run) = text.trim_end().split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, run: run.to_owned() })
}

/// One that has ended, but that its starter has not asked about yet, is dead.
fn is_alive(pid: u32) -> bool {
    let id = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let is_there =
        id.is_some_and(|id| rustix::process::test_kill_process(id) != Err(rustix::io::Errno::SRCH));
    is_there && status(pid, "State:").is_none_or(|state| !state.starts_with(['Z', 'X']))
}

/// Whether the process is our parent, or its parent, and so on; no where the system does not tell.
fn is_ancestor(pid: u32) -> bool {
    let mut ancestor = std::process::id();
    // far deeper than any tree of processes
    for _ in 0..1000 {
        match parent(ancestor) {
            Some(parent) if parent == pid => return true,
            Some(parent) if parent > 1 => ancestor = parent,
            _ => return false,
        }
    }
    false
}

fn parent(pid: u32) -> Option<u32> {
    status(pid, "PPid:")?.parse().ok()
}

/// What the system tells of a process; none where it does not.
fn status(pid: u32, field: &str) -> Option<String> {
    // the name of its program may end in half a character
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    Some(status.lines().find_map(|line| line.strip_prefix(field))?.trim().to_owned())
}

fn words(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("failed to {verb} `{}`: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    const REFUSE: WhileHeld<'_> = WhileHeld::Refuse { remedy: "come back later" };

    fn locking<'a>(run: &'a str, while_held: WhileHeld<'a>) -> Locking<'a> {
        Locking { run, manifest: "deco.toml", within: None, while_held }
    }

    #[test]
    fn a_held_lock_names_its_holder_and_is_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::take(&path, &locking("r1", REFUSE)).unwrap();
        let refused = Lock::take(&path, &locking("r2", REFUSE)).unwrap_err();
        let who =
            format!("`deco.toml` is being run by process {} (run r1); come back later", std::process::id());
        assert_eq!(refused, who);
        drop(held);
        assert!(Lock::take(&path, &locking("r2", REFUSE)).is_ok());
    }

    #[test]
    fn a_run_does_not_wait_for_the_run_that_it_is_a_part_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _held = Lock::take(&path, &locking("r1", REFUSE)).unwrap();
        let inside = Locking { within: Some("r1"), ..locking("r2", WhileHeld::Wait(&|_| ())) };
        let refused = Lock::take(&path, &inside);
        assert!(refused.unwrap_err().contains("they would wait for each other"));
    }

    #[test]
    fn a_lock_that_was_removed_while_it_was_waited_for_locks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path(), Some("deco.toml".as_ref()), None);
        state.make().unwrap();
        let held = std::sync::Mutex::new(Some(state.lock(&locking("r1", REFUSE)).unwrap()));
        let removes = |_: &str| {
            state.remove().unwrap();
            drop(held.lock().unwrap().take());
        };
        let _second = state.lock(&locking("r2", WhileHeld::Wait(&removes))).unwrap();
        assert!(state.lock(&locking("r3", REFUSE)).unwrap_err().contains("(run r2)"));
    }

    #[test]
    fn whoever_waits_is_told_for_whom_and_gets_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = std::sync::Mutex::new(Some(Lock::take(&path, &locking("r1", REFUSE)).unwrap()));
        let release = |words: &str| {
            assert!(words.contains("(run r1)"), "{words}");
            drop(held.lock().unwrap().take());
        };
        assert!(Lock::take(&path, &locking("r2", WhileHeld::Wait(&release))).is_ok());
    }
}
