//! Edges: what fills, `after`, `waits-for` and reads make calls wait for. Works on a range of tasks' calls, so that the
//! calls that are found while the run goes on are connected as all others.

use petgraph::Direction::Incoming;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::change::misfit;
use crate::diagnostic::Diagnostic;
use crate::manifest::Fill;
use crate::name::Name;
use crate::path::{Path, Segment};

use super::mutators::{Mutators, task_graph};
use super::reads::{self, Read};
use super::targets::CallsByKey;
use super::tasks::{Feed, TaskGraph};
use super::{Edge, Plan, Reader, SyncId, TaskId, Wait, constant_part, places};

impl Plan {
    /// Makes every edge of the plan as far as calls are known.
    pub(super) fn connect(&mut self) -> Result<(), Vec<Diagnostic>> {
        let graph = task_graph(&self.manifest, &self.world);
        self.mutators = Mutators::new(&self.manifest, &self.world);
        self.later_tasks = self.task_ids().map(|task| graph.later(task, Feed::SomeAfter)).collect();
        self.wholly_later = self.task_ids().map(|task| graph.later(task, Feed::AllAfter)).collect();
        self.gates =
            (0..self.manifest.syncs.len() as u32).map(|sync| self.gated_by(&graph, SyncId(sync))).collect();
        let tasks: Vec<TaskId> = self.task_ids().collect();
        let mut by_key = CallsByKey::default();
        let mut wrong: Vec<Diagnostic> = tasks.iter().flat_map(|&task| self.record_fills(task)).collect();
        tasks.iter().for_each(|&task| self.record_mutations(task));
        wrong.extend(tasks.iter().flat_map(|&task| self.connect_targets(task, &mut by_key)));
        wrong.extend(self.connect_sync_targets(&mut by_key));
        wrong.extend(tasks.iter().flat_map(|&task| self.connect_reads(task)));
        wrong.extend(self.connect_checks());
        tasks.iter().for_each(|&task| self.connect_gates(task));
        if wrong.is_empty() { Ok(()) } else { Err(once_each_place(wrong)) }
    }

    fn gated_by(&self, graph: &TaskGraph, sync: SyncId) -> Vec<TaskId> {
        match self.sync(sync).check {
            Some(_) => graph.gated(&self.manifest, &self.world, graph.sync_node(sync)),
            None => Vec::new(),
        }
    }

    /// Records what the calls of a task fill.
    pub(super) fn record_fills(&mut self, task: TaskId) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let fills = &manifest.tasks[task.0 as usize].fills;
        fills.iter().filter_map(|fill| self.record_fill(task, fill)).collect()
    }

    /// Records what each call of a task fills; the first that cannot fit into what is given is an error.
    fn record_fill(&mut self, task: TaskId, fill: &Fill) -> Option<Diagnostic> {
        let document = Name::new(&fill.place.value.root).ok()?;
        let writers = self.writers.entry(document.clone()).or_default();
        writers.add_task(task, places::shape(&fill.place.value, fill.append));
        let conditional = self.manifest.tasks[task.0 as usize].condition.is_some();
        let mut wrong = None;
        for call in self.calls_of(task) {
            let before = self.before(Reader::Call(call));
            let Some(path) = places::fill_place(&fill.place.value, fill.append, &before) else { break };
            if wrong.is_none()
                && let Some(given) = self.world.given(document.as_str())
                && let Some(misfit) = misfit(given, &path.segments)
            {
                let message = format!("`{}` cannot fill `{path}`: {}", self.address(call), misfit.0);
                wrong = Some(Diagnostic::error(message).at(fill.place.place.span.clone(), ""));
            }
            let writers = self.writers.entry(document.clone()).or_default();
            writers.insert(&path.segments, call);
            writers.uncertain |= conditional || !path.is_known();
        }
        wrong
    }

    /// `after`: must stand before any read is connected, since what comes after a reader is not waited for.
    pub(super) fn connect_targets(&mut self, task: TaskId, by_key: &mut CallsByKey) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let mut wrong = Vec::new();
        for call in self.calls_of(task) {
            for target in &manifest.tasks[task.0 as usize].after {
                match self.target_node(target, Reader::Call(call), by_key) {
                    Ok(node) => self.add_edge(node, self.node_of(call), Edge::After),
                    Err(error) => wrong.push(error),
                }
            }
        }
        wrong
    }

    pub(super) fn connect_reads(&mut self, task: TaskId) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let declared = &manifest.tasks[task.0 as usize];
        let mut wrong = Vec::new();
        if let Some(expansion) = self.expansion_of(task) {
            for read in self.documents_only(reads::of_expansion(declared)) {
                wrong.extend(self.connect_read(&read, Reader::Expansion(task), expansion));
            }
        }
        let reads = self.documents_only(reads::of_task(declared));
        for call in self.calls_of(task) {
            for read in &reads {
                wrong.extend(self.connect_read(read, Reader::Call(call), self.node_of(call)));
            }
        }
        wrong
    }

    fn connect_sync_targets(&mut self, by_key: &mut CallsByKey) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let mut wrong = Vec::new();
        for (index, declared) in manifest.syncs.iter().enumerate() {
            for target in &declared.waits_for {
                match self.target_node(target, Reader::Sync(SyncId(index as u32)), by_key) {
                    Ok(before) => self.add_edge(before, self.sync_nodes[index], Edge::After),
                    Err(error) => wrong.push(error),
                }
            }
        }
        wrong
    }

    fn connect_checks(&mut self) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let mut wrong = Vec::new();
        for (index, declared) in manifest.syncs.iter().enumerate() {
            let (reader, node) = (Reader::Sync(SyncId(index as u32)), self.sync_nodes[index]);
            for read in self.documents_only(reads::of_sync(declared)) {
                wrong.extend(self.connect_read(&read, reader, node));
            }
        }
        wrong
    }

    fn documents_only<'a>(&self, mut reads: Vec<Read<'a>>) -> Vec<Read<'a>> {
        reads.retain(|read| self.world.is_document(&read.reference.root));
        reads
    }

    fn connect_read(&mut self, read: &Read<'_>, reader: Reader, node: NodeIndex) -> Option<Diagnostic> {
        let path = self.read_place(read, reader)?;
        if self.world.constant(path.document.as_str()).is_none() {
            let wait = self.wait(&path, reader);
            if wait != Wait::None {
                self.add_edge(self.node_of_wait(wait), node, Edge::Data);
                return None;
            }
            // other calls of its task may put something there, which its snapshot does not hold
            if self.is_snapshot(&path.document, reader) {
                return None;
            }
        }
        self.missing_place(read, &path, node)
    }

    /// The place that a reader reads by this reference.
    pub fn read_place(&self, read: &Read<'_>, reader: Reader) -> Option<Path> {
        places::read_place(read.reference, &self.before(reader))
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
        if stands || read.guarded || self.has_constant_part(path) {
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

    /// Whether the place is, or holds, the constant part of what some task fills: that stands there in any case.
    fn has_constant_part(&self, path: &Path) -> bool {
        let holds = |shape: &[Segment]| {
            let constant = constant_part(shape);
            constant.len() < shape.len() && constant.starts_with(&path.segments)
        };
        self.fills_of(&path.document).iter().any(|(_, shape)| holds(shape))
    }

    /// Sync points with a check hold back what reads their documents.
    pub(super) fn connect_gates(&mut self, task: TaskId) {
        for sync in 0..self.gates.len() {
            if self.gates[sync].contains(&task) {
                for call in self.calls_of(task) {
                    self.add_edge(Some(self.sync_nodes[sync]), self.node_of(call), Edge::Data);
                }
            }
        }
    }

    /// An edge, unless there is one already.
    pub(super) fn add_edge(&mut self, from: Option<NodeIndex>, to: NodeIndex, edge: Edge) {
        if let Some(from) = from
            && !self.graph.neighbors_directed(to, Incoming).any(|known| known == from)
        {
            self.graph.add_edge(from, to, edge);
        }
    }
}

/// One error for each place in the text: the calls of a task would all say the same.
pub(super) fn once_each_place(mut wrong: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = FxHashSet::default();
    wrong.retain(|one| seen.insert(one.labels.first().map(|label| label.span.clone())));
    wrong
}
