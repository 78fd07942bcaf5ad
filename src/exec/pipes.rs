//! Our ends of an attempt's pipes: what it prints is captured, what it is to read is fed.
//! Neither ever blocks; when to go on is for the caller, who polls, to say.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::PollFlags;
use rustix::io::{Errno, ioctl_fionbio, read, write};

use super::{Keep, Log, Output, Sink, Stream};

/// The most that one read takes: what a pipe holds by default.
const CHUNK: usize = 64 * 1024;

/// At most so much is taken from a pipe whose writers were killed: the most that Linux lets a pipe hold. Somebody who
/// left the group may write on for ever.
const LEFT_IN_PIPE: usize = 1024 * 1024;

thread_local! {
    /// What is read passes through here, so that an output takes no more memory than it is long.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One stream of output as it is read from its pipe.
pub(super) struct Capture<'a> {
    pipe: Option<OwnedFd>,
    kept: Kept<'a>,
}

/// What was printed: kept in memory as long as there is room for it, then in a log.
pub(super) struct Kept<'a> {
    stream: Stream,
    keep: Keep,
    bytes: Vec<u8>,
    /// How much has been read.
    taken: usize,
    sink: Sink<'a>,
    log: Option<Box<dyn Log>>,
}

impl<'a> Kept<'a> {
    pub fn new(stream: Stream, keep: Keep, sink: Sink<'a>) -> Kept<'a> {
        Kept { stream, keep, bytes: Vec::new(), taken: 0, sink, log: None }
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.taken += bytes.len();
        self.sink.logs.heard(self.sink.call, self.stream, bytes);
        if self.log.is_none() && self.bytes.len() + bytes.len() <= self.keep.room() {
            return self.bytes.extend_from_slice(bytes);
        }
        let log = self.log.get_or_insert_with(|| {
            let mut log = self.sink.logs.open(self.stream);
            log.write(&std::mem::take(&mut self.bytes));
            log
        });
        log.write(bytes);
    }

    pub fn into_output(self) -> Output {
        Output { bytes: self.bytes, logged: self.log.map(|log| Box::new(log.close())) }
    }
}

impl<'a> Capture<'a> {
    pub fn new(pipe: OwnedFd, stream: Stream, keep: Keep, sink: Sink<'a>) -> Capture<'a> {
        Capture { pipe: Some(pipe), kept: Kept::new(stream, keep, sink) }
    }

    /// What to poll; none once all writers have closed it.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    pub fn is_closed(&self) -> bool {
        self.pipe.is_none()
    }

    /// How many bytes there were so far.
    pub fn taken(&self) -> usize {
        self.kept.taken
    }

    /// The limit that it has passed, though all of it was to be kept.
    pub fn passed(&self) -> Option<usize> {
        match self.kept.keep {
            Keep::Whole { limit } if self.kept.log.is_some() => Some(limit),
            Keep::Whole { .. } | Keep::Short => None,
        }
    }

    /// Takes what `poll` says is there.
    pub fn take(&mut self, ready: PollFlags) {
        if ready.contains(PollFlags::IN) {
            let count = self.read();
            // nobody can write any more, and a read that takes less than it could has taken all
            if ready.contains(PollFlags::HUP) && count.is_some_and(|count| (1..CHUNK).contains(&count)) {
                self.pipe = None;
            }
        } else if ready.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            self.pipe = None;
        }
    }

    /// Takes what is left in the pipe, without waiting for more; whether somebody still holds it open.
    pub fn drain(&mut self) -> bool {
        if self.pipe.as_ref().is_some_and(|pipe| ioctl_fionbio(pipe, true).is_ok()) {
            let mut taken = 0;
            while taken < LEFT_IN_PIPE {
                match self.read() {
                    Some(count) => taken += count,
                    None => break,
                }
            }
        }
        self.pipe.is_some()
    }

    pub fn into_output(self) -> Output {
        self.kept.into_output()
    }

    /// Reads once; how much there was, `None` if there is nothing now or any more.
    fn read(&mut self) -> Option<usize> {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(CHUNK, 0);
            match read(self.pipe.as_ref()?, &mut buffer[..]) {
                Ok(count @ 1..) => {
                    self.kept.add(&buffer[..count]);
                    Some(count)
                }
                Err(Errno::INTR) => Some(0),
                Err(Errno::AGAIN) => None,
                Ok(0) | Err(_) => {
                    self.pipe = None;
                    None
                }
            }
        })
    }
}

/// What an attempt is to read, as far as it does.
pub(super) struct Feed {
    pipe: OwnedFd,
    bytes: Arc<[u8]>,
    written: usize,
}

impl Feed {
    /// `None` if the pipe cannot be written without blocking: better no input than a run that hangs.
    pub fn new(pipe: OwnedFd, bytes: Arc<[u8]>) -> Option<Feed> {
        ioctl_fionbio(&pipe, true).ok()?;
        Some(Feed { pipe, bytes, written: 0 })
    }

    pub fn target(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Writes what fits; whether there is more to write. A reader that closed its end has seen enough.
    pub fn goes_on(&mut self) -> bool {
        match write(&self.pipe, &self.bytes[self.written..]) {
            Ok(count) => self.written += count,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return false,
        }
        self.written < self.bytes.len()
    }
}
