//! What is still to come: whose turn it is among calls that are ready, and how long the run will go on. Both are told from
//! what each call is expected to take, which is advice: it may be wrong, and no result depends on it. Does not know where
//! it is known from.

use std::time::Duration;

use petgraph::graph::NodeIndex;

use super::{Schedule, State, call_order};
use crate::plan::rank::longest_paths;
use crate::plan::{CallId, Plan};

/// Paths of about this many seconds, or less, are all the same: what tells them apart is chance.
const SHORTEST: f32 = 0.01;

/// What calls are expected to take.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Of each call, by its id.
    pub seconds: Vec<f32>,
    /// Whether so much of it is known that it says when the run will end.
    pub foretells: bool,
}

/// What is expected of the run.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// Of each node, its turn. Empty: call order alone.
    turns: Vec<u32>,
    forecast: Option<Forecast>,
}

/// The books from which the time left is told.
#[derive(Debug)]
struct Forecast {
    /// What each call is expected to take, by its id: seconds, times the slots that it takes.
    work: Vec<f32>,
    /// The longest path from each node.
    paths: Vec<f32>,
    /// The work of all calls that have not ended.
    left: f64,
    running: Vec<Attempt>,
}

/// An attempt that goes on.
#[derive(Debug)]
struct Attempt {
    node: NodeIndex,
    since: Duration,
    slots: u32,
}

impl Outlook {
    /// The turn of a node among those that are ready: the longest path first, then call order.
    pub fn turn(&self, plan: &Plan, node: NodeIndex) -> u32 {
        self.turns.get(node.index()).copied().unwrap_or_else(|| call_order(plan, node))
    }

    /// An attempt begins.
    pub fn began(&mut self, node: NodeIndex, slots: u32, now: Duration) {
        if let Some(forecast) = &mut self.forecast {
            forecast.running.push(Attempt { node, since: now, slots });
        }
    }

    /// An attempt is over.
    pub fn paused(&mut self, node: NodeIndex) {
        if let Some(forecast) = &mut self.forecast {
            forecast.running.retain(|attempt| attempt.node != node);
        }
    }

    /// What would still be to come will not: nothing is foretold any more.
    pub fn broke_off(&mut self) {
        self.forecast = None;
    }

    /// The node will not begin any more.
    pub fn ended(&mut self, plan: &Plan, node: NodeIndex) {
        if let (Some(forecast), Some(call)) = (&mut self.forecast, plan.call_at(node)) {
            forecast.left -= f64::from(forecast.work_of(call));
        }
    }
}

impl Forecast {
    fn work_of(&self, call: CallId) -> f32 {
        self.work.get(call.0 as usize).copied().unwrap_or(0.0)
    }

    /// The work that is left, shared by the slots; not less than the longest path that has begun takes, since all that
    /// waits comes after something that runs or is ready.
    fn left(&self, plan: &Plan, slots: u32, now: Duration) -> f64 {
        let (mut left, mut longest) = (self.left, 0.0_f64);
        for &Attempt { node, since, slots } in &self.running {
            let work = plan.call_at(node).map_or(0.0, |call| f64::from(self.work_of(call)));
            let done = (now.saturating_sub(since).as_secs_f64() * f64::from(slots)).min(work);
            left -= done;
            let path = self.paths.get(node.index()).copied().unwrap_or(0.0);
            longest = longest.max(f64::from(path) - done / f64::from(slots));
        }
        (left / f64::from(slots)).max(longest).max(0.0)
    }
}

impl Schedule {
    /// Puts what is ready, and what will be, in order. To be told again when the plan has grown. `None`: nothing is known,
    /// and each call counts the same.
    pub fn expect(&mut self, plan: &Plan, expected: Option<Expected>) {
        let is_wanted = |node: NodeIndex| self.states[node.index()] != State::Unwanted;
        let takes = |node: NodeIndex| match (&expected, plan.call_at(node)) {
            (Some(expected), Some(call)) if is_wanted(node) => expected.seconds_of(call),
            (None, Some(_)) if is_wanted(node) => 1.0,
            _ => 0.0,
        };
        if expected.is_none() && plan.graph.edge_count() == 0 {
            return;
        }
        let paths = longest_paths(plan, takes);
        let turns = turns(plan, &paths);
        if !(turns.is_empty() && self.outlook.turns.is_empty()) {
            self.outlook.turns = turns;
            self.ready.reorder(|node| self.outlook.turn(plan, node));
        }
        if let Some(expected) = expected.filter(|expected| expected.foretells) {
            self.foretell(plan, expected, paths);
        }
    }

    fn foretell(&mut self, plan: &Plan, expected: Expected, paths: Vec<f32>) {
        let mut work = expected.seconds;
        for call in plan.calls() {
            let slots = self.rules.slots_of(plan.task_of(call).0);
            if let Some(work) = work.get_mut(call.0 as usize) {
                *work *= slots as f32;
            }
        }
        let running = self.outlook.forecast.take().map_or(Vec::new(), |before| before.running);
        let mut forecast = Forecast { work, paths, left: 0.0, running };
        let is_open = |node: NodeIndex| {
            matches!(self.states[node.index()], State::Waiting | State::Ready | State::Running)
        };
        let open = plan.calls().filter(|&call| is_open(plan.node_of(call)));
        forecast.left = open.map(|call| f64::from(forecast.work_of(call))).sum();
        self.outlook.forecast = Some(forecast);
    }

    /// How long the run will go on, as far as that is known.
    pub fn time_left(&self, plan: &Plan, now: Duration) -> Option<Duration> {
        let forecast = self.outlook.forecast.as_ref()?;
        let left = forecast.left(plan, self.rules.jobs, now);
        Duration::try_from_secs_f64(left).ok()
    }
}

impl Expected {
    fn seconds_of(&self, call: CallId) -> f32 {
        self.seconds.get(call.0 as usize).copied().unwrap_or(0.0)
    }
}

/// The turn of each node, from the longest path that begins with it; none where all are alike.
fn turns(plan: &Plan, paths: &[f32]) -> Vec<u32> {
    if paths.iter().all(|&path| rough(path) == rough(paths[0])) {
        return Vec::new();
    }
    let mut nodes: Vec<(u64, NodeIndex)> = plan
        .graph
        .node_indices()
        .map(|node| {
            let longest_first = u64::from(u32::MAX - rough(paths[node.index()]));
            (longest_first << 32 | u64::from(call_order(plan, node)), node)
        })
        .collect();
    nodes.sort_unstable();
    let mut turns = vec![0; nodes.len()];
    nodes.iter().zip(0..).for_each(|(&(_, node), turn)| turns[node.index()] = turn);
    turns
}

/// A number that grows with the path, the same for two that differ by less than a sixteenth: calls that take about the same
/// keep their order from run to run.
fn rough(path: f32) -> u32 {
    const DROPPED: u32 = f32::MANTISSA_DIGITS - 1 - 4;
    // the bits of what is not negative sort as the numbers do
    path.clamp(SHORTEST, f32::MAX).to_bits() >> DROPPED
}
