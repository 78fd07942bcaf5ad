//! The screen as a bar that redraws itself, and above it the lines that stay. The only user of indicatif.

use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Lines, Reporter};
use crate::event::{Event, EventKind};
use crate::outcome::Outcome;

/// How often the bar shows that time passes.
const TICK: Duration = Duration::from_millis(250);

const STYLE: &str = "[{bar:30}] {pos}/{len} calls{msg} {elapsed}";

pub(super) struct Bar<W> {
    lines: Lines,
    out: W,
    bar: ProgressBar,
    count: Count,
}

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
        Bar { lines, out, bar: ProgressBar::hidden(), count: Count::default() }
    }

    fn show(&mut self, calls: u64) {
        let style = ProgressStyle::with_template(STYLE).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar = ProgressBar::new(calls).with_style(style.progress_chars("=> "));
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
