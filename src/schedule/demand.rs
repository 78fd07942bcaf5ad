//! What an attempt asks for, and what a run gives: the rules of its tasks, fixed before it starts.
//! Does not know what is left at a time, nor how an amount was worked out.

use super::pools::{Capacity, PoolId, Pools};
use super::retry::RetryPolicy;

/// What one attempt needs before it starts, all of it at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Demand {
    cpus: u32,
    uses: Vec<(PoolId, u64)>,
}

/// One slot, nothing of any pool.
impl Default for Demand {
    fn default() -> Demand {
        Demand { cpus: 1, uses: Vec::new() }
    }
}

impl Demand {
    /// At least one slot; amounts of one pool are added up.
    pub fn new(cpus: u32, uses: impl IntoIterator<Item = (PoolId, u64)>) -> Demand {
        let mut uses: Vec<_> = uses.into_iter().collect();
        uses.sort_unstable();
        uses.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = earlier.1.saturating_add(later.1);
            }
            same
        });
        uses.retain(|&(_, amount)| amount > 0);
        Demand { cpus: cpus.max(1), uses }
    }

    /// Slots, before they are lowered to those of the run.
    pub fn cpus(&self) -> u32 {
        self.cpus
    }

    /// Each pool once, never an amount of zero.
    pub fn uses(&self) -> &[(PoolId, u64)] {
        &self.uses
    }

    /// What the demand takes of a pool.
    pub fn of(&self, pool: PoolId) -> u64 {
        self.uses.iter().find(|(other, _)| *other == pool).map_or(0, |&(_, amount)| amount)
    }
}

/// More than the pool will ever hold: the call could never start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch {
    pub pool: PoolId,
    pub wanted: u64,
    pub holds: u64,
}

/// What an attempt was given, until it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The lowest of its slots, from 1.
    pub slot: u32,
    /// How many slots it has: what it asked for, lowered to those of the run.
    pub cpus: u32,
    /// Of indexed pools, which items, from 0.
    pub items: Vec<(PoolId, Vec<u32>)>,
}

/// How the demand of a task's attempts is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// The same for all.
    Fixed(Demand),
    /// Asked for each attempt.
    Computed,
}

/// What a task's attempts need, and whether there is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRules {
    pub wants: Wants,
    pub retry: RetryPolicy,
}

impl Default for TaskRules {
    fn default() -> TaskRules {
        TaskRules { wants: Wants::Fixed(Demand::default()), retry: RetryPolicy::default() }
    }
}

/// What bounds a run. Holds no fixed demand that could never be met.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) jobs: u32,
    pub(super) pools: Vec<Capacity>,
    pub(super) tasks: Vec<TaskRules>,
    pub(super) seed: u64,
}

impl Rules {
    /// `jobs`: slots, at least one. `tasks`: by their place in the manifest; those beyond have the default. `seed`:
    /// what spreads retries.
    pub fn new(jobs: u32, pools: Vec<Capacity>, tasks: Vec<TaskRules>, seed: u64) -> Result<Rules, TooMuch> {
        let held = Pools::new(&pools);
        for task in &tasks {
            if let Wants::Fixed(demand) = &task.wants {
                check(demand, &held)?;
            }
        }
        Ok(Rules { jobs: jobs.max(1), pools, tasks, seed })
    }

    /// How many slots an attempt of a task takes, one if that is worked out for each.
    pub(super) fn slots_of(&self, task: u32) -> u32 {
        match self.tasks.get(task as usize).map(|rules| &rules.wants) {
            Some(Wants::Fixed(demand)) => demand.cpus().min(self.jobs),
            Some(Wants::Computed) | None => 1,
        }
    }

    /// Whether each attempt of a task needs one slot, and nothing of any pool.
    pub(super) fn needs_a_slot_only(&self, task: u32) -> bool {
        let wants = self.tasks.get(task as usize).map(|rules| &rules.wants);
        wants.is_none_or(|wants| *wants == Wants::Fixed(Demand::default()))
    }

    /// As many slots as there are calls, no pools, no retries.
    pub fn unbounded() -> Rules {
        Rules { jobs: u32::MAX, pools: Vec::new(), tasks: Vec::new(), seed: 0 }
    }
}

/// Whether the pools could ever give what is asked for.
pub fn check(demand: &Demand, pools: &Pools) -> Result<(), TooMuch> {
    let too_much = demand.uses().iter().find(|&&(pool, amount)| amount > pools.holds(pool));
    too_much.map_or(Ok(()), |&(pool, wanted)| Err(TooMuch { pool, wanted, holds: pools.holds(pool) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_has_a_slot_and_each_pool_once() {
        let demand = Demand::new(0, [(PoolId(1), 2), (PoolId(0), 0), (PoolId(1), 3)]);
        assert_eq!((demand.cpus(), demand.uses()), (1, &[(PoolId(1), 5)][..]));
        assert_eq!([demand.of(PoolId(0)), demand.of(PoolId(1))], [0, 5]);
    }

    #[test]
    fn what_no_pool_will_ever_hold_is_refused() {
        let check = |capacity, amount: u64| {
            let wants = Wants::Fixed(Demand::new(1, [(PoolId(0), amount)]));
            let task = TaskRules { wants, ..TaskRules::default() };
            Rules::new(1, vec![capacity], vec![task], 0).err().map(|wrong| (wrong.wanted, wrong.holds))
        };
        let rate = Capacity::Rate { amount: 4, per: std::time::Duration::from_secs(1) };
        for capacity in [Capacity::Amount(4), Capacity::Items(4), rate] {
            assert_eq!(check(capacity, 4), None);
            assert_eq!(check(capacity, 5), Some((5, 4)));
        }
    }
}
