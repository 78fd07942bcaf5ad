//! The process of an attempt and the group that it leads: seen to end, signalled, reaped, in this order.
//! Until it is reaped its id belongs to nobody else, so a signal to the group cannot hit a stranger.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group, waitid, waitpid,
};

use crate::outcome::Exit;

pub(super) struct Leader {
    pid: Pid,
    watch: Watch,
}

/// How the end of the process is noticed.
enum Watch {
    /// A descriptor that becomes readable.
    Descriptor(OwnedFd),
    /// By asking now and then, where the system has no such descriptor or gives none.
    Asking,
}

impl Leader {
    /// `descriptor` is of the process, if the system gave one when it was started.
    pub fn new(pid: Pid, descriptor: Option<OwnedFd>) -> Leader {
        let descriptor = descriptor.or_else(|| open_descriptor(pid));
        Leader { pid, watch: descriptor.map_or(Watch::Asking, Watch::Descriptor) }
    }

    /// Whether only [`Leader::has_ended`] tells, so that it must be asked from time to time.
    pub fn must_be_asked(&self) -> bool {
        matches!(self.watch, Watch::Asking)
    }

    /// Becomes readable when the process has ended.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.watch {
            Watch::Descriptor(descriptor) => Some(descriptor.as_fd()),
            Watch::Asking => None,
        }
    }

    /// Whether the process has ended; leaves it to be reaped.
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // an error says that there is no such child: it has ended and somebody else has reaped it
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    /// The signal by which the terminal stopped the process, if it did.
    pub fn stopped_by_terminal(&self) -> Option<i32> {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(self.pid), options).ok()??;
        let asks = [Signal::TTIN.as_raw(), Signal::TTOU.as_raw()];
        status.stopping_signal().filter(|signal| asks.contains(signal))
    }

    /// Signals the whole group. One that cannot be signalled has ended already.
    pub fn signal(&self, signal: Signal) {
        if kill_process_group(self.pid, signal).is_err() {
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Reaps the process, which must have ended, and tells how it did; `Err` if somebody else reaped it.
    pub fn reap(self) -> Result<Exit, String> {
        loop {
            return match waitpid(Some(self.pid), WaitOptions::empty()) {
                Ok(Some((_, status))) => match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Ok(Exit::Code(code)),
                    (None, Some(signal)) => Ok(Exit::Signal(signal)),
                    (None, None) => continue,
                },
                Ok(None) | Err(Errno::INTR) => continue,
                Err(error) => Err(format!("failed to learn how it ended: {error}")),
            };
        }
    }
}

#[cfg(target_os = "linux")]
fn open_descriptor(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_descriptor(_pid: Pid) -> Option<OwnedFd> {
    None
}
