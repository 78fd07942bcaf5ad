//! The whole output of each attempt, kept until its end is told: a little of it in memory, more in a file without a name.
//! Bounded: who ends attempts faster than the screen tells of them waits for it, but for no longer than a moment; then an
//! output is left out.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tempfile::SpooledTempFile;

use super::{MOMENT, ROOM};

/// How much of an output stays in memory.
const IN_MEMORY: usize = 64 * 1024;

/// How much of an output is read at a time.
const PIECE: usize = 32 * 1024;

/// Outputs of attempts that have ended and are not told of yet.
#[derive(Debug)]
pub(in crate::report) struct Blocks {
    /// Where files are made.
    folder: PathBuf,
    waiting: Mutex<Waiting>,
    room: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    by_call: HashMap<String, Vec<Block>>,
    bytes: usize,
    /// Somebody waited in vain, and nothing was taken since.
    is_stuck: bool,
}

/// What one attempt has printed: whole lines.
#[derive(Debug)]
pub(in crate::report) struct Block {
    pub attempt: u32,
    pub began: SystemTime,
    pub ended: SystemTime,
    kept: Kept,
    /// Lines that were printed, also those that are not kept, and their bytes.
    lines: usize,
    bytes: usize,
}

#[derive(Debug)]
enum Kept {
    All(SpooledTempFile),
    /// The first so many lines, since there was no room for more: why, in words.
    Some(SpooledTempFile, usize, String),
    Nothing,
}

impl Blocks {
    pub fn new(folder: PathBuf) -> Blocks {
        Blocks { folder, waiting: Mutex::default(), room: Condvar::new() }
    }

    /// For what an attempt is about to print.
    pub fn begin(&self, attempt: u32) -> Block {
        let now = SystemTime::now();
        let file = SpooledTempFile::new_in(IN_MEMORY, &self.folder);
        Block { attempt, began: now, ended: now, kept: Kept::All(file), lines: 0, bytes: 0 }
    }

    /// The attempt has ended, and that will be told.
    pub fn end(&self, call: &str, mut block: Block) {
        if block.lines == 0 {
            return;
        }
        block.ended = SystemTime::now();
        let cost = block.cost();
        let waiting = self.lock();
        let fits = |waiting: &Waiting| waiting.bytes == 0 || waiting.bytes + cost <= ROOM;
        let mut waiting = if waiting.is_stuck || fits(&waiting) {
            waiting
        } else {
            let waited = self.room.wait_timeout_while(waiting, MOMENT, |waiting| !fits(waiting));
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        if !fits(&waiting) {
            waiting.is_stuck = true;
            block.kept = Kept::Nothing;
        }
        waiting.bytes += block.cost();
        waiting.by_call.entry(call.to_owned()).or_default().push(block);
    }

    /// What the attempts of a call have printed, up to this one.
    pub fn take(&self, call: &str, attempt: u32) -> Vec<Block> {
        let mut waiting = self.lock();
        let Some(mut blocks) = waiting.by_call.remove(call) else { return Vec::new() };
        let later = blocks.iter().position(|block| block.attempt > attempt).unwrap_or(blocks.len());
        let later = blocks.split_off(later);
        if !later.is_empty() {
            waiting.by_call.insert(call.to_owned(), later);
        }
        waiting.bytes -= blocks.iter().map(Block::cost).sum::<usize>();
        waiting.is_stuck = false;
        self.room.notify_all();
        blocks
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Block {
    /// Takes whole lines. What cannot be kept never fails its call.
    pub fn write(&mut self, text: &str) {
        if let Kept::All(file) = &mut self.kept
            && let Err(error) = file.write_all(text.as_bytes())
        {
            let why = format!("failed to keep them: {error}");
            if let Kept::All(file) = std::mem::replace(&mut self.kept, Kept::Nothing) {
                self.kept = Kept::Some(file, self.lines, why);
            }
        }
        self.lines += text.matches('\n').count();
        self.bytes += text.len();
    }

    /// Hands on all that is kept, some lines at a time; how many lines are not, and why.
    pub fn read(self, mut piece: impl FnMut(&str)) -> Option<(usize, String)> {
        let (file, lines, why) = match self.kept {
            Kept::All(file) => (file, self.lines, None),
            Kept::Some(file, lines, why) => (file, lines, Some(why)),
            Kept::Nothing => return Some((self.lines, "standard error is too slow".to_owned())),
        };
        let read = pieces(file, lines, &mut piece);
        let why = read.err().map(|error| format!("failed to read them: {error}")).or(why)?;
        Some((self.lines - lines, why))
    }

    /// What it takes of memory. A file counts as much as could be in its place, since there are only so many.
    fn cost(&self) -> usize {
        match &self.kept {
            Kept::All(_) | Kept::Some(..) => self.bytes.min(IN_MEMORY),
            Kept::Nothing => 0,
        }
    }
}

/// Reads so many lines.
fn pieces(mut file: SpooledTempFile, lines: usize, piece: &mut impl FnMut(&str)) -> io::Result<()> {
    file.rewind()?;
    let mut file = BufReader::with_capacity(PIECE, file);
    let mut text = String::new();
    for _ in 0..lines {
        if file.read_line(&mut text)? == 0 {
            break;
        }
        if text.len() >= PIECE {
            piece(&text);
            text.clear();
        }
    }
    if !text.is_empty() {
        piece(&text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(block: Block) -> String {
        let mut all = String::new();
        let missing = block.read(|piece| {
            assert!(piece.ends_with('\n') && piece.len() < PIECE + IN_MEMORY + 10);
            all.push_str(piece);
        });
        assert_eq!(missing, None);
        all
    }

    #[test]
    fn a_long_output_is_whole_and_not_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let blocks = Blocks::new(folder.path().to_owned());
        let mut block = blocks.begin(1);
        let lines: String = (0..100_000).map(|line| format!("line {line} é\n")).collect();
        lines.split_inclusive('\n').for_each(|line| block.write(line));
        assert!(matches!(&block.kept, Kept::All(file) if file.is_rolled()));
        blocks.end("t", block);
        assert!(all(blocks.take("t", 1).remove(0)) == lines);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn attempts_are_told_one_after_the_other() {
        let blocks = Blocks::new(std::env::temp_dir());
        for attempt in [2, 3] {
            let mut block = blocks.begin(attempt);
            block.write(&format!("of {attempt}\n"));
            blocks.end("t", block);
        }
        blocks.end("u", blocks.begin(1));
        assert!(blocks.take("t", 1).is_empty());
        assert_eq!(blocks.take("t", 2).into_iter().map(all).collect::<Vec<_>>(), ["of 2\n"]);
        assert_eq!(blocks.take("t", u32::MAX).into_iter().map(all).collect::<Vec<_>>(), ["of 3\n"]);
        assert!(blocks.take("u", 1).is_empty() && blocks.lock().bytes == 0);
    }

    #[test]
    fn what_nobody_takes_is_left_out_and_counted() {
        let blocks = Blocks::new(std::env::temp_dir());
        let count = 2 * ROOM / IN_MEMORY;
        let text = "x".repeat(IN_MEMORY) + "\ntwo\n";
        for call in 0..count {
            let mut block = blocks.begin(1);
            block.write(&text);
            blocks.end(&call.to_string(), block);
        }
        assert!(blocks.lock().bytes <= ROOM);
        assert_eq!(all(blocks.take("0", 1).remove(0)), text);
        let last = blocks.take(&(count - 1).to_string(), 1).remove(0);
        let missing = last.read(|piece| panic!("{piece}"));
        assert_eq!(missing, Some((2, "standard error is too slow".to_owned())));
    }

    #[test]
    fn what_cannot_be_kept_is_counted_and_the_rest_is_told() {
        let blocks = Blocks::new("/nonexistent".into());
        let mut block = blocks.begin(1);
        block.write("first\n");
        (0..100_000).for_each(|_| block.write("more\n"));
        let mut told = String::new();
        let (missing, why) = block.read(|piece| told.push_str(piece)).unwrap();
        assert!(told.starts_with("first\nmore\n") && told.ends_with("more\n"));
        assert_eq!(missing + told.matches('\n').count(), 100_001);
        assert!(why.starts_with("failed to keep them: "), "{why}");
    }
}
