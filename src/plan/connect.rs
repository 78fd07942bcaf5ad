//! Edges: what fills, `after`, `waits-for` and reads make calls wait for. Works on a range of tasks' calls, so that the
//! calls that are found while the run goes on are connected as all others.

use petgraph::Direction::Incoming;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::change::misfit;
use crate::diagnostic::{Diagnostic, nearest};
use crate::manifest::Fill;
use crate::name::Name;
use crate::path::{Path, Segment, is_position, segments_may_overlap};
use crate::spread;

use super::mutators::{Mutators, task_graph};
use super::reads::{self, Read};
use super::targets::CallsByKey;
use super::tasks::{Feed, TaskGraph};
use super::{Edge, Plan, Reader, SyncId, TaskId, Wait, constant_part, places};

/// Readers that are worth a thread, and of which the places are in memory at a time.
const READERS: usize = 512;
const AT_A_TIME: usize = 32 * 1_024;

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
        wrong.extend(self.mutual_mutators());
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

    /// Records what the calls of a task fill; the first that cannot fit into what is given is an error.
    fn record_fill(&mut self, task: TaskId, fill: &Fill) -> Option<Diagnostic> {
        let document = fill.place.value.document.clone().ok()?;
        self.add_filler(task, &document, fill);
        let given = self.world.given(document.as_str())?;
        self.calls_of(task).find_map(|call| {
            let before = self.before(Reader::Call(call));
            let path = places::fill_place(&fill.place.value, fill.append, &before)?;
            let misfit = misfit(given, &path.segments)?;
            let message = format!("`{}` cannot fill `{path}`: {}", self.address(call), misfit.0);
            Some(Diagnostic::error(message).at(fill.place.place.span.clone(), ""))
        })
    }

    /// `after`: must stand before any read is connected, since what comes after a reader is not waited for.
    pub(super) fn connect_targets(&mut self, task: TaskId, by_key: &mut CallsByKey) -> Vec<Diagnostic> {
        let manifest = self.manifest.clone();
        let targets = &manifest.tasks[task.0 as usize].after;
        let mut wrong = Vec::new();
        for call in self.calls_of(task).take_while(|_| !targets.is_empty()) {
            for target in targets {
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
            let reads = self.documents_only(reads::of_expansion(declared));
            wrong.extend(self.connect_all(&reads, &[(Reader::Expansion(task), expansion)]));
        }
        let reads = self.documents_only(reads::of_task(declared));
        let calls: Vec<_> = self.calls_of(task).take_while(|_| !reads.is_empty()).collect();
        for calls in calls.chunks(AT_A_TIME) {
            let readers: Vec<_> =
                calls.iter().map(|&call| (Reader::Call(call), self.node_of(call))).collect();
            wrong.extend(self.connect_all(&reads, &readers));
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
            let reads = self.documents_only(reads::of_sync(declared));
            let reader = Reader::Sync(SyncId(index as u32));
            wrong.extend(self.connect_all(&reads, &[(reader, self.sync_nodes[index])]));
        }
        wrong
    }

    fn documents_only<'a>(&self, mut reads: Vec<Read<'a>>) -> Vec<Read<'a>> {
        reads.retain(|read| self.world.is_document(&read.reference.root));
        reads
    }

    /// Lets each reader wait for what it reads: the places found on all cores, the edges made in order.
    fn connect_all(&mut self, reads: &[Read<'_>], readers: &[(Reader, NodeIndex)]) -> Vec<Diagnostic> {
        let found = spread::map(readers.len(), READERS, |at| {
            reads.iter().map(|read| self.read_place(read, readers[at].0)).collect::<Vec<_>>()
        });
        let mut wrong: Vec<Option<Diagnostic>> = reads.iter().map(|_| None).collect();
        for (&(reader, node), places) in readers.iter().zip(found) {
            for ((read, path), wrong) in reads.iter().zip(places).zip(&mut wrong) {
                // one error for each place in the text: other calls of the task would say the same
                if wrong.is_none() {
                    *wrong = path.and_then(|path| self.connect_read(read, path, reader, node));
                }
            }
        }
        wrong.into_iter().flatten().collect()
    }

    fn connect_read(
        &mut self,
        read: &Read<'_>,
        path: Path,
        reader: Reader,
        node: NodeIndex,
    ) -> Option<Diagnostic> {
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

    /// The place that a reader reads by this reference. A position from the end is one of the whole array, where an array may
    /// stand.
    pub fn read_place(&self, read: &Read<'_>, reader: Reader) -> Option<Path> {
        let mut path = self.looked_place(read, reader)?;
        let from_the_end = |(at, segment): &(usize, &Segment)| match segment {
            Segment::Key(key) if key.starts_with('-') && is_position(key) => {
                self.may_be_array(&path.document, &path.segments[..*at])
            }
            _ => false,
        };
        let end = path.segments.iter().enumerate().find(from_the_end).map(|(at, _)| at);
        path.segments.truncate(end.unwrap_or(path.segments.len()));
        Some(path)
    }

    /// The same, as it is written.
    pub fn looked_place(&self, read: &Read<'_>, reader: Reader) -> Option<Path> {
        places::read_place(read.reference, &self.before(reader))
    }

    /// Whether the run may make an array of what stands at a place: some task appends there, or changes it as a whole.
    fn may_be_array(&self, document: &Name, place: &[Segment]) -> bool {
        let mut shapes = self.fills_of(document).iter().chain(self.mutations_of(document));
        shapes.any(|(_, shape)| match shape.get(place.len()) {
            None => segments_may_overlap(shape, place),
            Some(Segment::Append) => segments_may_overlap(&shape[..place.len()], place),
            Some(_) => false,
        })
    }

    /// A place that no call fills and that is not given either, unless the expression takes that.
    fn missing_place(&self, read: &Read<'_>, path: &Path, reader: NodeIndex) -> Option<Diagnostic> {
        let given = self.world.given(path.document.as_str());
        let keys = path.segments.iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key),
            Segment::Any | Segment::Append => None,
        });
        let stands = match given {
            Some(value) => value.look(keys).is_some(),
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
        let remedy = "if it may be missing, say so: `… | default(none)` or `… is defined`";
        Some(error.help(match self.near_place(path) {
            Some(near) => format!("did you mean `{near}`? {remedy}"),
            None => remedy.to_owned(),
        }))
    }

    /// A place that a call fills, of which one key is nearly that of `path`.
    fn near_place(&self, path: &Path) -> Option<Path> {
        let (depth, keys) = self.keys_beside(path)?;
        let Some(Segment::Key(key)) = path.segments.get(depth) else { return None };
        // one number is as near as any other
        let near = nearest(key, keys).filter(|_| key.parse::<f64>().is_err())?;
        let mut path = path.clone();
        path.segments[depth] = Segment::Key(near.into());
        Some(path)
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
