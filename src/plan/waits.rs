//! Whom a reader waits for. Readers of one place with several writers share one join, so that N writers and M readers
//! cost N + M edges; a place that a task may fill whose calls are not known yet has a join that stays open for them.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::fault::{Fault, planted};
use crate::path::{Path, Segment, segments_may_overlap};

use super::{CallId, Edge, Gather, Join, JoinId, Node, Plan, Reader, Readers, TaskId, Wait};

/// Who may change a place, as far as that is known, and matters to one reader.
#[derive(Debug, Default)]
struct Changers {
    calls: Vec<CallId>,
    /// Tasks that have not been expanded.
    unexpanded: Vec<TaskId>,
}

impl Plan {
    /// Whom the reader of a place waits for; makes the join if it is the first to ask.
    pub(super) fn wait(&mut self, path: &Path, reader: Reader) -> Wait {
        if let Some(known) = self.known_wait(path, reader) {
            return known;
        }
        let changers = self.changers_for(path, reader);
        let readers = self.readers(path, reader);
        let wait = match (&changers.calls[..], &changers.unexpanded[..]) {
            ([], []) => Wait::None,
            ([writer], []) => Wait::One(*writer),
            _ => Wait::Join(self.new_join(
                Gather::Place(path.clone()),
                readers,
                &changers.calls,
                &changers.unexpanded,
                Edge::Data,
            )),
        };
        if let Readers::One(reader) = readers {
            self.own_waits.insert((path.clone(), reader), wait);
        }
        wait
    }

    /// Who waits for the same as the reader of a place.
    fn readers(&self, path: &Path, reader: Reader) -> Readers {
        match self.snapshot_task(&path.document, reader) {
            _ if self.may_precede(path, reader) => Readers::One(reader),
            Some(task) => Readers::Mutators(task),
            None => Readers::All,
        }
    }

    /// As the reader of a place was connected: whom it waited for.
    pub fn waited_for(&self, path: &Path, reader: Reader) -> Wait {
        self.known_wait(path, reader).unwrap_or_else(|| match self.changers_for(path, reader).calls[..] {
            [writer] => Wait::One(writer),
            _ => Wait::None,
        })
    }

    fn known_wait(&self, path: &Path, reader: Reader) -> Option<Wait> {
        let join = match self.readers(path, reader) {
            Readers::One(reader) => return self.own_waits.get(&(path.clone(), reader)).copied(),
            Readers::Mutators(task) => self.joins_of_mutators.get(&(path.clone(), task)),
            Readers::All => self.joins_at.get(path),
        };
        join.map(|&join| Wait::Join(join))
    }

    /// Whether some changer of the document may come after the reader, so that it is not waited for: the reader then
    /// has a join of its own.
    pub(super) fn may_precede(&self, path: &Path, reader: Reader) -> bool {
        let Some((task, _)) = self.site_of(reader) else { return false };
        let later = &self.later_tasks[task.0 as usize];
        !later.is_empty() && self.tasks_changing(&path.document).any(|task| later.contains(&task))
    }

    /// Whether some call of the task comes after the reader by `after` alone.
    pub fn comes_later(&self, task: TaskId, reader: Reader) -> bool {
        self.site_of(reader).is_some_and(|(own, _)| self.later_tasks[own.0 as usize].contains(&task))
    }

    /// The task of a reader and where it stands in the graph; a sync point is no task's.
    fn site_of(&self, reader: Reader) -> Option<(TaskId, NodeIndex)> {
        match reader {
            Reader::Call(call) => Some((self.task_of(call), self.node_of(call))),
            Reader::Expansion(task) => Some((task, self.expansion_of(task)?)),
            Reader::Sync(_) => None,
        }
    }

    fn changers_for(&self, path: &Path, reader: Reader) -> Changers {
        let mut calls = match self.snapshot_task(&path.document, reader) {
            Some(task) => self.seen_in_snapshot(path, task),
            None => self.changers_of(path),
        };
        if planted(Fault::PrefixTooShort) && path.segments.is_empty() && calls.len() > 1 {
            calls.truncate(1);
        }
        let mut unexpanded = self.unexpanded_changers(path);
        if let Some(own) = self.snapshot_task(&path.document, reader) {
            unexpanded.retain(|&task| self.may_be_in_snapshot(task, own, path));
        }
        if self.may_precede(path, reader)
            && let Some((own, _)) = self.site_of(reader)
        {
            let after = self.calls_after(reader);
            calls.retain(|call| !after.contains(call));
            let later = &self.wholly_later[own.0 as usize];
            unexpanded.retain(|task| !later.contains(task));
        }
        Changers { calls, unexpanded }
    }

    /// The tasks that are not expanded yet and may change what stands at a place.
    pub fn unexpanded_changers(&self, path: &Path) -> Vec<TaskId> {
        let may_change = |(task, shape): &&(TaskId, Vec<Segment>)| {
            self.is_unexpanded(*task) && segments_may_overlap(shape, &path.segments)
        };
        let shapes = self.fills_of(&path.document).iter().chain(self.mutations_of(&path.document));
        let mut tasks: Vec<TaskId> = shapes.filter(may_change).map(|(task, _)| *task).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    }

    /// The calls that come after a reader by `after` and sync points alone: after a `for` those that come after calls of
    /// its task.
    pub(super) fn calls_after(&self, reader: Reader) -> FxHashSet<CallId> {
        let mut after = FxHashSet::default();
        let mut seen = FxHashSet::default();
        let mut open: Vec<NodeIndex> = self.site_of(reader).map(|(_, node)| node).into_iter().collect();
        while let Some(node) = open.pop() {
            let mut edges = self.graph.neighbors(node).detach();
            while let Some((edge, next)) = edges.next(&self.graph) {
                let follows = self.graph[edge] == Edge::After || matches!(self.graph[next], Node::Join(_));
                if follows && seen.insert(next) {
                    open.push(next);
                    if let Node::Call(call) = self.graph[next] {
                        after.insert(call);
                    }
                }
            }
        }
        after
    }

    fn new_join(
        &mut self,
        gathers: Gather,
        readers: Readers,
        calls: &[CallId],
        unexpanded: &[TaskId],
        edge: Edge,
    ) -> JoinId {
        let join = JoinId(self.joins.len() as u32);
        let node = self.graph.add_node(Node::Join(join));
        let dropped = planted(Fault::EdgeDropped) && edge == Edge::Data && calls.len() > 1;
        let waited = if dropped { &calls[..calls.len() - 1] } else { calls };
        for &call in waited {
            self.graph.add_edge(self.node_of(call), node, edge);
        }
        for &task in unexpanded.iter().filter(|_| !planted(Fault::ExpansionNotAwaited)) {
            if let Some(expansion) = self.expansion_of(task) {
                self.graph.add_edge(expansion, node, edge);
                self.open_joins.entry(task).or_default().push(join);
            }
        }
        match (&gathers, readers) {
            (_, Readers::One(_)) => {}
            (Gather::Place(path), Readers::Mutators(task)) => {
                self.joins_of_mutators.insert((path.clone(), task), join);
            }
            (Gather::Place(path), Readers::All) => drop(self.joins_at.insert(path.clone(), join)),
            _ => drop(self.joins_by.insert(gathers.clone(), join)),
        }
        self.joins.push(Join { gathers, node, readers });
        join
    }

    /// The node that waits for all these calls and sync points, for `after`: none for nothing, itself for one.
    pub(super) fn gather(
        &mut self,
        gathers: Gather,
        calls: &[CallId],
        unexpanded: &[TaskId],
        syncs: &[NodeIndex],
    ) -> Option<NodeIndex> {
        match (calls, unexpanded, syncs) {
            ([], [], []) => None,
            ([call], [], []) => Some(self.node_of(*call)),
            ([], [], [sync]) => Some(*sync),
            _ => {
                if let Some(&known) = self.joins_by.get(&gathers) {
                    return Some(self.joins[known.0 as usize].node);
                }
                let join = self.new_join(gathers, Readers::All, calls, unexpanded, Edge::After);
                let node = self.joins[join.0 as usize].node;
                syncs.iter().for_each(|&sync| self.add_edge(Some(sync), node, Edge::After));
                Some(node)
            }
        }
    }

    /// The node to wait for.
    pub(super) fn node_of_wait(&self, wait: Wait) -> Option<NodeIndex> {
        match wait {
            Wait::None => None,
            Wait::One(call) => Some(self.node_of(call)),
            Wait::Join(join) => Some(self.joins[join.0 as usize].node),
        }
    }
}
