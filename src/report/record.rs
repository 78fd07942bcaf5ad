//! What became of a run, call by call, put together from its events: what is made long after is made from this. A run that was
//! resumed is one record: its parts stand one after the other. Reads no files and writes none.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::change::Change;
use crate::event::shape::Shape;
use crate::event::{Event, EventKind, Printed, RunStatus};
use crate::outcome::{Exit, Failure, Outcome};
use crate::value::Text;

/// A run, as far as its events tell.
#[derive(Debug, Default)]
pub struct Record {
    pub run: String,
    pub manifest: String,
    pub name: Option<String>,
    /// RFC 3339, of the first part.
    pub started: String,
    pub jobs: usize,
    /// Of all parts together.
    pub took_ms: u64,
    /// `None`: the run goes on, or was killed.
    pub status: Option<RunStatus>,
    /// How often it was begun: 1, and 1 for each time that it was resumed.
    pub parts: usize,
    pub shape: Shape,
    /// By address, in the order in which they were first told of.
    pub calls: IndexMap<Text, Call>,
    /// Sync points, and tasks whose calls were to be found in the run.
    pub steps: Vec<Step>,
    pub signals: Vec<i32>,
    /// When the part began that is being read.
    offset: u64,
    is_whole: bool,
}

/// A call.
#[derive(Debug, Default)]
pub struct Call {
    pub attempts: Vec<Attempt>,
    /// `None`: its end was never told.
    pub end: Option<End>,
    /// Its end is of an earlier part and was taken over by the last.
    pub kept: bool,
    /// The last part that told of it.
    part: usize,
}

/// One try of a call; times in milliseconds since the run began.
#[derive(Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    pub slot: u32,
    pub began: u64,
    /// `None`: it was never told.
    pub took: Option<u64>,
    pub after: Option<Text>,
    pub command: String,
    /// Why it failed, where another attempt followed.
    pub failure: Option<Failure>,
    pub stderr_tail: String,
}

/// How a call ended.
#[derive(Debug)]
pub struct End {
    pub at: u64,
    pub outcome: Outcome,
    pub took_ms: Option<u64>,
    pub exit: Option<Exit>,
    pub leaked: bool,
    pub changes: Arc<[Change]>,
    pub stdout: Output,
    pub stderr: Output,
}

/// What was printed.
#[derive(Debug, Default)]
pub struct Output {
    /// Its end, or all of it.
    pub tail: String,
    /// The file in the run's folder that holds all of it, where the tail does not.
    pub log: Option<String>,
}

/// Something that runs nothing and can fail.
#[derive(Debug)]
pub struct Step {
    /// `sync.NAME`, or the task.
    pub name: String,
    pub at: u64,
    pub outcome: Outcome,
}

/// How many calls came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub succeeded: usize,
    pub failed: usize,
    pub forgiven: usize,
    pub skipped: usize,
    pub blocked: usize,
    pub not_run: usize,
    /// Without an end.
    pub unended: usize,
}

impl Record {
    /// Adds what an event tells.
    pub fn take(&mut self, event: Event) {
        let at = self.offset + event.ms;
        self.took_ms = self.took_ms.max(at);
        match event.kind {
            EventKind::RunStarted { run, manifest, name, started, jobs, whole, .. } => {
                self.offset = self.took_ms;
                if self.parts == 0 {
                    self.started = started;
                }
                (self.run, self.manifest, self.name, self.jobs) = (run, manifest, name, jobs);
                (self.status, self.is_whole) = (None, whole);
                self.parts += 1;
                self.steps.clear();
            }
            EventKind::Planned(shape) => self.shape = shape,
            EventKind::AttemptStarted { call, attempt, slot, after, command, .. } => {
                let attempt = Attempt { slot, after, command, ..Attempt::begun(attempt, at) };
                self.call(call).attempts.push(attempt);
            }
            EventKind::AttemptFailed { call, failure, stderr_tail, .. } => {
                if let Some(last) = self.call(call).attempts.last_mut() {
                    last.took = Some(at.saturating_sub(last.began));
                    (last.failure, last.stderr_tail) = (Some(failure), stderr_tail);
                }
            }
            EventKind::CallKept { call } => self.call(call).kept = true,
            kind @ EventKind::CallEnded { .. } => self.call_ended(at, kind),
            EventKind::TaskExpanded { task: name, outcome, .. } => {
                self.steps.push(Step { name: name.into(), at, outcome })
            }
            EventKind::SyncEnded { sync, outcome } => {
                self.steps.push(Step { name: format!("sync.{sync}"), at, outcome });
            }
            EventKind::Interrupted { signal } => self.signals.push(signal),
            EventKind::RunEnded { status, .. } => self.run_ended(status),
            EventKind::AnswerGiven => {}
        }
    }

    fn call(&mut self, address: Text) -> &mut Call {
        let call = self.calls.entry(address).or_default();
        if call.part != self.parts {
            (call.part, call.kept) = (self.parts, false);
        }
        call
    }

    fn call_ended(&mut self, at: u64, kind: EventKind) {
        let EventKind::CallEnded { call, outcome, took_ms, exit, leaked, changes, printed, .. } = kind else {
            return;
        };
        let call = self.call(call);
        // an attempt that was never ended is of an earlier part, which was killed
        if let (Some(last), Some(took)) = (call.attempts.last_mut(), took_ms) {
            last.took.get_or_insert(took);
        }
        let printed = printed.map_or_else(Printed::default, |printed| *printed);
        let stdout = Output { tail: printed.stdout_tail, log: printed.stdout_log };
        let stderr = Output { tail: printed.stderr_tail, log: printed.stderr_log };
        call.end = Some(End { at, outcome, took_ms, exit, leaked, changes, stdout, stderr });
    }

    /// A part that ran all tells of every call: others are no longer of the run.
    fn run_ended(&mut self, status: RunStatus) {
        self.status = Some(status);
        if self.is_whole && self.parts > 1 {
            let last = self.parts;
            self.calls.retain(|_, call| call.part == last);
        }
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for call in self.calls.values() {
            *match call.end.as_ref().map(|end| &end.outcome) {
                None => &mut counts.unended,
                Some(Outcome::Succeeded) => &mut counts.succeeded,
                Some(Outcome::Failed { forgiven: false, .. }) => &mut counts.failed,
                Some(Outcome::Failed { forgiven: true, .. }) => &mut counts.forgiven,
                Some(Outcome::Skipped { .. }) => &mut counts.skipped,
                Some(Outcome::Blocked { .. }) => &mut counts.blocked,
                Some(Outcome::NotRun) => &mut counts.not_run,
            } += 1;
        }
        counts
    }
}

impl Attempt {
    /// One that began at a time; all else is to be told.
    pub fn begun(number: u32, at: u64) -> Attempt {
        Attempt {
            number,
            slot: 0,
            began: at,
            took: None,
            after: None,
            command: String::new(),
            failure: None,
            stderr_tail: String::new(),
        }
    }
}

/// The task of an address.
pub fn task_of(address: &str) -> &str {
    address.split('[').next().unwrap_or(address)
}
