//! Named capacities that calls take from, by their place in the manifest: amounts, items, rates.
//! Does not know who takes, nor what a pool is called.

use std::time::Duration;

use super::rate::Window;
use super::slots::Slots;

/// A pool, by its place in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub u32);

/// What a pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// A count, or an amount of bytes.
    Amount(u64),
    /// This many distinct items, each lent to one call at a time.
    Items(u32),
    /// At most the amount in any window of this length; what is taken does not come back but by time.
    Rate { amount: u64, per: Duration },
}

/// What is left of a pool.
#[derive(Clone, Debug)]
enum Pool {
    Amount { capacity: u64, taken: u64 },
    Items(Slots),
    Rate(Window),
}

/// What is left of all pools. A pool that does not exist holds nothing.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    pools: Vec<Pool>,
}

impl Pools {
    pub fn new(capacities: &[Capacity]) -> Pools {
        let pools = capacities.iter().map(|&capacity| match capacity {
            Capacity::Amount(capacity) => Pool::Amount { capacity, taken: 0 },
            Capacity::Items(count) => Pool::Items(Slots::new(count)),
            Capacity::Rate { amount, per } => Pool::Rate(Window::new(amount, per)),
        });
        Pools { pools: pools.collect() }
    }

    /// The most that one call can take.
    pub fn holds(&self, pool: PoolId) -> u64 {
        match self.get(pool) {
            Some(Pool::Amount { capacity, .. }) => *capacity,
            Some(Pool::Items(items)) => items.capacity().into(),
            Some(Pool::Rate(window)) => window.amount(),
            None => 0,
        }
    }

    /// What can be taken at the time of the last [`Pools::advance`].
    pub fn free(&self, pool: PoolId) -> u64 {
        match self.get(pool) {
            Some(Pool::Amount { capacity, taken }) => capacity - taken,
            Some(Pool::Items(items)) => items.free().into(),
            Some(Pool::Rate(window)) => window.free(),
            None => 0,
        }
    }

    /// When an amount that a rate lacks will be free; `None` where no time alone will help.
    pub fn free_at(&self, pool: PoolId, amount: u64) -> Option<Duration> {
        match self.get(pool)? {
            Pool::Rate(window) => window.free_at(amount),
            Pool::Amount { .. } | Pool::Items(_) => None,
        }
    }

    /// It is this late now.
    pub fn advance(&mut self, now: Duration) {
        for pool in &mut self.pools {
            if let Pool::Rate(window) = pool {
                window.advance(now);
            }
        }
    }

    /// Takes what is free; answers the items of an indexed pool, from 0.
    pub fn take(&mut self, pool: PoolId, amount: u64, now: Duration) -> Vec<u32> {
        match self.pools.get_mut(pool.0 as usize) {
            Some(Pool::Amount { taken, .. }) => *taken += amount,
            Some(Pool::Items(items)) => {
                return (0..amount).map_while(|_| items.take()).map(|number| number - 1).collect();
            }
            Some(Pool::Rate(window)) => window.take(amount, now),
            None => {}
        }
        Vec::new()
    }

    /// Gives back what was taken, and the items that stood for it. Nothing comes back to a rate.
    pub fn give_back(&mut self, pool: PoolId, amount: u64, lent: &[u32]) {
        match self.pools.get_mut(pool.0 as usize) {
            Some(Pool::Amount { taken, .. }) => *taken -= amount,
            Some(Pool::Items(items)) => lent.iter().for_each(|item| items.give_back(item + 1)),
            Some(Pool::Rate(_)) | None => {}
        }
    }

    fn get(&self, pool: PoolId) -> Option<&Pool> {
        self.pools.get(pool.0 as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn an_amount_comes_back_whole() {
        let mut pools = Pools::new(&[Capacity::Amount(8)]);
        pools.take(PoolId(0), 5, NOW);
        assert_eq!(pools.free(PoolId(0)), 3);
        pools.give_back(PoolId(0), 5, &[]);
        assert_eq!((pools.free(PoolId(0)), pools.holds(PoolId(0))), (8, 8));
    }

    #[test]
    fn an_item_is_lent_to_one_at_a_time() {
        let mut pools = Pools::new(&[Capacity::Items(3)]);
        assert_eq!(pools.take(PoolId(0), 2, NOW), [0, 1]);
        assert_eq!(pools.take(PoolId(0), 1, NOW), [2]);
        pools.give_back(PoolId(0), 2, &[0, 1]);
        assert_eq!(pools.take(PoolId(0), 1, NOW), [0]);
        assert_eq!(pools.free(PoolId(0)), 1);
    }

    #[test]
    fn a_rate_comes_back_by_time_alone() {
        let per = Duration::from_secs(1);
        let mut pools = Pools::new(&[Capacity::Rate { amount: 2, per }]);
        pools.take(PoolId(0), 2, NOW);
        pools.give_back(PoolId(0), 2, &[]);
        assert_eq!((pools.free(PoolId(0)), pools.free_at(PoolId(0), 1)), (0, Some(per)));
        pools.advance(per);
        assert_eq!(pools.free(PoolId(0)), 2);
    }

    #[test]
    fn a_pool_that_is_not_there_holds_nothing() {
        let mut pools = Pools::default();
        assert_eq!((pools.holds(PoolId(7)), pools.free(PoolId(7))), (0, 0));
        assert_eq!(pools.take(PoolId(7), 1, NOW), [0_u32; 0]);
    }
}
