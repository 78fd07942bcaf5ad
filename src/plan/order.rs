//! Call order: the order in which the serial program would make the calls. Results are applied in it, whatever
//! order the calls end in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::NodeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::tasks::{Member, TaskGraph};
use super::{CallId, Node, Plan, Positions, TaskId};

/// Numbers the calls in call order. The plan has no circle.
pub(super) fn assign(plan: &mut Plan) {
    let tasks = TaskGraph::of(&plan.manifest, &plan.world);
    let groups = groups(&tasks);
    let mut numbering = Numbering::new(plan, groups.iter().any(|group| group.entangled));
    groups.iter().for_each(|group| numbering.place(group));
    let placed = numbering.placed;
    for (calls, (positions, position)) in plan.tasks.iter_mut().zip(placed) {
        calls.positions = positions;
        calls.position = position;
    }
}

/// Tasks that feed each other, first by place, or one task alone.
pub(super) struct Group {
    pub tasks: Vec<TaskId>,
    /// Whether its calls wait for each other, so that key order alone does not do.
    pub entangled: bool,
}

/// The groups by Kahn's algorithm, always the ready one whose first task stands earliest in the manifest; finalizers that
/// wait for everything else once nothing else is ready.
pub(super) fn groups(tasks: &TaskGraph) -> Vec<Group> {
    let components = kosaraju_scc(&tasks.graph);
    let mut component_of: FxHashMap<NodeIndex, usize> = FxHashMap::default();
    for (index, nodes) in components.iter().enumerate() {
        component_of.extend(nodes.iter().map(|&node| (node, index)));
    }
    let feeders = |index: usize| -> FxHashSet<usize> {
        let all = components[index].iter().flat_map(|&node| tasks.graph.neighbors_directed(node, Incoming));
        all.map(|node| component_of[&node]).filter(|&from| from != index).collect()
    };
    let mut waiting: Vec<FxHashSet<usize>> = (0..components.len()).map(feeders).collect();
    // sync points stand for nothing in call order: a component without a task goes first
    let turn = |index: usize| {
        let first = components[index].iter().filter_map(|&node| task_at(tasks, node)).min();
        Reverse((first.is_some_and(|task| tasks.is_last(task)), first, index))
    };
    let mut ready: BinaryHeap<Reverse<(bool, Option<TaskId>, usize)>> = BinaryHeap::new();
    ready.extend((0..components.len()).filter(|&index| waiting[index].is_empty()).map(turn));
    let mut order = Vec::new();
    while let Some(Reverse((.., index))) = ready.pop() {
        order.push(index);
        for (other, feeders) in waiting.iter_mut().enumerate() {
            if feeders.remove(&index) && feeders.is_empty() {
                ready.push(turn(other));
            }
        }
    }
    order
        .into_iter()
        .map(|index| group(tasks, &components[index]))
        .filter(|group| !group.tasks.is_empty())
        .collect()
}

fn group(tasks: &TaskGraph, nodes: &[NodeIndex]) -> Group {
    let mut members: Vec<TaskId> = nodes.iter().filter_map(|&node| task_at(tasks, node)).collect();
    members.sort_unstable();
    let entangled = nodes.len() > 1 || nodes.iter().any(|&node| tasks.graph.contains_edge(node, node));
    Group { tasks: members, entangled }
}

fn task_at(tasks: &TaskGraph, node: NodeIndex) -> Option<TaskId> {
    match tasks.graph[node] {
        Member::Task(task) => Some(task),
        Member::Sync(_) => None,
    }
}

struct Numbering<'a> {
    plan: &'a Plan,
    /// For each task, the positions of its calls, and its own.
    placed: Vec<(Positions, u32)>,
    next: u32,
    /// For each node, how many nodes before it have no number yet. Empty where no group is entangled: nobody asks.
    waiting: Vec<u32>,
}

impl<'a> Numbering<'a> {
    fn new(plan: &'a Plan, entangled: bool) -> Numbering<'a> {
        let placed = vec![(Positions::From(0), 0); plan.tasks.len()];
        let mut this = Numbering { plan, placed, next: 0, waiting: Vec::new() };
        if entangled {
            this.wait();
        }
        this
    }

    fn wait(&mut self) {
        let graph = &self.plan.graph;
        let before = |node| graph.neighbors_directed(node, Incoming).count() as u32;
        self.waiting = graph.node_indices().map(before).collect();
        // sync points and expansions that wait for nothing; the list is made first, for releasing frees others
        let is_free =
            |node: &NodeIndex| !matches!(graph[*node], Node::Call(_)) && self.waiting[node.index()] == 0;
        let free: Vec<NodeIndex> = graph.node_indices().filter(is_free).collect();
        for node in free {
            self.release(node);
        }
    }

    fn place(&mut self, group: &Group) {
        for &task in &group.tasks {
            let calls = self.plan.range_of(task).len() as u32;
            let positions = match group.entangled {
                true => Positions::Each(vec![0; calls as usize]),
                false => Positions::From(self.next),
            };
            self.placed[task.0 as usize] = (positions, self.next);
            // a task without calls has a place of its own too
            self.next += u32::from(calls == 0);
            if !group.entangled {
                self.pass(task, calls);
            }
        }
        if group.entangled {
            self.disentangle(group);
        }
    }

    /// Leaves the numbers of a task's calls behind, in key order.
    fn pass(&mut self, task: TaskId, calls: u32) {
        self.next += calls;
        if !self.waiting.is_empty() {
            for call in self.plan.calls_of(task) {
                self.release(self.plan.node_of(call));
            }
        }
    }

    /// Numbers calls that wait for each other: always the least of those whose reads are done.
    fn disentangle(&mut self, group: &Group) {
        let calls = group.tasks.iter().flat_map(|&task| self.plan.calls_of(task));
        let is_ready = |call: &CallId| self.waiting[self.plan.node_of(*call).index()] == 0;
        // the ids of calls found while the run goes on tell when that was: their task goes first
        let by_place = |call: CallId| Reverse((self.plan.task_of(call), call));
        let mut ready: BinaryHeap<_> = calls.filter(is_ready).map(by_place).collect();
        let members: FxHashSet<TaskId> = group.tasks.iter().copied().collect();
        while let Some(Reverse((task, call))) = ready.pop() {
            let freed = self.number(task, call).into_iter();
            let freed = freed.map(|call| (self.plan.task_of(call), call));
            ready.extend(freed.filter(|(task, _)| members.contains(task)).map(Reverse));
        }
    }

    /// Gives the call the next number; returns the calls that now wait for nothing.
    fn number(&mut self, task: TaskId, call: CallId) -> Vec<CallId> {
        let row = call.0 - self.plan.range_of(task).start;
        if let (Positions::Each(positions), _) = &mut self.placed[task.0 as usize] {
            positions[row as usize] = self.next;
        }
        self.next += 1;
        self.release(self.plan.node_of(call))
    }

    fn release(&mut self, node: NodeIndex) -> Vec<CallId> {
        let mut freed = Vec::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            for next in self.plan.graph.neighbors_directed(node, Outgoing) {
                let waiting = &mut self.waiting[next.index()];
                *waiting -= 1;
                match self.plan.graph[next] {
                    _ if *waiting > 0 => {}
                    Node::Call(call) => freed.push(call),
                    Node::Join(_) | Node::Sync(_) | Node::Expansion(_) => open.push(next),
                }
            }
        }
        freed
    }
}
