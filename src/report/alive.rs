//! Signs of life: in a long silence, a word on how far the run is and what it waits for. Decides when and what; writes
//! nothing and looks at no clock.

use std::time::{Duration, Instant};

use super::tally::Tally;
use crate::event::Event;
use crate::outcome::in_words;

/// The longest silence.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// Follows a run, to say how far it is.
pub(super) struct Alive {
    /// When something was written last.
    spoke: Instant,
    tally: Tally,
}

impl Alive {
    pub fn new(now: Instant) -> Alive {
        Alive { spoke: now, tally: Tally::default() }
    }

    pub fn take(&mut self, event: &Event, now: Instant) {
        self.tally.take(event, now);
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
        let Tally { calls, ended, failed, .. } = &self.tally;
        let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
        let mut running = self.tally.running();
        let count = running.len();
        let running = running.next().map_or(String::new(), |(call, attempt)| {
            let age = Duration::from_secs(now.saturating_duration_since(attempt.began).as_secs());
            let longest = if count > 1 { "longest " } else { "" };
            format!("; {count} running, {longest}{call} for {}", in_words(age))
        });
        format!("{ended} of {calls} calls ended{failed}{running}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_how_far_the_run_is_and_what_has_run_longest() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut alive = Alive::new(start);
        let mut check = |seconds, line: &str, expected: &str| {
            let event = format!(r#"{{"ms":0,"event":{line}}}"#);
            alive.take(&Event::parse(event.as_bytes()).unwrap(), at(seconds));
            assert_eq!(alive.words(at(100)), expected);
        };
        let begins = |call: &str| format!(r#""attempt-started","call":"{call}","attempt":1,"slot":1"#);
        check(0, r#""task-expanded","task":"t","outcome":"succeeded","calls":4"#, "0 of 4 calls ended");
        check(1, r#""call-kept","call":"t[0]""#, "1 of 4 calls ended");
        check(10, &begins("t[1]"), "1 of 4 calls ended; 1 running, t[1] for 1m 30s");
        check(20, &begins("t[2]"), "1 of 4 calls ended; 2 running, longest t[1] for 1m 30s");
        check(30, &begins("t[3]"), "1 of 4 calls ended; 3 running, longest t[1] for 1m 30s");
        let failed = r#""call-ended","call":"t[1]","outcome":"failed","failure":{"reason":"interrupted"},"took_ms":1,"changes":[],"stdout_tail":"","stderr_tail":"""#;
        check(40, failed, "2 of 4 calls ended, 1 failed; 2 running, longest t[2] for 1m 20s");
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
