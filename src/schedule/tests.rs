//! Small plans, step by step: what is chosen where there is a choice.

use std::sync::Arc;

use super::demand::{Demand, Grant, Rules, TaskRules, TooMuch, Wants};
use super::outlook::Expected;
use super::pools::{Capacity, PoolId};
use super::retry::{RetryOn, RetryPolicy};
use super::start::Next;
use super::*;
use crate::diagnostic::Source;
use crate::manifest::check;
use crate::outcome::{Exit, Failure};
use crate::plan::scope::World;
use crate::plan::select;
use crate::value::Value;

pub fn plan(text: &str) -> Plan {
    let source = Arc::new(Source { name: "deco.toml".to_owned(), text: text.to_owned() });
    let (manifest, found) = check::parse(source, &std::env::temp_dir(), &[]);
    let manifest = Arc::new(manifest.unwrap_or_else(|| panic!("{found:#?}\n{text}")));
    let world = World::new(manifest.clone(), Value::empty_object());
    Plan::build(manifest, Arc::new(world)).unwrap_or_else(|wrong| panic!("{wrong:#?}\n{text}"))
}

const ANY: Failure = Failure::Exit { exit: Exit::Code(1) };
const DB: PoolId = PoolId(0);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A schedule that is asked and told by addresses.
struct Hand {
    plan: Plan,
    schedule: Schedule,
    grants: Vec<(String, u32, Grant)>,
}

impl Hand {
    fn new(text: &str, jobs: u32, pools: &[Capacity], tasks: Vec<TaskRules>) -> Hand {
        let plan = plan(text);
        let rules = Rules::new(jobs, pools.to_vec(), tasks, 7).unwrap();
        let mut schedule = Schedule::new(&plan, rules);
        schedule.want(&plan, plan.graph.node_indices());
        Hand { schedule, plan, grants: Vec::new() }
    }

    /// All that starts at a time, then what the schedule waits for.
    #[track_caller]
    fn check(&mut self, now: u64, expected: &[&str], wait: Next) {
        let mut started = Vec::new();
        let next = loop {
            match self.schedule.next_at(ms(now)) {
                Next::Start { node, attempt, grant } => {
                    started.push(self.plan.node_name(node));
                    self.grants.push((self.plan.node_name(node).into(), attempt, grant));
                }
                Next::Step(node) => started.push(self.plan.node_name(node)),
                next => break next,
            }
        };
        assert_eq!(started, expected);
        assert_eq!(next, wait);
    }

    fn node(&self, address: &str) -> NodeIndex {
        self.plan.node_of(select::named(&self.plan, address).unwrap().calls[0])
    }

    fn ended(&mut self, address: &str) {
        self.schedule.ended(&self.plan, self.node(address), End::Passed);
    }

    /// What calls are expected to take, in seconds; those that are not named, nothing.
    fn expect(&mut self, seconds: &[(&str, f32)]) {
        let mut expected = Expected { seconds: vec![0.0; self.plan.call_count()], foretells: true };
        for &(address, seconds) in seconds {
            for call in select::named(&self.plan, address).unwrap().calls {
                expected.seconds[call.0 as usize] = seconds;
            }
        }
        self.schedule.expect(&self.plan, Some(expected));
    }

    fn left(&self, now: u64) -> Option<u64> {
        let left = self.schedule.time_left(&self.plan, ms(now))?;
        Some(left.as_secs_f64().mul_add(1e3, 0.5) as u64)
    }

    fn retry(&mut self, address: &str, now: u64) -> Option<Duration> {
        self.schedule.retry(&self.plan, self.node(address), ms(now), &ANY)
    }

    #[track_caller]
    fn check_grant(&self, address: &str, slot: u32, cpus: u32, items: &[u32]) {
        let grant = &self.grants.iter().rfind(|(name, ..)| name == address).unwrap().2;
        let of_pool: Vec<u32> = grant.items.iter().flat_map(|(_, items)| items.clone()).collect();
        assert_eq!((grant.slot, grant.cpus, &of_pool[..]), (slot, cpus, items), "{address}");
    }
}

fn wants(cpus: u32, db: u64) -> TaskRules {
    TaskRules { wants: Wants::Fixed(Demand::new(cpus, [(DB, db)])), ..TaskRules::default() }
}

fn retries(retries: u32) -> TaskRules {
    let retry = RetryPolicy { retries, delay: ms(16), retry_on: RetryOn::All };
    TaskRules { retry, ..TaskRules::default() }
}

/// Tasks of so many calls each, in this order.
fn tasks(counts: &[(&str, usize)]) -> String {
    let task = |(name, count): &(&str, usize)| {
        format!("[tasks.{name}]\nfor = {{ i = 'range({count})' }}\nrun = 'true'\n")
    };
    counts.iter().map(task).collect()
}

#[test]
fn calls_start_in_call_order_with_the_lowest_slots() {
    let mut hand =
        Hand::new(&tasks(&[("a", 2), ("wide", 1), ("b", 3)]), 4, &[], vec![wants(1, 0), wants(2, 0)]);
    hand.check(0, &["a[0]", "a[1]", "wide[0]"], Next::Wait);
    hand.check_grant("wide[0]", 3, 2, &[]);
    hand.ended("a[0]");
    hand.check(1, &["b[0]"], Next::Wait);
    hand.check_grant("b[0]", 1, 1, &[]);
    hand.ended("wide[0]");
    hand.check(2, &["b[1]", "b[2]"], Next::Wait);
    hand.check_grant("b[2]", 4, 1, &[]);
    ["a[1]", "b[0]", "b[1]", "b[2]"].iter().for_each(|call| hand.ended(call));
    hand.check(3, &[], Next::Over);
}

#[test]
fn more_slots_than_there_are_is_all_of_them() {
    let mut hand = Hand::new(&tasks(&[("wide", 1)]), 3, &[], vec![wants(64, 0)]);
    hand.check(0, &["wide[0]"], Next::Wait);
    hand.check_grant("wide[0]", 1, 3, &[]);
}

#[test]
fn a_large_call_gets_the_slots_that_small_ones_give_back() {
    let text = tasks(&[("first", 3), ("large", 1), ("small", 9)]);
    let mut hand = Hand::new(&text, 3, &[], vec![wants(1, 0), wants(3, 0), wants(1, 0)]);
    hand.check(0, &["first[0]", "first[1]", "first[2]"], Next::Wait);
    hand.ended("first[1]");
    hand.check(1, &[], Next::Wait);
    hand.ended("first[0]");
    hand.check(2, &[], Next::Wait);
    hand.ended("first[2]");
    hand.check(3, &["large[0]"], Next::Wait);
    hand.ended("large[0]");
    hand.check(4, &["small[0]", "small[1]", "small[2]"], Next::Wait);
}

#[test]
fn a_large_call_keeps_its_room_when_an_earlier_one_gets_ready() {
    let text = "
        [tasks.one]
        for = { i = 'range(2)' }
        run = 'true'
        [tasks.next]
        for = { i = 'range(2)' }
        run = 'true'
        after = ['one[${{ i }}]']
        [tasks.large]
        run = 'true'";
    let mut hand = Hand::new(text, 2, &[], vec![wants(1, 0), wants(1, 0), wants(2, 0)]);
    hand.check(0, &["one[0]", "one[1]"], Next::Wait);
    hand.ended("one[0]");
    hand.check(1, &["next[0]"], Next::Wait);
    hand.ended("next[0]");
    hand.check(2, &[], Next::Wait);
    hand.ended("one[1]");
    hand.check(3, &["large"], Next::Wait);
    hand.ended("large");
    hand.check(4, &["next[1]"], Next::Wait);
}

#[test]
fn who_waits_for_a_pool_leaves_the_slots_to_others() {
    let text = tasks(&[("query", 3), ("other", 3)]);
    let mut hand = Hand::new(&text, 2, &[Capacity::Amount(1)], vec![wants(1, 1), wants(1, 0)]);
    hand.check(0, &["query[0]", "other[0]"], Next::Wait);
    hand.ended("other[0]");
    hand.check(1, &["other[1]"], Next::Wait);
    hand.ended("query[0]");
    hand.check(2, &["query[1]"], Next::Wait);
    hand.ended("other[1]");
    hand.check(3, &["other[2]"], Next::Wait);
}

#[test]
fn two_scarce_things_do_not_slip_away_in_turn() {
    let text = tasks(&[("holder", 1), ("both", 1), ("other", 4), ("query", 1)]);
    let rules = vec![wants(1, 1), wants(2, 1), wants(1, 0), wants(1, 1)];
    let mut hand = Hand::new(&text, 3, &[Capacity::Amount(1)], rules);
    // while `both` lacks the pool, others have the slots
    hand.check(0, &["holder[0]", "other[0]", "other[1]"], Next::Wait);
    hand.ended("other[0]");
    hand.check(1, &["other[2]"], Next::Wait);
    // now it lacks a second slot: the pool stays kept, though `query` would fit, and the slot is kept too
    hand.ended("holder[0]");
    hand.check(2, &[], Next::Wait);
    hand.ended("other[1]");
    hand.check(3, &["both[0]"], Next::Wait);
    hand.ended("other[2]");
    hand.check(4, &["other[3]"], Next::Wait);
    hand.ended("both[0]");
    hand.check(5, &["query[0]"], Next::Wait);
}

#[test]
fn what_is_kept_stays_kept_while_another_thing_is_lacking() {
    let text = tasks(&[("p", 1), ("both", 1), ("q", 2), ("p_too", 1)]);
    let rules = [&[(DB, 1)][..], &[(DB, 1), (PoolId(1), 1)], &[(PoolId(1), 1)], &[(DB, 1)]];
    let rules = rules.map(|uses| {
        let wants = Wants::Fixed(Demand::new(1, uses.iter().copied()));
        TaskRules { wants, ..TaskRules::default() }
    });
    let pools = [Capacity::Amount(1), Capacity::Amount(1)];
    let mut hand = Hand::new(&text, 4, &pools, rules.to_vec());
    hand.check(0, &["p[0]", "q[0]"], Next::Wait);
    hand.ended("p[0]");
    hand.check(1, &[], Next::Wait);
    hand.ended("q[0]");
    hand.check(2, &["both[0]"], Next::Wait);
    hand.ended("both[0]");
    hand.check(3, &["q[1]", "p_too[0]"], Next::Wait);
}

#[test]
fn items_are_distinct_and_come_back() {
    let text = tasks(&[("train", 3)]);
    let mut hand = Hand::new(&text, 3, &[Capacity::Items(2)], vec![wants(1, 1)]);
    hand.check(0, &["train[0]", "train[1]"], Next::Wait);
    hand.check_grant("train[0]", 1, 1, &[0]);
    hand.check_grant("train[1]", 2, 1, &[1]);
    hand.ended("train[0]");
    hand.check(1, &["train[2]"], Next::Wait);
    hand.check_grant("train[2]", 1, 1, &[0]);
}

#[test]
fn a_rate_tells_when_to_ask_again() {
    let text = tasks(&[("ask", 5), ("other", 1)]);
    let rate = Capacity::Rate { amount: 2, per: ms(100) };
    let mut hand = Hand::new(&text, 9, &[rate], vec![wants(1, 1), wants(1, 0)]);
    hand.check(0, &["ask[0]", "ask[1]", "other[0]"], Next::WaitUntil(ms(100)));
    hand.ended("ask[0]");
    hand.check(99, &[], Next::WaitUntil(ms(100)));
    hand.check(100, &["ask[2]", "ask[3]"], Next::WaitUntil(ms(200)));
    hand.check(250, &["ask[4]"], Next::Wait);
}

#[test]
fn others_have_the_slot_between_two_attempts() {
    let mut hand = Hand::new(&tasks(&[("shaky", 1), ("other", 2)]), 1, &[], vec![retries(2)]);
    hand.check(0, &["shaky[0]"], Next::Wait);
    let at = hand.retry("shaky[0]", 10).unwrap();
    assert!(at >= ms(18) && at <= ms(26), "{at:?}");
    hand.check(10, &["other[0]"], Next::WaitUntil(at));
    hand.ended("other[0]");
    // by call order it goes before others
    hand.check(40, &["shaky[0]"], Next::Wait);
    assert_eq!(hand.grants.last().unwrap().1, 2);
    let at = hand.retry("shaky[0]", 50).unwrap();
    assert!(at >= ms(66) && at <= ms(82), "{at:?}");
    hand.check(50, &["other[1]"], Next::WaitUntil(at));
    hand.ended("other[1]");
    hand.check(82, &["shaky[0]"], Next::Wait);
    assert_eq!(hand.retry("shaky[0]", 90), None);
    hand.ended("shaky[0]");
    hand.check(91, &[], Next::Over);
}

#[test]
fn a_stopped_run_gives_up_what_waits_for_another_attempt() {
    let mut hand = Hand::new(&tasks(&[("shaky", 3)]), 3, &[], vec![retries(1)]);
    hand.check(0, &["shaky[0]", "shaky[1]", "shaky[2]"], Next::Wait);
    let late = [hand.retry("shaky[1]", 1), hand.retry("shaky[0]", 1)].into_iter().flatten().max().unwrap();
    // one of them is due and ready, but is not asked for before the stop
    hand.schedule.stop(&hand.plan);
    assert_eq!(hand.retry("shaky[2]", 2), None);
    for address in ["shaky[0]", "shaky[1]"] {
        let node = hand.node(address);
        assert_eq!(hand.schedule.next_at(late + ms(1)), Next::GiveUp(node));
        hand.schedule.ended(&hand.plan, node, End::Failed);
    }
    hand.check(100, &[], Next::Wait);
    hand.ended("shaky[2]");
    hand.check(100, &[], Next::Over);
}

#[test]
fn a_retry_that_waits_for_a_slot_is_given_up_too() {
    let mut hand = Hand::new(&tasks(&[("shaky", 1), ("other", 1)]), 1, &[], vec![retries(1)]);
    hand.check(0, &["shaky[0]"], Next::Wait);
    assert!(hand.retry("shaky[0]", 1).is_some());
    hand.check(1, &["other[0]"], Next::WaitUntil(hand.schedule.retries.next_at().unwrap()));
    hand.check(90, &[], Next::Wait);
    hand.schedule.stop(&hand.plan);
    let node = hand.node("shaky[0]");
    assert_eq!(hand.schedule.next_at(ms(91)), Next::GiveUp(node));
    hand.schedule.ended(&hand.plan, node, End::Failed);
    hand.ended("other[0]");
    hand.check(92, &[], Next::Over);
}

/// A finalizer that comes after `a`, beside `b`.
fn with_finalizer() -> Hand {
    let text = "[tasks.a]\nrun = 'true'\n[tasks.f]\nwhen = 'always'\nafter = ['a']\nrun = 'true'\n\
        [tasks.b]\nafter = ['a']\nrun = 'true'\n";
    let mut hand = Hand::new(text, 1, &[], vec![TaskRules::default(), retries(2), TaskRules::default()]);
    hand.check(0, &["a"], Next::Wait);
    hand.ended("a");
    hand.check(1, &["f"], Next::Wait);
    assert!(hand.retry("f", 2).is_some());
    hand.check(3, &["b"], Next::WaitUntil(hand.schedule.retries.next_at().unwrap()));
    hand
}

#[test]
fn a_finalizer_is_tried_again_though_the_run_stops() {
    // while its next attempt waits for its time, or for the slot
    for stopped_at in [4, 90] {
        let mut hand = with_finalizer();
        assert!(matches!(hand.schedule.next_at(ms(stopped_at)), Next::Wait | Next::WaitUntil(_)));
        hand.schedule.stop(&hand.plan);
        hand.schedule.ended(&hand.plan, hand.node("b"), End::Failed);
        hand.check(91, &["f"], Next::Wait);
        let at = hand.retry("f", 92).unwrap();
        hand.check(93, &[], Next::WaitUntil(at));
        hand.check(200, &["f"], Next::Wait);
        assert_eq!(hand.retry("f", 201), None);
        hand.schedule.ended(&hand.plan, hand.node("f"), End::Failed);
        hand.check(202, &[], Next::Over);
    }
}

#[test]
fn a_finalizer_is_not_tried_again_once_the_run_is_cut_off() {
    // what waits for the slot is made, what waits for its time is given up, though the run had stopped before
    let mut hand = with_finalizer();
    hand.schedule.stop(&hand.plan);
    hand.schedule.cut_off(&hand.plan);
    hand.schedule.cut_off(&hand.plan);
    let node = hand.node("f");
    assert_eq!(hand.schedule.next_at(ms(5)), Next::GiveUp(node));
    hand.schedule.ended(&hand.plan, node, End::Failed);
    hand.ended("b");
    hand.check(90, &[], Next::Over);
    let mut hand = with_finalizer();
    hand.check(90, &[], Next::Wait);
    hand.schedule.cut_off(&hand.plan);
    hand.ended("b");
    hand.check(91, &["f"], Next::Wait);
    assert_eq!(hand.retry("f", 92), None);
}

#[test]
fn a_computed_demand_is_asked_for_each_attempt() {
    let task = TaskRules { wants: Wants::Computed, ..retries(1) };
    let mut hand = Hand::new(&tasks(&[("grow", 1)]), 4, &[Capacity::Amount(8)], vec![task]);
    let node = hand.node("grow[0]");
    assert_eq!(hand.schedule.next_at(ms(0)), Next::Ask { node, attempt: 1 });
    hand.check(0, &[], Next::Wait);
    hand.schedule.demand(&hand.plan, node, Demand::new(2, [(DB, 4)])).unwrap();
    hand.check(0, &["grow[0]"], Next::Wait);
    hand.check_grant("grow[0]", 1, 2, &[]);
    assert!(hand.retry("grow[0]", 1).is_some());
    assert_eq!(hand.schedule.next_at(ms(50)), Next::Ask { node, attempt: 2 });
    let too_much = hand.schedule.demand(&hand.plan, node, Demand::new(1, [(DB, 9)]));
    assert_eq!(too_much, Err(TooMuch { pool: DB, wanted: 9, holds: 8 }));
    hand.schedule.ended(&hand.plan, node, End::Failed);
    hand.check(51, &[], Next::Over);
}

#[test]
fn a_smaller_call_of_the_same_task_passes_by_at_once() {
    let task = TaskRules { wants: Wants::Computed, ..TaskRules::default() };
    let mut hand = Hand::new(&tasks(&[("load", 3)]), 4, &[Capacity::Amount(4)], vec![task]);
    for (address, amount) in [("load[0]", 3), ("load[1]", 2), ("load[2]", 0)] {
        let node = hand.node(address);
        let next = std::iter::repeat_with(|| hand.schedule.next_at(ms(0)))
            .find(|next| !matches!(next, Next::Start { .. }));
        assert_eq!(next, Some(Next::Ask { node, attempt: 1 }));
        hand.schedule.demand(&hand.plan, node, Demand::new(1, [(DB, amount)])).unwrap();
    }
    hand.check(0, &["load[2]"], Next::Wait);
    hand.ended("load[0]");
    hand.check(1, &["load[1]"], Next::Wait);
}

#[test]
fn sync_points_need_no_slot() {
    let text = "
        [tasks.a]
        run = 'true'
        [tasks.b]
        for = { i = 'range(3)' }
        run = 'true'
        [sync.point]
        waits-for = ['a']";
    let mut hand = Hand::new(text, 1, &[], Vec::new());
    hand.check(0, &["a"], Next::Wait);
    hand.ended("a");
    hand.check(0, &["sync.point", "b[0]"], Next::Wait);
}

#[test]
fn time_does_not_go_back() {
    let rate = Capacity::Rate { amount: 1, per: ms(100) };
    let mut hand = Hand::new(&tasks(&[("ask", 2)]), 2, &[rate], vec![wants(1, 1)]);
    hand.check(50, &["ask[0]"], Next::WaitUntil(ms(150)));
    hand.check(20, &[], Next::WaitUntil(ms(150)));
}

const CHAIN: &str = "
[tasks.quick]
for = { i = 'range(3)' }
run = 'true'
[tasks.first]
run = 'true'
[tasks.then]
run = 'echo ${{ first }}'
[tasks.last]
run = 'echo ${{ then }}'
";

#[test]
fn the_longest_path_goes_first() {
    let mut hand = Hand::new(CHAIN, 2, &[], Vec::new());
    hand.expect(&[("quick", 1.0), ("quick[2]", 5.0), ("first", 0.1), ("then", 2.0), ("last", 2.0)]);
    hand.check(0, &["quick[2]", "first"], Next::Wait);
    hand.ended("first");
    hand.check(1, &["then"], Next::Wait);
    hand.ended("then");
    hand.check(2, &["last"], Next::Wait);
    hand.ended("quick[2]");
    hand.check(3, &["quick[0]"], Next::Wait);
}

#[test]
fn where_nothing_is_known_the_path_of_most_calls_goes_first() {
    let mut hand = Hand::new(CHAIN, 1, &[], Vec::new());
    hand.schedule.expect(&hand.plan, None);
    for call in ["first", "then", "quick[0]", "quick[1]", "quick[2]", "last"] {
        hand.check(0, &[call], Next::Wait);
        hand.ended(call);
    }
}

#[test]
fn calls_that_take_about_the_same_keep_their_order() {
    let mut hand = Hand::new(&tasks(&[("t", 4)]), 1, &[], Vec::new());
    hand.expect(&[("t[0]", 0.001), ("t[1]", 0.009), ("t[2]", 10.1), ("t[3]", 10.2)]);
    for call in ["t[2]", "t[3]", "t[0]", "t[1]"] {
        hand.check(0, &[call], Next::Wait);
        hand.ended(call);
    }
}

#[test]
fn what_is_no_part_of_the_run_makes_no_path_longer() {
    let plan = plan(CHAIN);
    let mut schedule = Schedule::new(&plan, Rules::new(1, Vec::new(), Vec::new(), 7).unwrap());
    let wanted = ["quick[1]", "first"].map(|name| select::named(&plan, name).unwrap().calls[0]);
    schedule.want(&plan, wanted.map(|call| plan.node_of(call)));
    let expected = Expected { seconds: vec![2.0; plan.call_count()], foretells: true };
    schedule.expect(&plan, Some(expected));
    let Next::Start { node, .. } = schedule.next_at(ms(0)) else { panic!("a call starts") };
    assert_eq!(plan.node_name(node), "quick[1]");
    assert_eq!(schedule.time_left(&plan, ms(0)), Some(ms(4_000)));
}

#[test]
fn the_time_left_is_the_work_of_all_slots_but_no_path_is_shorter_than_it_is() {
    let mut hand = Hand::new(CHAIN, 2, &[], vec![wants(1, 0), retries(1)]);
    assert_eq!(hand.left(0), None);
    hand.expect(&[("quick", 4.0), ("first", 1.0), ("then", 1.0), ("last", 1.0)]);
    // 15 seconds of work
    assert_eq!(hand.left(0), Some(7_500));
    hand.check(0, &["quick[0]", "quick[1]"], Next::Wait);
    assert_eq!(hand.left(3_000), Some(4_500));
    // what takes longer than expected takes no time from the others
    assert_eq!(hand.left(9_000), Some(3_500));
    ["quick[0]", "quick[1]"].iter().for_each(|call| hand.ended(call));
    hand.check(9_000, &["quick[2]", "first"], Next::Wait);
    assert_eq!(hand.left(9_000), Some(4_000));
    // a path of 3 seconds; what an attempt did that failed is to be done again
    hand.ended("quick[2]");
    assert_eq!(hand.left(9_500), Some(2_500));
    assert!(hand.retry("first", 10_000).is_some());
    assert_eq!(hand.left(10_000), Some(1_500));
    hand.check(20_000, &["first"], Next::Wait);
    assert_eq!(hand.left(20_000), Some(3_000));
    hand.schedule.stop(&hand.plan);
    assert_eq!(hand.left(20_000), None);
}
