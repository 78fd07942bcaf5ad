//! One call from its preparation to its end: prepared, attempted, harvested, recorded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path as FilePath, PathBuf};

use petgraph::graph::NodeIndex;

use crate::change::Change;
use crate::exec::{self, Attempt, Ending, Finished};
use crate::fault::{Fault, planted};
use crate::harvest;
use crate::manifest::Task;
use crate::outcome::{Exit, Failure, Outcome, Skip, Verdict};
use crate::path::Path;
use crate::plan::CallId;
use crate::prepare::{self, CallScope, Hindrance};
use crate::schedule::End;
use crate::schedule::demand::Grant;
use crate::state::earlier::EarlierEnd;
use crate::store::Clash;

use super::finalizers::Record;
use super::{Core, Running, rules};

/// A call that has ended, one way or another.
#[derive(Debug)]
pub(super) struct Ended {
    pub outcome: Outcome,
    pub changes: Vec<Change>,
    pub finished: Option<Finished>,
    /// Of the attempt that was made.
    pub fingerprint: Option<String>,
    /// The earlier end that was taken over.
    pub kept: Option<EarlierEnd>,
}

impl Running {
    /// Makes one attempt of a call.
    pub(super) fn call(&self, call: CallId, node: NodeIndex, attempt: u32, grant: &Grant) {
        let folder = self.setting.folders.path(grant.slot);
        let made = catch_unwind(AssertUnwindSafe(|| self.make(call, attempt, grant, &folder)));
        let ended = made.unwrap_or_else(|_| {
            let message = "deco itself failed here; please report it".to_owned();
            Ended::failed(Failure::Expression { message }, None)
        });
        self.setting.folders.tidy(grant.slot);
        self.end_attempt(call, node, attempt, ended);
    }

    /// The run stops while the call waits for a further attempt: its last one was its end.
    pub(super) fn give_up(&self, call: CallId, node: NodeIndex) {
        let last = self.lock().between.remove(&call);
        self.end_call(call, node, last.unwrap_or_else(Ended::not_run));
    }

    /// Works out what an attempt needs.
    pub(super) fn ask(&self, call: CallId, node: NodeIndex, attempt: u32) {
        let (scope, task) = {
            let core = &mut *self.lock();
            let task = &self.manifest.tasks[core.plan.task_of(call).0 as usize];
            (core.see(call, attempt, PathBuf::new()), task)
        };
        let mut scope = match scope {
            Ok(scope) => scope,
            Err(clash) => {
                self.stop_for(clash);
                return self.end_call(call, node, Ended::not_run());
            }
        };
        let ended = match rules::computed(&self.manifest, task, &scope) {
            Err(hindrance) => self.hindered(&mut scope, task, call, hindrance),
            Ok(demand) => {
                let core = &mut *self.lock();
                match core.schedule.demand(&core.plan, node, demand) {
                    Ok(()) => return,
                    Err(too_much) => {
                        let pool = &self.manifest.pools[too_much.pool.0 as usize].name;
                        let message = format!(
                            "it wants {} of the pool `{pool}`, which holds {}",
                            too_much.wanted, too_much.holds
                        );
                        failed(&mut scope, task, Failure::Expression { message }, None)
                    }
                }
            }
        };
        self.end_call(call, node, ended);
    }

    /// Prepares the call, makes its attempt and reads what it changed.
    fn make(&self, call: CallId, attempt: u32, grant: &Grant, folder: &FilePath) -> Ended {
        let (seen, because, task, task_index, as_of) = {
            let core = &mut *self.lock();
            let index = core.plan.task_of(call).0 as usize;
            let task = &self.manifest.tasks[index];
            let because = if core.skipped.contains(&call) {
                Some(Skip::Requested)
            } else {
                (!core.is_called_for(task, core.plan.node_of(call))).then_some(Skip::NoFailure)
            };
            (core.see(call, attempt, folder.to_owned()), because, task, index, core.built_on)
        };
        let mut scope = match seen {
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
        if let Some(because) = because {
            return skipped(&mut scope, task, because);
        }
        let pools = rules::pool_variables(&self.manifest, task, grant);
        let own = prepare::Own { attempt, slot: grant.slot, cpus: grant.cpus, as_of, pools };
        let prepared = prepare::condition(&scope, task)
            .and_then(|()| prepare::attempt(&scope, &self.setting, task, &own));
        let prepared = match prepared {
            Ok(attempt) => attempt,
            Err(hindrance) => return self.hindered(&mut scope, task, call, hindrance),
        };
        scope.secrets = self.setting.secrets.of_call(prepared.env.iter());
        if let Some(failure) = secret_key(&scope) {
            return failed(&mut scope, task, failure, None);
        }
        let address = scope.address().to_owned();
        let fingerprint = self.resume.fingerprints.of((task_index, task), &scope, &self.setting, &prepared);
        if let Some(kept) = self.earlier_end(call, task, &address, &fingerprint, &scope.secrets) {
            return kept;
        }
        let fingerprint = Some(fingerprint);
        self.tell_attempt(address, attempt, grant.slot);
        let mut finished = self.attempt(task, &prepared);
        if planted(Fault::FailedAttemptKept) && attempt <= task.retries {
            finished.ending = Ending::Exited(Exit::Code(0));
        }
        let changes = harvest::changes(&mut scope, task, &finished);
        let changes = changes.and_then(|changes| self.fitting(call, changes));
        self.keep_outputs(&mut finished, changes.is_ok() && task.reads_stdout());
        match changes {
            Ok(changes) => {
                let finished = Some(finished);
                Ended { outcome: Outcome::Succeeded, changes, finished, fingerprint, kept: None }
            }
            Err(failure) => Ended { fingerprint, ..failed(&mut scope, task, failure, Some(finished)) },
        }
    }

    fn attempt(&self, task: &Task, prepared: &Attempt) -> Finished {
        if task.when.is_finalizer() {
            return exec::run(prepared, &self.final_enders, &self.groups, self);
        }
        self.lock().attempts += 1;
        let finished = exec::run(prepared, &self.enders, &self.groups, self);
        let core = &mut *self.lock();
        core.attempts -= 1;
        self.limit_finalizers(core);
        finished
    }

    pub(super) fn fitting(&self, call: CallId, changes: Vec<Change>) -> Result<Vec<Change>, Failure> {
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

    /// Ends the call, unless its failure is worth another attempt.
    fn end_attempt(&self, call: CallId, node: NodeIndex, attempt: u32, ended: Ended) {
        // what failed before it was tried would fail again
        if let (Outcome::Failed { failure, .. }, Some(_)) = (&ended.outcome, &ended.finished) {
            let tails = self.tails(&ended);
            let core = &mut *self.lock();
            let now = self.began.elapsed();
            if let Some(at) = core.schedule.retry(&core.plan, node, now, failure) {
                let wait = at.saturating_sub(now);
                self.tell_retry(core.plan.address(call).to_string(), attempt, tails, failure.clone(), wait);
                core.between.insert(call, ended);
                core.built_on += 1;
                return;
            }
        }
        self.lock().between.remove(&call);
        self.end_call(call, node, ended);
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
        if let Some(records) = &mut core.records {
            records.extend(Record::of(&ended, &tails).map(|record| (call, record)));
        }
        self.tell_call(core.plan.address(call).to_string(), &ended, tails);
        core.store.record(&core.plan, call, ended.changes);
        core.verdicts[call.0 as usize] = Some(ended.outcome.verdict());
        if core.records.is_some() || core.plan.graph.neighbors(node).next().is_some() {
            core.built_on += 1;
        }
        core.schedule.ended(&core.plan, node, end);
    }
}

impl Core {
    /// What a call may look at.
    fn see(&mut self, call: CallId, attempt: u32, folder: PathBuf) -> Result<CallScope, Clash> {
        let mut scope = CallScope::of_call(&self.plan, &mut self.store, call, attempt, folder)?;
        if self.plan.task(call).when.is_finalizer() {
            scope.also = self.seen_by_finalizer(self.plan.node_of(call)).into();
        }
        Ok(scope)
    }

    /// The call that was to fill the place and was skipped, or failed and was forgiven.
    pub(super) fn unfilled(&self, reader: Option<CallId>, place: &Path) -> Option<Skip> {
        let mut fillers = self.plan.changers_of(place);
        fillers.sort_unstable_by_key(|&filler| self.plan.order_of(filler));
        let unfilled = fillers.into_iter().filter(|&filler| Some(filler) != reader).find(|filler| {
            matches!(self.verdicts[filler.0 as usize], Some(Verdict::Skipped | Verdict::Forgiven))
        });
        Some(Skip::Reads { call: self.plan.address(unfilled?), path: place.to_string() })
    }
}

impl Ended {
    fn failed(failure: Failure, finished: Option<Finished>) -> Ended {
        let outcome = Outcome::Failed { failure, forgiven: false };
        Ended { finished, ..Ended::never_begun(outcome) }
    }

    fn not_run() -> Ended {
        Ended::never_begun(Outcome::NotRun)
    }

    /// A call of which no attempt was made, and that changes nothing.
    pub fn never_begun(outcome: Outcome) -> Ended {
        Ended { outcome, changes: Vec::new(), finished: None, fingerprint: None, kept: None }
    }
}

/// A call whose key is a secret could not be named anywhere.
fn secret_key(scope: &CallScope) -> Option<Failure> {
    let variable = scope.secrets.find_in_text(scope.address())?;
    Some(Failure::Expression { message: harvest::contains_secret("its key", variable) })
}

fn failed(scope: &mut CallScope, task: &Task, failure: Failure, finished: Option<Finished>) -> Ended {
    if !task.allow_failure || failure == Failure::Interrupted {
        return Ended::failed(failure, finished);
    }
    match harvest::defaults(scope, task).transpose() {
        Ok(changes) => {
            let outcome = Outcome::Failed { failure, forgiven: true };
            Ended { changes: changes.unwrap_or_default(), finished, ..Ended::never_begun(outcome) }
        }
        Err(wrong) => Ended::failed(wrong, finished),
    }
}

fn skipped(scope: &mut CallScope, task: &Task, because: Skip) -> Ended {
    match harvest::defaults(scope, task).transpose() {
        Ok(changes) => {
            let changes = changes.unwrap_or_default();
            Ended { changes, ..Ended::never_begun(Outcome::Skipped { because }) }
        }
        Err(wrong) => Ended::failed(wrong, None),
    }
}
