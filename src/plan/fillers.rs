//! Who fills each document: by task, and call by call once somebody asks for a key or two fills may meet. A task that
//! fills a place of its own for each key, alone in its document, needs no look at its calls.

use std::ops::Range;
use std::sync::OnceLock;

use crate::expr::{Expression, Step};
use crate::manifest::Fill;
use crate::name::Name;
use crate::path::{Path, Segment};
use crate::spread;

use super::writers::{Overlap, WriterTree};
use super::{CallId, Plan, Reader, TaskId, merged, places};

/// Places that are worth a thread, and that are in memory at a time.
const PLACES: usize = 1_024;
const AT_A_TIME: usize = 64 * 1_024;

/// Who fills one document.
#[derive(Debug, Default)]
pub struct Fillers {
    /// The tasks, by place in the manifest, with the shape of each fill.
    pub tasks: Vec<(TaskId, Vec<Segment>)>,
    tree: OnceLock<WriterTree>,
    /// Whether planning could not tell if two changes are in conflict: a place, or whether it is filled at all, is known
    /// only while the run goes on.
    pub uncertain: bool,
    /// Whether some place is filled by several calls, or inside another.
    pub nested: bool,
}

impl Fillers {
    fn add(&mut self, task: TaskId, shape: Vec<Segment>) {
        if !self.tasks.iter().any(|(known, other)| *known == task && *other == shape) {
            self.tasks.push((task, shape));
        }
    }

    /// The tasks, each once.
    fn each_task(&self) -> impl Iterator<Item = TaskId> {
        let tasks = &self.tasks;
        let first = |at: usize| tasks.iter().position(|(task, _)| *task == tasks[at].0) == Some(at);
        (0..tasks.len()).filter(move |&at| first(at)).map(|at| tasks[at].0)
    }
}

impl Plan {
    /// The place that the call fills, if it is one place and known before the run.
    pub fn sole_fill(&self, call: CallId) -> Option<Path> {
        let [fill] = &self.task(call).fills[..] else { return None };
        let place = places::fill_place(&fill.place.value, fill.append, &self.before(Reader::Call(call)))?;
        place.is_known().then_some(place)
    }

    /// Whether this is the place that [`Plan::sole_fill`] gives.
    pub fn is_sole_fill(&self, call: CallId, place: &Path) -> bool {
        let [fill] = &self.task(call).fills[..] else { return false };
        places::is_fill_place(&fill.place.value, fill.append, &self.before(Reader::Call(call)), place)
    }

    /// Whether what stands at a place is just what the call fills there, since its task alone changes the document, and
    /// calls never get in each other's way.
    pub fn is_all_of(&self, path: &Path, call: CallId) -> bool {
        !self.is_uncertain(&path.document)
            && self.fills_of(&path.document).len() == 1
            && self.is_sole_fill(call, path)
    }

    /// The tasks that fill a document, with the shape of each fill.
    pub fn fills_of(&self, document: &Name) -> &[(TaskId, Vec<Segment>)] {
        self.fillers.get(document).map(|fillers| &fillers.tasks[..]).unwrap_or_default()
    }

    /// Every call that may change what stands at a place, in id order.
    pub fn changers_of(&self, path: &Path) -> Vec<CallId> {
        merged(self.fillers_of(path), self.mutators_of(path))
    }

    /// Whether planning could not tell if two changes of the document are in conflict.
    pub fn is_uncertain(&self, document: &Name) -> bool {
        self.world.is_mutated(document)
            || self.manifest.sharing.contains_key(document)
            || self.fillers.get(document).is_some_and(|fillers| fillers.uncertain)
    }

    /// Whether a change of the document may find something in its way: what was given, or another call's change.
    pub fn may_misfit(&self, document: &Name) -> bool {
        let nested = self.fillers.get(document).is_some_and(|fillers| fillers.nested || fillers.uncertain);
        nested || self.world.given(document.as_str()).is_some()
    }

    /// Records that calls of a task fill these places.
    pub(super) fn add_filler(&mut self, task: TaskId, document: &Name, fill: &Fill) {
        let fillers = self.fillers.entry(document.clone()).or_default();
        fillers.add(task, places::shape(&fill.place.value, fill.append));
        // without a tree, they are found when it is made
        if let Some(mut tree) = fillers.tree.take() {
            self.add_to(&mut tree, task, fill);
            let fillers = self.fillers.entry(document.clone()).or_default();
            fillers.tree = OnceLock::from(tree);
        }
    }

    /// Every call that may fill what stands at a place, in id order.
    pub(super) fn fillers_of(&self, path: &Path) -> Vec<CallId> {
        let Some(fillers) = self.fillers.get(&path.document) else { return Vec::new() };
        if !path.segments.is_empty() {
            return self.tree(fillers, &path.document).overlapping(&path.segments);
        }
        let mut calls: Vec<CallId> = fillers.each_task().flat_map(|task| self.calls_of(task)).collect();
        calls.sort_unstable();
        calls
    }

    /// How far some call fills what `path` names, and the keys that calls fill there, sorted.
    pub(super) fn keys_beside(&self, path: &Path) -> Option<(usize, Vec<&str>)> {
        let fillers = self.fillers.get(&path.document)?;
        Some(self.tree(fillers, &path.document).keys_beside(&path.segments))
    }

    /// Every pair of changes of a document at known places that overlap and do not both append; and whether some place
    /// is not known.
    pub(super) fn known_overlaps(&self, document: &Name) -> (Vec<Overlap>, bool) {
        match self.fillers.get(document) {
            Some(fillers) if !self.fill_apart(fillers, document) => {
                let tree = self.tree(fillers, document);
                (tree.known_overlaps(|call| self.order_of(call)), tree.has_unknown)
            }
            _ => (Vec::new(), false),
        }
    }

    /// Whether all changes of the document are of one fill that has a place of its own for each key.
    fn fill_apart(&self, fillers: &Fillers, document: &Name) -> bool {
        let [(task, _)] = fillers.tasks[..] else { return false };
        let mut fills = self.fills_in(task, document);
        let (Some(fill), None) = (fills.next(), fills.next()) else { return false };
        self.has_own_places(task, fill)
    }

    fn fills_in<'a>(&'a self, task: TaskId, document: &'a Name) -> impl Iterator<Item = &'a Fill> {
        let fills = &self.manifest.tasks[task.0 as usize].fills;
        fills.iter().filter(|fill| fill.place.value.root == document.as_str())
    }

    /// Whether the keys of the place are the call's key, part for part in any order, so that two calls never share one:
    /// no two keys of a task are equal as texts.
    fn has_own_places(&self, task: TaskId, fill: &Fill) -> bool {
        let bindings = &self.tasks[task.0 as usize].bindings;
        let by_key = self.manifest.tasks[task.0 as usize].key.as_ref().map(Vec::len);
        let part_of = |step: &Step| match step {
            Step::Key(_) => None,
            Step::Computed(expression) if by_key.is_some() => key_part(expression),
            Step::Computed(expression) => key_part(expression).or_else(|| {
                let name = expression.name().filter(|_| bindings.are_all_names())?;
                bindings.names().iter().position(|known| known.as_str() == name)
            }),
        };
        let steps = &fill.place.value.steps;
        let parts: Vec<usize> = steps.iter().filter_map(part_of).collect();
        let is_known = steps.iter().all(|step| matches!(step, Step::Key(_)) || part_of(step).is_some());
        let count = by_key.unwrap_or(bindings.names().len());
        is_known && !fill.append && (0..count).all(|part| parts.contains(&part))
    }

    fn tree<'a>(&self, fillers: &'a Fillers, document: &Name) -> &'a WriterTree {
        fillers.tree.get_or_init(|| {
            let mut tree = WriterTree::default();
            for task in fillers.each_task() {
                self.fills_in(task, document).for_each(|fill| self.add_to(&mut tree, task, fill));
            }
            tree
        })
    }

    fn add_to(&self, tree: &mut WriterTree, task: TaskId, fill: &Fill) {
        let Range { start, end } = self.range_of(task);
        for first in (start..end).step_by(AT_A_TIME) {
            let count = (end - first).min(AT_A_TIME as u32);
            let places = spread::map(count as usize, PLACES, |at| {
                let before = self.before(Reader::Call(CallId(first + at as u32)));
                places::fill_place(&fill.place.value, fill.append, &before)
            });
            for (place, call) in places.into_iter().zip(first..) {
                place.iter().for_each(|place| tree.insert(&place.segments, CallId(call)));
            }
        }
    }
}

/// The part of the key that an expression names: `key[1]`.
fn key_part(expression: &Expression) -> Option<usize> {
    let place = expression.sole_reference().filter(|place| &*place.root == "key")?;
    match &place.steps[..] {
        [Step::Key(part)] => part.parse().ok(),
        _ => None,
    }
}
