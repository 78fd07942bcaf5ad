//! The screen as a bar that redraws itself, and above it the lines that stay. The only user of indicatif.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use super::{Lines, Reporter};
use crate::event::{Event, EventKind};
use crate::outcome::Outcome;

/// How often the bar shows that time passes.
const TICK: Duration = Duration::from_millis(250);

const STYLE: &str = "[{wide_bar}] {pos}/{len} calls{msg} {elapsed}{left}";

pub(super) struct Bar<W> {
    lines: Lines,
    out: W,
    bar: ProgressBar,
    count: Count,
    end: ExpectedEnd,
}

/// When the run is expected to end, in milliseconds since it began; 0: nobody knows. Shared with the thread that draws.
#[derive(Clone, Default)]
struct ExpectedEnd(Arc<AtomicU64>);

/// Calls so far.
#[derive(Default)]
struct Count {
    ended: u64,
    failed: u64,
    running: u64,
    /// Tasks whose calls are not known yet.
    unexpanded: u64,
}

impl<W: Write> Bar<W> {
    pub fn new(lines: Lines, out: W) -> Bar<W> {
        // hidden until the run tells how many calls there are
        Bar { lines, out, bar: ProgressBar::hidden(), count: Count::default(), end: ExpectedEnd::default() }
    }

    fn show(&mut self, calls: u64) {
        let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let end = self.end.clone();
        let left = move |state: &ProgressState, out: &mut dyn fmt::Write| {
            // a bar that cannot be drawn is none
            let _ = out.write_str(&end.words(state.elapsed()));
        };
        let style = style.progress_chars("=> ").with_key("left", left);
        self.bar = ProgressBar::new(calls).with_style(style);
        self.bar.enable_steady_tick(TICK);
    }

    /// Writes above the bar. A reader that has gone away is no reason to stop.
    fn write(&mut self, text: &str) {
        let out = &mut self.out;
        self.bar.suspend(|| {
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        });
    }
}

impl<W: Write + Send> Reporter for Bar<W> {
    fn event(&mut self, event: &Event) -> Result<(), String> {
        match &event.kind {
            EventKind::RunStarted { calls, unexpanded, .. } => {
                self.count.unexpanded = *unexpanded as u64;
                self.show(*calls as u64);
            }
            EventKind::TaskExpanded { calls, .. } => {
                self.count.unexpanded = self.count.unexpanded.saturating_sub(1);
                self.bar.inc_length(*calls as u64);
            }
            EventKind::RunEnded { .. } => self.bar.finish_and_clear(),
            kind => self.count.take(kind),
        }
        self.end.take(event);
        if let Some(text) = self.lines.tell(event) {
            self.write(&text);
        }
        Ok(())
    }

    fn notice(&mut self, text: &str) {
        let text = self.lines.notice(text);
        self.write(&text);
    }

    fn idle(&mut self) -> Result<(), String> {
        if !self.bar.is_finished() {
            self.bar.set_position(self.count.ended);
            self.bar.set_message(self.count.words());
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        self.bar.finish_and_clear();
        Ok(())
    }
}

impl Count {
    fn take(&mut self, kind: &EventKind) {
        match kind {
            EventKind::AttemptStarted { attempt: 1, .. } => self.running += 1,
            EventKind::CallKept { .. } => self.ended += 1,
            EventKind::CallEnded { outcome, took_ms, .. } => {
                self.ended += 1;
                // a call that was never run has not taken any time
                self.running = self.running.saturating_sub(u64::from(took_ms.is_some()));
                self.failed += u64::from(matches!(outcome, Outcome::Failed { .. }));
            }
            _ => {}
        }
    }

    fn words(&self) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let unknown = match self.unexpanded {
            0 => String::new(),
            1 => ", calls of 1 task not known yet".to_owned(),
            tasks => format!(", calls of {tasks} tasks not known yet"),
        };
        format!("{failed}, {} running{unknown},", self.running)
    }
}

impl ExpectedEnd {
    fn take(&self, event: &Event) {
        let end = match &event.kind {
            EventKind::AttemptStarted { left_ms, .. } => {
                left_ms.map_or(0, |left| event.ms.saturating_add(left))
            }
            // what comes next is told when it starts, if anything does
            EventKind::Interrupted { .. } | EventKind::CallEnded { outcome: Outcome::Failed { .. }, .. } => 0,
            _ => return,
        };
        self.0.store(end, Ordering::Relaxed);
    }

    /// Nothing once less than a second is left, which nobody could read.
    fn words(&self, elapsed: Duration) -> String {
        let end = Duration::from_millis(self.0.load(Ordering::Relaxed));
        match end.saturating_sub(elapsed).as_secs() {
            0 => String::new(),
            left => format!(", about {:#} left", HumanDuration(Duration::from_secs(left))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Exit, Failure};

    fn started(left_ms: Option<u64>) -> EventKind {
        EventKind::AttemptStarted {
            call: "t".to_owned(),
            attempt: 1,
            slot: 1,
            left_ms,
            after: None,
            command: String::new(),
        }
    }

    fn failed() -> EventKind {
        let failure = Failure::Exit { exit: Exit::Code(1) };
        EventKind::CallEnded {
            call: "t".to_owned(),
            outcome: Outcome::Failed { failure, forgiven: false },
            took_ms: Some(1),
            exit: None,
            leaked: false,
            fingerprint: None,
            changes: Vec::new(),
            reads: Vec::new(),
            stdout_head: None,
            stderr_head: None,
            stdout_tail: String::new(),
            stderr_tail: String::new(),
            stdout_log: None,
            stderr_log: None,
        }
    }

    #[test]
    fn the_time_left_is_counted_down_from_what_was_told_last() {
        let end = ExpectedEnd::default();
        let check = |event: Option<EventKind>, elapsed_ms, expected: &str| {
            event.into_iter().for_each(|kind| end.take(&Event { ms: 10_000, kind }));
            assert_eq!(end.words(Duration::from_millis(elapsed_ms)), expected);
        };
        check(None, 10_000, "");
        check(Some(started(None)), 10_000, "");
        check(Some(started(Some(25_000))), 10_000, ", about 25s left");
        check(None, 14_000, ", about 21s left");
        check(None, 34_500, "");
        check(None, 99_000, "");
        check(Some(started(Some(300_000))), 10_000, ", about 5m left");
        check(Some(failed()), 10_000, "");
        check(Some(started(Some(7_200_000))), 10_000, ", about 2h left");
        check(Some(EventKind::Interrupted { signal: 2 }), 10_000, "");
    }
}
