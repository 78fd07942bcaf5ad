//! The processes of a run that nobody leads any more: known by the run's id in the environment that they were started
//! with. Does not see one that was started with another environment, nor one of another user.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process};

/// How long is looked for what is left: a process may start another while it is looked at.
const SEARCH: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// Kills every process that carries the run's id, until there is none; never this one. Does nothing where the system
/// shows no processes.
pub fn end(run_id: &OsStr) {
    let mark = [b"DECO_RUN_ID=", run_id.as_bytes()].concat();
    let began = Instant::now();
    while kill_all(&mark) > 0 && began.elapsed() < SEARCH {
        thread::sleep(PAUSE);
    }
}

/// How many there were.
fn kill_all(mark: &[u8]) -> usize {
    let own = getpid();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let others = processes.filter_map(Pid::from_raw).filter(|process| *process != own);
    others.filter(|process| kill(*process, mark).is_some()).count()
}

/// The process is held while it is looked at: its id may by then be another's.
#[cfg(target_os = "linux")]
fn kill(process: Pid, mark: &[u8]) -> Option<()> {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

    if !carries(process, mark) {
        return None;
    }
    match pidfd_open(process, PidfdFlags::empty()) {
        Ok(held) if carries(process, mark) => pidfd_send_signal(held, Signal::KILL).ok(),
        // before Linux 5.3 nothing can be held
        Err(Errno::NOSYS) => kill_process(process, Signal::KILL).ok(),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn kill(process: Pid, mark: &[u8]) -> Option<()> {
    carries(process, mark).then(|| kill_process(process, Signal::KILL).ok())?
}

/// A process that has ended, though it was not reaped, shows no environment.
fn carries(process: Pid, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{process}/environ"));
    environment.is_ok_and(|bytes| bytes.split(|&byte| byte == 0).any(|variable| variable == mark))
}
