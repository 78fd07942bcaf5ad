//! What a run leaves behind it: workers, folders of calls, the watchdog. Cleared up while the answer is made and given; of a
//! run that was cut off, before its journal is written to its end.

use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::exec::orphans;
use crate::exec::watchdog::Watchdog;
use crate::run::Running;

/// Clearing up that has begun.
pub enum Clearing {
    /// `None` where no thread could be had: the watchdog then does it.
    UnderWay(Option<JoinHandle<()>>),
    CutOff {
        scratch: TempDir,
        watchdog: Option<Watchdog>,
    },
}

impl Clearing {
    /// Begins once the run is over. `scratch`: where its folders are.
    pub fn begin(running: &Running, run_id: &str, scratch: TempDir, watchdog: Option<Watchdog>) -> Clearing {
        let leftovers = running.leftovers();
        if running.is_cut_off() {
            // workers that end by themselves are no orphans
            leftovers.clear();
            orphans::end(run_id.as_ref());
            return Clearing::CutOff { scratch, watchdog };
        }
        let clear = move || {
            leftovers.clear();
            drop(scratch);
            watchdog.into_iter().for_each(Watchdog::dismiss);
        };
        Clearing::UnderWay(thread::Builder::new().name("clearing".to_owned()).spawn(clear).ok())
    }

    /// Waits until it is done.
    pub fn end(self) {
        match self {
            Clearing::UnderWay(thread) => drop(thread.map(JoinHandle::join)),
            Clearing::CutOff { scratch, watchdog } => {
                drop(scratch);
                watchdog.into_iter().for_each(Watchdog::clear_up);
            }
        }
    }
}
