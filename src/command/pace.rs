//! Past durations around a run: read before it begins, kept once it has ended, while its journal is written to its end.
//! They are advice: what goes wrong with them is said once, and changes nothing else.

use std::thread::{self, JoinHandle};

use crate::run::Running;
use crate::scribe::Scribe;
use crate::state::durations::{Durations, Past};

/// Where they are kept.
pub struct Pace {
    durations: Durations,
    has_complained: bool,
}

/// They are being kept.
pub struct Keeping {
    /// `None` if no thread could be had; then nothing is kept.
    thread: Option<JoinHandle<Result<(), String>>>,
    has_complained: bool,
}

impl Pace {
    /// What is known for a manifest of so many calls.
    pub fn read(mut durations: Durations, calls: usize, scribe: &Scribe) -> (Pace, Past) {
        let past = durations.read(calls);
        let has_complained = past.as_ref().is_err_and(|words| {
            scribe.notice(words);
            true
        });
        (Pace { durations, has_complained }, past.unwrap_or_default())
    }

    /// Keeps what the calls of a run took, failed or not.
    pub fn keep(self, running: &Running) -> Keeping {
        let Pace { mut durations, has_complained } = self;
        let (learnt, calls) = running.learnt();
        let keep = move || if learnt.is_empty() { Ok(()) } else { durations.keep(&learnt, calls) };
        let thread = thread::Builder::new().name("durations".to_owned()).spawn(keep).ok();
        Keeping { thread, has_complained }
    }
}

impl Keeping {
    /// Waits until it is done. Words for what could not be done, unless there were some before.
    pub fn end(self) -> Option<String> {
        let kept = self.thread?.join().unwrap_or(Ok(()));
        kept.err().filter(|_| !self.has_complained)
    }
}
