//! The screen as lines that stay: for logs, pipes and terminals that cannot redraw.

use std::io::Write;

use super::{Lines, Reporter};
use crate::event::Event;

pub(super) struct Plain<W> {
    lines: Lines,
    out: W,
}

impl<W: Write> Plain<W> {
    pub fn new(lines: Lines, out: W) -> Plain<W> {
        Plain { lines, out }
    }

    /// A reader that has gone away is no reason to stop.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl<W: Write + Send> Reporter for Plain<W> {
    fn event(&mut self, event: &Event) -> Result<(), String> {
        if let Some(text) = self.lines.tell(event) {
            self.write(&text);
        }
        Ok(())
    }

    fn notice(&mut self, text: &str) {
        let text = self.lines.notice(text);
        self.write(&text);
    }
}
