//! Our ends of an attempt's pipes: what it prints is captured, what it is to read is fed.
//! Neither ever blocks; when to go on is for the caller, who polls, to say.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::event::PollFlags;
use rustix::io::{Errno, ioctl_fionbio, read, write};

/// Room made before each read.
const CHUNK: usize = 8 * 1024;

/// At most so much is taken from a pipe whose writers were killed: the most that Linux lets a pipe hold. Somebody who
/// left the group may write on for ever.
const LEFT_IN_PIPE: usize = 1024 * 1024;

/// One stream of output. All of it is kept; the one place where a limit belongs.
#[derive(Default)]
pub(super) struct Capture {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
}

impl Capture {
    pub fn new(pipe: Option<OwnedFd>) -> Capture {
        Capture { pipe, bytes: Vec::new() }
    }

    /// What to poll; none once all writers have closed it.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    pub fn is_closed(&self) -> bool {
        self.pipe.is_none()
    }

    /// Takes what `poll` says is there.
    pub fn take(&mut self, ready: PollFlags) {
        if ready.contains(PollFlags::IN) {
            self.read();
        } else if ready.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            self.pipe = None;
        }
    }

    /// Takes what is left in the pipe, without waiting for more, and closes it.
    pub fn close(&mut self) {
        let limit = self.bytes.len().saturating_add(LEFT_IN_PIPE);
        if self.pipe.as_ref().is_some_and(|pipe| ioctl_fionbio(pipe, true).is_ok()) {
            while self.bytes.len() < limit && self.read() {}
        }
        self.pipe = None;
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Reads once; whether there may be more.
    fn read(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        self.bytes.reserve(CHUNK);
        match read(pipe, spare_capacity(&mut self.bytes)) {
            Ok(1..) | Err(Errno::INTR) => true,
            Err(Errno::AGAIN) => false,
            Ok(0) | Err(_) => {
                self.pipe = None;
                false
            }
        }
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
