//! The loop: asks the schedule what may start, makes it happen on a thread for each slot, feeds back what ended, and
//! tells every fact as an event. A thread that ends an attempt reports it itself, under the one lock.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::change::Change;
use crate::event::{Event, EventKind, RunStatus, SCHEMA_VERSION};
use crate::exec::{self, End as Ending, Enders, Finished};
use crate::finish::{checkpoint, to_bytes, write_file};
use crate::harvest;
use crate::outcome::{Failure, Outcome, Skip};
use crate::path::Path;
use crate::plan::tasks::TaskGraph;
use crate::plan::{CallId, Node, Plan, SyncId, reads};
use crate::prepare::{self, CallScope, Hindrance, Setting};
use crate::report::Reporters;
use crate::schedule::{End, Schedule};
use crate::store::{Clash, Store};
use crate::value::Value;

/// What a run is asked for.
#[derive(Debug)]
pub struct Options {
    /// Slots: how many calls run at a time.
    pub jobs: usize,
    pub keep_going: bool,
    /// The first failure also ends the calls that run.
    pub fail_fast: bool,
    /// These calls and what they need; `None`: all.
    pub wanted: Option<Vec<CallId>>,
    /// Calls that are skipped as if their `if` were false.
    pub skipped: FxHashSet<CallId>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub status: RunStatus,
    pub store: Store,
    /// The first conflict that was found while the run went on.
    pub clash: Option<Clash>,
    /// The signal that ended the run.
    pub signal: Option<i32>,
    /// Whether a failure left the rest running, so that what was filled is worth telling.
    pub keeps_going: bool,
}

/// A run that goes on: shared by its threads and the signal handler's thread.
#[derive(Debug)]
pub struct Running {
    plan: Arc<Plan>,
    options: Options,
    setting: Setting,
    tasks: TaskGraph,
    enders: Enders,
    reporters: Arc<Reporters>,
    began: Instant,
    core: Mutex<Core>,
    changed: Condvar,
}

/// What the one lock guards.
#[derive(Debug)]
struct Core {
    schedule: Schedule,
    store: Store,
    outcomes: Vec<Option<Outcome>>,
    failures: usize,
    clash: Option<Clash>,
    signal: Option<i32>,
}

/// A call that was made to end, one way or another.
struct Ended {
    outcome: Outcome,
    changes: Vec<Change>,
    finished: Option<Finished>,
}

impl Running {
    /// A run at its start. Fails where the process may open no further files.
    pub fn new(
        plan: Arc<Plan>,
        options: Options,
        setting: Setting,
        reporters: Arc<Reporters>,
    ) -> std::io::Result<Running> {
        let wanted = options.wanted.as_ref().map(|wanted| crate::plan::select::needed(&plan, wanted));
        let core = Core {
            schedule: Schedule::new(&plan, wanted.as_ref()),
            store: Store::new(&plan),
            outcomes: vec![None; plan.call_count()],
            failures: 0,
            clash: None,
            signal: None,
        };
        Ok(Running {
            tasks: TaskGraph::of(&plan.manifest, &plan.world),
            plan,
            options,
            setting,
            enders: Enders::new()?,
            reporters,
            began: Instant::now(),
            core: Mutex::new(core),
            changed: Condvar::new(),
        })
    }

    /// Ends the run: the first signal gently, the second at once.
    pub fn interrupt(&self, signal: i32, nth: usize) {
        let mut core = self.lock();
        core.signal.get_or_insert(signal);
        core.schedule.stop();
        self.enders.end_all(if nth == 1 { Ending::Gently(signal) } else { Ending::Now });
        self.tell(EventKind::Interrupted { signal });
        drop(core);
        self.changed.notify_all();
    }

    /// Runs to the end on a thread for each slot.
    pub fn run(&self) {
        self.tell_start();
        let slots = self.options.jobs.min(self.plan.call_count() + self.plan.manifest.syncs.len()).max(1);
        std::thread::scope(|threads| {
            for slot in 1..=slots {
                let thread = std::thread::Builder::new().name(format!("slot {slot}"));
                let spawned = thread.spawn_scoped(threads, move || self.work(slot));
                // one thread does all the work, if the machine gives no more
                if spawned.is_err() && slot == 1 {
                    self.work(slot);
                }
            }
        });
        self.tell_end();
    }

    /// What came of it, once [`Running::run`] has returned.
    pub fn into_ran(self) -> Ran {
        let core = self.core.into_inner().unwrap_or_else(PoisonError::into_inner);
        let keeps_going = self.options.keep_going;
        Ran { status: core.status(), store: core.store, clash: core.clash, signal: core.signal, keeps_going }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, kind: EventKind) {
        self.reporters.send(Event { ms: millis(self.began.elapsed()), kind });
    }

    fn work(&self, slot: usize) {
        while let Some(node) = self.next() {
            match self.plan.graph[node] {
                Node::Call(call) => self.call(call, node, slot),
                Node::Sync(sync) => self.sync(sync, node),
                Node::Join(_) => self.lock().schedule.ended(&self.plan, node, End::Passed),
            }
            self.changed.notify_all();
        }
        self.changed.notify_all();
    }

    /// Waits for a node that may start; `None` once the run is over.
    fn next(&self) -> Option<NodeIndex> {
        let mut core = self.lock();
        loop {
            if core.schedule.is_over() {
                return None;
            }
            match core.schedule.next() {
                Some(node) => return Some(node),
                None => core = self.changed.wait(core).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn call(&self, call: CallId, node: NodeIndex, slot: usize) {
        let folder = self.setting.scratch.join(slot.to_string());
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.make(call, slot, &folder)));
        let ended = made.unwrap_or_else(|_| {
            let message = "deco itself failed here; please report it".to_owned();
            Ended::failed(self.plan.task(call).allow_failure, Failure::Expression { message }, None)
        });
        clear(&folder);
        self.end_call(call, node, ended);
    }

    /// Prepares the call, makes its attempt and reads what it changed.
    fn make(&self, call: CallId, slot: usize, folder: &std::path::Path) -> Ended {
        let task = self.plan.task(call);
        let scope = CallScope::of_call(&self.plan, &mut self.lock().store, call, folder.to_owned());
        let mut scope = match scope {
            Ok(scope) => scope,
            Err(clash) => return self.stop_for(clash),
        };
        if self.options.skipped.contains(&call) {
            return self.skipped(&mut scope, call, Skip::Requested);
        }
        if let Err(error) = make_folder(&prepare::private_folder(&scope)) {
            let message = format!("cannot make a private folder: {error}");
            return Ended::failed(task.allow_failure, Failure::CannotStart { message }, None);
        }
        let attempt = prepare::condition(&scope, task)
            .and_then(|()| prepare::attempt(&scope, &self.setting, call, slot));
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(hindrance) => return self.hindered(&mut scope, call, hindrance),
        };
        self.tell(EventKind::AttemptStarted { call: self.plan.address(call).to_string(), attempt: 1, slot });
        let finished = exec::run(&attempt, &self.enders);
        let changes = harvest::changes(&mut scope, task, &finished);
        let changes = changes.and_then(|changes| self.fitting(call, changes));
        match changes {
            Ok(changes) => Ended { outcome: Outcome::Succeeded, changes, finished: Some(finished) },
            Err(failure) => self.failed(&mut scope, call, failure, Some(finished)),
        }
    }

    fn fitting(&self, call: CallId, changes: Vec<Change>) -> Result<Vec<Change>, Failure> {
        let core = self.lock();
        let misfit = changes.iter().find_map(|change| {
            let message = core.store.misfit(&self.plan, call, change)?;
            Some(Failure::Fill { message: format!("its result cannot fill `{}`: {message}", change.path) })
        });
        misfit.map_or(Ok(changes), Err)
    }

    fn failed(
        &self,
        scope: &mut CallScope<'_>,
        call: CallId,
        failure: Failure,
        finished: Option<Finished>,
    ) -> Ended {
        let task = self.plan.task(call);
        let forgiven = task.allow_failure && failure != Failure::Interrupted;
        if !forgiven {
            return Ended::failed(false, failure, finished);
        }
        match harvest::defaults(scope, task).transpose() {
            Ok(changes) => Ended {
                outcome: Outcome::Failed { failure, forgiven: true },
                changes: changes.unwrap_or_default(),
                finished,
            },
            Err(wrong) => Ended::failed(false, wrong, finished),
        }
    }

    fn skipped(&self, scope: &mut CallScope<'_>, call: CallId, because: Skip) -> Ended {
        match harvest::defaults(scope, self.plan.task(call)).transpose() {
            Ok(changes) => Ended {
                outcome: Outcome::Skipped { because },
                changes: changes.unwrap_or_default(),
                finished: None,
            },
            Err(wrong) => Ended::failed(false, wrong, None),
        }
    }

    fn hindered(&self, scope: &mut CallScope<'_>, call: CallId, hindrance: Hindrance) -> Ended {
        match hindrance {
            Hindrance::Condition => self.skipped(scope, call, Skip::Condition),
            Hindrance::Clash(clash) => self.stop_for(clash),
            Hindrance::Failed(failure) => self.failed(scope, call, failure, None),
            Hindrance::Missing { message, place } => match self.unfilled(call, &place) {
                Some(because) => self.skipped(scope, call, because),
                None => self.failed(scope, call, Failure::Expression { message }, None),
            },
        }
    }

    /// The call that was to fill the place and was skipped, or failed and was forgiven.
    fn unfilled(&self, call: CallId, place: &Path) -> Option<Skip> {
        let core = self.lock();
        let mut fillers = self.plan.changers_of(place);
        fillers.sort_unstable_by_key(|&filler| self.plan.order_of(filler));
        let unfilled = fillers.into_iter().filter(|&filler| filler != call).find(|filler| {
            let outcome = &core.outcomes[filler.0 as usize];
            matches!(outcome, Some(Outcome::Skipped { .. } | Outcome::Failed { forgiven: true, .. }))
        });
        Some(Skip::Reads { call: self.plan.address(unfilled?), path: place.to_string() })
    }

    /// Two calls are in conflict: the run ends here, and this call never runs.
    fn stop_for(&self, clash: Clash) -> Ended {
        let mut core = self.lock();
        core.clash.get_or_insert(clash);
        core.schedule.stop();
        Ended { outcome: Outcome::NotRun, changes: Vec::new(), finished: None }
    }

    fn end_call(&self, call: CallId, node: NodeIndex, ended: Ended) {
        let address = self.plan.address(call).to_string();
        let (took_ms, stdout, stderr) = match &ended.finished {
            Some(finished) => (Some(millis(finished.took)), &finished.stdout[..], &finished.stderr[..]),
            None => (None, &[][..], &[][..]),
        };
        let kind = EventKind::CallEnded {
            call: address,
            outcome: ended.outcome.clone(),
            took_ms,
            changes: ended.changes.clone(),
            stdout_tail: tail(stdout),
            stderr_tail: tail(stderr),
        };
        let mut core = self.lock();
        let end = match &ended.outcome {
            Outcome::Failed { forgiven: false, .. } => {
                core.failed(&self.options);
                End::Failed
            }
            Outcome::NotRun => End::Failed,
            _ => End::Passed,
        };
        if matches!(ended.outcome, Outcome::Failed { .. }) {
            core.store.record_failure(&self.plan, call);
        }
        if core.failures > 0 && self.options.fail_fast {
            self.enders.end_all(Ending::Gently(rustix::process::Signal::TERM.as_raw()));
        }
        core.store.record(call, ended.changes);
        core.outcomes[call.0 as usize] = Some(ended.outcome);
        core.schedule.ended(&self.plan, node, end);
        self.tell(kind);
    }

    fn sync(&self, id: SyncId, node: NodeIndex) {
        let outcome = match self.check(id).and_then(|()| self.write(id, node)) {
            Ok(()) => Outcome::Succeeded,
            Err(failure) => Outcome::Failed { failure, forgiven: false },
        };
        let mut core = self.lock();
        let end = if outcome == Outcome::Succeeded { End::Passed } else { End::Failed };
        if end == End::Failed {
            core.failed(&self.options);
        }
        core.schedule.ended(&self.plan, node, end);
        self.tell(EventKind::SyncEnded { sync: self.plan.sync(id).name.to_string(), outcome });
    }

    fn check(&self, id: SyncId) -> Result<(), Failure> {
        let sync = self.plan.sync(id);
        let Some(check) = &sync.check else { return Ok(()) };
        let wrong = |message: String| Failure::Check { message };
        let scope = CallScope::of_sync(&self.plan, &mut self.lock().store, &reads::of_sync(sync));
        let value = scope.map_err(|clash| self.note_clash(clash))?.eval(&check.value);
        match value {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => {
                Err(wrong(format!("the check `{}` does not hold", check.value.source())))
            }
            Ok(other) => Err(wrong(prepare::not_boolean("check", &other))),
            Err(Hindrance::Failed(failure)) => Err(wrong(failure.to_string())),
            Err(Hindrance::Missing { message, .. }) => Err(wrong(message)),
            Err(Hindrance::Clash(clash)) => Err(self.note_clash(clash)),
            Err(Hindrance::Condition) => Ok(()),
        }
    }

    fn write(&self, id: SyncId, node: NodeIndex) -> Result<(), Failure> {
        let Some(file) = &self.plan.sync(id).write else { return Ok(()) };
        let names = self.tasks.documents_before(&self.plan.manifest, self.tasks.sync_node(id));
        let value = checkpoint(&self.plan, &self.lock().store, node, &names);
        let value = value.map_err(|clash| self.note_clash(clash))?;
        let file = self.plan.manifest.dir.join(file);
        write_file(&file, &to_bytes(&value, false)).map_err(|error| Failure::Check {
            message: format!("cannot write `{}`: {error}", file.display()),
        })
    }

    fn note_clash(&self, clash: Clash) -> Failure {
        let mut core = self.lock();
        core.clash.get_or_insert(clash);
        core.schedule.stop();
        Failure::Check { message: "calls are in conflict".to_owned() }
    }

    fn tell_start(&self) {
        let manifest = &self.plan.manifest;
        let core = self.lock();
        let wanted = |&node: &NodeIndex| core.schedule.is_wanted(node);
        let calls = self.plan.calls().map(|call| self.plan.node_of(call)).filter(wanted).count();
        let syncs = self.plan.sync_nodes.iter().copied().filter(wanted).count();
        self.tell(EventKind::RunStarted {
            schema: SCHEMA_VERSION,
            deco: env!("CARGO_PKG_VERSION"),
            run: self.setting.run_id.clone(),
            manifest: manifest.source.name.clone(),
            name: manifest.settings.name.clone(),
            started: jiff::Timestamp::now().to_string(),
            jobs: self.options.jobs,
            calls,
            syncs,
        });
    }

    /// Tells of the calls that never ran, then of the end.
    fn tell_end(&self) {
        let mut core = self.lock();
        core.schedule.block_the_rest(&self.plan);
        for call in self.plan.calls() {
            let is_wanted = core.schedule.is_wanted(self.plan.node_of(call));
            if !is_wanted || core.outcomes[call.0 as usize].is_some() {
                continue;
            }
            let outcome = match core.schedule.end_of(self.plan.node_of(call)) {
                Some(End::Blocked(by)) => Outcome::Blocked { by: self.plan.node_name(by) },
                _ => Outcome::NotRun,
            };
            self.tell(EventKind::CallEnded {
                call: self.plan.address(call).to_string(),
                outcome: outcome.clone(),
                took_ms: None,
                changes: Vec::new(),
                stdout_tail: String::new(),
                stderr_tail: String::new(),
            });
            core.outcomes[call.0 as usize] = Some(outcome);
        }
        let count =
            |is: fn(&Outcome) -> bool| core.outcomes.iter().flatten().filter(|outcome| is(outcome)).count();
        self.tell(EventKind::RunEnded {
            status: core.status(),
            succeeded: count(|outcome| matches!(outcome, Outcome::Succeeded)),
            failed: count(Outcome::is_unforgiven_failure),
            forgiven: count(|outcome| matches!(outcome, Outcome::Failed { forgiven: true, .. })),
            skipped: count(|outcome| matches!(outcome, Outcome::Skipped { .. })),
            blocked: count(|outcome| matches!(outcome, Outcome::Blocked { .. })),
            not_run: count(|outcome| matches!(outcome, Outcome::NotRun)),
        });
    }
}

impl Ended {
    fn failed(forgiven: bool, failure: Failure, finished: Option<Finished>) -> Ended {
        Ended { outcome: Outcome::Failed { failure, forgiven }, changes: Vec::new(), finished }
    }
}

impl Core {
    fn failed(&mut self, options: &Options) {
        self.failures += 1;
        if !options.keep_going || options.fail_fast {
            self.schedule.stop();
        }
    }

    fn status(&self) -> RunStatus {
        match self {
            Core { signal: Some(_), .. } => RunStatus::Interrupted,
            Core { clash: Some(_), .. } => RunStatus::Conflict,
            Core { failures: 1.., .. } => RunStatus::Failed,
            _ => RunStatus::Succeeded,
        }
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

/// The end of an output, for events and messages: at most 64 lines and 8 KiB, as text.
fn tail(bytes: &[u8]) -> String {
    const LINES: usize = 64;
    const BYTES: usize = 8 * 1024;
    let cut = &bytes[bytes.len().saturating_sub(BYTES)..];
    let text = String::from_utf8_lossy(cut);
    let start = text.trim_end_matches('\n').rmatch_indices('\n').nth(LINES - 1).map_or(0, |(at, _)| at + 1);
    text[start..].to_owned()
}

fn make_folder(folder: &PathBuf) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// Removes what a call left in its slot's folder.
fn clear(folder: &std::path::Path) {
    let _ = std::fs::remove_dir_all(folder);
}
