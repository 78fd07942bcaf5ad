//! What a worker prints, by call. A worker that is sent calls ahead writes a mark where the output of one ends; of one that
//! is not, all that is there when it answers is the call's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, ioctl_fionbio, read};

use super::super::pipes::Kept;
use super::super::{Keep, Output, Sink, Stream};

const CHUNK: usize = 64 * 1024;

/// At most so much is taken when a call has ended: the most that Linux lets a pipe hold.
const LEFT_IN_PIPE: usize = 1024 * 1024;

/// One output of a worker.
#[derive(Debug)]
pub(super) struct Printed {
    pipe: OwnedFd,
    stream: Stream,
    /// What was read and belongs to nobody yet: the beginning of a mark, or what comes after one.
    rest: Vec<u8>,
    /// The mark of the call that is under way has come.
    is_marked: bool,
    is_closed: bool,
}

impl Printed {
    pub fn new(pipe: OwnedFd, stream: Stream) -> std::io::Result<Printed> {
        ioctl_fionbio(&pipe, true)?;
        Ok(Printed { pipe, stream, rest: Vec::new(), is_marked: false, is_closed: false })
    }

    /// What to poll while a call is under way that is alone.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_closed && !self.is_marked).then(|| self.pipe.as_fd())
    }

    /// Takes what has come of the call that is under way, at most up to its mark.
    pub fn listen<'a>(&mut self, mark: &[u8], kept: &mut Option<Kept<'a>>, sink: Sink<'a>) {
        if !self.is_marked && self.read() {
            self.sort(mark, kept, sink);
        }
    }

    /// The call has ended, and all that it printed is there: up to its mark, or all without one.
    pub fn finish<'a>(&mut self, mark: Option<&[u8]>, mut kept: Option<Kept<'a>>, sink: Sink<'a>) -> Output {
        let mut taken = 0;
        loop {
            if let Some(mark) = mark.filter(|_| !self.is_marked) {
                self.sort(mark, &mut kept, sink);
            }
            let before = self.rest.len();
            // somebody may print for ever
            if self.is_marked || taken > LEFT_IN_PIPE || !self.read() {
                break;
            }
            taken += self.rest.len() - before;
        }
        if !self.is_marked {
            let rest = std::mem::take(&mut self.rest);
            give(&rest, self.stream, &mut kept, sink);
        }
        self.is_marked = false;
        kept.map(Kept::into_output).unwrap_or_default()
    }

    /// Gives what is known to be the call's; the mark itself goes. A mark begins with a NUL.
    fn sort<'a>(&mut self, mark: &[u8], kept: &mut Option<Kept<'a>>, sink: Sink<'a>) {
        let begins = |at: &usize| {
            let found = &self.rest[*at..];
            found.starts_with(mark) || mark.starts_with(found)
        };
        let nulls = self.rest.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at);
        let end = nulls.into_iter().find(begins).unwrap_or(self.rest.len());
        give(&self.rest[..end], self.stream, kept, sink);
        self.is_marked = self.rest[end..].starts_with(mark);
        self.rest.drain(..if self.is_marked { end + mark.len() } else { end });
    }

    /// Reads what is there; whether there was something.
    fn read(&mut self) -> bool {
        let before = self.rest.len();
        self.rest.resize(before + CHUNK, 0);
        let found = loop {
            match read(&self.pipe, &mut self.rest[before..]) {
                Err(Errno::INTR) => {}
                found => break found,
            }
        };
        let count = *found.as_ref().unwrap_or(&0);
        self.rest.truncate(before + count);
        self.is_closed |= !matches!(found, Ok(1..) | Err(Errno::AGAIN));
        count > 0
    }
}

fn give<'a>(bytes: &[u8], stream: Stream, kept: &mut Option<Kept<'a>>, sink: Sink<'a>) {
    if !bytes.is_empty() {
        kept.get_or_insert_with(|| Kept::new(stream, Keep::Short, sink)).add(bytes);
    }
}
