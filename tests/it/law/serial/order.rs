//! Call order, as the contract's words define it.

use super::super::model::Manifest;
use super::Unfit;
use super::calls::{Calls, closure};

/// All calls in call order.
pub fn call_order(model: &Manifest, calls: &Calls) -> Result<Vec<usize>, Unfit> {
    let tasks = task_graph(model.tasks.len(), calls);
    let reach = closure(&tasks);
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

/// For each task those whose calls its calls wait for.
fn task_graph(count: usize, calls: &Calls) -> Vec<Vec<usize>> {
    let mut graph = vec![Vec::new(); count];
    for (call, needs) in calls.all.iter().zip(&calls.needs) {
        graph[call.task].extend(needs.iter().map(|&need| calls.all[need].task));
    }
    graph
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
