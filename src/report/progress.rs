//! The screen as rows that are drawn anew while the run goes on, and above them the lines that stay. However many events
//! there are, it draws only so often.

use std::mem::take;
use std::time::{Duration, Instant};

use super::canvas::{Curtain, Size};
use super::rows::{Look, Scene};
use super::tally::Tally;
use super::{Batch, Lines, Reporter};
use crate::event::{Event, EventKind};

/// How often the rows are drawn at most, and how soon they show what is new.
const FRAME: Duration = Duration::from_millis(100);

pub(super) struct Bar {
    lines: Lines,
    curtain: Curtain,
    look: Look,
    /// The window, which may change.
    size: fn() -> Size,
    now: fn() -> Instant,
    tally: Tally,
    run: Stage,
}

/// How far the run is for the screen.
enum Stage {
    /// Nobody knows yet how many calls there are.
    Before,
    Goes {
        began: Instant,
        next: Instant,
    },
    Over,
}

impl Bar {
    pub fn new(lines: Lines, curtain: Curtain, look: Look, size: fn() -> Size, now: fn() -> Instant) -> Bar {
        Bar { lines, curtain, look, size, now, tally: Tally::default(), run: Stage::Before }
    }

    /// Takes the event; whatever is to be said of it, after what is to be said before.
    fn take(&mut self, event: &Event, text: &mut String) {
        let now = (self.now)();
        self.tally.take(event, now);
        match event.kind {
            // a short run shows nothing but its end
            EventKind::RunStarted { .. } => self.run = Stage::Goes { began: now, next: now + FRAME },
            EventKind::RunEnded { .. } => {
                self.print(&take(text));
                self.end();
            }
            _ => {}
        }
        text.extend(self.lines.tell(event));
    }

    fn print(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = if self.look.unicode { text.to_owned() } else { text.replace('…', "...") };
        self.curtain.lock().print(&text);
    }

    /// Draws, if it is time.
    fn draw(&mut self) {
        let now = (self.now)();
        if let Stage::Goes { began, next } = &mut self.run
            && now >= *next
        {
            *next = now + FRAME;
            let size = (self.size)();
            let scene = Scene { tally: &self.tally, began: *began, now, look: self.look };
            self.curtain.lock().draw(scene.rows(size), size);
        }
    }

    fn end(&mut self) {
        self.run = Stage::Over;
        self.curtain.lock().clear();
    }
}

impl Reporter for Bar {
    fn event(&mut self, event: &Event) -> Result<(), String> {
        let mut text = String::new();
        self.take(event, &mut text);
        self.print(&text);
        self.draw();
        Ok(())
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), String> {
        let mut text = String::new();
        batch.events.iter().for_each(|event| self.take(event, &mut text));
        self.print(&text);
        self.draw();
        Ok(())
    }

    fn notice(&mut self, text: &str) {
        self.print(&self.lines.notice(text));
    }

    fn patience(&self) -> Option<Duration> {
        match self.run {
            Stage::Goes { next, .. } => Some(next.saturating_duration_since((self.now)())),
            Stage::Before | Stage::Over => None,
        }
    }

    fn idle(&mut self) -> Result<(), String> {
        self.draw();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), String> {
        self.end();
        Ok(())
    }
}
