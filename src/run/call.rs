//! One call from its preparation to its end: prepared, attempted, harvested, recorded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path as FilePath;

use petgraph::graph::NodeIndex;

use crate::change::Change;
use crate::exec::{self, Finished};
use crate::harvest;
use crate::manifest::Task;
use crate::outcome::{Failure, Outcome, Skip};
use crate::path::Path;
use crate::plan::CallId;
use crate::prepare::{self, CallScope, Hindrance};
use crate::schedule::End;

use super::{Core, Running, slot_folder};

/// A call that has ended, one way or another.
pub(super) struct Ended {
    pub outcome: Outcome,
    pub changes: Vec<Change>,
    pub finished: Option<Finished>,
}

impl Running {
    pub(super) fn call(&self, call: CallId, node: NodeIndex, slot: usize) {
        let folder = slot_folder(&self.setting, slot);
        let made = catch_unwind(AssertUnwindSafe(|| self.make(call, slot, &folder)));
        let ended = made.unwrap_or_else(|_| {
            let message = "deco itself failed here; please report it".to_owned();
            Ended::failed(Failure::Expression { message }, None)
        });
        // what a call leaves in its private folder goes with it; a leftover is no failure of the call
        let _ = std::fs::remove_dir_all(&folder);
        self.end_call(call, node, ended);
    }

    /// Prepares the call, makes its attempt and reads what it changed.
    fn make(&self, call: CallId, slot: usize, folder: &FilePath) -> Ended {
        let (scope, is_skipped, task_id) = {
            let core = &mut *self.lock();
            let is_skipped = core.skipped.contains(&call);
            let scope = CallScope::of_call(&core.plan, &mut core.store, call, folder.to_owned());
            (scope, is_skipped, core.plan.task_of(call))
        };
        let task = &self.manifest.tasks[task_id.0 as usize];
        let mut scope = match scope {
            Ok(scope) => scope,
            Err(clash) => {
                self.stop_for(clash);
                return Ended::not_run();
            }
        };
        scope.secrets = self.setting.secrets.given().clone();
        if let Some(failure) = secret_key(&scope) {
            return failed(&mut scope, task, failure, None);
        }
        if is_skipped {
            return skipped(&mut scope, task, Skip::Requested);
        }
        let attempt = prepare::condition(&scope, task)
            .and_then(|()| prepare::attempt(&scope, &self.setting, task, slot));
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(hindrance) => return self.hindered(&mut scope, task, call, hindrance),
        };
        scope.secrets = self.setting.secrets.of_call(&attempt.env);
        if let Some(failure) = secret_key(&scope) {
            return failed(&mut scope, task, failure, None);
        }
        self.tell_attempt(scope.address(), slot);
        let finished = exec::run(&attempt, &self.enders);
        let changes = harvest::changes(&mut scope, task, &finished);
        match changes.and_then(|changes| self.fitting(call, changes)) {
            Ok(changes) => Ended { outcome: Outcome::Succeeded, changes, finished: Some(finished) },
            Err(failure) => failed(&mut scope, task, failure, Some(finished)),
        }
    }

    fn fitting(&self, call: CallId, changes: Vec<Change>) -> Result<Vec<Change>, Failure> {
        let core = self.lock();
        let misfit = changes.iter().find_map(|change| {
            let message = core.store.misfit(&core.plan, call, change)?;
            Some(Failure::Fill { message: format!("its result cannot fill `{}`: {message}", change.path) })
        });
        misfit.map_or(Ok(changes), Err)
    }

    fn hindered(&self, scope: &mut CallScope, task: &Task, call: CallId, hindrance: Hindrance) -> Ended {
        match hindrance {
            Hindrance::Condition => skipped(scope, task, Skip::Condition),
            Hindrance::Clash(clash) => {
                self.stop_for(clash);
                Ended::not_run()
            }
            Hindrance::Failed(failure) => failed(scope, task, failure, None),
            Hindrance::Missing { message, place } => match self.lock().unfilled(Some(call), &place) {
                Some(because) => skipped(scope, task, because),
                None => failed(scope, task, Failure::Expression { message }, None),
            },
        }
    }

    fn end_call(&self, call: CallId, node: NodeIndex, ended: Ended) {
        let tails = self.tails(&ended);
        let core = &mut *self.lock();
        let task = core.plan.task_of(call);
        let end = match &ended.outcome {
            Outcome::Failed { forgiven: false, .. } => {
                core.failed(&self.options, &self.enders);
                End::Failed
            }
            Outcome::NotRun => End::Failed,
            _ => End::Passed,
        };
        if matches!(ended.outcome, Outcome::Failed { .. } | Outcome::NotRun) {
            core.store.record_failure(task);
        }
        self.tell_call(core.plan.address(call).to_string(), &ended, tails);
        core.store.record(call, ended.changes);
        core.outcomes[call.0 as usize] = Some(ended.outcome);
        core.schedule.ended(&core.plan, node, end);
    }
}

impl Core {
    /// The call that was to fill the place and was skipped, or failed and was forgiven.
    pub(super) fn unfilled(&self, reader: Option<CallId>, place: &Path) -> Option<Skip> {
        let mut fillers = self.plan.changers_of(place);
        fillers.sort_unstable_by_key(|&filler| self.plan.order_of(filler));
        let unfilled = fillers.into_iter().filter(|&filler| Some(filler) != reader).find(|filler| {
            let outcome = &self.outcomes[filler.0 as usize];
            matches!(outcome, Some(Outcome::Skipped { .. } | Outcome::Failed { forgiven: true, .. }))
        });
        Some(Skip::Reads { call: self.plan.address(unfilled?), path: place.to_string() })
    }
}

impl Ended {
    fn failed(failure: Failure, finished: Option<Finished>) -> Ended {
        Ended { outcome: Outcome::Failed { failure, forgiven: false }, changes: Vec::new(), finished }
    }

    fn not_run() -> Ended {
        Ended { outcome: Outcome::NotRun, changes: Vec::new(), finished: None }
    }
}

/// A call whose key is a secret could not be named anywhere.
fn secret_key(scope: &CallScope) -> Option<Failure> {
    let address = scope.address();
    let variable = scope.secrets.find_in_text(&address)?;
    Some(Failure::Expression { message: harvest::contains_secret("its key", variable) })
}

fn failed(scope: &mut CallScope, task: &Task, failure: Failure, finished: Option<Finished>) -> Ended {
    if !task.allow_failure || failure == Failure::Interrupted {
        return Ended::failed(failure, finished);
    }
    match harvest::defaults(scope, task).transpose() {
        Ok(changes) => Ended {
            outcome: Outcome::Failed { failure, forgiven: true },
            changes: changes.unwrap_or_default(),
            finished,
        },
        Err(wrong) => Ended::failed(wrong, finished),
    }
}

fn skipped(scope: &mut CallScope, task: &Task, because: Skip) -> Ended {
    match harvest::defaults(scope, task).transpose() {
        Ok(changes) => {
            let changes = changes.unwrap_or_default();
            Ended { outcome: Outcome::Skipped { because }, changes, finished: None }
        }
        Err(wrong) => Ended::failed(wrong, None),
    }
}
