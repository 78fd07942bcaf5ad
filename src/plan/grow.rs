//! A task whose `for` is known only while the run goes on gets its calls here: they are added, connected as all others,
//! and join what was kept open for them. When that happens never shows in call order.

use petgraph::graph::NodeIndex;

use crate::diagnostic::Diagnostic;
use crate::fault::{Fault, planted};

use super::bindings::Bindings;
use super::connect::once_each_place;
use super::targets::CallsByKey;
use super::{CallId, Edge, Gather, JoinId, Plan, Readers, TaskId, conflict, cycle, order};

/// What an expansion added to the plan.
#[derive(Debug)]
pub struct Growth {
    pub calls: Vec<CallId>,
    /// The first node that is new: all from here on are.
    pub first_node: NodeIndex,
    /// Joins that were kept open for the task.
    pub joins: Vec<NodeIndex>,
}

/// An expansion that is wrong: its calls are in the plan and must not run.
#[derive(Debug)]
pub struct Refused {
    pub growth: Growth,
    pub wrong: Vec<Diagnostic>,
    /// Whether calls of the plan are in conflict or in a circle, rather than that the task itself is wrong.
    pub is_conflict: bool,
}

impl Plan {
    /// Adds the calls of a task that was not expanded.
    pub fn grow(&mut self, task: TaskId, bindings: Bindings) -> Result<Growth, Refused> {
        let first_node = NodeIndex::new(self.graph.node_count());
        let positions_before = planted(Fault::ExpansionOrder)
            .then(|| self.tasks.iter().map(|calls| calls.positions.clone()).collect::<Vec<_>>());
        self.add_calls(task, bindings);
        let calls: Vec<CallId> = self.calls_of(task).collect();
        let mut wrong = self.record_fills(task);
        self.record_mutations(task);
        wrong.extend(self.connect_targets(task, &mut CallsByKey::default()));
        let joins = self.open_joins.remove(&task).unwrap_or_default();
        joins.iter().for_each(|&join| self.extend(join, task, &calls));
        wrong.extend(self.connect_reads(task));
        self.connect_gates(task);
        let joins = joins.into_iter().map(|join| self.joins[join.0 as usize].node).collect();
        let growth = Growth { calls, first_node, joins };
        if !wrong.is_empty() {
            return Err(Refused { growth, wrong: once_each_place(wrong), is_conflict: false });
        }
        match self.settle() {
            Ok(()) => {
                for (calls, before) in self.tasks.iter_mut().zip(positions_before.unwrap_or_default()) {
                    calls.positions = before;
                }
                Ok(growth)
            }
            Err(wrong) => Err(Refused { growth, wrong, is_conflict: true }),
        }
    }

    /// Looks for circles, numbers the calls, looks for conflicts.
    pub(super) fn settle(&mut self) -> Result<(), Vec<Diagnostic>> {
        cycle::check(self)?;
        order::assign(self);
        conflict::check(self)
    }

    /// Lets an open join wait for those of the new calls that it gathers.
    fn extend(&mut self, join: JoinId, task: TaskId, calls: &[CallId]) {
        let (gathers, node, readers) = {
            let join = &self.joins[join.0 as usize];
            (join.gathers.clone(), join.node, join.readers)
        };
        let is_new = |call: &CallId| self.task_of(*call) == task;
        let (mut gathered, edge) = match &gathers {
            Gather::Place(path) => {
                let own = match readers {
                    Readers::Mutators(task) => Some(task),
                    Readers::One(reader) => self.snapshot_task(&path.document, reader),
                    Readers::All => None,
                };
                let seen = match own {
                    Some(task) => self.seen_in_snapshot(path, task),
                    None => self.changers_of(path),
                };
                (seen.into_iter().filter(is_new).collect(), Edge::Data)
            }
            Gather::Task(_) | Gather::Tasks(..) | Gather::Tag(_) => (calls.to_vec(), Edge::After),
            Gather::Calls(patterns) => {
                let taken = |call: &CallId| {
                    patterns.iter().any(|(of, pattern)| *of == task && self.takes(pattern, *call))
                };
                (calls.iter().copied().filter(taken).collect(), Edge::After)
            }
            Gather::Call(address) => (
                calls.iter().copied().filter(|&call| self.address(call) == *address).collect::<Vec<_>>(),
                Edge::After,
            ),
        };
        if let Readers::One(reader) = readers {
            let after = self.calls_after(reader);
            gathered.retain(|call| !after.contains(call));
        }
        for call in gathered {
            self.graph.add_edge(self.node_of(call), node, edge);
        }
    }
}
