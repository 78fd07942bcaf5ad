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
pub mod outlook;
pub mod start;
pub mod finalizers;
pub mod ahead;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::time::Duration;

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;

use crate::plan::grow::Growth;
use crate::plan::{CallId, Node, Plan};

use demand::Rules;
use outlook::Outlook;
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
    /// Never ran, because the run stopped first.
    NotRun,
}

/// The run's state, node by node.
#[derive(Debug)]
pub struct Schedule {
    states: Vec<State>,
    /// For each node, how many nodes before it have not ended.
    waiting: Vec<u32>,
    /// For each node, the one before it that ended last.
    last_before: Vec<Option<NodeIndex>>,
    ready: Ready,
    outlook: Outlook,
    running: usize,
    stopped: bool,
    cut_off: bool,
    rules: Rules,
    supply: Supply,
    retries: Retries,
    /// Calls between two attempts that get no further one, whose end the caller has not been asked for yet.
    given_up: Vec<NodeIndex>,
    /// Finalizers that wait for everything else.
    last: Vec<NodeIndex>,
    now: Duration,
}

impl Schedule {
    /// A plan of which nothing is to run yet.
    pub fn new(plan: &Plan, rules: Rules) -> Schedule {
        let nodes = plan.graph.node_count();
        Schedule {
            states: vec![State::Unwanted; nodes],
            waiting: vec![0; nodes],
            last_before: vec![None; nodes],
            ready: Ready::new(&rules),
            outlook: Outlook::default(),
            running: 0,
            stopped: false,
            cut_off: false,
            supply: Supply::new(&rules),
            retries: Retries::new(rules.seed),
            given_up: Vec::new(),
            last: Vec::new(),
            now: Duration::ZERO,
            rules,
        }
    }

    /// Makes these nodes, and all that they wait for, a part of the run.
    pub fn want(&mut self, plan: &Plan, nodes: impl IntoIterator<Item = NodeIndex>) {
        let mut open: Vec<NodeIndex> = nodes.into_iter().collect();
        let mut fresh = Vec::new();
        while let Some(node) = open.pop() {
            if self.states[node.index()] == State::Unwanted {
                self.states[node.index()] = State::Waiting;
                fresh.push(node);
                open.extend(plan.graph.neighbors_directed(node, Incoming));
            }
        }
        for &node in &fresh {
            self.waiting[node.index()] = self.unended_before(plan, node);
        }
        for node in fresh {
            if self.waiting[node.index()] == 0 && self.states[node.index()] == State::Waiting {
                self.arrive(plan, node);
            }
        }
    }

    /// Takes in the nodes that an expansion added, just before its own end is told: those of the new calls that are
    /// selected or that something wanted waits for become a part of the run.
    pub fn grow(&mut self, plan: &Plan, growth: &Growth, selected: impl Fn(CallId) -> bool) {
        self.states.resize(plan.graph.node_count(), State::Unwanted);
        self.waiting.resize(plan.graph.node_count(), 0);
        self.last_before.resize(plan.graph.node_count(), None);
        let is_needed = |call: &CallId| {
            let mut after = plan.graph.neighbors(plan.node_of(*call));
            selected(*call) || after.any(|node| self.states[node.index()] != State::Unwanted)
        };
        let needed: Vec<NodeIndex> =
            growth.calls.iter().filter(|call| is_needed(call)).map(|&call| plan.node_of(call)).collect();
        self.want(plan, needed);
        for &join in &growth.joins {
            if self.states[join.index()] == State::Waiting {
                self.waiting[join.index()] = self.unended_before(plan, join);
            }
        }
    }

    fn unended_before(&self, plan: &Plan, node: NodeIndex) -> u32 {
        let before = plan.graph.neighbors_directed(node, Incoming);
        let unended =
            |node: &NodeIndex| !matches!(self.states[node.index()], State::Unwanted | State::Ended(_));
        before.filter(unended).count() as u32
    }

    /// A started node has ended.
    pub fn ended(&mut self, plan: &Plan, node: NodeIndex, end: End) {
        self.running -= 1;
        self.release(node);
        self.settle(plan, node, end);
    }

    /// Nothing starts any more but finalizers.
    pub fn stop(&mut self, plan: &Plan) {
        if !self.stopped {
            self.stopped = true;
            self.outlook.broke_off();
            self.give_up_retries(plan);
            self.keep_only_finalizers(plan);
        }
    }

    /// The same, and finalizers that fail have no further attempt: their time is short.
    pub fn cut_off(&mut self, plan: &Plan) {
        if !std::mem::replace(&mut self.cut_off, true) {
            if self.stopped { self.give_up_retries(plan) } else { self.stop(plan) }
        }
    }

    /// Whether nothing runs and nothing can start.
    pub fn is_over(&self) -> bool {
        let begun = self.running > 0 || !self.given_up.is_empty();
        !begun && self.ready.is_empty() && self.retries.is_empty()
    }

    /// How a node ended; `None` while it has not, or if it is no part of the run.
    pub fn end_of(&self, node: NodeIndex) -> Option<End> {
        match self.states[node.index()] {
            State::Ended(end) => Some(end),
            State::Unwanted | State::Waiting | State::Ready | State::Running => None,
        }
    }

    /// Of what the node waited for, directly or by joins, what ended last; `None` if it waited for nothing.
    pub fn last_before(&self, plan: &Plan, node: NodeIndex) -> Option<NodeIndex> {
        let mut before = self.last_before[node.index()]?;
        while let (Node::Join(_), Some(earlier)) = (plan.graph[before], self.last_before[before.index()]) {
            before = earlier;
        }
        Some(before)
    }

    /// Whether nothing is before the node, and it has not begun.
    pub fn is_ready(&self, node: NodeIndex) -> bool {
        self.states[node.index()] == State::Ready
    }

    /// Whether the node is a part of this run.
    pub fn is_wanted(&self, node: NodeIndex) -> bool {
        self.states[node.index()] != State::Unwanted
    }

    /// Blocks every node that still waits and comes after a failed one, also where others before it never ended.
    fn block_the_rest(&mut self, plan: &Plan) {
        let failed = |state: &State| matches!(state, State::Ended(End::Failed | End::Blocked(_)));
        let mut roots: Vec<NodeIndex> =
            plan.graph.node_indices().filter(|node| failed(&self.states[node.index()])).collect();
        roots.sort_unstable_by_key(|&node| call_order(plan, node));
        for root in roots {
            let by = self.root(root);
            let mut open = vec![root];
            while let Some(node) = open.pop() {
                for next in plan.graph.neighbors_directed(node, Outgoing) {
                    let state = &mut self.states[next.index()];
                    if matches!(state, State::Waiting | State::Ready) && !plan.is_finalizer(next) {
                        *state = State::Ended(End::Blocked(by));
                        open.push(next);
                    }
                }
            }
        }
    }

    fn settle(&mut self, plan: &Plan, node: NodeIndex, end: End) {
        let (mut next, mut open) = (Some((node, end)), Vec::new());
        while let Some((node, end)) = next {
            self.states[node.index()] = State::Ended(end);
            self.outlook.ended(plan, node);
            for next in plan.graph.neighbors_directed(node, Outgoing) {
                if self.states[next.index()] != State::Waiting {
                    continue;
                }
                self.waiting[next.index()] -= 1;
                if self.waiting[next.index()] == 0 {
                    self.last_before[next.index()] = Some(node);
                    open.extend(self.arrive_or_end(plan, next).map(|end| (next, end)));
                }
            }
            next = open.pop();
        }
    }

    fn arrive(&mut self, plan: &Plan, node: NodeIndex) {
        if let Some(end) = self.arrive_or_end(plan, node) {
            self.settle(plan, node, end);
        }
    }

    /// Everything before the node has ended: it gets ready, or ends at once if it is blocked or a join.
    fn arrive_or_end(&mut self, plan: &Plan, node: NodeIndex) -> Option<End> {
        if plan.is_last(node) {
            self.last.push(node);
            return None;
        }
        if let Some(by) = self.blocker(plan, node).filter(|_| !plan.is_finalizer(node)) {
            return Some(End::Blocked(by));
        }
        match plan.graph[node] {
            Node::Join(_) => Some(End::Passed),
            Node::Call(_) | Node::Sync(_) | Node::Expansion(_) => {
                self.get_ready(plan, node);
                None
            }
        }
    }

    /// Puts the node where it can be picked; once stopped, a finalizer only.
    fn get_ready(&mut self, plan: &Plan, node: NodeIndex) {
        self.states[node.index()] = State::Ready;
        if !self.stopped || plan.is_finalizer(node) {
            self.push(plan, node);
        }
    }

    /// Of the failures that the node comes after, the first in call order.
    fn blocker(&self, plan: &Plan, node: NodeIndex) -> Option<NodeIndex> {
        let before = plan.graph.neighbors_directed(node, Incoming);
        let failed = before.filter(|before| {
            matches!(self.states[before.index()], State::Ended(End::Failed | End::Blocked(_)))
        });
        failed.map(|node| self.root(node)).min_by_key(|&node| call_order(plan, node))
    }

    fn root(&self, node: NodeIndex) -> NodeIndex {
        match self.states[node.index()] {
            State::Ended(End::Blocked(by)) => by,
            _ => node,
        }
    }
}

/// A call's place in call order, after all that is no call.
fn call_order(plan: &Plan, node: NodeIndex) -> u32 {
    match plan.graph[node] {
        Node::Call(call) => plan.order_of(call).saturating_add(1),
        Node::Sync(_) | Node::Join(_) | Node::Expansion(_) => 0,
    }
}
