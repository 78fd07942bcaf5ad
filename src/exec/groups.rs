//! The process groups of the attempts that run, a place for each slot: whom a signal to all of them goes to, and whom
//! somebody else would have to end if this process died.
//! A group stands here from before its leader runs the attempt's program until just before the leader is reaped, so no
//! recycled id is ever hit.

use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// Shared by all attempts of a run.
#[derive(Debug)]
pub struct Groups {
    leaders: Mutex<Vec<Option<Pid>>>,
}

impl Groups {
    /// Room for so many slots.
    pub fn new(slots: usize) -> Groups {
        Groups { leaders: Mutex::new(vec![None; slots]) }
    }

    /// Sends a signal to every group that runs.
    pub fn signal(&self, signal: Signal) {
        for &leader in self.lock().iter().flatten() {
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Where the leader of a slot's group writes its own id before it runs the attempt's program: a file and an offset.
    pub(super) fn place(&self, _slot: u32) -> Option<(BorrowedFd<'_>, u64)> {
        None
    }

    /// The leader has been started. `slot` counts from 1; one beyond the room is not kept.
    pub(super) fn enter(&self, slot: u32, leader: Pid) {
        self.put(slot, Some(leader));
    }

    /// The leader is about to be reaped.
    pub(super) fn leave(&self, slot: u32) {
        self.put(slot, None);
    }

    fn put(&self, slot: u32, leader: Option<Pid>) {
        let place = (slot as usize).checked_sub(1);
        let mut leaders = self.lock();
        if let Some(known) = place.and_then(|place| leaders.get_mut(place)) {
            *known = leader;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Pid>>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
