//! What finalizers see of the run: its status, and how the calls that they waited for have ended.

use petgraph::Direction::Incoming;
use petgraph::graph::NodeIndex;

use crate::manifest::{Manifest, Task, When};
use crate::outcome::{Exit, Outcome, Verdict};
use crate::plan::{CallId, Node};
use crate::schedule::End;
use crate::value::Value;

use super::Core;
use super::call::Ended;
use super::tell::Tails;

/// What is kept of a call that has ended.
#[derive(Debug)]
pub(super) struct Record {
    exit: Option<Exit>,
    stderr_tail: String,
    /// Why it failed.
    message: Option<String>,
}

impl Record {
    /// `None`: there is nothing to tell.
    pub fn of(ended: &Ended, tails: &Tails) -> Option<Record> {
        let (exit, stderr_tail) = match (&ended.finished, &ended.kept) {
            (Some(finished), _) => (finished.exit(), tails.stderr.tail.clone()),
            (None, Some(kept)) => (kept.exit, kept.stderr_tail.clone()),
            (None, None) => (None, String::new()),
        };
        let message = match &ended.outcome {
            Outcome::Failed { failure, .. } => Some(failure.to_string()),
            _ => None,
        };
        let tells = exit.is_some() || message.is_some() || !stderr_tail.is_empty();
        tells.then_some(Record { exit, stderr_tail, message })
    }
}

/// Whether the manifest has finalizers.
pub(super) fn are_there(manifest: &Manifest) -> bool {
    manifest.tasks.iter().any(|task| task.when.is_finalizer())
}

impl Core {
    /// Whether a finalizer has reason to run: `failure` needs one, among what it waits for, else among all.
    pub(super) fn is_called_for(&self, task: &Task, node: NodeIndex) -> bool {
        if task.when != When::Failure {
            return true;
        }
        self.has_failed_before(node)
    }

    /// Whether something failed that the finalizer waits for: so it does not matter what else has ended by then.
    fn has_failed_before(&self, node: NodeIndex) -> bool {
        let (calls, others_failed) = self.calls_before(node);
        let has_failed =
            |node: NodeIndex| matches!(self.schedule.end_of(node), Some(End::Failed | End::Blocked(_)));
        match calls {
            Some(calls) => others_failed || calls.iter().any(|&call| has_failed(self.plan.node_of(call))),
            None => self.others().into_iter().any(has_failed),
        }
    }

    /// `run` and `calls` in a finalizer's templates.
    pub(super) fn seen_by_finalizer(&self, node: NodeIndex) -> [(&'static str, Value); 2] {
        let status = match self {
            Core { signal: Some(_), .. } => "interrupted",
            Core { clash: Some(_), .. } | Core { timed_out: true, .. } => "failure",
            _ if self.has_failed_before(node) => "failure",
            _ => "success",
        };
        let mut calls = self.calls_before(node).0.unwrap_or_else(|| {
            self.others().into_iter().filter_map(|other| self.plan.call_at(other)).collect()
        });
        calls.sort_unstable_by_key(|&call| self.plan.order_of(call));
        let told = calls.into_iter().filter_map(|call| self.told(call)).collect();
        [("run", Value::object([("status", Value::from(status))])), ("calls", Value::array(told))]
    }

    /// The calls that a finalizer waits for by name, through joins and sync points; `None`: it names nothing. Also whether
    /// a sync point or an expansion among them failed.
    fn calls_before(&self, node: NodeIndex) -> (Option<Vec<CallId>>, bool) {
        let mut open: Vec<NodeIndex> = self.plan.graph.neighbors_directed(node, Incoming).collect();
        if open.is_empty() {
            return (None, false);
        }
        let mut calls = Vec::new();
        let mut failed = false;
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(before) = open.pop() {
            if !seen.insert(before) || !self.schedule.is_wanted(before) {
                continue;
            }
            match self.plan.graph[before] {
                Node::Call(call) => calls.push(call),
                Node::Join(_) => open.extend(self.plan.graph.neighbors_directed(before, Incoming)),
                Node::Sync(_) | Node::Expansion(_) => {
                    failed |= self.schedule.end_of(before) == Some(End::Failed);
                    open.extend(self.plan.graph.neighbors_directed(before, Incoming));
                }
            }
        }
        (Some(calls), failed)
    }

    /// What a finalizer waits for that names nothing: everything but finalizers and what comes after such a one.
    fn others(&self) -> Vec<NodeIndex> {
        let graph = &self.plan.graph;
        let mut later = rustc_hash::FxHashSet::default();
        let mut open: Vec<NodeIndex> = graph.node_indices().filter(|&node| self.plan.is_last(node)).collect();
        while let Some(node) = open.pop() {
            if later.insert(node) {
                open.extend(graph.neighbors(node));
            }
        }
        graph.node_indices().filter(|node| !self.plan.is_finalizer(*node) && !later.contains(node)).collect()
    }

    fn told(&self, call: CallId) -> Option<Value> {
        // of those that can never run nothing is recorded before the run is over
        let verdict =
            self.verdicts[call.0 as usize].or(match self.schedule.end_of(self.plan.node_of(call)) {
                Some(End::Blocked(_)) => Some(Verdict::Blocked),
                _ => None,
            })?;
        let record = self.records.as_ref().and_then(|records| records.get(&call));
        let exit = match record.and_then(|record| record.exit) {
            Some(Exit::Code(code)) => Value::from(i128::from(code)),
            Some(Exit::Signal(signal)) => Value::from(crate::outcome::signal_name(signal)),
            None => Value::Null,
        };
        let message = record.and_then(|record| record.message.as_deref());
        let tail = record.map(|record| record.stderr_tail.as_str()).unwrap_or_default();
        Some(Value::object([
            ("address", Value::from(self.plan.address_text(call))),
            ("key", Value::array(self.plan.key(call))),
            ("outcome", Value::from(verdict.word())),
            ("message", message.map_or(Value::Null, Value::from)),
            ("exit", exit),
            ("stderr", Value::from(tail)),
        ]))
    }
}
