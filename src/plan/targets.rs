//! What `after` and `waits-for` name: tasks, calls, tags, sync points and places, as nodes to wait for.

use petgraph::graph::NodeIndex;

use crate::diagnostic::{Diagnostic, nearest};
use crate::expr::Template;
use crate::manifest::pattern::CallPattern;
use crate::manifest::{Sourced, Target};
use crate::name::{CallAddress, TaskName};
use crate::value::Text;

pub use super::keyed::CallsByKey;
use super::scope::Before;
use super::{CallId, Gather, Plan, TaskId, places};

impl Plan {
    pub(super) fn target_nodes(
        &mut self,
        target: &Sourced<Target>,
        waiter: Option<CallId>,
        by_key: &mut CallsByKey,
    ) -> Result<Vec<NodeIndex>, Diagnostic> {
        let node = match &target.value {
            Target::Task(name) => {
                let Some(task) = self.find_task(name) else { return Ok(Vec::new()) };
                let calls: Vec<_> = self.calls_of(task).collect();
                self.gather(Gather::Task(task), &calls)
            }
            Target::Tasks(glob, names) => {
                let tasks: Vec<_> = names.iter().filter_map(|name| self.find_task(name)).collect();
                let calls: Vec<_> = tasks.iter().flat_map(|&task| self.calls_of(task)).collect();
                self.gather(Gather::Tasks(glob.as_str().into(), tasks), &calls)
            }
            Target::Tag(tag) => {
                let tasks =
                    self.task_ids().filter(|task| self.manifest.tasks[task.0 as usize].tags.contains(tag));
                let calls: Vec<_> = tasks.flat_map(|task| self.calls_of(task)).collect();
                self.gather(Gather::Tag(tag.as_str().into()), &calls)
            }
            Target::Sync(name) => {
                let found = self.manifest.syncs.iter().position(|sync| sync.name == *name);
                found.map(|sync| self.sync_nodes[sync])
            }
            Target::Place(reference) => {
                let path = match waiter {
                    Some(call) => places::read_place(reference, &self.before(call)),
                    None => {
                        places::read_place(reference, &Before { world: &self.world, task: None, row: None })
                    }
                };
                path.and_then(|path| self.gather_place(&path, waiter))
            }
            Target::Call(name, key) => Some(self.target_call(target, name, key, waiter, by_key)?),
            Target::Calls(patterns) => self.target_calls(target, patterns, waiter, by_key)?,
        };
        Ok(node.into_iter().collect())
    }

    fn target_call(
        &self,
        target: &Sourced<Target>,
        name: &TaskName,
        key: &[Template],
        waiter: Option<CallId>,
        by_key: &mut CallsByKey,
    ) -> Result<NodeIndex, Diagnostic> {
        let at = |message: String| Diagnostic::error(message).at(target.place.span.clone(), "");
        let before = match waiter {
            Some(call) => self.before(call),
            None => Before { world: &self.world, task: None, row: None },
        };
        let rendered = key.iter().map(|part| part.render(&before).map(Text::from));
        let key: Vec<Text> = rendered.collect::<Result<_, _>>().map_err(|error| at(error.message))?;
        let task = self.find_task(name).ok_or_else(|| at(format!("there is no task `{name}`")))?;
        let found = by_key.call(self, task, &key).map(|call| self.node_of(call));
        found.ok_or_else(|| {
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

    /// The calls that patterns take: none is fine where a value decides it, or where there are no calls at all.
    fn target_calls(
        &mut self,
        target: &Sourced<Target>,
        patterns: &[CallPattern],
        waiter: Option<CallId>,
        by_key: &mut CallsByKey,
    ) -> Result<Option<NodeIndex>, Diagnostic> {
        let at = |message: String| Diagnostic::error(message).at(target.place.span.clone(), "");
        let before = match waiter {
            Some(call) => self.before(call),
            None => Before { world: &self.world, task: None, row: None },
        };
        let rendered = patterns.iter().filter_map(|pattern| {
            let task = self.find_task(&pattern.task)?;
            Some(pattern.render(&before).map(|key| (task, key)).map_err(|error| at(error.message)))
        });
        let keys = rendered.collect::<Result<Vec<_>, _>>()?;
        let calls: Vec<CallId> = keys.iter().flat_map(|(task, key)| by_key.calls(self, *task, key)).collect();
        let is_constant = target.value.templates().iter().all(|part| part.slots().next().is_none());
        if calls.is_empty()
            && is_constant
            && keys.iter().any(|(task, _)| self.calls_of(*task).next().is_some())
        {
            let message = format!("no call has a key like `{}`", keys[0].1);
            return Err(at(message).help("`deco plan` lists the calls of each task"));
        }
        Ok(self.gather(Gather::Calls(keys), &calls))
    }

    pub(super) fn find_task(&self, name: &TaskName) -> Option<TaskId> {
        self.manifest.tasks.iter().position(|task| task.name == *name).map(|task| TaskId(task as u32))
    }
}
