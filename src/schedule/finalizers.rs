//! Finalizers: calls that run however the others ended. Those that name what they wait for are ready once that has ended in
//! any way; the others are the last of the run. What can never run any more is ended here, so that they see it ended.

use petgraph::Direction::Outgoing;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use super::{End, Schedule, State};
use crate::plan::{Plan, select};

impl Schedule {
    /// Makes the finalizers a part of a run of some calls only: those that wait for something wanted, and the last ones.
    /// What else they would wait for stays out.
    pub fn want_finalizers(&mut self, plan: &Plan) {
        let fresh = select::finalizers_after(plan, |node| self.is_wanted(node));
        for &node in &fresh {
            self.states[node.index()] = State::Waiting;
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
