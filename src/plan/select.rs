//! Addresses: how a user names calls. `process`, `process[0,3]`, `process[lat=0]`, globs of them, `tag:slow`,
//! `results[0][3]` for the calls that fill a place; and the part of the plan that some calls need.

use indexmap::IndexSet;
use petgraph::Direction::Incoming;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::diagnostic::nearest;
use crate::path::Path;
use crate::value::Text;

use super::address::{Part, matcher, split_call, split_key};
use super::{CallId, Node, Plan, TaskId};

/// The calls that an address names as far as they are known, in id order, and the tasks whose calls it may name and
/// that are not expanded yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub calls: Vec<CallId>,
    pub unexpanded: Vec<TaskId>,
}

/// What an address names; or why it names nothing.
pub fn named(plan: &Plan, address: &str) -> Result<Named, String> {
    let found = if let Some(tag) = address.strip_prefix("tag:") {
        let tag = matcher(tag)?;
        tasks_whole(plan, |task| {
            plan.manifest.tasks[task.0 as usize].tags.iter().any(|one| tag.is_match(one))
        })
    } else if is_open(address) {
        return Err(format!("`{address}` is no address: a `[` has no `]`"));
    } else if let Some(head) = address.strip_suffix("[]")
        && !tasks_named(plan, head)?.is_empty()
    {
        return Err(format!("`{address}` names no call: an empty key is written `{head}[\"\"]`"));
    } else if let Some((head, key)) = split_call(address) {
        match tasks_named(plan, head)? {
            tasks if tasks.is_empty() => fillers(plan, address),
            tasks => keyed(plan, &tasks, key, address)?,
        }
    } else {
        match tasks_named(plan, address)? {
            tasks if tasks.is_empty() => fillers(plan, address),
            tasks => tasks_whole(plan, |task| tasks.contains(&task)),
        }
    };
    if found == Named::default() { Err(unknown(plan, address)) } else { Ok(found) }
}

/// Whether a bracket is not closed, of those outside of quoted parts.
fn is_open(address: &str) -> bool {
    let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
    for c in address.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => depth += 1,
            ']' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}

/// The sync points that wait for nothing but what these nodes are or wait for: a part of a run of those.
pub fn reached_syncs(plan: &Plan, nodes: &[NodeIndex]) -> Vec<NodeIndex> {
    let needed = closure(plan, nodes.to_vec());
    let is_reached = |sync: &NodeIndex| {
        let mut before = plan.graph.neighbors_directed(*sync, Incoming).peekable();
        before.peek().is_some() && before.all(|node| needed.contains(&node))
    };
    plan.sync_nodes.iter().copied().filter(is_reached).collect()
}

/// Every node that has ended before this one starts; not itself.
pub fn before(plan: &Plan, node: NodeIndex) -> FxHashSet<NodeIndex> {
    let mut before = closure(plan, vec![node]);
    before.remove(&node);
    before
}

/// These nodes and all that they wait for.
pub fn closure(plan: &Plan, mut open: Vec<NodeIndex>) -> FxHashSet<NodeIndex> {
    let mut found: FxHashSet<NodeIndex> = open.iter().copied().collect();
    while let Some(node) = open.pop() {
        open.extend(plan.graph.neighbors_directed(node, Incoming).filter(|&before| found.insert(before)));
    }
    found
}

/// What finalizers add to a run of some nodes, in the order of nodes: those that wait for one of these, and those that come
/// last, with the joins by which they wait. What else they would wait for stays out.
pub fn finalizers_after(plan: &Plan, is_in: impl Fn(NodeIndex) -> bool) -> Vec<NodeIndex> {
    let mut added: IndexSet<NodeIndex> = IndexSet::new();
    for node in plan.graph.node_indices().filter(|&node| plan.is_finalizer(node) && !is_in(node)) {
        let before: Vec<NodeIndex> = plan.graph.neighbors_directed(node, Incoming).collect();
        let is_join = |node: &NodeIndex| matches!(plan.graph[*node], Node::Join(_));
        let joins: Vec<NodeIndex> = before.iter().copied().filter(is_join).collect();
        let behind = joins.iter().flat_map(|&join| plan.graph.neighbors_directed(join, Incoming));
        let follows = before.iter().copied().chain(behind).any(|node| is_in(node) || added.contains(&node));
        if follows || plan.is_last(node) {
            added.extend(joins.into_iter().filter(|&join| !is_in(join)).chain([node]));
        }
    }
    added.into_iter().collect()
}

fn tasks_named(plan: &Plan, pattern: &str) -> Result<FxHashSet<TaskId>, String> {
    let glob = matcher(pattern)?;
    let named = |task: &TaskId| {
        let name = plan.manifest.tasks[task.0 as usize].name.as_str();
        name == pattern || glob.is_match(name)
    };
    Ok(plan.task_ids().filter(named).collect())
}

fn tasks_whole(plan: &Plan, wanted: impl Fn(TaskId) -> bool) -> Named {
    let tasks: Vec<TaskId> = plan.task_ids().filter(|&task| wanted(task)).collect();
    Named {
        calls: tasks.iter().flat_map(|&task| plan.calls_of(task)).collect(),
        unexpanded: tasks.into_iter().filter(|&task| plan.is_unexpanded(task)).collect(),
    }
}

fn fillers(plan: &Plan, address: &str) -> Named {
    let Ok(path) = address.parse::<Path>() else { return Named::default() };
    Named { calls: plan.changers_of(&path), unexpanded: plan.unexpanded_changers(&path) }
}

fn keyed(plan: &Plan, tasks: &FxHashSet<TaskId>, key: &str, address: &str) -> Result<Named, String> {
    let parts =
        split_key(key).ok_or_else(|| format!("`{address}` is no address: a text in `\"` does not end"))?;
    let mut found = Named::default();
    for &task in tasks {
        found.unexpanded.extend(plan.is_unexpanded(task).then_some(task));
        for call in plan.calls_of(task) {
            if matches_key(plan, call, &parts)? {
                found.calls.push(call);
            }
        }
    }
    found.calls.sort_unstable();
    found.unexpanded.sort_unstable();
    // `results[0][3]` and `results[0]` name places too, where the document has the task's name
    if found == Named::default() { Ok(fillers(plan, address)) } else { Ok(found) }
}

fn matches_key(plan: &Plan, call: CallId, parts: &[Part]) -> Result<bool, String> {
    let key: Vec<Text> = plan.address(call).key;
    let named = parts.iter().all(|part| part.name.is_some());
    if !named && parts.len() != key.len() {
        return Ok(false);
    }
    for (index, part) in parts.iter().enumerate() {
        let text = match &part.name {
            Some(name) => plan.row(call).get(name).map(|value| value.to_text().into()),
            None => key.get(index).cloned(),
        };
        if !text.map_or(Ok(false), |text: Text| part.matches(&text))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unknown(plan: &Plan, address: &str) -> String {
    let head = address.split(['[', '.']).next().unwrap_or(address);
    let tasks = plan.manifest.tasks.iter().map(|task| task.name.as_str());
    let has_task = plan.manifest.tasks.iter().any(|task| task.name.as_str() == head);
    let tail = match nearest(head, tasks) {
        Some(near) if !has_task => format!("; did you mean `{near}`?"),
        _ if has_task => format!("; `deco plan` lists the calls of `{head}`"),
        _ => "; `deco list` shows the tasks".to_owned(),
    };
    format!("`{address}` names no call{tail}")
}
