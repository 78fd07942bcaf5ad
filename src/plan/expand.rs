//! From a task's `for` to its calls: a row of bindings each, in key order. Rows hold small indexes into one list of
//! values, so that a million calls stay small.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::{Diagnostic, Span};
use crate::expr::{Expression, View};
use crate::manifest::{Items, Manifest, Sourced, Task, Variable};
use crate::name::Name;
use crate::value::{Text, Value};

use super::reads;
use super::scope::{Before, World};

/// The calls of one task: what each binds.
#[derive(Debug, Default)]
pub struct Bindings {
    names: Vec<Name>,
    values: Vec<Item>,
    /// Row by row, an index into `values` for each name.
    rows: Vec<u32>,
    count: usize,
    /// By `key`: what names each row.
    keys: Option<Vec<Vec<Value>>>,
}

/// A value and its position in the list that it came from.
#[derive(Debug)]
struct Item {
    value: Value,
    position: u32,
}

/// One call's bindings; while a row grows, those of the variables so far.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    bindings: &'a Bindings,
    indexes: &'a [u32],
    number: Option<usize>,
}

impl Bindings {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn row(&self, number: usize) -> Row<'_> {
        let width = self.names.len();
        Row {
            bindings: self,
            indexes: &self.rows[number * width..(number + 1) * width],
            number: Some(number),
        }
    }

    fn partial<'a>(&'a self, indexes: &'a [u32]) -> Row<'a> {
        Row { bindings: self, indexes, number: None }
    }

    fn push_value(&mut self, value: Value, position: usize) -> u32 {
        self.values.push(Item { value, position: position as u32 });
        self.values.len() as u32 - 1
    }

    fn push_row(&mut self, indexes: &[u32]) {
        self.rows.extend_from_slice(indexes);
        self.count += 1;
    }

    fn texts(&self, number: usize) -> Vec<Text> {
        self.row(number).key().iter().map(|part| part.to_text().into()).collect()
    }
}

impl<'a> Row<'a> {
    /// The value that the row binds to a name.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        let at = self.bindings.names.iter().position(|known| known.as_str() == name)?;
        self.indexes.get(at).map(|&index| &self.bindings.values[index as usize].value)
    }

    /// Names and values, in the order of `for`.
    pub fn iter(&self) -> impl Iterator<Item = (&'a Name, &'a Value)> {
        let values = self.indexes.iter().map(|&index| &self.bindings.values[index as usize].value);
        self.bindings.names.iter().zip(values)
    }

    /// What names the call: by `key`, else the variables' values; `#3` stands for a value that is no text, number
    /// or boolean.
    pub fn key(&self) -> Vec<Value> {
        if let (Some(keys), Some(number)) = (&self.bindings.keys, self.number)
            && let Some(key) = keys.get(number)
        {
            return key.clone();
        }
        self.indexes.iter().map(|&index| self.bindings.values[index as usize].key_part()).collect()
    }
}

impl Item {
    fn key_part(&self) -> Value {
        match &self.value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => self.value.clone(),
            _ => Value::from(format!("#{}", self.position)),
        }
    }
}

/// The calls of every task, `None` where they are known only while the run goes on; or all that is wrong.
pub fn all(manifest: &Manifest, world: &World) -> Result<Vec<Option<Bindings>>, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut expanded = Vec::with_capacity(manifest.tasks.len());
    for task in &manifest.tasks {
        if is_known_later(task, world) {
            expanded.push(None);
            continue;
        }
        match of_task(task, world, &[]) {
            Ok(bindings) => expanded.push(Some(bindings)),
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
    /// Lists that do not depend on earlier variables: the indexes of each item's values.
    lists: FxHashMap<usize, Vec<Vec<u32>>>,
}

impl<'a> Expansion<'a> {
    fn of(task: &'a Task, world: &'a World, views: &'a [(Text, View)]) -> Result<Bindings, Box<Wrong>> {
        let names = task.variable_names().cloned().collect();
        let bindings = Bindings { names, ..Bindings::default() };
        let mut expansion = Expansion { task, world, views, bindings, lists: FxHashMap::default() };
        expansion.nest(0, &mut Vec::new())?;
        for (values, _) in &task.include {
            let next = expansion.bindings.len();
            let indexes: Vec<u32> =
                values.iter().map(|value| expansion.bindings.push_value(value.clone(), next)).collect();
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
        let list = match self.lists.remove(&depth) {
            Some(list) => list,
            None => self.list(variable, indexes)?,
        };
        for item in &list {
            indexes.extend(item);
            self.nest(depth + 1, indexes)?;
            indexes.truncate(indexes.len() - item.len());
        }
        if self.stands_alone(variable) {
            self.lists.insert(depth, list);
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
                    .any(|asked| self.bindings.names.iter().any(|name| name.as_str() == &*asked.root))
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

    /// The items that a variable goes over, as indexes of values: one for each of its names.
    fn list(&mut self, variable: &Variable, indexes: &[u32]) -> Result<Vec<Vec<u32>>, Box<Wrong>> {
        let items = match &variable.items {
            Items::Given(items) => items.iter().map(|(value, _)| value.clone()).collect(),
            Items::Expression(expression) => self.evaluate(expression, indexes)?,
        };
        if variable.names.len() == 1 && self.task.key.is_none() {
            refuse_equal_items(variable, &items)?;
        }
        let mut list = Vec::with_capacity(items.len());
        for (position, item) in items.into_iter().enumerate() {
            let values = split_item(variable, item, position)?;
            list.push(values.into_iter().map(|value| self.bindings.push_value(value, position)).collect());
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
            Value::Array(items) => Ok(items.to_vec()),
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
        let mut keys = Vec::with_capacity(self.bindings.len());
        for number in 0..self.bindings.len() {
            let before = self.before(self.bindings.row(number));
            let parts = expressions.iter().map(|expression| key_value(expression, &before));
            keys.push(parts.collect::<Result<Vec<_>, _>>()?);
        }
        self.bindings.keys = Some(keys);
        Ok(())
    }

    /// Single lists were looked at one by one; what else can make equal keys is compared whole.
    fn refuse_equal_keys(&self) -> Result<(), Box<Wrong>> {
        let linked = self.task.variables.iter().any(|variable| variable.names.len() > 1);
        if self.task.key.is_none() && self.task.include.is_empty() && !linked {
            return Ok(());
        }
        let mut seen: FxHashMap<Vec<Text>, usize> = FxHashMap::default();
        for number in 0..self.bindings.len() {
            if let Some(first) = seen.insert(self.bindings.texts(number), number) {
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
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok(value),
        other => {
            Err(wrong(format!("a key is a text, a number or a boolean, and this is {}", other.kind()), None))
        }
    }
}

/// An item's values, one for each name that is bound together.
fn split_item(variable: &Variable, item: Value, position: usize) -> Result<Vec<Value>, Box<Wrong>> {
    if variable.names.len() == 1 {
        return Ok(vec![item]);
    }
    match item {
        Value::Array(values) if values.len() == variable.names.len() => Ok(values.to_vec()),
        other => {
            let names: Vec<_> = variable.names.iter().map(Name::as_str).collect();
            let message = format!(
                "the {} item must be a list of {} values for `{}`, and it is `{other}`",
                nth(position),
                names.len(),
                names.join(", ")
            );
            let error = Diagnostic::error(message).at(variable.span.clone(), "");
            Err((error.help("`zip(xs, ys)` makes such a list of two lists")).into())
        }
    }
}

fn refuse_equal_items(variable: &Variable, items: &[Value]) -> Result<(), Box<Wrong>> {
    let mut seen: FxHashSet<String> = FxHashSet::with_capacity_and_hasher(items.len(), Default::default());
    let scalar = |item: &Value| !matches!(item, Value::Array(_) | Value::Object(_) | Value::Null);
    let Some(second) = items.iter().position(|item| scalar(item) && !seen.insert(item.to_text())) else {
        return Ok(());
    };
    let text = items[second].to_text();
    let first = items.iter().position(|item| item.to_text() == text).unwrap_or(second);
    let message = format!(
        "`{text}` stands twice in the list of `{}`: the {} and the {}",
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
