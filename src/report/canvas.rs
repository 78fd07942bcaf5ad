//! The end of a terminal, where rows are drawn anew again and again, and above them text that stays. Does not know what
//! the rows say.
//!
//! The cursor rests at the beginning of the first row. Where a window gets narrower and its terminal folds what is too
//! long, the cursor goes with its row, so that the next drawing covers all of the last one; and whoever writes in
//! between, as the terminal does with `^C`, is covered too.

use std::io::{IsTerminal, Result, Stdout, Write, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Terminal;

/// A window's height and width in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub rows: usize,
    pub columns: usize,
}

impl Size {
    pub fn of_stderr() -> Size {
        let (rows, columns) = Terminal::size();
        Size { rows, columns }
    }
}

/// What is drawn. A terminal that has gone away is no reason to stop.
pub(super) struct Canvas {
    out: Box<dyn Write + Send>,
    rows: Vec<String>,
    /// For which the rows were drawn.
    size: Size,
}

impl Canvas {
    pub fn new(out: Box<dyn Write + Send>) -> Canvas {
        Canvas { out, rows: Vec::new(), size: Size { rows: 0, columns: 0 } }
    }

    /// Draws these rows in the place of the last ones, unless they are the same. Each must be narrower than the window,
    /// and all together lower.
    pub fn draw(&mut self, rows: Vec<String>, size: Size) {
        if (&rows, size) != (&self.rows, self.size) {
            (self.rows, self.size) = (rows, size);
            let frame = self.frame();
            self.write(&frame);
        }
    }

    /// Writes whole lines above the rows.
    pub fn print(&mut self, text: &str) {
        let all = self.blank().to_owned() + text + &self.frame();
        self.write(&all);
    }

    /// Takes the rows away for good.
    pub fn clear(&mut self) {
        let blank = self.blank();
        self.rows.clear();
        self.write(blank);
    }

    /// Somebody else has the terminal now: the rows are left where they are.
    pub fn forget(&mut self) {
        self.rows.clear();
    }

    /// What takes the rows away.
    fn blank(&self) -> &'static str {
        if self.rows.is_empty() { "" } else { "\r\x1b[J" }
    }

    /// What draws the rows over what is there. Lines do not wrap meanwhile, since the window may be narrower by now.
    fn frame(&self) -> String {
        let up = match self.rows.len() {
            0 => return String::new(),
            1 => String::new(),
            count => format!("\x1b[{}A", count - 1),
        };
        format!("\x1b[?7l\r{}\x1b[K\x1b[J\r{up}\x1b[?7h", self.rows.join("\x1b[K\r\n"))
    }

    fn write(&mut self, text: &str) {
        if !text.is_empty() {
            let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        }
    }
}

/// A canvas that several threads hold: one draws, others now and then need the terminal for themselves.
#[derive(Clone)]
pub struct Curtain(Arc<Mutex<Canvas>>);

impl Curtain {
    /// Before standard error, with nothing drawn on it.
    pub fn of_stderr() -> Curtain {
        Curtain::new(Box::new(stderr()))
    }

    pub(super) fn new(out: Box<dyn Write + Send>) -> Curtain {
        Curtain(Arc::new(Mutex::new(Canvas::new(out))))
    }

    /// Takes away what is drawn while this is done, and keeps everybody from drawing.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut canvas = self.lock();
        let blank = canvas.blank();
        canvas.write(blank);
        let done = work();
        let frame = canvas.frame();
        canvas.write(&frame);
        done
    }

    /// Takes away what is drawn, until it is drawn anew, and does this before anybody can draw.
    pub fn clear_for<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut canvas = self.lock();
        canvas.clear();
        work()
    }

    /// Standard output, which may be the same terminal: then what is drawn goes aside for each of its lines.
    pub fn before(&self, out: Stdout) -> Box<dyn Write + Send> {
        if out.is_terminal() {
            Box::new(Before { curtain: self.clone(), out, line: Vec::new() })
        } else {
            Box::new(out)
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Canvas> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes whole lines to where something is drawn.
struct Before<W> {
    curtain: Curtain,
    out: W,
    /// One that has not come to its end.
    line: Vec<u8>,
}

impl<W: Write> Write for Before<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some(end) = bytes.iter().rposition(|&byte| byte == b'\n') else {
            self.line.extend(bytes);
            return Ok(bytes.len());
        };
        let (whole, begun) = bytes.split_at(end + 1);
        self.line.extend(whole);
        let written = self.curtain.aside(|| self.out.write_all(&self.line).and_then(|()| self.out.flush()));
        self.line.clear();
        self.line.extend(begun);
        written.map(|()| bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

impl std::fmt::Debug for Curtain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Curtain").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers what is written.
    #[derive(Clone, Default)]
    struct Tape(Arc<Mutex<Vec<u8>>>);

    impl Write for Tape {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    const SIZE: Size = Size { rows: 6, columns: 20 };

    /// A window on the tape: what it shows and where the cursor is.
    fn window(tape: &Tape) -> (String, (u16, u16)) {
        let size = [SIZE.rows, SIZE.columns].map(|number| u16::try_from(number).unwrap().try_into().unwrap());
        let mut window = vt100::Parser::new(size[0], size[1], 0);
        window.process(
            String::from_utf8(tape.0.lock().unwrap().clone()).unwrap().replace('\n', "\r\n").as_bytes(),
        );
        (window.screen().contents(), window.screen().cursor_position())
    }

    fn draw(curtain: &Curtain, rows: &[&str]) {
        curtain.lock().draw(rows.iter().map(|row| (*row).to_owned()).collect(), SIZE);
    }

    #[test]
    fn rows_take_each_others_place_below_what_stays() {
        let tape = Tape::default();
        let curtain = Curtain::new(Box::new(tape.clone()));
        let check = |shown: &str, row| assert_eq!(window(&tape), (shown.to_owned(), (row, 0)));
        draw(&curtain, &["bar", "one", "two"]);
        check("bar\none\ntwo", 0);
        curtain.lock().print("stays\n");
        check("stays\nbar\none\ntwo", 1);
        draw(&curtain, &["b", "o"]);
        check("stays\nb\no", 1);
        curtain.lock().print("2\n3\n4\n");
        check("stays\n2\n3\n4\nb\no", 4);
        draw(&curtain, &["bar", "one", "two"]);
        check("2\n3\n4\nbar\none\ntwo", 3);
        curtain.lock().clear();
        check("2\n3\n4", 3);
        curtain.lock().print("end\n");
        check("2\n3\n4\nend", 4);
    }

    #[test]
    fn what_has_not_changed_is_not_drawn() {
        let tape = Tape::default();
        let curtain = Curtain::new(Box::new(tape.clone()));
        draw(&curtain, &["bar"]);
        let length = tape.0.lock().unwrap().len();
        draw(&curtain, &["bar"]);
        assert_eq!(tape.0.lock().unwrap().len(), length);
        let wider = Size { columns: 30, ..SIZE };
        curtain.lock().draw(vec!["bar".to_owned()], wider);
        assert!(tape.0.lock().unwrap().len() > length, "another window may have moved it");
    }

    #[test]
    fn others_write_where_nothing_is_drawn_and_only_whole_lines() {
        let tape = Tape::default();
        let curtain = Curtain::new(Box::new(tape.clone()));
        let mut before = Before { curtain: curtain.clone(), out: tape.clone(), line: Vec::new() };
        draw(&curtain, &["bar", "one"]);
        curtain.aside(|| assert_eq!(window(&tape).0, ""));
        assert_eq!(window(&tape).0, "bar\none");
        before.write_all(b"a li").unwrap();
        assert_eq!(window(&tape).0, "bar\none");
        before.write_all(b"ne\nand an").unwrap();
        assert_eq!(window(&tape), ("a line\nbar\none".to_owned(), (1, 0)));
        before.write_all(b"other\n").unwrap();
        assert_eq!(window(&tape), ("a line\nand another\nbar\none".to_owned(), (2, 0)));
    }
}
