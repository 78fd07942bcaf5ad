//! The shape of a plan, for reports and drawings: each edge is looked at once.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;

use crate::event::shape::{EdgeShape, JoinShape, Shape, TaskShape};
use crate::value::excerpt;

use super::{Node, Plan, TaskId};

/// So many characters are shown of what a task runs.
const LONGEST: usize = 1000;

/// A task by its place in the manifest, or behind those a sync point.
type End = u32;

/// The joins between the same ends.
struct Folded {
    first: NodeIndex,
    joins: usize,
    calls: usize,
}

/// The shape of those nodes that are wanted.
pub fn of(plan: &Plan, is_wanted: impl Fn(NodeIndex) -> bool) -> Shape {
    let mut joins: IndexMap<(BTreeSet<End>, BTreeSet<End>), Folded> = IndexMap::new();
    let mut edges: IndexMap<(End, End), usize> = IndexMap::new();
    let mut known = BTreeSet::new();
    for node in plan.graph.node_indices().filter(|&node| is_wanted(node)) {
        let Some(to) = end(plan, node) else {
            let (gathered, calls) = ends(plan, plan.graph.neighbors_directed(node, Incoming), &is_wanted);
            let (fed, _) = ends(plan, plan.graph.neighbors_directed(node, Outgoing), &is_wanted);
            let new = Folded { first: node, joins: 0, calls: 0 };
            let folded = joins.entry((gathered, fed)).or_insert(new);
            folded.joins += 1;
            folded.calls += calls;
            continue;
        };
        known.insert(to);
        for from in plan.graph.neighbors_directed(node, Incoming).filter_map(|node| end(plan, node)) {
            *edges.entry((from, to)).or_default() += 1;
        }
    }
    let name = |end: End| name(plan, end);
    let names = |ends: BTreeSet<End>| ends.into_iter().map(name).collect();
    let joins = joins.into_iter().map(|((gathers, feeds), folded)| JoinShape {
        join: plan.node_name(folded.first).into(),
        joins: folded.joins,
        gathers: names(gathers),
        calls: folded.calls,
        feeds: names(feeds),
    });
    let edges =
        edges.into_iter().map(|((from, to), edges)| EdgeShape { from: name(from), to: name(to), edges });
    let tasks = plan.task_ids().filter(|task| known.contains(&task.0));
    Shape {
        tasks: tasks.map(|id| task(plan, id, &is_wanted)).collect(),
        joins: joins.collect(),
        edges: edges.collect(),
    }
}

fn task(plan: &Plan, id: TaskId, is_wanted: &impl Fn(NodeIndex) -> bool) -> TaskShape {
    let declared = &plan.manifest.tasks[id.0 as usize];
    let calls = || plan.calls_of(id).filter(|&call| is_wanted(plan.node_of(call))).count();
    let before = plan.manifest.source.text.get(..declared.span.start).unwrap_or_default();
    TaskShape {
        task: declared.name.to_string(),
        variables: match &declared.key {
            Some(parts) => parts.iter().map(|part| part.value.source().to_owned()).collect(),
            None => declared.variable_names().map(|name| name.to_string()).collect(),
        },
        description: declared.description.clone(),
        tags: declared.tags.clone(),
        runs: excerpt(&declared.run.text(), LONGEST),
        line: 1 + before.matches('\n').count(),
        calls: (!plan.is_unexpanded(id)).then(calls),
    }
}

/// The ends of nodes beside a join, and how many nodes there are.
fn ends(
    plan: &Plan,
    nodes: impl Iterator<Item = NodeIndex>,
    is_wanted: &impl Fn(NodeIndex) -> bool,
) -> (BTreeSet<End>, usize) {
    let (mut found, mut last, mut count) = (BTreeSet::new(), None, 0);
    for node in nodes.filter(|&node| is_wanted(node)) {
        count += usize::from(!matches!(plan.graph[node], Node::Expansion(_)));
        let end = end(plan, node);
        // most often the same task as before
        if end != last {
            found.extend(end);
            last = end;
        }
    }
    (found, count)
}

fn end(plan: &Plan, node: NodeIndex) -> Option<End> {
    match plan.graph[node] {
        Node::Call(call) => Some(plan.task_of(call).0),
        Node::Expansion(task) => Some(task.0),
        Node::Sync(sync) => Some(plan.tasks.len() as u32 + sync.0),
        Node::Join(_) => None,
    }
}

fn name(plan: &Plan, end: End) -> String {
    match plan.manifest.tasks.get(end as usize) {
        Some(task) => task.name.to_string(),
        None => plan.node_name(plan.sync_nodes[end as usize - plan.tasks.len()]).into(),
    }
}
