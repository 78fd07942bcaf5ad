//! A rate: in no window of a length of time is more than an amount taken. A window holds its start and not its end.
//! Has no clock: it is told what time it is.

use std::collections::VecDeque;
use std::time::Duration;

/// What was taken within the last window.
#[derive(Clone, Debug)]
pub struct Window {
    amount: u64,
    per: Duration,
    /// When how much was taken, oldest first.
    recent: VecDeque<(Duration, u64)>,
    taken: u64,
}

impl Window {
    pub fn new(amount: u64, per: Duration) -> Window {
        Window { amount, per, recent: VecDeque::new(), taken: 0 }
    }

    /// The most that can be taken at one time.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// What can be taken at the time of the last [`Window::advance`].
    pub fn free(&self) -> u64 {
        self.amount - self.taken
    }

    /// Forgets what was taken a whole window ago.
    pub fn advance(&mut self, now: Duration) {
        while let Some(&(at, amount)) = self.recent.front()
            && at.saturating_add(self.per) <= now
        {
            self.taken -= amount;
            self.recent.pop_front();
        }
    }

    /// Takes what is free.
    pub fn take(&mut self, amount: u64, now: Duration) {
        if amount > 0 {
            self.recent.push_back((now, amount));
            self.taken += amount;
        }
    }

    /// When an amount that is not free now will be; `None` if it is free, or is more than a window holds.
    pub fn free_at(&self, amount: u64) -> Option<Duration> {
        let mut free = self.free();
        if amount <= free {
            return None;
        }
        let enough = self.recent.iter().find(|(_, taken)| {
            free += taken;
            free >= amount
        });
        enough.map(|(at, _)| at.saturating_add(self.per))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_was_taken_is_free_again_a_window_later() {
        let mut window = Window::new(5, ms(1_000));
        window.take(2, ms(0));
        window.take(3, ms(400));
        assert_eq!(window.free(), 0);
        let times = [1, 2, 3, 5, 6].map(|amount| window.free_at(amount));
        assert_eq!(times, [Some(ms(1_000)), Some(ms(1_000)), Some(ms(1_400)), Some(ms(1_400)), None]);
        window.advance(ms(999));
        assert_eq!(window.free(), 0);
        window.advance(ms(1_000));
        assert_eq!((window.free(), window.free_at(2)), (2, None));
        window.advance(ms(1_400));
        assert_eq!(window.free(), 5);
    }
}
