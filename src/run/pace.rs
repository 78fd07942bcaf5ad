//! What calls took in past runs, told of this plan's calls; and what those of this run took, for the runs to come.

use std::mem::take;
use std::time::Duration;

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashSet;

use crate::plan::{CallId, Plan, TaskId};
use crate::schedule::outlook::Expected;
use crate::spread;
use crate::state::durations::{Id, Past};

use super::{Core, Running};

/// What a call took that is not worth being kept, in seconds: the average of its task says as much.
const BRIEF: f32 = 0.002;

/// To look up so many calls is worth a thread of its own.
const CALLS: usize = 4096;

/// What is known of the calls of a run.
#[derive(Debug, Default)]
pub(super) struct Pace {
    past: Past,
    /// What each call of the plan is known to take, by its id; not a number where nothing is.
    known: Vec<f32>,
    /// Calls that are known to have taken longer than what is not kept.
    long: FxHashSet<CallId>,
    /// What calls took that succeeded, in seconds.
    took: Vec<(CallId, f32)>,
}

impl Pace {
    pub fn new(past: Past) -> Pace {
        Pace { past, ..Pace::default() }
    }

    pub fn took(&mut self, call: CallId, took: Duration) {
        self.took.push((call, took.as_secs_f32()));
    }

    /// What is expected of the calls of a plan. A call that never ran is expected to take what its task's calls took on
    /// average, one of a new task what all others do. `None`: nothing is known. To be asked again when the plan has grown.
    pub fn expected(&mut self, plan: &Plan, is_wanted: impl Fn(NodeIndex) -> bool) -> Option<Expected> {
        if self.past.is_empty() {
            return None;
        }
        let of_tasks: Vec<_> = plan.task_ids().map(|task| self.past.of(of_task(plan, task))).collect();
        let knows_calls = self.past.len() > of_tasks.iter().flatten().count();
        let new: Vec<CallId> = plan.calls().skip(self.known.len()).collect();
        let own = |at: usize| if knows_calls { self.past.of(of_call(plan, new[at])) } else { None };
        let own = spread::map(new.len(), CALLS, own);
        for (call, own) in new.into_iter().zip(own) {
            if own.is_some_and(|seconds| seconds >= BRIEF) {
                self.long.insert(call);
            }
            let seconds = own.or(of_tasks[plan.task_of(call).0 as usize]);
            self.known.push(seconds.unwrap_or(f32::NAN));
        }
        let grows = plan.task_ids().any(|task| plan.is_unexpanded(task));
        let mut seconds = if grows { self.known.clone() } else { take(&mut self.known) };
        if !grows {
            self.past = Past::default();
        }
        let wanted = plan.calls().filter(|&call| is_wanted(plan.node_of(call)));
        let (mut all, mut known, mut sum) = (0_usize, 0_usize, 0.0_f64);
        for seconds in wanted.map(|call| seconds[call.0 as usize]) {
            all += 1;
            known += usize::from(!seconds.is_nan());
            sum += f64::from(if seconds.is_nan() { 0.0 } else { seconds });
        }
        let mean = (sum / known.max(1) as f64) as f32;
        seconds.iter_mut().filter(|seconds| seconds.is_nan()).for_each(|seconds| *seconds = mean);
        (known > 0).then_some(Expected { seconds, foretells: 2 * known >= all })
    }

    /// What is worth keeping: of each call that succeeded and was not brief what it took, then of each task what its calls
    /// took on average.
    fn learnt(&self, plan: &Plan) -> Vec<(Id, f32)> {
        let mut learnt = Vec::new();
        let mut of_tasks = vec![(0.0_f64, 0_u32); plan.tasks.len()];
        for &(call, seconds) in &self.took {
            if seconds >= BRIEF || self.long.contains(&call) {
                learnt.push((of_call(plan, call), seconds));
            }
            let (sum, count) = &mut of_tasks[plan.task_of(call).0 as usize];
            *sum += f64::from(seconds);
            *count += 1;
        }
        for (task, (sum, count)) in plan.task_ids().zip(of_tasks) {
            if count > 0 {
                learnt.push((of_task(plan, task), (sum / f64::from(count)) as f32));
            }
        }
        learnt
    }
}

impl Core {
    /// Orders what is ready by what is known.
    pub(super) fn expect(&mut self) {
        let expected = self.pace.expected(&self.plan, |node| self.schedule.is_wanted(node));
        self.schedule.expect(&self.plan, expected);
    }
}

impl Running {
    /// What calls took in this run, and how many calls the plan has.
    pub fn learnt(&self) -> (Vec<(Id, f32)>, usize) {
        let core = self.lock();
        (core.pace.learnt(&core.plan), core.plan.call_count())
    }
}

fn of_task(plan: &Plan, task: TaskId) -> Id {
    Id::of_task(plan.manifest.tasks[task.0 as usize].name.as_str())
}

fn of_call(plan: &Plan, call: CallId) -> Id {
    Id::of_call(plan.task(call).name.as_str(), plan.row(call).key_texts())
}
