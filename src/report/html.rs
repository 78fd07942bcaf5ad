//! One HTML page of a run, with all that it needs in it: what failed and why, results by key, a timeline, the plan, each call.
//! The page's text, look and doing are files of their own (`html/`); here the data is put together that it draws.

use std::fmt::Write;

use indexmap::IndexSet;
use serde::{Serialize, Serializer};

use super::drawing;
use super::record::{Call, Output, Record, task_of};
use crate::change::Change;
use crate::event::RunStatus;
use crate::name::CallAddress;
use crate::outcome::Outcome;
use crate::value::{Value, excerpt};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = concat!(
    include_str!("html/data.js"),
    include_str!("html/timeline.js"),
    include_str!("html/grids.js"),
    include_str!("html/page.js")
);

/// Outcomes, those first that one looks for first. The last but one stands for a call without an end.
const STATES: [&str; 7] = ["failed", "blocked", "not-run", "unended", "forgiven", "skipped", "succeeded"];

/// So many bytes of commands, results and outputs of successful calls are shown, shared by all calls.
const ROOM: usize = 6 << 20;

/// What may be shown of each text of one call, however many calls there are; and at most, of the outputs of failures too.
const LEAST: usize = 60;
const MOST: usize = 8 << 10;

/// The page of a run.
pub fn document(record: &Record) -> String {
    let name = record.name.as_deref().unwrap_or(&record.manifest);
    let data = serde_json::to_string(&Data::of(record)).unwrap_or_default();
    fill(PAGE, |marker| match marker {
        "title" => escaped(name),
        "style" => STYLE.to_owned(),
        "graph" => drawing::svg(&record.shape),
        // nothing in it may end the block that it stands in
        "data" => data.replace('<', "\\u003c"),
        "script" => SCRIPT.to_owned(),
        _ => String::new(),
    })
}

/// The text with each `{{marker}}` replaced, once: what is put in is not looked through.
fn fill(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (marker, tail) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(&value(marker));
        rest = tail;
    }
    out + rest
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// What the page is given; its scripts say what stands where in the rows.
#[derive(Serialize)]
struct Data<'a> {
    run: Run<'a>,
    states: [&'static str; 7],
    tasks: Vec<TaskRow<'a>>,
    steps: Vec<(&'a str, String, &'static str)>,
    calls: Vec<CallRow>,
    attempts: Vec<AttemptRow>,
    texts: Texts,
}

#[derive(Serialize)]
struct Run<'a> {
    id: &'a str,
    manifest: &'a str,
    name: Option<&'a str>,
    started: &'a str,
    jobs: usize,
    took: u64,
    status: Option<RunStatus>,
    parts: usize,
}

/// Name, variables, description, tags, line, what it runs.
type TaskRow<'a> = (&'a str, &'a [String], &'a str, &'a [String], usize, &'a str);

/// Task, key, state, words, took, value, standard output, standard error, flags.
type CallRow = (usize, Vec<String>, usize, u32, u64, u32, u32, u32, u8);

/// Call, number, slot, began, took or -1, the call it waited for last or -1, command, failure, standard error.
type AttemptRow = (usize, u32, u32, u64, i64, i64, u32, u32, u32);

/// Each text once; the first is empty.
struct Texts(IndexSet<String>);

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Texts {
    fn number(&mut self, text: impl Into<String>) -> u32 {
        self.0.insert_full(text.into()).0 as u32
    }
}

impl<'a> Data<'a> {
    fn of(record: &'a Record) -> Data<'a> {
        let tasks = tasks(record);
        let room = (ROOM / record.calls.len().max(1)).clamp(LEAST, MOST);
        let mut texts = Texts(IndexSet::from([String::new()]));
        let (mut calls, mut attempts) = (Vec::with_capacity(record.calls.len()), Vec::new());
        for (at, (address, call)) in record.calls.iter().enumerate() {
            let task = tasks.iter().position(|(name, ..)| *name == task_of(address)).unwrap_or(0);
            calls.push(call_row(task, address, call, room, &mut texts));
            attempts.extend(call.attempts.iter().map(|attempt| {
                let after = attempt.after.as_ref().and_then(|after| record.calls.get_index_of(after));
                (
                    at,
                    attempt.number,
                    attempt.slot,
                    attempt.began,
                    attempt.took.map_or(-1, |took| took as i64),
                    after.map_or(-1, |after| after as i64),
                    texts.number(excerpt(&attempt.command, room)),
                    texts.number(
                        attempt
                            .failure
                            .as_ref()
                            .map_or(String::new(), |failure| format!("failed: {failure}")),
                    ),
                    texts.number(clean(&attempt.stderr_tail, MOST)),
                )
            }));
        }
        let steps =
            record.steps.iter().map(|step| (&*step.name, step.outcome.to_string(), step.outcome.word()));
        let run = Run {
            id: &record.run,
            manifest: &record.manifest,
            name: record.name.as_deref(),
            started: &record.started,
            jobs: record.jobs,
            took: record.took_ms,
            status: record.status,
            parts: record.parts,
        };
        Data { run, states: STATES, tasks, steps: steps.collect(), calls, attempts, texts }
    }
}

/// The tasks of the plan, and those that only calls tell of.
fn tasks(record: &Record) -> Vec<TaskRow<'_>> {
    let mut tasks: Vec<TaskRow<'_>> = record
        .shape
        .tasks
        .iter()
        .map(|task| {
            let description = task.description.as_deref().unwrap_or("");
            (&*task.task, &*task.variables, description, &*task.tags, task.line, &*task.runs)
        })
        .collect();
    for name in record.calls.keys().map(|address| task_of(address)) {
        if !tasks.iter().any(|(known, ..)| *known == name) {
            tasks.push((name, &[], "", &[], 0, ""));
        }
    }
    tasks
}

fn call_row(task: usize, address: &str, call: &Call, room: usize, texts: &mut Texts) -> CallRow {
    let key = address.parse::<CallAddress>().map(|address| address.key).unwrap_or_default();
    let key = key.iter().map(ToString::to_string).collect();
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let Some(end) = &call.end else {
        let words = texts.number("its end was not told");
        return (task, key, 3, words, 0, 0, 0, 0, flag(call.kept, 1));
    };
    let state = STATES.iter().position(|state| *state == end.outcome.word()).unwrap_or(3);
    let own = if matches!(end.outcome, Outcome::Failed { .. }) { MOST } else { room };
    let is_cut = |output: &Output| output.log.is_some() || output.tail.len() > own;
    let flags =
        flag(call.kept, 1) | flag(end.leaked, 2) | flag(is_cut(&end.stdout) || is_cut(&end.stderr), 4);
    let words = texts.number(end.outcome.to_string());
    let value = texts.number(shown_value(&end.changes, room));
    let (out, err) = (texts.number(clean(&end.stdout.tail, own)), texts.number(clean(&end.stderr.tail, own)));
    (task, key, state, words, end.took_ms.unwrap_or(0), value, out, err, flags)
}

/// The first value that the call filled: a text as it is, all else as JSON.
fn shown_value(changes: &[Change], room: usize) -> String {
    match changes.iter().find_map(Change::value) {
        None => String::new(),
        Some(Value::String(text)) => excerpt(text, room),
        Some(value) => excerpt(&value.to_json(), room),
    }
}

/// The end of an output, as a terminal would leave it: without colours, and `�` for other control characters.
fn clean(text: &str, most: usize) -> String {
    let start = text.ceil_char_boundary(text.len().saturating_sub(most));
    let plain = anstream::adapter::strip_str(&text[start..]).to_string();
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => {
                let _ = out.write_char(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_looked_through() {
        let filled = fill("a{{x}}b{{y}}c", |marker| format!("<{marker}{{{{y}}}}>"));
        assert_eq!(filled, "a<x{{y}}>b<y{{y}}>c");
    }

    #[test]
    fn no_text_of_a_run_can_leave_the_data() {
        let mut record = Record::default();
        record.name = Some("</title><script>".to_owned());
        let mut call = Call::default();
        call.attempts.push(super::super::record::Attempt::begun(1, 0));
        call.attempts[0].command = "</script><!--{{script}}".to_owned();
        record.calls.insert("t[</script>]".into(), call);
        let page = document(&record);
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("</script><!--") && !page.contains("<title></title>"));
    }
}
