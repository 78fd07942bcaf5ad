//! A document that calls share: whether those that do not wait for each other go together, and how their changes combine
//! where the manifest says so. Asks the plan who waits for whom and the store what a call saw.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::change::{Change, Merge, Misfit, Operation};
use crate::fault::{Fault, planted};
use crate::manifest::Sharing;
use crate::name::Name;
use crate::path::{Path, Segment};
use crate::plan::{CallId, Plan, Reader, TaskId};
use crate::value::Value;

use super::conflict::{self, Access, Deed, Rules};
use super::merge::merged;
use super::{Clash, Onlooker, Store, keys};

/// One document and what the manifest says of it.
pub struct Shared<'a> {
    store: &'a Store,
    plan: &'a Plan,
    document: &'a Name,
    sharing: Option<&'a Sharing>,
    /// What tasks whose calls share one version saw at a merged place.
    seen: RefCell<FxHashMap<(TaskId, Path), Option<Value>>>,
    /// What a call has just taken out of a merged place.
    taken: RefCell<Option<(CallId, Path, Value)>>,
}

impl<'a> Shared<'a> {
    pub fn new(store: &'a Store, plan: &'a Plan, document: &'a Name) -> Shared<'a> {
        let sharing = plan.manifest.sharing.get(document);
        Shared { store, plan, document, sharing, seen: RefCell::default(), taken: RefCell::default() }
    }

    /// The first two of these calls, in call order, that got in each other's way at a place that overlaps `path`.
    pub fn clash(&self, path: &Path, calls: &[CallId]) -> Option<Clash> {
        if !self.plan.is_uncertain(self.document) || self.sharing.is_some_and(|sharing| sharing.last_wins) {
            return None;
        }
        let changes: Vec<(CallId, Arc<[Change]>)> =
            calls.iter().map(|&call| (call, self.store.changes_of(self.plan, call))).collect();
        let overlaps = |place: &Path| place.document == *self.document && place.may_overlap(path);
        let mut accesses: Vec<Access<'_>> = Vec::new();
        for (call, changes) in &changes {
            let reads = if planted(Fault::ReadNotRecorded) { &[] } else { self.store.reads_of(*call) };
            let reads = reads.iter().filter(|place| overlaps(place));
            accesses.extend(reads.map(|place| Access {
                call: *call,
                place: &place.segments,
                deed: Deed::Read,
            }));
            let mutates = self.plan.task(*call).mutates(self.document.as_str());
            let changes = changes.iter().filter(|change| overlaps(&change.path));
            accesses.extend(changes.map(|change| Access {
                call: *call,
                place: &change.path.segments,
                deed: deed(change, mutates),
            }));
        }
        let rules = Rules {
            is_ordered: &|first, second| self.plan.is_ordered(first, second),
            merged: &|place| self.rule(place).map(|(_, depth)| depth),
            is_movable: &|call, place, index| self.is_movable(call, place, index),
            is_array: &|call, place| matches!(self.seen_by(call, place), Ok(Some(Value::Array(_)))),
        };
        conflict::first(&accesses, &rules).map(|pair| Clash::Unordered {
            first: pair.first,
            second: pair.second,
            path: Path { document: self.document.clone(), segments: pair.place.to_vec() },
            by_reading: pair.by_reading,
        })
    }

    fn rule(&self, place: &[Segment]) -> Option<(Merge, usize)> {
        self.sharing?.rule(place)
    }

    /// How much of the change's path must be at hand to apply it.
    pub fn depth(&self, change: &Change) -> usize {
        let depth = change.path.segments.len() - usize::from(change.path.is_append());
        self.rule(&change.path.segments).map_or(depth, |(_, merged)| merged.min(depth))
    }

    /// Applies the change to what stands at `root`, `depth` segments below the document.
    pub fn apply(
        &self,
        call: CallId,
        change: &Change,
        root: &mut Option<Value>,
        depth: usize,
    ) -> Result<(), Clash> {
        let rule = self.rule(&change.path.segments);
        let taken = self.taken.take().filter(|(by, path, _)| *by == call && *path == change.path);
        let (Some((rule, length)), Operation::Set(new)) = (rule, &change.operation) else {
            if rule.is_some() && change.operation == Operation::Delete {
                let stood = root.as_ref().and_then(|root| root.at(keys(&change.path.segments[depth..])));
                self.taken.replace(stood.map(|stood| (call, change.path.clone(), stood.clone())));
            }
            return change.apply(root, depth).map_err(|misfit| clash(call, change, misfit));
        };
        let place = &change.path.segments[..length];
        let seen = if self.plan.may_mutate(call, &change.path) { self.seen_at(call, place)? } else { None };
        let stands = root.as_ref().and_then(|root| root.at(keys(&place[depth..])));
        let value = match &change.path.segments[length..] {
            // what the call itself has just taken out, to put it in anew
            [] => merged(rule, seen.as_ref(), stands.or(taken.as_ref().map(|(.., stood)| stood)), new),
            [Segment::Append] => merged(rule, None, stands, &Value::array(vec![new.clone()])),
            [Segment::Key(key), ..] => {
                let member = |value: &Value| Value::object([(key.clone(), value.clone())]);
                let seen = seen.as_ref().and_then(|seen| seen.get(key)).map(member);
                merged(rule, seen.as_ref(), stands, &member(new))
            }
            _ => Err(Misfit("a key is not known".to_owned())),
        };
        let path = Path { document: self.document.clone(), segments: place.to_vec() };
        let set = value.and_then(|value| Change::set(path, value).apply(root, depth));
        set.map_err(|misfit| clash(call, change, misfit))
    }

    /// What the call saw at a merged place that it mutates. A fill comes of nothing that was seen there.
    fn seen_at(&self, call: CallId, place: &[Segment]) -> Result<Option<Value>, Clash> {
        if planted(Fault::SnapshotForgotten) {
            return Ok(None);
        }
        let path = Path { document: self.document.clone(), segments: place.to_vec() };
        if !self.plan.is_shared_version(self.document, Reader::Call(call)) {
            return self.seen_by(call, place);
        }
        let key = (self.plan.task_of(call), path);
        if let Some(known) = self.seen.borrow().get(&key) {
            return Ok(known.clone());
        }
        let seen = self.seen_by(call, place)?;
        self.seen.borrow_mut().insert(key, seen.clone());
        Ok(seen)
    }

    /// Whether an element was appended by a call of the same task: one that others do not see.
    fn is_movable(&self, call: CallId, place: &[Segment], index: usize) -> bool {
        if self.plan.is_shared_version(self.document, Reader::Call(call)) {
            return false;
        }
        let path = Path { document: self.document.clone(), segments: place.to_vec() };
        let calls = self.plan.seen_by_task(&path, self.plan.task_of(call));
        match self.store.replay(self.plan, &path, &calls, Onlooker::Reader(Reader::Call(call))) {
            Ok(Some(Value::Array(items))) => index >= items.len(),
            _ => true,
        }
    }

    /// What the version that the call saw holds at a place.
    fn seen_by(&self, call: CallId, place: &[Segment]) -> Result<Option<Value>, Clash> {
        let path = Path { document: self.document.clone(), segments: place.to_vec() };
        let reader = Reader::Call(call);
        let calls = self.plan.seen_by_mutator(&path, call);
        self.store.replay(self.plan, &path, &calls, Onlooker::Reader(reader))
    }
}

fn clash(call: CallId, change: &Change, misfit: Misfit) -> Clash {
    Clash::Misfit { call, path: change.path.to_string(), message: misfit.0 }
}

/// What a change is for the conflict test.
fn deed(change: &Change, mutates: bool) -> Deed<'_> {
    match &change.operation {
        Operation::Ensure(container) => Deed::Made(*container),
        Operation::Set(_) if change.path.is_append() => Deed::Append { mutates },
        Operation::Set(value) if mutates => Deed::Write(Some(value)),
        Operation::Set(_) => Deed::Fill,
        Operation::Delete => Deed::Write(None),
    }
}
