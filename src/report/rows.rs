//! The rows of a run that goes on, for a window of any size: a bar with what it has come to, and below it a row for each
//! call that has run for a while, as many as fit. A function of what is known; touches no terminal.

use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::canvas::Size;
use super::lines::clean;
use super::tally::{Attempt, Tally};
use super::{Board, bar};
use crate::outcome::in_words;

/// A shorter call gets no row: the eye could not follow.
const AWHILE: Duration = Duration::from_secs(1);

/// The width of an age below which ages stand in line: `1m 30s`.
const AGE: usize = 6;

/// The least width of a bar that is worth its place, and of a window that has one for sure.
const BAR: usize = 10;
const WIDE: usize = 39;

/// The least that is shown of what a call has printed, with the blanks before it.
const WORTH_IT: usize = 6;

/// What a terminal can show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub color: bool,
    /// Whether more than ASCII.
    pub unicode: bool,
}

/// What there is to show.
pub(super) struct Scene<'a> {
    pub tally: &'a Tally,
    /// What the calls that run have printed last.
    pub board: &'a Board,
    pub began: Instant,
    pub now: Instant,
    pub look: Look,
}

impl Scene<'_> {
    /// One column less wide than the window, so that the cursor never hangs at its edge; a third of its height is left to
    /// what stays.
    pub fn rows(&self, size: Size) -> Vec<String> {
        let width = size.columns.saturating_sub(1);
        let room = (size.rows - size.rows / 3).min(size.rows.saturating_sub(1)).saturating_sub(1);
        let mut rows = vec![self.overall(width)];
        let old = |attempt: &Attempt| self.age(attempt) >= AWHILE;
        let calls: Vec<_> = self.tally.running().take_while(|(_, attempt)| old(attempt)).collect();
        // the last row may have to say how many there are besides
        let shown = if calls.len() > room && room > 1 { room - 1 } else { room.min(calls.len()) };
        rows.extend(calls[..shown].iter().map(|(call, attempt)| self.call(call, attempt, width)));
        if shown < calls.len() && room > 1 {
            let more = format!("{:AGE$}  {} and {} more", "", self.ellipsis(), calls.len() - shown);
            rows.push(self.cut(&more, width));
        }
        rows
    }

    fn age(&self, attempt: &Attempt) -> Duration {
        self.now.saturating_duration_since(attempt.began)
    }

    /// The bar, and what the run has come to. What matters least gives way first.
    fn overall(&self, width: usize) -> String {
        let bar = if width < WIDE { 0 } else { BAR + 1 };
        let mut words = Vec::new();
        for word in self.words(width) {
            let with_it = joined(&words) + 2 + word.text.width() + bar;
            if words.is_empty() || with_it <= width {
                words.push(word);
            }
        }
        words.sort_by_key(|word| word.place);
        let painted = words.iter().map(|word| self.paint(word.style, &self.cut(&word.text, width)));
        let text = painted.collect::<Vec<_>>().join(", ");
        let room = width.saturating_sub(joined(&words) + 1);
        if room < BAR { text } else { format!("{} {text}", self.bar(room)) }
    }

    /// What matters most first.
    fn words(&self, width: usize) -> Vec<Word> {
        let Tally { calls, ended, failed, unexpanded, .. } = self.tally;
        let unit = if width < WIDE { "" } else { " calls" };
        let word = |place, text| Word { place, text, style: Style::new() };
        let mut words = vec![word(0, format!("{ended}/{calls}{unit}"))];
        if *failed > 0 {
            words.push(Word {
                style: AnsiColor::Red.on_default().bold(),
                ..word(1, format!("{failed} failed"))
            });
        }
        if let Some(left) = self.tally.left(self.now) {
            words.push(word(5, format!("about {} left", roughly(left))));
        }
        words.push(word(4, in_whole_seconds(self.now.saturating_duration_since(self.began))));
        words.push(word(2, format!("{} running", self.tally.running().len())));
        match unexpanded {
            0 => {}
            1 => words.push(word(3, "calls of 1 task not known yet".to_owned())),
            tasks => words.push(word(3, format!("calls of {tasks} tasks not known yet"))),
        }
        words
    }

    fn bar(&self, width: usize) -> String {
        let Tally { calls, ended, failed, .. } = *self.tally;
        if !self.look.unicode {
            return bar::ASCII.bar(ended, calls, width);
        }
        let bar = bar::LINE.bar(ended, calls, width);
        let (done, rest) = bar::LINE.split(&bar);
        let color = if failed > 0 { AnsiColor::Red } else { AnsiColor::Green };
        self.paint(color.on_default(), done) + &self.paint(Style::new().dimmed(), rest)
    }

    /// Its age first, so that all ages stand below each other, then its name and the last line that it printed.
    fn call(&self, call: &str, attempt: &Attempt, width: usize) -> String {
        let again = if attempt.nth > 1 { format!("  attempt {}", attempt.nth) } else { String::new() };
        let last = self.board.line(attempt.slot, call).map(|line| format!("  {}", line.trim_start()));
        let age = format!("{:>AGE$}  ", in_whole_seconds(self.age(attempt)));
        let parts = [
            (Style::new(), age),
            (Style::new().bold(), clean(call)),
            (AnsiColor::Yellow.on_default(), again),
            (Style::new().dimmed(), last.unwrap_or_default()),
        ];
        let mut left = width;
        let shown = parts.into_iter().enumerate().map(|(at, (style, text))| {
            // a letter or two of what follows the name would say nothing
            let text = if at > 1 && left < WORTH_IT { String::new() } else { self.cut(&text, left) };
            left -= text.width().min(left);
            self.paint(style, &text)
        });
        shown.collect()
    }

    fn ellipsis(&self) -> &'static str {
        if self.look.unicode { "…" } else { "..." }
    }

    /// As much of the text as fits in this many columns, in one line.
    fn cut(&self, text: &str, width: usize) -> String {
        let shown = |c: char| match c {
            '\t' => ' ',
            c if c.is_ascii() || self.look.unicode => c,
            _ => '?',
        };
        let text: String = text.chars().map(shown).collect();
        if text.width() <= width {
            return text;
        }
        let ellipsis = if self.ellipsis().width() < width { self.ellipsis() } else { "" };
        let mut left = width - ellipsis.width();
        let fits = |c: &char| {
            let wanted = c.width().unwrap_or(0);
            let fits = wanted <= left;
            left -= wanted.min(left);
            fits
        };
        text.chars().take_while(fits).collect::<String>() + ellipsis
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.look.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// A part of what the run has come to.
struct Word {
    /// Where it stands among the others.
    place: u8,
    text: String,
    style: Style,
}

/// How many columns the words take with what stands between them.
fn joined(words: &[Word]) -> usize {
    words.iter().map(|word| word.text.width() + 2).sum::<usize>().saturating_sub(2)
}

fn in_whole_seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => "0s".to_owned(),
        seconds => in_words(Duration::from_secs(seconds)),
    }
}

/// A guess at a length of time, no more exact than it can be: `25s`, `5m`, `2h`, `3d`.
fn roughly(time: Duration) -> String {
    let seconds = time.as_secs();
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    match seconds {
        0..90 => format!("{seconds}s"),
        90..5_400 => format!("{}m", rounded(60)),
        5_400..129_600 => format!("{}h", rounded(3_600)),
        _ => format!("{}d", rounded(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::mask::Masker;

    const PLAIN: Look = Look { color: false, unicode: true };
    const ASCII: Look = Look { color: false, unicode: false };

    fn tally(start: Instant, lines: &[(u64, String)]) -> Tally {
        let mut tally = Tally::default();
        for (seconds, line) in lines {
            let event = Event::parse(format!(r#"{{"ms":0,"event":{line}}}"#).as_bytes()).unwrap();
            tally.take(&event, start + Duration::from_secs(*seconds));
        }
        tally
    }

    fn found(calls: usize) -> (u64, String) {
        (0, format!(r#""task-expanded","task":"t","outcome":"succeeded","calls":{calls}"#))
    }

    fn begins(seconds: u64, call: &str, left: &str) -> (u64, String) {
        (seconds, format!(r#""attempt-started","call":"{call}","attempt":1,"slot":1{left}"#))
    }

    fn ends(seconds: u64, call: &str, how: &str) -> (u64, String) {
        let rest = r#""changes":[],"stdout_tail":"","stderr_tail":"""#;
        (seconds, format!(r#""call-ended","call":"{call}","outcome":{how},"took_ms":1,{rest}"#))
    }

    const SUCCEEDED: &str = r#""succeeded""#;
    const FAILED: &str = r#""failed","failure":{"reason":"interrupted"}"#;

    #[track_caller]
    fn check(lines: &[(u64, String)], at: u64, look: Look, size: (usize, usize), expected: &[&str]) {
        let began = Instant::now();
        let tally = tally(began, lines);
        let scene = Scene {
            tally: &tally,
            board: &Board::default(),
            began,
            now: began + Duration::from_secs(at),
            look,
        };
        let rows = scene.rows(Size { rows: size.0, columns: size.1 });
        assert_eq!(rows, expected);
        assert!(rows.len() <= size.0.max(1) && rows.iter().all(|row| row.width() < size.1.max(1)));
    }

    #[test]
    fn what_matters_least_gives_way_to_the_bar() {
        let run = [
            found(10),
            begins(0, "a", ""),
            ends(1, "a", FAILED),
            ends(1, "b", SUCCEEDED),
            begins(1, "c", r#","left_ms":26000"#),
        ];
        let wide = |width, expected: &str| check(&run, 1, PLAIN, (9, width), &[expected]);
        wide(81, "━━━━━─────────────────────── 2/10 calls, 1 failed, 1 running, 1s, about 26s left");
        wide(63, "━━──────── 2/10 calls, 1 failed, 1 running, 1s, about 26s left");
        wide(62, "━━━━──────────────── 2/10 calls, 1 failed, 1s, about 26s left");
        wide(51, "━━─────────── 2/10 calls, 1 failed, about 26s left");
        wide(41, "━━━──────────── 2/10 calls, 1 failed, 1s");
        wide(40, "━━──────────── 2/10 calls, 1 failed, 1s");
        wide(39, "2/10, 1 failed, 1s, about 26s left");
        wide(30, "2/10, 1 failed, 1 running, 1s");
        wide(20, "2/10, 1 failed, 1s");
        wide(10, "2/10, 1s");
        wide(4, "2/…");
        wide(1, "");
        wide(0, "");
    }

    #[test]
    fn ascii_will_do() {
        let mut run = vec![found(4), ends(0, "a", SUCCEEDED), ends(0, "b", SUCCEEDED)];
        check(&run, 0, ASCII, (9, 50), &["[===========>          ] 2/4 calls, 0 running, 0s"]);
        run.extend([ends(0, "c", SUCCEEDED), ends(0, "d", SUCCEEDED)]);
        check(&run, 61, ASCII, (9, 50), &["[===================] 4/4 calls, 0 running, 1m 1s"]);
        check(&[], 0, ASCII, (9, 50), &["[                      ] 0/0 calls, 0 running, 0s"]);
    }

    #[test]
    fn calls_that_run_for_a_while_have_a_row_as_far_as_there_is_room() {
        let run = [
            begins(0, "fit[a,b]", ""),
            begins(80, r"naïve\tw\u001b[31mörd\u001b[0m日本", ""),
            (80, r#""attempt-started","call":"x","attempt":3,"slot":1"#.to_owned()),
            begins(90, "y", ""),
        ];
        let board = Board::new(1);
        board.write((1, "x"), &Masker::new(), 0, b"\x1b[2Jstep\t4 of \x1b[1m10\n");
        let check = |look, size: (usize, usize), expected: &[&str]| {
            let began = Instant::now();
            let tally = tally(began, &run);
            let scene = Scene {
                tally: &tally,
                board: &board,
                began,
                now: began + Duration::from_millis(90_999),
                look,
            };
            let rows = scene.rows(Size { rows: size.0, columns: size.1 });
            assert_eq!(rows[1..], *expected);
        };
        let (one, three) = ("1m 30s  fit[a,b]", "   10s  x  attempt 3");
        check(PLAIN, (9, 40), &[one, "   10s  naïve wörd日本", "   10s  x  attempt 3  step 4 of 10"]);
        check(PLAIN, (9, 27), &[one, "   10s  naïve wörd日本", "   10s  x  attempt 3  ste…"]);
        check(PLAIN, (9, 26), &[one, "   10s  naïve wörd日本", "   10s  x  attempt 3"]);
        check(PLAIN, (9, 23), &[one, "   10s  naïve wörd日本", three]);
        check(PLAIN, (9, 22), &[one, "   10s  naïve wörd日…", three]);
        check(PLAIN, (9, 21), &[one, "   10s  naïve wörd…", three]);
        check(ASCII, (9, 20), &[one, "   10s  na?ve w?...", "   10s  x  attem..."]);
        check(PLAIN, (9, 12), &["1m 30s  fi…", "   10s  na…", "   10s  x"]);
        check(PLAIN, (9, 4), &["1m…", "  …", "  …"]);
        check(PLAIN, (9, 1), &["", "", ""]);
        check(PLAIN, (4, 40), &[one, "        … and 2 more"]);
        check(ASCII, (4, 40), &[one, "        ... and 2 more"]);
        check(PLAIN, (3, 40), &[one]);
        check(PLAIN, (2, 40), &[]);
        check(PLAIN, (1, 40), &[]);
        check(PLAIN, (0, 0), &[]);
    }

    #[test]
    fn colors_take_no_room() {
        let run = [found(2), begins(0, "a", ""), ends(0, "b", FAILED)];
        let began = Instant::now();
        let tally = tally(began, &run);
        let rows = |color| {
            let look = Look { color, unicode: true };
            Scene { tally: &tally, board: &Board::default(), began, now: began + AWHILE, look }
                .rows(Size { rows: 9, columns: 50 })
        };
        let bare: Vec<_> =
            rows(true).iter().map(|row| anstream::adapter::strip_str(row).to_string()).collect();
        assert_ne!(rows(true), bare);
        assert_eq!(rows(false), bare);
    }

    #[test]
    fn a_guess_is_no_more_exact_than_it_can_be() {
        let check = |seconds, expected| assert_eq!(roughly(Duration::from_secs(seconds)), expected);
        check(25, "25s");
        check(89, "89s");
        check(90, "2m");
        check(300, "5m");
        check(5_399, "90m");
        check(5_400, "2h");
        check(7_200, "2h");
        check(129_600, "2d");
    }
}
