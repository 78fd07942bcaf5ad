//! What is made of a run's events, from one recorded journal: golden files beside it, and the rules that readers of each
//! format have. SNAPSHOTS=overwrite writes the golden files anew.

use std::path::{Path, PathBuf};
use std::process::Command;

use deco::report::record::Record;
use deco::report::{drawing, html, junit, trace};
use deco::state::reading;
use serde_json::Value as Json;
use snapbox::{Assert, Data};

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn recorded() -> Record {
    let mut record = Record::default();
    let read = reading::read(&place("tests/reports/journal.jsonl"), |event| record.take(event));
    read.expect("the recorded journal can be read");
    record
}

fn is_golden(made: &str, name: &str) {
    let expected = Data::read_from(&place(name), Some(snapbox::data::DataFormat::Text)).raw();
    Assert::new().action_env("SNAPSHOTS").eq(made, expected);
}

fn valid(schema: &Json, line: &str) {
    let validator = jsonschema::validator_for(schema).expect("the schema is one");
    let event: Json = serde_json::from_str(line).expect("a line is JSON");
    let wrong: Vec<String> = validator.iter_errors(&event).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{line}");
}

#[test]
fn junit_is_as_it_was_and_as_its_readers_want_it() {
    let made = junit::document(&recorded());
    is_golden(&made, "tests/reports/junit.xml");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &made).unwrap();
    let checked = Command::new("xmllint")
        .args(["--noout", "--schema"])
        .arg(place("tests/reports/junit.xsd"))
        .arg(file.path())
        .output()
        .expect("xmllint is there");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_trace_is_as_it_was_and_keeps_perfettos_rules() {
    let made = trace::document(&recorded());
    is_golden(&made, "tests/reports/trace.json");
    let trace: Json = serde_json::from_str(&made).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let of = |kind: &str| events.iter().filter(|event| event["ph"] == kind).collect::<Vec<_>>();
    let number = |event: &Json, field: &str| event[field].as_u64().unwrap();
    let span = |slice: &Json| number(slice, "ts")..number(slice, "ts") + number(slice, "dur");
    let named: Vec<u64> = of("M")
        .into_iter()
        .filter(|one| one["name"] == "thread_name")
        .map(|one| number(one, "tid"))
        .collect();
    let slices = of("X");
    for slice in &slices {
        assert!(number(slice, "dur") > 0 && named.contains(&number(slice, "tid")), "{slice}");
        let overlaps = slices.iter().filter(|other| {
            other["tid"] == slice["tid"]
                && span(other).start < span(slice).end
                && span(slice).start < span(other).end
        });
        assert_eq!(overlaps.count(), 1, "slices of one thread follow each other: {slice}");
    }
    let (starts, ends) = (of("s"), of("f"));
    assert!(!starts.is_empty());
    assert_eq!(starts.len(), ends.len());
    for (start, end) in starts.into_iter().zip(ends) {
        assert_eq!((&start["id"], &start["name"], &end["bp"]), (&end["id"], &end["name"], &Json::from("e")));
        assert!(number(start, "ts") <= number(end, "ts"));
        for bound in [start, end] {
            let inside =
                |slice: &&&Json| slice["tid"] == bound["tid"] && span(slice).contains(&number(bound, "ts"));
            assert_eq!(slices.iter().filter(inside).count(), 1, "a flow is bound to a slice: {bound}");
        }
    }
}

#[test]
fn the_drawing_and_the_data_of_the_page_are_as_they_were() {
    let record = recorded();
    is_golden(&drawing::svg(&record.shape), "tests/reports/plan.svg");
    let page = html::document(&record);
    let data = page.split_once("id=\"data\">").and_then(|(_, rest)| rest.split_once("</script>"));
    let data: Json = serde_json::from_str(data.expect("the page has data").0).unwrap();
    is_golden(&format!("{data:#}\n"), "tests/reports/page.json");
}

#[test]
fn every_event_is_as_its_schema_says() {
    let schema = deco::event::schema();
    is_golden(&format!("{schema:#}\n"), "docs/events.schema.json");
    let journal = std::fs::read_to_string(place("tests/reports/journal.jsonl")).unwrap();
    journal.lines().for_each(|line| valid(&schema, line));
    for line in [r#"{"ms":1}"#, r#"{"ms":1,"event":"dance"}"#, r#"{"ms":"x","event":"answer-given"}"#] {
        let event = serde_json::from_str(line).unwrap();
        assert!(!jsonschema::is_valid(&schema, &event), "{line}");
    }
}

#[test]
fn a_run_of_today_writes_what_its_schema_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(place("tests/reports/deco.toml"), folder.path().join("deco.toml")).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_deco"))
        .args(["run", "-qk", "--events", "events", "--junit", "junit.xml", "--trace", "trace.json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let schema = deco::event::schema();
    let events = std::fs::read_to_string(folder.path().join("events")).unwrap();
    events.lines().for_each(|line| valid(&schema, line));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("junit.xml").contains("<testcase name=\"broken\""));
    assert!(read("trace.json").contains("\"join of cells"));
}
