//! Calls by their keys: whole, or by the parts that a pattern gives exactly, so that many waiters with a pattern each
//! look at few calls each.

use rustc_hash::FxHashMap;

use crate::manifest::pattern::{Column, KeyPattern};
use crate::value::Text;

use super::{CallId, Plan, TaskId};

/// The calls of a task with the same texts in some columns of their keys.
type Groups = FxHashMap<Vec<Text>, Vec<CallId>>;

/// Calls by texts of their keys, for the tasks that were asked for.
#[derive(Debug, Default)]
pub struct CallsByKey {
    whole: FxHashMap<TaskId, FxHashMap<Vec<Text>, CallId>>,
    groups: FxHashMap<(TaskId, Vec<Column>), Groups>,
}

impl CallsByKey {
    /// The call with this key.
    pub fn call(&mut self, plan: &Plan, task: TaskId, key: &[Text]) -> Option<CallId> {
        let by_key = || plan.calls_of(task).map(|call| (plan.address(call).key, call)).collect();
        self.whole.entry(task).or_insert_with(by_key).get(key).copied()
    }

    /// The calls of a task that a pattern takes, in key order.
    pub fn calls(&mut self, plan: &Plan, task: TaskId, pattern: &KeyPattern) -> Vec<CallId> {
        let columns: Vec<Column> = pattern.exact.iter().map(|(column, _)| column.clone()).collect();
        let texts: Vec<Text> = pattern.exact.iter().map(|(_, text)| text.clone()).collect();
        let groups = self.groups.entry((task, columns));
        let groups = groups.or_insert_with_key(|(task, columns)| groups_of(plan, *task, columns));
        let group = groups.get(&texts).map_or(&[][..], Vec::as_slice);
        group.iter().copied().filter(|&call| plan.has_globs(call, pattern)).collect()
    }
}

fn groups_of(plan: &Plan, task: TaskId, columns: &[Column]) -> Groups {
    let mut groups = Groups::default();
    for call in plan.calls_of(task) {
        let key = plan.address(call).key;
        let texts: Option<Vec<Text>> =
            columns.iter().map(|column| plan.key_text(call, &key, column)).collect();
        if let Some(texts) = texts {
            groups.entry(texts).or_default().push(call);
        }
    }
    groups
}

impl Plan {
    /// Whether a pattern takes a call.
    pub fn takes(&self, pattern: &KeyPattern, call: CallId) -> bool {
        let key = self.address(call).key;
        let exact =
            |(column, text): &(Column, Text)| self.key_text(call, &key, column).as_ref() == Some(text);
        pattern.exact.iter().all(exact) && self.has_globs(call, pattern)
    }

    fn has_globs(&self, call: CallId, pattern: &KeyPattern) -> bool {
        if pattern.globs.is_empty() {
            return true;
        }
        let key = self.address(call).key;
        pattern
            .globs
            .iter()
            .all(|(column, glob)| self.key_text(call, &key, column).is_some_and(|text| glob.matches(&text)))
    }

    /// The text in a column of a call's key. Without `key` a variable's text is its part of the key, `#3` where it
    /// holds an object or a list.
    fn key_text(&self, call: CallId, key: &[Text], column: &Column) -> Option<Text> {
        match column {
            Column::Position(position) => key.get(*position).cloned(),
            Column::Variable(name) if self.task(call).key.is_some() => {
                Some(self.row(call).get(name.as_str())?.to_text().into())
            }
            Column::Variable(name) => {
                let position = self.task(call).variable_names().position(|known| known == name)?;
                key.get(position).cloned()
            }
        }
    }
}
