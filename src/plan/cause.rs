//! Why one node waits for another: the characters of the manifest that say so, and the words for it.

use petgraph::graph::NodeIndex;

use crate::diagnostic::Span;
use crate::manifest::{Sourced, Target};

use super::reads::{self, Read};
use super::{Gather, Node, Plan, Reader, places};

/// The characters that make `waiter` wait for the node, and how to say it: `reads ..., which is filled by`.
pub fn cause(plan: &Plan, waiter: NodeIndex, before: NodeIndex) -> (Span, String) {
    let none = &Vec::new();
    let (reader, reads, after, own) = match plan.graph[waiter] {
        Node::Call(call) => {
            let task = plan.task(call);
            (Reader::Call(call), reads::of_task(task), &task.after, task.span.clone())
        }
        Node::Sync(id) => {
            let sync = plan.sync(id);
            (Reader::Sync(id), reads::of_sync(sync), &sync.waits_for, sync.span.clone())
        }
        Node::Expansion(id) => {
            let task = &plan.manifest.tasks[id.0 as usize];
            (Reader::Expansion(id), reads::of_expansion(task), none, task.span.clone())
        }
        Node::Join(_) => return (0..0, "waits for".to_owned()),
    };
    if let Some((span, path)) = read_of(plan, &reads, reader, before) {
        return (span, format!("reads `{path}`, which is filled by"));
    }
    let named = after.iter().find(|target| names(plan, target, reader, before));
    match (named.or(after.first()), plan.graph[before]) {
        (None, Node::Sync(_)) => (own, "is held back by the check of".to_owned()),
        (None, _) => (own, "waits for".to_owned()),
        (Some(target), _) => (target.place.span.clone(), "comes after".to_owned()),
    }
}

/// The reference that the waiter is connected to the node by, and its place.
fn read_of(plan: &Plan, reads: &[Read<'_>], reader: Reader, before: NodeIndex) -> Option<(Span, String)> {
    reads.iter().find_map(|read| {
        let path = plan.read_place(read, reader)?;
        let wait = plan.node_of_wait(plan.waited_for(&path, reader));
        (wait == Some(before)).then(|| (read.span(), path.to_string()))
    })
}

/// Whether a target of `after` may be what leads to the node.
fn names(plan: &Plan, target: &Sourced<Target>, reader: Reader, before: NodeIndex) -> bool {
    let before = match (&target.value, plan.graph[before]) {
        (Target::Place(reference), _) => {
            let path = places::read_place(reference, &plan.before(reader));
            return path
                .is_some_and(|path| plan.node_of_wait(plan.waited_for(&path, reader)) == Some(before));
        }
        (Target::Sync(name), Node::Sync(sync)) => return plan.sync(sync).name == *name,
        (_, Node::Call(call)) => plan.task_of(call),
        (_, Node::Expansion(task)) => task,
        (_, Node::Sync(_)) => return false,
        (_, Node::Join(join)) => return gathers(plan, &target.value, &plan.joins[join.0 as usize].gathers),
    };
    let task = &plan.manifest.tasks[before.0 as usize];
    match &target.value {
        Target::Task(name) | Target::Call(name, _) => task.name == *name,
        Target::Tasks(_, known) => known.contains(&task.name),
        Target::Tag(tag) => task.tags.contains(tag),
        Target::Calls(patterns) => patterns.iter().any(|pattern| pattern.task == task.name),
        Target::Place(_) | Target::Sync(_) => false,
    }
}

fn gathers(plan: &Plan, target: &Target, gather: &Gather) -> bool {
    match (target, gather) {
        (Target::Task(name), Gather::Task(task)) => plan.manifest.tasks[task.0 as usize].name == *name,
        (Target::Tasks(glob, _), Gather::Tasks(known, _)) => **glob == **known,
        (Target::Tag(tag), Gather::Tag(known)) => **tag == **known,
        (Target::Call(name, _), Gather::Call(address)) => address.task == *name,
        (Target::Calls(patterns), Gather::Calls(known)) => {
            let name = |task: &super::TaskId| &plan.manifest.tasks[task.0 as usize].name;
            patterns.iter().any(|pattern| known.iter().any(|(task, _)| pattern.task == *name(task)))
        }
        _ => false,
    }
}
