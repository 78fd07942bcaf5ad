//! What can be left out of a model: tasks, reads, `after`s.

use super::model::{Fills, Manifest};

/// Models that leave one thing out; not all of them are sound.
pub fn smaller(model: &Manifest) -> Vec<Manifest> {
    let mut smaller = Vec::new();
    for at in 0..model.tasks.len() {
        let mut without = model.clone();
        let name = without.tasks.remove(at).name;
        let is_named = without.tasks.iter().flat_map(|task| &task.after).any(|after| after.name() == name);
        if !is_named && !without.tasks.is_empty() {
            smaller.push(without);
        }
    }
    for (at, task) in model.tasks.iter().enumerate() {
        let mut edit = |change: &dyn Fn(&mut super::model::Task)| {
            let mut without = model.clone();
            change(&mut without.tasks[at]);
            smaller.push(without);
        };
        (0..task.reads.len()).for_each(|read| edit(&|task| drop(task.reads.remove(read))));
        (0..task.after.len()).for_each(|after| edit(&|task| drop(task.after.remove(after))));
        (0..task.include.len()).for_each(|at| edit(&|task| drop(task.include.remove(at))));
        (0..task.exclude.len()).for_each(|at| edit(&|task| drop(task.exclude.remove(at))));
        if let Fills::Table(entries) = &task.fills {
            let entries = if entries.len() > 1 { entries.len() } else { 0 };
            (0..entries).for_each(|entry| edit(&|task| remove_entry(&mut task.fills, entry)));
        }
    }
    for at in 0..model.data.len() {
        let mut without = model.clone();
        without.data.remove(at);
        smaller.push(without);
    }
    smaller
}

fn remove_entry(fills: &mut Fills, entry: usize) {
    if let Fills::Table(entries) = fills {
        entries.remove(entry);
    }
}
