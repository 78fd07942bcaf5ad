//! The plan: calls and joins in a graph. Calls come from tasks, joins from what they read; both get small ids that
//! hold in this plan only. Knows what waits for what and the call order; knows nothing of time or processes.

pub mod address;
pub mod bindings;
pub mod cause;
pub mod conflict;
mod connect;
pub mod grow;
pub mod cycle;
pub mod expand;
pub mod fillers;
mod keyed;
pub mod mutators;
pub mod order;
pub mod places;
mod precedence;
pub mod rank;
pub mod reads;
pub mod scope;
pub mod select;
pub mod shape;
mod targets;
pub mod tasks;
#[cfg(test)]
mod tests;
mod waits;
pub mod writers;

use std::ops::Range;
use std::sync::Arc;

use petgraph::graph::{Graph, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::Diagnostic;
use crate::manifest::pattern::KeyPattern;
use crate::manifest::{Manifest, Sync, Task};
use crate::name::{CallAddress, Name, address_text};
use crate::path::{Path, Segment};
use crate::value::{Text, Value};

use bindings::{Bindings, Row};
use fillers::Fillers;
use mutators::{Mutations, Mutators};
use scope::{Before, World};

/// A call, numbered through the plan in the order of tasks and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// A task, by its place in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u32);

/// A named sync point, by its place in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyncId(pub u32);

/// An inferred join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JoinId(pub u32);

/// What stands at a node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Call(CallId),
    /// Runs nothing: passes on when all before it have ended.
    Join(JoinId),
    /// A named sync point: as a join, with a check or a checkpoint of its own.
    Sync(SyncId),
    /// A task whose `for` is known only while the run goes on: finds its calls.
    Expansion(TaskId),
}

/// Who reads documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reader {
    Call(CallId),
    Sync(SyncId),
    /// The `for` of a task.
    Expansion(TaskId),
}

/// Why one node waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// By `after` or `waits-for`.
    After,
    /// By reading what the other changes.
    Data,
}

/// What a join gathers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Gather {
    /// The calls that change what stands at a place.
    Place(Path),
    /// All calls of a task.
    Task(TaskId),
    /// All calls of the tasks with a tag.
    Tag(Text),
    /// All calls of the tasks that a glob matches.
    Tasks(Text, Vec<TaskId>),
    /// Calls of tasks by a pattern of their keys.
    Calls(Vec<(TaskId, KeyPattern)>),
    /// One call of a task that was not expanded yet.
    Call(CallAddress),
}

/// An inferred join: shared by all that wait for the same.
#[derive(Debug)]
pub struct Join {
    pub gathers: Gather,
    pub node: NodeIndex,
    readers: Readers,
}

/// Who shares a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers {
    All,
    /// The calls of a task that mutates the document.
    Mutators(TaskId),
    /// One, since it leaves out what comes after it.
    One(Reader),
}

/// One task's calls: a block of ids and of nodes, a row of bindings each.
#[derive(Debug)]
pub struct TaskCalls {
    pub bindings: Bindings,
    first: u32,
    first_node: u32,
    positions: Positions,
    /// The position in call order of the first call, or where that would stand.
    position: u32,
    /// Where the calls are found, if that is while the run goes on.
    expansion: Option<NodeIndex>,
    is_expanded: bool,
}

/// Where the calls of a task stand in call order.
#[derive(Clone, Debug)]
enum Positions {
    /// In key order, one after the other.
    From(u32),
    Each(Vec<u32>),
}

/// Whom the reader of a place waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nobody changes it.
    None,
    One(CallId),
    Join(JoinId),
}

/// Calls, joins and what waits for what.
#[derive(Debug)]
pub struct Plan {
    pub manifest: Arc<Manifest>,
    pub world: Arc<World>,
    pub graph: Graph<Node, Edge>,
    pub tasks: Vec<TaskCalls>,
    pub joins: Vec<Join>,
    pub sync_nodes: Vec<NodeIndex>,
    /// Where each task's block of calls begins, in order; tasks without calls left out.
    blocks: Vec<(u32, TaskId)>,
    count: u32,
    fillers: FxHashMap<Name, Fillers>,
    /// Places that calls may mutate.
    mutations: FxHashMap<Name, Mutations>,
    mutators: Mutators,
    /// Joins of places, shared by all readers.
    joins_at: FxHashMap<Path, JoinId>,
    /// Those for the calls of a task that mutates the document.
    joins_of_mutators: FxHashMap<(Path, TaskId), JoinId>,
    /// Joins for `after`.
    joins_by: FxHashMap<Gather, JoinId>,
    /// What a reader waits for where something that changes the place comes after it.
    own_waits: FxHashMap<(Path, Reader), Wait>,
    /// Joins that wait for calls of tasks that were not expanded.
    open_joins: FxHashMap<TaskId, Vec<JoinId>>,
    /// For each task, those of which some call comes after some call of it, by `after` alone.
    later_tasks: Vec<FxHashSet<TaskId>>,
    /// For each task, those of which all calls come after all calls of it, by `after` alone.
    wholly_later: Vec<FxHashSet<TaskId>>,
    /// For each sync point with a check, the tasks that it holds back.
    gates: Vec<Vec<TaskId>>,
}

impl Plan {
    /// The plan of a manifest, or all that is wrong with it as a graph.
    pub fn build(manifest: Arc<Manifest>, world: Arc<World>) -> Result<Plan, Vec<Diagnostic>> {
        let expanded = expand::all(&manifest, &world)?;
        let mut plan = Plan::of_calls(manifest, world, expanded);
        plan.connect()?;
        plan.settle()?;
        Ok(plan)
    }

    fn of_calls(manifest: Arc<Manifest>, world: Arc<World>, expanded: Vec<Option<Bindings>>) -> Plan {
        let count = expanded.iter().flatten().map(Bindings::len).sum();
        let mut plan = Plan {
            manifest,
            world,
            graph: Graph::with_capacity(count, 0),
            tasks: Vec::with_capacity(expanded.len()),
            joins: Vec::new(),
            sync_nodes: Vec::new(),
            blocks: Vec::new(),
            count: 0,
            fillers: FxHashMap::default(),
            mutations: FxHashMap::default(),
            mutators: Mutators::default(),
            joins_at: FxHashMap::default(),
            joins_of_mutators: FxHashMap::default(),
            joins_by: FxHashMap::default(),
            own_waits: FxHashMap::default(),
            open_joins: FxHashMap::default(),
            later_tasks: Vec::new(),
            wholly_later: Vec::new(),
            gates: Vec::new(),
        };
        for (index, bindings) in expanded.into_iter().enumerate() {
            let task = TaskId(index as u32);
            let expansion = bindings.is_none().then(|| plan.graph.add_node(Node::Expansion(task)));
            plan.tasks.push(TaskCalls {
                bindings: Bindings::default(),
                first: 0,
                first_node: 0,
                positions: Positions::From(0),
                position: 0,
                expansion,
                is_expanded: false,
            });
            if let Some(bindings) = bindings {
                plan.add_calls(task, bindings);
            }
        }
        let syncs = 0..plan.manifest.syncs.len() as u32;
        plan.sync_nodes = syncs.map(|sync| plan.graph.add_node(Node::Sync(SyncId(sync)))).collect();
        plan
    }

    /// Gives a task its calls: nodes without edges.
    fn add_calls(&mut self, task: TaskId, bindings: Bindings) {
        let (first, first_node) = (self.count, self.graph.node_count() as u32);
        self.count += bindings.len() as u32;
        for call in first..self.count {
            self.graph.add_node(Node::Call(CallId(call)));
        }
        if self.count > first {
            self.blocks.push((first, task));
        }
        let calls = &mut self.tasks[task.0 as usize];
        calls.bindings = bindings;
        calls.first = first;
        calls.first_node = first_node;
        calls.is_expanded = true;
    }

    /// The node at which a task's calls are found, if that is while the run goes on.
    pub fn expansion_of(&self, task: TaskId) -> Option<NodeIndex> {
        self.tasks[task.0 as usize].expansion
    }

    /// Whether calls were found while the run went on.
    pub fn has_grown(&self) -> bool {
        self.tasks.iter().any(|task| task.expansion.is_some() && task.is_expanded)
    }

    /// Whether the task's calls are not known yet.
    pub fn is_unexpanded(&self, task: TaskId) -> bool {
        !self.tasks[task.0 as usize].is_expanded
    }

    /// What can be known of a reader before it runs.
    pub fn before(&self, reader: Reader) -> Before<'_> {
        let (task, row) = match reader {
            Reader::Call(call) => (Some(self.task(call).name.as_str()), Some(self.row(call))),
            Reader::Expansion(task) => (Some(self.manifest.tasks[task.0 as usize].name.as_str()), None),
            Reader::Sync(_) => (None, None),
        };
        Before { world: &self.world, task, row, views: &[] }
    }

    pub fn call_count(&self) -> usize {
        self.count as usize
    }

    /// How many of its nodes could run at a time, of so many: fewer where there are fewer and none can be added.
    pub fn most_at_a_time(&self, jobs: usize) -> usize {
        let grows = self.task_ids().any(|task| self.is_unexpanded(task));
        let most = if grows { usize::MAX } else { self.call_count() + self.sync_nodes.len() };
        jobs.min(most).max(1)
    }

    /// All calls, by task and key.
    pub fn calls(&self) -> impl Iterator<Item = CallId> + use<> {
        (0..self.count).map(CallId)
    }

    /// The calls of one task, in key order.
    pub fn calls_of(&self, task: TaskId) -> impl Iterator<Item = CallId> + use<> {
        self.range_of(task).map(CallId)
    }

    fn range_of(&self, task: TaskId) -> Range<u32> {
        let calls = &self.tasks[task.0 as usize];
        calls.first..calls.first + calls.bindings.len() as u32
    }

    pub fn task_ids(&self) -> impl Iterator<Item = TaskId> + use<> {
        (0..self.tasks.len() as u32).map(TaskId)
    }

    pub fn task_of(&self, call: CallId) -> TaskId {
        let after = self.blocks.partition_point(|(first, _)| *first <= call.0);
        self.blocks[after.saturating_sub(1)].1
    }

    /// The call's block, and its place there.
    fn site(&self, call: CallId) -> (&TaskCalls, u32) {
        let calls = &self.tasks[self.task_of(call).0 as usize];
        (calls, call.0 - calls.first)
    }

    pub fn task(&self, call: CallId) -> &Task {
        &self.manifest.tasks[self.task_of(call).0 as usize]
    }

    pub fn sync(&self, sync: SyncId) -> &Sync {
        &self.manifest.syncs[sync.0 as usize]
    }

    pub fn node_of(&self, call: CallId) -> NodeIndex {
        let (calls, row) = self.site(call);
        NodeIndex::new((calls.first_node + row) as usize)
    }

    /// The values of the call's variables.
    pub fn row(&self, call: CallId) -> Row<'_> {
        let (calls, row) = self.site(call);
        calls.bindings.row(row as usize)
    }

    /// The call's key as JSON values: texts, numbers and booleans.
    pub fn key(&self, call: CallId) -> Vec<Value> {
        self.row(call).key()
    }

    pub fn address(&self, call: CallId) -> CallAddress {
        CallAddress { task: self.task(call).name.clone(), key: self.row(call).key_texts().collect() }
    }

    /// The call's address as it is written.
    pub fn address_text(&self, call: CallId) -> Text {
        address_text(&self.task(call).name, self.row(call).key_texts())
    }

    /// The call that stands at a node, if one does.
    pub fn call_at(&self, node: NodeIndex) -> Option<CallId> {
        match self.graph[node] {
            Node::Call(call) => Some(call),
            Node::Join(_) | Node::Sync(_) | Node::Expansion(_) => None,
        }
    }

    /// What a node is called in messages.
    pub fn node_name(&self, node: NodeIndex) -> Text {
        match self.graph[node] {
            Node::Call(call) => self.address_text(call),
            Node::Sync(sync) => format!("sync.{}", self.sync(sync).name).into(),
            Node::Expansion(task) => self.manifest.tasks[task.0 as usize].name.as_str().into(),
            Node::Join(join) => self.joins[join.0 as usize].gathers.describe(self).into(),
        }
    }

    /// The call's position in call order. Calls that were found while the run goes on and wait for each other have none: they
    /// come last, and never run.
    pub fn order_of(&self, call: CallId) -> u32 {
        let (calls, row) = self.site(call);
        match &calls.positions {
            Positions::From(first) => first + row,
            Positions::Each(positions) => positions.get(row as usize).copied().unwrap_or(u32::MAX),
        }
    }

    /// The position in call order of a task's first call, or where that would stand.
    pub fn order_of_task(&self, task: TaskId) -> u32 {
        self.tasks[task.0 as usize].position
    }
}

impl Gather {
    fn describe(&self, plan: &Plan) -> String {
        match self {
            Gather::Place(path) => format!("join of {path}"),
            Gather::Task(task) => format!("join of {}", plan.manifest.tasks[task.0 as usize].name),
            Gather::Tag(tag) => format!("join of tag:{tag}"),
            Gather::Tasks(glob, _) => format!("join of {glob}"),
            Gather::Calls(patterns) => {
                let name = |task: &TaskId| &plan.manifest.tasks[task.0 as usize].name;
                let addresses = patterns.iter().map(|(task, key)| format!("{}[{key}]", name(task)));
                format!("join of {}", addresses.collect::<Vec<_>>().join(", "))
            }
            Gather::Call(address) => format!("join of {address}"),
        }
    }
}

/// Two lists in id order as one, each call once.
fn merged(one: Vec<CallId>, other: Vec<CallId>) -> Vec<CallId> {
    if one.is_empty() || other.is_empty() {
        return if one.is_empty() { other } else { one };
    }
    let mut both = [one, other].concat();
    both.sort_unstable();
    both.dedup();
    both
}

/// The part of a path before its first key that is not the same for every call.
pub fn constant_part(segments: &[Segment]) -> &[Segment] {
    let end = segments.iter().position(|segment| !matches!(segment, Segment::Key(_)));
    &segments[..end.unwrap_or(segments.len())]
}
