//! Chrome's trace format, as Perfetto opens it: slots are threads, attempts slices, and what a call waited for last is a flow
//! from there to it, named for the join between. Times are in microseconds.

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::record::{Call, Record, task_of};
use crate::outcome::Outcome;

/// All is of one process.
const PID: u32 = 1;

/// The thread of what needs no slot.
const STEPS: u32 = 0;

/// An attempt on its thread.
#[derive(Clone, Copy)]
struct Slice {
    tid: u32,
    ts: u64,
    dur: u64,
}

/// The document of a run.
pub fn document(record: &Record) -> String {
    let slices = slices(record);
    let mut events = threads(record);
    for (at, (address, call)) in record.calls.iter().enumerate() {
        let own = slices.get(&at).into_iter().flatten().enumerate();
        events.extend(own.map(|(number, slice)| slice_event(address, call, number, *slice)));
    }
    events.extend(flows(record, &slices));
    events.extend(record.steps.iter().map(|step| {
        json!({"ph": "i", "s": "p", "name": step.name, "cat": "sync", "ts": 1000 * step.at, "pid": PID, "tid": STEPS,
               "args": {"outcome": step.outcome.to_string()}})
    }));
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", lines.join(",\n"))
}

/// The slices of each call. Those of one slot follow each other, though the times of events are whole milliseconds.
fn slices(record: &Record) -> FxHashMap<usize, Vec<Slice>> {
    let attempts = record.calls.values().enumerate();
    let attempts = attempts.flat_map(|(call, of)| of.attempts.iter().map(move |attempt| (call, attempt)));
    let mut attempts: Vec<_> = attempts.collect();
    attempts.sort_by_key(|(_, attempt)| attempt.began);
    let mut ends: FxHashMap<u32, u64> = FxHashMap::default();
    let mut slices: FxHashMap<usize, Vec<Slice>> = FxHashMap::default();
    for (call, attempt) in attempts {
        let end = ends.entry(attempt.slot).or_default();
        let ts = (1000 * attempt.began).max(*end);
        let took = attempt.took.unwrap_or(record.took_ms.saturating_sub(attempt.began));
        let dur = (1000 * took).max(1);
        *end = ts + dur;
        slices.entry(call).or_default().push(Slice { tid: attempt.slot, ts, dur });
    }
    slices
}

/// Names of the process and its threads.
fn threads(record: &Record) -> Vec<Value> {
    let mut slots: Vec<u32> =
        record.calls.values().flat_map(|call| &call.attempts).map(|attempt| attempt.slot).collect();
    slots.sort_unstable();
    slots.dedup();
    let name = |tid: u32, name: String| {
        [
            json!({"ph": "M", "name": "thread_name", "pid": PID, "tid": tid, "args": {"name": name}}),
            json!({"ph": "M", "name": "thread_sort_index", "pid": PID, "tid": tid, "args": {"sort_index": tid}}),
        ]
    };
    let title = record.name.as_deref().unwrap_or(&record.manifest);
    let process =
        json!({"ph": "M", "name": "process_name", "pid": PID, "args": {"name": format!("deco: {title}")}});
    let steps = (!record.steps.is_empty()).then(|| name(STEPS, "sync points".to_owned()));
    let slots = slots.into_iter().flat_map(|slot| name(slot, format!("slot {slot}")));
    [process].into_iter().chain(steps.into_iter().flatten()).chain(slots).collect()
}

fn slice_event(address: &str, call: &Call, number: usize, slice: Slice) -> Value {
    let Slice { tid, ts, dur } = slice;
    let attempt = &call.attempts[number];
    let is_last = number + 1 == call.attempts.len();
    let outcome = match (&attempt.failure, &call.end) {
        (Some(failure), _) => format!("failed: {failure}"),
        (None, Some(end)) if is_last => end.outcome.to_string(),
        _ => "unended".to_owned(),
    };
    let mut event = json!({"ph": "X", "name": address, "cat": task_of(address), "ts": ts, "dur": dur, "pid": PID,
        "tid": tid, "args": {"outcome": outcome, "attempt": attempt.number, "command": attempt.command}});
    let failed = attempt.failure.is_some()
        || call.end.as_ref().is_some_and(|end| is_last && matches!(end.outcome, Outcome::Failed { .. }));
    if failed {
        event["cname"] = "terrible".into();
    }
    event
}

/// From the end of what each call waited for last to its beginning.
fn flows(record: &Record, slices: &FxHashMap<usize, Vec<Slice>>) -> Vec<Value> {
    let joins = joins(record);
    let mut events = Vec::new();
    for (at, (address, call)) in record.calls.iter().enumerate() {
        let Some(after) = call.attempts.first().and_then(|attempt| attempt.after.as_deref()) else {
            continue;
        };
        let from = record.calls.get_index_of(after).and_then(|before| slices.get(&before)?.last());
        let to = slices.get(&at).and_then(|own| own.first());
        let (Some(from), Some(to)) = (from, to) else { continue };
        let name = joins.get(&(task_of(after), task_of(address))).copied().unwrap_or("waits for");
        // inside the slice that it starts from: at its end the next one may begin
        events.push(
            json!({"ph": "s", "id": at, "name": name, "cat": "join", "ts": from.ts + from.dur - 1, "pid": PID,
            "tid": from.tid}),
        );
        events.push(
            json!({"ph": "f", "bp": "e", "id": at, "name": name, "cat": "join", "ts": to.ts, "pid": PID,
            "tid": to.tid}),
        );
    }
    events
}

/// The name of the join from one task to another.
fn joins(record: &Record) -> FxHashMap<(&str, &str), &str> {
    let mut joins = FxHashMap::default();
    for join in &record.shape.joins {
        for from in &join.gathers {
            for to in &join.feeds {
                joins.entry((from.as_str(), to.as_str())).or_insert(join.join.as_str());
            }
        }
    }
    joins
}
