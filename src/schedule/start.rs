//! What to do now: starts, questions, waits. Goes with the graph's side of the schedule, which says what is ready.

use std::cmp::Reverse;
use std::time::Duration;

use petgraph::graph::NodeIndex;

use super::demand::{Demand, Grant, TaskRules, TooMuch};
use super::ready::Pick;
use super::retry::{Delayed, RetryPolicy};
use super::{Schedule, State};
use crate::outcome::Failure;
use crate::plan::{Node, Plan};

/// What the schedule wants done. Times are counted from the run's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Make this attempt, counted from 1, of a call; [`Schedule::ended`] or [`Schedule::retry`] gives the grant back.
    Start { node: NodeIndex, attempt: u32, grant: Grant },
    /// Do what stands at a node that is no call; it has no slot. [`Schedule::ended`] says that it is done.
    Step(NodeIndex),
    /// Say by [`Schedule::demand`] what this attempt of a call needs, or by [`Schedule::ended`] that it cannot be known.
    Ask { node: NodeIndex, attempt: u32 },
    /// The run stops while the call waits for a further attempt: it ends with the failure of its last one, which
    /// [`Schedule::ended`] is to be told.
    GiveUp(NodeIndex),
    /// Ask again at this time, or when something ends.
    WaitUntil(Duration),
    /// Ask again when something ends.
    Wait,
    /// Nothing runs and nothing can start.
    Over,
}

impl Schedule {
    /// What to do now, which is counted as begun. To be asked again until it says to wait.
    pub fn next_at(&mut self, now: Duration) -> Next {
        self.advance(now);
        if self.is_over() {
            return Next::Over;
        }
        if let Some(node) = self.given_up.pop() {
            self.begin(node);
            return Next::GiveUp(node);
        }
        match self.ready.pick(&mut self.supply, self.now) {
            Pick::Step(node) => {
                self.begin(node);
                Next::Step(node)
            }
            Pick::Ask(node) => {
                self.begin(node);
                Next::Ask { node, attempt: self.retries.attempt(node) }
            }
            Pick::Call(node, grant) => {
                self.begin(node);
                self.outlook.began(node, grant.cpus, self.now);
                Next::Start { node, attempt: self.retries.attempt(node), grant }
            }
            Pick::Nothing => self.wait(),
        }
    }

    /// Whether there may be more to do, now or at a certain time, than what has just been asked for.
    pub fn has_more(&self) -> bool {
        !self.ready.is_empty() || !self.given_up.is_empty() || self.retries.next_at().is_some()
    }

    /// The call that waits with room kept for it.
    pub fn reserved(&self) -> Option<NodeIndex> {
        self.ready.first()
    }

    /// What an attempt needs that was asked for. If it could never start, it still counts as begun: the caller ends it.
    pub fn demand(&mut self, plan: &Plan, node: NodeIndex, demand: Demand) -> Result<(), TooMuch> {
        self.supply.check(&demand)?;
        self.running -= 1;
        self.give_up_if_stopped(plan, node);
        self.ready.answer(node, demand);
        self.get_ready(plan, node);
        Ok(())
    }

    /// An attempt has failed: when the call gets ready for the next one, its slots and pools free meanwhile. `None`:
    /// there is none, and the caller ends the call.
    pub fn retry(
        &mut self,
        plan: &Plan,
        node: NodeIndex,
        now: Duration,
        failure: &Failure,
    ) -> Option<Duration> {
        self.advance(now);
        let policy = self.policy(plan, node)?;
        let is_late = self.cut_off || (self.stopped && !plan.is_finalizer(node));
        if is_late || !policy.grants(self.retries.attempt(node), failure) {
            return None;
        }
        let at = self.now.saturating_add(self.retries.wait(policy, node));
        let line = self.line(plan, node);
        self.retries.delay(Delayed { at, turn: self.outlook.turn(plan, node), node, line });
        self.supply.give_back(node);
        self.outlook.paused(node);
        self.running -= 1;
        self.states[node.index()] = State::Ready;
        Some(at)
    }

    /// Gives up calls between two attempts, in the order of nodes: once stopped, all but finalizers; once cut off, of those
    /// the ones whose time has not come.
    pub(super) fn give_up_retries(&mut self, plan: &Plan) {
        let is_lost =
            |node: NodeIndex| !plan.is_finalizer(node) || (self.cut_off && self.retries.is_delayed(node));
        let between = |&node: &NodeIndex| self.states[node.index()] == State::Ready && is_lost(node);
        self.given_up = self.retries.nodes().filter(between).collect();
        self.given_up.sort_unstable_by_key(|&node| Reverse(node));
        self.retries.cancel(&self.given_up.iter().copied().collect());
    }

    /// A call that was begun does not start after all; if the run has stopped meanwhile, it gets no further attempt.
    pub(super) fn give_up_if_stopped(&mut self, plan: &Plan, node: NodeIndex) {
        if self.stopped && self.retries.attempt(node) > 1 && !plan.is_finalizer(node) {
            self.given_up.push(node);
        }
    }

    /// A node is ready to start.
    pub(super) fn push(&mut self, plan: &Plan, node: NodeIndex) {
        self.ready.push(self.line(plan, node), self.outlook.turn(plan, node), node);
    }

    /// What a node has is free again: it will not start any more.
    pub(super) fn release(&mut self, node: NodeIndex) {
        self.supply.give_back(node);
        self.retries.forget(node);
        self.outlook.paused(node);
    }

    /// Several threads read the clock before they get here: time does not go back.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.supply.advance(self.now);
        while let Some(due) = self.retries.due(self.now) {
            self.ready.push(due.line, due.turn, due.node);
        }
    }

    fn wait(&self) -> Next {
        let retry = self.retries.next_at();
        let rate = self.ready.rates_free_at(&self.supply);
        retry.into_iter().chain(rate).min().map_or(Next::Wait, Next::WaitUntil)
    }

    pub(super) fn begin(&mut self, node: NodeIndex) {
        self.states[node.index()] = State::Running;
        self.running += 1;
    }

    fn line(&self, plan: &Plan, node: NodeIndex) -> u32 {
        self.ready.line(task(plan, node))
    }

    fn policy(&self, plan: &Plan, node: NodeIndex) -> Option<&RetryPolicy> {
        let rules: Option<&TaskRules> = self.rules.tasks.get(task(plan, node)? as usize);
        rules.map(|rules| &rules.retry)
    }
}

pub(super) fn task(plan: &Plan, node: NodeIndex) -> Option<u32> {
    match plan.graph[node] {
        Node::Call(call) => Some(plan.task_of(call).0),
        _ => None,
    }
}
