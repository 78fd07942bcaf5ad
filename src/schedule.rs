//! What may run now: a state machine over the plan's nodes. Fed with what ended, it answers what to start: what is
//! ready stands here, what it needs and when it starts in `schedule/`. No processes, no clock, no files; the same inputs
//! and seed give the same answers.

pub mod slots;
mod rate;
pub mod pools;
pub mod demand;
mod supply;
pub mod retry;
mod ready;
pub mod start;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::time::Duration;

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::plan::{Node, Plan};

use demand::Rules;
use ready::Ready;
use retry::Retries;
use supply::Supply;

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not a part of this run.
    Unwanted,
    Waiting,
    /// Everything before it has ended; it waits for its turn, or for the time of its next attempt.
    Ready,
    Running,
    Ended(End),
}

/// How a node ended, as far as those who wait for it are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Who waits may go on: it succeeded, was skipped, or its failure is forgiven.
    Passed,
    /// Who waits is blocked.
    Failed,
    /// Never ran, because of the node that failed first in call order of those before it.
    Blocked(NodeIndex),
}

/// The run's state, node by node.
#[derive(Debug)]
pub struct Schedule {
    states: Vec<State>,
    /// For each node, how many nodes before it have not ended.
    waiting: Vec<u32>,
    ready: Ready,
    running: usize,
    stopped: bool,
    rules: Rules,
    supply: Supply,
    retries: Retries,
    /// Once stopped: calls between two attempts, whose end the caller has not been asked for yet.
    given_up: Vec<NodeIndex>,
    now: Duration,
}

impl Schedule {
    /// All nodes of the plan, or the wanted ones, at their start.
    pub fn new(plan: &Plan, wanted: Option<&FxHashSet<NodeIndex>>) -> Schedule {
        let is_wanted = |node: NodeIndex| wanted.is_none_or(|wanted| wanted.contains(&node));
        let nodes = || plan.graph.node_indices();
        let before =
            |node| plan.graph.neighbors_directed(node, Incoming).filter(|&node| is_wanted(node)).count();
        let rules = Rules::unbounded();
        let mut this = Schedule {
            states: nodes()
                .map(|node| if is_wanted(node) { State::Waiting } else { State::Unwanted })
                .collect(),
            waiting: nodes().map(|node| before(node) as u32).collect(),
            ready: Ready::new(&rules),
            running: 0,
            stopped: false,
            supply: Supply::new(&rules),
            retries: Retries::new(0),
            given_up: Vec::new(),
            now: Duration::ZERO,
            rules,
        };
        for node in nodes() {
            if this.waiting[node.index()] == 0 && this.states[node.index()] == State::Waiting {
                this.arrive(plan, node);
            }
        }
        this
    }

    /// The next node to start, if one may start now, whatever it needs: for a caller that bounds its slots itself.
    /// Calls and sync points only; the caller says when it ended.
    pub fn next(&mut self) -> Option<NodeIndex> {
        if self.stopped {
            return None;
        }
        let node = self.ready.pop()?;
        self.states[node.index()] = State::Running;
        self.running += 1;
        Some(node)
    }

    /// A started node has ended.
    pub fn ended(&mut self, plan: &Plan, node: NodeIndex, end: End) {
        self.running -= 1;
        self.release(node);
        self.settle(plan, node, end);
    }

    /// Nothing starts any more.
    pub fn stop(&mut self) {
        if !self.stopped {
            self.stopped = true;
            self.give_up_retries();
        }
    }

    /// Whether nothing runs and nothing can start.
    pub fn is_over(&self) -> bool {
        self.running == 0 && self.given_up.is_empty() && (self.stopped || self.nothing_is_ready())
    }

    /// Whether a node could be started now.
    pub fn has_ready(&self) -> bool {
        !self.stopped && !self.ready.is_empty()
    }

    /// How a node of a finished run ended: `None` if it never ran and nothing before it failed.
    pub fn end_of(&self, node: NodeIndex) -> Option<End> {
        match self.states[node.index()] {
            State::Ended(end) => Some(end),
            State::Unwanted | State::Waiting | State::Ready | State::Running => None,
        }
    }

    /// Whether the node is a part of this run.
    pub fn is_wanted(&self, node: NodeIndex) -> bool {
        self.states[node.index()] != State::Unwanted
    }

    /// Blocks every node that still waits and comes after a failed one, also where others before it never ended.
    pub fn block_the_rest(&mut self, plan: &Plan) {
        let failed = |state: &State| matches!(state, State::Ended(End::Failed | End::Blocked(_)));
        let mut roots: Vec<NodeIndex> =
            plan.graph.node_indices().filter(|node| failed(&self.states[node.index()])).collect();
        roots.sort_unstable_by_key(|&node| rank(plan, node));
        for root in roots {
            let by = self.root(root);
            let mut open = vec![root];
            while let Some(node) = open.pop() {
                for next in plan.graph.neighbors_directed(node, Outgoing) {
                    let state = &mut self.states[next.index()];
                    if matches!(state, State::Waiting | State::Ready) {
                        *state = State::Ended(End::Blocked(by));
                        open.push(next);
                    }
                }
            }
        }
    }

    fn settle(&mut self, plan: &Plan, node: NodeIndex, end: End) {
        let mut open = vec![(node, end)];
        while let Some((node, end)) = open.pop() {
            self.states[node.index()] = State::Ended(end);
            for next in plan.graph.neighbors_directed(node, Outgoing) {
                if self.states[next.index()] != State::Waiting {
                    continue;
                }
                self.waiting[next.index()] -= 1;
                if self.waiting[next.index()] == 0 {
                    open.extend(self.arrive_or_end(plan, next).map(|end| (next, end)));
                }
            }
        }
    }

    fn arrive(&mut self, plan: &Plan, node: NodeIndex) {
        if let Some(end) = self.arrive_or_end(plan, node) {
            self.settle(plan, node, end);
        }
    }

    /// Everything before the node has ended: it gets ready, or ends at once if it is blocked or a join.
    fn arrive_or_end(&mut self, plan: &Plan, node: NodeIndex) -> Option<End> {
        if let Some(by) = self.blocker(plan, node) {
            return Some(End::Blocked(by));
        }
        match plan.graph[node] {
            Node::Join(_) => Some(End::Passed),
            Node::Call(_) | Node::Sync(_) => {
                self.states[node.index()] = State::Ready;
                self.push(plan, node);
                None
            }
        }
    }

    /// Of the failures that the node comes after, the first in call order.
    fn blocker(&self, plan: &Plan, node: NodeIndex) -> Option<NodeIndex> {
        let before = plan.graph.neighbors_directed(node, Incoming);
        let failed = before.filter(|before| {
            matches!(self.states[before.index()], State::Ended(End::Failed | End::Blocked(_)))
        });
        failed.map(|node| self.root(node)).min_by_key(|&node| rank(plan, node))
    }

    fn root(&self, node: NodeIndex) -> NodeIndex {
        match self.states[node.index()] {
            State::Ended(End::Blocked(by)) => by,
            _ => node,
        }
    }
}

fn rank(plan: &Plan, node: NodeIndex) -> u32 {
    match plan.graph[node] {
        Node::Call(call) => plan.order_of(call) + 1,
        Node::Sync(_) | Node::Join(_) => 0,
    }
}
