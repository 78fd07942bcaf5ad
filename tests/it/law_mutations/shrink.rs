//! What can be left out of a program: tasks, operations and all that is not needed.

use super::model::{Fails, Program, Task, What};

/// Programs that leave one thing out; not all of them are sound.
pub fn smaller(program: &Program) -> Vec<Program> {
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
