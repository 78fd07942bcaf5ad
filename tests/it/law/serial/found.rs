//! What the variables see that go over what tasks fill: for each such task, the serial program is run as far as the
//! tasks go that feed its `for`.

use super::super::json::Seg;
use super::super::model::{Found, Manifest};
use super::calls::{self, Calls, closure};
use super::{Outcome, Unfit, made, order};

/// The model with all of its calls known.
pub fn resolve(model: &Manifest) -> Result<Manifest, Unfit> {
    let mut model = model.clone();
    model.tasks.iter_mut().for_each(|task| task.found = None);
    let reach = closure(&order::task_graph(&model));
    let feeders: Vec<Vec<usize>> = (0..model.tasks.len()).map(|task| feeders(&model, &reach, task)).collect();
    let is_open = |task: &usize| !model.tasks[*task].places_expanded().is_empty();
    let mut left: Vec<usize> = (0..model.tasks.len()).filter(is_open).collect();
    while !left.is_empty() {
        let ready = left.iter().position(|&task| left.iter().all(|other| !feeders[task].contains(other)));
        let task = left.remove(ready.ok_or(Unfit("a `for` that feeds itself"))?);
        model.tasks[task].found = Some(found(&model, task, &feeders[task])?);
    }
    Ok(model)
}

/// All tasks that the task's `for` needs, directly or through others.
fn feeders(model: &Manifest, reach: &[Vec<bool>], task: usize) -> Vec<usize> {
    let feeds = |&other: &usize| {
        reach[task][other] && order::feeds_expansion(&model.tasks[other], &model.tasks[task])
    };
    let direct: Vec<usize> = (0..model.tasks.len()).filter(feeds).collect();
    let needed = |other: &usize| direct.iter().any(|&feeder| feeder == *other || reach[feeder][*other]);
    (0..model.tasks.len()).filter(needed).collect()
}

fn found(model: &Manifest, task: usize, feeders: &[usize]) -> Result<Found, Unfit> {
    let tasks = feeders.iter().map(|&feeder| model.tasks[feeder].clone()).collect();
    let part = Manifest { data: model.data.clone(), tasks, keep_going: model.keep_going };
    let calls = Calls::expand(&part)?;
    let made = made(&part, &calls)?;
    let mut task = model.tasks[task].clone();
    let reads = calls::reads_of_expansion(&task);
    let is_read = |fill: &Vec<Seg>| reads.iter().any(|read| calls::may_overlap(read, fill));
    let fillers: Vec<usize> =
        (0..calls.all.len()).filter(|&call| calls.all[call].fills.iter().any(is_read)).collect();
    if fillers.iter().any(|&call| made.outcomes[call].is_some_and(Outcome::is_failure)) {
        return Ok(Found::Nothing);
    }
    // a task without calls leaves no hole: it was to fill nothing
    let is_hole =
        |&call: &usize| !calls.all[call].is_nothing && made.outcomes[call].is_some_and(Outcome::is_hole);
    let found = Found::Documents(made.store.clone());
    task.found = Some(found.clone());
    match calls::bindings(model, &task) {
        Some(_) => Ok(found),
        None if fillers.iter().any(is_hole) => Ok(Found::Nothing),
        None => Err(Unfit("nothing to go over")),
    }
}
