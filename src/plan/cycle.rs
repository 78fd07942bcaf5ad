//! A plan in which calls wait for each other cannot run: finds one circle and tells it step by step, each with the
//! line that causes it.

use std::collections::VecDeque;

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::Diagnostic;

use super::cause::cause;
use super::{Node, Plan};

/// Errors if some calls wait for each other.
pub fn check(plan: &Plan) -> Result<(), Vec<Diagnostic>> {
    let stuck = stuck_nodes(plan);
    match stuck.iter().copied().min() {
        None => Ok(()),
        Some(start) => Err(vec![describe(plan, &circle(plan, &stuck, start))]),
    }
}

/// The nodes that no order can reach: those of circles, and what waits for them.
fn stuck_nodes(plan: &Plan) -> FxHashSet<NodeIndex> {
    let graph = &plan.graph;
    if graph.edge_count() == 0 {
        return FxHashSet::default();
    }
    let mut waiting: Vec<u32> =
        graph.node_indices().map(|node| graph.neighbors_directed(node, Incoming).count() as u32).collect();
    let mut open: Vec<NodeIndex> = graph.node_indices().filter(|node| waiting[node.index()] == 0).collect();
    while let Some(node) = open.pop() {
        for next in graph.neighbors_directed(node, Outgoing) {
            waiting[next.index()] -= 1;
            if waiting[next.index()] == 0 {
                open.push(next);
            }
        }
    }
    graph.node_indices().filter(|node| waiting[node.index()] > 0).collect()
}

/// A shortest circle through some stuck node: each node waits for the next, and the last for the first.
fn circle(plan: &Plan, stuck: &FxHashSet<NodeIndex>, start: NodeIndex) -> Vec<NodeIndex> {
    // every stuck node waits for a stuck node, so that following them leads into a circle
    let mut on_the_way = FxHashSet::default();
    let mut node = start;
    while on_the_way.insert(node) {
        node = before(plan, node).filter(|before| stuck.contains(before)).min().unwrap_or(node);
    }
    shortest_back(plan, stuck, node)
}

fn shortest_back(plan: &Plan, stuck: &FxHashSet<NodeIndex>, start: NodeIndex) -> Vec<NodeIndex> {
    let mut came_from: FxHashMap<NodeIndex, NodeIndex> = FxHashMap::default();
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for next in before(plan, node).filter(|next| stuck.contains(next)) {
            if next == start {
                let mut way = vec![node];
                while let Some(&previous) = came_from.get(way.last().unwrap_or(&start)) {
                    way.push(previous);
                }
                way.reverse();
                return way;
            }
            if next != start && !came_from.contains_key(&next) {
                came_from.insert(next, node);
                open.push_back(next);
            }
        }
    }
    vec![start]
}

fn before(plan: &Plan, node: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
    plan.graph.neighbors_directed(node, Incoming)
}

fn describe(plan: &Plan, circle: &[NodeIndex]) -> Diagnostic {
    let is_join = |node: &NodeIndex| matches!(plan.graph[*node], Node::Join(_));
    let first = circle.iter().position(|node| !is_join(node)).unwrap_or(0);
    let turned: Vec<NodeIndex> = circle[first..].iter().chain(&circle[..first]).copied().collect();
    let mut steps: Vec<(NodeIndex, NodeIndex, NodeIndex)> = Vec::new();
    for (index, &node) in turned.iter().enumerate().filter(|(_, node)| !is_join(node)) {
        let through = turned[(index + 1) % turned.len()];
        let next = turned[index + 1..].iter().chain(&turned).find(|node| !is_join(node)).copied();
        steps.push((node, through, next.unwrap_or(node)));
    }
    let error = match &steps[..] {
        [(node, ..)] => Diagnostic::error(format!("`{}` waits for itself", plan.node_name(*node)))
            .help("to read what other calls of the task fill, name them by key, as in `state[step - 1]`"),
        _ => {
            let names: Vec<String> =
                steps.iter().map(|(node, ..)| format!("`{}`", plan.node_name(*node))).collect();
            Diagnostic::error(format!("calls wait for each other: {} → {}", names.join(" → "), names[0]))
        }
    };
    steps.into_iter().fold(error, |error, (node, through, next)| {
        let (span, why) = cause(plan, node, through);
        error.at(span, format!("`{}` {why} `{}`", plan.node_name(node), plan.node_name(next)))
    })
}
