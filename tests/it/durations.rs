//! Past durations: what they put first, where they are kept, and that nothing fails for want of them.

use deco::state::State;
use deco::state::durations::{Durations, Id};

use crate::sandbox::Sandbox;

const NOTICE: &str = "past durations in";

fn durations(sandbox: &Sandbox) -> Durations {
    State::of(&sandbox.path(""), Some("deco.toml".as_ref()), None).durations()
}

/// As if calls of `t` with these keys had taken these seconds.
fn teach(sandbox: &Sandbox, took: &[(&str, f32)]) {
    std::fs::create_dir_all(sandbox.path(".deco/deco.toml")).unwrap();
    let took: Vec<(Id, f32)> = took.iter().map(|&(key, took)| (Id::of_call("t", [key]), took)).collect();
    durations(sandbox).keep(&took, took.len()).unwrap();
}

/// The calls in the order in which they started, and whether the time left was told.
fn starts(sandbox: &Sandbox) -> (Vec<String>, bool) {
    let events = sandbox.read("events");
    let starts = events.lines().filter(|line| line.contains("attempt-started"));
    let starts: Vec<serde_json::Value> = starts.map(|line| serde_json::from_str(line).unwrap()).collect();
    let calls = starts.iter().map(|start| start["call"].as_str().unwrap().to_owned()).collect();
    (calls, starts.iter().any(|start| start.get("left_ms").is_some()))
}

const FOUR: &str = "[tasks.t]\nfor = { i = 'range(4)' }\nrun = 'true'";

#[test]
fn what_took_longest_starts_first() {
    let sandbox = Sandbox::new().manifest(FOUR);
    sandbox.run(["-n"]).code(0);
    teach(&sandbox, &[("0", 1.0), ("1", 2.0), ("2", 40.0), ("3", 3.0)]);
    sandbox.run(["-j1", "--events", "events"]).code(0).answer_is(r#"{"t":{"0":"","1":"","2":"","3":""}}"#);
    assert_eq!(starts(&sandbox), (["t[2]", "t[3]", "t[1]", "t[0]"].map(String::from).to_vec(), true));
}

#[test]
fn without_past_durations_calls_start_in_call_order() {
    let sandbox = Sandbox::new().manifest(FOUR);
    sandbox.run(["-j1", "--events", "events"]).code(0);
    assert_eq!(starts(&sandbox), (["t[0]", "t[1]", "t[2]", "t[3]"].map(String::from).to_vec(), false));
}

#[test]
fn calls_that_are_found_in_the_run_are_put_in_order_too() {
    let sandbox = Sandbox::new().manifest(
        "
        [tasks.list]
        run = 'printf \"a\\nb\\nc\\n\"'
        result = 'lines'
        [tasks.t]
        for = { i = 'list' }
        run = 'true'",
    );
    teach(&sandbox, &[("a", 1.0), ("b", 5.0), ("c", 9.0)]);
    sandbox.run(["-j1", "--events", "events"]).code(0);
    assert_eq!(starts(&sandbox).0, ["list", "t[c]", "t[b]", "t[a]"]);
}

#[test]
fn what_succeeded_is_kept_even_of_a_run_that_failed() {
    let sandbox = Sandbox::new().manifest(
        "[tasks.t]\nfor = { i = 'range(3)' }\nrun = 'sleep 0.01; [ ${{ i }} != 1 ]'\n[tasks.one]\nrun = 'true'",
    );
    sandbox.run(["-k"]).code(1);
    let past = durations(&sandbox).read(4).unwrap();
    let of = |key: &str| past.of(Id::of_call("t", [key]));
    assert!(of("0").is_some() && of("1").is_none() && of("2").is_some());
    assert!(past.of(Id::of_task("t")).is_some() && past.of(Id::of_task("one")).is_some());
    // a resumed run adds what it ran itself, and only that
    sandbox.run(["-k", "--resume", "--events", "events"]).code(1);
    assert_eq!(starts(&sandbox), (vec!["t[1]".to_owned()], true));
}

#[test]
fn a_damaged_file_is_said_once_and_begun_anew() {
    let sandbox = Sandbox::new().manifest(FOUR);
    sandbox.run([]).code(0).stderr_lacks(NOTICE);
    let sandbox = sandbox.file(".deco/deco.toml/kept.sqlite", "something else\n".repeat(500));
    sandbox.run([]).code(0).stderr_has(NOTICE).stderr_has("they are gathered anew");
    sandbox.run(["--events", "events"]).code(0).stderr_lacks(NOTICE);
    assert!(starts(&sandbox).1);
}

#[test]
fn a_file_that_cannot_be_used_is_said_once_and_fails_nothing() {
    let sandbox = Sandbox::new().manifest(FOUR).file(".deco/deco.toml/kept.sqlite/in-the-way", "");
    let run = sandbox.run([]).code(0).answer_is(r#"{"t":{"0":"","1":"","2":"","3":""}}"#);
    assert_eq!(run.stderr.matches("durations in").count(), 1, "{}", run.stderr);
}
