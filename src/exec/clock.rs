//! The time of a run's attempts: a clock that stands still while the whole run is stopped, as by Ctrl-Z, and lets nothing
//! start meanwhile.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Moments of one clock can be compared with each other only.
#[derive(Debug, Default)]
pub struct Clock {
    /// For how long the run was stopped so far. Locked for writing while it is.
    stopped: RwLock<Duration>,
}

impl Clock {
    /// The moment that it is. Waits while the run is stopped.
    pub fn now(&self) -> Instant {
        let stopped = self.running();
        let now = Instant::now();
        now.checked_sub(*stopped).unwrap_or(now)
    }

    /// Whether a moment is over; `None` never comes.
    pub(super) fn has_come(&self, moment: Option<Instant>) -> bool {
        moment.is_some_and(|at| at <= self.now())
    }

    /// Waits until so much time has passed.
    pub fn sleep(&self, time: Duration) {
        let began = self.now();
        while let Some(left) = time.checked_sub(self.now() - began).filter(|left| !left.is_zero()) {
            thread::sleep(left);
        }
    }

    /// As long as this is held the run is not stopped.
    pub(super) fn running(&self) -> RwLockReadGuard<'_, Duration> {
        self.stopped.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stands still as long as this takes.
    pub(super) fn stand_still(&self, stop: impl FnOnce()) {
        let mut stopped = self.stopped.write().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        stop();
        *stopped += began.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_while_it_stands_still_does_not_count() {
        let clock = Clock::default();
        let mut passed = Duration::ZERO;
        clock.stand_still(|| {
            let began = Instant::now();
            while passed < Duration::from_millis(2) {
                passed = began.elapsed();
            }
        });
        let now = clock.now();
        assert!(now + passed <= Instant::now());
        assert!(clock.now() >= now);
    }
}
