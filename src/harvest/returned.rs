//! From a worker's answer to what the call changes: its result, what it did to the documents it was given, its fills.

use crate::change::record::{Recorded, Recorder};
use crate::change::{Change, Operation};
use crate::exec::Ending;
use crate::exec::worker::{Answer, Raised, Returned};
use crate::manifest::Task;
use crate::outcome::Failure;
use crate::path::Path;
use crate::prepare::CallScope;
use crate::value::Value;

use super::mutations::not_declared;
use super::{completed, judge};

/// What the call changes and where it looked, or why it failed.
pub fn changes(scope: &mut CallScope, task: &Task, answer: Answer) -> Result<Recorded, Failure> {
    let Returned { result, changes, reads } = match answer {
        Answer::Returned(returned) => returned,
        Answer::Raised(mut raised) => {
            scope.also_looked_at(std::mem::take(&mut raised.reads));
            return Err(Failure::Raised { message: in_words(raised) });
        }
        Answer::Broken(message) => {
            let message = format!("its worker does not keep to the protocol: {message}");
            return Err(Failure::Raised { message });
        }
        Answer::Process(Ending::Exited(exit)) => {
            return Err(Failure::Raised { message: format!("its worker {exit} over the call") });
        }
        Answer::Process(ending) => {
            judge(task, &ending)?;
            return Err(Failure::Interrupted);
        }
    };
    let recorded = match changes.is_empty() && reads.is_empty() {
        true => Recorded::default(),
        false => recorded(scope, &changes, &reads).map_err(|message| Failure::Fill { message })?,
    };
    completed(scope, task, recorded, result, Value::Null)
}

fn in_words(raised: Raised) -> String {
    match raised.kind {
        Some(kind) if raised.message.is_empty() => format!("raised {kind}"),
        Some(kind) => format!("raised {kind}: {}", raised.message),
        None => raised.message,
    }
}

/// What the call did to documents, in its normal form, over what it was given of them.
fn recorded(scope: &CallScope, changes: &[Change], reads: &[Path]) -> Result<Recorded, String> {
    let handed = scope.handed();
    let mut recorder = Recorder::new(handed.places.iter().cloned());
    reads.iter().for_each(|path| recorder.read(path));
    for change in changes {
        if !handed.places.iter().any(|(place, _)| place.holds(&change.path)) {
            let declared: Vec<String> = handed.places.iter().map(|(place, _)| place.to_string()).collect();
            return Err(not_declared("changed", &change.path, &declared));
        }
        let done = match &change.operation {
            Operation::Set(value) => recorder.set(&change.path, value),
            Operation::Ensure(container) => recorder.ensure(&change.path, *container),
            Operation::Delete => recorder.delete(&change.path),
        };
        done.map_err(|misfit| format!("it cannot change `{}`: {}", change.path, misfit.0))?;
    }
    Ok(recorder.finish())
}
