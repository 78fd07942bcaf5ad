//! How one attempt is made to happen: a process in a group of its own, started, fed, listened to, ended.
//! Blocking: the caller gives the thread. Unaware of the plan, of documents and of what the output means.

#[cfg(target_os = "linux")]
mod block;
mod cgroup;
mod clock;
mod enders;
mod environment;
pub mod files;
mod groups;
mod keep;
mod leader;
pub mod orphans;
mod pipes;
mod process;
mod program;
mod refusal;
mod size;
#[cfg(target_os = "linux")]
mod spawn;
mod start;
mod starts;
#[cfg(target_os = "linux")]
mod table;
#[cfg(test)]
mod tests;
pub mod watchdog;
pub mod worker;

pub use clock::Clock;
pub use enders::{End, Enders};
pub use environment::{Basis, Environment, Variables};
pub use groups::Groups;
use keep::Sink;
pub use keep::{Keep, Log, Logged, Logs, Stream};
pub use process::run;

/// Keeps signals from the calling thread, which is to start many processes: to start one is faster so.
pub fn take_no_signals() {
    #[cfg(target_os = "linux")]
    spawn::take_no_signals();
}

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::Exit;

/// Everything that one attempt needs; nothing is inherited but what stands here.
#[derive(Debug)]
pub struct Attempt {
    /// The program and its arguments; a program without a slash is found by `env`'s PATH, one with a slash is
    /// relative to `dir`.
    pub argv: Arc<[OsString]>,
    /// What comes to the same and is faster, if it can be started; if not, `argv` says why.
    pub shortcut: Option<Arc<[OsString]>>,
    /// The whole environment.
    pub env: Environment,
    pub dir: Arc<Path>,
    /// What standard input holds; empty: the null device.
    pub stdin: Arc<[u8]>,
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Two attempts with the same number find the same programs: nothing has ended in between that the later one may
    /// build on.
    pub as_of: u64,
    /// From 1: the place of the process group in [`Groups`]. No two attempts that run share one.
    pub slot: u32,
    /// What is kept of standard output in memory. Standard error is always [`Keep::Short`].
    pub stdout: Keep,
    /// The run has a controlling terminal, which stops a process in the background that would use it.
    pub terminal: bool,
}

impl Attempt {
    /// Whether the system would start a command of this length: `Err` says what is too long.
    pub fn check_size(&self) -> Result<(), String> {
        size::check(self)
    }
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Finished {
    pub ending: Ending,
    pub stdout: Output,
    pub stderr: Output,
    pub took: Duration,
    /// Something that the process started held its outputs open after its end, and was killed.
    pub leaked: bool,
}

/// What the process wrote to one of its outputs.
#[derive(Debug, Default)]
pub struct Output {
    /// All of it, or nothing if it was too long for memory.
    pub bytes: Vec<u8>,
    /// Where it is instead.
    pub logged: Option<Box<Logged>>,
}

impl Finished {
    /// How the process ended, if there was one and it ended by itself.
    pub fn exit(&self) -> Option<Exit> {
        match self.ending {
            Ending::Exited(exit) => Some(exit),
            Ending::TimedOut
            | Ending::Ended
            | Ending::TooLong { .. }
            | Ending::Stopped { .. }
            | Ending::CannotStart(_)
            | Ending::Answered => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Exited(Exit),
    /// The time limit passed; the whole process group is gone.
    TimedOut,
    /// The run asked for the end; the whole process group is gone.
    Ended,
    /// It printed more than this to standard output, all of which was to be kept; the whole process group is gone.
    TooLong {
        limit: usize,
    },
    /// The terminal stopped it by this signal; the whole process group is gone.
    Stopped {
        signal: i32,
    },
    /// A worker has made the call and answered.
    Answered,
    /// The program could not be started: why, in words.
    CannotStart(String),
}
