//! Edges: what fills, `after`, `waits-for` and reads make calls wait for. Readers of one place with several writers
//! share one join, so that N writers and M readers cost N + M edges.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::change::misfit;
use crate::diagnostic::Diagnostic;
use crate::fault::{Fault, planted};
use crate::manifest::Fill;
use crate::path::{Path, Segment};

use super::reads::{self, Read};
use super::scope::Before;
use super::targets::CallsByKey;
use super::tasks::TaskGraph;
use super::{CallId, Edge, Gather, Join, JoinId, Node, Plan, SyncId, TaskId, Wait, places};

impl Plan {
    /// Makes every edge of the plan.
    pub(super) fn connect(&mut self) -> Result<(), Vec<Diagnostic>> {
        let graph = TaskGraph::of(&self.manifest, &self.world);
        self.later_tasks = self.task_ids().map(|task| graph.later(task)).collect();
        let mut wrong = self.record_fills();
        wrong.extend(self.connect_targets());
        wrong.extend(self.connect_reads());
        self.connect_gates(&graph);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn record_fills(&mut self) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let mut wrong = Vec::new();
        for id in self.task_ids() {
            for fill in &manifest.tasks[id.0 as usize].fills {
                wrong.extend(self.record_fill(id, fill));
            }
        }
        wrong
    }

    /// Records what each call of a task fills; the first that cannot fit into what is given is an error.
    fn record_fill(&mut self, task: TaskId, fill: &Fill) -> Option<Diagnostic> {
        let mut wrong = None;
        for call in self.calls_of(task) {
            let Some(path) = places::fill_place(&fill.place.value, fill.append, &self.before(call)) else {
                break;
            };
            if wrong.is_none()
                && let Some(given) = self.world.given(path.document.as_str())
                && let Some(misfit) = misfit(given, &path.segments)
            {
                let message = format!("`{}` cannot fill `{path}`: {}", self.address(call), misfit.0);
                wrong = Some(Diagnostic::error(message).at(fill.place.place.span.clone(), ""));
            }
            let conditional = self.task(call).condition.is_some();
            let writers = self.writers.entry(path.document.clone()).or_default();
            writers.insert(&path.segments, call);
            writers.uncertain |= conditional || !path.is_known();
        }
        let place = &fill.place.value;
        if let Some(writers) =
            crate::name::Name::new(&place.root).ok().map(|name| self.writers.entry(name).or_default())
        {
            writers.tasks.push((task, places::shape(place, fill.append)));
        }
        wrong
    }

    /// What can be known of a call before the run.
    pub fn before(&self, call: CallId) -> Before<'_> {
        Before { world: &self.world, task: Some(self.task(call).name.as_str()), row: Some(self.row(call)) }
    }

    fn connect_targets(&mut self) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let mut wrong = Vec::new();
        let mut by_key = CallsByKey::default();
        for call in self.calls() {
            for target in &manifest.tasks[self.task_of(call).0 as usize].after {
                match self.target_nodes(target, Some(call), &mut by_key) {
                    Ok(nodes) => nodes
                        .into_iter()
                        .for_each(|node| self.add_edge(node, self.node_of(call), Edge::After)),
                    Err(error) => wrong.push(error),
                }
            }
        }
        for (sync, declared) in manifest.syncs.iter().enumerate() {
            for target in &declared.waits_for {
                match self.target_nodes(target, None, &mut by_key) {
                    Ok(nodes) => nodes
                        .into_iter()
                        .for_each(|node| self.add_edge(node, self.sync_nodes[sync], Edge::After)),
                    Err(error) => wrong.push(error),
                }
            }
        }
        once_each_place(wrong)
    }

    fn connect_reads(&mut self) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let mut wrong = Vec::new();
        for id in self.task_ids() {
            let reads = self.documents_only(reads::of_task(&manifest.tasks[id.0 as usize]));
            for call in self.calls_of(id) {
                for read in &reads {
                    wrong.extend(self.connect_read(read, Some(call), self.node_of(call)));
                }
            }
        }
        for (sync, declared) in manifest.syncs.iter().enumerate() {
            for read in self.documents_only(reads::of_sync(declared)) {
                wrong.extend(self.connect_read(&read, None, self.sync_nodes[sync]));
            }
        }
        once_each_place(wrong)
    }

    fn documents_only<'a>(&self, mut reads: Vec<Read<'a>>) -> Vec<Read<'a>> {
        reads.retain(|read| self.world.is_document(&read.reference.root));
        reads
    }

    fn connect_read(
        &mut self,
        read: &Read<'_>,
        call: Option<CallId>,
        reader: NodeIndex,
    ) -> Option<Diagnostic> {
        let path = self.read_place(read, call)?;
        if self.world.constant(path.document.as_str()).is_none() {
            match self.wait(&path, call) {
                Wait::None => {}
                Wait::One(writer) => {
                    self.add_edge(self.node_of(writer), reader, Edge::Data);
                    return None;
                }
                Wait::Join(join) => {
                    self.add_edge(self.joins[join.0 as usize].node, reader, Edge::Data);
                    return None;
                }
            }
        }
        self.missing_place(read, &path, reader)
    }

    /// The place that a call, or a sync point, reads by this reference.
    pub fn read_place(&self, read: &Read<'_>, call: Option<CallId>) -> Option<Path> {
        match call {
            Some(call) => places::read_place(read.reference, &self.before(call)),
            None => places::read_place(read.reference, &Before { world: &self.world, task: None, row: None }),
        }
    }

    /// A place that no call fills and that is not given either, unless the expression takes that.
    fn missing_place(&self, read: &Read<'_>, path: &Path, reader: NodeIndex) -> Option<Diagnostic> {
        let given = self.world.given(path.document.as_str());
        let keys = path.segments.iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key),
            Segment::Any | Segment::Append => None,
        });
        let stands = match given {
            Some(value) => value.at(keys).is_some(),
            None => path.segments.is_empty(),
        };
        if stands || read.guarded {
            return None;
        }
        let message = format!(
            "nothing stands at `{path}`, which `{}` reads, and no call fills it",
            self.node_name(reader)
        );
        let label = if given.is_some() { "not in what is given" } else { "no call fills this place" };
        let error = Diagnostic::error(message).at(read.span(), label);
        Some(error.help("if it may be missing, say so: `… | default(none)` or `… is defined`"))
    }

    /// Whom the reader of a place waits for; makes the join if it is the first to ask.
    fn wait(&mut self, path: &Path, reader: Option<CallId>) -> Wait {
        match self.find_wait(path, reader) {
            Found::Wait(wait) => wait,
            Found::NewJoin { writers, later } => {
                Wait::Join(self.new_join(Gather::Place(path.clone()), later, &writers, Edge::Data))
            }
        }
    }

    /// As the reader of a place was connected: whom it waited for.
    pub fn waited_for(&self, path: &Path, reader: Option<CallId>) -> Wait {
        match self.find_wait(path, reader) {
            Found::Wait(wait) => wait,
            Found::NewJoin { .. } => Wait::None,
        }
    }

    fn find_wait(&self, path: &Path, reader: Option<CallId>) -> Found {
        let Some(writers) = self.writers.get(&path.document) else { return Found::Wait(Wait::None) };
        let later_tasks = reader.map(|call| &self.later_tasks[self.task_of(call).0 as usize]);
        let may_exclude =
            later_tasks.is_some_and(|later| writers.tasks.iter().any(|(task, _)| later.contains(task)));
        if !may_exclude && let Some(&join) = self.joins_by.get(&(Gather::Place(path.clone()), Vec::new())) {
            return Found::Wait(Wait::Join(join));
        }
        let mut found = writers.overlapping(&path.segments);
        if planted(Fault::PrefixTooShort) && path.segments.is_empty() && found.len() > 1 {
            found.truncate(1);
        }
        let mut later = Vec::new();
        if may_exclude && let Some(call) = reader {
            let after = self.calls_after(call);
            (later, found) = found.into_iter().partition(|call| after.contains(call));
        }
        match found[..] {
            [] => Found::Wait(Wait::None),
            [writer] => Found::Wait(Wait::One(writer)),
            _ => match self.joins_by.get(&(Gather::Place(path.clone()), later.clone())) {
                Some(&join) => Found::Wait(Wait::Join(join)),
                None => Found::NewJoin { writers: found, later },
            },
        }
    }

    /// The calls that come after a call by `after` and sync points alone.
    fn calls_after(&self, call: CallId) -> FxHashSet<CallId> {
        let mut after = FxHashSet::default();
        let mut seen = FxHashSet::default();
        let mut open = vec![self.node_of(call)];
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

    pub(super) fn new_join(
        &mut self,
        gathers: Gather,
        later: Vec<CallId>,
        calls: &[CallId],
        edge: Edge,
    ) -> JoinId {
        let join = JoinId(self.joins.len() as u32);
        let node = self.graph.add_node(Node::Join(join));
        let dropped = planted(Fault::EdgeDropped) && edge == Edge::Data;
        let waited = if dropped { &calls[..calls.len() - 1] } else { calls };
        for &call in waited {
            self.graph.add_edge(self.node_of(call), node, edge);
        }
        self.joins.push(Join { gathers: gathers.clone(), node });
        self.joins_by.insert((gathers, later), join);
        join
    }

    /// The join of all these calls, for `after`: nothing for none, the call itself for one.
    pub(super) fn gather(&mut self, gathers: Gather, calls: &[CallId]) -> Option<NodeIndex> {
        match calls {
            [] => None,
            [call] => Some(self.node_of(*call)),
            _ => {
                let known = self.joins_by.get(&(gathers.clone(), Vec::new())).copied();
                let join = known.unwrap_or_else(|| self.new_join(gathers, Vec::new(), calls, Edge::After));
                Some(self.joins[join.0 as usize].node)
            }
        }
    }

    /// The node that waits for all who change a place.
    pub(super) fn gather_place(&mut self, path: &Path, waiter: Option<CallId>) -> Option<NodeIndex> {
        match self.wait(path, waiter) {
            Wait::None => None,
            Wait::One(call) => Some(self.node_of(call)),
            Wait::Join(join) => Some(self.joins[join.0 as usize].node),
        }
    }

    fn add_edge(&mut self, from: NodeIndex, to: NodeIndex, edge: Edge) {
        if !self.graph.neighbors_directed(to, petgraph::Incoming).any(|known| known == from) {
            self.graph.add_edge(from, to, edge);
        }
    }

    /// Sync points with a check hold back what reads their documents.
    fn connect_gates(&mut self, graph: &TaskGraph) {
        let manifest = self.manifest.clone();
        for (index, _) in manifest.syncs.iter().enumerate().filter(|(_, sync)| sync.check.is_some()) {
            let node = graph.sync_node(SyncId(index as u32));
            for task in graph.gated(&manifest, &self.world.clone(), node) {
                for call in self.calls_of(task) {
                    self.add_edge(self.sync_nodes[index], self.node_of(call), Edge::Data);
                }
            }
        }
    }
}

enum Found {
    Wait(Wait),
    NewJoin { writers: Vec<CallId>, later: Vec<CallId> },
}

/// One error for each place in the text: the calls of a task would all say the same.
fn once_each_place(mut wrong: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = FxHashSet::default();
    wrong.retain(|one| seen.insert(one.labels.first().map(|label| label.span.clone())));
    wrong
}
