//! What calls print while they run, on its way to whoever shows it: without secrets, wherever its pieces are cut. Knows
//! nothing of processes or of the run.

use std::sync::Arc;

use super::board::Board;
use crate::mask::{MaskStream, Masker};
use crate::outcome::Stream;

/// Whoever looks at what calls print while they run: shared by the run's threads and the screen's.
#[derive(Debug)]
pub struct Live {
    board: Arc<Board>,
}

/// One attempt of a call, as far as it is heard.
#[derive(Debug)]
pub struct Voice {
    live: Arc<Live>,
    slot: u32,
    call: String,
    masker: Masker,
    /// `None` where there is nothing to hide.
    hidden: Option<[MaskStream; 2]>,
}

impl Live {
    /// One that keeps last lines.
    pub fn new(board: Arc<Board>) -> Arc<Live> {
        Arc::new(Live { board })
    }

    /// An attempt of a call begins in a slot; what it prints is hidden by the masker.
    pub fn voice(self: &Arc<Live>, slot: u32, call: &str, masker: Masker) -> Voice {
        let stream = || MaskStream::new(masker.clone());
        let hidden = (!masker.is_empty()).then(|| [stream(), stream()]);
        Voice { live: self.clone(), slot, call: call.to_owned(), masker, hidden }
    }
}

impl Voice {
    /// Takes what the attempt prints next.
    pub fn hear(&mut self, stream: Stream, bytes: &[u8]) {
        match &mut self.hidden {
            None => self.tell(stream, bytes),
            Some(hidden) => {
                let shown = hidden[stream as usize].push(bytes);
                self.tell(stream, &shown);
            }
        }
    }

    /// The attempt has ended: what was held back can go out.
    pub fn end(mut self) {
        let hidden = self.hidden.take().into_iter().flatten();
        for (stream, hidden) in [Stream::Stdout, Stream::Stderr].into_iter().zip(hidden) {
            self.tell(stream, &hidden.finish());
        }
    }

    fn tell(&self, stream: Stream, shown: &[u8]) {
        if !shown.is_empty() {
            self.live.board.write((self.slot, &self.call), &self.masker, stream as usize, shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_pieces_is_never_seen() {
        let board = Arc::new(Board::new(1));
        let live = Live::new(board.clone());
        let mut voice = live.voice(1, "t", Masker::new().with("TOKEN", b"hunter2"));
        let mut check = |stream, piece: &str, expected: Option<&str>| {
            voice.hear(stream, piece.as_bytes());
            assert_eq!(board.line(1, "t").as_deref(), expected);
        };
        check(Stream::Stdout, "hun", None);
        check(Stream::Stderr, "no: ", Some("no:"));
        check(Stream::Stdout, "ter2!", Some("***!"));
        check(Stream::Stderr, "hunt", Some("***!"));
        voice.end();
        assert_eq!(board.line(1, "t").as_deref(), Some("no: hunt"));
    }
}
