//! The loop: asks the schedule what may start, makes it happen on a thread for each slot, feeds back what ended, and
//! tells every fact as an event. A thread that ends an attempt reports it itself, under the one lock.

mod call;
mod cut;
mod early;
mod expansion;
mod finalizers;
mod heard;
mod lead;
mod logs;
mod pace;
pub mod resume;
mod rules;
mod sync;
mod tell;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use petgraph::graph::NodeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::event::RunStatus;
use crate::exec::worker::{Kind, Workers};
use crate::exec::{self, End as Ending, Enders, Groups};
use crate::finish::{self, NoAnswer};
use crate::manifest::Manifest;
use crate::mask::Masker;
use crate::name::Name;
use crate::outcome::Verdict;
use crate::path::Path;
use crate::plan::{CallId, Node, Plan, TaskId, select};
use crate::prepare::{Folders, Kept, Setting};
use crate::schedule::Schedule;
use crate::schedule::start::Next;
use crate::scribe::Scribe;
use crate::state::durations::Past;
use crate::store::{Clash, Store};
use crate::value::Value;

use call::{Begun, Ended};
use finalizers::Record;
use pace::Pace;
use resume::Resume;

/// What a run is asked for.
#[derive(Debug)]
pub struct Options {
    /// Slots: how many calls run at a time.
    pub jobs: usize,
    pub keep_going: bool,
    /// The first failure also ends the calls that run.
    pub fail_fast: bool,
    /// After so many failures nothing starts any more, though the run keeps going after fewer.
    pub max_failures: Option<usize>,
    /// Addresses of the calls to run, with what they need; `None`: all.
    pub wanted: Option<Vec<String>>,
    /// Addresses of calls that are skipped as if their `if` were false.
    pub skipped: Vec<String>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub status: RunStatus,
    pub plan: Plan,
    pub store: Store,
    /// The first conflict that was found while the run went on.
    pub clash: Option<Clash>,
    /// Why deco itself could not go on, in words that have been shown.
    pub broken: Option<String>,
    /// The signal that ended the run.
    pub signal: Option<i32>,
    /// Hides every secret that the run came to know.
    pub secrets: Masker,
    _rest: Rest,
}

/// What a run needed for each of its calls, for whoever has the run to give back, or not if the process ends anyway.
#[derive(Debug)]
struct Rest {
    _schedule: Schedule,
    _pace: Pace,
    _verdicts: Vec<Option<Verdict>>,
}

/// What a run still holds that has ended, and on which nothing depends that comes of it.
#[derive(Debug)]
pub struct Leftovers {
    workers: Arc<Workers>,
    groups: Arc<Groups>,
    folders: Arc<Folders>,
}

impl Leftovers {
    /// Ends the workers and removes the folders of calls.
    pub fn clear(self) {
        self.workers.end(&self.groups);
        self.folders.remove();
    }
}

/// A run that goes on: shared by its threads and the signal handler's thread.
#[derive(Debug)]
pub struct Running {
    manifest: Arc<Manifest>,
    options: Options,
    setting: Setting,
    enders: Enders,
    /// Those of finalizers, which outlive the first signal.
    final_enders: Arc<Enders>,
    groups: Arc<Groups>,
    workers: Arc<Workers>,
    /// The kind of worker that each task needed last, by the task's name.
    kinds: Mutex<FxHashMap<String, Arc<Kind>>>,
    scribe: Arc<Scribe>,
    resume: Resume,
    began: Instant,
    core: Mutex<Core>,
    /// Something may begin, or all is over.
    changed: Condvar,
    over: Condvar,
}

/// What the one lock guards.
#[derive(Debug)]
struct Core {
    plan: Plan,
    schedule: Schedule,
    store: Store,
    pace: Pace,
    /// How each call ended, once it has.
    verdicts: Vec<Option<Verdict>>,
    /// The last attempt of calls that wait for another.
    between: FxHashMap<CallId, Box<Ended>>,
    /// Those that `Options::skipped` names.
    skipped: FxHashSet<CallId>,
    failures: usize,
    /// Whether the run itself took too long.
    timed_out: bool,
    clash: Option<Clash>,
    /// Whether calls that an expansion found are in conflict, of which its failure tells.
    in_conflict: bool,
    broken: Option<String>,
    signal: Option<i32>,
    /// What finalizers are told of ended calls: exit and last words. Kept only if there are finalizers.
    records: Option<FxHashMap<CallId, Record>>,
    /// Tasks that never got calls, and of which that was told.
    told_unexpanded: FxHashSet<TaskId>,
    /// Grows whenever an attempt ended that later ones may build on.
    built_on: u64,
    /// Attempts that run, those of finalizers not counted.
    attempts: usize,
    /// Threads that have nothing to do.
    waiting: usize,
    /// Whether the time of finalizers has begun to run out.
    is_limited: bool,
    is_over: bool,
    /// A thread has left something unended.
    has_panicked: bool,
}

impl Running {
    /// A run at its start. Fails where the process may open no further files.
    pub fn new(
        plan: Plan,
        options: Options,
        setting: Setting,
        scribe: Arc<Scribe>,
        resume: Resume,
    ) -> std::io::Result<Running> {
        let seed =
            setting.run_id.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let mut schedule = Schedule::new(&plan, rules::rules(&plan.manifest, options.jobs, seed));
        schedule.want(&plan, wanted_nodes(&plan, options.wanted.as_deref()));
        schedule.want_finalizers(&plan);
        let core = Core {
            schedule,
            store: Store::new(&plan),
            pace: Pace::default(),
            verdicts: vec![None; plan.call_count()],
            between: FxHashMap::default(),
            skipped: named_calls(&plan, &options.skipped),
            failures: 0,
            timed_out: false,
            clash: None,
            in_conflict: false,
            broken: None,
            signal: None,
            records: finalizers::are_there(&plan.manifest).then(FxHashMap::default),
            told_unexpanded: FxHashSet::default(),
            built_on: 0,
            attempts: 0,
            waiting: 0,
            is_limited: false,
            is_over: false,
            has_panicked: false,
            plan,
        };
        let sends = core.plan.manifest.tasks.iter().any(|task| task.run.is_sent());
        Ok(Running {
            manifest: core.plan.manifest.clone(),
            // the slots' own processes, then as many workers
            groups: Arc::new(Groups::new(if sends { 2 * options.jobs } else { options.jobs })),
            workers: Arc::new(Workers::new(options.jobs, options.jobs as u32 + 1)),
            kinds: Mutex::default(),
            options,
            setting,
            enders: Enders::new()?,
            final_enders: Arc::new(Enders::new()?),
            scribe,
            resume,
            began: Instant::now(),
            core: Mutex::new(core),
            changed: Condvar::new(),
            over: Condvar::new(),
        })
    }

    /// Tells what is known of past runs, before the run begins.
    pub fn expect(&self, past: Past) {
        let core = &mut *self.lock();
        core.pace = Pace::new(past);
        core.expect();
    }

    /// The process groups of what runs.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Runs to the end on a thread for each slot. What it holds then is left to [`Running::leftovers`].
    pub fn run(&self) {
        self.tell_start();
        std::thread::scope(|threads| {
            let mut workers = Vec::new();
            if let Some(limit) = self.manifest.settings.run_timeout {
                threads.spawn(move || self.watch_time(limit));
            }
            let width = self.lock().plan.most_at_a_time(self.options.jobs);
            for slot in 1..=width {
                let thread = std::thread::Builder::new().name(format!("slot {slot}"));
                let spawned = thread.spawn_scoped(threads, move || {
                    exec::take_no_signals();
                    self.work();
                });
                match spawned {
                    // one thread does all the work, if the machine gives no more
                    Err(_) if slot == 1 => self.work(),
                    Err(_) => break,
                    Ok(worker) => workers.push(worker),
                }
            }
            workers.into_iter().for_each(|worker| drop(worker.join()));
            self.lock().is_over = true;
            self.over.notify_all();
        });
        self.check_shared();
        self.tell_end();
    }

    /// What is to be cleared up once [`Running::run`] has returned.
    pub fn leftovers(&self) -> Leftovers {
        let (workers, groups) = (self.workers.clone(), self.groups.clone());
        Leftovers { workers, groups, folders: self.setting.folders.clone() }
    }

    /// Calls may have got in each other's way where nobody looked afterwards; what they made is then as wrong.
    fn check_shared(&self) {
        let core = &mut *self.lock();
        let plan = &core.plan;
        let mut documents: Vec<&Name> = plan.world.mutated().collect();
        documents.sort_unstable();
        let found = documents.into_iter().filter_map(|name| {
            let mut calls = plan.changers_of(&Path::whole(name.clone()));
            calls.sort_unstable_by_key(|&call| plan.order_of(call));
            core.store.conflict(plan, name, &calls)
        });
        // one that was seen while the run went on need not be the first
        let all = core.clash.take().into_iter().chain(found);
        let first = all.min_by_key(|clash| match clash {
            Clash::Unordered { first, second, .. } => (plan.order_of(*first), plan.order_of(*second)),
            Clash::Misfit { call, .. } => (plan.order_of(*call), 0),
        });
        core.clash = first;
    }

    /// The answer, once [`Running::run`] has returned: of these documents, or as the settings say. `None`: the run has none.
    pub fn answer(&self, only: Option<&[Name]>) -> Option<Result<Value, NoAnswer>> {
        let core = &*self.lock();
        let has_one = match core.status() {
            RunStatus::Succeeded => true,
            RunStatus::Failed => self.options.keep_going,
            RunStatus::Conflict | RunStatus::Interrupted => false,
        };
        has_one.then(|| finish::answer(&core.plan, &core.store, only))
    }

    /// Whether all of the manifest came to a good end, once [`Running::run`] has returned: nothing is left to go on with.
    pub fn is_complete(&self) -> bool {
        self.is_whole() && self.lock().status() == RunStatus::Succeeded
    }

    /// Whether all of the manifest is to run.
    fn is_whole(&self) -> bool {
        self.options.wanted.is_none() && self.options.skipped.is_empty()
    }

    /// What came of it, once [`Running::run`] has returned.
    pub fn into_ran(self) -> Ran {
        let secrets = self.setting.secrets.known();
        let core = self.core.into_inner().unwrap_or_else(PoisonError::into_inner);
        let status = core.status();
        let Core { plan, store, clash, broken, signal, schedule, pace, verdicts, .. } = core;
        let rest = Rest { _schedule: schedule, _pace: pace, _verdicts: verdicts };
        Ran { status, plan, store, clash, broken, signal, secrets, _rest: rest }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until the run is over. A mistake of deco's own, beside those that are a call's failure, ends the run: what this
    /// thread was at is left unended, for which the others would wait.
    fn work(&self) {
        if catch_unwind(AssertUnwindSafe(|| self.work_on())).is_err() {
            let message = "deco itself failed here; please report it".to_owned();
            self.scribe.notice(&message);
            self.lock().has_panicked = true;
            self.broken(message);
        }
        self.changed.notify_all();
    }

    fn work_on(&self) {
        let mut kept = Kept::default();
        while let Some((next, kind)) = self.next() {
            match (next, kind) {
                (Next::Start { node, attempt, grant }, Node::Call(call)) => {
                    self.call(Begun { call, node, attempt }, &grant, &mut kept)
                }
                (Next::Ask { node, attempt }, Node::Call(call)) => self.ask(call, node, attempt),
                (Next::GiveUp(node), Node::Call(call)) => self.give_up(call, node),
                (Next::Step(node), Node::Sync(sync)) => self.sync(sync, node),
                (Next::Step(node), Node::Expansion(task)) => self.expand(task, node),
                // nothing else is ever begun
                _ => {}
            }
        }
    }

    /// Waits for something to do; `None` once the run is over.
    fn next(&self) -> Option<(Next, Node)> {
        self.scribe.keep_pace();
        let mut core = self.lock();
        loop {
            if core.has_panicked {
                return None;
            }
            let now = self.began.elapsed();
            let next = core.schedule.next_at(now);
            match next {
                Next::Over if core.close() => {
                    self.tell_the_rest(&mut core);
                    self.changed.notify_all();
                }
                Next::Over => return None,
                Next::Wait => core = self.wait(core, None),
                Next::WaitUntil(time) => core = self.wait(core, Some(time.saturating_sub(now))),
                Next::Start { node, .. } | Next::Ask { node, .. } | Next::Step(node) | Next::GiveUp(node) => {
                    let kind = core.plan.graph[node];
                    // what else may begin is for another thread, which goes on in the same way
                    if core.waiting > 0 && core.schedule.has_more() {
                        self.changed.notify_one();
                    }
                    return Some((next, kind));
                }
            }
        }
    }

    /// Sleeps until something changes, or for so long.
    fn wait<'c>(&self, mut core: MutexGuard<'c, Core>, limit: Option<Duration>) -> MutexGuard<'c, Core> {
        core.waiting += 1;
        core = match limit {
            None => self.changed.wait(core).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => self.changed.wait_timeout(core, limit).unwrap_or_else(PoisonError::into_inner).0,
        };
        core.waiting -= 1;
        core
    }
}

/// The calls that the addresses name, as far as calls are known.
fn named_calls(plan: &Plan, addresses: &[String]) -> FxHashSet<CallId> {
    let named = addresses.iter().filter_map(|address| select::named(plan, address).ok());
    named.flat_map(|named| named.calls).collect()
}

/// The nodes of the calls that the addresses name, and the sync points that come of those; all without addresses.
pub fn wanted_nodes(plan: &Plan, addresses: Option<&[String]>) -> Vec<NodeIndex> {
    let Some(addresses) = addresses else { return plan.graph.node_indices().collect() };
    let mut nodes = Vec::new();
    for named in addresses.iter().filter_map(|address| select::named(plan, address).ok()) {
        nodes.extend(named.calls.into_iter().map(|call| plan.node_of(call)));
        nodes.extend(named.unexpanded.into_iter().filter_map(|task| plan.expansion_of(task)));
    }
    let syncs = select::reached_syncs(plan, &nodes);
    nodes.into_iter().chain(syncs).collect()
}

impl Core {
    fn stop(&mut self) {
        self.schedule.stop(&self.plan);
    }

    /// As `stop`, because of something that leaves finalizers little time.
    fn cut_off(&mut self) {
        self.schedule.cut_off(&self.plan);
    }

    /// Ends what can never run; whether finalizers got ready by it.
    fn close(&mut self) -> bool {
        self.schedule.close(&self.plan)
    }

    /// Counts a failure; by default nothing starts after it.
    fn failed(&mut self, options: &Options, enders: &Enders) {
        self.failures += 1;
        let too_many = options.max_failures.is_some_and(|most| self.failures >= most);
        if !options.keep_going || options.fail_fast || too_many {
            self.stop();
        }
        if options.fail_fast {
            enders.end_all(Ending::Gently(rustix::process::Signal::TERM.as_raw()));
        }
    }

    fn status(&self) -> RunStatus {
        match self {
            Core { signal: Some(_), .. } => RunStatus::Interrupted,
            Core { clash: Some(_), .. } | Core { in_conflict: true, .. } => RunStatus::Conflict,
            Core { failures: 1.., .. } | Core { timed_out: true, .. } | Core { broken: Some(_), .. } => {
                RunStatus::Failed
            }
            _ => RunStatus::Succeeded,
        }
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
