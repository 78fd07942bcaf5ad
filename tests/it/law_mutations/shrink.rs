//! Makes a broken case small before it is shown: leaves out tasks, operations and all that is not needed, as long as it
//! stays broken.

use crate::law::Difference;

use super::generate::{self, Case};
use super::model::{Fails, Program, Task, What};

/// The last of ever smaller cases that still differ.
pub fn smallest(
    case: &Case,
    found: Difference,
    compare: impl Fn(&Case) -> Result<(), Difference>,
) -> Difference {
    let (mut case, mut found) = (case.clone(), found);
    // a smaller program may be wrong in a way of its own; such a difference would mislead
    let is_refused = |difference: &Difference| difference.0.contains("code Some(2)");
    let was_refused = is_refused(&found);
    while let Some((smaller, difference)) = smaller_programs(&case.program).into_iter().find_map(|program| {
        let answer = generate::fit(&program)?;
        let smaller = Case { seed: case.seed, program, answer };
        let difference = compare(&smaller).err()?;
        (is_refused(&difference) == was_refused).then_some((smaller, difference))
    }) {
        (case, found) = (smaller, difference);
    }
    found
}

fn smaller_programs(program: &Program) -> Vec<Program> {
    let mut smaller = Vec::new();
    for at in 0..program.tasks.len() {
        let mut without = program.clone();
        let name = without.tasks.remove(at).name;
        if without.tasks.iter().flat_map(|task| &task.after).all(|after| after.name() != name) {
            smaller.push(without);
        }
    }
    for (at, task) in program.tasks.iter().enumerate() {
        let mut edit = |change: &dyn Fn(&mut Task)| {
            let mut without = program.clone();
            change(&mut without.tasks[at]);
            smaller.push(without);
        };
        for op in 0..task.body.len() {
            let is_read = matches!(task.body[op].what, What::Get(_) | What::Template(_));
            if !is_read || is_unused(task, op) {
                edit(&|task| drop(task.body.remove(op)));
            }
        }
        (0..task.after.len()).for_each(|after| edit(&|task| drop(task.after.remove(after))));
        if task.fails != Fails::Never {
            edit(&|task| task.fails = Fails::Never);
        }
        if task.skips.is_some() {
            edit(&|task| task.skips = None);
        }
    }
    for at in 0..program.data.len() {
        let mut without = program.clone();
        without.data.remove(at);
        smaller.push(without);
    }
    for at in 0..program.rules.len() {
        let mut without = program.clone();
        without.rules.remove(at);
        smaller.push(without);
    }
    smaller
}

/// Whether it is the last read, and nothing is made of it.
fn is_unused(task: &Task, op: usize) -> bool {
    let rest = &task.body[op + 1..];
    let names_it = |text: String| text.contains("Register(") || text.contains("Plus(");
    rest.iter().all(|op| {
        let reads = matches!(op.what, What::Get(_) | What::Template(_));
        !reads && op.guard.is_none() && !names_it(format!("{:?}", op.what))
    })
}
