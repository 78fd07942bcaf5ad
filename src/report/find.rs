//! The calls of a run that an address names, told from what was recorded of it alone: the manifest may be another by now.

use std::collections::BTreeSet;

use crate::diagnostic::nearest;
use crate::name::CallAddress;
use crate::path::Path;
use crate::plan::address::{Part, matcher, split_call, split_key};

use super::record::{Call, Record, task_of};

/// The calls in the order in which they were first told of; or why there is none.
pub fn named<'r>(record: &'r Record, address: &str) -> Result<Vec<(&'r str, &'r Call)>, String> {
    let found = match address.strip_prefix("tag:") {
        Some(tag) => tagged(record, tag)?,
        None => by_name(record, address)?,
    };
    let found = if found.is_empty() { fillers(record, address) } else { found };
    if found.is_empty() { Err(unknown(record, address)) } else { Ok(found) }
}

fn tagged<'r>(record: &'r Record, tag: &str) -> Result<Vec<(&'r str, &'r Call)>, String> {
    let tag = matcher(tag)?;
    let tasks = record.shape.tasks.iter().filter(|task| task.tags.iter().any(|one| tag.is_match(one)));
    let tasks: BTreeSet<&str> = tasks.map(|task| task.task.as_str()).collect();
    Ok(calls(record).filter(|(address, _)| tasks.contains(task_of(address))).collect())
}

fn by_name<'r>(record: &'r Record, address: &str) -> Result<Vec<(&'r str, &'r Call)>, String> {
    let (task, key) = split_call(address).map_or((address, None), |(task, key)| (task, Some(key)));
    let Ok(glob) = matcher(task) else { return Ok(Vec::new()) };
    let broken = || format!("`{address}` is no address: a text in `\"` does not end");
    let parts = key.map(|key| split_key(key).ok_or_else(broken)).transpose()?;
    let mut found = Vec::new();
    for (known, call) in calls(record) {
        let of = task_of(known);
        let is_meant = (of == task || glob.is_match(of))
            && parts.as_ref().map_or(Ok(true), |parts| has_key(record, known, parts))?;
        found.extend(is_meant.then_some((known, call)));
    }
    Ok(found)
}

fn has_key(record: &Record, address: &str, parts: &[Part]) -> Result<bool, String> {
    let Ok(CallAddress { task, key }) = address.parse() else { return Ok(false) };
    let are_named = parts.iter().all(|part| part.name.is_some());
    if !are_named && parts.len() != key.len() {
        return Ok(false);
    }
    let shape = record.shape.tasks.iter().find(|shape| shape.task == task.as_str());
    for (at, part) in parts.iter().enumerate() {
        let at = match &part.name {
            Some(name) => shape.and_then(|shape| shape.variables.iter().position(|known| known == name)),
            None => Some(at),
        };
        match at.and_then(|at| key.get(at)) {
            Some(text) if part.matches(text)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The calls that changed something at a place.
fn fillers<'r>(record: &'r Record, address: &str) -> Vec<(&'r str, &'r Call)> {
    let Ok(place) = address.parse::<Path>() else { return Vec::new() };
    let changed = |call: &Call| {
        let changes = call.end.iter().flat_map(|end| &*end.changes);
        changes.into_iter().any(|change| change.path.may_overlap(&place))
    };
    calls(record).filter(|(_, call)| changed(call)).collect()
}

fn calls(record: &Record) -> impl Iterator<Item = (&str, &Call)> {
    record.calls.iter().map(|(address, call)| (address.as_str(), call))
}

fn unknown(record: &Record, address: &str) -> String {
    let head = address.split(['[', '.']).next().unwrap_or(address);
    let tasks = record.shape.tasks.iter().map(|task| task.task.as_str());
    let near = with_key(record, address).or_else(|| nearest(head, tasks).filter(|near| *near != head));
    let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    format!("`{address}` names no call of the run {}{near}", record.run)
}

/// The first call of which this is a part of the key.
fn with_key<'r>(record: &'r Record, part: &str) -> Option<&'r str> {
    let has_part = |call: &CallAddress| call.key.iter().any(|text| &**text == part);
    let mut known = calls(record).map(|(address, _)| address);
    known.find(|address| address.parse().is_ok_and(|call| has_part(&call)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn record() -> Record {
        let mut record = Record::default();
        let lines = [
            r#"{"ms":0,"event":"planned","tasks":[{"task":"cell","variables":["lat","lon"],"tags":["grid"],"line":1,"calls":2},{"task":"sum","variables":[],"line":2,"calls":1}],"joins":[],"edges":[]}"#,
            r#"{"ms":1,"event":"call-ended","call":"cell[0,1]","outcome":"succeeded","took_ms":1,"changes":[{"path":"r[0][1]","set":1}],"stdout_tail":"","stderr_tail":""}"#,
            r#"{"ms":1,"event":"call-ended","call":"cell[\"a,b\",1]","outcome":"not-run","changes":[],"stdout_tail":"","stderr_tail":""}"#,
            r#"{"ms":1,"event":"call-ended","call":"sum","outcome":"not-run","changes":[],"stdout_tail":"","stderr_tail":""}"#,
        ];
        lines.iter().for_each(|line| record.take(Event::parse(line.as_bytes()).unwrap()));
        record
    }

    #[test]
    fn every_kind_of_address_is_understood() {
        let record = record();
        let named = |address: &str| {
            let found = named(&record, address)?;
            Ok::<_, String>(found.into_iter().map(|(call, _)| call).collect::<Vec<_>>().join(" "))
        };
        let (first, second) = ("cell[0,1]", r#"cell["a,b",1]"#);
        assert_eq!(named("cell").unwrap(), format!("{first} {second}"));
        assert_eq!(named("c*[*,1]").unwrap(), format!("{first} {second}"));
        assert_eq!(named("tag:gr*").unwrap(), format!("{first} {second}"));
        assert_eq!(named("cell[lat=0]").unwrap(), first);
        assert_eq!(named(r#"cell[lat="a,b"]"#).unwrap(), second);
        assert_eq!(named(second).unwrap(), second);
        assert_eq!(named("r[0]").unwrap(), first);
        assert_eq!(named("sum").unwrap(), "sum");
        assert!(named("cel[0]").unwrap_err().contains("did you mean `cell`?"));
        assert!(named("a,b").unwrap_err().contains(r#"did you mean `cell["a,b",1]`?"#));
        assert!(named("cell[2,2]").is_err() && named("r[1]").is_err());
    }
}
