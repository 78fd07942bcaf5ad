//! Past durations around a run: read while it is made ready, kept once it has ended, while its journal is written to its
//! end. They are advice: what goes wrong with them is said once, and changes nothing else.

use std::thread::{self, JoinHandle};

use crate::run::Running;
use crate::scribe::Scribe;
use crate::state::durations::{Durations, Past};

/// They are being read.
pub struct Reading {
    /// `None` if no thread could be had; then nothing is known, and nothing is kept.
    thread: Option<JoinHandle<(Durations, Result<Past, String>)>>,
}

/// Where they are kept.
pub struct Pace {
    durations: Option<Durations>,
    has_complained: bool,
}

/// They are being kept.
pub struct Keeping {
    /// `None` if no thread could be had; then nothing is kept.
    thread: Option<JoinHandle<Result<(), String>>>,
    has_complained: bool,
}

impl Reading {
    /// Begins to read what is known for a manifest of so many calls.
    pub fn begin(mut durations: Durations, calls: usize) -> Reading {
        let read = move || {
            let past = durations.read(calls);
            (durations, past)
        };
        Reading { thread: thread::Builder::new().name("durations".to_owned()).spawn(read).ok() }
    }

    /// Waits until it is done.
    pub fn end(self, scribe: &Scribe) -> (Pace, Past) {
        let Some((durations, past)) = self.thread.and_then(|thread| thread.join().ok()) else {
            return (Pace { durations: None, has_complained: false }, Past::default());
        };
        let has_complained = past.as_ref().is_err_and(|words| {
            scribe.notice(words);
            true
        });
        (Pace { durations: Some(durations), has_complained }, past.unwrap_or_default())
    }
}

impl Pace {
    /// Keeps what the calls of a run took, failed or not.
    pub fn keep(self, running: &Running) -> Keeping {
        let Pace { durations, has_complained } = self;
        let (learnt, calls) = running.learnt();
        let keep = move || match durations {
            Some(mut durations) if !learnt.is_empty() => durations.keep(&learnt, calls),
            _ => Ok(()),
        };
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
