//! What happened in a run, as facts: the one serialized vocabulary that `--events` and every report are made from.
//! Addresses, never ids; times in milliseconds since the run began.

mod read;

use std::borrow::Cow;

use serde::Serialize;

use crate::change::Change;
use crate::outcome::{Exit, Failure, Outcome};
use crate::path::Path;

/// The version of this vocabulary; it grows when a reader of older events would misread newer ones.
pub const SCHEMA_VERSION: u32 = 1;

/// A fact and when it became one.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Milliseconds since the run began.
    pub ms: u64,
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. Field `event` names it.
#[derive(Clone, Debug, Serialize)]
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
    AttemptStarted {
        call: String,
        attempt: u32,
        slot: u32,
    },
    /// An attempt failed, and the call will have another one.
    AttemptFailed {
        call: String,
        attempt: u32,
        failure: Failure,
        stderr_tail: String,
        next_in_ms: u64,
    },
    /// A call came to its end, run or not. Output tails are of the last attempt.
    CallEnded {
        call: String,
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
        fingerprint: Option<String>,
        changes: Vec<Change>,
        /// Places of documents that it changes at which the call is known to have looked.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        reads: Vec<Path>,
        stdout_tail: String,
        stderr_tail: String,
        /// The files in the run's folder that hold the outputs as a whole, where the tails do not.
        #[serde(skip_serializing_if = "Option::is_none")]
        stdout_log: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stderr_log: Option<String>,
    },
    /// The end of this call that an earlier part of the run told of is taken over: it does not run again.
    CallKept {
        call: String,
    },
    /// The calls of a task whose `for` could not be known before were found, or could not be.
    TaskExpanded {
        task: String,
        #[serde(flatten)]
        outcome: Outcome,
        calls: usize,
    },
    SyncEnded {
        sync: String,
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// A signal asked the run to end.
    Interrupted {
        signal: i32,
    },
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

impl Event {
    /// Appends the event as a line of JSON.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        // nothing in it fails to serialize, and a Vec takes all
        let _ = serde_json::to_writer(&mut *out, self);
        out.push(b'\n');
    }
}

impl EventKind {
    /// Whether somebody who looks on would want to hear of it at once.
    pub fn is_urgent(&self) -> bool {
        match self {
            EventKind::AttemptStarted { .. } | EventKind::CallKept { .. } => false,
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
            EventKind::AttemptStarted { call, .. } | EventKind::CallKept { call } => change(call),
            EventKind::AttemptFailed { call, failure, stderr_tail, .. } => {
                [call, stderr_tail].into_iter().for_each(change);
                failure.for_words(change);
            }
            EventKind::CallEnded { call, outcome, stdout_tail, stderr_tail, .. } => {
                [call, stdout_tail, stderr_tail].into_iter().for_each(change);
                outcome.for_words(change);
            }
            EventKind::SyncEnded { sync: name, outcome }
            | EventKind::TaskExpanded { task: name, outcome, .. } => {
                change(name);
                outcome.for_words(change);
            }
        }
    }
}

/// How the run as a whole ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    Succeeded,
    Failed,
    Conflict,
    Interrupted,
}
