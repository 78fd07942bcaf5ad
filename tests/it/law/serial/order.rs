//! Call order, as the contract's words define it.

use super::super::model::{After, Manifest, Place, Step, Task};
use super::Unfit;
use super::calls::{Calls, closure};

/// All calls in call order.
pub fn call_order(model: &Manifest, calls: &Calls) -> Result<Vec<usize>, Unfit> {
    let reach = closure(&task_graph(model));
    let mut left: Vec<usize> = (0..model.tasks.len()).collect();
    let mut order = Vec::new();
    while let Some(&first) = left.iter().find(|&&task| {
        // the group is ready if nothing that is left feeds it, but for itself
        let group = |other: usize| other == task || reach[task][other] && reach[other][task];
        left.iter().all(|&other| !reach[task][other] || group(other))
    }) {
        let group: Vec<usize> = left
            .iter()
            .copied()
            .filter(|&other| other == first || reach[first][other] && reach[other][first])
            .collect();
        left.retain(|task| !group.contains(task));
        order_group(calls, &group, &mut order)?;
    }
    Ok(order)
}

/// For each task those that feed it, by the text alone: which keys there are does not matter, so that the order of two
/// tasks does not hang on the data.
pub fn task_graph(model: &Manifest) -> Vec<Vec<usize>> {
    let tasks = &model.tasks;
    let named = |name: &str| tasks.iter().position(|task| task.name == name);
    let afters = |task: &Task| task.after.iter().map(After::name).filter_map(named).collect::<Vec<_>>();
    let mut graph: Vec<Vec<usize>> = tasks.iter().map(afters).collect();
    let comes_after = closure(&graph);
    for (reader, task) in tasks.iter().enumerate() {
        let feeds = |other: &usize| !comes_after[*other][reader] && may_feed(&tasks[*other], task);
        graph[reader].extend((0..tasks.len()).filter(feeds));
    }
    graph
}

fn may_feed(writer: &Task, reader: &Task) -> bool {
    let fills = writer.fills();
    let fills_it = |read: &Place| fills.iter().any(|(fill, _)| may_overlap(read, fill));
    reader.places_read().iter().any(|(read, _)| fills_it(read)) || feeds_expansion(writer, reader)
}

/// Whether the reader's variables go over what the writer may fill.
pub fn feeds_expansion(writer: &Task, reader: &Task) -> bool {
    let fills = writer.fills();
    reader.places_expanded().iter().any(|read| fills.iter().any(|(fill, _)| may_overlap(read, fill)))
}

fn may_overlap(a: &Place, b: &Place) -> bool {
    let key = |step: &Step| match step {
        Step::Field(name) => Some(name.clone()),
        Step::Constant(value) => Some(value.to_text()),
        _ => None,
    };
    let mut steps = a.steps.iter().zip(&b.steps).map(|(a, b)| (key(a), key(b)));
    a.document == b.document && steps.all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

/// Repeatedly the least call, by place of its task and key order, of those whose reads are done. For a task that
/// reads nothing of its own, that is key order.
fn order_group(calls: &Calls, group: &[usize], order: &mut Vec<usize>) -> Result<(), Unfit> {
    let mut left: Vec<usize> =
        (0..calls.all.len()).filter(|&at| group.contains(&calls.all[at].task)).collect();
    while !left.is_empty() {
        let ready = left.iter().position(|&at| calls.needs[at].iter().all(|need| order.contains(need)));
        order.push(left.remove(ready.ok_or(Unfit("a cycle"))?));
    }
    Ok(())
}
