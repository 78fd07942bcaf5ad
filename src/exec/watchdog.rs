//! A second process of this program that outlives it: should deco die without a word, whatever its run started is
//! ended and its folder of temporary files removed. Knows of the run only its process, its groups, its id and that folder.
//!
//! Its standard input is a pipe that deco holds: a byte says that all is well, the end without one that deco died. Its
//! standard output is the table of groups; its standard error is nothing but a hold on the lock of the run's state,
//! which so is free only once nothing of the run is left.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::panic;
use std::path::{Path, absolute};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process_group, test_kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};

use super::cgroup::Cgroup;
use super::{Groups, groups, orphans};

/// The first argument by which this program is told to be the watchdog.
const ARGUMENT: &str = "__watchdog";

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);

/// The watchdog as deco holds it.
#[derive(Debug)]
pub struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Starts it, and does not wait for it to be ready.
    pub fn start(
        groups: &Groups,
        lock: Option<BorrowedFd<'_>>,
        run_id: &str,
        scratch: &Path,
    ) -> io::Result<Watchdog> {
        // the file that runs now, even if another has taken its name
        let own = Path::new("/proc/self/exe");
        let program = if own.exists() { own.to_owned() } else { std::env::current_exe()? };
        let held = lock.map(|lock| lock.try_clone_to_owned()).transpose()?;
        let mut command = Command::new(program);
        command.arg0("deco").arg(ARGUMENT).arg(getpid().to_string()).arg(run_id).arg(absolute(scratch)?);
        command.env_clear().current_dir("/");
        // out of the terminal's foreground: what is typed there does not reach it
        command.process_group(0).stdin(Stdio::piped());
        command.stdout(groups.table()?).stderr(held.map_or_else(Stdio::null, Stdio::from));
        Ok(Watchdog { child: command.spawn()? })
    }

    /// The run was cut off: waits until it has ended all that is left.
    pub fn clear_up(mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }

    /// The run has ended by itself: there is nothing left to do. Not waited for.
    pub fn dismiss(mut self) {
        if let Some(mut pipe) = self.child.stdin.take() {
            let _ = pipe.write_all(b".");
        }
        let _ = self.child.try_wait();
    }
}

/// Is the watchdog until the run is over, if the program's arguments (its name first) say so; whether they did.
pub fn stand(mut arguments: impl Iterator<Item = OsString>) -> bool {
    if arguments.nth(1).is_none_or(|first| first != ARGUMENT) {
        return false;
    }
    // standard error is a file that is not to be written
    panic::set_hook(Box::new(|_| ()));
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE] {
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
    if let (Some(deco), Some(run_id), Some(scratch)) = (arguments.next(), arguments.next(), arguments.next())
    {
        watch(&deco, &run_id, Path::new(&scratch));
    }
    true
}

fn watch(deco: &OsStr, run_id: &OsStr, scratch: &Path) {
    // a run that is resumed may meet what is left of itself
    let name = format!("deco-{}-{}", run_id.to_string_lossy(), getpid());
    let deco = deco.to_str().and_then(|id| Pid::from_raw(id.parse().ok()?));
    let cgroup = deco.and_then(|deco| Cgroup::around(deco, &name).ok());
    match (has_died(), cgroup) {
        (true, cgroup) => clear_up(run_id, scratch, cgroup),
        (false, Some(cgroup)) => cgroup.dissolve(),
        (false, None) => {}
    }
}

/// Waits for deco's word or for its end.
fn has_died() -> bool {
    loop {
        match io::stdin().read(&mut [0]) {
            Ok(read) => return read == 0,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

fn clear_up(run_id: &OsStr, scratch: &Path, cgroup: Option<Cgroup>) {
    if let Ok(table) = io::stdout().as_fd().try_clone_to_owned() {
        end(groups::read(&File::from(table)));
    }
    orphans::end(run_id);
    if let Some(cgroup) = cgroup {
        cgroup.kill();
    }
    let _ = fs::remove_dir_all(scratch);
}

/// Ends the groups; one that is gone is not touched again, since its id may come to be another's.
fn end(mut groups: Vec<Pid>) {
    for &group in &groups {
        let _ = kill_process_group(group, Signal::TERM);
        // one that is stopped hears nothing else
        let _ = kill_process_group(group, Signal::CONT);
    }
    let asked = Instant::now();
    loop {
        groups.retain(|group| test_kill_process_group(*group).is_ok());
        if groups.is_empty() || asked.elapsed() >= GRACE {
            break;
        }
        thread::sleep(PAUSE);
    }
    for group in groups {
        let _ = kill_process_group(group, Signal::KILL);
    }
}
