//! What an unfinished run has left: the ends of its calls, by address, for the run that goes on with it.

use std::path::Path as FilePath;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::change::Change;
use crate::event::{EventKind, Fingerprint, RunStatus};
use crate::outcome::{Exit, Outcome};
use crate::path::Path;
use crate::value::Text;

use super::{RunFolder, State, reading};

/// The end of a call that may be taken over.
#[derive(Clone, Debug)]
pub struct EarlierEnd {
    /// What all that the call depended on came to.
    pub fingerprint: Fingerprint,
    /// Succeeded, or failed and forgiven.
    pub outcome: Outcome,
    pub changes: Arc<[Change]>,
    /// Places that it looked at, as its event says.
    pub reads: Vec<Path>,
    pub exit: Option<Exit>,
    pub stderr_tail: String,
}

/// An earlier part of a run.
#[derive(Debug, Default)]
pub struct Earlier {
    pub ends: FxHashMap<Text, EarlierEnd>,
    /// Where the journal goes on.
    pub journal_end: u64,
    /// Milliseconds since the run began at which its last event came.
    pub last_ms: u64,
    /// Whether the whole manifest was run to a good end, and its answer given.
    pub is_finished: bool,
}

impl Earlier {
    /// Reads a journal.
    pub fn read(journal: &FilePath) -> Result<Earlier, String> {
        let mut earlier = Earlier::default();
        let (mut is_whole, mut has_succeeded) = (false, false);
        let end = reading::read(journal, |event| {
            earlier.last_ms = event.ms;
            match event.kind {
                EventKind::RunStarted { whole, .. } => {
                    (is_whole, has_succeeded) = (whole, false);
                    earlier.is_finished = false;
                }
                EventKind::RunEnded { status, .. } => has_succeeded = status == RunStatus::Succeeded,
                EventKind::AnswerGiven => earlier.is_finished = is_whole && has_succeeded,
                kind => earlier.take(kind),
            }
        })?;
        earlier.journal_end = end;
        Ok(earlier)
    }

    /// The last end of a call is the one that counts.
    fn take(&mut self, kind: EventKind) {
        let EventKind::CallEnded { call, outcome, fingerprint, changes, reads, exit, printed, .. } = kind
        else {
            return;
        };
        let counts = matches!(outcome, Outcome::Succeeded | Outcome::Failed { forgiven: true, .. });
        match fingerprint.filter(|_| counts) {
            Some(fingerprint) => {
                let stderr_tail = printed.map_or_else(String::new, |printed| printed.stderr_tail);
                let end = EarlierEnd { fingerprint, outcome, changes, reads, exit, stderr_tail };
                self.ends.insert(call, end);
            }
            // one that did not run, because this part of the run stopped before, has not ended anew
            None if matches!(outcome, Outcome::NotRun | Outcome::Blocked { .. }) => {}
            None => drop(self.ends.remove(&call)),
        }
    }
}

impl State {
    /// The run to go on with: the one named, else the last if it did not come to a good end. `Ok(None)`: there is none.
    pub fn unfinished(&self, named: Option<RunFolder>) -> Result<Option<(RunFolder, Earlier)>, String> {
        let is_named = named.is_some();
        let Some(run) = named.or_else(|| self.runs().pop()) else { return Ok(None) };
        let earlier = Earlier::read(&run.journal())?;
        Ok((!earlier.is_finished || is_named).then_some((run, earlier)))
    }
}
