//! The process groups of the attempts that run, a place for each slot: whom a signal to all of them goes to, and whom
//! somebody else would have to end if this process died.
//! A group stands here from before its leader runs the attempt's program until just before the leader is reaped, so no
//! recycled id is ever hit.
//!
//! The table for somebody else is a file in memory: an id for each slot, in four bytes, 0 for none.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use super::Clock;
use super::starts::Starts;
#[cfg(target_os = "linux")]
use super::table::Table;

/// Shared by all attempts of a run.
#[derive(Debug)]
pub struct Groups {
    leaders: Mutex<Vec<Option<Pid>>>,
    /// What another process can read; none where the system has no such files.
    #[cfg(target_os = "linux")]
    table: Option<Table>,
    clock: Arc<Clock>,
    starts: Starts,
}

/// The bytes of an id in the table.
const ENTRY: usize = size_of::<i32>();

impl Groups {
    /// Room for so many slots.
    pub fn new(slots: usize) -> Groups {
        Groups {
            leaders: Mutex::new(vec![None; slots]),
            #[cfg(target_os = "linux")]
            table: Table::new(slots).ok(),
            clock: Arc::default(),
            starts: Starts::default(),
        }
    }

    /// Sends a signal to every group that runs.
    pub fn signal(&self, signal: Signal) {
        for &leader in self.lock().iter().flatten() {
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Stops every group as a terminal does, and lets it go on after `stop`, which is to stop this process. Until then
    /// nothing starts, and the clock stands still.
    pub fn stop(&self, stop: impl FnOnce()) {
        self.clock.stand_still(|| {
            self.signal(Signal::TSTP);
            stop();
            self.signal(Signal::CONT);
        });
    }

    /// The clock of the attempts' time limits.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// The starts of the groups' leaders.
    pub(super) fn starts(&self) -> &Starts {
        &self.starts
    }

    /// A descriptor of the table, for [`read`].
    #[cfg(target_os = "linux")]
    pub(super) fn table(&self) -> io::Result<OwnedFd> {
        let table = self.table.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        table.file().try_clone().map(OwnedFd::from)
    }

    /// Where the id of the leader of a slot's group is to be written before it does anything.
    #[cfg(target_os = "linux")]
    pub(super) fn place(&self, slot: u32) -> Option<&AtomicI32> {
        self.table.as_ref()?.cell((slot as usize).checked_sub(1)?)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn table(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(not(target_os = "linux"))]
    fn place(&self, _slot: u32) -> Option<&AtomicI32> {
        None
    }

    /// The leader has been started. `slot` counts from 1; one beyond the room is not kept.
    pub(super) fn enter(&self, slot: u32, leader: Pid) {
        self.put(slot, Some(leader));
    }

    /// The leader is about to be reaped, or could not run the program.
    pub(super) fn leave(&self, slot: u32) {
        if let Some(place) = self.place(slot) {
            place.store(0, Ordering::Release);
        }
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

/// The groups that a table holds.
pub(super) fn read(table: &File) -> Vec<Pid> {
    let mut bytes = vec![0; table.metadata().map_or(0, |known| known.len() as usize)];
    // what could not be read stays 0
    let _ = table.read_exact_at(&mut bytes, 0);
    let (entries, _) = bytes.as_chunks::<ENTRY>();
    // 1 stands for no group: a signal to it would go to every process
    entries
        .iter()
        .filter_map(|id| Pid::from_raw(i32::from_ne_bytes(*id)).filter(|id| !id.is_init()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_who_came_and_did_not_leave() {
        let groups = Groups::new(3);
        for slot in 1..=3 {
            groups.place(slot).unwrap().store(100 + slot.cast_signed(), Ordering::Release);
        }
        groups.leave(2);
        let ids = read(&File::from(groups.table().unwrap())).into_iter().map(Pid::as_raw_pid);
        assert_eq!(ids.collect::<Vec<_>>(), [101, 103]);
        assert!(groups.place(0).is_none() && groups.place(4).is_none());
    }
}
