//! Tasks that change documents they are given. They wait for those who fill the document and for other such tasks that
//! stand before them in call order, and not for each other's calls: each call sees its own snapshot.

use rustc_hash::FxHashMap;

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::name::Name;
use crate::path::{Path, Segment, is_position, segments_may_overlap};
use crate::value::Text;

use super::order::groups;
use super::scope::World;
use super::tasks::{Feed, TaskGraph};
use super::writers::WriterTree;
use super::{CallId, Plan, Reader, TaskId, places, select};

/// Who mutates one document.
#[derive(Debug, Default)]
pub struct Mutations {
    /// The tasks, with the shape of each place.
    tasks: Vec<(TaskId, Vec<Segment>)>,
    tree: WriterTree,
}

/// What the plan knows of tasks that mutate documents, by place in the manifest.
#[derive(Debug, Default)]
pub struct Mutators {
    /// Where each task stands in call order, among tasks.
    place: Vec<u32>,
    /// Whether calls of the task may come after others of it.
    is_entangled: Vec<bool>,
    /// Tasks that feed each other.
    groups: Vec<Vec<TaskId>>,
}

impl Mutators {
    pub fn new(manifest: &Manifest, world: &World) -> Mutators {
        let tasks = manifest.tasks.len();
        let mut this =
            Mutators { place: vec![0; tasks], is_entangled: vec![false; tasks], groups: Vec::new() };
        let groups = groups(&TaskGraph::of(manifest, world));
        let members = groups.iter().flat_map(|group| group.tasks.iter().map(|task| (task, group.entangled)));
        for (place, (task, entangled)) in members.enumerate() {
            this.place[task.0 as usize] = place as u32;
            this.is_entangled[task.0 as usize] = entangled;
        }
        this.groups =
            groups.into_iter().map(|group| group.tasks).filter(|members| members.len() > 1).collect();
        this
    }

    /// Whether calls of the task may come after others of it.
    pub fn is_entangled(&self, task: TaskId) -> bool {
        self.is_entangled[task.0 as usize]
    }

    fn precedes(&self, first: TaskId, second: TaskId) -> bool {
        self.place[first.0 as usize] < self.place[second.0 as usize]
    }
}

/// The graph of tasks with the edges between those that mutate one document, which all point forward in call order.
pub fn task_graph(manifest: &Manifest, world: &World) -> TaskGraph {
    let mut graph = TaskGraph::of(manifest, world);
    let mutators = Mutators::new(manifest, world);
    let mutating: Vec<TaskId> = (0..manifest.tasks.len() as u32)
        .map(TaskId)
        .filter(|task| !manifest.tasks[task.0 as usize].mutates.is_empty())
        .collect();
    for &first in &mutating {
        for &second in mutating.iter().filter(|&&second| mutators.precedes(first, second)) {
            let (one, other) = (&manifest.tasks[first.0 as usize], &manifest.tasks[second.0 as usize]);
            if one.mutates.iter().any(|place| {
                other.mutates.iter().any(|seen| {
                    place.value.root == seen.value.root
                        && segments_may_overlap(
                            &places::read_shape(&place.value),
                            &places::read_shape(&seen.value),
                        )
                })
            }) {
                graph.add(graph.task_node(first), graph.task_node(second), Feed::Data);
            }
        }
    }
    graph
}

impl Plan {
    /// Refuses tasks that change one document as they go and feed each other: some calls of one would have to see what some
    /// calls of the other changed, and snapshots are one for all calls of a task.
    pub(super) fn mutual_mutators(&self) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        for group in &self.mutators.groups {
            let mut known: FxHashMap<&str, TaskId> = FxHashMap::default();
            for &task in group {
                let own = &self.manifest.tasks[task.0 as usize];
                for place in &own.mutates {
                    let first = *known.entry(&*place.value.root).or_insert(task);
                    if first == task {
                        continue;
                    }
                    let other = &self.manifest.tasks[first.0 as usize].name;
                    let (name, document) = (&own.name, &place.value.root);
                    let message = format!(
                        "`{other}` and `{name}` feed each other, and both change `{document}` as they go"
                    );
                    let diagnostic = Diagnostic::error(message)
                        .at(place.place.inner(place.value.span.clone()), "changed by both")
                        .help("let one of them fill places of its own, or make one task of them");
                    wrong.push(diagnostic);
                }
            }
        }
        wrong
    }

    /// Records what the calls of a task may mutate.
    pub(super) fn record_mutations(&mut self, task: TaskId) {
        let manifest = self.manifest.clone();
        for place in &manifest.tasks[task.0 as usize].mutates {
            let Ok(document) = place.value.document.clone() else { continue };
            let recorded = self.mutations.entry(document.clone()).or_default();
            recorded.tasks.push((task, places::read_shape(&place.value)));
            for call in self.calls_of(task) {
                let path = places::fill_place(&place.value, false, &self.before(Reader::Call(call)));
                let recorded = self.mutations.entry(document.clone()).or_default();
                path.iter().for_each(|path| recorded.tree.insert(&path.segments, call));
            }
        }
    }

    /// Whether a change of the call at this place may be one of those that its task declares by `mutates`: any other is a
    /// fill.
    pub fn may_mutate(&self, call: CallId, path: &Path) -> bool {
        let before = self.before(Reader::Call(call));
        let from_the_end = |key: &Text| key.starts_with('-') && is_position(key);
        let may_be_same = |pair: (&Segment, &Segment)| match pair {
            (Segment::Key(one), Segment::Key(other)) => {
                one == other
                    || from_the_end(one) && is_position(other)
                    || from_the_end(other) && is_position(one)
            }
            _ => true,
        };
        let declared =
            self.task(call).mutates.iter().filter(|place| place.value.root == path.document.as_str());
        declared.filter_map(|place| places::fill_place(&place.value, false, &before)).any(|declared| {
            declared.segments.len() <= path.segments.len()
                && declared.segments.iter().zip(&path.segments).all(may_be_same)
        })
    }

    /// Whether all that is known of what the call changes in a document is that it may be anything.
    pub fn may_change_anything(&self, call: CallId, document: &Name) -> bool {
        let task = self.task(call);
        let mut mutates = task.mutates.iter().filter(|place| place.value.root == document.as_str());
        !task.fills.iter().any(|fill| fill.place.value.root == document.as_str())
            && mutates.all(|place| place.value.steps.is_empty())
    }

    /// Every call that may mutate what stands at a place, in id order.
    pub(super) fn mutators_of(&self, path: &Path) -> Vec<CallId> {
        self.mutations
            .get(&path.document)
            .map(|known| known.tree.overlapping(&path.segments))
            .unwrap_or_default()
    }

    /// The tasks that mutate a document, with the shape of each place.
    pub(super) fn mutations_of(&self, document: &Name) -> &[(TaskId, Vec<Segment>)] {
        self.mutations.get(document).map(|recorded| &recorded.tasks[..]).unwrap_or_default()
    }

    /// The tasks that fill or mutate a document; some more than once.
    pub(super) fn tasks_changing(&self, document: &Name) -> impl Iterator<Item = TaskId> {
        self.fills_of(document).iter().chain(self.mutations_of(document)).map(|(task, _)| *task)
    }

    /// Whether the reader sees a snapshot of the document, without what other calls of its task change.
    pub(super) fn is_snapshot(&self, document: &Name, reader: Reader) -> bool {
        self.snapshot_task(document, reader).is_some()
    }

    /// The reader's task, if that mutates the document.
    pub fn snapshot_task(&self, document: &Name, reader: Reader) -> Option<TaskId> {
        let Reader::Call(call) = reader else { return None };
        let task = self.task_of(call);
        self.task(call).mutates(document.as_str()).then_some(task)
    }

    /// The calls whose changes a snapshot of the place holds for the calls of a task, in id order: those that fill it,
    /// and those of other tasks that mutate it and stand before in call order.
    pub(super) fn seen_in_snapshot(&self, path: &Path, own: TaskId) -> Vec<CallId> {
        let mut mutators = self.mutators_of(path);
        mutators.retain(|&call| self.mutators.precedes(self.task_of(call), own));
        let mut calls = super::merged(self.fillers_of(path), mutators);
        calls.retain(|&call| self.task_of(call) != own);
        calls
    }

    /// As [`Plan::seen_in_snapshot`], for a task whose calls are not known yet.
    pub(super) fn may_be_in_snapshot(&self, task: TaskId, own: TaskId, path: &Path) -> bool {
        let fills = |(filler, shape): &(TaskId, Vec<Segment>)| {
            *filler == task && segments_may_overlap(shape, &path.segments)
        };
        task != own && (self.mutators.precedes(task, own) || self.fills_of(&path.document).iter().any(fills))
    }

    /// Calls of the reader's own task that change the place and that it comes after for another reason than this place.
    pub(super) fn own_before(&self, path: &Path, reader: Reader) -> Vec<CallId> {
        let (Some(task), Reader::Call(call)) = (self.snapshot_task(&path.document, reader), reader) else {
            return Vec::new();
        };
        if !self.mutators.is_entangled(task) {
            return Vec::new();
        }
        let before = select::before(self, self.node_of(call));
        let mut own = self.changers_of(path);
        own.retain(|&other| self.task_of(other) == task && before.contains(&self.node_of(other)));
        own
    }

    /// The calls whose changes every call of a mutating task sees at a place, in call order.
    pub fn seen_by_task(&self, path: &Path, task: TaskId) -> Vec<CallId> {
        let mut calls = self.seen_in_snapshot(path, task);
        calls.sort_unstable_by_key(|&call| self.order_of(call));
        calls
    }

    /// The calls whose changes a call of a mutating task sees at a place, in call order.
    pub fn seen_by_mutator(&self, path: &Path, call: CallId) -> Vec<CallId> {
        let mut calls = self.seen_in_snapshot(path, self.task_of(call));
        calls.extend(self.own_before(path, Reader::Call(call)));
        if self.may_precede(path, Reader::Call(call)) {
            let after = self.calls_after(Reader::Call(call));
            calls.retain(|call| !after.contains(call));
        }
        calls.sort_unstable_by_key(|&call| self.order_of(call));
        calls
    }

    /// Whether the version that a reader sees of a place is that of its join, shared by all who wait there.
    pub fn is_shared_version(&self, document: &Name, reader: Reader) -> bool {
        self.snapshot_task(document, reader).is_none_or(|task| !self.mutators.is_entangled(task))
    }
}
