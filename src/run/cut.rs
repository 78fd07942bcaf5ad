//! What cuts a run short: a signal, its time limit, a machine that cannot go on, calls in conflict. Nothing starts any more
//! but finalizers; what runs is asked to end where its end could not be kept, or is not wanted.

use std::sync::PoisonError;
use std::time::Duration;

use rustix::process::Signal;

use crate::exec::End as Ending;
use crate::outcome::in_words;
use crate::store::Clash;

use super::{Core, Running};

impl Running {
    /// Whether a signal, its time limit or a failure of the machine has ended it.
    pub fn is_cut_off(&self) -> bool {
        let core = self.lock();
        core.signal.is_some() || core.timed_out || core.broken.is_some()
    }

    /// Ends the run: the first signal gently, the second at once.
    pub fn interrupt(&self, signal: i32, nth: usize) {
        let mut core = self.lock();
        core.signal.get_or_insert(signal);
        core.cut_off();
        if nth == 1 {
            self.enders.end_all(Ending::Gently(signal));
            self.limit_finalizers(&mut core);
        } else {
            self.enders.end_all(Ending::Now);
            self.final_enders.end_all(Ending::Now);
        }
        self.tell_signal(signal);
        drop(core);
        self.changed.notify_all();
    }

    /// Stops what runs, and lets it go on after `stop`, which is to stop this process.
    pub fn stop(&self, stop: impl FnOnce()) {
        self.groups.stop(stop);
    }

    /// Somebody lets this process go on: so does what it runs.
    pub fn go_on(&self) {
        self.groups.signal(Signal::CONT);
    }

    /// After a signal or the run's own time limit, and once no other call runs, finalizers have only their time. The thread
    /// is not waited for: it holds nothing of the run.
    pub(super) fn limit_finalizers(&self, core: &mut Core) {
        let is_cut = core.signal.is_some() || core.timed_out;
        if !is_cut || core.attempts > 0 || core.is_limited {
            return;
        }
        core.is_limited = true;
        let (limit, enders) = (self.manifest.settings.finalizer_timeout, self.final_enders.clone());
        let clock = self.groups.clock().clone();
        let end = move || {
            clock.sleep(limit);
            enders.end_all(Ending::Now);
        };
        if std::thread::Builder::new().name("finalizers".to_owned()).spawn(end).is_err() {
            self.final_enders.end_all(Ending::Now);
        }
    }

    /// Ends the run when its own time limit has passed, unless it is over before.
    pub(super) fn watch_time(&self, limit: Duration) {
        let mut core = self.lock();
        while !core.is_over {
            let passed = self.groups.clock().now().saturating_duration_since(self.began);
            let Some(left) = limit.checked_sub(passed).filter(|left| !left.is_zero()) else {
                core.timed_out = true;
                core.cut_off();
                self.enders.end_all(Ending::Gently(Signal::TERM.as_raw()));
                self.scribe
                    .notice(&format!("the run took longer than its run-timeout of {}", in_words(limit)));
                self.limit_finalizers(&mut core);
                drop(core);
                return self.changed.notify_all();
            };
            let waited = self.over.wait_timeout(core, left);
            core = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// deco itself cannot go on: nothing starts any more, and what runs is ended, since its end could not be kept.
    pub fn broken(&self, message: String) {
        let mut core = self.lock();
        core.broken.get_or_insert(message);
        core.cut_off();
        drop(core);
        self.enders.end_all(Ending::Gently(Signal::TERM.as_raw()));
        self.changed.notify_all();
    }

    /// Two calls are in conflict: nothing starts any more.
    pub(super) fn stop_for(&self, clash: Clash) {
        let mut core = self.lock();
        core.clash.get_or_insert(clash);
        core.stop();
    }
}
