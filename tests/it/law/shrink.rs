//! Makes a broken case small before it is shown: leaves out tasks, reads and `after`s as long as it stays broken.

use super::Difference;
use super::generate::Case;
use super::model::{Fills, Manifest};
use super::serial;

/// The last of ever smaller cases that still differ.
pub fn smallest(
    case: &Case,
    found: Difference,
    compare: impl Fn(&Case) -> Result<(), Difference>,
) -> Difference {
    let (mut case, mut found) = (case.clone(), found);
    // a smaller model may be wrong in a way of its own; such a difference would mislead
    let is_refused = |difference: &Difference| difference.0.contains("code Some(2)");
    let was_refused = is_refused(&found);
    while let Some((smaller, difference)) = smaller_models(&case.model).into_iter().find_map(|model| {
        let model = serial::resolve(&model).ok()?;
        let answer = serial::run(&model).ok()?;
        let smaller = Case { seed: case.seed, model, answer };
        let difference = compare(&smaller).err()?;
        (is_refused(&difference) == was_refused).then_some((smaller, difference))
    }) {
        (case, found) = (smaller, difference);
    }
    found
}

fn smaller_models(model: &Manifest) -> Vec<Manifest> {
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
