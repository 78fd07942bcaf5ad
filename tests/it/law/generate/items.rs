//! What variables go over: odd texts, numbers and booleans, given in place, by documents and by ranges.

use super::super::json::Json;
use super::super::model::{Bound, Items, Task, Variable};
use super::super::serial;
use super::{Draft, task_over};

/// Texts that are easy to get wrong in a key, a template, a shell or a path.
const ODD_TEXTS: [&str; 30] = [
    "a b",
    "it's",
    "say \"hi\"",
    "x.y",
    "p,q",
    "é",
    "日本",
    "01",
    "-n",
    "$HOME",
    "`id`",
    "a\\b",
    "*",
    "two\nlines",
    "{}",
    "${x}",
    "%s",
    "#1",
    "[0]",
    "null",
    " lead",
    "a=b",
    "tab\tx",
    "🦀",
    "",
    "{{ x }}",
    "true",
    "~",
    "!",
    "1.0",
];

impl Draft<'_> {
    pub(super) fn axis(&mut self) -> Items {
        let count = if self.random.percent(4) { 0 } else { self.random.between(1, 4) };
        match self.random.below(4) {
            0 => Items::Given(self.values(count)),
            1 => {
                let values = self.values(count);
                let name = self.name("xs");
                self.model.data.push((name.clone(), Json::Array(values)));
                Items::Document(name)
            }
            2 => {
                let values = self.values(count);
                let members = values.iter().map(Json::to_text).zip((10..).map(Json::int)).collect();
                let name = self.name("ob");
                self.model.data.push((name.clone(), Json::Object(members)));
                Items::Document(name)
            }
            _ => {
                let start = self.random.below(2) as i64;
                Items::Range(start, Bound::Constant(start + count as i64))
            }
        }
    }

    pub(super) fn odd_text(&mut self) -> Json {
        let text: &&str = self.random.pick(&ODD_TEXTS);
        Json::text(text)
    }

    /// Values with different texts.
    fn values(&mut self, count: usize) -> Vec<Json> {
        let mut values: Vec<Json> = Vec::new();
        let only_texts = self.random.percent(50);
        while values.len() < count {
            let value = match self.random.below(if only_texts { 1 } else { 4 }) {
                1 => Json::int(self.random.between(0, 12) as i64 - 2),
                2 => Json::Bool(self.random.percent(50)),
                3 => Json::Number(format!("{}.5", self.random.below(3))),
                _ => self.odd_text(),
            };
            if values.iter().all(|other| other.to_text() != value.to_text()) {
                values.push(value);
            }
        }
        values
    }

    /// None to three variables; often just those of an earlier task.
    pub(super) fn variables(&mut self) -> Vec<Variable> {
        if self.random.percent(40)
            && let Some(task) = self.some_task(|task| !task.variables.is_empty())
        {
            return task.variables;
        }
        let count = self.random.weighted(&[25, 45, 25, 5]);
        let mut variables = Vec::new();
        for name in ["x", "y", "z"].iter().take(count) {
            let filled = if self.random.percent(25) { self.filled(&variables) } else { None };
            let items = filled
                .or_else(|| self.dependent(&variables))
                .unwrap_or_else(|| self.random.pick(&self.axes).clone());
            variables.push(Variable { name: (*name).to_owned(), items });
        }
        variables
    }

    /// Items that an earlier variable says, now and then.
    fn dependent(&mut self, earlier: &[Variable]) -> Option<Items> {
        let first = earlier.first()?;
        if !self.random.percent(40) {
            return None;
        }
        if matches!(first.items, Items::Range(..)) {
            return Some(Items::Range(0, Bound::Shifted(first.name.clone(), self.random.below(2) as i64)));
        }
        let keys = self.texts_of(&task_over(String::new(), Vec::new()), first)?;
        let lists = keys.into_iter().map(|key| {
            let count = self.random.below(3);
            (key, Json::Array(self.values(count)))
        });
        let lists: Vec<_> = lists.collect();
        let name = self.name("of");
        self.model.data.push((name.clone(), Json::Object(lists)));
        Some(Items::Lookup(name, first.name.clone()))
    }

    /// The texts of what the first variable of a task goes over.
    pub(super) fn texts_of(&self, task: &Task, first: &Variable) -> Option<Vec<String>> {
        let alone = Task {
            variables: vec![first.clone()],
            found: task.found.clone(),
            ..task_over(String::new(), Vec::new())
        };
        let bindings = serial::bindings(&self.model, &alone)?;
        let included = task.include.iter().filter_map(|values| values.first());
        let listed = bindings.iter().filter_map(|binding| binding.first()).map(|(_, value)| value);
        Some(listed.chain(included).map(Json::to_text).collect())
    }
}
