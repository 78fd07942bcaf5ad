//! The way by which a run ends all its attempts at once, from any thread.
//! Nothing is registered here: each attempt listens, and signals its own process, whose id only it can know to be
//! still in use. So no spawn slips through, and no recycled id is ever hit.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How attempts are to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// This signal to the process group, then the attempt's grace, then SIGKILL.
    Gently(i32),
    /// SIGKILL.
    Now,
}

/// Shared by all threads that run attempts. What has been asked for stays: an attempt that begins later ends at once.
#[derive(Debug)]
pub struct Enders {
    gently: PipeReader,
    now: PipeReader,
    asked: Mutex<Asked>,
}

/// The writing ends are dropped to tell: every listener sees its reading end hang up, however late it looks.
#[derive(Debug)]
struct Asked {
    end: Option<End>,
    gently: Option<PipeWriter>,
    now: Option<PipeWriter>,
}

impl Enders {
    /// Fails where the process may open no further files.
    pub fn new() -> io::Result<Enders> {
        let (gently, tell_gently) = io::pipe()?;
        let (now, tell_now) = io::pipe()?;
        let asked = Asked { end: None, gently: Some(tell_gently), now: Some(tell_now) };
        Ok(Enders { gently, now, asked: Mutex::new(asked) })
    }

    /// Ends every attempt that runs, and every later one before it starts. Returns at once: the end of an attempt
    /// is told by its own thread. What was asked for more sharply is not softened by a later call.
    pub fn end_all(&self, how: End) {
        let mut asked = self.lock();
        if asked.end.is_none() || how == End::Now {
            asked.end = Some(how);
        }
        asked.gently = None;
        if how == End::Now {
            asked.now = None;
        }
    }

    /// What has been asked for so far.
    pub fn asked(&self) -> Option<End> {
        self.lock().end
    }

    /// Waits so long, or until an end is asked for; whether none was.
    pub(super) fn rest(&self, time: Duration) -> bool {
        let mut call = [PollFd::new(&self.gently, PollFlags::IN)];
        let time = Timespec::try_from(time).ok();
        // an interrupted wait is a short one
        poll(&mut call, time.as_ref()).unwrap_or(0) == 0
    }

    /// Hangs up once any end is asked for.
    pub(super) fn first_call(&self) -> BorrowedFd<'_> {
        self.gently.as_fd()
    }

    /// Hangs up once the end is to be now.
    pub(super) fn last_call(&self) -> BorrowedFd<'_> {
        self.now.as_fd()
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_never_softened() {
        let enders = Enders::new().unwrap();
        assert_eq!(enders.asked(), None);
        enders.end_all(End::Gently(15));
        enders.end_all(End::Gently(2));
        assert_eq!(enders.asked(), Some(End::Gently(15)));
        enders.end_all(End::Now);
        enders.end_all(End::Gently(2));
        assert_eq!(enders.asked(), Some(End::Now));
    }
}
