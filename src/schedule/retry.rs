//! Further attempts: which failures are worth one, how long to wait for it, who waits.
//! Has no clock and no source of chance: it is told the time, and a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use petgraph::graph::NodeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::outcome::{Exit, Failure};

/// The longest wait between attempts, unless the first one is longer.
const LONGEST: Duration = Duration::from_secs(300);

/// Whether and when a failed attempt is followed by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub retries: u32,
    /// About how long to wait for the second attempt; doubles from then on.
    pub delay: Duration,
    pub retry_on: RetryOn,
}

/// Which failures of an attempt are worth another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryOn {
    /// All but the end of the run.
    All,
    /// Ends with one of these codes; running out of time, if `timeout`.
    Listed { codes: Vec<i32>, timeout: bool },
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy { retries: 0, delay: Duration::from_secs(1), retry_on: RetryOn::All }
    }
}

impl RetryPolicy {
    /// Whether an attempt, counted from 1, that failed so is followed by another.
    pub fn grants(&self, attempt: u32, failure: &Failure) -> bool {
        attempt <= self.retries && self.retry_on.matches(failure)
    }

    /// How long to wait after an attempt, counted from 1: the delay, doubled for each attempt before, of which chance
    /// takes up to a half, so that what failed together does not come back together.
    pub fn wait_after(&self, attempt: u32, chance: f64) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let half = self.delay.saturating_mul(factor).min(self.delay.max(LONGEST)) / 2;
        half + half.mul_f64(chance.clamp(0.0, 1.0))
    }
}

impl RetryOn {
    fn matches(&self, failure: &Failure) -> bool {
        match (self, failure) {
            (_, Failure::Interrupted) => false,
            (RetryOn::All, _) => true,
            (RetryOn::Listed { codes, .. }, Failure::Exit { exit: Exit::Code(code) }) => codes.contains(code),
            (RetryOn::Listed { timeout, .. }, Failure::Timeout { .. }) => *timeout,
            (RetryOn::Listed { .. }, _) => false,
        }
    }
}

/// A call that gets ready again at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delayed {
    pub at: Duration,
    pub turn: u32,
    pub node: NodeIndex,
    pub line: u32,
}

/// The calls with more than one attempt.
#[derive(Debug)]
pub struct Retries {
    seed: u64,
    /// Attempts that have failed.
    failed: FxHashMap<NodeIndex, u32>,
    delayed: BinaryHeap<Reverse<Delayed>>,
}

impl Retries {
    pub fn new(seed: u64) -> Retries {
        Retries { seed, failed: FxHashMap::default(), delayed: BinaryHeap::new() }
    }

    /// The number of the call's attempt that runs or comes next, from 1.
    pub fn attempt(&self, node: NodeIndex) -> u32 {
        self.failed.get(&node).map_or(1, |failed| failed + 1)
    }

    /// How long the call waits after its present attempt. The same for a seed, whatever else happened.
    pub fn wait(&self, policy: &RetryPolicy, node: NodeIndex) -> Duration {
        let attempt = self.attempt(node);
        let own = (node.index() as u64) << 32 | u64::from(attempt);
        let chance = fastrand::Rng::with_seed(fastrand::Rng::with_seed(self.seed).u64(..) ^ own).f64();
        policy.wait_after(attempt, chance)
    }

    /// The call's present attempt has failed, and the next one is ready later.
    pub fn delay(&mut self, delayed: Delayed) {
        *self.failed.entry(delayed.node).or_default() += 1;
        self.delayed.push(Reverse(delayed));
    }

    /// When the next call gets ready again.
    pub fn next_at(&self) -> Option<Duration> {
        self.delayed.peek().map(|Reverse(delayed)| delayed.at)
    }

    /// A call whose time has come.
    pub fn due(&mut self, now: Duration) -> Option<Delayed> {
        if self.next_at()? > now {
            return None;
        }
        self.delayed.pop().map(|Reverse(delayed)| delayed)
    }

    /// The calls that have not ended though an attempt failed, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> {
        self.failed.keys().copied()
    }

    /// Whether the time of the call's next attempt has not come.
    pub fn is_delayed(&self, node: NodeIndex) -> bool {
        self.delayed.iter().any(|Reverse(delayed)| delayed.node == node)
    }

    /// These calls get no further attempt.
    pub fn cancel(&mut self, nodes: &FxHashSet<NodeIndex>) {
        self.delayed.retain(|Reverse(delayed)| !nodes.contains(&delayed.node));
    }

    /// Whether no call waits.
    pub fn is_empty(&self) -> bool {
        self.delayed.is_empty()
    }

    /// The call has ended.
    pub fn forget(&mut self, node: NodeIndex) {
        if !self.failed.is_empty() {
            self.failed.remove(&node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let check = |delay, expected: [u64; 5]| {
            let policy = RetryPolicy { delay: secs(delay), ..RetryPolicy::default() };
            let waits = [1, 2, 3, 10, u32::MAX].map(|attempt| policy.wait_after(attempt, 1.0).as_secs());
            assert_eq!(waits, expected, "{delay}");
        };
        check(0, [0; 5]);
        check(2, [2, 4, 8, 300, 300]);
        check(1_000, [1_000; 5]);
        let longest = RetryPolicy { delay: Duration::MAX, ..RetryPolicy::default() };
        assert!(longest.wait_after(40, 1.0) > secs(u64::MAX / 2));
    }

    #[test]
    fn chance_takes_up_to_a_half() {
        let policy = RetryPolicy { delay: secs(8), ..RetryPolicy::default() };
        assert_eq!([0.0, 0.5, 1.0].map(|chance| policy.wait_after(1, chance)), [4, 6, 8].map(secs));
    }

    #[test]
    fn waits_differ_by_call_attempt_and_seed_and_repeat() {
        let policy = RetryPolicy { retries: 9, ..RetryPolicy::default() };
        let wait = |seed, node| Retries::new(seed).wait(&policy, NodeIndex::new(node));
        assert_eq!(wait(1, 1), wait(1, 1));
        assert_ne!(wait(1, 1), wait(2, 1));
        let mut waits: Vec<Duration> = (0..100).map(|node| wait(1, node)).collect();
        waits.sort_unstable();
        waits.dedup();
        assert_eq!(waits.len(), 100);
        assert!(
            waits[10] < Duration::from_millis(600) && waits[90] > Duration::from_millis(900),
            "{waits:?}"
        );
    }

    #[test]
    fn only_what_is_listed_is_worth_a_retry() {
        let code = |code| Failure::Exit { exit: Exit::Code(code) };
        let signal = Failure::Exit { exit: Exit::Signal(9) };
        let timeout = Failure::Timeout { limit_ms: 1 };
        let result = Failure::Result { message: String::new() };
        let check = |retry_on: &RetryOn, expected: [bool; 6]| {
            let policy = RetryPolicy { retries: 1, delay: secs(1), retry_on: retry_on.clone() };
            let failures =
                [code(1), code(75), signal.clone(), timeout.clone(), result.clone(), Failure::Interrupted];
            assert_eq!(failures.map(|failure| policy.grants(1, &failure)), expected, "{retry_on:?}");
            assert!(!policy.grants(2, &code(75)));
        };
        check(&RetryOn::All, [true, true, true, true, true, false]);
        let listed = |codes: &[i32], timeout| RetryOn::Listed { codes: codes.to_vec(), timeout };
        check(&listed(&[75], false), [false, true, false, false, false, false]);
        check(&listed(&[], true), [false, false, false, true, false, false]);
    }
}
