//! Finalizers: calls that run however the others ended. Those that name what they wait for are ready once that has ended in
//! any way; the others are the last of the run. What can never run any more is ended here, so that they see it ended.

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use super::{End, Schedule, State};
use crate::plan::{Node, Plan};

impl Schedule {
    /// Makes the finalizers a part of a run of some calls only: those that wait for something wanted, and the last ones.
    /// What else they would wait for stays out.
    pub fn want_finalizers(&mut self, plan: &Plan) {
        let is_open = |this: &Schedule, node: NodeIndex| this.states[node.index()] == State::Unwanted;
        let finalizers: Vec<NodeIndex> = plan
            .graph
            .node_indices()
            .filter(|&node| plan.is_finalizer(node) && is_open(self, node))
            .collect();
        for node in finalizers {
            let before: Vec<NodeIndex> = plan.graph.neighbors_directed(node, Incoming).collect();
            let is_join = |&&node: &&NodeIndex| matches!(plan.graph[node], Node::Join(_));
            let joins: Vec<NodeIndex> = before.iter().filter(is_join).copied().collect();
            let behind = joins.iter().flat_map(|&join| plan.graph.neighbors_directed(join, Incoming));
            let follows = before.iter().copied().chain(behind).any(|node| !is_open(self, node));
            if !follows && !plan.is_last(node) {
                continue;
            }
            for &fresh in joins.iter().chain([&node]) {
                if is_open(self, fresh) {
                    self.states[fresh.index()] = State::Waiting;
                    self.waiting[fresh.index()] = self.unended_before(plan, fresh);
                }
            }
            for fresh in joins.into_iter().chain([node]) {
                if self.waiting[fresh.index()] == 0 && self.states[fresh.index()] == State::Waiting {
                    self.arrive(plan, fresh);
                }
            }
        }
    }

    /// Nothing runs and nothing is ready: ends what can never run, and says whether finalizers got ready by it. To be
    /// asked again each time that the schedule is over.
    pub fn close(&mut self, plan: &Plan) -> bool {
        let later = reach(plan, &self.last);
        self.outlook.broke_off();
        self.block_the_rest(plan);
        for node in plan.graph.node_indices() {
            let waits = matches!(self.states[node.index()], State::Waiting | State::Ready);
            if waits && !plan.is_finalizer(node) && !later.contains(&node) {
                self.states[node.index()] = State::Ended(End::NotRun);
            }
        }
        let finalizers: Vec<NodeIndex> = plan
            .graph
            .node_indices()
            .filter(|&node| plan.is_finalizer(node) && self.states[node.index()] == State::Waiting)
            .filter(|node| !self.last.contains(node) && self.unended_before(plan, *node) == 0)
            .collect();
        if !finalizers.is_empty() {
            finalizers.into_iter().for_each(|node| self.get_ready(plan, node));
            return true;
        }
        let last = std::mem::take(&mut self.last);
        last.iter().for_each(|&node| self.get_ready(plan, node));
        !last.is_empty()
    }

    /// Once stopped, only finalizers stay ready.
    pub(super) fn keep_only_finalizers(&mut self, plan: &Plan) {
        let mut kept = Vec::new();
        while let Some(node) = self.ready.pop() {
            kept.extend(plan.is_finalizer(node).then_some(node));
        }
        kept.into_iter().for_each(|node| self.push(plan, node));
    }
}

/// The nodes that come after some of these.
fn reach(plan: &Plan, nodes: &[NodeIndex]) -> FxHashSet<NodeIndex> {
    let mut found = FxHashSet::default();
    let mut open = nodes.to_vec();
    while let Some(node) = open.pop() {
        open.extend(plan.graph.neighbors_directed(node, Outgoing).filter(|&next| found.insert(next)));
    }
    found
}
