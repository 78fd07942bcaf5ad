//! The last line that each running call has printed, by its slot: written as the call prints, read when somebody draws.
//! What is written has no secrets any more; control characters go when it is read, which is seldom.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lines::clean;
use crate::mask::Masker;

/// So much of a line is kept, in bytes.
const LONGEST: usize = 512;

/// Last lines, a place for each slot.
#[derive(Debug, Default)]
pub struct Board {
    places: Vec<Mutex<Place>>,
}

#[derive(Debug, Default)]
struct Place {
    call: String,
    masker: Masker,
    streams: [LastLine; 2],
    /// The stream that printed last.
    latest: usize,
}

/// The end of a stream.
#[derive(Debug, Default)]
struct LastLine {
    /// The last line that is whole and not blank.
    whole: Vec<u8>,
    /// What comes after it: a progress bar, say, that goes back to its beginning.
    begun: Vec<u8>,
}

impl Board {
    /// For slots from 1 to this one.
    pub fn new(slots: usize) -> Board {
        Board { places: (0..slots).map(|_| Mutex::default()).collect() }
    }

    /// The last line that a call has printed in a slot, without control characters; `None` if it has printed none.
    pub fn line(&self, slot: u32, call: &str) -> Option<String> {
        let place = self.place(slot)?;
        if place.call != call {
            return None;
        }
        let streams = [&place.streams[place.latest], &place.streams[1 - place.latest]];
        let lines = streams.into_iter().flat_map(|stream| [&stream.begun, &stream.whole]);
        let cleaned = lines.map(|line| clean(&String::from_utf8_lossy(line)));
        let line = cleaned.into_iter().find(|line| !line.trim().is_empty())?;
        // colours in the middle of a secret are gone now
        Some(place.masker.mask_text(&line).into_owned())
    }

    /// What a call prints next in its slot; another call's lines go. `masker` hides what comes to light when control
    /// characters go.
    pub(super) fn write(&self, (slot, call): (u32, &str), masker: &Masker, stream: usize, bytes: &[u8]) {
        let Some(mut place) = self.place(slot) else { return };
        if place.call != call {
            *place = Place { call: call.to_owned(), masker: masker.clone(), ..Place::default() };
        }
        place.streams[stream].take(bytes);
        place.latest = stream;
    }

    fn place(&self, slot: u32) -> Option<MutexGuard<'_, Place>> {
        let place = self.places.get((slot as usize).checked_sub(1)?)?;
        Some(place.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LastLine {
    /// Looks at no more of the bytes than the last line that is not blank.
    fn take(&mut self, bytes: &[u8]) {
        let is_break = |byte: &u8| matches!(*byte, b'\n' | b'\r');
        let Some(end) = bytes.iter().rposition(is_break) else {
            return add(&mut self.begun, bytes);
        };
        let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
        let mut lines = bytes[..end].rsplit(is_break).peekable();
        while let Some(line) = lines.next() {
            let is_first = lines.peek().is_none();
            if is_first {
                add(&mut self.begun, line);
            }
            match (is_first, is_blank(line)) {
                (true, _) if !is_blank(&self.begun) => self.whole = std::mem::take(&mut self.begun),
                (false, false) => {
                    self.whole.clear();
                    add(&mut self.whole, line);
                    break;
                }
                _ => {}
            }
        }
        self.begun.clear();
        add(&mut self.begun, &bytes[end + 1..]);
    }
}

fn add(line: &mut Vec<u8>, bytes: &[u8]) {
    line.extend_from_slice(&bytes[..bytes.len().min(LONGEST - line.len().min(LONGEST))]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[(usize, &str)], expected: &str) {
        let board = Board::new(2);
        for (stream, piece) in pieces {
            board.write((2, "t"), &Masker::new().with("TOKEN", b"hunter2"), *stream, piece.as_bytes());
        }
        assert_eq!(board.line(2, "t").unwrap_or_default(), expected, "{pieces:?}");
    }

    #[test]
    fn the_last_line_is_the_one_that_has_something_in_it() {
        check(&[], "");
        check(&[(0, "one")], "one");
        check(&[(0, "one\n"), (0, "two\n \n\n")], "two");
        check(&[(0, "one\ntw"), (0, "o\n")], "two");
        check(&[(0, "one\ntw"), (0, "o\n"), (0, "\n")], "two");
        check(&[(0, "one\ntwo\nthr"), (0, "ee")], "three");
        check(&[(0, "10 %\r20 %\r"), (0, "30 %")], "30 %");
        check(&[(0, "10 %\r")], "10 %");
        check(&[(0, "one\n"), (1, "two\n"), (0, "\n")], "one");
        check(&[(0, "one\n"), (1, "\n")], "one");
    }

    #[test]
    fn nothing_moves_the_cursor_or_comes_to_light() {
        check(&[(0, "\x1b[31mred\x1b[0m\x1b[2J\n")], "red");
        check(&[(0, "a hun\x1b[0mter2 b\n")], "a *** b");
        check(&[(0, "shown\n\x1b[0m\x1b[K")], "shown");
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let board = Board::new(1);
        for _ in 0..1000 {
            board.write((1, "t"), &Masker::new(), 0, &[b'x'; 1000]);
        }
        assert_eq!(board.line(1, "t").map(|line| line.len()), Some(LONGEST));
        assert!(board.places[0].lock().unwrap().streams[0].begun.capacity() < 4 * LONGEST);
    }

    #[test]
    fn a_slot_shows_the_call_that_it_makes() {
        let board = Board::new(1);
        board.write((1, "a"), &Masker::new(), 0, b"of a\n");
        assert_eq!((board.line(1, "a"), board.line(1, "b")), (Some("of a".to_owned()), None));
        board.write((1, "b"), &Masker::new(), 0, b"of b\n");
        assert_eq!((board.line(1, "a"), board.line(1, "b")), (None, Some("of b".to_owned())));
        board.write((7, "c"), &Masker::new(), 0, b"nowhere\n");
        assert_eq!(board.line(7, "c"), None);
    }
}
