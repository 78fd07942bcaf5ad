//! Named capacities: nothing is given twice, and no more than there is.

use crate::sandbox::Sandbox;

#[test]
fn no_item_of_an_indexed_pool_is_given_twice() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [pools]
        gpu = ["left", "right"]
        [tasks.t]
        for = { i = "range(12)" }
        run = "mkdir lock-$DECO_POOL_GPU; sleep 0.005; rmdir lock-$DECO_POOL_GPU; echo $DECO_POOL_GPU"
        uses = { gpu = 1 }
        "#,
    );
    let output = sandbox.run(["-j4", "--compact"]).code(0);
    let given = |item: &str| output.stdout.matches(item).count();
    assert_eq!(given("\"left\"") + given("\"right\""), 12, "{}", output.stdout);
    assert!(given("\"left\"") > 0 && given("\"right\"") > 0, "{}", output.stdout);
}

#[test]
fn all_items_are_given_to_one_that_wants_all() {
    Sandbox::new()
        .manifest(
            r#"
            [pools]
            gpu = ["0", "1"]
            [tasks.t]
            run = "echo $DECO_POOL_GPU"
            uses = { gpu = 2 }
            "#,
        )
        .run(["-j2"])
        .code(0)
        .answer_is(r#"{"t":"0,1"}"#);
}

#[test]
fn a_counting_pool_bounds_who_runs_side_by_side() {
    Sandbox::new()
        .manifest(
            r#"
            [pools]
            db = 3
            [tasks.t]
            for = { i = "range(6)" }
            run = "mkdir lock; sleep 0.005; rmdir lock; echo ok"
            uses = { db = 2 }
            "#,
        )
        .run(["-j4"])
        .code(0);
}

#[test]
fn as_many_as_a_pool_takes_run_side_by_side() {
    Sandbox::new()
        .manifest(
            r#"
            [pools]
            db = 2
            [tasks.a]
            run = "sh meet a b"
            uses = { db = 1 }
            [tasks.b]
            run = "sh meet b a"
            uses = { db = 1 }
            "#,
        )
        .run(["-j2"])
        .code(0);
}

#[test]
fn a_call_is_told_its_cpus() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.t]
        for = { n = [1, 2, 9] }
        cpus = "n"
        run = "echo $DECO_CPUS"
        "#,
    );
    sandbox.run(["-j4"]).code(0).answer_is(r#"{"t":{"1":"1","2":"2","9":"4"}}"#);
}

#[test]
fn a_call_that_takes_all_slots_runs_alone() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            for = { i = "range(4)" }
            cpus = 2
            run = "mkdir lock; sleep 0.005; rmdir lock"
            "#,
        )
        .run(["-j2"])
        .code(0);
}

#[test]
fn an_attempt_may_take_more_than_the_one_before() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            cpus = "attempt"
            run = "echo $DECO_CPUS; [ $DECO_ATTEMPT = 2 ]"
            retries = 1
            retry-delay = "1ms"
            "#,
        )
        .run(["-j3"])
        .code(0)
        .answer_is(r#"{"t":"2"}"#);
}

#[test]
fn a_rate_is_kept() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [pools]
        api = { amount = 2, per = "300ms" }
        [tasks.t]
        for = { i = "range(5)" }
        run = "date +%s%N"
        result = "json"
        uses = { api = 1 }
        "#,
    );
    let output = sandbox.run(["-j5", "--events", "events"]).code(0);
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let calls = answer["t"].as_object().expect("an object");
    let mut starts: Vec<u64> = calls.values().filter_map(serde_json::Value::as_u64).collect();
    starts.sort_unstable();
    // a slow start is seen late, never early: of the five, the last is two turns after the first two began
    let whole = starts.last().zip(starts.first()).map(|(last, first)| (last - first) / 1_000_000);
    assert!(whole >= Some(250), "five calls began within {whole:?} ms");
}
