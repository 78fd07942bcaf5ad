//! Every reference to a document that a task or a sync point makes, with its place in the manifest's text.

use crate::diagnostic::Span;
use crate::expr::{Expression, Reference, Step, Template};
use crate::manifest::{Amount, Argument, DefaultValue, Items, Place, Run, Sourced, Sync, Target, Task};

/// A reference and where it stands in the manifest.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    pub reference: &'a Reference,
    place: &'a Place,
    /// Whether `default` or `is defined` takes the case that nothing stands there, here or elsewhere in the same
    /// expression.
    pub guarded: bool,
    /// Whether it is a place that the task mutates: what the call may look at besides what its expressions name.
    pub mutated: bool,
}

impl Read<'_> {
    /// The reference's characters in the manifest's text.
    pub fn span(&self) -> Span {
        self.place.inner(self.reference.span.clone())
    }
}

/// What a call of the task reads.
pub fn of_task(task: &Task) -> Vec<Read<'_>> {
    let mut reads = Vec::new();
    match &task.run {
        Run::Shell { text, .. } | Run::Script { text, .. } => template(text, &mut reads),
        Run::Program { words, .. } => words.iter().for_each(|word| template(word, &mut reads)),
        Run::Function { .. } | Run::Worker { .. } => {
            let (arguments, templates) = task.run.sent();
            arguments.iter().for_each(|passed| argument(task, passed, &mut reads));
            templates.into_iter().for_each(|text| template(text, &mut reads));
        }
    }
    let texts =
        task.stdin.iter().chain(&task.dotenv).chain(&task.dir).chain(task.env.iter().map(|(_, text)| text));
    texts.for_each(|text| template(text, &mut reads));
    let default = task.default.iter().flat_map(DefaultValue::templates);
    default.for_each(|text| template(text, &mut reads));
    for amount in task.amounts() {
        if let Amount::Expression(amount) = amount {
            expression(amount, &mut reads);
        }
    }
    task.condition.iter().for_each(|condition| expression(condition, &mut reads));
    for fill in &task.fills {
        computed_steps(&fill.place.value, &fill.place.place, &mut reads);
        fill.value.iter().for_each(|value| expression(value, &mut reads));
    }
    let declared = task.reads.iter().map(|declared| (declared, false));
    for (declared, mutated) in declared.chain(task.mutates.iter().map(|declared| (declared, true))) {
        reads.push(Read { reference: &declared.value, place: &declared.place, guarded: true, mutated });
        computed_steps(&declared.value, &declared.place, &mut reads);
    }
    for target in &task.after {
        target_reads(target, &mut reads);
    }
    without_variables(task, reads)
}

/// What the expansion of the task's `for` reads.
pub fn of_expansion(task: &Task) -> Vec<Read<'_>> {
    let mut reads = Vec::new();
    for variable in &task.variables {
        if let Items::Expression(items) = &variable.items {
            expression(items, &mut reads);
        }
    }
    task.key.iter().flatten().for_each(|key| expression(key, &mut reads));
    without_variables(task, reads)
}

/// A variable hides a document of its name.
fn without_variables<'a>(task: &Task, mut reads: Vec<Read<'a>>) -> Vec<Read<'a>> {
    let is_variable = |root: &str| task.variable_names().any(|name| name.as_str() == root);
    reads.retain(|read| read.mutated || !is_variable(&read.reference.root));
    reads
}

/// What a sync point reads.
pub fn of_sync(sync: &Sync) -> Vec<Read<'_>> {
    let mut reads = Vec::new();
    sync.check.iter().for_each(|check| expression(check, &mut reads));
    reads
}

fn template<'a>(text: &'a Sourced<Template>, reads: &mut Vec<Read<'a>>) {
    for slot in text.value.slots() {
        of_expression(&slot.expression, &text.place, reads);
    }
}

fn expression<'a>(sourced: &'a Sourced<Expression>, reads: &mut Vec<Read<'a>>) {
    of_expression(&sourced.value, &sourced.place, reads);
}

fn of_expression<'a>(expression: &'a Expression, place: &'a Place, reads: &mut Vec<Read<'a>>) {
    let all = expression.references();
    for reference in all {
        let guarded =
            reference.guarded || all.iter().any(|other| other.guarded && same_place(other, reference));
        reads.push(Read { reference, place, guarded, mutated: false });
    }
}

/// What the call may change it is given by reference: the worker tells where the call looked.
fn argument<'a>(task: &Task, argument: &'a Argument, reads: &mut Vec<Read<'a>>) {
    let first = reads.len();
    expression(&argument.value, reads);
    if let (Some(place), Some(read)) = (argument.value.value.sole_reference(), reads.get_mut(first)) {
        let is_variable = task.variable_names().any(|name| *name.as_str() == *place.root);
        read.mutated = task.mutates(&place.root) && !is_variable;
    }
}

/// The index expressions of a place ask for names too.
fn computed_steps<'a>(reference: &'a Reference, place: &'a Place, reads: &mut Vec<Read<'a>>) {
    for step in &reference.steps {
        if let Step::Computed(index) = step {
            of_expression(index, place, reads);
        }
    }
}

fn target_reads<'a>(target: &'a Sourced<Target>, reads: &mut Vec<Read<'a>>) {
    for slot in target.value.templates().into_iter().flat_map(Template::slots) {
        of_expression(&slot.expression, &target.place, reads);
    }
    if let Target::Place(reference) = &target.value {
        computed_steps(reference, &target.place, reads);
    }
}

fn same_place(one: &Reference, other: &Reference) -> bool {
    let same = |pair: (&Step, &Step)| match pair {
        (Step::Key(one), Step::Key(other)) => one == other,
        (Step::Computed(one), Step::Computed(other)) => one.source() == other.source(),
        _ => false,
    };
    one.root == other.root
        && one.steps.len() == other.steps.len()
        && one.steps.iter().zip(&other.steps).all(same)
}
