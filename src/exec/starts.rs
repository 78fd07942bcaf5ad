//! Starts of processes that are under way. Until it executes its program, a new process holds all that deco had open when
//! it was made, so the pipes of its siblings too: who finds a pipe held asks here before anybody is accused.

use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(super) struct Starts(Mutex<Begun>);

#[derive(Debug, Default)]
struct Begun {
    count: u64,
    /// The numbers of those that are under way.
    open: Vec<u64>,
}

/// A start, under way until this is dropped.
pub(super) struct Start<'a> {
    starts: &'a Starts,
    number: u64,
}

impl Starts {
    pub fn begin(&self) -> Start<'_> {
        let mut begun = self.lock();
        let number = begun.count;
        begun.count += 1;
        begun.open.push(number);
        Start { starts: self, number }
    }

    /// How many have begun so far.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Whether any of the first so many is still under way.
    pub fn goes_on(&self, first: u64) -> bool {
        self.lock().open.iter().any(|&number| number < first)
    }

    fn lock(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        self.starts.lock().open.retain(|&number| number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_began_later_do_not_count() {
        let starts = Starts::default();
        let before = starts.begin();
        drop(starts.begin());
        let first = starts.count();
        let later = starts.begin();
        assert!(starts.goes_on(first));
        drop(before);
        assert!(!starts.goes_on(first));
        assert!(starts.goes_on(starts.count()));
        drop(later);
        assert!(!starts.goes_on(starts.count()));
    }
}
