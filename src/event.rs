//! What happened in a run, as facts: the one serialized vocabulary that `--events` and every report are made from.
//! Addresses, never ids; times in milliseconds since the run began.

mod read;
pub mod shape;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Serialize, Serializer};

use crate::change::Change;
use crate::outcome::{Exit, Failure, Outcome};
use crate::path::Path;
use crate::value::Text;
use shape::Shape;

/// The version of this vocabulary; it grows when a reader of older events would misread newer ones.
pub const SCHEMA_VERSION: u32 = 1;

/// A fact and when it became one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Event {
    /// Milliseconds since the run began.
    pub ms: u64,
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. Field `event` names it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    RunStarted {
        schema: u32,
        /// deco's own version.
        deco: Cow<'static, str>,
        run: String,
        manifest: String,
        name: Option<String>,
        /// RFC 3339, UTC.
        started: String,
        /// Whether this goes on with a run that was begun before: the events above it, in the same journal, are of its
        /// earlier parts.
        resumed: bool,
        /// Whether all of the manifest is to run, not a part that `-t` or `--skip` chose.
        whole: bool,
        jobs: usize,
        calls: usize,
        /// Tasks whose calls are found only while the run goes on.
        unexpanded: usize,
        syncs: usize,
    },
    /// What the run is made of, after its beginning; once more at its end if calls were found in between.
    Planned(Shape),
    AttemptStarted {
        #[schemars(with = "String")]
        call: Text,
        attempt: u32,
        slot: u32,
        /// How long the run is expected to go on from now; absent where past runs do not say.
        #[serde(skip_serializing_if = "Option::is_none")]
        left_ms: Option<u64>,
        /// The end that the call waited for last; absent if it waited for nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String")]
        after: Option<Text>,
        /// The command as a person would write it, its beginning if it is long.
        #[serde(skip_serializing_if = "String::is_empty")]
        command: String,
    },
    /// An attempt failed, and the call will have another one.
    AttemptFailed {
        #[schemars(with = "String")]
        call: Text,
        attempt: u32,
        failure: Failure,
        #[serde(skip_serializing_if = "String::is_empty")]
        stderr_tail: String,
        next_in_ms: u64,
        /// As in `call-ended`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stdout_log: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stderr_log: Option<String>,
    },
    /// A call came to its end, run or not. Output tails are of the last attempt.
    CallEnded {
        #[schemars(with = "String")]
        call: Text,
        #[serde(flatten)]
        outcome: Outcome,
        /// Milliseconds that the last attempt took; absent if none was made.
        took_ms: Option<u64>,
        /// How the process of the last attempt ended, whatever that means for the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
        /// Something that it started held its outputs open after its end, and was ended.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        leaked: bool,
        /// What all that the call depends on comes to: a resumed run that finds the same takes this end over.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String")]
        fingerprint: Option<Fingerprint>,
        #[schemars(with = "Vec<Change>")]
        changes: Arc<[Change]>,
        /// Places of documents that it changes at which the call is known to have looked.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[schemars(with = "Vec<String>")]
        reads: Vec<Path>,
        /// Absent where it printed nothing. Apart, since most print nothing and an event is as large as its largest kind.
        #[serde(flatten)]
        printed: Option<Box<Printed>>,
    },
    /// The end of this call that an earlier part of the run told of is taken over: it does not run again.
    CallKept {
        #[schemars(with = "String")]
        call: Text,
    },
    /// The calls of a task whose `for` could not be known before were found, or could not be.
    TaskExpanded {
        #[schemars(with = "String")]
        task: Text,
        #[serde(flatten)]
        outcome: Outcome,
        calls: usize,
    },
    SyncEnded {
        #[schemars(with = "String")]
        sync: Text,
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// A signal asked the run to end.
    Interrupted { signal: i32 },
    RunEnded {
        status: RunStatus,
        succeeded: usize,
        failed: usize,
        forgiven: usize,
        skipped: usize,
        blocked: usize,
        not_run: usize,
    },
    /// The answer stands where it was asked for: only now is there nothing to resume. In the journal alone.
    AnswerGiven,
}

/// What an attempt printed, as far as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Printed {
    /// The beginnings of the outputs, where the tails are not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_head: Option<String>,
    /// Absent where nothing was printed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stdout_tail: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stderr_tail: String,
    /// The files in the run's folder that hold the outputs as a whole, where the tails do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_log: Option<String>,
}

impl Printed {
    pub const NOTHING: &Printed = &Printed {
        stdout_head: None,
        stderr_head: None,
        stdout_tail: String::new(),
        stderr_tail: String::new(),
        stdout_log: None,
        stderr_log: None,
    };

    /// As a `CallEnded` has it.
    pub fn if_any(self) -> Option<Box<Printed>> {
        if self == *Printed::NOTHING { None } else { Some(Box::new(self)) }
    }

    fn for_words(&mut self, change: &dyn Fn(&mut String)) {
        [&mut self.stdout_tail, &mut self.stderr_tail].into_iter().for_each(change);
        [&mut self.stdout_head, &mut self.stderr_head].into_iter().flatten().for_each(change);
    }
}

impl EventKind {
    /// Whether somebody who looks on would want to hear of it at once.
    pub fn is_urgent(&self) -> bool {
        match self {
            EventKind::Planned(_) | EventKind::AttemptStarted { .. } | EventKind::CallKept { .. } => false,
            EventKind::CallEnded { outcome, .. }
            | EventKind::TaskExpanded { outcome, .. }
            | EventKind::SyncEnded { outcome, .. } => matches!(outcome, Outcome::Failed { .. }),
            EventKind::RunStarted { .. }
            | EventKind::AttemptFailed { .. }
            | EventKind::Interrupted { .. }
            | EventKind::RunEnded { .. }
            | EventKind::AnswerGiven => true,
        }
    }

    /// Goes over the words that calls, their keys and expressions gave. Changes are no words: they are kept as they are
    /// or not at all.
    pub fn for_words(&mut self, change: &dyn Fn(&mut String)) {
        match self {
            EventKind::RunStarted { .. }
            | EventKind::Interrupted { .. }
            | EventKind::RunEnded { .. }
            | EventKind::AnswerGiven => {}
            EventKind::Planned(shape) => {
                shape.joins.iter_mut().for_each(|join| change(&mut join.join));
                for task in &mut shape.tasks {
                    change(&mut task.runs);
                    task.description.iter_mut().for_each(change);
                }
            }
            EventKind::AttemptStarted { call, after, command, .. } => {
                [call].into_iter().chain(after).for_each(|text| for_text(text, change));
                change(command);
            }
            EventKind::CallKept { call } => for_text(call, change),
            EventKind::AttemptFailed { call, failure, stderr_tail, .. } => {
                for_text(call, change);
                change(stderr_tail);
                failure.for_words(change);
            }
            EventKind::CallEnded { call, outcome, printed, .. } => {
                for_text(call, change);
                printed.iter_mut().for_each(|printed| printed.for_words(change));
                outcome.for_words(change);
            }
            EventKind::SyncEnded { sync: name, outcome }
            | EventKind::TaskExpanded { task: name, outcome, .. } => {
                for_text(name, change);
                outcome.for_words(change);
            }
        }
    }
}

fn for_text(text: &mut Text, change: &dyn Fn(&mut String)) {
    let mut changed = text.to_string();
    change(&mut changed);
    *text = changed.into();
}

/// What all that a call depends on comes to, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub blake3::Hash);

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_hex())
    }
}

/// The JSON Schema of a line of `--events`.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<Event>().into()
}

/// How the run as a whole ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    Succeeded,
    Failed,
    Conflict,
    Interrupted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_small_since_thousands_of_them_wait() {
        assert!(size_of::<Event>() <= 192, "{}", size_of::<Event>());
    }
}
