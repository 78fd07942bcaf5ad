//! What calls print while they run, on its way to whoever shows it: without secrets, wherever its pieces are cut, and
//! without control characters. Knows nothing of processes or of the run.

mod blocks;
mod gather;
mod queue;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anstyle::Style;

use super::board::Board;
use super::lines::clean;
use super::{Logs, Wake};
use crate::mask::{MaskStream, Masker};
use crate::outcome::Stream;
use blocks::Blocks;
use gather::Gather;
use queue::Queue;

pub(super) use blocks::Block;
pub(super) use queue::{Item, LeftOut};

/// So much may wait for the screen, in bytes.
const ROOM: usize = 4 * 1024 * 1024;

/// So long a call waits for the screen at a time.
const MOMENT: Duration = Duration::from_secs(1);

/// At most so much text is handed on at a time.
const PIECE: usize = 32 * 1024;

/// Whoever looks at what calls print while they run: shared by the run's threads and the screen's.
#[derive(Debug)]
pub struct Live {
    /// Who shows last lines.
    board: Option<Arc<Board>>,
    way: Option<Way>,
}

/// How outputs go to the screen.
#[derive(Debug)]
enum Way {
    /// Line by line, as they come, perhaps with the call's name in this style before each.
    Lines(Queue, Option<Style>),
    /// As a whole when an attempt has ended.
    Blocks(Blocks),
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
    gathers: [Gather; 2],
    out: Out,
}

/// Where the lines of an attempt go.
#[derive(Debug)]
enum Out {
    Nowhere,
    /// To the queue, with this before each.
    Queue(String),
    Block(Block),
}

impl Live {
    /// For whoever shows last lines, and for this way of showing outputs; `None`: nobody looks. Names of calls are shown in
    /// the style; long outputs are kept in the folder until they are shown.
    pub(super) fn new(
        board: Option<Arc<Board>>,
        logs: Logs,
        name: Style,
        folder: PathBuf,
    ) -> Option<Arc<Live>> {
        let way = match logs {
            Logs::Group => Some(Way::Blocks(Blocks::new(folder))),
            Logs::Prefix => Some(Way::Lines(Queue::default(), Some(name))),
            Logs::Stream => Some(Way::Lines(Queue::default(), None)),
            Logs::Failed | Logs::None => None,
        };
        (board.is_some() || way.is_some()).then(|| Arc::new(Live { board, way }))
    }

    /// An attempt of a call begins in a slot; what it prints is hidden by the masker.
    pub fn voice(self: &Arc<Live>, (call, attempt): (&str, u32), slot: u32, masker: Masker) -> Voice {
        let stream = || MaskStream::new(masker.clone());
        let hidden = (!masker.is_empty()).then(|| [stream(), stream()]);
        let out = match &self.way {
            None => Out::Nowhere,
            Some(Way::Lines(_, None)) => Out::Queue(String::new()),
            Some(Way::Lines(_, Some(name))) => Out::Queue(format!("{name}{}{name:#} |", clean(call))),
            Some(Way::Blocks(blocks)) => Out::Block(blocks.begin(attempt)),
        };
        Voice {
            live: self.clone(),
            slot,
            call: call.to_owned(),
            masker,
            hidden,
            gathers: Default::default(),
            out,
        }
    }

    /// How the screen is told that there is something.
    pub(super) fn attach(&self, wake: Wake) {
        if let Some(Way::Lines(queue, _)) = &self.way {
            queue.attach(wake);
        }
    }

    /// Hands on the lines that have come. As many as there are now: what calls print without end must not keep the screen
    /// from the rest.
    pub(super) fn take(&self, mut show: impl FnMut(Item)) {
        let Some(Way::Lines(queue, _)) = &self.way else { return };
        for _ in 0..queue.len() {
            match queue.pop() {
                Some(item) => show(item),
                None => return,
            }
        }
        queue.go_on_later();
    }

    /// Whether outputs are told as a whole.
    pub(super) fn has_blocks(&self) -> bool {
        matches!(self.way, Some(Way::Blocks(_)))
    }

    /// Whole outputs of attempts of a call, up to this attempt.
    pub(super) fn blocks(&self, call: &str, attempt: u32) -> Vec<Block> {
        match &self.way {
            Some(Way::Blocks(blocks)) => blocks.take(call, attempt),
            _ => Vec::new(),
        }
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
        let mut hidden =
            self.hidden.take().map(|streams| streams.map(MaskStream::finish)).unwrap_or_default();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut rest = std::mem::take(&mut hidden[stream as usize]);
            if self.gathers[stream as usize].is_begun() || rest.last().is_some_and(|&last| last != b'\n') {
                rest.push(b'\n');
            }
            self.tell(stream, &rest);
        }
        if let (Some(Way::Blocks(blocks)), Out::Block(block)) = (&self.live.way, self.out) {
            blocks.end(&self.call, block);
        }
    }

    fn tell(&mut self, stream: Stream, shown: &[u8]) {
        if shown.is_empty() {
            return;
        }
        if let Some(board) = &self.live.board {
            board.write((self.slot, &self.call), &self.masker, stream as usize, shown);
        }
        let Voice { live, call, masker, gathers, out, .. } = self;
        let mut text = String::new();
        let prefix = match out {
            Out::Nowhere => return,
            Out::Queue(prefix) => prefix.clone(),
            Out::Block(_) => String::new(),
        };
        let mut hand_on = |text: &mut String| match (&live.way, &mut *out) {
            (Some(Way::Lines(queue, _)), Out::Queue(_)) => queue.push(call, std::mem::take(text)),
            (_, Out::Block(block)) => {
                block.write(text);
                text.clear();
            }
            _ => text.clear(),
        };
        gathers[stream as usize].push(shown, |line| {
            let line = clean(&String::from_utf8_lossy(line));
            let gap = if prefix.is_empty() || line.is_empty() { "" } else { " " };
            text.extend([&prefix, gap, &*masker.mask_text(&line), "\n"]);
            if text.len() >= PIECE {
                hand_on(&mut text);
            }
        });
        if !text.is_empty() {
            hand_on(&mut text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(logs: Logs) -> (Arc<Board>, Arc<Live>) {
        let board = Arc::new(Board::new(1));
        let live = Live::new(Some(board.clone()), logs, Style::new(), std::env::temp_dir()).unwrap();
        (board, live)
    }

    fn shown(live: &Live) -> String {
        let mut all = String::new();
        live.take(|item| match item {
            Item::Text(text) => all.push_str(&text),
            Item::LeftOut(left) => panic!("{left:?}"),
        });
        all
    }

    fn masker() -> Masker {
        Masker::new().with("TOKEN", b"hunter2")
    }

    #[test]
    fn a_secret_in_pieces_is_never_seen() {
        let (board, live) = live(Logs::Stream);
        let mut voice = live.voice(("t", 1), 1, masker());
        let mut check = |stream, piece: &str, last: Option<&str>, lines: &str| {
            voice.hear(stream, piece.as_bytes());
            assert_eq!((board.line(1, "t").as_deref(), &*shown(&live)), (last, lines));
        };
        check(Stream::Stdout, "hun", None, "");
        check(Stream::Stderr, "no: ", Some("no:"), "");
        check(Stream::Stdout, "ter2!", Some("***!"), "");
        check(Stream::Stdout, "\nhun\x1b[0mter2\n", Some("***"), "***!\n***\n");
        check(Stream::Stderr, "hunt", Some("***"), "");
        voice.end();
        assert_eq!(board.line(1, "t").as_deref(), Some("no: hunt"));
        assert_eq!(shown(&live), "no: hunt\n");
    }

    #[test]
    fn wherever_an_output_is_cut_its_lines_are_the_same() {
        let text = "one hunter2\n\nhun\x1b[31mter2 é\r\nlast hunt".as_bytes();
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let (_, live) = live(Logs::Prefix);
                let mut voice = live.voice(("t", 1), 1, masker());
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    voice.hear(Stream::Stderr, piece);
                }
                voice.end();
                assert_eq!(shown(&live), "t | one ***\nt |\nt | *** é\nt | last hunt\n", "{first} {second}");
            }
        }
    }

    #[test]
    fn lines_of_two_calls_and_of_two_streams_never_mix() {
        let (_, live) = live(Logs::Prefix);
        let mut one = live.voice(("t[\x071]", 1), 1, Masker::new());
        let mut two = live.voice(("u", 1), 2, Masker::new());
        one.hear(Stream::Stdout, b"be");
        two.hear(Stream::Stdout, b"other\nla");
        one.hear(Stream::Stderr, b"error\n");
        one.hear(Stream::Stdout, b"gun\r\n");
        assert_eq!(shown(&live), "u | other\nt[1] | error\nt[1] | begun\n");
        two.end();
        one.end();
        assert_eq!(shown(&live), "u | la\n");
    }

    #[test]
    fn a_whole_output_is_told_when_the_attempt_has_ended() {
        let (_, live) = live(Logs::Group);
        let mut voice = live.voice(("t", 2), 1, masker());
        voice.hear(Stream::Stdout, b"one\nhunte");
        voice.hear(Stream::Stderr, b"two\n");
        voice.hear(Stream::Stdout, b"r2\nla");
        assert!(live.blocks("t", 9).is_empty());
        voice.end();
        assert!(live.blocks("t", 1).is_empty());
        let block = live.blocks("t", 9).remove(0);
        let mut all = String::new();
        assert_eq!(block.read(|piece| all.push_str(piece)), None);
        assert_eq!(all, "one\ntwo\n***\nla\n");
    }

    #[test]
    fn nobody_looks_unless_asked() {
        for logs in [Logs::Failed, Logs::None] {
            assert!(Live::new(None, logs, Style::new(), std::env::temp_dir()).is_none());
        }
    }
}
