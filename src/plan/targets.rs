//! What `after` and `waits-for` name: tasks, calls, tags, sync points and places, as nodes to wait for.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::diagnostic::{Diagnostic, nearest};
use crate::expr::Template;
use crate::manifest::pattern::CallPattern;
use crate::manifest::{Sourced, Target};
use crate::name::{CallAddress, TaskName};
use crate::value::Text;

pub use super::keyed::CallsByKey;
use super::{CallId, Gather, Plan, Reader, TaskId, places};

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
            Target::Tasks(glob, names) => {
                let tasks: Vec<_> = names.iter().filter_map(|name| self.find_task(name)).collect();
                self.gather_tasks(Gather::Tasks(glob.as_str().into(), tasks.clone()), tasks)
            }
            Target::Tag(tag) => {
                let tasks = self.tagged(tag);
                self.gather_tasks(Gather::Tag(tag.as_str().into()), tasks)
            }
            Target::Sync(name) => self.find_sync(name),
            Target::Place(reference) => {
                let path = places::read_place(reference, &self.before(waiter));
                path.and_then(|path| {
                    let wait = self.wait(&path, waiter);
                    self.node_of_wait(wait)
                })
            }
            Target::Call(name, key) => self.target_call(target, name, key, waiter, by_key)?,
            Target::Calls(patterns) => self.target_calls(target, patterns, waiter, by_key)?,
        })
    }

    /// All calls of these tasks. A task that has none, or may come to have none, still comes after what it names: so does
    /// whoever comes after it.
    fn gather_tasks(&mut self, gathers: Gather, mut tasks: Vec<TaskId>) -> Option<NodeIndex> {
        let manifest = self.manifest.clone();
        let (mut calls, mut unexpanded, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen: FxHashSet<TaskId> = tasks.iter().copied().collect();
        while let Some(task) = tasks.pop() {
            let known = calls.len();
            calls.extend(self.calls_of(task));
            unexpanded.extend(self.is_unexpanded(task).then_some(task));
            if calls.len() > known {
                continue;
            }
            for target in &manifest.tasks[task.0 as usize].after {
                let (further, sync) = self.wholly_named(&target.value);
                tasks.extend(further.into_iter().filter(|&task| seen.insert(task)));
                syncs.extend(sync);
            }
        }
        self.gather(gathers, &calls, &unexpanded, &syncs)
    }

    /// The tasks of which a target takes all calls, and the sync point that it is.
    fn wholly_named(&self, target: &Target) -> (Vec<TaskId>, Option<NodeIndex>) {
        match target {
            Target::Task(name) => (self.find_task(name).into_iter().collect(), None),
            Target::Tasks(_, names) => (names.iter().filter_map(|name| self.find_task(name)).collect(), None),
            Target::Tag(tag) => (self.tagged(tag), None),
            Target::Sync(name) => (Vec::new(), self.find_sync(name)),
            Target::Call(..) | Target::Calls(_) | Target::Place(_) => (Vec::new(), None),
        }
    }

    fn tagged(&self, tag: &str) -> Vec<TaskId> {
        let has_tag =
            |task: &TaskId| self.manifest.tasks[task.0 as usize].tags.iter().any(|own| *own == *tag);
        self.task_ids().filter(has_tag).collect()
    }

    fn find_sync(&self, name: &TaskName) -> Option<NodeIndex> {
        let found = self.manifest.syncs.iter().position(|sync| sync.name == *name);
        found.map(|sync| self.sync_nodes[sync])
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
            return Ok(self.gather(gathers, &[], &[task], &[]));
        }
        let found = by_key.call(self, task, &key).map(|call| self.node_of(call));
        found.map(Some).ok_or_else(|| {
            let address = CallAddress { task: name.clone(), key };
            let known: Vec<String> =
                self.calls_of(task).take(1000).map(|call| self.address_text(call).into()).collect();
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
        waiter: Reader,
        by_key: &mut CallsByKey,
    ) -> Result<Option<NodeIndex>, Diagnostic> {
        let at = |message: String| Diagnostic::error(message).at(target.place.span.clone(), "");
        let before = self.before(waiter);
        let rendered = patterns.iter().filter_map(|pattern| {
            let task = self.find_task(&pattern.task)?;
            Some(pattern.render(&before).map(|key| (task, key)).map_err(|error| at(error.message)))
        });
        let keys = rendered.collect::<Result<Vec<_>, _>>()?;
        let (unexpanded, known): (Vec<_>, Vec<_>) =
            keys.iter().partition(|(task, _)| self.is_unexpanded(*task));
        let calls: Vec<CallId> =
            known.iter().flat_map(|(task, key)| by_key.calls(self, *task, key)).collect();
        let is_constant = target.value.templates().iter().all(|part| part.slots().next().is_none());
        let is_empty = known.iter().all(|(task, _)| self.calls_of(*task).next().is_none());
        if calls.is_empty() && unexpanded.is_empty() && is_constant && !is_empty {
            let error = at(format!("no call has a key like `{}`", keys[0].1));
            return Err(error.help("`deco plan` lists the calls of each task"));
        }
        let unexpanded: Vec<TaskId> = unexpanded.iter().map(|(task, _)| *task).collect();
        Ok(self.gather(Gather::Calls(keys), &calls, &unexpanded, &[]))
    }

    pub(super) fn find_task(&self, name: &TaskName) -> Option<TaskId> {
        self.manifest.tasks.iter().position(|task| task.name == *name).map(|task| TaskId(task as u32))
    }
}
