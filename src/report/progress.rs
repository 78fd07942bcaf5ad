//! The screen as rows that are drawn anew while the run goes on, and above them the lines that stay. However many events
//! there are, it draws only so often.

use std::mem::take;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::canvas::{Curtain, Size};
use super::rows::{Look, Scene};
use super::tally::Tally;
use super::{Batch, Board, Lines, Reporter};
use crate::event::{Event, EventKind};

/// How often the rows are drawn at most, and how soon they show what is new.
const FRAME: Duration = Duration::from_millis(100);

pub(super) struct Bar {
    lines: Lines,
    curtain: Curtain,
    look: Look,
    eyes: Eyes,
    tally: Tally,
    board: Arc<Board>,
    run: Stage,
}

/// How it sees what changes around it.
pub(super) struct Eyes {
    pub size: fn() -> Size,
    pub now: fn() -> Instant,
    /// Whether somebody else has the terminal.
    pub is_lent: fn() -> bool,
}

/// How far the run is for the screen.
enum Stage {
    /// Nobody knows yet how many calls there are.
    Before,
    Goes {
        began: Instant,
        next: Instant,
        /// Whether the terminal was lent from the start: `timeout` puts what it runs in the background, and would not
        /// mind a bar.
        was_lent: bool,
    },
    Over,
}

impl Bar {
    pub fn new(lines: Lines, curtain: Curtain, look: Look, eyes: Eyes, board: Arc<Board>) -> Bar {
        Bar { lines, curtain, look, eyes, tally: Tally::default(), board, run: Stage::Before }
    }

    /// Takes the event; whatever is to be said of it, after what is to be said before.
    fn take(&mut self, event: &Event, text: &mut String) {
        let now = (self.eyes.now)();
        self.tally.take(event, now);
        match event.kind {
            // a short run shows nothing but its end
            EventKind::RunStarted { .. } => {
                let was_lent = (self.eyes.is_lent)();
                self.run = Stage::Goes { began: now, next: now + FRAME, was_lent };
            }
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
        let now = (self.eyes.now)();
        let Stage::Goes { began, next, was_lent } = &mut self.run else { return };
        if now < *next {
            return;
        }
        *next = now + FRAME;
        if (self.eyes.is_lent)() && !*was_lent {
            return self.curtain.lock().forget();
        }
        let size = (self.eyes.size)();
        let scene = Scene { tally: &self.tally, board: &self.board, began: *began, now, look: self.look };
        self.curtain.lock().draw(scene.rows(size), size);
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

    fn show(&mut self, text: &str) {
        if !text.is_empty() {
            self.curtain.lock().print(text);
            self.draw();
        }
    }

    fn patience(&self) -> Option<Duration> {
        match self.run {
            Stage::Goes { next, .. } => Some(next.saturating_duration_since((self.eyes.now)())),
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Result, Write};
    use std::sync::Mutex;

    use super::*;
    use crate::report::Detail;

    thread_local! {
        static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        static START: Instant = Instant::now();
        static IS_LENT: Cell<bool> = const { Cell::new(false) };
    }

    /// Remembers each write.
    #[derive(Clone, Default)]
    struct Tape(Arc<Mutex<Vec<String>>>);

    impl Write for Tape {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    impl Tape {
        fn take(&self) -> Vec<String> {
            take(&mut *self.0.lock().unwrap())
        }
    }

    fn bar() -> (Bar, Tape) {
        let tape = Tape::default();
        let curtain = Curtain::new(Box::new(tape.clone()));
        let eyes = Eyes {
            size: || Size { rows: 10, columns: 60 },
            now: || START.with(|start| *start + PASSED.get()),
            is_lent: || IS_LENT.get(),
        };
        let lines = Lines::new(Detail::Normal, false, "deco run".to_owned());
        (Bar::new(lines, curtain, Look { color: false, unicode: false }, eyes, Arc::default()), tape)
    }

    fn batch(lines: &[&str]) -> Batch {
        let parse = |line: &&str| Event::parse(format!(r#"{{"ms":0,"event":{line}}}"#).as_bytes()).unwrap();
        Batch::new(lines.iter().map(parse).collect())
    }

    const STARTS: &str = r#""run-started","schema":1,"deco":"","run":"r","manifest":"","name":null,"started":"","resumed":false,"whole":true,"jobs":2,"calls":9,"unexpanded":0,"syncs":0"#;
    const KEPT: &str = r#""call-kept","call":"t""#;
    const FAILS: &str = r#""call-ended","call":"u","outcome":"failed","failure":{"reason":"interrupted"},"took_ms":1,"changes":[],"stdout_tail":"","stderr_tail":"""#;
    const ENDS: &str = r#""run-ended","status":"succeeded","succeeded":1,"failed":0,"forgiven":0,"skipped":0,"blocked":0,"not_run":0"#;

    #[test]
    fn however_many_events_there_are_it_is_drawn_only_so_often() {
        let (mut bar, tape) = bar();
        assert_eq!(bar.patience(), None);
        bar.batch(&batch(&[STARTS])).unwrap();
        assert_eq!(bar.patience(), Some(FRAME));
        for _ in 0..1000 {
            bar.batch(&batch(&[KEPT, KEPT])).unwrap();
            bar.idle().unwrap();
        }
        assert_eq!(tape.take(), [] as [&str; 0]);
        PASSED.set(FRAME);
        assert_eq!(bar.patience(), Some(Duration::ZERO));
        bar.batch(&batch(&[KEPT])).unwrap();
        assert!(tape.take().concat().contains("2001/9"));
        bar.batch(&batch(&[KEPT])).unwrap();
        bar.idle().unwrap();
        assert_eq!((tape.take(), bar.patience()), (vec![], Some(FRAME)));
        PASSED.set(FRAME * 2);
        bar.idle().unwrap();
        assert!(tape.take().concat().contains("2002/9"));
        PASSED.set(FRAME * 3);
        bar.idle().unwrap();
        assert_eq!(tape.take(), [] as [&str; 0], "nothing has changed");
        bar.batch(&batch(&[FAILS, FAILS, ENDS])).unwrap();
        assert_eq!(tape.take().len(), 3, "failures, the end of the bar, the end of the run");
        PASSED.set(FRAME * 9);
        bar.idle().unwrap();
        assert_eq!((tape.take(), bar.patience()), (vec![], None));
    }

    #[test]
    fn who_has_lent_the_terminal_does_not_draw_unless_it_began_so() {
        let (mut bar, tape) = bar();
        let drawn = |bar: &mut Bar, is_lent| {
            IS_LENT.set(is_lent);
            PASSED.set(PASSED.get() + Duration::from_secs(1));
            bar.idle().unwrap();
            !tape.take().is_empty()
        };
        bar.batch(&batch(&[STARTS])).unwrap();
        assert!(drawn(&mut bar, false));
        assert!(!drawn(&mut bar, true));
        bar.batch(&batch(&[FAILS])).unwrap();
        assert!(drawn(&mut bar, false));
        bar.batch(&batch(&[ENDS])).unwrap();
        IS_LENT.set(true);
        bar.batch(&batch(&[STARTS])).unwrap();
        assert!(drawn(&mut bar, true));
    }
}
