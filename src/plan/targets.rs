//! What `after` and `waits-for` name: tasks, calls, tags, sync points and places, as nodes to wait for.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use crate::diagnostic::{Diagnostic, nearest};
use crate::expr::Template;
use crate::manifest::{Sourced, Target};
use crate::name::{CallAddress, TaskName};
use crate::value::Text;

use super::{CallId, Gather, Plan, Reader, TaskId, places};

/// Calls by the texts of their keys, for the tasks that were asked for.
pub type CallsByKey = FxHashMap<TaskId, FxHashMap<Vec<Text>, CallId>>;

impl Plan {
    /// The node to wait for; `None`: nothing is to be waited for.
    pub(super) fn target_node(
        &mut self,
        target: &Sourced<Target>,
        waiter: Reader,
        by_key: &mut CallsByKey,
    ) -> Result<Option<NodeIndex>, Diagnostic> {
        Ok(match &target.value {
            Target::Task(name) => {
                let Some(task) = self.find_task(name) else { return Ok(None) };
                self.gather_tasks(Gather::Task(task), vec![task])
            }
            Target::Tag(tag) => {
                let has_tag = |task: &TaskId| self.manifest.tasks[task.0 as usize].tags.contains(tag);
                let tasks = self.task_ids().filter(has_tag).collect();
                self.gather_tasks(Gather::Tag(tag.as_str().into()), tasks)
            }
            Target::Sync(name) => {
                let found = self.manifest.syncs.iter().position(|sync| sync.name == *name);
                found.map(|sync| self.sync_nodes[sync])
            }
            Target::Place(reference) => {
                let path = places::read_place(reference, &self.before(waiter));
                path.and_then(|path| {
                    let wait = self.wait(&path, waiter);
                    self.node_of_wait(wait)
                })
            }
            Target::Call(name, key) => self.target_call(target, name, key, waiter, by_key)?,
        })
    }

    fn gather_tasks(&mut self, gathers: Gather, tasks: Vec<TaskId>) -> Option<NodeIndex> {
        let calls: Vec<_> = tasks.iter().flat_map(|&task| self.calls_of(task)).collect();
        let unexpanded: Vec<_> = tasks.into_iter().filter(|&task| self.is_unexpanded(task)).collect();
        self.gather(gathers, &calls, &unexpanded)
    }

    fn target_call(
        &mut self,
        target: &Sourced<Target>,
        name: &TaskName,
        key: &[Template],
        waiter: Reader,
        by_key: &mut CallsByKey,
    ) -> Result<Option<NodeIndex>, Diagnostic> {
        let at = |message: String| Diagnostic::error(message).at(target.place.span.clone(), "");
        let before = self.before(waiter);
        let rendered = key.iter().map(|part| part.render(&before).map(Text::from));
        let key: Vec<Text> = rendered.collect::<Result<_, _>>().map_err(|error| at(error.message))?;
        let task = self.find_task(name).ok_or_else(|| at(format!("there is no task `{name}`")))?;
        if self.is_unexpanded(task) {
            let gathers = Gather::Call(CallAddress { task: name.clone(), key });
            return Ok(self.gather(gathers, &[], &[task]));
        }
        let calls = by_key.entry(task).or_insert_with(|| self.calls_by_key(task));
        let found = calls.get(&key).map(|&call| self.node_of(call));
        found.map(Some).ok_or_else(|| {
            let address = CallAddress { task: name.clone(), key };
            let known: Vec<String> =
                self.calls_of(task).take(1000).map(|call| self.address(call).to_string()).collect();
            let error = at(format!("there is no call `{address}`"));
            match nearest(&address.to_string(), known.iter().map(String::as_str)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!(
                    "`deco list` shows the variables of `{name}`; a key names one value for each"
                )),
            }
        })
    }

    pub(super) fn find_task(&self, name: &TaskName) -> Option<TaskId> {
        self.manifest.tasks.iter().position(|task| task.name == *name).map(|task| TaskId(task as u32))
    }

    fn calls_by_key(&self, task: TaskId) -> FxHashMap<Vec<Text>, CallId> {
        self.calls_of(task).map(|call| (self.address(call).key, call)).collect()
    }
}
