//! What is left of slots and pools, and who has the rest. A call gets all that it asks for or nothing.
//! Does not know who is to get it next.

use std::time::Duration;

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::demand::{self, Demand, Grant, Rules, TooMuch};
use super::pools::{PoolId, Pools};
use super::slots::Slots;

/// Slots and pools of a run.
#[derive(Debug)]
pub struct Supply {
    slots: Slots,
    pools: Pools,
    held: FxHashMap<NodeIndex, Held>,
    /// By slot: what a thread has that makes several calls.
    kept: FxHashMap<u32, Held>,
}

/// What a running call has to give back.
#[derive(Debug)]
struct Held {
    slot: u32,
    /// Most calls have no more.
    more: Option<Box<More>>,
}

/// What a call has besides its lowest slot.
#[derive(Debug)]
struct More {
    slots: Vec<u32>,
    uses: Vec<(PoolId, u64)>,
    items: Vec<(PoolId, Vec<u32>)>,
}

/// What a demand lacks. Slots count only if no pool is lacking: everybody needs them, so they are kept last.
#[derive(Debug)]
struct Shortage {
    slots: bool,
    pools: Vec<PoolId>,
}

/// A demand that waits, and what is kept for it: of what it has lacked, all that it needs.
#[derive(Debug)]
pub struct Reservation {
    pub demand: Demand,
    /// Of a pool that it lacked once, it keeps all that it needs.
    short: Shortage,
}

impl Supply {
    pub fn new(rules: &Rules) -> Supply {
        Supply {
            slots: Slots::new(rules.jobs),
            pools: Pools::new(&rules.pools),
            held: FxHashMap::default(),
            kept: FxHashMap::default(),
        }
    }

    /// It is this late now.
    pub fn advance(&mut self, now: Duration) {
        self.pools.advance(now);
    }

    /// Whether a call could start that needs one slot only.
    pub fn has_slot(&self) -> bool {
        self.slots.free() > 0
    }

    /// Whether the demand could ever be met.
    pub fn check(&self, demand: &Demand) -> Result<(), TooMuch> {
        demand::check(demand, &self.pools)
    }

    /// Keeps what the demand lacks now for it alone.
    pub fn reserve(&self, demand: Demand) -> Reservation {
        let short = self.shortage(&demand);
        Reservation { demand, short }
    }

    /// Gives a call all of its demand, if all is free besides what is kept for another.
    pub fn take(
        &mut self,
        node: NodeIndex,
        demand: &Demand,
        kept: Option<&Reservation>,
        now: Duration,
    ) -> Option<Grant> {
        if !self.fits(demand, kept) {
            return None;
        }
        let slot = self.slots.take()?;
        let more = self.take_more(demand, now);
        let grant = Grant {
            slot,
            cpus: more.as_ref().map_or(1, |more| 1 + more.slots.len() as u32),
            items: more.as_ref().map_or_else(Vec::new, |more| more.items.clone()),
        };
        self.held.insert(node, Held { slot, more });
        Some(grant)
    }

    /// What the call has is free again.
    pub fn give_back(&mut self, node: NodeIndex) {
        if let Some(held) = self.held.remove(&node) {
            self.return_held(held);
        }
    }

    fn return_held(&mut self, held: Held) {
        self.slots.give_back(held.slot);
        let Some(more) = held.more else { return };
        more.slots.iter().for_each(|&slot| self.slots.give_back(slot));
        for (pool, amount) in more.uses {
            let lent = more.items.iter().find(|(other, _)| *other == pool);
            self.pools.give_back(pool, amount, lent.map_or(&[], |(_, items)| items));
        }
    }

    /// What a call has stays taken, by its lowest slot, when the call is told of.
    pub fn keep(&mut self, node: NodeIndex) {
        if let Some(held) = self.held.remove(&node) {
            self.kept.insert(held.slot, held);
        }
    }

    /// What was kept with a slot is free again.
    pub fn free(&mut self, slot: u32) {
        if let Some(held) = self.kept.remove(&slot) {
            self.return_held(held);
        }
    }

    /// When the rates that the demand lacks will have it; `None` if it lacks none.
    pub fn rates_free_at(&self, demand: &Demand) -> Option<Duration> {
        demand.uses().iter().filter_map(|&(pool, amount)| self.pools.free_at(pool, amount)).max()
    }

    fn fits(&self, demand: &Demand, kept: Option<&Reservation>) -> bool {
        let kept_slots = kept.map_or(0, |kept| kept.slots(self));
        let slots = self.slots.free().saturating_sub(kept_slots) >= self.cpus(demand);
        slots
            && demand.uses().iter().all(|&(pool, amount)| {
                let kept = kept.map_or(0, |kept| kept.of(pool));
                self.pools.free(pool).saturating_sub(kept) >= amount
            })
    }

    fn take_more(&mut self, demand: &Demand, now: Duration) -> Option<Box<More>> {
        if demand.cpus() == 1 && demand.uses().is_empty() {
            return None;
        }
        let slots = (1..self.cpus(demand)).map_while(|_| self.slots.take()).collect();
        let mut items = Vec::new();
        for &(pool, amount) in demand.uses() {
            let lent = self.pools.take(pool, amount, now);
            if !lent.is_empty() {
                items.push((pool, lent));
            }
        }
        Some(Box::new(More { slots, uses: demand.uses().to_vec(), items }))
    }

    fn shortage(&self, demand: &Demand) -> Shortage {
        let lacks = demand.uses().iter().filter(|&&(pool, amount)| self.pools.free(pool) < amount);
        let pools: Vec<PoolId> = lacks.map(|&(pool, _)| pool).collect();
        Shortage { slots: pools.is_empty() && self.slots.free() < self.cpus(demand), pools }
    }

    fn cpus(&self, demand: &Demand) -> u32 {
        demand.cpus().min(self.slots.capacity())
    }
}

impl Reservation {
    /// Once all is there that was kept: keeps also what the demand lacks now. Nothing that was kept is let go.
    pub fn extend(&mut self, supply: &Supply) {
        let lacks = supply.shortage(&self.demand);
        let still = (lacks.slots && self.short.slots)
            || lacks.pools.iter().any(|pool| self.short.pools.contains(pool));
        if !still {
            self.short.slots |= lacks.slots;
            self.short.pools.extend(lacks.pools);
        }
    }

    fn slots(&self, supply: &Supply) -> u32 {
        if self.short.slots { supply.cpus(&self.demand) } else { 0 }
    }

    fn of(&self, pool: PoolId) -> u64 {
        if self.short.pools.contains(&pool) { self.demand.of(pool) } else { 0 }
    }
}
