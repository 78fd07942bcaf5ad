//! How far a run is: how many calls have ended, who runs since when, and when the end is expected. Made from events; looks
//! at no clock and writes nothing.

use std::time::{Duration, Instant};

use indexmap::IndexMap;

use crate::event::{Event, EventKind};
use crate::outcome::Outcome;
use crate::value::Text;

/// Follows a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub calls: usize,
    pub ended: usize,
    pub failed: usize,
    /// Tasks whose calls are not known yet.
    pub unexpanded: usize,
    /// The calls that run, in the order in which they began.
    running: IndexMap<Text, Attempt>,
    /// When the run is expected to end; none: nobody knows.
    end: Option<Instant>,
}

/// An attempt that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// Which of its call, from 1.
    pub nth: u32,
    pub slot: u32,
    pub began: Instant,
}

impl Tally {
    /// Takes what has happened now.
    pub fn take(&mut self, event: &Event, now: Instant) {
        match &event.kind {
            EventKind::RunStarted { calls, unexpanded, .. } => {
                (self.calls, self.unexpanded) = (*calls, *unexpanded);
            }
            EventKind::TaskExpanded { calls, .. } => {
                self.calls += calls;
                self.unexpanded = self.unexpanded.saturating_sub(1);
            }
            EventKind::AttemptStarted { call, attempt, slot, left_ms, .. } => {
                let attempt = Attempt { nth: *attempt, slot: *slot, began: now };
                self.running.insert(call.clone(), attempt);
                self.end = left_ms.and_then(|left| now.checked_add(Duration::from_millis(left)));
            }
            EventKind::AttemptFailed { call, .. } => {
                self.running.shift_remove(call);
            }
            EventKind::CallKept { .. } => self.ended += 1,
            EventKind::CallEnded { call, outcome, .. } => {
                self.running.shift_remove(call);
                self.ended += 1;
                if matches!(outcome, Outcome::Failed { .. }) {
                    self.failed += 1;
                    // what comes next is told when it starts, if anything does
                    self.end = None;
                }
            }
            EventKind::Interrupted { .. } => self.end = None,
            _ => {}
        }
    }

    /// The calls that run, the oldest first.
    pub fn running(&self) -> impl ExactSizeIterator<Item = (&str, Attempt)> {
        self.running.iter().map(|(call, attempt)| (call.as_str(), *attempt))
    }

    /// How long the run is expected to go on; none once that is less than a second, which nobody could read.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.end?.saturating_duration_since(now);
        (left >= Duration::from_secs(1)).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Event {
        Event::parse(format!(r#"{{"ms":0,"event":{line}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn the_time_left_is_counted_down_from_what_was_told_last() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tally = Tally::default();
        let mut check = |line: &str, told, asked, expected: Option<u64>| {
            if !line.is_empty() {
                tally.take(&event(line), at(told));
            }
            assert_eq!(tally.left(at(asked)), expected.map(Duration::from_millis), "{line} {asked}");
        };
        let begins = |left: &str| format!(r#""attempt-started","call":"t","attempt":1,"slot":1{left}"#);
        let fails = r#""call-ended","call":"t","outcome":"failed","failure":{"reason":"interrupted"},"took_ms":1,"changes":[],"stdout_tail":"","stderr_tail":"""#;
        check("", 0, 10_000, None);
        check(&begins(""), 10_000, 10_000, None);
        check(&begins(r#","left_ms":25000"#), 10_000, 10_000, Some(25_000));
        check("", 0, 14_000, Some(21_000));
        check("", 0, 34_500, None);
        check("", 0, 99_000, None);
        check(&begins(r#","left_ms":300000"#), 10_000, 10_000, Some(300_000));
        check(fails, 10_000, 10_000, None);
        check(&begins(r#","left_ms":300000"#), 10_000, 10_000, Some(300_000));
        check(r#""interrupted","signal":2"#, 10_000, 10_000, None);
    }

    #[test]
    fn who_runs_is_known_from_the_oldest_on() {
        let start = Instant::now();
        let mut tally = Tally::default();
        let mut check = |line: &str, ended, failed, expected: &[&str]| {
            tally.take(&event(line), start);
            let running: Vec<_> =
                tally.running().map(|(call, attempt)| format!("{call} {}", attempt.nth)).collect();
            assert_eq!(
                (tally.ended, tally.failed, running),
                (ended, failed, expected.iter().map(|word| (*word).to_owned()).collect())
            );
        };
        let begins =
            |call: &str, nth: u32| format!(r#""attempt-started","call":"{call}","attempt":{nth},"slot":1"#);
        check(&begins("a", 1), 0, 0, &["a 1"]);
        check(&begins("b", 1), 0, 0, &["a 1", "b 1"]);
        check(&begins("c", 1), 0, 0, &["a 1", "b 1", "c 1"]);
        check(
            r#""attempt-failed","call":"a","attempt":1,"failure":{"reason":"interrupted"},"stderr_tail":"","next_in_ms":0"#,
            0,
            0,
            &["b 1", "c 1"],
        );
        check(&begins("a", 2), 0, 0, &["b 1", "c 1", "a 2"]);
        let ends = r#""call-ended","call":"b","outcome":"succeeded","took_ms":1,"changes":[],"stdout_tail":"","stderr_tail":"""#;
        check(ends, 1, 0, &["c 1", "a 2"]);
        check(r#""call-kept","call":"d""#, 2, 0, &["c 1", "a 2"]);
        let blocked = r#""call-ended","call":"e","outcome":"blocked","by":"c","took_ms":null,"changes":[],"stdout_tail":"","stderr_tail":"""#;
        check(blocked, 3, 0, &["c 1", "a 2"]);
    }
}
