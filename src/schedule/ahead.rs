//! Calls that one slot's thread takes ahead: they go through the slot one after the other, and none of them needs more than
//! that. What is next of all that is ready stays next, and what other slots can begin at once is left to them.

use std::time::Duration;

use petgraph::graph::NodeIndex;

use super::Schedule;
use super::start::task;
use crate::plan::Plan;

impl Schedule {
    /// Further calls of the task of `like`, which runs, for its slot: each with its attempt, counted as begun. Each is to be
    /// told of as any other, or put back.
    pub fn take_ahead(
        &mut self,
        plan: &Plan,
        like: NodeIndex,
        most: usize,
        now: Duration,
    ) -> Vec<(NodeIndex, u32)> {
        self.advance(now);
        let Some(own) = task(plan, like).filter(|&own| self.rules.needs_a_slot_only(own)) else {
            return Vec::new();
        };
        let line = self.ready.line(Some(own));
        let share = self.ready.count(line).div_ceil(2 * self.rules.jobs as usize);
        let mut taken = Vec::new();
        while taken.len() < most.min(share) {
            let next = self.ready.pop_next(line, |node| task(plan, node) == Some(own));
            let Some(node) = next else { break };
            self.begin(node);
            taken.push((node, self.retries.attempt(node)));
        }
        taken
    }

    /// The slots, and what of pools, a call has stay with its thread until it frees them by the lowest slot.
    pub fn keep_slot(&mut self, node: NodeIndex) {
        self.supply.keep(node);
    }

    /// A thread makes no further calls in its slot.
    pub fn free_slot(&mut self, slot: u32) {
        self.supply.free(slot);
    }

    /// A call that was taken ahead is not begun after all.
    pub fn put_back(&mut self, plan: &Plan, node: NodeIndex) {
        self.running -= 1;
        self.give_up_if_stopped(plan, node);
        self.get_ready(plan, node);
    }
}
