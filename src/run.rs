//! The loop: asks the schedule what may start, makes it happen on a thread for each slot, feeds back what ended, and
//! tells every fact as an event. A thread that ends an attempt reports it itself, under the one lock.

mod call;
mod expansion;
mod sync;
mod tell;

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::event::RunStatus;
use crate::exec::{End as Ending, Enders};
use crate::manifest::Manifest;
use crate::mask::Masker;
use crate::outcome::Outcome;
use crate::plan::{CallId, Node, Plan, select};
use crate::prepare::Setting;
use crate::report::Reporters;
use crate::schedule::{End, Schedule};
use crate::store::{Clash, Store};

/// What a run is asked for.
#[derive(Debug)]
pub struct Options {
    /// Slots: how many calls run at a time.
    pub jobs: usize,
    pub keep_going: bool,
    /// The first failure also ends the calls that run.
    pub fail_fast: bool,
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
    /// The signal that ended the run.
    pub signal: Option<i32>,
    /// Whether a failure left the rest running, so that what was filled is worth telling.
    pub keeps_going: bool,
    /// Hides every secret that the run came to know.
    pub secrets: Masker,
}

/// A run that goes on: shared by its threads and the signal handler's thread.
#[derive(Debug)]
pub struct Running {
    manifest: Arc<Manifest>,
    options: Options,
    setting: Setting,
    enders: Enders,
    reporters: Arc<Reporters>,
    began: Instant,
    core: Mutex<Core>,
    changed: Condvar,
}

/// What the one lock guards.
#[derive(Debug)]
struct Core {
    plan: Plan,
    schedule: Schedule,
    store: Store,
    outcomes: Vec<Option<Outcome>>,
    /// Those that `Options::skipped` names.
    skipped: FxHashSet<CallId>,
    failures: usize,
    clash: Option<Clash>,
    signal: Option<i32>,
}

impl Running {
    /// A run at its start. Fails where the process may open no further files.
    pub fn new(
        plan: Plan,
        options: Options,
        setting: Setting,
        reporters: Arc<Reporters>,
    ) -> std::io::Result<Running> {
        let mut schedule = Schedule::new(&plan);
        schedule.want(&plan, wanted_nodes(&plan, options.wanted.as_deref()));
        let core = Core {
            schedule,
            store: Store::new(&plan),
            outcomes: vec![None; plan.call_count()],
            skipped: named_calls(&plan, &options.skipped),
            failures: 0,
            clash: None,
            signal: None,
            plan,
        };
        Ok(Running {
            manifest: core.plan.manifest.clone(),
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
        self.tell_signal(signal);
        drop(core);
        self.changed.notify_all();
    }

    /// Runs to the end on a thread for each slot.
    pub fn run(&self) {
        self.tell_start();
        std::thread::scope(|threads| {
            for slot in 1..=self.threads() {
                let thread = std::thread::Builder::new().name(format!("slot {slot}"));
                let spawned = thread.spawn_scoped(threads, move || self.work(slot));
                match spawned {
                    // one thread does all the work, if the machine gives no more
                    Err(_) if slot == 1 => self.work(slot),
                    Err(_) => break,
                    Ok(_) => {}
                }
            }
        });
        self.tell_end();
    }

    /// A thread for each slot; fewer where there are fewer calls and none can be added.
    fn threads(&self) -> usize {
        let plan = &self.lock().plan;
        let grows = plan.task_ids().any(|task| plan.is_unexpanded(task));
        let most = if grows { usize::MAX } else { plan.call_count() + plan.sync_nodes.len() };
        self.options.jobs.min(most).max(1)
    }

    /// What came of it, once [`Running::run`] has returned.
    pub fn into_ran(self) -> Ran {
        let keeps_going = self.options.keep_going;
        let secrets = self.setting.secrets.known();
        let core = self.core.into_inner().unwrap_or_else(PoisonError::into_inner);
        let status = core.status();
        Ran {
            status,
            plan: core.plan,
            store: core.store,
            clash: core.clash,
            signal: core.signal,
            keeps_going,
            secrets,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, slot: usize) {
        while let Some((node, kind)) = self.next() {
            match kind {
                Node::Call(call) => self.call(call, node, slot),
                Node::Sync(sync) => self.sync(sync, node),
                Node::Expansion(task) => self.expand(task, node),
                Node::Join(_) => {
                    let core = &mut *self.lock();
                    core.schedule.ended(&core.plan, node, End::Passed);
                }
            }
            self.changed.notify_all();
        }
        self.changed.notify_all();
    }

    /// Waits for a node that may start; `None` once the run is over.
    fn next(&self) -> Option<(NodeIndex, Node)> {
        let mut core = self.lock();
        loop {
            if core.schedule.is_over() {
                return None;
            }
            match core.schedule.start() {
                Some(node) => return Some((node, core.plan.graph[node])),
                None => core = self.changed.wait(core).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Two calls are in conflict: nothing starts any more.
    fn stop_for(&self, clash: Clash) {
        let mut core = self.lock();
        core.clash.get_or_insert(clash);
        core.schedule.stop();
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
    /// Counts a failure; by default nothing starts after it.
    fn failed(&mut self, options: &Options, enders: &Enders) {
        self.failures += 1;
        if !options.keep_going || options.fail_fast {
            self.schedule.stop();
        }
        if options.fail_fast {
            enders.end_all(Ending::Gently(rustix::process::Signal::TERM.as_raw()));
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

/// Where a slot's calls put private files.
fn slot_folder(setting: &Setting, slot: usize) -> PathBuf {
    setting.scratch.join(slot.to_string())
}
