//! Tasks whose calls are known only while the run goes on, and bindings that are left out or added.

use super::super::json::Json;
use super::super::model::{Bound, Fills, Form, Found, Items, Place, Read, Slot, Step, Task, Value, Variable};
use super::super::serial;
use super::{Draft, Shape, task_over};

impl Draft<'_> {
    /// What the task's variables see, if they go over what tasks fill; `None`: such a task is of no use.
    pub(super) fn find(&self, task: &mut Task) -> Option<()> {
        if task.places_expanded().is_empty() {
            return Some(());
        }
        let mut with = self.model.clone();
        with.tasks.push(task.clone());
        task.found = serial::resolve(&with).ok()?.tasks.pop()?.found;
        matches!(task.found, Some(Found::Documents(_) | Found::Nothing)).then_some(())
    }

    /// A list, the keys or a count that tasks fill.
    pub(super) fn filled(&mut self, earlier: &[Variable]) -> Option<Items> {
        let mut reader = task_over(String::new(), earlier.to_vec());
        self.find(&mut reader)?;
        match self.random.below(5) {
            0 => {
                let by = self.random.below(2) as i64;
                Some(Items::Range(0, Bound::Filled(self.number_of_a_result(&reader)?, by)))
            }
            1 => self.keys(&reader),
            _ => self.list(&reader),
        }
    }

    fn list(&mut self, reader: &Task) -> Option<Items> {
        let writer = self.some_task(|task| {
            let fills_one = matches!(task.fills, Fills::Default | Fills::Path(_));
            fills_one && matches!(task.shape, Shape::List | Shape::Lines)
        })?;
        let (fill, _) = writer.fills().remove(0);
        let place = self.reachable(reader, &writer, &fill)?;
        (place.steps.len() == fill.steps.len()).then_some(Items::Filled(place))
    }

    fn keys(&mut self, reader: &Task) -> Option<Items> {
        let writer = self.some_task(|task| !task.variables.is_empty() && !task.fills().is_empty())?;
        let (fill, _) = self.random.pick(&writer.fills()).clone();
        let mut place = self.reachable(reader, &writer, &fill)?;
        let keyed: Vec<usize> =
            (0..place.steps.len()).filter(|&at| matches!(fill.steps[at], Step::Variable(_))).collect();
        if keyed.is_empty() {
            return None;
        }
        place.steps.truncate(*self.random.pick(&keyed));
        Some(Items::Filled(place))
    }

    /// Up to three levels of fan-out, each over what the level before fills, and often one more task beside the last
    /// that reads it key by key.
    pub(super) fn waves(&mut self) {
        let shape = if self.random.percent(70) { Shape::List } else { Shape::Lines };
        let variables = if self.random.percent(50) { Vec::new() } else { self.one_variable() };
        let root = self.task_name();
        self.add(root, variables, shape, Fills::Default);
        let levels = self.random.between(1, 3);
        for level in 1..=levels {
            let Some(above) = self.model.tasks.last().cloned() else { return };
            let mut variables = above.variables.clone();
            let (place, _) = above.fills().remove(0);
            let name = ["x", "y", "z", "w"][variables.len().min(3)].to_owned();
            variables.push(Variable { name, items: Items::Filled(place.clone()) });
            let is_last = level == levels;
            let shape = if is_last { *self.random.pick(&super::SHAPES) } else { Shape::List };
            let task = self.task_name();
            self.add(task, variables, shape, Fills::Default);
            if self.random.percent(40) {
                self.reads_also(place);
            }
            if is_last {
                self.append_too();
            }
        }
        let Some(last) = self.model.tasks.last().cloned() else { return };
        if self.random.percent(60) {
            let (place, _) = last.fills().remove(0);
            let beside = self.task_name();
            self.add(beside, last.variables, Shape::Text, Fills::Default);
            self.reads_also(place);
            self.append_too();
            self.flaw();
        }
    }

    /// Two tasks that read each other by key where the other mostly fills nothing, so that few of their calls wait and
    /// call order is not that of waiting; a common log shows it.
    pub(super) fn two_that_may_feed_each_other(&mut self) {
        let (one, other, log) = (self.name("tick"), self.name("tock"), self.name("log"));
        let at = |document: &str, steps: Vec<Step>| Place { document: document.to_owned(), steps };
        for (fills, reads) in [(&one, &other), (&other, &one)] {
            let end = self.random.between(2, 4) as i64;
            let told = if self.random.percent(50) { self.filled(&[]) } else { None };
            let items = match told {
                Some(Items::Range(_, bound)) => Items::Range(1, bound),
                Some(Items::Filled(place)) => Items::Filled(place),
                _ => Items::Range(1, Bound::Constant(end)),
            };
            let steps = match items {
                Items::Range(..) => vec![Step::Shifted("i".to_owned(), *self.random.pick(&[-2, -1, 1, 2]))],
                _ => vec![Step::Constant(Json::int(1))],
            };
            let entries = [
                (at(fills, vec![Step::Variable("i".to_owned())]), Value::Result),
                (at(&log, vec![Step::Append]), Value::Result),
            ];
            let name = self.task_name();
            let variables = vec![Variable { name: "i".to_owned(), items }];
            self.add(name, variables, Shape::Text, Fills::Table(entries.into()));
            let slot = *self.random.pick(&[Slot::Stdin, Slot::Inside]);
            let read = Read { place: at(reads, steps), form: Form::Default, slot };
            self.model.tasks.last_mut().into_iter().for_each(|task| task.reads.push(read.clone()));
        }
    }

    /// The last task also appends to a log that others may append to, so that its place in call order shows.
    fn append_too(&mut self) {
        let Some(task) = self.model.tasks.last().cloned() else { return };
        let log = self.log(&task);
        if self.random.percent(60) {
            let own = task.fills().into_iter().chain([(log, Value::Result)]);
            self.model
                .tasks
                .last_mut()
                .into_iter()
                .for_each(|task| task.fills = Fills::Table(own.clone().collect()));
        }
    }

    fn one_variable(&mut self) -> Vec<Variable> {
        let count = self.random.between(1, 2) as i64;
        vec![Variable { name: "x".to_owned(), items: Items::Range(0, Bound::Constant(count)) }]
    }

    /// The writer of what the last task reads fails for some keys, forgiven: the last task's calls there are skipped.
    fn flaw(&mut self) {
        let count = self.model.tasks.len();
        if count >= 2 && self.random.percent(40) {
            let writer = &mut self.model.tasks[count - 2];
            (writer.shaky, writer.allow_failure) = (true, true);
        }
    }

    /// Now and then bindings are left out and added.
    pub(super) fn make_holes(&mut self, task: &mut Task) {
        if task.variables.is_empty() {
            return;
        }
        if self.random.percent(15) {
            let values = task.variables.iter().map(|_| self.odd_text()).collect();
            task.include.push(values);
        }
        if self.random.percent(15)
            && self.find(task).is_some()
            && let Some(bindings) = serial::bindings(&self.model, task)
            && let Some(binding) = bindings.first()
        {
            let mut left: Vec<(String, Json)> = binding.clone();
            let kept = self.random.between(1, left.len());
            left.truncate(kept);
            task.exclude.push(left);
        }
    }
}
