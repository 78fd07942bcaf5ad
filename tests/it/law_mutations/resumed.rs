//! Runs that were cut off, or failed, and went on: the bytes are those of a run that nobody disturbed, also where the
//! rules for shared documents were changed between.

use std::fs;

use super::generate::{self, Case};
use super::model::{Merge, Program, Rules};
use super::{difference, is_expected, run, sandbox, write};
use crate::law::hold::{Difference, seeds};

/// A task that comes last and fails as long as a file is missing.
fn with_a_stop(program: &Program) -> String {
    let names: Vec<String> = program.tasks.iter().map(|task| format!("\"{}\"", task.name)).collect();
    let stop = "run = 'test -e go'\nfills = false";
    format!("{}\n[tasks.stop]\nafter = [{}]\n{stop}\n", write::manifest(program), names.join(", "))
}

/// Kills the run each time that some more calls have ended, until one comes to its end.
fn killed(case: &Case) -> Result<(), Difference> {
    let sandbox = sandbox(case).file("events", "");
    for life in 0.. {
        let args = ["run", "--resume", "-j2", "--events", "events", "--progress", "none"];
        let mut running = sandbox.deco(args).env("LAW_DECO", env!("CARGO_BIN_EXE_deco")).spawn();
        let wanted = 1 + (case.seed as usize + life) % 3;
        let has_ended = || {
            let events = fs::read_to_string(sandbox.path("events")).unwrap_or_default();
            // those that ran: each life then gets further than the one before
            let ran = |line: &&str| line.contains(r#""outcome":"succeeded""#);
            events.lines().filter(ran).count() >= wanted
        };
        let is_killed = running.kill_once(has_ended);
        let output = running.end();
        if !is_killed {
            let as_expected = is_expected(&output, &case.answer);
            return if as_expected { Ok(()) } else { Err(difference(case, "killed and resumed", &output)) };
        }
        fs::write(sandbox.path("events"), "").expect("a file can be written");
    }
    Ok(())
}

/// Runs the program to its last task, which fails; gives it the other's rules, and goes on.
fn with_other_rules(before: &Program, after: &Case) -> Result<(), Difference> {
    let earlier = Case { program: before.clone(), ..after.clone() };
    let sandbox = sandbox(&earlier).manifest(&with_a_stop(before));
    run(&sandbox, &["-j4"], None).code(1);
    let sandbox = sandbox.manifest(&with_a_stop(&after.program)).file("go", "");
    let output = run(&sandbox, &["--resume", "-j4"], None);
    if is_expected(&output, &after.answer) {
        Ok(())
    } else {
        Err(difference(after, "resumed with other rules", &output))
    }
}

#[test]
fn what_was_killed_goes_on_as_if_nothing_had_been() {
    for case in seeds(5).map(generate::case) {
        if let Err(Difference(text)) = killed(&case) {
            panic!("the law is broken: {text}");
        }
    }
}

#[test]
fn a_failed_run_goes_on_with_other_rules() {
    let mut count = 0;
    for case in seeds(60).map(generate::case) {
        let sum = (vec!["n".to_owned()], Merge::Sum);
        for (last, merge) in [(true, Vec::new()), (false, vec![sum])] {
            let document = "state".to_owned();
            let program = Program { rules: vec![Rules { document, last, merge }], ..case.program.clone() };
            let Some(answer) = generate::fit(&program).filter(|answer| *answer != case.answer) else {
                continue;
            };
            if let Err(Difference(text)) =
                with_other_rules(&case.program, &Case { seed: case.seed, program, answer })
            {
                panic!("the law is broken: {text}");
            }
            count += 1;
        }
        if count >= 8 {
            return;
        }
    }
    panic!("only {count} programs give something else by other rules");
}

/// A counter without a rule is a conflict; with one, nothing need run again.
#[test]
fn a_rule_added_after_a_conflict_runs_nothing_again() {
    let manifest = |rules: &str| {
        let body = r#"x=$("$LAW_DECO" get d.n); "$LAW_DECO" set d.n $((x + 1)); echo ran >> ran"#;
        format!(
            "[data]\nd = {{ n = 0 }}\n{rules}[tasks.t]\nfor = {{ v = [1, 2, 3] }}\nrun = '{body}'\nmutates = ['d']"
        )
    };
    let sandbox = crate::sandbox::Sandbox::new().manifest(&manifest(""));
    run(&sandbox, &[], None).code(1).stderr_has("`t[1]`").stderr_has("`t[2]`").stderr_has("`d.n`");
    let sandbox = sandbox.manifest(&manifest("[documents.d]\nmerge = { n = 'sum' }\n"));
    run(&sandbox, &["--resume"], None).code(0).answer_is(r#"{"d":{"n":3}}"#);
    assert_eq!(sandbox.read("ran").lines().count(), 3);
}
