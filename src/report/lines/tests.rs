//! What is told, to the letter.

use std::sync::Arc;

use super::*;
use crate::event::Printed;
use crate::event::shape::{Shape, TaskShape};
use crate::name::{CallAddress, TaskName};
use crate::outcome::{Exit, Unfilled};

fn lines(detail: Detail, color: bool) -> Lines {
    Lines::new(detail, color, "deco run".to_owned())
}

fn ended(call: &str, outcome: Outcome, stdout: &str, stderr: &str) -> EventKind {
    let ran = matches!(outcome, Outcome::Succeeded | Outcome::Failed { .. });
    EventKind::CallEnded {
        call: call.into(),
        outcome,
        took_ms: ran.then_some(1_240),
        exit: None,
        leaked: false,
        fingerprint: None,
        changes: Arc::default(),
        reads: Vec::new(),
        printed: Printed {
            stdout_tail: stdout.to_owned(),
            stderr_tail: stderr.to_owned(),
            ..Printed::default()
        }
        .if_any(),
    }
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed { failure, forgiven: false }
}

fn exited(code: i32) -> Outcome {
    failed(Failure::Exit { exit: Exit::Code(code) })
}

fn address(key: &str) -> CallAddress {
    CallAddress { task: TaskName::new("p").unwrap(), key: vec![key.into()] }
}

fn run_ended(status: RunStatus, counts: [usize; 6]) -> EventKind {
    let [succeeded, failed, forgiven, skipped, blocked, not_run] = counts;
    EventKind::RunEnded { status, succeeded, failed, forgiven, skipped, blocked, not_run }
}

#[track_caller]
fn check_with(mut lines: Lines, events: impl IntoIterator<Item = EventKind>, expected: &str) {
    let told: String = events.into_iter().filter_map(|kind| lines.tell(&Event { ms: 3_200, kind })).collect();
    assert_eq!(told, expected);
}

#[track_caller]
fn check(detail: Detail, events: impl IntoIterator<Item = EventKind>, expected: &str) {
    check_with(lines(detail, false), events, expected);
}

#[test]
fn a_failure_is_told_with_its_last_words_and_the_way_back() {
    check(
        Detail::Failures,
        [ended("p[0,3]", exited(3), "out\n", "Traceback:\n  line 1\nValueError: x\n\n")],
        "\
p[0,3] failed: exited with code 3 after 1.2s
  standard error:
    Traceback:
      line 1
    ValueError: x
  to run it again: deco run --resume -t 'p[0,3]'
",
    );
}

#[test]
fn the_failure_of_a_last_attempt_says_how_many_there_were() {
    let tried = |attempt| EventKind::AttemptFailed {
        call: "p".into(),
        attempt,
        failure: Failure::Exit { exit: Exit::Code(1) },
        stderr_tail: String::new(),
        next_in_ms: 1,
        stdout_log: None,
        stderr_log: None,
    };
    check(
        Detail::Normal,
        [tried(1), tried(2), ended("q", exited(1), "", ""), ended("p", exited(1), "", "")],
        "\
q failed: exited with code 1 after 1.2s
  to run it again: deco run --resume -t q
p failed: exited with code 1 after 1.2s, the last of 3 attempts
  to run it again: deco run --resume -t p
",
    );
}

#[test]
fn a_silent_failure_shows_its_output() {
    check(
        Detail::Normal,
        [ended("p", exited(1), "1 test failed\n", " \n")],
        "\
p failed: exited with code 1 after 1.2s
  standard output:
    1 test failed
  to run it again: deco run --resume -t p
",
    );
}

#[test]
fn a_result_that_does_not_parse_shows_both_outputs() {
    let message = "standard output is no JSON: expected value at line 1 column 1".to_owned();
    check(
        Detail::Normal,
        [ended(
            "it's",
            failed(Failure::Result { message }),
            "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
            "warning\n",
        )],
        r"it's failed: standard output is no JSON: expected value at line 1 column 1
  standard output:
    1
    2
    3
    4
    5
    …
    8
    9
    10
    11
    12
  standard error:
    warning
  to run it again: deco run --resume -t 'it'\''s'
",
    );
}

#[test]
fn only_the_ends_of_a_long_output_are_shown() {
    let numbers = |lines: std::ops::RangeInclusive<u32>| lines.map(|n| format!("{n}\n")).collect::<String>();
    fn shown(beginning: Option<&str>, end: &str, log: Option<&str>) -> String {
        excerpt("it", &Shown { beginning: beginning.unwrap_or_default(), end, log }, 20)
    }
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let ends = format!("  it:\n{}    …\n{}", indented(&numbers(1..=5)), indented(&numbers(11..=30)));
    assert_eq!(shown(None, &numbers(1..=30), None), ends);
    assert_eq!(shown(Some(&numbers(1..=16)), &numbers(17..=30), Some("log")).lines().count(), 1 + 5 + 1 + 14);
    assert_eq!(shown(None, &numbers(1..=25), None), format!("  it:\n{}", indented(&numbers(1..=25))));
    assert_eq!(shown(None, "end\n", Some("log")), "  it, its end:\n    end\n");
    assert_eq!(shown(None, " \n", None), "");
}

#[test]
fn control_characters_do_not_pass() {
    check(
        Detail::Normal,
        [ended(
            "p[\u{9b}2J]",
            exited(1),
            "",
            "\u{1b}[31mred\u{1b}[0m\u{7}\n 10%\r 20%\r\n\u{1b}]0;title\u{7}x\ty\n\u{8}\n",
        )],
        "\
p[\u{fffd}2J] failed: exited with code 1 after 1.2s
  standard error:
    red
     20%
    x\ty

  to run it again: deco run --resume -t 'p[\u{fffd}2J]'
",
    );
}

#[test]
fn a_message_of_several_lines_stays_together() {
    let message = "first\nsecond".to_owned();
    check(
        Detail::Normal,
        [EventKind::SyncEnded { sync: "day".into(), outcome: failed(Failure::Check { message }) }],
        "day failed: first\n    second\n  to run it again: deco run --resume\n",
    );
}

#[test]
fn what_was_ended_with_the_run_is_one_line() {
    check(
        Detail::Normal,
        [
            EventKind::Interrupted { signal: 2 },
            ended("p", failed(Failure::Interrupted), "", "noise\n"),
            EventKind::Interrupted { signal: 15 },
            run_ended(RunStatus::Interrupted, [1, 1, 0, 0, 0, 7]),
        ],
        "\
deco: SIGINT: ending the calls that run; a second signal kills them
p was ended with the run
deco: SIGTERM: killing the calls that run
deco: 1 succeeded, 1 failed, 7 not run in 3.2s (interrupted)
  to go on with it: deco run --resume
",
    );
}

fn a_run() -> Vec<EventKind> {
    let reads = || Outcome::Skipped {
        because: Skip::Reads(Box::new(Unfilled { call: address("2"), path: "r[2]".to_owned() })),
    };
    let mut events = vec![
        EventKind::RunStarted {
            schema: 1,
            deco: "0.1.0".into(),
            run: "1".to_owned(),
            manifest: "deco.toml".to_owned(),
            name: None,
            started: "2026-01-01T00:00:00Z".to_owned(),
            resumed: false,
            whole: true,
            jobs: 2,
            calls: 7,
            unexpanded: 0,
            syncs: 1,
        },
        ended("a", Outcome::Succeeded, "", ""),
        ended("b", Outcome::Skipped { because: Skip::Condition }, "", ""),
        ended("p[2]", Outcome::Failed { failure: Failure::Timeout { limit_ms: 50 }, forgiven: true }, "", ""),
        ended("c", reads(), "", ""),
        ended("d", Outcome::Blocked { by: address("1").to_string() }, "", ""),
        ended("e", reads(), "", ""),
    ];
    events.push(run_ended(RunStatus::Failed, [12, 1, 1, 3, 1, 0]));
    events
}

fn planned(tasks: &[(&str, Option<usize>)]) -> EventKind {
    let task = |&(name, calls): &(&str, _)| TaskShape {
        task: name.to_owned(),
        variables: Vec::new(),
        description: None,
        tags: Vec::new(),
        runs: "true".to_owned(),
        line: 1,
        calls,
    };
    let tasks = tasks.iter().map(task).collect();
    EventKind::Planned(Shape { tasks, joins: Vec::new(), edges: Vec::new() })
}

/// A run that ends so, and of which this much was to run; its tasks `a` and `b` turn out to have no calls.
fn a_run_of_little(whole: bool, status: RunStatus) -> Vec<EventKind> {
    let mut started = a_run().swap_remove(0);
    if let EventKind::RunStarted { whole: is_whole, .. } = &mut started {
        *is_whole = whole;
    }
    let before = planned(&[("a", Some(0)), ("b", None), ("c", Some(1))]);
    let after = planned(&[("a", Some(0)), ("b", Some(0)), ("c", Some(1))]);
    vec![started, before, after, run_ended(status, [1, 0, 0, 0, 0, 0])]
}

#[test]
fn a_whole_run_that_succeeded_names_the_tasks_without_calls() {
    let told = "no calls, since `for` gives nothing: a, b\ndeco: 1 succeeded in 3.2s\n";
    check(Detail::Normal, a_run_of_little(true, RunStatus::Succeeded), told);
    check(Detail::Normal, a_run_of_little(false, RunStatus::Succeeded), "deco: 1 succeeded in 3.2s\n");
    check(Detail::Normal, a_run_of_little(true, RunStatus::Failed), "deco: 1 succeeded in 3.2s\n");
    check(Detail::Failures, a_run_of_little(true, RunStatus::Succeeded), "");
}

#[test]
fn normally_failures_are_told_and_at_the_end_what_never_ran() {
    check(
        Detail::Normal,
        a_run(),
        "\
p[2] failed, which is allowed: took longer than its timeout of 50ms
  to run it again: deco run --resume -t 'p[2]'
skipped, since p[2] did not fill r[2]: c, e
blocked by p[1]: d
deco: 12 succeeded, 1 failed, 1 failed as allowed, 3 skipped, 1 blocked in 3.2s
",
    );
}

#[test]
fn verbosely_everything_is_told_as_it_comes() {
    check(
        Detail::Verbose,
        a_run(),
        "\
deco: 7 calls and 1 sync point, 2 at a time
a succeeded in 1.2s
b skipped: its `if` is false
p[2] failed, which is allowed: took longer than its timeout of 50ms
  to run it again: deco run --resume -t 'p[2]'
c skipped, since p[2] did not fill r[2]
d blocked by p[1]
e skipped, since p[2] did not fill r[2]
deco: 12 succeeded, 1 failed, 1 failed as allowed, 3 skipped, 1 blocked in 3.2s
",
    );
}

#[test]
fn a_run_worth_it_ends_with_what_it_came_to() {
    let started = |call: &str, after: Option<&str>| EventKind::AttemptStarted {
        call: call.into(),
        attempt: 1,
        slot: 1,
        left_ms: None,
        after: after.map(Into::into),
        command: String::new(),
    };
    let events = [
        (0, started("a", None)),
        (1_240, ended("a", Outcome::Succeeded, "", "")),
        (4_000, started("b", Some("a"))),
        (5_240, ended("b", Outcome::Succeeded, "", "")),
        (5_300, run_ended(RunStatus::Succeeded, [2, 0, 0, 0, 0, 0])),
    ];
    let told = |detail| {
        let mut lines = lines(detail, false);
        let events = events.iter().map(|(ms, kind)| Event { ms: *ms, kind: kind.clone() });
        events.filter_map(|event| lines.tell(&event)).collect::<String>()
    };
    let expected = "\
deco: 2 succeeded in 5.3s
  slowest: a 1.2s, b 1.2s
  critical path: a > b, 2.5s
";
    assert_eq!(told(Detail::Normal), expected);
    assert_eq!(told(Detail::Failures), "");
}

#[test]
fn quietly_only_what_fails_the_run_is_told() {
    check(Detail::Failures, a_run(), "");
}

#[test]
fn however_many_never_ran_the_end_is_short() {
    let mut lines = lines(Detail::Normal, false);
    for reason in 0..20 {
        for call in 0..20 {
            let kind = ended(
                &format!("d[{reason},{call}]"),
                Outcome::Blocked { by: address(&reason.to_string()).to_string() },
                "",
                "",
            );
            assert_eq!(lines.tell(&Event { ms: 0, kind }), None);
        }
    }
    let kind = run_ended(RunStatus::Failed, [0, 20, 0, 0, 400, 0]);
    let told = lines.tell(&Event { ms: 100, kind }).unwrap();
    assert!(told.starts_with("blocked by p[0]: d[0,0], d[0,1], "), "{told}");
    assert!(told.lines().next().unwrap().ends_with("d[0,9] and 10 more"), "{told}");
    assert!(told.contains("\nfor other reasons 200 calls never ran (`-v` tells them)\n"), "{told}");
    assert_eq!(told.lines().count(), 12);
}

#[test]
fn colors_mark_what_matters() {
    check_with(
        lines(Detail::Normal, true),
        [ended("p", exited(1), "", ""), run_ended(RunStatus::Succeeded, [1, 0, 0, 0, 0, 0])],
        "\u{1b}[1mp\u{1b}[0m \u{1b}[1m\u{1b}[31mfailed\u{1b}[0m: exited with code 1 after 1.2s
  to run it again: deco run --resume -t p
\u{1b}[1m\u{1b}[32mdeco:\u{1b}[0m 1 succeeded in 3.2s
",
    );
}
