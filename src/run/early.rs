//! Workers of the first calls, started while the rest of the run is made ready: an interpreter takes longer to begin than
//! many a call.

use crate::exec;
use crate::exec::worker::{Around, Kind};
use crate::manifest::{Amount, Task};
use crate::plan::CallId;
use crate::prepare::{Own, Place, worker_kind};

use super::Running;

/// The slot in whose name a worker is started; nothing of it stays with the worker.
const SLOT: u32 = 1;

impl Running {
    /// Starts a worker for each slot whose first call is sure to need one. What goes wrong here goes wrong once more when
    /// the call is made, and is told then.
    pub fn begin_workers(&self) {
        let sends = self.manifest.tasks.iter().any(|task| task.run.is_sent());
        // those that an earlier part made are not made again
        if !sends || self.resume.goes_on {
            return;
        }
        exec::take_no_signals();
        let heard = self.heard();
        let logs: &dyn exec::Logs = heard.as_ref().map_or(self, |heard| heard);
        let around = Around { enders: &self.enders, groups: &self.groups, logs };
        for call in self.first_calls() {
            let task = self.task_of(call);
            if let Some(kind) = is_sure(task).then(|| self.kind_for(call, task)).flatten() {
                self.workers.begin(&self.kind(task, &kind), around);
            }
        }
    }

    /// As many calls as there are slots, the first in call order of those that nothing is before.
    fn first_calls(&self) -> Vec<CallId> {
        let core = self.lock();
        let is_first =
            |call: &CallId| core.schedule.is_ready(core.plan.node_of(*call)) && !core.skipped.contains(call);
        core.plan.calls().filter(is_first).take(self.options.jobs).collect()
    }

    fn task_of(&self, call: CallId) -> &Task {
        &self.manifest.tasks[self.lock().plan.task_of(call).0 as usize]
    }

    fn kind_for(&self, call: CallId, task: &Task) -> Option<Kind> {
        let folder = self.setting.folders.path(SLOT);
        let mut scope = self.lock().see(call, 1, folder).ok()?;
        scope.secrets = self.setting.secrets.given().clone();
        let place = Place { task: task.name.clone(), attempt: 1, slot: SLOT, cpus: 1, pools: Vec::new() };
        worker_kind(&scope, &self.setting, task, &Own { place, as_of: 0 })
    }
}

/// Whether nothing but a failure keeps a call of the task from running, one in each slot.
fn is_sure(task: &Task) -> bool {
    task.condition.is_none() && task.uses.is_empty() && matches!(task.cpus, Amount::Constant(1))
}
