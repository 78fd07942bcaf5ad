//! What a call that has ended did to the documents that it was given: in their files, and by `deco set` and its like. Both
//! become changes of one kind; a place that was changed both ways, or not declared, is the call's failure in words.

use std::path::Path as FilePath;

use crate::change::diff::difference;
use crate::change::lines;
use crate::change::record::{Recorded, Recorder};
use crate::change::{Change, Operation};
use crate::path::Path;
use crate::prepare::LONGEST_RESULT;
use crate::prepare::documents::{DocumentFile, Handed, variable};
use crate::value::Value;

use super::left;

/// What the call changed, in an order in which it can be applied, and the places that it is known to have looked at.
pub fn of_call(handed: &Handed) -> Result<Recorded, String> {
    let mut recorded = Recorded::default();
    if handed.files.is_empty() && handed.operations.is_none() {
        return Ok(recorded);
    }
    for file in &handed.files {
        recorded.changes.extend(in_file(file, handed)?);
    }
    let looked = recorded.changes.iter().filter(|change| needs_a_look(change));
    recorded.reads = looked.map(|change| change.path.clone()).collect();
    let told = told(handed)?;
    for change in &recorded.changes {
        if let Some(other) = told.changes.iter().find(|other| other.path.may_overlap(&change.path)) {
            return Err(format!(
                "it changed `{}` in the file `${}` and `{}` by `deco set` or its like: change a place one way only",
                change.path,
                variable(change.path.document.as_str()),
                other.path
            ));
        }
    }
    recorded.changes.extend(told.changes);
    recorded.reads.extend(told.reads);
    Ok(recorded)
}

/// What is found by comparing was looked at; not so where an element was added or an empty container made.
fn needs_a_look(change: &Change) -> bool {
    !change.path.is_append() && !matches!(change.operation, Operation::Ensure(_))
}

/// What the call changed in the file of a document.
fn in_file(file: &DocumentFile, handed: &Handed) -> Result<Vec<Change>, String> {
    if file.is_untouched() {
        return Ok(Vec::new());
    }
    let name = variable(file.document.as_str());
    // a document that was large may grow; one that floods the memory is a slip
    let limit = (LONGEST_RESULT as u64).max(file.size().saturating_mul(2));
    let bytes = left::read(&file.path, limit).map_err(|why| match why.kind() {
        std::io::ErrorKind::NotFound => format!("it took away the file `${name}`"),
        _ => format!("the file `${name}` cannot be read: {why}"),
    })?;
    if bytes.len() as u64 > limit {
        let most = limit / (1024 * 1024);
        return Err(format!(
            "it left more than {most} MiB in the file `${name}`, the most that may stand there"
        ));
    }
    let after =
        Value::parse(&bytes).map_err(|why| format!("it left no JSON in the file `${name}`: {why}"))?;
    let changes = difference(&Path::whole(file.document.clone()), Some(&file.before), Some(&after));
    match changes.iter().find(|change| !may_change(handed, &change.path)) {
        Some(change) => Err(undeclared(handed, &change.path)),
        None => Ok(changes),
    }
}

fn may_change(handed: &Handed, path: &Path) -> bool {
    handed.places.iter().any(|(place, _)| place.holds(path))
}

fn undeclared(handed: &Handed, path: &Path) -> String {
    let declared = handed.places.iter().map(|(place, _)| place.to_string());
    not_declared("changed", path, &declared.collect::<Vec<_>>())
}

/// The words for a place that the task does not declare in `mutates`.
pub fn not_declared(done: &str, path: &Path, declared: &[String]) -> String {
    let may = match declared {
        [] => "its task may change nothing".to_owned(),
        places => format!("its task may change only `{}`", places.join("`, `")),
    };
    format!("it {done} `{path}`, and {may}: declare the place in `mutates`")
}

/// What the call did by `deco set` and its like.
fn told(handed: &Handed) -> Result<Recorded, String> {
    let Some(file) = &handed.operations else { return Ok(Recorded::default()) };
    let bytes = bytes_of(file)?;
    let lines = lines::parse(&bytes).map_err(|why| format!("the file of its changes is broken: {why}"))?;
    let mut recorder = Recorder::new(handed.places.iter().cloned());
    for line in lines {
        line.feed(&mut recorder)
            .map_err(|misfit| format!("`deco {} {}`: {}", line.verb(), line.path(), misfit.0))?;
    }
    Ok(recorder.finish())
}

fn bytes_of(file: &FilePath) -> Result<Vec<u8>, String> {
    let bytes = left::read(file, LONGEST_RESULT as u64)
        .map_err(|why| format!("the file of its changes cannot be read: {why}"))?;
    match bytes.len() > LONGEST_RESULT {
        true => Err(super::too_long("list of changes", LONGEST_RESULT)),
        false => Ok(bytes),
    }
}
