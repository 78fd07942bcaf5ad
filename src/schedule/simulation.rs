//! Runs of small plans in made-up time: what must hold of any of them, and what was chosen where there was a choice.
//! The simulation keeps its own books of what runs and what is taken.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use proptest::prelude::*;

use super::demand::{Demand, Grant, Rules, TaskRules, Wants};
use super::outlook::Expected;
use super::pools::{Capacity, PoolId};
use super::retry::{RetryOn, RetryPolicy};
use super::start::Next;
use super::tests::plan;
use super::*;
use crate::outcome::{Exit, Failure};

const PER: Duration = Duration::from_millis(40);
const LONGEST: u64 = 20;

#[derive(Clone, Debug)]
struct TaskCase {
    /// How many calls.
    width: usize,
    /// Earlier tasks, and whether key by key or as a whole.
    after: Vec<(usize, bool)>,
    wants: Vec<u64>,
    cpus: u32,
    computed: bool,
    retries: u32,
    listed: bool,
}

#[derive(Clone, Debug)]
struct Case {
    jobs: u32,
    capacities: Vec<Capacity>,
    tasks: Vec<TaskCase>,
    sync: bool,
    keep_going: bool,
    /// Of a hundred attempts, how many fail.
    failing: u64,
    seed: u64,
}

fn task_cases() -> impl Strategy<Value = TaskCase> {
    let after = prop::collection::vec((0..8_usize, any::<bool>()), 0..3);
    let wants = prop::collection::vec(prop_oneof![2 => Just(0), 1 => 0..8_u64], 3);
    let cpus = prop_oneof![3 => Just(1), 2 => 1..6_u32];
    (after, wants, cpus, any::<bool>(), 0..3_u32, any::<bool>()).prop_map(
        |(after, wants, cpus, computed, retries, listed)| TaskCase {
            width: 1,
            after,
            wants,
            cpus,
            computed,
            retries,
            listed,
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    let capacities = (1..5_u64, 1..4_u32, 1..5_u64).prop_map(|(amount, items, rate)| {
        vec![Capacity::Amount(amount), Capacity::Items(items), Capacity::Rate { amount: rate, per: PER }]
    });
    let tasks = prop::collection::vec(task_cases(), 1..7);
    let failing = prop_oneof![2 => Just(0), 2 => Just(20), 1 => Just(60)];
    (1..6_u32, 1..6_usize, capacities, tasks, any::<bool>(), any::<bool>(), failing, any::<u64>()).prop_map(
        |(jobs, width, capacities, mut tasks, sync, keep_going, failing, seed)| {
            tasks.iter_mut().for_each(|task| task.width = width);
            Case { jobs, capacities, tasks, sync, keep_going, failing, seed }
        },
    )
}

/// One large call among many small ones that would take what it needs, bit by bit.
fn crowds() -> impl Strategy<Value = Case> {
    let capacities = (2..5_u64, 2..5_u32)
        .prop_map(|(amount, items)| vec![Capacity::Amount(amount), Capacity::Items(items)]);
    let large = (1..6_u32, 0..5_u64, 0..5_u64);
    (2..6_u32, capacities, large, 1..6_usize, any::<u64>()).prop_map(
        |(jobs, capacities, (cpus, amount, items), early, seed)| {
            let task = |width, cpus, wants: [u64; 2]| TaskCase {
                width,
                after: Vec::new(),
                wants: wants.to_vec(),
                cpus,
                computed: false,
                retries: 0,
                listed: false,
            };
            let small = [[0, 0], [1, 0], [0, 1], [1, 1]];
            let tasks = small.map(|wants| task(early, 1, wants)).into_iter();
            let tasks = tasks.chain([task(1, cpus, [amount, items])]);
            let crowd = small.iter().cycle().take(32).map(|&wants| task(3, 1, wants));
            let tasks = tasks.chain(crowd).collect();
            Case { jobs, capacities, tasks, sync: false, keep_going: true, failing: 0, seed }
        },
    )
}

impl Case {
    fn plan(&self) -> Plan {
        let mut text = String::new();
        for (index, task) in self.tasks.iter().enumerate() {
            let earlier = task.after.iter().filter(|_| index > 0).map(|&(before, by_key)| {
                let key = if by_key { "[${{ i }}]" } else { "" };
                format!("'t{}{key}'", before % index)
            });
            let mut after: BTreeSet<String> = earlier.collect();
            if self.sync && index + 1 == self.tasks.len() && index > 0 {
                text += "[sync.point]\nwaits-for = ['t0']\n";
                after.insert("'point'".to_owned());
            }
            let after: Vec<String> = after.into_iter().collect();
            let width = task.width;
            text += &format!("[tasks.t{index}]\nfor = {{ i = 'range({width})' }}\nrun = 'true'\n");
            text += &format!("after = [{}]\n", after.join(", "));
        }
        plan(&text)
    }

    fn rules(&self) -> Rules {
        let tasks = self.tasks.iter().map(|task| TaskRules {
            wants: if task.computed { Wants::Computed } else { Wants::Fixed(self.demand(task, 0)) },
            retry: RetryPolicy {
                retries: task.retries,
                delay: Duration::from_millis(16),
                retry_on: match task.listed {
                    true => RetryOn::Listed { codes: vec![75], timeout: false },
                    false => RetryOn::All,
                },
            },
        });
        Rules::new(self.jobs, self.capacities.clone(), tasks.collect(), self.seed).unwrap()
    }

    /// What a task wants, differently for each `more`.
    fn demand(&self, task: &TaskCase, more: u64) -> Demand {
        let uses = self.capacities.iter().enumerate().zip(&task.wants).map(|((pool, &capacity), &amount)| {
            let more = if amount > 0 { more } else { 0 };
            (PoolId(pool as u32), (amount + more) % (holds(capacity) + 1))
        });
        Demand::new(task.cpus + more as u32 % 2, uses)
    }

    fn demand_of(&self, plan: &Plan, node: NodeIndex, attempt: u32) -> Demand {
        let task = &self.tasks[plan.task_of(plan.call_at(node).unwrap()).0 as usize];
        self.demand(task, if task.computed { node.index() as u64 + u64::from(attempt) } else { 0 })
    }

    fn roll(&self, node: NodeIndex, attempt: u32, what: u64) -> u64 {
        let seed = self.seed ^ (node.index() as u64) << 24 ^ u64::from(attempt) << 8 ^ what;
        fastrand::Rng::with_seed(seed).u64(..) >> 16
    }

    fn duration(&self, node: NodeIndex, attempt: u32) -> Duration {
        Duration::from_millis(self.roll(node, attempt, 1) % LONGEST + 1)
    }

    fn failure(&self, node: NodeIndex, attempt: u32) -> Option<Failure> {
        let code = if self.roll(node, attempt, 2).is_multiple_of(2) { 75 } else { 1 };
        let fails = self.roll(node, attempt, 3) % 100 < self.failing;
        fails.then_some(Failure::Exit { exit: Exit::Code(code) })
    }
}

fn holds(capacity: Capacity) -> u64 {
    match capacity {
        Capacity::Amount(amount) | Capacity::Rate { amount, .. } => amount,
        Capacity::Items(count) => count.into(),
    }
}

/// A run in made-up time, with books of its own.
struct Simulation<'a> {
    case: &'a Case,
    plan: &'a Plan,
    schedule: Schedule,
    now: Duration,
    /// By the time of its end and its node, what runs.
    running: BTreeMap<(Duration, NodeIndex), Option<(u32, Grant)>>,
    attempts: BTreeMap<NodeIndex, u32>,
    /// Between two attempts, and from when on the next may start.
    between: BTreeMap<NodeIndex, Duration>,
    ended: BTreeMap<NodeIndex, bool>,
    /// When how much was taken of the rate.
    taken: Vec<(Duration, u64)>,
    stopped: bool,
    /// The call that has room kept for it, since when, and how long that may take.
    reserved: Option<(NodeIndex, Duration, Duration)>,
    actions: Vec<(Duration, Next)>,
}

impl<'a> Simulation<'a> {
    fn new(case: &'a Case, plan: &'a Plan) -> Simulation<'a> {
        let mut schedule = Schedule::new(plan, case.rules());
        schedule.want(plan, plan.graph.node_indices());
        // whatever is expected, and however wrong it is
        if case.seed.is_multiple_of(2) {
            let seconds = plan.calls().map(|call| case.roll(plan.node_of(call), 0, 5) as f32 / 1e9);
            schedule.expect(plan, Some(Expected { seconds: seconds.collect(), foretells: true }));
        }
        Simulation {
            case,
            plan,
            schedule,
            now: Duration::ZERO,
            running: BTreeMap::new(),
            attempts: BTreeMap::new(),
            between: BTreeMap::new(),
            ended: BTreeMap::new(),
            taken: Vec::new(),
            stopped: false,
            reserved: None,
            actions: Vec::new(),
        }
    }

    fn run(mut self) -> Vec<(Duration, Next)> {
        loop {
            let next = self.schedule.next_at(self.now);
            self.actions.push((self.now, next.clone()));
            self.check_reservation(&next);
            match next {
                Next::Start { node, attempt, grant } => self.start(node, attempt, grant),
                Next::Step(node) => {
                    self.check_may_start(node);
                    self.running.insert((self.now + Duration::from_millis(3), node), None);
                }
                Next::Ask { node, attempt } => self.answer(node, attempt),
                Next::GiveUp(node) => {
                    assert!(self.stopped && self.between.remove(&node).is_some());
                    self.end(node, false);
                }
                Next::WaitUntil(time) => {
                    assert!(time > self.now, "a wait for {time:?} at {:?}", self.now);
                    self.check_nothing_is_left_lying();
                    match self.running.first_key_value() {
                        Some((&(end, _), _)) if end <= time => self.end_next(),
                        _ => self.now = time,
                    }
                }
                Next::Wait => {
                    assert!(!self.running.is_empty(), "nothing runs, yet the schedule waits");
                    self.check_nothing_is_left_lying();
                    self.end_next();
                }
                Next::Over => return self.over(),
            }
        }
    }

    fn answer(&mut self, node: NodeIndex, attempt: u32) {
        assert_eq!(attempt, self.attempts.get(&node).map_or(1, |made| made + 1));
        if self.case.roll(node, attempt, 4) % 100 < self.case.failing / 4 {
            self.between.remove(&node);
            self.end(node, false);
        } else {
            let demand = self.case.demand_of(self.plan, node, attempt);
            self.schedule.demand(self.plan, node, demand).unwrap();
        }
    }

    fn start(&mut self, node: NodeIndex, attempt: u32, grant: Grant) {
        self.check_may_start(node);
        let made = self.attempts.insert(node, attempt).unwrap_or(0);
        assert_eq!(attempt, made + 1, "attempts are counted");
        if attempt > 1 {
            let at = self.between.remove(&node);
            assert!(at.is_some_and(|at| at <= self.now), "a retry before its time");
        }
        let demand = self.case.demand_of(self.plan, node, attempt);
        assert_eq!(grant.cpus, demand.cpus().min(self.case.jobs));
        self.taken.push((self.now, demand.of(PoolId(2))));
        let items: usize = grant.items.iter().map(|(_, items)| items.len()).sum();
        assert_eq!(items as u64, demand.of(PoolId(1)), "items as many as asked for");
        let end = self.now + self.case.duration(node, attempt);
        self.running.insert((end, node), Some((attempt, grant)));
        self.check_what_is_taken();
    }

    fn check_may_start(&self, node: NodeIndex) {
        let name = self.plan.node_name(node);
        assert!(!self.stopped, "{name} starts though the run stops");
        assert!(!self.ended.contains_key(&node), "{name} starts though it has ended");
        assert!(!self.running.keys().any(|&(_, other)| other == node), "{name} starts twice");
        assert!(self.is_ready(node), "{name} starts before what it needs has ended");
    }

    fn is_ready(&self, node: NodeIndex) -> bool {
        self.plan.graph.neighbors_directed(node, Direction::Incoming).all(|before| {
            match self.plan.graph[before] {
                Node::Join(_) => self.is_ready(before),
                _ => self.ended.get(&before) == Some(&true),
            }
        })
    }

    fn check_what_is_taken(&self) {
        let grants = || self.running.iter().filter_map(|((_, node), grant)| Some((*node, grant.as_ref()?)));
        let cpus: u32 = grants().map(|(_, (_, grant))| grant.cpus).sum();
        assert!(cpus <= self.case.jobs, "{cpus} slots are taken");
        let slots: BTreeSet<u32> = grants().map(|(_, (_, grant))| grant.slot).collect();
        assert!(
            slots.len() == grants().count() && slots.iter().all(|slot| (1..=self.case.jobs).contains(slot))
        );
        let amount: u64 = grants()
            .map(|(node, (attempt, _))| self.case.demand_of(self.plan, node, *attempt).of(PoolId(0)))
            .sum();
        assert!(amount <= holds(self.case.capacities[0]), "{amount} is taken");
        let mut items: Vec<u32> = grants()
            .flat_map(|(_, (_, grant))| grant.items.iter().flat_map(|(_, items)| items.clone()))
            .collect();
        items.sort_unstable();
        assert!(items.iter().all(|&item| u64::from(item) < holds(self.case.capacities[1])));
        assert!(items.windows(2).all(|pair| pair[0] != pair[1]), "an item is lent twice: {items:?}");
        let in_window = self.taken.iter().filter(|(at, _)| *at + PER > self.now);
        let rate: u64 = in_window.map(|(_, amount)| amount).sum();
        let most = self.case.capacities.get(2).map_or(0, |&capacity| holds(capacity));
        assert!(rate <= most, "{rate} in a window");
    }

    /// A call that has room kept for it starts within a time that does not depend on how many others come: a round
    /// for each thing that it needs, each as long as those run that have it, or as a rate takes.
    fn check_reservation(&mut self, next: &Next) {
        let reserved = self.schedule.reserved();
        let Some((node, since, within)) = self.reserved.filter(|_| !self.stopped) else {
            self.reserved = reserved.map(|node| (node, self.now, self.longest_wait(node)));
            return;
        };
        assert!(self.now <= since + within, "{} starves", self.plan.node_name(node));
        if reserved != Some(node) {
            let starts = matches!(next, Next::Start { node: other, .. } if *other == node);
            assert!(starts, "a reservation is dropped");
            self.reserved = reserved.map(|node| (node, self.now, self.longest_wait(node)));
        }
    }

    fn longest_wait(&self, node: NodeIndex) -> Duration {
        let attempt = self.attempts.get(&node).map_or(1, |made| made + 1);
        let demand = self.case.demand_of(self.plan, node, attempt);
        let rounds = 1 + demand.uses().len() as u32;
        Duration::from_millis(LONGEST) * rounds + if demand.of(PoolId(2)) > 0 { PER } else { Duration::ZERO }
    }

    /// A call waits only for slots, for a retry's time, or behind the call that has room kept for it.
    fn check_nothing_is_left_lying(&self) {
        let grants = self.running.values().flatten();
        let cpus: u32 = grants.map(|(_, grant)| grant.cpus).sum();
        if self.stopped || self.schedule.reserved().is_some() || cpus == self.case.jobs {
            return;
        }
        for call in self.plan.calls() {
            let node = self.plan.node_of(call);
            let busy = self.running.keys().any(|&(_, other)| other == node)
                || self.ended.contains_key(&node)
                || self.between.get(&node).is_some_and(|&at| at > self.now);
            assert!(busy || !self.is_ready(node), "{} could start", self.plan.node_name(node));
        }
    }

    fn end_next(&mut self) {
        let Some(((end, node), grant)) = self.running.pop_first() else { return };
        self.now = end;
        let Some((attempt, _)) = grant else { return self.end(node, true) };
        let Some(failure) = self.case.failure(node, attempt) else { return self.end(node, true) };
        match self.schedule.retry(self.plan, node, self.now, &failure) {
            Some(at) => {
                assert!(!self.stopped);
                let least = Duration::from_millis(8 << (attempt - 1));
                assert!(self.now + least <= at && at <= self.now + least * 2);
                self.between.insert(node, at);
            }
            None => {
                let task = &self.case.tasks[self.plan.task_of(self.plan.call_at(node).unwrap()).0 as usize];
                let unlisted = task.listed && failure == Failure::Exit { exit: Exit::Code(1) };
                assert!(self.stopped || unlisted || attempt == task.retries + 1, "a retry is missing");
                self.end(node, false);
            }
        }
    }

    fn end(&mut self, node: NodeIndex, passed: bool) {
        let before = self.ended.insert(node, passed);
        assert_eq!(before, None, "{} ends twice", self.plan.node_name(node));
        if !passed && !self.case.keep_going {
            self.schedule.stop(self.plan);
            self.stopped = true;
        }
        let end = if passed { End::Passed } else { End::Failed };
        self.schedule.ended(self.plan, node, end);
    }

    fn over(self) -> Vec<(Duration, Next)> {
        assert!(self.running.is_empty() && self.between.is_empty());
        for node in self.plan.graph.node_indices() {
            let name = self.plan.node_name(node);
            match (self.ended.get(&node), self.schedule.end_of(node)) {
                (Some(true), end) => assert_eq!(end, Some(End::Passed), "{name}"),
                (Some(false), end) => assert_eq!(end, Some(End::Failed), "{name}"),
                (None, Some(End::Blocked(by))) => assert_eq!(self.ended.get(&by), Some(&false), "{name}"),
                (None, Some(End::Passed)) => {
                    assert!(matches!(self.plan.graph[node], Node::Join(_)), "{name}")
                }
                (None, end) => assert!(self.stopped && end.is_none(), "{name} never ran: {end:?}"),
            }
        }
        self.actions
    }
}

fn repeats(case: &Case) {
    let plan = case.plan();
    let actions = Simulation::new(case, &plan).run();
    assert_eq!(actions, Simulation::new(case, &plan).run(), "the same case does otherwise");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_run_keeps_the_rules_and_repeats(case in cases()) {
        repeats(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_large_call_in_a_crowd_does_not_starve(case in crowds()) {
        repeats(&case);
    }
}
