//! The screen as lines that stay: for logs, pipes and terminals that cannot redraw. A long silence is broken by a sign of
//! life.

use std::io::Write;
use std::time::{Duration, Instant};

use super::alive::Alive;
use super::github::without_commands;
use super::{Lines, Reporter};
use crate::event::Event;

pub(super) struct Plain<W> {
    lines: Lines,
    out: W,
    /// Absent where only failures are told.
    alive: Option<Alive>,
    /// The time by which silence is counted.
    now: fn() -> Instant,
    /// Whether GitHub reads along, and would obey.
    is_obeyed: bool,
}

impl<W: Write> Plain<W> {
    pub fn new(lines: Lines, out: W, now: fn() -> Instant) -> Plain<W> {
        let alive = (!lines.is_quiet()).then(|| Alive::new(now()));
        Plain { lines, out, alive, now, is_obeyed: false }
    }

    /// Lets no text be a command to GitHub, where it reads along.
    #[must_use]
    pub fn without_commands(self, is_obeyed: bool) -> Plain<W> {
        Plain { is_obeyed, ..self }
    }

    fn write(&mut self, text: &str) {
        if self.is_obeyed { self.put(&without_commands(text)) } else { self.put(text) }
    }

    /// A reader that has gone away is no reason to stop.
    fn put(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        if let Some(alive) = &mut self.alive {
            alive.spoke((self.now)());
        }
    }
}

impl<W: Write + Send> Reporter for Plain<W> {
    fn event(&mut self, event: &Event) -> Result<(), String> {
        if let Some(alive) = &mut self.alive {
            alive.take(event, (self.now)());
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

    fn show(&mut self, text: &str) {
        if !text.is_empty() {
            self.put(text);
        }
    }

    fn patience(&self) -> Option<Duration> {
        self.alive.as_ref().map(|alive| alive.left((self.now)()))
    }

    fn idle(&mut self) -> Result<(), String> {
        let now = (self.now)();
        if let Some(alive) = self.alive.as_ref().filter(|alive| alive.left(now).is_zero()) {
            let words = alive.words(now);
            self.notice(&words);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{LazyLock, Mutex};

    use super::*;
    use crate::event::EventKind;
    use crate::report::Detail;
    use crate::report::alive::SILENCE;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    static PASSED: Mutex<Duration> = Mutex::new(Duration::ZERO);

    fn now() -> Instant {
        *START + *PASSED.lock().unwrap()
    }

    #[test]
    fn a_long_silence_is_broken_unless_only_failures_are_told() {
        let plain = |detail| Plain::new(Lines::new(detail, false, "deco run".to_owned()), Vec::new(), now);
        let (mut normal, mut quiet) = (plain(Detail::Normal), plain(Detail::Failures));
        assert_eq!((normal.patience(), quiet.patience()), (Some(SILENCE), None));
        for plain in [&mut normal, &mut quiet] {
            plain.event(&Event { ms: 0, kind: EventKind::CallKept { call: "t".into() } }).unwrap();
        }
        let mut check = |passed, expected: &str| {
            *PASSED.lock().unwrap() += passed;
            normal.idle().unwrap();
            quiet.idle().unwrap();
            assert_eq!(String::from_utf8_lossy(&normal.out), expected);
            assert!(quiet.out.is_empty());
        };
        let word = "deco: 1 of 0 calls ended\n";
        check(SILENCE / 2, "");
        check(SILENCE / 2, word);
        check(SILENCE / 2, word);
        check(SILENCE / 2, &word.repeat(2));
    }
}
