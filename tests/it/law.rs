//! The law: a run gives the bytes of the serial program. Random manifests, each run at several widths, against an
//! evaluator that makes the calls one by one and shares no code with deco; and the same with faults planted, which
//! must be seen. `DECO_LAW_SEED=N` begins elsewhere, `DECO_LAW_CASES=N` runs more or fewer.

mod command;
mod generate;
pub mod hold;
pub mod json;
mod model;
pub mod random;
mod serial;
mod shrink;
pub mod write;

use crate::sandbox::Sandbox;
use crate::shares;
use generate::Case;
use hold::{Difference, seeds};

const CASES: u64 = 320;

/// Runs one model at one width.
fn compare(case: &Case, jobs: &str, fault: Option<&str>) -> Result<(), Difference> {
    let text = write::manifest(&case.model);
    let sandbox = Sandbox::new().file("law.sh", command::SCRIPT).manifest(&text);
    let keep_going = case.model.keep_going.then_some("-k");
    let mut deco = sandbox.deco(["run", "--progress", "none", "-j", jobs].into_iter().chain(keep_going));
    if let Some(fault) = fault {
        deco = deco.env("DECO_PLANT_FAULT", fault);
    }
    let output = deco.run();
    let code = output.status.code();
    if output.stdout == case.answer.stdout && code == Some(case.answer.code) {
        return Ok(());
    }
    let (seed, expected) = (case.seed, &case.answer);
    Err(Difference(format!(
        "seed {seed}, -j {jobs}\n--- manifest\n{text}\n--- expected, code {}\n{}\n--- came, code {code:?}\n{}\n{}",
        expected.code, expected.stdout, output.stdout, output.stderr
    )))
}

impl hold::Case for Case {
    fn of(seed: u64) -> Case {
        generate::case(seed)
    }

    fn smaller(&self) -> impl Iterator<Item = Case> {
        shrink::smaller(&self.model).into_iter().filter_map(|model| {
            let model = serial::resolve(&model).ok()?;
            let answer = serial::run(&model).ok()?;
            Some(Case { seed: self.seed, model, answer })
        })
    }

    fn compare(&self) -> Result<(), Difference> {
        let middle = if self.seed.is_multiple_of(2) { "2" } else { "3" };
        ["1", middle, "8"].iter().try_for_each(|jobs| compare(self, jobs, None))
    }
}

shares! {
    Case, CASES, 8:
    runs_give_what_the_serial_program_gives_0 0
    runs_give_what_the_serial_program_gives_1 1
    runs_give_what_the_serial_program_gives_2 2
    runs_give_what_the_serial_program_gives_3 3
    runs_give_what_the_serial_program_gives_4 4
    runs_give_what_the_serial_program_gives_5 5
    runs_give_what_the_serial_program_gives_6 6
    runs_give_what_the_serial_program_gives_7 7
}

/// Some of the cases must show the fault, and only with it.
fn is_seen(fault: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let shows = |case: &Case| compare(case, "8", Some(fault)).is_err() && compare(case, "8", None).is_ok();
    assert!(seeds(100).map(generate::case).any(|case| shows(&case)), "{fault} was not seen");
}

#[test]
fn a_dropped_edge_is_seen() {
    is_seen("edge-dropped");
}

#[test]
fn completion_order_is_seen() {
    is_seen("completion-order");
}

#[test]
fn a_prefix_too_short_is_seen() {
    is_seen("prefix-too-short");
}

#[test]
fn reordered_appends_are_seen() {
    is_seen("appends-reordered");
}

#[test]
fn order_by_the_time_of_expansion_is_seen() {
    is_seen("expansion-order");
}

#[test]
fn a_reader_that_waits_for_no_expansion_is_seen() {
    is_seen("expansion-not-awaited");
}

#[test]
fn a_failed_attempts_output_kept_is_seen() {
    is_seen("failed-attempt-kept");
}

/// What the models are made of, so that a change of the generator cannot quietly lose a kind.
#[test]
fn the_models_hold_every_kind() {
    let models: Vec<_> = seeds(CASES).map(|seed| write::manifest(&generate::case(seed).model)).collect();
    for part in [
        "[]\"",
        "fills = {",
        "fills = false",
        "after = [",
        "allow-failure",
        "default = ",
        "range(",
        " - 1]",
        " | default(",
        " is defined",
        " | length",
        " | tojson",
        "LAW_SEEN",
        "stdin = ",
        "\\\"say",
        "links",
        "ping",
        "tick",
        "late",
        "日本",
        "run = \"",
        "run = [",
        ".m]",
        "[[",
        "csv",
        "ndjson",
        "lines",
        "shaky",
        "flaky",
        "if = ",
        "include = ",
        "exclude = ",
        "list",
        "z = \"",
        ".m + ",
    ] {
        let count = models.iter().filter(|model| model.contains(part)).count();
        assert!(count >= 2 || part == "[[", "`{part}` stands in {count} models");
    }
}

/// How many levels of fan-out stand above the task's calls, as far as `most`: 0 where they are known before the run.
fn level(model: &model::Manifest, task: &model::Task, most: usize) -> usize {
    if most == 0 || task.places_expanded().is_empty() {
        return 0;
    }
    let fills = |other: &&model::Task| {
        let documents = other.fills().into_iter().map(|(place, _)| place.document);
        documents.into_iter().any(|name| task.places_expanded().iter().any(|place| place.document == name))
    };
    let above = model.tasks.iter().filter(fills).map(|other| level(model, other, most - 1)).max();
    above.map_or(0, |above| above + 1)
}

#[test]
fn the_models_fan_out_to_three_levels() {
    let (mut calls_at, mut empty) = ([0; 4], 0);
    for case in seeds(CASES).map(generate::case) {
        for task in case.model.tasks.iter().filter(|task| !task.places_expanded().is_empty()) {
            match serial::bindings(&case.model, task).unwrap_or_default().len() {
                0 => empty += 1,
                calls => calls_at[level(&case.model, task, 3)] += calls,
            }
        }
    }
    let enough = calls_at[1] >= 200 && calls_at[2] >= 100 && calls_at[3] >= 40 && empty >= 20;
    assert!(enough, "{calls_at:?} calls, {empty} tasks without one");
}
