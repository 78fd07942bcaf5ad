//! One call from its preparation to its end: prepared, attempted, harvested, recorded.

use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use petgraph::graph::NodeIndex;

use crate::change::Change;
use crate::change::record::Recorded;
use crate::event::Fingerprint;
use crate::exec::{self, Attempt, Ending, Finished};
use crate::fault::{Fault, planted};
use crate::harvest;
use crate::manifest::Task;
use crate::outcome::{Exit, Failure, Outcome, Skip, Unfilled, Verdict};
use crate::path::Path;
use crate::plan::{CallId, select};
use crate::prepare::{self, CallScope, Hindrance, Kept, Place, Work};
use crate::schedule::End;
use crate::schedule::demand::Grant;
use crate::state::earlier::EarlierEnd;
use crate::store::Clash;
use crate::value::Text;

use super::finalizers::Record;
use super::{Core, Running, heard, rules};

/// A call that the schedule has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub call: CallId,
    pub node: NodeIndex,
    /// From 1.
    pub attempt: u32,
}

/// A call that is about to be made.
pub(super) struct Ready<'a> {
    pub scope: CallScope,
    pub task: &'a Task,
    pub fingerprint: Fingerprint,
    /// Empty once it has been told.
    pub told: Told,
}

/// What is told of an attempt at its beginning.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What the run is expected to take from here.
    pub left: Option<Duration>,
    /// What the call waited for last.
    pub after: Option<Text>,
    /// For people.
    pub command: String,
}

/// A call that has ended, one way or another.
#[derive(Debug)]
pub(super) struct Ended {
    pub outcome: Outcome,
    pub changes: Arc<[Change]>,
    /// Places of documents that it may change at which it is known to have looked.
    pub reads: Vec<Path>,
    pub finished: Option<Finished>,
    /// Of the attempt that was made.
    pub fingerprint: Option<Fingerprint>,
    /// The earlier end that was taken over.
    pub kept: Option<Box<EarlierEnd>>,
    /// As it is told of, where that is at hand.
    pub address: Option<Text>,
}

impl Running {
    /// Makes one attempt of a call; one that a worker makes may bring others with it.
    pub(super) fn call(&self, begun: Begun, grant: &Grant, kept: &mut Kept) {
        let folder = self.setting.folders.path(grant.slot);
        let ended = match self.guarded(|| self.ready(&begun, grant, &folder, kept)) {
            Ok((ready, Work::Request(sent))) => return self.lead(begun, ready, *sent, grant, &folder, kept),
            Ok((mut ready, Work::Process(attempt))) => {
                self.tell_begun(&begun, &mut ready, grant.slot);
                let made = self.guarded(|| Ok(self.make(&begun, ready, &attempt)));
                match made {
                    Ok(ended) | Err(ended) => ended,
                }
            }
            Err(ended) => ended,
        };
        // while the slot is still held: the next call in it may begin before this thread goes on
        self.setting.folders.tidy(grant.slot);
        self.end_attempt(begun, ended);
    }

    /// A mistake of deco's own is a call's failure, not the run's end.
    pub(super) fn guarded<T>(&self, make: impl FnOnce() -> Result<T, Box<Ended>>) -> Result<T, Box<Ended>> {
        catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| {
            let message = "deco itself failed here; please report it".to_owned();
            Err(Ended::failed(Failure::Expression { message }, None).into())
        })
    }

    /// The run stops while the call waits for a further attempt: its last one was its end.
    pub(super) fn give_up(&self, call: CallId, node: NodeIndex) {
        let last = self.lock().between.remove(&call);
        self.end_call(call, node, last.unwrap_or_else(|| Ended::not_run().into()));
    }

    /// Works out what an attempt needs.
    pub(super) fn ask(&self, call: CallId, node: NodeIndex, attempt: u32) {
        let (scope, task) = {
            let core = &mut *self.lock();
            let task = &self.manifest.tasks[core.plan.task_of(call).0 as usize];
            (core.see(call, attempt, FilePath::new("").into()), task)
        };
        let mut scope = match scope {
            Ok(scope) => scope,
            Err(clash) => {
                self.stop_for(clash);
                return self.end_call(call, node, Ended::not_run().into());
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
        self.end_call(call, node, ended.into());
    }

    /// Works out what the call is to do, unless it ends before it begins. `kept`: what the thread's last call had.
    pub(super) fn ready(
        &self,
        &Begun { call, attempt, .. }: &Begun,
        grant: &Grant,
        folder: &Arc<FilePath>,
        kept: &mut Kept,
    ) -> Result<(Box<Ready<'_>>, Work), Box<Ended>> {
        let (seen, because, task, task_index, as_of, told) = {
            let core = &mut *self.lock();
            let index = core.plan.task_of(call).0 as usize;
            let task = &self.manifest.tasks[index];
            let because = if core.skipped.contains(&call) {
                Some(Skip::Requested)
            } else {
                (!core.is_called_for(task, core.plan.node_of(call))).then_some(Skip::NoFailure)
            };
            let left = core.schedule.time_left(&core.plan, self.began.elapsed());
            let after = core.schedule.last_before(&core.plan, core.plan.node_of(call));
            let after = after.map(|before| core.plan.node_name(before));
            let told = Told { left, after, command: String::new() };
            (core.see(call, attempt, folder.clone()), because, task, index, core.built_on, told)
        };
        let mut scope = seen.map_err(|clash| {
            self.stop_for(clash);
            Box::new(Ended::not_run())
        })?;
        scope.secrets = self.setting.secrets.given().clone();
        if let Some(failure) = secret_key(&scope) {
            return Err(failed(&mut scope, task, failure, None).into());
        }
        if let Some(because) = because {
            return Err(skipped(&mut scope, task, because).into());
        }
        let pools = rules::pool_variables(&self.manifest, task, grant);
        let place = Place { task: task.name.clone(), attempt, slot: grant.slot, cpus: grant.cpus, pools };
        let own = prepare::Own { place, as_of };
        let (work, command) = prepare::condition(&scope, task)
            .and_then(|()| prepare::work(&scope, &self.setting, task, &own, kept))
            .map_err(|hindrance| Box::new(self.hindered(&mut scope, task, call, hindrance)))?;
        scope.secrets = self.setting.secrets.of_call(work.env().iter());
        if let Some(failure) = secret_key(&scope) {
            return Err(failed(&mut scope, task, failure, None).into());
        }
        let fingerprint = self.resume.fingerprints.of((task_index, task), &scope, &self.setting, &work, kept);
        if let Some(kept) = self.earlier_end(call, task, &scope.address(), fingerprint, &scope.secrets) {
            return Err(kept.into());
        }
        Ok((Box::new(Ready { scope, task, fingerprint, told: Told { command, ..told } }), work))
    }

    pub(super) fn tell_begun(&self, begun: &Begun, ready: &mut Ready<'_>, slot: u32) {
        let told = take(&mut ready.told);
        self.tell_attempt(ready.scope.address(), begun.attempt, slot, told);
    }

    /// Makes the attempt and reads what it changed.
    fn make(&self, begun: &Begun, mut ready: Box<Ready<'_>>, attempt: &Attempt) -> Box<Ended> {
        let task = ready.task;
        let mut finished = self.attempt(begun, &ready, attempt);
        if planted(Fault::FailedAttemptKept) && begun.attempt <= task.retries {
            finished.ending = Ending::Exited(Exit::Code(0));
        }
        let done = harvest::changes(&mut ready.scope, task, &finished);
        self.concluded(begun, ready, finished, done)
    }

    /// How a call ended that was tried.
    pub(super) fn concluded(
        &self,
        begun: &Begun,
        mut ready: Box<Ready<'_>>,
        mut finished: Finished,
        done: Result<Recorded, Failure>,
    ) -> Box<Ended> {
        let task = ready.task;
        let done = done.and_then(|done| self.fits(begun.call, &done.changes).map(|()| done));
        self.keep_outputs(&mut finished, done.is_ok() && task.reads_stdout());
        let mut ended = Box::new(match done {
            Ok(Recorded { changes, reads }) => Ended {
                changes: changes.into(),
                reads,
                finished: Some(finished),
                ..Ended::never_begun(Outcome::Succeeded)
            },
            Err(failure) => failed(&mut ready.scope, task, failure, Some(finished)),
        });
        ended.address = Some(ready.scope.address());
        ended.fingerprint = Some(ready.fingerprint);
        ended
    }

    fn attempt(&self, begun: &Begun, ready: &Ready<'_>, prepared: &Attempt) -> Finished {
        let Some(heard) = self.heard() else { return self.process(ready.task, prepared, self) };
        heard.begin(heard::OF_PROCESS, prepared.slot, (&ready.scope.address(), begun.attempt));
        let finished = self.process(ready.task, prepared, &heard);
        heard.end(heard::OF_PROCESS);
        finished
    }

    fn process(&self, task: &Task, prepared: &Attempt, logs: &dyn exec::Logs) -> Finished {
        if task.when.is_finalizer() {
            return exec::run(prepared, &self.final_enders, &self.groups, logs);
        }
        self.lock().attempts += 1;
        let finished = exec::run(prepared, &self.enders, &self.groups, logs);
        self.attempt_is_over();
        finished
    }

    /// One attempt less that finalizers have to wait for.
    pub(super) fn attempt_is_over(&self) {
        let core = &mut *self.lock();
        core.attempts -= 1;
        self.limit_finalizers(core);
    }

    pub(super) fn fits(&self, call: CallId, changes: &[Change]) -> Result<(), Failure> {
        let core = self.lock();
        let misfit = changes.iter().find_map(|change| {
            let message = core.store.misfit(&core.plan, call, change)?;
            Some(Failure::Fill { message: format!("its result cannot fill `{}`: {message}", change.path) })
        });
        misfit.map_or(Ok(()), Err)
    }

    fn hindered(&self, scope: &mut CallScope, task: &Task, call: CallId, hindrance: Hindrance) -> Ended {
        match hindrance {
            Hindrance::Condition => skipped(scope, task, Skip::Condition),
            Hindrance::Clash(clash) => {
                self.stop_for(clash);
                Ended::not_run()
            }
            Hindrance::Failed(failure) => failed(scope, task, failure, None),
            Hindrance::Missing { message, place } => {
                // what comes next evaluates the user's expressions, which is not for under the lock
                let because = self.lock().unfilled(Some(call), &place);
                match because {
                    Some(because) => skipped(scope, task, because),
                    None => failed(scope, task, Failure::Expression { message }, None),
                }
            }
        }
    }

    /// Ends the call, unless its failure is worth another attempt.
    pub(super) fn end_attempt(&self, Begun { call, node, attempt }: Begun, mut ended: Box<Ended>) {
        // what failed before it was tried would fail again
        if let (Outcome::Failed { failure, .. }, Some(_)) = (&ended.outcome, &ended.finished) {
            let tails = self.tails(&ended);
            let core = &mut *self.lock();
            let now = self.began.elapsed();
            if let Some(at) = core.schedule.retry(&core.plan, node, now, failure) {
                let wait = at.saturating_sub(now);
                self.tell_retry(core.plan.address_text(call), attempt, tails, failure.clone(), wait);
                if let Some(before) = core.between.remove(&call) {
                    ended.also_saw(before.reads);
                }
                core.between.insert(call, ended);
                core.built_on += 1;
                return;
            }
        }
        self.end_call(call, node, ended);
    }

    fn end_call(&self, call: CallId, node: NodeIndex, mut ended: Box<Ended>) {
        if let Some(before) = self.lock().between.remove(&call) {
            // that there was another attempt comes of what the ones before saw
            ended.also_saw(before.reads);
        }
        let tails = self.tails(&ended);
        let record = Record::of(&ended, &tails);
        let address = ended.address.take();
        let address = address.unwrap_or_else(|| self.lock().plan.address_text(call));
        // before others can begin that build on it
        self.tell_call(address, &ended, tails);
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
            records.extend(record.map(|record| (call, record)));
        }
        if let (Outcome::Succeeded, Some(finished)) = (&ended.outcome, &ended.finished) {
            core.pace.took(call, finished.took);
        }
        core.store.record(&core.plan, call, ended.changes, ended.reads);
        core.verdicts[call.0 as usize] = Some(ended.outcome.verdict());
        if core.records.is_some() || core.plan.graph.neighbors(node).next().is_some() {
            core.built_on += 1;
        }
        core.schedule.ended(&core.plan, node, end);
    }
}

impl Core {
    /// What a call may look at.
    pub(super) fn see(
        &mut self,
        call: CallId,
        attempt: u32,
        folder: Arc<FilePath>,
    ) -> Result<CallScope, Clash> {
        let mut scope = CallScope::of_call(&self.plan, &mut self.store, call, attempt, folder)?;
        if self.plan.task(call).when.is_finalizer() {
            scope.also = self.seen_by_finalizer(self.plan.node_of(call)).into();
        }
        Ok(scope)
    }

    /// The call that was to fill the place and was skipped, or failed and was forgiven: of those that the reader waited for,
    /// and after all that have put something there. One that might have changed anything in the document was not to fill
    /// this place.
    pub(super) fn unfilled(&self, reader: Option<CallId>, place: &Path) -> Option<Skip> {
        let plan = &self.plan;
        let before = reader.map(|reader| select::before(plan, plan.node_of(reader)));
        let is_before = |filler| before.as_ref().is_none_or(|before| before.contains(&plan.node_of(filler)));
        let mut fillers = plan.changers_of(place);
        fillers.retain(|&filler| is_before(filler) && !plan.may_change_anything(filler, &place.document));
        fillers.sort_unstable_by_key(|&filler| plan.order_of(filler));
        let last = fillers.iter().rposition(|&filler| self.store.has_set(plan, filler, place));
        let unfilled = fillers.into_iter().skip(last.map_or(0, |last| last + 1)).find(|filler| {
            matches!(self.verdicts[filler.0 as usize], Some(Verdict::Skipped | Verdict::Forgiven))
        });
        Some(Skip::Reads(Box::new(Unfilled { call: self.plan.address(unfilled?), path: place.to_string() })))
    }
}

impl Ended {
    fn also_saw(&mut self, reads: Vec<Path>) {
        self.reads.extend(reads);
        self.reads.sort_unstable();
        self.reads.dedup_by(|later, first| first.holds(later));
    }

    fn failed(failure: Failure, finished: Option<Finished>) -> Ended {
        let outcome = Outcome::Failed { failure, forgiven: false };
        Ended { finished, ..Ended::never_begun(outcome) }
    }

    fn not_run() -> Ended {
        Ended::never_begun(Outcome::NotRun)
    }

    /// A call of which no attempt was made, and that changes nothing.
    pub fn never_begun(outcome: Outcome) -> Ended {
        Ended {
            outcome,
            changes: Arc::default(),
            reads: Vec::new(),
            finished: None,
            fingerprint: None,
            kept: None,
            address: None,
        }
    }
}

/// A call whose key is a secret could not be named anywhere.
fn secret_key(scope: &CallScope) -> Option<Failure> {
    let variable = scope.secrets.find_in_text(&scope.address())?;
    Some(Failure::Expression { message: harvest::contains_secret("its key", variable) })
}

fn failed(scope: &mut CallScope, task: &Task, failure: Failure, finished: Option<Finished>) -> Ended {
    let reads = harvest::looked_at(scope, task);
    if !task.allow_failure || failure == Failure::Interrupted {
        return Ended { reads, ..Ended::failed(failure, finished) };
    }
    match harvest::defaults(scope, task).transpose() {
        Ok(changes) => {
            let changes = changes.unwrap_or_default().into();
            let outcome = Outcome::Failed { failure, forgiven: true };
            Ended { changes, reads, finished, ..Ended::never_begun(outcome) }
        }
        Err(wrong) => Ended { reads, ..Ended::failed(wrong, finished) },
    }
}

fn skipped(scope: &mut CallScope, task: &Task, because: Skip) -> Ended {
    match harvest::defaults(scope, task).transpose() {
        Ok(changes) => {
            let changes = changes.unwrap_or_default().into();
            let is_of_reading = matches!(because, Skip::Condition | Skip::Reads(_));
            let reads = if is_of_reading { harvest::looked_at(scope, task) } else { Vec::new() };
            Ended { changes, reads, ..Ended::never_begun(Outcome::Skipped { because }) }
        }
        Err(wrong) => Ended::failed(wrong, None),
    }
}
