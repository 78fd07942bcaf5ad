//! Who is next of those that are ready. Calls that ask for the same stand in one line, by their turn; the first of all
//! lines starts if it fits. If it does not, it keeps what it lacks for itself until it starts, whoever
//! else comes, so that it cannot starve; others go on with what it does not lack or leaves over.
//!
//! Keeping all that it needs from the beginning would leave slots idle while it waits for a pool; keeping only what it
//! lacks at the moment would let two scarce things slip away in turn. So what is kept stays kept, and what it still lacks
//! once that is there is kept too, slots last: as many rounds as it asks for things, each as long as those that have one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;

use super::demand::{Demand, Grant, Rules, Wants};
use super::supply::{Reservation, Supply};

/// Nodes by their turn.
type Line = BinaryHeap<Reverse<Place>>;

/// A node and its turn, in one word: a million of them may be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64);

impl Place {
    fn new(turn: u32, node: NodeIndex) -> Place {
        Place(u64::from(turn) << 32 | node.index() as u64)
    }

    fn node(self) -> NodeIndex {
        NodeIndex::new(self.0 as u32 as usize)
    }
}

/// The line of all that is no call: it needs no slot and never waits.
const STEPS: u32 = 0;

/// Ready nodes, in lines.
#[derive(Debug)]
pub struct Ready {
    steps: Line,
    lines: Vec<(Wants, Line)>,
    /// Of each task, its line, counted from 1. Tasks beyond stand in the first.
    line_of: Vec<u32>,
    /// What nodes in a line of computed demands have answered.
    answered: FxHashMap<NodeIndex, Demand>,
    first: Option<First>,
    /// The first of each line, for [`Ready::pick`] alone.
    heads: Vec<(Place, usize)>,
}

/// The call that waits with a reservation; it stands in no line.
#[derive(Debug)]
struct First {
    node: NodeIndex,
    kept: Reservation,
}

/// What can be done now.
#[derive(Debug, PartialEq, Eq)]
pub enum Pick {
    /// A node that is no call.
    Step(NodeIndex),
    /// A call, with all that it asked for.
    Call(NodeIndex, Grant),
    /// A call whose demand is not known; it stands in no line until it is pushed again.
    Ask(NodeIndex),
    Nothing,
}

impl Ready {
    pub fn new(rules: &Rules) -> Ready {
        let mut lines = vec![(Wants::Fixed(Demand::default()), Line::new())];
        let mut known = FxHashMap::default();
        known.insert(lines[0].0.clone(), 1);
        let mut line_of = Vec::with_capacity(rules.tasks.len());
        for task in &rules.tasks {
            let shared = known.get(&task.wants).copied();
            line_of.push(shared.unwrap_or_else(|| {
                lines.push((task.wants.clone(), Line::new()));
                let line = lines.len() as u32;
                // the demands of two tasks that compute them have nothing to do with each other
                if task.wants != Wants::Computed {
                    known.insert(task.wants.clone(), line);
                }
                line
            }));
        }
        let steps = Line::new();
        Ready { steps, lines, line_of, answered: FxHashMap::default(), first: None, heads: Vec::new() }
    }

    /// The line of a task's calls, or of what is no call.
    pub fn line(&self, task: Option<u32>) -> u32 {
        task.map_or(STEPS, |task| self.line_of.get(task as usize).copied().unwrap_or(1))
    }

    /// A node is ready. In its line the lowest turn goes first.
    pub fn push(&mut self, line: u32, turn: u32, node: NodeIndex) {
        let line = match line.checked_sub(1) {
            None => &mut self.steps,
            Some(line) => &mut self.lines[line as usize].1,
        };
        line.push(Reverse(Place::new(turn, node)));
    }

    /// Turns have changed. Who has room kept for it keeps it.
    pub fn reorder(&mut self, turn: impl Fn(NodeIndex) -> u32) {
        for line in std::iter::once(&mut self.steps).chain(self.lines.iter_mut().map(|(_, line)| line)) {
            let nodes = std::mem::take(line).into_iter().map(|Reverse(place)| place.node());
            *line = nodes.map(|node| Reverse(Place::new(turn(node), node))).collect();
        }
    }

    /// What a call that was asked for needs; it is to be pushed again.
    pub fn answer(&mut self, node: NodeIndex, demand: Demand) {
        self.answered.insert(node, demand);
    }

    /// Whether nothing is ready.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.first.is_none() && self.lines.iter().all(|(_, line)| line.is_empty())
    }

    /// The call that others must leave room for.
    pub fn first(&self) -> Option<NodeIndex> {
        self.first.as_ref().map(|first| first.node)
    }

    /// Takes out the next node whatever it needs.
    pub fn pop(&mut self) -> Option<NodeIndex> {
        if let Some(first) = self.first.take() {
            return Some(first.node);
        }
        let lines = std::iter::once(&mut self.steps).chain(self.lines.iter_mut().map(|(_, line)| line));
        let line = lines.filter(|line| !line.is_empty()).max_by_key(|line| line.peek().copied())?;
        line.pop().map(|Reverse(place)| place.node())
    }

    /// How many nodes stand in a line.
    pub fn count(&self, line: u32) -> usize {
        line.checked_sub(1).map_or(self.steps.len(), |line| self.lines[line as usize].1.len())
    }

    /// Takes out the first node of a line if it is the next of all, nobody has room kept, and it is wanted.
    pub fn pop_next(&mut self, line: u32, is_wanted: impl Fn(NodeIndex) -> bool) -> Option<NodeIndex> {
        let own = line.checked_sub(1)? as usize;
        if self.first.is_some() || !self.steps.is_empty() {
            return None;
        }
        let Reverse(place) = *self.lines[own].1.peek()?;
        let is_next = self.lines.iter().all(|(_, line)| line.peek().is_none_or(|other| other.0 >= place));
        if !is_next || !is_wanted(place.node()) {
            return None;
        }
        self.lines[own].1.pop().map(|Reverse(place)| place.node())
    }

    /// Takes out what can be done now, with what it needs.
    pub fn pick(&mut self, supply: &mut Supply, now: Duration) -> Pick {
        if let Some(Reverse(place)) = self.steps.pop() {
            return Pick::Step(place.node());
        }
        if !supply.has_slot() {
            return Pick::Nothing;
        }
        if let Some(mut first) = self.first.take() {
            if let Some(grant) = supply.take(first.node, &first.kept.demand, None, now) {
                return Pick::Call(first.node, grant);
            }
            first.kept.extend(supply);
            self.first = Some(first);
        }
        self.pick_in_lines(supply, now)
    }

    fn pick_in_lines(&mut self, supply: &mut Supply, now: Duration) -> Pick {
        if self.lines.len() == 1 {
            return self.pick_in(0, supply, now);
        }
        let mut heads = std::mem::take(&mut self.heads);
        heads.clear();
        heads.extend(
            self.lines
                .iter()
                .enumerate()
                .filter_map(|(index, (_, line))| line.peek().map(|&Reverse(place)| (place, index))),
        );
        heads.sort_unstable();
        let mut picks = heads.iter().map(|&(_, line)| self.pick_in(line, supply, now));
        let pick = picks.find(|pick| *pick != Pick::Nothing);
        self.heads = heads;
        pick.unwrap_or(Pick::Nothing)
    }

    fn pick_in(&mut self, index: usize, supply: &mut Supply, now: Duration) -> Pick {
        let (wants, line) = &mut self.lines[index];
        while let Some(&Reverse(place)) = line.peek() {
            let node = place.node();
            let demand = match wants {
                Wants::Fixed(demand) => Some(&*demand),
                Wants::Computed => self.answered.get(&node),
            };
            let Some(demand) = demand else {
                line.pop();
                return Pick::Ask(node);
            };
            let kept = self.first.as_ref().map(|first| &first.kept);
            let grant = supply.take(node, demand, kept, now);
            if grant.is_none() {
                if self.first.is_some() {
                    return Pick::Nothing;
                }
                self.first = Some(First { node, kept: supply.reserve(demand.clone()) });
            }
            line.pop();
            if *wants == Wants::Computed {
                self.answered.remove(&node);
            }
            if let Some(grant) = grant {
                return Pick::Call(node, grant);
            }
        }
        Pick::Nothing
    }

    /// When a rate will have what a call at the head of a line lacks.
    pub fn rates_free_at(&self, supply: &Supply) -> Option<Duration> {
        if !supply.has_slot() {
            return None;
        }
        let heads = self.lines.iter().filter_map(|(wants, line)| {
            let Reverse(place) = line.peek()?;
            match wants {
                Wants::Fixed(demand) => Some(demand),
                Wants::Computed => self.answered.get(&place.node()),
            }
        });
        let first = self.first.iter().map(|first| &first.kept.demand);
        heads.chain(first).filter_map(|demand| supply.rates_free_at(demand)).min()
    }
}
