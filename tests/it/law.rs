//! The law: a run gives the bytes of the serial program. Random manifests, each run at several widths, against an
//! evaluator that makes the calls one by one and shares no code with deco; and the same with faults planted, which
//! must be seen. `DECO_LAW_SEED=N` begins elsewhere, `DECO_LAW_CASES=N` runs more or fewer.

mod command;
mod generate;
mod json;
mod model;
mod random;
mod serial;
mod shrink;
mod write;

use crate::sandbox::Sandbox;
use generate::Case;

const CASES: u64 = 240;
const SHARES: u64 = 8;

/// Something other than the serial program's answer came out.
struct Difference(String);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let first = number("DECO_LAW_SEED").unwrap_or(1);
    (0..count).map(move |n| first.wrapping_add(n))
}

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

/// Runs one model at several widths.
fn compare_widths(case: &Case) -> Result<(), Difference> {
    let middle = if case.seed.is_multiple_of(2) { "2" } else { "3" };
    ["1", middle, "8"].iter().try_for_each(|jobs| compare(case, jobs, None))
}

fn holds(share: u64) {
    let count = number("DECO_LAW_CASES").unwrap_or(CASES);
    for seed in seeds(count).filter(|seed| seed % SHARES == share) {
        let case = generate::case(seed);
        if let Err(difference) = compare_widths(&case) {
            let Difference(smallest) = shrink::smallest(&case, difference, compare_widths);
            panic!("the law is broken: {smallest}");
        }
    }
}

macro_rules! shares {
    ($($name:ident $share:literal)*) => {
        $(#[test]
        fn $name() {
            holds($share);
        })*
    };
}

shares! {
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
        "if = ",
    ] {
        let count = models.iter().filter(|model| model.contains(part)).count();
        assert!(count >= 2 || part == "[[", "`{part}` stands in {count} models");
    }
}
