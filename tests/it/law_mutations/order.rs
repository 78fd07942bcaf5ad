//! Call order among tasks, as the contract's words define it, for programs in which no two tasks feed each other.

use super::model::{After, Place, Program, Task};
use super::serial::Unfit;

/// The tasks in the order in which their calls come.
pub fn task_order(program: &Program) -> Result<Vec<usize>, Unfit> {
    if waits_for_itself(program) {
        return Err(Unfit("a task whose calls wait for what comes after them"));
    }
    let feeds = graph(program);
    let mut left: Vec<usize> = (0..program.tasks.len()).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let is_ready = |task: &usize| left.iter().all(|other| other == task || !feeds[*task].contains(other));
        let at = left.iter().position(is_ready).ok_or(Unfit("tasks that feed each other"))?;
        order.push(left.remove(at));
    }
    Ok(order)
}

/// Whether the calls of some task are found in what it changes itself, or what comes after it.
fn waits_for_itself(program: &Program) -> bool {
    let tasks = &program.tasks;
    let named = |after: &After| tasks.iter().position(|task| task.name == after.name());
    let after: Vec<Vec<usize>> =
        tasks.iter().map(|task| task.after.iter().filter_map(named).collect()).collect();
    let comes_after = closure(&after);
    (0..tasks.len()).any(|at| {
        let later = (0..tasks.len()).filter(|&other| other == at || comes_after[other][at]);
        let mut changed = later.flat_map(|other| tasks[other].changes());
        changed.any(|change| tasks[at].expanded().any(|place| place.may_overlap(change)))
    })
}

/// For each task those that feed it: what fills or mutates what it reads, fills what it mutates, or comes before by `after`.
/// Tasks that mutate one document do not feed each other: which comes first is what this order tells.
fn graph(program: &Program) -> Vec<Vec<usize>> {
    let tasks = &program.tasks;
    let named = |after: &After| tasks.iter().position(|task| task.name == after.name());
    let mut graph: Vec<Vec<usize>> =
        tasks.iter().map(|task| task.after.iter().filter_map(named).collect()).collect();
    let comes_after = closure(&graph);
    for (at, task) in tasks.iter().enumerate() {
        let before = |other: &usize| !comes_after[*other][at] && feeds(&tasks[*other], task);
        let more: Vec<usize> = (0..tasks.len()).filter(|other| *other != at).filter(before).collect();
        graph[at].extend(more);
    }
    graph
}

fn feeds(one: &Task, other: &Task) -> bool {
    let fills = |place: &Place| one.fills.iter().any(|fill| fill.may_overlap(place));
    let changes = |place: &Place| one.changes().any(|change| change.may_overlap(place));
    let is_own = |place: &Place| other.mutates_document(&place.document);
    other.expanded().any(changes)
        || other.mutates.iter().any(fills)
        || other.reads().any(|place| if is_own(place) { fills(place) } else { changes(place) })
}

/// From edges, everything that can be reached.
pub fn closure(edges: &[Vec<usize>]) -> Vec<Vec<bool>> {
    let mut reach = vec![vec![false; edges.len()]; edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        targets.iter().for_each(|&to| reach[from][to] = true);
    }
    for through in 0..edges.len() {
        for from in 0..edges.len() {
            if reach[from][through] {
                let further = reach[through].clone();
                reach[from].iter_mut().zip(further).for_each(|(to, further)| *to |= further);
            }
        }
    }
    reach
}
