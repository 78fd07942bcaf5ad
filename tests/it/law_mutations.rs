//! The law with mutations: random programs over shared documents, each run at several widths, against an evaluator that
//! makes the calls one by one and shares no code with deco. A run gives the bytes of the serial program, or it names the
//! first two calls that are in conflict by the contract's rules, and the place. `DECO_LAW_SEED` and `DECO_LAW_CASES` as for
//! the law of fills.

mod body;
mod conflict;
mod difference;
mod generate;
mod model;
mod order;
mod place;
mod python;
mod replay;
mod resumed;
mod serial;
mod shrink;
mod write;

use crate::law::hold::{self, Difference, seeds};
use crate::sandbox::{Output, Sandbox};
use crate::shares;
use generate::Case;
use serial::Answer;

const CASES: u64 = 72;

fn sandbox(case: &Case) -> Sandbox {
    let sandbox = Sandbox::new().manifest(&write::manifest(&case.program));
    write::files(&case.program).into_iter().fold(sandbox, |sandbox, (name, text)| sandbox.file(&name, text))
}

fn run(sandbox: &Sandbox, args: &[&str], fault: Option<&str>) -> Output {
    let args = ["run", "--progress", "none"].iter().chain(args).copied();
    let deco = sandbox.deco(args).env("LAW_DECO", env!("CARGO_BIN_EXE_deco"));
    match fault {
        Some(fault) => deco.env("DECO_PLANT_FAULT", fault).run(),
        None => deco.run(),
    }
}

/// Runs one program at one width.
fn compare(case: &Case, jobs: &str, fault: Option<&str>) -> Result<(), Difference> {
    let output = run(&sandbox(case), &["-j", jobs], fault);
    if is_expected(&output, &case.answer) {
        Ok(())
    } else {
        Err(difference(case, &format!("-j {jobs}"), &output))
    }
}

fn is_expected(output: &Output, answer: &Answer) -> bool {
    let code = output.status.code();
    match answer {
        Answer::Bytes(bytes) => code == Some(0) && output.stdout == *bytes,
        Answer::Conflicts(conflicts) => {
            let told = |text: &str| output.stderr.contains(&format!("`{text}`"));
            let names = |conflict: &serial::Conflict| {
                let mut places = conflict.places.iter().map(|place| serial::path_text(place));
                told(&conflict.first) && told(&conflict.second) && places.any(|place| told(&place))
            };
            code == Some(1) && output.stdout.is_empty() && conflicts.iter().any(names)
        }
    }
}

fn difference(case: &Case, how: &str, output: &Output) -> Difference {
    let mut text = write::manifest(&case.program);
    for (name, script) in write::files(&case.program) {
        let script = script.split("\nkey = ").last().unwrap_or_default();
        text.push_str(&format!("\n--- {name}\nkey = {script}"));
    }
    let expected = match &case.answer {
        Answer::Bytes(bytes) => bytes.clone(),
        Answer::Conflicts(conflicts) => conflicts
            .iter()
            .map(|conflict| {
                let places: Vec<String> =
                    conflict.places.iter().map(|place| serial::path_text(place)).collect();
                format!(
                    "`{}` and `{}` in conflict at {}\n",
                    conflict.first,
                    conflict.second,
                    places.join(" ")
                )
            })
            .collect(),
    };
    let (seed, code) = (case.seed, output.status.code());
    Difference(format!(
        "seed {seed}, {how}\n--- manifest\n{text}\n--- expected\n{expected}\n--- came, code {code:?}\n{}\n{}",
        output.stdout, output.stderr
    ))
}

impl hold::Case for Case {
    fn of(seed: u64) -> Case {
        generate::case(seed)
    }

    fn smaller(&self) -> impl Iterator<Item = Case> {
        shrink::smaller(&self.program).into_iter().filter_map(|program| {
            let answer = generate::fit(&program)?;
            Some(Case { seed: self.seed, program, answer })
        })
    }

    fn compare(&self) -> Result<(), Difference> {
        let widths: &[&str] = if self.seed.is_multiple_of(3) { &["1", "2", "4"] } else { &["1", "4"] };
        widths.iter().try_for_each(|jobs| compare(self, jobs, None))
    }
}

shares! {
    Case, CASES, 6:
    shared_documents_are_as_in_the_serial_program_0 0
    shared_documents_are_as_in_the_serial_program_1 1
    shared_documents_are_as_in_the_serial_program_2 2
    shared_documents_are_as_in_the_serial_program_3 3
    shared_documents_are_as_in_the_serial_program_4 4
    shared_documents_are_as_in_the_serial_program_5 5
}

/// Some of the programs must show the fault, and only with it. `part` stands in the manifests that can.
fn is_seen(fault: &str, part: &str, jobs: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    let shows = |case: &Case| compare(case, jobs, Some(fault)).is_err() && compare(case, jobs, None).is_ok();
    let mut able =
        seeds(300).map(generate::case).filter(|case| write::manifest(&case.program).contains(part));
    assert!(able.any(|case| shows(&case)), "{fault} was not seen");
}

#[test]
fn changes_in_order_of_completion_are_seen() {
    is_seen("completion-order", "sleep", "4");
}

#[test]
fn a_read_that_is_not_recorded_is_seen() {
    is_seen("read-not-recorded", " get ", "4");
}

#[test]
fn a_failed_attempts_change_kept_is_seen() {
    is_seen("failed-attempt-kept", "retries", "4");
}

#[test]
fn a_snapshot_with_a_sibling_in_it_is_seen() {
    is_seen("snapshot-too-new", "[documents", "1");
}

#[test]
fn a_merge_that_forgets_the_snapshot_is_seen() {
    is_seen("snapshot-forgotten", "\"sum\"", "2");
}

#[test]
fn reordered_appends_are_seen() {
    is_seen("appends-reordered", " append ", "2");
}

/// What the programs are made of, so that a change of the generator cannot quietly lose a kind.
#[test]
fn the_programs_hold_every_kind() {
    let cases: Vec<Case> = seeds(CASES).map(generate::case).collect();
    let texts: Vec<String> = cases.iter().map(|case| write::manifest(&case.program)).collect();
    for part in [
        "LAW_DECO\" set",
        "LAW_DECO\" append",
        "LAW_DECO\" delete",
        "LAW_DECO\" get",
        "python3",
        "call = ",
        "DECO_ATTEMPT",
        "allow-failure",
        "default = ",
        "after = [",
        "if = ",
        "i - 1]",
        "mutates = [\"state\"]",
        "][i]\"",
        "reads = [",
        "for = { i = \"",
        "on-conflict",
        "\"sum\"",
        "\"min\"",
        "\"max\"",
        "\"union\"",
        "a b",
        "[$x",
        "sleep",
    ] {
        let count = texts.iter().filter(|text| text.contains(part)).count();
        assert!(count >= 2, "`{part}` stands in {count} programs");
    }
    let by_reading = |case: &&Case| matches!(case.answer, Answer::Conflicts(_));
    let conflicts = cases.iter().filter(by_reading).count();
    assert!(
        conflicts * 4 > cases.len() && conflicts * 2 < cases.len(),
        "{conflicts} of {} in conflict",
        cases.len()
    );
}
