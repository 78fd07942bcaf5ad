//! Documents while the run goes on. What stands at a place for a reader is made anew from what was given and the
//! changes of the calls that the reader waited for, in call order: when a call ended never matters.

use std::borrow::Cow;
use std::convert::Infallible;

use rustc_hash::FxHashMap;

use crate::change::{Change, Container, Operation, misfit};
use crate::fault::{Fault, planted};
use crate::path::{Path, Segment};
use crate::plan::writers::WriterTree;
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

/// What is kept of what one call changed. Most calls set one value where the plan says, so that the value is enough.
#[derive(Clone, Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    /// Set at the place that the plan knows.
    Planned(Value),
    Changes(Box<[Change]>),
}

/// What each call changed, and the values made of it.
#[derive(Debug)]
pub struct Store {
    kept: Vec<Kept>,
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
            failed: vec![false; plan.tasks.len()],
            joined: FxHashMap::default(),
            ended: Vec::new(),
        }
    }

    /// Makes room for calls that an expansion added.
    pub fn grow(&mut self, plan: &Plan) {
        self.kept.resize(plan.call_count(), Kept::Nothing);
    }

    /// Keeps what a call changed.
    pub fn record(&mut self, plan: &Plan, call: CallId, changes: Vec<Change>) {
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
    fn changes_of(&self, plan: &Plan, call: CallId) -> Cow<'_, [Change]> {
        match &self.kept[call.0 as usize] {
            Kept::Nothing => Cow::default(),
            Kept::Planned(value) => {
                let place = plan.sole_fill(call);
                Cow::Owned(place.map(|place| Change::set(place, value.clone())).into_iter().collect())
            }
            Kept::Changes(changes) => Cow::Borrowed(changes),
        }
    }

    fn has_changed(&self, call: CallId) -> bool {
        !matches!(self.kept[call.0 as usize], Kept::Nothing)
    }

    /// What stands at the place for a reader that waited for these calls; `None`: nothing.
    pub fn at(&mut self, plan: &Plan, path: &Path, reader: Reader) -> Result<Option<Value>, Clash> {
        let wait = plan.waited_for(path, reader);
        if let Wait::Join(join) = wait
            && let Some(known) = self.joined.get(&join)
        {
            return Ok(known.clone());
        }
        let value = self.replay(plan, path, &plan.changers(wait), Some(reader))?;
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
        let mut seen = Seen { store: self, plan, path, calls: Cow::Borrowed(calls) };
        if planted(Fault::CompletionOrder) {
            seen.calls.to_mut().sort_by_key(|call| self.ended.iter().position(|ended| ended == call));
        }
        if planted(Fault::AppendsReordered) && seen.all(|change| change.path.is_append()) {
            seen.calls.to_mut().reverse();
        }
        if let Some(clash) = seen.clash() {
            return Err(clash);
        }
        seen.applied(&self.empty_containers(plan, path, reader))
    }

    /// Why a change of a call that has just ended does not fit into what was given and what the calls before it made.
    pub fn misfit(&self, plan: &Plan, call: CallId, change: &Change) -> Option<String> {
        let path = &change.path;
        if !plan.may_misfit(&path.document) {
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
        let mut root = self.replay(plan, &whole, &before, None).ok()?;
        change.apply(&mut root, 0).err().map(|misfit| misfit.0)
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
        plan.calls_of(task).any(|call| self.has_changed(call))
    }
}

impl Kept {
    fn of(plan: &Plan, call: CallId, mut changes: Vec<Change>) -> Kept {
        let as_planned = |change: &mut Change| match &mut change.operation {
            Operation::Set(value) if plan.sole_fill(call).as_ref() == Some(&change.path) => {
                Some(std::mem::take(value))
            }
            _ => None,
        };
        match &mut changes[..] {
            [] => Kept::Nothing,
            [only] => as_planned(only).map_or_else(|| Kept::Changes(changes.into()), Kept::Planned),
            _ => Kept::Changes(changes.into()),
        }
    }
}

/// The changes that may be seen at a place, of these calls, in this order. Made anew each time that they are gone over,
/// since there may be a million of them.
struct Seen<'a> {
    store: &'a Store,
    plan: &'a Plan,
    path: &'a Path,
    calls: Cow<'a, [CallId]>,
}

impl Seen<'_> {
    fn try_each<E>(&self, mut f: impl FnMut(CallId, &Change) -> Result<(), E>) -> Result<(), E> {
        for &call in &*self.calls {
            let changes = self.store.changes_of(self.plan, call);
            let mut overlapping = changes.iter().filter(|change| change.path.may_overlap(self.path));
            overlapping.try_for_each(|change| f(call, change))?;
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

    /// The first two of these changes, in call order, of which one would be lost. Only where planning could not tell.
    fn clash(&self) -> Option<Clash> {
        let plan = self.plan;
        if !plan.is_uncertain(&self.path.document) {
            return None;
        }
        let mut actual = WriterTree::default();
        self.each(|call, change| actual.insert(&change.path.segments, call));
        let overlaps = actual.known_overlaps(|call| plan.order_of(call)).into_iter();
        let mut pairs: Vec<(CallId, CallId)> = overlaps
            .map(|overlap| (overlap.outer, overlap.inner))
            .map(|(a, b)| if plan.order_of(a) <= plan.order_of(b) { (a, b) } else { (b, a) })
            .collect();
        pairs.sort_unstable_by_key(|&(first, second)| (plan.order_of(first), plan.order_of(second)));
        let unordered =
            |&(first, second): &(CallId, CallId)| first != second && !plan.is_ordered(first, second);
        let (first, second) = pairs.into_iter().find(unordered)?;
        Some(Clash::Unordered { first, second, path: self.common_place(first, second) })
    }

    fn common_place(&self, first: CallId, second: CallId) -> String {
        let document = &self.path.document;
        let of = |call| self.store.changes_of(self.plan, call);
        let (one, other) = (of(first), of(second));
        let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (&a.path, &b.path)));
        let mut overlapping = pairs.filter(|(a, b)| a.document == *document && a.may_overlap(b));
        let longer =
            overlapping.next().map(|(a, b)| if a.segments.len() >= b.segments.len() { a } else { b });
        longer.map_or_else(|| document.to_string(), Path::to_string)
    }

    /// Applies changes and empty containers in call order, and looks at the place.
    fn applied(&self, empties: &[(TaskId, Change)]) -> Result<Option<Value>, Clash> {
        let plan = self.plan;
        let depth = self.depth();
        let (above, below) = self.path.segments.split_at(depth);
        let given = plan.world.given(self.path.document.as_str());
        let mut root = given.and_then(|value| value.at(keys(above))).cloned();
        let mut empties = empties.iter().peekable();
        self.try_each(|call, change| {
            while let Some((_, empty)) =
                empties.next_if(|(task, _)| plan.order_of_task(*task) <= plan.order_of(call))
            {
                make_empty(empty, &mut root, depth);
            }
            change.apply(&mut root, depth).map_err(|misfit| Clash::Misfit {
                call,
                path: change.path.to_string(),
                message: misfit.0,
            })
        })?;
        empties.for_each(|(_, empty)| make_empty(empty, &mut root, depth));
        Ok(root.and_then(|root| root.at(keys(below)).cloned()))
    }

    /// How far down the place the replay may begin: not below what one of the changes replaces or appends to.
    fn depth(&self) -> usize {
        let mut depth = self.path.segments.len();
        if depth > 0 {
            self.each(|_, change| {
                depth = depth.min(change.path.segments.len() - usize::from(change.path.is_append()));
            });
        }
        depth
    }
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
