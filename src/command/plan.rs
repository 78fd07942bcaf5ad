//! `deco plan` and `deco run -n`: what would run, and what waits for what.

use std::fmt::Write;

use petgraph::Direction::Incoming;
use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::cli::PlanArgs;
use crate::plan::{CallId, Node, Plan, TaskId, select};
use crate::run::wanted_nodes;

use super::{Exit, open, print};

/// Calls of a task that are shown by name before the rest is counted.
const SHOWN: usize = 3;

pub fn run(args: &PlanArgs) -> Exit {
    let opened = match open::plan(&args.manifest) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    match super::run::known_addresses(&args.selection.task, &opened.plan) {
        Ok(()) => show(&opened.plan, super::run::wanted(&args.selection), args.verbose),
        Err(exit) => exit,
    }
}

/// Prints the plan, or of it the wanted calls, what they need, and the finalizers that run after them.
pub fn show(plan: &Plan, wanted: Option<&[String]>, verbose: bool) -> Exit {
    let needed = wanted.map(|_| {
        let mut needed = select::closure(plan, wanted_nodes(plan, wanted));
        let finalizers = select::finalizers_after(plan, |node| needed.contains(&node));
        needed.extend(finalizers);
        needed
    });
    let is_needed = |node: NodeIndex| needed.as_ref().is_none_or(|needed| needed.contains(&node));
    let mut text = String::new();
    let mut tasks: Vec<TaskId> = plan.task_ids().collect();
    tasks.sort_by_key(|&task| (plan.order_of_task(task), task));
    let mut count = 0;
    for task in tasks {
        let calls: Vec<CallId> = plan.calls_of(task).filter(|&call| is_needed(plan.node_of(call))).collect();
        count += calls.len();
        if let Some(expansion) = plan.expansion_of(task).filter(|&node| is_needed(node)) {
            line(
                &mut text,
                &format!("{} (calls known later)", plan.node_name(expansion)),
                &names_before(plan, expansion),
            );
            continue;
        }
        if calls.is_empty() && wanted.is_some() {
            continue;
        }
        if verbose {
            calls.iter().for_each(|&call| line(&mut text, &plan.address_text(call), &waits(plan, &[call])));
        } else {
            line(&mut text, &summary(plan, task, &calls), &waits(plan, &calls));
        }
    }
    for (index, &node) in plan.sync_nodes.iter().enumerate().filter(|(_, node)| is_needed(**node)) {
        line(&mut text, &format!("sync.{}", plan.manifest.syncs[index].name), &names_before(plan, node));
    }
    let joins = plan.joins.iter().filter(|join| is_needed(join.node)).count();
    let _ = writeln!(text, "{}, {}", counted(count, "call"), counted(joins, "join"));
    print(text.as_bytes())
}

fn line(text: &mut String, name: &str, waits: &[String]) {
    let _ = match waits {
        [] => writeln!(text, "{name}"),
        _ => writeln!(text, "{name}  ← {}", waits.join(", ")),
    };
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn summary(plan: &Plan, task: TaskId, calls: &[CallId]) -> String {
    let name = &plan.manifest.tasks[task.0 as usize].name;
    match calls {
        [] => format!("{name} (no call)"),
        [only] => plan.address_text(*only).into(),
        _ => {
            let shown: Vec<String> =
                calls.iter().take(SHOWN).map(|&call| plan.address_text(call).into()).collect();
            let more = if calls.len() > SHOWN { ", …" } else { "" };
            format!("{} ({}{more})", counted(calls.len(), &format!("{name} call")), shown.join(", "))
        }
    }
}

/// What calls of one task wait for, in words: each thing once, the first few by name.
fn waits(plan: &Plan, calls: &[CallId]) -> Vec<String> {
    let mut nodes = FxHashSet::default();
    let mut names = indexmap::IndexSet::new();
    for &call in calls {
        let fresh = nodes_before(plan, plan.node_of(call)).into_iter().filter(|node| nodes.insert(*node));
        names.extend(fresh.map(|node| name_of(plan, node)));
        if names.len() > SHOWN {
            break;
        }
    }
    let more = names.len() > SHOWN;
    names.into_iter().take(SHOWN).chain(more.then(|| "…".to_owned())).collect()
}

fn names_before(plan: &Plan, node: NodeIndex) -> Vec<String> {
    nodes_before(plan, node).into_iter().map(|before| name_of(plan, before)).collect()
}

fn nodes_before(plan: &Plan, node: NodeIndex) -> Vec<NodeIndex> {
    let mut before: Vec<NodeIndex> = plan.graph.neighbors_directed(node, Incoming).collect();
    before.sort_unstable();
    before
}

fn name_of(plan: &Plan, node: NodeIndex) -> String {
    match plan.graph[node] {
        Node::Join(_) => {
            let gathered = plan.graph.neighbors_directed(node, Incoming).count();
            format!("{} ({})", plan.node_name(node), counted(gathered, "call"))
        }
        Node::Expansion(_) => format!("{} (calls known later)", plan.node_name(node)),
        Node::Call(_) | Node::Sync(_) => plan.node_name(node).into(),
    }
}
