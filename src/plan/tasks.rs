//! Which task or sync point feeds which, as far as the shapes of places tell: the graph that call order and the
//! reach of sync points are taken from. Coarser than the graph of calls, and the same whatever was expanded.

use petgraph::Direction::Incoming;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};
use rustc_hash::FxHashSet;

use crate::manifest::{Manifest, Sourced, Target};
use crate::name::Name;
use crate::path::segments_may_overlap;

use super::reads::{self, Read};
use super::scope::World;
use super::{SyncId, TaskId, places};

/// What stands at a node of the task graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    Task(TaskId),
    Sync(SyncId),
}

/// Why one task or sync point comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// Some calls read what the other changes.
    Data,
    /// Some calls come after some of the other's by `after` or `waits-for`.
    SomeAfter,
    /// All calls come after all of the other's.
    AllAfter,
}

/// Tasks and sync points; an edge where one feeds the other.
#[derive(Debug)]
pub struct TaskGraph {
    pub graph: DiGraph<Member, Feed>,
    tasks: usize,
    /// Finalizers that name nothing to wait for: they wait for everything else.
    last: FxHashSet<TaskId>,
}

impl TaskGraph {
    pub fn of(manifest: &Manifest, world: &World) -> TaskGraph {
        let mut graph = DiGraph::new();
        let tasks = manifest.tasks.len();
        let members = (0..tasks as u32).map(|task| Member::Task(TaskId(task)));
        for member in members.chain((0..manifest.syncs.len() as u32).map(|sync| Member::Sync(SyncId(sync)))) {
            graph.add_node(member);
        }
        let mut this = TaskGraph { graph, tasks, last: FxHashSet::default() };
        for (index, task) in manifest.tasks.iter().enumerate() {
            this.add_reads(manifest, &reads::of_task(task), NodeIndex::new(index));
            this.add_reads(manifest, &reads::of_expansion(task), NodeIndex::new(index));
            this.add_targets(manifest, &task.after, NodeIndex::new(index));
        }
        for (index, sync) in manifest.syncs.iter().enumerate() {
            let node = NodeIndex::new(tasks + index);
            this.add_reads(manifest, &reads::of_sync(sync), node);
            this.add_targets(manifest, &sync.waits_for, node);
        }
        this.drop_what_comes_later();
        this.add_gates(manifest, world);
        let is_last = |task: &TaskId| {
            let waits = this.graph.neighbors_directed(this.task_node(*task), Incoming).next().is_some();
            manifest.tasks[task.0 as usize].when.is_finalizer() && !waits
        };
        this.last = (0..tasks as u32).map(TaskId).filter(is_last).collect();
        this
    }

    /// Whether the task is a finalizer that waits for everything else.
    pub fn is_last(&self, task: TaskId) -> bool {
        self.last.contains(&task)
    }

    pub fn task_node(&self, task: TaskId) -> NodeIndex {
        NodeIndex::new(task.0 as usize)
    }

    pub fn sync_node(&self, sync: SyncId) -> NodeIndex {
        NodeIndex::new(self.tasks + sync.0 as usize)
    }

    /// Everything that feeds the node, directly or not; itself too.
    pub fn upstream(&self, node: NodeIndex) -> FxHashSet<NodeIndex> {
        let reversed = Reversed(&self.graph);
        let mut search = Dfs::new(reversed, node);
        std::iter::from_fn(|| search.next(reversed)).collect()
    }

    /// The tasks of which calls come after calls of `task` by `after` and sync points alone: some of them, or, with
    /// [`Feed::AllAfter`], all.
    pub fn later(&self, task: TaskId, at_least: Feed) -> FxHashSet<TaskId> {
        let mut later = FxHashSet::default();
        let mut open = vec![self.task_node(task)];
        let mut seen = FxHashSet::default();
        while let Some(node) = open.pop() {
            let mut edges = self.graph.neighbors(node).detach();
            while let Some((edge, next)) = edges.next(&self.graph) {
                if self.graph[edge] >= at_least && seen.insert(next) {
                    open.push(next);
                    if let Member::Task(task) = self.graph[next] {
                        later.insert(task);
                    }
                }
            }
        }
        later
    }

    /// What comes after a task by `after` changes nothing that the task reads.
    fn drop_what_comes_later(&mut self) {
        for task in (0..self.tasks as u32).map(TaskId) {
            let node = self.task_node(task);
            for later in self.later(task, Feed::AllAfter) {
                let edge = self.graph.find_edge(self.task_node(later), node);
                if let Some(edge) = edge.filter(|&edge| self.graph[edge] == Feed::Data) {
                    self.graph.remove_edge(edge);
                }
            }
        }
    }

    pub(super) fn add(&mut self, from: NodeIndex, to: NodeIndex, feed: Feed) {
        match self.graph.find_edge(from, to) {
            Some(edge) => self.graph[edge] = self.graph[edge].max(feed),
            None => {
                self.graph.add_edge(from, to, feed);
            }
        }
    }

    fn add_reads(&mut self, manifest: &Manifest, reads: &[Read<'_>], reader: NodeIndex) {
        let own = match self.graph[reader] {
            Member::Task(task) => Some(task.0 as usize),
            Member::Sync(_) => None,
        };
        for read in reads {
            let seen = places::read_shape(read.reference);
            // a call's own snapshot holds nothing of the other calls of its task
            let is_snapshot = own.is_some_and(|own| manifest.tasks[own].mutates(&read.reference.root));
            for (index, task) in manifest.tasks.iter().enumerate() {
                if is_snapshot && own == Some(index) {
                    continue;
                }
                let fills = task.fills.iter().any(|fill| {
                    let filled = places::shape(&fill.place.value, fill.append);
                    fill.place.value.root == read.reference.root && segments_may_overlap(&filled, &seen)
                });
                let mutates = !is_snapshot
                    && task.mutates.iter().any(|place| {
                        let mutated = places::read_shape(&place.value);
                        place.value.root == read.reference.root && segments_may_overlap(&mutated, &seen)
                    });
                if fills || mutates {
                    self.add(NodeIndex::new(index), reader, Feed::Data);
                }
            }
        }
    }

    fn add_targets(&mut self, manifest: &Manifest, targets: &[Sourced<Target>], waiter: NodeIndex) {
        for target in targets {
            let feed = match target.value {
                Target::Call(..) | Target::Calls(_) | Target::Place(_) => Feed::SomeAfter,
                Target::Task(_) | Target::Tasks(..) | Target::Tag(_) | Target::Sync(_) => Feed::AllAfter,
            };
            for node in self.target_nodes(manifest, &target.value) {
                self.add(node, waiter, feed);
            }
        }
    }

    fn target_nodes(&self, manifest: &Manifest, target: &Target) -> Vec<NodeIndex> {
        let tasks = |wanted: &dyn Fn(&crate::manifest::Task) -> bool| {
            let all = manifest.tasks.iter().enumerate();
            all.filter(|(_, task)| wanted(task)).map(|(index, _)| NodeIndex::new(index)).collect()
        };
        match target {
            Target::Task(name) | Target::Call(name, _) => tasks(&|task| task.name == *name),
            Target::Tasks(_, names) => tasks(&|task| names.contains(&task.name)),
            Target::Calls(patterns) => {
                tasks(&|task| patterns.iter().any(|pattern| pattern.task == task.name))
            }
            Target::Tag(tag) => tasks(&|task| task.tags.contains(tag)),
            Target::Place(place) => tasks(&|task| task.changes(&place.root)),
            Target::Sync(name) => {
                let found = manifest.syncs.iter().position(|sync| sync.name == *name);
                found.map(|index| NodeIndex::new(self.tasks + index)).into_iter().collect()
            }
        }
    }

    /// What reads the documents of a sync point with a check waits for it, unless it feeds the sync point.
    fn add_gates(&mut self, manifest: &Manifest, world: &World) {
        for (index, sync) in manifest.syncs.iter().enumerate() {
            let node = NodeIndex::new(self.tasks + index);
            if sync.check.is_none() {
                continue;
            }
            for task in self.gated(manifest, world, node) {
                self.add(node, self.task_node(task), Feed::Data);
            }
        }
    }

    /// The tasks that read what the sync point's tasks change and do not feed it.
    pub fn gated(&self, manifest: &Manifest, world: &World, sync: NodeIndex) -> Vec<TaskId> {
        let documents = self.documents_before(manifest, sync);
        let upstream = self.upstream(sync);
        let all = manifest.tasks.iter().enumerate();
        let reading = all.filter(|(index, task)| {
            !upstream.contains(&NodeIndex::new(*index))
                && reads::of_task(task).iter().any(|read| {
                    world.is_changed(&read.reference.root)
                        && documents.iter().any(|name| name.as_str() == &*read.reference.root)
                })
        });
        reading.map(|(index, _)| TaskId(index as u32)).collect()
    }

    /// The documents that the tasks which a sync point waits for change, each once, by first filler.
    pub fn documents_before(&self, manifest: &Manifest, sync: NodeIndex) -> Vec<Name> {
        let Member::Sync(id) = self.graph[sync] else { return Vec::new() };
        let targets = &manifest.syncs[id.0 as usize].waits_for;
        let mut waited: Vec<_> =
            targets.iter().flat_map(|target| self.target_nodes(manifest, &target.value)).collect();
        waited.sort_unstable();
        let mut documents = Vec::new();
        for node in waited {
            match self.graph[node] {
                Member::Task(task) => {
                    documents.extend(manifest.tasks[task.0 as usize].changed_documents());
                }
                // a sync point that waits for another: what that waits for; a circle ends by the edge's direction
                Member::Sync(other) if other != id => {
                    if !self.upstream(node).contains(&sync) {
                        documents.extend(self.documents_before(manifest, node));
                    }
                }
                Member::Sync(_) => {}
            }
        }
        let mut seen = FxHashSet::default();
        documents.retain(|name| seen.insert(name.clone()));
        documents
    }
}
