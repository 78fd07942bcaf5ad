//! How long calls of a worker take, and how many are therefore sent ahead: so many that what lies ahead is done in a few
//! milliseconds, since a call that waits here while another worker is idle waits for nothing.

use std::time::Duration;

/// How much work may lie ahead.
const AHEAD: Duration = Duration::from_millis(4);

/// The most calls that are under way, however short.
const MOST: usize = 256;

/// A call that takes longer has those behind it taken back.
const LONG: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(super) struct Mean(Duration);

impl Mean {
    /// Nothing is known: one call at first.
    pub fn unknown() -> Mean {
        Mean(AHEAD)
    }

    /// A long call counts as one that is just too long, so that it is soon forgotten.
    pub fn add(&mut self, took: Duration) {
        self.0 = (self.0 * 3 + took.min(AHEAD)) / 4;
    }

    /// How many calls may be under way.
    pub fn window(&self) -> usize {
        let fit = AHEAD.as_nanos() / self.0.as_nanos().max(1);
        usize::try_from(fit).unwrap_or(MOST).clamp(1, MOST)
    }

    /// After how long a call is long.
    pub fn patience(&self) -> Duration {
        LONG.max(self.0 * 2)
    }

    /// How long nothing need be listened to while so many calls are under way: answers are read many at once. Not at all
    /// where they would not gather: to look in vain takes the time of a call.
    pub fn pause(&self, under_way: usize) -> Duration {
        const MOST_PAUSED: Duration = Duration::from_micros(300);
        let half = u32::try_from(under_way / 2).unwrap_or(0);
        let pause = (self.0 * half).min(MOST_PAUSED);
        if pause >= self.0 * 2 { pause } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_while_calls_are_short_and_shrinks_when_they_are_not() {
        let mut mean = Mean::unknown();
        assert_eq!(mean.window(), 1);
        (0..50).for_each(|_| mean.add(Duration::from_micros(5)));
        assert_eq!(mean.window(), MOST);
        mean.add(Duration::from_secs(1));
        assert!((2..8).contains(&mean.window()), "{mean:?}");
        (0..50).for_each(|_| mean.add(Duration::from_millis(1)));
        assert!((3..=4).contains(&mean.window()), "{mean:?}");
        (0..50).for_each(|_| mean.add(Duration::from_secs(1)));
        assert_eq!(mean.window(), 1);
    }

    #[test]
    fn a_pause_is_worth_several_answers() {
        let mut mean = Mean::unknown();
        (0..50).for_each(|_| mean.add(Duration::from_micros(5)));
        assert!(mean.pause(MOST) > Duration::from_micros(100), "{mean:?}");
        assert_eq!(mean.pause(2), Duration::ZERO);
        (0..50).for_each(|_| mean.add(Duration::from_millis(1)));
        assert_eq!(mean.pause(mean.window()), Duration::ZERO);
    }
}
