//! Going on with an earlier part of the run: a call that depends on the same as when it ended does not run again.

use rustc_hash::FxHashMap;

use crate::event::Fingerprint;
use crate::manifest::Task;
use crate::mask::Masker;
use crate::outcome::Outcome;
use crate::plan::CallId;
use crate::prepare::fingerprint::Fingerprints;
use crate::state::earlier::EarlierEnd;
use crate::value::Text;

use super::Running;
use super::call::Ended;

/// What an earlier part of the run has left, and how to tell whether it still holds.
#[derive(Debug)]
pub struct Resume {
    pub(super) fingerprints: Fingerprints,
    /// By address.
    ends: FxHashMap<Text, EarlierEnd>,
    /// Whether there was an earlier part.
    pub(super) goes_on: bool,
}

impl Resume {
    /// A run that begins.
    pub fn nothing(tasks: usize) -> Resume {
        Resume { fingerprints: Fingerprints::new(tasks), ends: FxHashMap::default(), goes_on: false }
    }

    /// A run that goes on after these ends.
    pub fn after(tasks: usize, ends: FxHashMap<Text, EarlierEnd>) -> Resume {
        Resume { ends, goes_on: true, ..Resume::nothing(tasks) }
    }
}

impl Running {
    /// The earlier end of the call, if it may be taken over.
    pub(super) fn earlier_end(
        &self,
        call: CallId,
        task: &Task,
        address: &str,
        fingerprint: Fingerprint,
        secrets: &Masker,
    ) -> Option<Ended> {
        if !task.resume || task.when.is_finalizer() {
            return None;
        }
        let end = self.resume.ends.get(address).filter(|end| end.fingerprint == fingerprint)?;
        // what this run may not keep must be found out by running it again
        let holds_secret = |value| secrets.find_in(value).is_some();
        if end.changes.iter().filter_map(|change| change.value()).any(holds_secret) {
            return None;
        }
        let outcome = match &end.outcome {
            Outcome::Failed { .. } if !task.allow_failure => return None,
            outcome => outcome.clone(),
        };
        self.fits(call, &end.changes).ok()?;
        let changes = end.changes.clone();
        let reads = end.reads.clone();
        Some(Ended { changes, reads, kept: Some(end.clone().into()), ..Ended::never_begun(outcome) })
    }
}
