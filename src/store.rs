//! Documents while the run goes on. What stands at a place for a reader is made anew from what was given and the
//! changes of the calls that the reader waited for, in call order: when a call ended never matters.

mod conflict;
mod merge;
mod sharing;

use std::borrow::Cow;
use std::convert::Infallible;
use std::mem;
use std::sync::Arc;

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use crate::change::{Change, Container, Operation, misfit};
use crate::fault::{Fault, planted};
use crate::name::Name;
use crate::path::{Path, Segment};
use crate::plan::{CallId, JoinId, Plan, Reader, TaskId, Wait, constant_part};
use crate::value::{Text, Value};

use sharing::Shared;

/// Changes that cannot come together without one being lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Two calls changed overlapping places, neither ordered before the other.
    /// `by_reading`: the second looked at what the first changed.
    Unordered { first: CallId, second: CallId, path: Path, by_reading: bool },
    /// What a call changed does not fit into what stands there.
    Misfit { call: CallId, path: String, message: String },
}

/// Who looks at what stands at a place, and so which containers stand there that nobody filled.
#[derive(Clone, Copy)]
pub enum Onlooker<'a> {
    /// Whoever comes when all is over.
    Last,
    /// One that the plan lets wait for what it reads.
    Reader(Reader),
    /// One that comes after these nodes, and of other calls knows nothing, ended or not.
    After(&'a dyn Fn(NodeIndex) -> bool),
}

/// What is kept of what one call changed. Most calls set one value where the plan says, so that the value is enough.
#[derive(Clone, Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    /// Set at the place that the plan knows.
    Planned(Value),
    Changes(Arc<[Change]>),
}

/// What each call changed, and the values made of it.
#[derive(Debug)]
pub struct Store {
    kept: Vec<Kept>,
    /// Places of documents that they mutate at which calls are known to have looked.
    reads: FxHashMap<CallId, Box<[Path]>>,
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
            kept: vec![Kept::Nothing; plan.call_count()],
            reads: FxHashMap::default(),
            failed: vec![false; plan.tasks.len()],
            joined: FxHashMap::default(),
            ended: Vec::new(),
        }
    }

    /// Makes room for calls that an expansion added.
    pub fn grow(&mut self, plan: &Plan) {
        self.kept.resize(plan.call_count(), Kept::Nothing);
    }

    /// Keeps what a call changed, and what it looked at of documents that it mutates.
    pub fn record(&mut self, plan: &Plan, call: CallId, changes: Arc<[Change]>, reads: Vec<Path>) {
        if !reads.is_empty() {
            self.reads.insert(call, reads.into_boxed_slice());
        }
        if planted(Fault::CompletionOrder) {
            self.ended.push(call);
        }
        self.kept[call.0 as usize] = Kept::of(plan, call, changes);
    }

    /// A call, or the expansion, of the task failed or never ran, and left nothing: its empty containers are not
    /// made up.
    pub fn record_failure(&mut self, task: TaskId) {
        self.failed[task.0 as usize] = true;
    }

    /// What a call changed, if it ended.
    fn changes_of(&self, plan: &Plan, call: CallId) -> Arc<[Change]> {
        match &self.kept[call.0 as usize] {
            Kept::Nothing => Arc::default(),
            Kept::Planned(value) => {
                plan.sole_fill(call).map(|place| Change::set(place, value.clone())).into_iter().collect()
            }
            Kept::Changes(changes) => changes.clone(),
        }
    }

    /// Goes over what a call changed, if it ended.
    fn try_each_change<E>(
        &self,
        plan: &Plan,
        call: CallId,
        mut f: impl FnMut(&Change) -> Result<(), E>,
    ) -> Result<(), E> {
        match &self.kept[call.0 as usize] {
            Kept::Nothing => Ok(()),
            Kept::Planned(value) => match plan.sole_fill(call) {
                Some(place) => f(&Change::set(place, value.clone())),
                None => Ok(()),
            },
            Kept::Changes(changes) => changes.iter().try_for_each(f),
        }
    }

    /// What a call is known to have looked at of documents that it mutates.
    fn reads_of(&self, call: CallId) -> &[Path] {
        self.reads.get(&call).map(|reads| &**reads).unwrap_or_default()
    }

    /// The first two of these calls, in call order, that got in each other's way in a document.
    pub fn conflict(&self, plan: &Plan, document: &Name, calls: &[CallId]) -> Option<Clash> {
        Shared::new(self, plan, document).clash(&Path::whole(document.clone()), calls)
    }

    /// Whether the call has put something at the place, or at one that holds it.
    pub fn has_set(&self, plan: &Plan, call: CallId, place: &Path) -> bool {
        let sets =
            |change: &Change| matches!(change.operation, Operation::Set(_)) && change.path.holds(place);
        self.changes_of(plan, call).iter().any(sets)
    }

    fn has_changed(&self, call: CallId) -> bool {
        !matches!(self.kept[call.0 as usize], Kept::Nothing)
    }

    /// What stands at the place for a reader that waited for these calls; `None`: nothing.
    pub fn at(&mut self, plan: &Plan, path: &Path, reader: Reader) -> Result<Option<Value>, Clash> {
        let wait = plan.waited_for(path, reader);
        // a call that comes after others of its own task sees what they changed too
        let join = match wait {
            // nor is a finalizer shown what others are: containers that nobody came to fill stand for it
            Wait::Join(join)
                if plan.is_shared_version(&path.document, reader) && !is_finalizer(plan, reader) =>
            {
                Some(join)
            }
            _ => None,
        };
        if planted(Fault::SnapshotTooNew) {
            let mut calls = plan.changers_of(path);
            calls.retain(|&call| self.has_changed(call));
            calls.sort_unstable_by_key(|&call| plan.order_of(call));
            return self.replay(plan, path, &calls, Onlooker::Reader(reader));
        }
        if let Some(known) = join.and_then(|join| self.joined.get(&join)) {
            return Ok(known.clone());
        }
        if let Wait::One(call) = wait
            && let Kept::Planned(value) = &self.kept[call.0 as usize]
            && plan.is_all_of(path, call)
        {
            return Ok(Some(value.clone()));
        }
        let value = self.replay(plan, path, &plan.changers(path, wait, reader), Onlooker::Reader(reader))?;
        if let Some(join) = join {
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
        onlooker: Onlooker<'_>,
    ) -> Result<Option<Value>, Clash> {
        let shared = Shared::new(self, plan, &path.document);
        if let Some(clash) = shared.clash(path, calls) {
            return Err(clash);
        }
        let mut seen = Seen { store: self, plan, path, shared, calls: Cow::Borrowed(calls) };
        if planted(Fault::CompletionOrder) {
            seen.calls.to_mut().sort_by_key(|call| self.ended.iter().position(|ended| ended == call));
        }
        if planted(Fault::AppendsReordered) && !seen.all(|change| !change.path.is_append()) {
            seen.calls.to_mut().reverse();
        }
        seen.applied(&self.empty_containers(plan, path, onlooker), matches!(onlooker, Onlooker::Last))
    }

    /// Why a change of a call that has just ended does not fit into what was given and what the calls before it made.
    pub fn misfit(&self, plan: &Plan, call: CallId, change: &Change) -> Option<String> {
        let path = &change.path;
        // a mutation fits into what its call saw
        if !plan.may_misfit(&path.document) || plan.task(call).mutates(path.document.as_str()) {
            return None;
        }
        let mut before = plan.changers_of(path);
        before.retain(|&other| other != call && self.has_changed(other) && plan.is_ordered(other, call));
        if before.is_empty() {
            let given = plan.world.given(path.document.as_str())?;
            return misfit(given, &path.segments).map(|misfit| misfit.0);
        }
        before.sort_unstable_by_key(|&call| plan.order_of(call));
        let whole = Path::whole(path.document.clone());
        let is_before = |node| plan.call_at(node).is_some_and(|other| plan.is_ordered(other, call));
        let mut root = self.replay(plan, &whole, &before, Onlooker::After(&is_before)).ok()?;
        change.apply(&mut root, 0).err().map(|misfit| misfit.0)
    }

    /// Containers that stand although nobody filled them: the constant part of a fill of which no call failed.
    /// Nobody sees those of tasks that come later.
    fn empty_containers(&self, plan: &Plan, path: &Path, onlooker: Onlooker<'_>) -> Vec<(TaskId, Change)> {
        let mut empties = Vec::new();
        for (task, shape) in plan.fills_of(&path.document) {
            let constant = constant_part(shape);
            let is_whole = constant.len() == shape.len();
            let below = constant.len() >= path.segments.len() && constant.starts_with(&path.segments);
            let is_later = match onlooker {
                Onlooker::Last => false,
                // nor those of its own task, of whose other calls it sees nothing
                Onlooker::Reader(reader) => {
                    plan.comes_later(*task, reader)
                        || plan.snapshot_task(&path.document, reader) == Some(*task)
                }
                Onlooker::After(is_before) => {
                    let calls = plan.calls_of(*task).map(|call| plan.node_of(call));
                    !plan.expansion_of(*task).into_iter().chain(calls).all(is_before)
                }
            };
            let is_for_all = match onlooker {
                Onlooker::Reader(reader) => is_finalizer(plan, reader),
                Onlooker::Last | Onlooker::After(_) => false,
            };
            let is_left = self.failed[task.0 as usize] && !is_for_all;
            if is_later || is_whole || !below || is_left || self.has_filled(plan, *task) {
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
        plan.calls_of(task).any(|call| self.has_changed(call))
    }
}

impl Kept {
    fn of(plan: &Plan, call: CallId, changes: Arc<[Change]>) -> Kept {
        match &changes[..] {
            [] => Kept::Nothing,
            [Change { path, operation: Operation::Set(value) }] if plan.is_sole_fill(call, path) => {
                Kept::Planned(value.clone())
            }
            _ => Kept::Changes(changes),
        }
    }
}

/// The changes that may be seen at a place, of these calls, in this order. Made anew each time that they are gone over,
/// since there may be a million of them.
struct Seen<'a> {
    store: &'a Store,
    plan: &'a Plan,
    path: &'a Path,
    shared: Shared<'a>,
    calls: Cow<'a, [CallId]>,
}

impl Seen<'_> {
    fn try_each<E>(&self, mut f: impl FnMut(CallId, &Change) -> Result<(), E>) -> Result<(), E> {
        for &call in &*self.calls {
            self.store.try_each_change(self.plan, call, |change| {
                if change.path.may_overlap(self.path) { f(call, change) } else { Ok(()) }
            })?;
        }
        Ok(())
    }

    fn each(&self, mut f: impl FnMut(CallId, &Change)) {
        let Ok(()) = self.try_each(|call, change| {
            f(call, change);
            Ok::<(), Infallible>(())
        });
    }

    fn all(&self, is: impl Fn(&Change) -> bool) -> bool {
        self.try_each(|_, change| if is(change) { Ok(()) } else { Err(()) }).is_ok()
    }

    /// Applies changes and empty containers in call order, and looks at the place. `is_roomy`: into an object, room is made
    /// for as many members as there are calls, which costs less than to grow, and memory where they fill fewer.
    fn applied(&self, empties: &[(TaskId, Change)], mut is_roomy: bool) -> Result<Option<Value>, Clash> {
        let plan = self.plan;
        let depth = self.depth();
        let (above, below) = self.path.segments.split_at(depth);
        let given = plan.world.given(self.path.document.as_str());
        let mut root = given.and_then(|value| value.look(keys(above)));
        let mut empties = empties.iter().peekable();
        self.try_each(|call, change| {
            while let Some((_, empty)) =
                empties.next_if(|(task, _)| plan.order_of_task(*task) <= plan.order_of(call))
            {
                make_empty(empty, &mut root, depth);
            }
            self.shared.apply(call, change, &mut root, depth)?;
            if mem::take(&mut is_roomy)
                && let Some(Value::Object(members)) = &mut root
                && let Some(members) = Arc::get_mut(members)
            {
                members.reserve(self.calls.len());
            }
            Ok(())
        })?;
        empties.for_each(|(_, empty)| make_empty(empty, &mut root, depth));
        Ok(root.and_then(|root| root.look(keys(below))))
    }

    /// How far down the place the replay may begin: not below what one of the changes replaces or appends to.
    fn depth(&self) -> usize {
        let mut depth = self.path.segments.len();
        if depth > 0 {
            self.each(|_, change| {
                depth = depth.min(self.shared.depth(change));
            });
        }
        depth
    }
}

/// Whether the reader goes on however those before it ended.
fn is_finalizer(plan: &Plan, reader: Reader) -> bool {
    matches!(reader, Reader::Call(call) if plan.is_finalizer(plan.node_of(call)))
}

/// Where something else stands, there is no empty container to make, and nothing is lost.
fn make_empty(empty: &Change, root: &mut Option<Value>, depth: usize) {
    let _ = empty.apply(root, depth);
}

fn keys(segments: &[Segment]) -> impl Iterator<Item = &Text> {
    segments.iter().filter_map(|segment| match segment {
        Segment::Key(key) => Some(key),
        Segment::Append | Segment::Any => None,
    })
}
