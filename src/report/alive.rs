//! Signs of life: in a long silence, a word on how far the run is and what it waits for. Decides when and what; writes
//! nothing and looks at no clock.

use std::time::{Duration, Instant};

use indexmap::IndexMap;

use crate::event::{Event, EventKind};
use crate::outcome::{Outcome, in_words};

/// The longest silence.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// Follows a run, to say how far it is.
pub(super) struct Alive {
    /// When something was written last.
    spoke: Instant,
    calls: usize,
    ended: usize,
    failed: usize,
    /// The calls that run, in the order in which they began.
    running: IndexMap<String, Instant>,
}

impl Alive {
    pub fn new(now: Instant) -> Alive {
        Alive { spoke: now, calls: 0, ended: 0, failed: 0, running: IndexMap::new() }
    }

    pub fn take(&mut self, event: &Event, now: Instant) {
        match &event.kind {
            EventKind::RunStarted { calls, .. } => self.calls = *calls,
            EventKind::TaskExpanded { calls, .. } => self.calls += calls,
            EventKind::AttemptStarted { call, .. } => {
                self.running.insert(call.clone(), now);
            }
            EventKind::AttemptFailed { call, .. } => {
                self.running.shift_remove(call);
            }
            EventKind::CallKept { .. } => self.ended += 1,
            EventKind::CallEnded { call, outcome, .. } => {
                self.running.shift_remove(call);
                self.ended += 1;
                self.failed += usize::from(matches!(outcome, Outcome::Failed { .. }));
            }
            _ => {}
        }
    }

    /// Something is written now.
    pub fn spoke(&mut self, now: Instant) {
        self.spoke = now;
    }

    /// How long until the silence has been long enough.
    pub fn left(&self, now: Instant) -> Duration {
        SILENCE.saturating_sub(now.saturating_duration_since(self.spoke))
    }

    /// How far the run is, and what has run longest.
    pub fn words(&self, now: Instant) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let longest = self.running.first().map_or(String::new(), |(call, began)| {
            let age = Duration::from_secs(now.saturating_duration_since(*began).as_secs());
            let others = match self.running.len() - 1 {
                0 => String::new(),
                1 => ", and 1 more runs".to_owned(),
                others => format!(", and {others} more run"),
            };
            format!("; {call} has run for {}{others}", in_words(age))
        });
        format!("{} of {} calls ended{failed}{longest}", self.ended, self.calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;

    fn started(call: &str, attempt: u32) -> EventKind {
        let call = call.to_owned();
        EventKind::AttemptStarted {
            call,
            attempt,
            slot: 1,
            left_ms: None,
            after: None,
            command: String::new(),
        }
    }

    fn failed_once(call: &str) -> EventKind {
        EventKind::AttemptFailed {
            call: call.to_owned(),
            attempt: 1,
            failure: Failure::Interrupted,
            stderr_tail: String::new(),
            next_in_ms: 0,
            stdout_log: None,
            stderr_log: None,
        }
    }

    fn kept(call: &str) -> EventKind {
        EventKind::CallKept { call: call.to_owned() }
    }

    fn found(calls: usize) -> EventKind {
        EventKind::TaskExpanded { task: "t".to_owned(), outcome: Outcome::Succeeded, calls }
    }

    #[test]
    fn it_tells_how_far_the_run_is_and_what_has_run_longest() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut alive = Alive::new(start);
        let mut check = |seconds, kind, expected: &str| {
            alive.take(&Event { ms: 0, kind }, at(seconds));
            assert_eq!(alive.words(at(100)), expected);
        };
        check(0, found(4), "0 of 4 calls ended");
        check(1, kept("t[0]"), "1 of 4 calls ended");
        check(10, started("t[1]", 1), "1 of 4 calls ended; t[1] has run for 1m 30s");
        check(20, started("t[2]", 1), "1 of 4 calls ended; t[1] has run for 1m 30s, and 1 more runs");
        check(30, started("t[3]", 1), "1 of 4 calls ended; t[1] has run for 1m 30s, and 2 more run");
        check(40, failed_once("t[1]"), "1 of 4 calls ended; t[2] has run for 1m 20s, and 1 more runs");
        check(60, started("t[1]", 2), "1 of 4 calls ended; t[2] has run for 1m 20s, and 2 more run");
    }

    #[test]
    fn a_silence_is_counted_from_the_last_word() {
        let start = Instant::now();
        let mut alive = Alive::new(start);
        assert_eq!(alive.left(start + SILENCE / 3), SILENCE / 3 * 2);
        assert_eq!(alive.left(start + SILENCE * 2), Duration::ZERO);
        alive.spoke(start + SILENCE * 2);
        assert_eq!(alive.left(start + SILENCE * 2), SILENCE);
    }
}
