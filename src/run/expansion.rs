//! A task whose `for` could not be known before: its calls are found when what the `for` reads has come together.

use petgraph::graph::NodeIndex;

use crate::diagnostic::Diagnostic;
use crate::outcome::{Failure, Outcome, Skip};
use crate::plan::bindings::Bindings;
use crate::plan::expand;
use crate::plan::grow::Refused;
use crate::plan::{Reader, TaskId, reads};
use crate::prepare::scope::{changed_place, views_of};
use crate::schedule::End;

use super::{Core, Running, named_calls};

/// Why a task gets no calls.
enum Nothing {
    Skipped(Skip),
    Failed(Failure),
    /// Two calls are in conflict over what the `for` reads.
    NotRun,
}

impl Running {
    pub(super) fn expand(&self, task: TaskId, node: NodeIndex) {
        let found = self.find_calls(task);
        let core = &mut *self.lock();
        let grown = found.and_then(|bindings| self.grow(core, task, bindings));
        let (outcome, calls) = match grown {
            Ok(calls) => (Outcome::Succeeded, calls),
            Err(Nothing::Skipped(because)) => {
                // no calls, and what reads them goes on with what is there
                let empty = self.grow(core, task, Bindings::default()).map_or(0, |calls| calls);
                (Outcome::Skipped { because }, empty)
            }
            Err(Nothing::Failed(failure)) => {
                core.failed(&self.options, &self.enders);
                core.store.record_failure(task);
                (Outcome::Failed { failure, forgiven: false }, 0)
            }
            Err(Nothing::NotRun) => (Outcome::NotRun, 0),
        };
        let end = match outcome {
            Outcome::Succeeded | Outcome::Skipped { .. } => End::Passed,
            _ => End::Failed,
        };
        self.tell_expansion(self.manifest.tasks[task.0 as usize].name.as_str().into(), outcome, calls);
        core.schedule.ended(&core.plan, node, end);
    }

    /// Evaluates the task's `for`, outside the lock.
    fn find_calls(&self, id: TaskId) -> Result<Bindings, Nothing> {
        let task = &self.manifest.tasks[id.0 as usize];
        let (views, world) = {
            let core = &mut *self.lock();
            let reader = Reader::Expansion(id);
            let views = views_of(&core.plan, &mut core.store, &reads::of_expansion(task), reader);
            (views, core.plan.world.clone())
        };
        let views = views.map_err(|clash| {
            self.stop_for(clash);
            Nothing::NotRun
        })?;
        expand::of_task(task, &world, &views).map_err(|wrong| {
            let place = wrong.missing.clone().and_then(|missing| changed_place(&world, missing));
            match place.and_then(|place| self.lock().unfilled(None, &place)) {
                Some(because) => Nothing::Skipped(because),
                None => Nothing::Failed(failure(vec![wrong.diagnostic])),
            }
        })
    }

    /// Adds the calls to the plan and all that goes with it; tells how many there are.
    fn grow(&self, core: &mut Core, task: TaskId, bindings: Bindings) -> Result<usize, Nothing> {
        let (growth, wrong) = match core.plan.grow(task, bindings) {
            Ok(growth) => (growth, Vec::new()),
            Err(Refused { growth, wrong, is_conflict }) => {
                if is_conflict {
                    core.in_conflict = true;
                    core.stop();
                }
                (growth, wrong)
            }
        };
        core.verdicts.resize(core.plan.call_count(), None);
        core.store.grow(&core.plan);
        core.skipped = named_calls(&core.plan, &self.options.skipped);
        let is_right = wrong.is_empty();
        let wanted = self.options.wanted.as_ref().map(|addresses| named_calls(&core.plan, addresses));
        core.schedule.grow(&core.plan, &growth, |call| {
            is_right && wanted.as_ref().is_none_or(|wanted| wanted.contains(&call))
        });
        if !is_right {
            return Err(Nothing::Failed(failure(wrong)));
        }
        core.expect();
        Ok(growth.calls.len())
    }
}

fn failure(wrong: Vec<Diagnostic>) -> Failure {
    let messages: Vec<String> = wrong.into_iter().map(|one| one.message).collect();
    Failure::Expression { message: messages.join("; ") }
}
