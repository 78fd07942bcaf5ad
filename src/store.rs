//! Documents while the run goes on. What stands at a place for a reader is made anew from what was given and the
//! changes of the calls that the reader waited for, in call order: when a call ended never matters.

mod conflict;
mod merge;

use rustc_hash::FxHashMap;

use crate::change::{Change, Container, misfit};
use crate::fault::{Fault, planted};
use crate::name::Name;
use crate::path::{Path, Segment, segments_may_overlap};
use crate::plan::writers::Writers;
use crate::plan::{CallId, JoinId, Plan, Reader, TaskId, Wait, constant_part};
use crate::value::{Text, Value};

/// Changes that cannot come together without one being lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Two calls changed overlapping places, neither ordered before the other.
    Unordered { first: CallId, second: CallId, path: String },
    /// What a call changed does not fit into what stands there.
    Misfit { call: CallId, path: String, message: String },
}

/// What each call changed, and the values made of it.
#[derive(Debug)]
pub struct Store {
    /// For each call that ended: its changes.
    changes: Vec<Option<Box<[Change]>>>,
    /// Whether a call of the task failed, so that what it did not fill is not made up.
    failed: Vec<bool>,
    /// What stands at the place of a join once its calls have ended.
    joined: FxHashMap<JoinId, Option<Value>>,
    /// The order in which calls ended: only a planted fault looks at it.
    ended: Vec<CallId>,
}

impl Store {
    pub fn new(plan: &Plan) -> Store {
        Store {
            changes: (0..plan.call_count()).map(|_| None).collect(),
            failed: vec![false; plan.tasks.len()],
            joined: FxHashMap::default(),
            ended: Vec::new(),
        }
    }

    /// Makes room for calls that an expansion added.
    pub fn grow(&mut self, plan: &Plan) {
        self.changes.resize_with(plan.call_count(), || None);
    }

    /// Keeps what a call changed.
    pub fn record(&mut self, call: CallId, changes: Vec<Change>) {
        if planted(Fault::CompletionOrder) {
            self.ended.push(call);
        }
        self.changes[call.0 as usize] = Some(changes.into_boxed_slice());
    }

    /// A call, or the expansion, of the task failed or never ran, and left nothing: its empty containers are not
    /// made up.
    pub fn record_failure(&mut self, task: TaskId) {
        self.failed[task.0 as usize] = true;
    }

    /// What a call changed, if it ended.
    pub fn changes_of(&self, call: CallId) -> &[Change] {
        self.changes[call.0 as usize].as_deref().unwrap_or_default()
    }

    /// What stands at the place for a reader that waited for these calls; `None`: nothing.
    pub fn at(&mut self, plan: &Plan, path: &Path, reader: Reader) -> Result<Option<Value>, Clash> {
        let wait = plan.waited_for(path, reader);
        if let Wait::Join(join) = wait
            && let Some(known) = self.joined.get(&join)
        {
            return Ok(known.clone());
        }
        let value = self.replay(plan, path, &plan.changers(path, wait, reader), Some(reader))?;
        if let Wait::Join(join) = wait {
            self.joined.insert(join, value.clone());
        }
        Ok(value)
    }

    /// What stands at the place when these calls, in call order, have changed what was given.
    pub fn replay(
        &self,
        plan: &Plan,
        path: &Path,
        calls: &[CallId],
        reader: Option<Reader>,
    ) -> Result<Option<Value>, Clash> {
        let mut calls = calls.to_vec();
        if planted(Fault::CompletionOrder) {
            calls.sort_by_key(|call| self.ended.iter().position(|ended| ended == call));
        }
        let mut found: Vec<(CallId, &Change)> = Vec::new();
        for &call in &calls {
            let overlapping = self.changes_of(call).iter().filter(|change| change.path.may_overlap(path));
            found.extend(overlapping.map(|change| (call, change)));
        }
        if planted(Fault::AppendsReordered) && found.iter().all(|(_, change)| change.path.is_append()) {
            found.reverse();
        }
        if let Some(clash) = self.clash(plan, path, &found) {
            return Err(clash);
        }
        let empties = self.empty_containers(plan, path, reader);
        applied(plan, path, &found, &empties)
    }

    /// Why a change of a call that has just ended does not fit into what was given and what the calls before it made.
    pub fn misfit(&self, plan: &Plan, call: CallId, change: &Change) -> Option<String> {
        let path = &change.path;
        if !plan.may_misfit(&path.document) {
            return None;
        }
        let mut before = plan.changers_of(path);
        before.retain(|&other| {
            other != call && !self.changes_of(other).is_empty() && plan.is_ordered(other, call)
        });
        if before.is_empty() {
            let given = plan.world.given(path.document.as_str())?;
            return misfit(given, &path.segments).map(|misfit| misfit.0);
        }
        before.sort_unstable_by_key(|&call| plan.order_of(call));
        let whole = Path::whole(path.document.clone());
        let mut root = self.replay(plan, &whole, &before, None).ok()?;
        change.apply(&mut root, 0).err().map(|misfit| misfit.0)
    }

    /// The first two of these changes, in call order, of which one would be lost. Only where planning could not tell.
    fn clash(&self, plan: &Plan, path: &Path, found: &[(CallId, &Change)]) -> Option<Clash> {
        if !plan.is_uncertain(&path.document) {
            return None;
        }
        let mut actual = Writers::default();
        found.iter().for_each(|(call, change)| actual.insert(&change.path.segments, *call));
        let overlaps = actual.known_overlaps(|call| plan.order_of(call)).into_iter();
        let mut pairs: Vec<(CallId, CallId)> = overlaps
            .map(|overlap| (overlap.outer, overlap.inner))
            .map(|(a, b)| if plan.order_of(a) <= plan.order_of(b) { (a, b) } else { (b, a) })
            .collect();
        pairs.sort_unstable_by_key(|&(first, second)| (plan.order_of(first), plan.order_of(second)));
        let unordered =
            |&(first, second): &(CallId, CallId)| first != second && !plan.is_ordered(first, second);
        let (first, second) = pairs.into_iter().find(unordered)?;
        let path = self.common_place(first, second, &path.document);
        Some(Clash::Unordered { first, second, path })
    }

    fn common_place(&self, first: CallId, second: CallId, document: &Name) -> String {
        let of = |call| self.changes_of(call).iter().map(|change: &Change| &change.path);
        let pairs = of(first).flat_map(|a| of(second).map(move |b| (a, b)));
        let mut overlapping = pairs.filter(|(a, b)| {
            a.document == *document
                && b.document == *document
                && segments_may_overlap(&a.segments, &b.segments)
        });
        let longer =
            overlapping.next().map(|(a, b)| if a.segments.len() >= b.segments.len() { a } else { b });
        longer.map_or_else(|| document.to_string(), Path::to_string)
    }

    /// Containers that stand although nobody filled them: the constant part of a fill of which no call failed.
    /// A reader does not see those of tasks that come after it.
    fn empty_containers(&self, plan: &Plan, path: &Path, reader: Option<Reader>) -> Vec<(TaskId, Change)> {
        let mut empties = Vec::new();
        for (task, shape) in plan.fills_of(&path.document) {
            let constant = constant_part(shape);
            let is_whole = constant.len() == shape.len();
            let below = constant.len() >= path.segments.len() && constant.starts_with(&path.segments);
            let is_later = reader.is_some_and(|reader| plan.comes_later(*task, reader));
            if is_later || is_whole || !below || self.failed[task.0 as usize] || self.has_filled(plan, *task)
            {
                continue;
            }
            let container =
                if shape[constant.len()] == Segment::Append { Container::Array } else { Container::Object };
            let place = Path { document: path.document.clone(), segments: constant.to_vec() };
            empties.push((*task, Change::ensure(place, container)));
        }
        empties.sort_by_key(|(task, _)| plan.order_of_task(*task));
        empties
    }

    fn has_filled(&self, plan: &Plan, task: TaskId) -> bool {
        plan.calls_of(task).any(|call| !self.changes_of(call).is_empty())
    }
}

/// Applies changes and empty containers in call order, and looks at the place.
fn applied(
    plan: &Plan,
    path: &Path,
    found: &[(CallId, &Change)],
    empties: &[(TaskId, Change)],
) -> Result<Option<Value>, Clash> {
    let depth = replay_depth(path, found);
    let (above, below) = path.segments.split_at(depth);
    let given = plan.world.given(path.document.as_str());
    let mut root = given.and_then(|value| value.at(keys(above))).cloned();
    let mut empties = empties.iter().peekable();
    for &(call, change) in found {
        while let Some((_, empty)) =
            empties.next_if(|(task, _)| plan.order_of_task(*task) <= plan.order_of(call))
        {
            make_empty(empty, &mut root, depth);
        }
        change.apply(&mut root, depth).map_err(|misfit| Clash::Misfit {
            call,
            path: change.path.to_string(),
            message: misfit.0,
        })?;
    }
    empties.for_each(|(_, empty)| make_empty(empty, &mut root, depth));
    Ok(root.and_then(|root| root.at(keys(below)).cloned()))
}

/// Where something else stands, there is no empty container to make, and nothing is lost.
fn make_empty(empty: &Change, root: &mut Option<Value>, depth: usize) {
    let _ = empty.apply(root, depth);
}

/// How far down the place the replay may begin: not below what one of the changes replaces or appends to.
fn replay_depth(path: &Path, found: &[(CallId, &Change)]) -> usize {
    let depths = found.iter().map(|(_, change)| {
        let length = change.path.segments.len();
        if change.path.is_append() { length - 1 } else { length }
    });
    depths.chain([path.segments.len()]).min().unwrap_or(0)
}

fn keys(segments: &[Segment]) -> impl Iterator<Item = &Text> {
    segments.iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key),
        Segment::Append | Segment::Any => None,
    })
}
