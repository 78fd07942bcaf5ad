//! Who comes before whom in the graph, directly or not: what a reader sees, and whether two calls can get in each other's
//! way. Makes no edge, and knows nothing of what has ended.

use petgraph::Direction::Incoming;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::path::Path;

use super::{CallId, Node, Plan, Reader, Wait};

impl Plan {
    /// The calls whose changes the reader of a place sees, in call order. `wait`: whom it waited for.
    pub fn changers(&self, path: &Path, wait: Wait, reader: Reader) -> Vec<CallId> {
        let mut calls = match wait {
            Wait::None => Vec::new(),
            Wait::One(call) => vec![call],
            Wait::Join(join) => self.calls_before(self.joins[join.0 as usize].node),
        };
        calls.extend(self.own_before(path, reader));
        calls.sort_unstable_by_key(|&call| self.order_of(call));
        calls
    }

    fn calls_before(&self, node: NodeIndex) -> Vec<CallId> {
        let before = self.graph.neighbors_directed(node, Incoming);
        before
            .filter_map(|before| match self.graph[before] {
                Node::Call(call) => Some(call),
                _ => None,
            })
            .collect()
    }

    /// Whether the node is a call, or the expansion, of a task that runs however others ended.
    pub fn is_finalizer(&self, node: NodeIndex) -> bool {
        match self.graph[node] {
            Node::Call(call) => self.task(call).when.is_finalizer(),
            Node::Expansion(task) => self.manifest.tasks[task.0 as usize].when.is_finalizer(),
            Node::Join(_) | Node::Sync(_) => false,
        }
    }

    /// Whether the node is a finalizer that names nothing to wait for: it waits for everything else.
    pub fn is_last(&self, node: NodeIndex) -> bool {
        self.is_finalizer(node) && self.graph.neighbors_directed(node, Incoming).next().is_none()
    }

    /// Whether `second` waits for `first`, directly or not.
    pub fn is_ordered(&self, first: CallId, second: CallId) -> bool {
        if self.task_of(first) == self.task_of(second) && !self.mutators.is_entangled(self.task_of(first)) {
            return false;
        }
        let target = self.order_of(second);
        if self.order_of(first) < target
            && self.is_last(self.node_of(second))
            && !self.is_last(self.node_of(first))
        {
            return true;
        }
        let mut seen = FxHashSet::default();
        let mut open = vec![self.node_of(first)];
        while let Some(node) = open.pop() {
            for next in self.graph.neighbors(node) {
                match self.graph[next] {
                    Node::Call(call) if call == second => return true,
                    Node::Call(call) if self.order_of(call) > target => {}
                    _ => {
                        if seen.insert(next) {
                            open.push(next);
                        }
                    }
                }
            }
        }
        false
    }
}
