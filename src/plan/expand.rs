//! From a task's `for` to its calls, in key order; the tasks spread over the cores.

use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::expr::{Expression, View};
use crate::manifest::{Items, Manifest, Sourced, Task, Variable};
use crate::name::Name;
use crate::spread;
use crate::value::{Text, Value};

use super::bindings::{Bindings, List, Row, is_name, position_key};
use super::reads;
use super::scope::{Before, World};

/// Tasks, and rows of a task, that are worth a thread.
const TASKS: usize = 64;
const ROWS: usize = 1_024;

/// The calls of every task, `None` where they are known only while the run goes on; or all that is wrong.
pub fn all(manifest: &Manifest, world: &World) -> Result<Vec<Option<Bindings>>, Vec<Diagnostic>> {
    let known = |task: &Task| (!is_known_later(task, world)).then(|| of_task(task, world, &[]));
    let found = spread::map(manifest.tasks.len(), TASKS, |index| known(&manifest.tasks[index]));
    let mut wrong = Vec::new();
    let mut expanded = Vec::with_capacity(manifest.tasks.len());
    for bindings in found {
        match bindings.transpose() {
            Ok(bindings) => expanded.push(bindings),
            Err(one) => wrong.push(one.diagnostic),
        }
    }
    if wrong.is_empty() { Ok(expanded) } else { Err(wrong) }
}

/// Whether the task's `for` or `key` reads what some task changes.
fn is_known_later(task: &Task, world: &World) -> bool {
    reads::of_expansion(task).iter().any(|read| world.is_changed(&read.reference.root))
}

/// Something that is wrong with an expansion.
#[derive(Debug)]
pub struct Wrong {
    pub diagnostic: Diagnostic,
    /// The place at which nothing stands, where that is the reason.
    pub missing: Option<(Text, Vec<Text>)>,
}

impl From<Diagnostic> for Box<Wrong> {
    fn from(diagnostic: Diagnostic) -> Box<Wrong> {
        Box::new(Wrong { diagnostic, missing: None })
    }
}

/// The calls of one task, with what is known of documents that tasks change.
pub fn of_task(task: &Task, world: &World, views: &[(Text, View)]) -> Result<Bindings, Box<Wrong>> {
    Expansion::of(task, world, views)
}

struct Expansion<'a> {
    task: &'a Task,
    world: &'a World,
    views: &'a [(Text, View)],
    bindings: Bindings,
    /// Lists that do not depend on earlier variables.
    lists: FxHashMap<usize, List>,
}

impl<'a> Expansion<'a> {
    fn of(task: &'a Task, world: &'a World, views: &'a [(Text, View)]) -> Result<Bindings, Box<Wrong>> {
        let names = task.variable_names().cloned().collect();
        let bindings = Bindings::new(names);
        let mut expansion = Expansion { task, world, views, bindings, lists: FxHashMap::default() };
        expansion.nest(0, &mut Vec::new())?;
        for (values, _) in &task.include {
            let next = expansion.bindings.len();
            let indexes: Vec<u32> =
                values.iter().map(|value| expansion.bindings.add_value(value.clone(), next)).collect();
            expansion.bindings.push_row(&indexes);
        }
        expansion.name_rows()?;
        expansion.refuse_equal_keys()?;
        Ok(expansion.bindings)
    }

    /// Goes over the variables from `depth` on, with those before it bound.
    fn nest(&mut self, depth: usize, indexes: &mut Vec<u32>) -> Result<(), Box<Wrong>> {
        let Some(variable) = self.task.variables.get(depth) else {
            // with no variables at all there is one call, but for `include` alone there is none of them
            if !self.is_excluded(indexes) {
                self.bindings.push_row(indexes);
            }
            return Ok(());
        };
        let list = match self.lists.get(&depth) {
            Some(list) => *list,
            None => self.list(depth, variable, indexes)?,
        };
        let bound = indexes.len();
        for item in list.items() {
            indexes.extend(item);
            self.nest(depth + 1, indexes)?;
            indexes.truncate(bound);
        }
        Ok(())
    }

    /// Whether a variable's list is the same whatever the other variables are.
    fn stands_alone(&self, variable: &Variable) -> bool {
        match &variable.items {
            Items::Given(_) => true,
            Items::Expression(expression) => {
                let asked = expression.value.references();
                !asked
                    .iter()
                    .any(|asked| self.bindings.names().iter().any(|name| name.as_str() == &*asked.root))
            }
        }
    }

    fn is_excluded(&self, indexes: &[u32]) -> bool {
        let row = self.bindings.partial(indexes);
        let matches = |name: &Name, value: &Value| {
            row.get(name.as_str()).is_some_and(|bound| bound.to_text() == value.to_text())
        };
        self.task.exclude.iter().any(|binding| binding.iter().all(|(name, value)| matches(name, value)))
    }

    /// The items that a variable goes over.
    fn list(&mut self, depth: usize, variable: &Variable, indexes: &[u32]) -> Result<List, Box<Wrong>> {
        let items = match &variable.items {
            Items::Given(items) => items.iter().map(|(value, _)| value.clone()).collect(),
            Items::Expression(expression) => self.evaluate(expression, indexes)?,
        };
        let width = variable.names.len();
        if width == 1 && self.task.key.is_none() {
            refuse_equal_items(variable, &items)?;
        }
        let values = if width == 1 { items } else { split_items(variable, items)? };
        let list = self.bindings.add_list(values, width);
        if self.stands_alone(variable) {
            self.lists.insert(depth, list);
        }
        Ok(list)
    }

    fn before<'b>(&'b self, row: Row<'b>) -> Before<'b> {
        Before { world: self.world, task: Some(self.task.name.as_str()), row: Some(row), views: self.views }
    }

    fn evaluate(&self, expression: &Sourced<Expression>, indexes: &[u32]) -> Result<Vec<Value>, Box<Wrong>> {
        let span = expression.place.span.clone();
        let value = expression.value.eval(&self.before(self.bindings.partial(indexes)));
        let value = value.map_err(|error| {
            Box::new(Wrong {
                diagnostic: Diagnostic::error(format!("this `for` cannot be expanded: {}", error.message))
                    .at(span.clone(), ""),
                missing: error.missing,
            })
        })?;
        match value {
            Value::Array(items) => Ok(Arc::unwrap_or_clone(items)),
            Value::Object(members) => Ok(members.keys().cloned().map(Value::String).collect()),
            other => {
                let error =
                    Diagnostic::error(format!("`for` goes over a list, and this is {}", other.kind()));
                let error = error.at(span, "expected a list, an object or a range");
                Err(match &other {
                    Value::Number(count) => {
                        error.help(format!("to count, write `range({})`", count.as_str())).into()
                    }
                    _ => error.into(),
                })
            }
        }
    }

    /// Evaluates `key` for each row.
    fn name_rows(&mut self) -> Result<(), Box<Wrong>> {
        let Some(expressions) = &self.task.key else { return Ok(()) };
        let keys = spread::map(self.bindings.len(), ROWS, |number| {
            let before = self.before(self.bindings.row(number));
            expressions.iter().map(|expression| key_value(expression, &before)).collect()
        });
        let keys = keys.into_iter().collect::<Result<_, _>>()?;
        self.bindings.set_keys(keys);
        Ok(())
    }

    /// Single lists were looked at one by one; what else can make equal keys is compared whole.
    fn refuse_equal_keys(&self) -> Result<(), Box<Wrong>> {
        let linked = self.task.variables.iter().any(|variable| variable.names.len() > 1);
        if self.task.key.is_none() && self.task.include.is_empty() && !linked {
            return Ok(());
        }
        let mut seen: FxHashMap<Vec<Text>, usize> = FxHashMap::default();
        let texts = spread::map(self.bindings.len(), ROWS, |number| self.bindings.texts(number));
        for (number, texts) in texts.into_iter().enumerate() {
            if let Some(first) = seen.insert(texts, number) {
                let key = self.bindings.texts(number).join(",");
                let message = format!(
                    "two calls of `{}` have the key `{key}`: the {} and the {}",
                    self.task.name,
                    nth(first),
                    nth(number)
                );
                let error = Diagnostic::error(message).at(self.span_of(number), "keys are compared as text");
                return Err((error
                    .help("give each call a key of its own, by `key` where the values are objects"))
                .into());
            }
        }
        Ok(())
    }

    fn span_of(&self, number: usize) -> Span {
        let listed = self.bindings.len() - self.task.include.len();
        let included = number.checked_sub(listed).and_then(|at| self.task.include.get(at));
        let variables = self.task.variables.first().map(|variable| variable.span.clone());
        included.map(|(_, span)| span.clone()).or(variables).unwrap_or(self.task.span.clone())
    }
}

fn key_value(expression: &Sourced<Expression>, before: &Before<'_>) -> Result<Value, Box<Wrong>> {
    let wrong = |message: String, missing| {
        Box::new(Wrong {
            diagnostic: Diagnostic::error(message).at(expression.place.span.clone(), ""),
            missing,
        })
    };
    let value = expression
        .value
        .eval(before)
        .map_err(|error| wrong(format!("this `key` cannot be made: {}", error.message), error.missing))?;
    if is_name(&value) {
        return Ok(value);
    }
    Err(wrong(format!("a key is a text, a number or a boolean, and this is {}", value.kind()), None))
}

/// The values of all items, one for each name that is bound together.
fn split_items(variable: &Variable, items: Vec<Value>) -> Result<Vec<Value>, Box<Wrong>> {
    let names = &variable.names;
    let mut values = Vec::with_capacity(items.len() * names.len());
    for (position, item) in items.into_iter().enumerate() {
        match item {
            Value::Array(parts) if parts.len() == names.len() => values.extend(parts.iter().cloned()),
            other => {
                let names: Vec<_> = names.iter().map(Name::as_str).collect();
                let message = format!(
                    "the {} item must be a list of {} values for `{}`, and it is `{other}`",
                    nth(position),
                    names.len(),
                    names.join(", ")
                );
                let error = Diagnostic::error(message).at(variable.span.clone(), "");
                return Err((error.help("`zip(xs, ys)` makes such a list of two lists")).into());
            }
        }
    }
    Ok(values)
}

fn refuse_equal_items(variable: &Variable, items: &[Value]) -> Result<(), Box<Wrong>> {
    if goes_one_way(items) {
        return Ok(());
    }
    let key = |position: usize| match &items[position] {
        name if is_name(name) => Text::from(name.to_text()),
        _ => Text::from(position_key(position)),
    };
    let mut seen: FxHashMap<Text, usize> = FxHashMap::default();
    let equal = (0..items.len()).find_map(|second| Some((seen.insert(key(second), second)?, second)));
    let Some((first, second)) = equal else { return Ok(()) };
    let message = format!(
        "`{}` stands twice in the list of `{}`: the {} and the {}",
        key(second),
        variable.names[0],
        nth(first),
        nth(second)
    );
    let error = match &variable.items {
        Items::Given(given) => Diagnostic::error(message)
            .at(given[second].1.clone(), "here again")
            .at(given[first].1.clone(), "first here"),
        Items::Expression(expression) => Diagnostic::error(message).at(expression.place.span.clone(), ""),
    };
    Err((error.help("each call needs a key of its own; keys are compared as text")).into())
}

/// Whether the items are whole numbers that only grow, or only fall, as a range's do: none of them stands twice.
fn goes_one_way(items: &[Value]) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_i128(),
        _ => None,
    };
    let mut steps = items.windows(2).map(|pair| Some(number(&pair[0])?.cmp(&number(&pair[1])?)));
    match steps.next() {
        Some(Some(way @ (Ordering::Less | Ordering::Greater))) => steps.all(|step| step == Some(way)),
        _ => false,
    }
}

/// `1st`, `2nd`, … for a position counted from 0.
fn nth(position: usize) -> String {
    let number = position + 1;
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
