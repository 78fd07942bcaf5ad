//! Tasks: those that mutate, in one call, in calls side by side or in a chain; those that fill what others mutate; those
//! that read; those whose calls the run finds.

use crate::law::json::Json;

use super::super::model::{After, Expr, Fails, Form, Items, Op, Place, Prints, Step, Task, What};
use super::{Draft, at, first_value, object};

impl Draft<'_> {
    pub fn more(&mut self) {
        match self.random.weighted(&[14, 34, 10, 8, 10, 14, 10, 8]) {
            0 => self.alone(),
            1 => self.side_by_side(),
            2 => self.chain(),
            3 => self.chains(),
            4 => self.filler(),
            5 => self.reader(),
            6 => self.key_by_key(),
            _ => self.found(),
        }
    }

    /// One call that mutates: what comes before and after it in call order is ordered.
    fn alone(&mut self) {
        let name = self.name("one");
        let mut task = Task::new(&name);
        let length = self.random.between(2, 5);
        self.anything(&mut task, length);
        self.finish(task);
    }

    fn side_by_side(&mut self) {
        let name = self.name("t");
        let mut task = Task::new(&name);
        task.variables = self.axis_variables();
        let length = self.random.between(1, 3);
        self.shared(&mut task, length);
        self.trouble(&mut task);
        self.finish(task);
    }

    /// Calls of which each reads what the one before filled, so that each sees what the ones before changed.
    fn chain(&mut self) {
        let (name, document) = (self.name("c"), self.name("r"));
        let mut task = Task::new(&name);
        let end = self.random.between(3, 4) as i64;
        task.variables = vec![("i".to_owned(), Items::Given((1..end).map(Json::int).collect()))];
        self.program.data.push((document.clone(), object(vec![("0", Json::int(0))])));
        let here = Place::whole(&document);
        task.fills = Some(here.clone().then(Step::Variable("i".to_owned())));
        task.body.push(op(What::Template(here.then(Step::Shifted("i".to_owned(), -1)))));
        let length = self.random.between(2, 3);
        self.anything(&mut task, length);
        self.finish(task);
    }

    /// Two chains side by side.
    fn chains(&mut self) {
        let (name, document) = (self.name("c"), self.name("r"));
        let mut task = Task::new(&name);
        let keys = vec![Json::text("p"), Json::text("q")];
        task.variables = vec![
            ("k".to_owned(), Items::Given(keys)),
            ("i".to_owned(), Items::Given((1..3).map(Json::int).collect())),
        ];
        if self.random.percent(50) {
            task.variables.reverse();
        }
        let start = || object(vec![("0", Json::int(0))]);
        self.program.data.push((document.clone(), object(vec![("p", start()), ("q", start())])));
        let here = Place::whole(&document).then(Step::Variable("k".to_owned()));
        task.fills = Some(here.clone().then(Step::Variable("i".to_owned())));
        task.body.push(op(What::Template(here.then(Step::Shifted("i".to_owned(), -1)))));
        let length = self.random.between(1, 3);
        self.shared(&mut task, length);
        self.finish(task);
    }

    /// Fills something below a document that others mutate.
    fn filler(&mut self) {
        let name = self.name("f");
        let mut task = Task::new(&name);
        task.variables = self.axis_variables();
        let document = *self.random.pick(&["state", "more"]);
        let member = (*self.random.pick(&["given", "cells", "tree"])).to_owned();
        task.fills = Some(at(document, &[&member]).then(Step::Variable("i".to_owned())));
        task.prints = Prints::Constant(Json::int(self.random.below(5) as i64));
        if member == "given" && self.random.percent(30) {
            self.trouble(&mut task);
        }
        task.dawdles = self.random.percent(50);
        if self.random.percent(15) {
            task.after.extend(self.some_task().map(After::Task));
        }
        self.program.tasks.push(task);
    }

    /// Reads a document, or a part, by a template or by `deco get`.
    fn reader(&mut self) {
        let name = self.name("o");
        let mut task = Task::new(&name);
        for _ in 0..self.random.between(1, 2) {
            let document = *self.random.pick(&["state", "state", "more"]);
            let place = self.some_place(&task, document).known(1);
            let place = if self.random.percent(40) { Place::whole(document) } else { place };
            self.look(&mut task, place);
        }
        task.fills = Some(Place::whole(&name));
        if self.random.percent(20) {
            task.after.extend(self.some_task().map(After::Task));
        }
        self.program.tasks.push(task);
    }

    fn look(&mut self, task: &mut Task, place: Place) {
        if self.random.percent(60) {
            task.body.push(op(What::Template(place)));
        } else {
            task.looks_at.push(place.clone());
            task.body.push(op(What::Get(place)));
        }
    }

    /// Two tasks that mutate the same keys, and perhaps one that reads them, key by key.
    fn key_by_key(&mut self) {
        let variables = self.axis_variables();
        let document = *self.random.pick(&["state", "more"]);
        let here = at(document, &["cells"]).then(Step::Variable("i".to_owned()));
        for _ in 0..self.random.between(1, 2) {
            let name = self.name("k");
            let mut task = Task { variables: variables.clone(), ..Task::new(&name) };
            task.body.push(op(What::Get(here.clone())));
            let step = self.random.between(1, 3) as i64;
            task.body.push(op(What::Set(here.clone(), Expr::Plus(0, step))));
            task.mutates.push(here.clone());
            task.dawdles = self.random.percent(60);
            self.trouble(&mut task);
            self.program.tasks.push(task);
        }
        if self.random.percent(60) {
            let name = self.name("o");
            let mut task = Task { variables, ..Task::new(&name) };
            self.look(&mut task, here);
            task.fills = Some(Place::whole(&name).then(Step::Variable("i".to_owned())));
            self.program.tasks.push(task);
        }
    }

    /// A task over what another task fills, or over the keys of what others mutate.
    fn found(&mut self) {
        let over = if self.random.percent(60) {
            let name = self.name("s");
            let mut task = Task::new(&name);
            task.fills = Some(Place::whole(&name));
            let count = self.random.between(1, 3) as i64;
            task.prints = Prints::Constant(Json::Array((0..count).map(|at| Json::int(at * 2 + 1)).collect()));
            self.program.tasks.push(task);
            Place::whole(&name)
        } else {
            at("more", &["tree"])
        };
        let name = self.name("g");
        let mut task = Task::new(&name);
        task.variables = vec![("i".to_owned(), Items::Changed(over))];
        self.documents(&mut task);
        let length = self.random.between(1, 2);
        self.shared(&mut task, length);
        self.finish(task);
    }

    /// Failing attempts, failing and skipped calls.
    fn trouble(&mut self, task: &mut Task) {
        let Some(first) = first_value(task) else { return };
        match self.random.below(12) {
            0..3 => {
                let at = self.random.between(1, task.body.len().max(1));
                if at < task.body.len() {
                    task.fails = Fails::AtFirst(at);
                }
            }
            3 if task.fills.is_none() => task.fails = Fails::For(first),
            4 => task.skips = Some(first),
            _ => {}
        }
        if task.fills.is_some() && task.skips.is_some() {
            task.default = Some(Json::int(7));
        }
    }

    /// What it mutates and looks at, by what its operations do; how they are carried out.
    fn finish(&mut self, mut task: Task) {
        let has_foreign =
            task.body.iter().any(|op| matches!(&op.what, What::Get(place) if is_elsewhere(&task, place)));
        if !has_foreign && self.random.percent(36) {
            task.form = if self.random.percent(50) { Form::File } else { Form::Function };
        }
        let whole = task.form != Form::Commands || self.random.percent(60);
        let depth = if whole { 0 } else { self.random.between(1, 2) };
        let mut mutates: Vec<Place> = Vec::new();
        for op in &task.body {
            if let What::Set(place, _) | What::Append(place, _) | What::Delete(place) = &op.what {
                mutates.push(place.known(if matches!(op.what, What::Delete(_)) {
                    depth.min(1)
                } else {
                    depth
                }));
            }
        }
        let gets = task.body.iter().filter_map(|op| match &op.what {
            What::Get(place) => Some(place.known(if whole { 0 } else { 9 })),
            _ => None,
        });
        task.looks_at = without_those_inside(gets.collect());
        task.mutates = without_those_inside(mutates);
        let mutates = task.mutates.clone();
        task.looks_at.retain(|place| !mutates.iter().any(|other| holds(other, place)));
        if task.mutates.is_empty() {
            return;
        }
        task.dawdles = self.random.percent(60);
        if self.random.percent(35) && task.fills.is_none() {
            let document = self.name("r");
            let keys = task.variables.iter().map(|(name, _)| Step::Variable(name.clone()));
            task.fills = Some(keys.fold(Place::whole(&document), Place::then));
        }
        if matches!(task.fails, Fails::For(_)) && task.fills.is_some()
            || task.skips.is_some() && task.fills.is_some()
        {
            task.default = Some(Json::int(9));
        }
        if self.random.percent(15) {
            task.after.extend(self.after(&task));
        }
        self.program.tasks.push(task);
    }

    fn after(&mut self, task: &Task) -> Option<After> {
        let name = self.some_task()?;
        let other = self.program.tasks.iter().find(|other| other.name == name)?;
        let touched: Vec<&Place> = other.reads().chain(&other.mutates).collect();
        let is_apart = task.changes().all(|place| !touched.iter().any(|other| place.may_overlap(other)));
        let same = other.variables == task.variables && !task.variables.is_empty();
        let is_found = task.variables.iter().any(|(_, items)| matches!(items, Items::Changed(_)));
        Some(if same && is_apart && !is_found { After::SameKey(name) } else { After::Task(name) })
    }

    fn some_task(&mut self) -> Option<String> {
        let names: Vec<&String> = self.program.tasks.iter().map(|task| &task.name).collect();
        (!names.is_empty()).then(|| (*self.random.pick(&names)).clone())
    }
}

pub fn op(what: What) -> Op {
    Op { guard: None, what }
}

fn is_elsewhere(task: &Task, place: &Place) -> bool {
    !task.body.iter().any(|op| match &op.what {
        What::Set(other, _) | What::Append(other, _) | What::Delete(other) => {
            other.document == place.document
        }
        What::Template(_) | What::Get(_) => false,
    })
}

fn holds(outer: &Place, inner: &Place) -> bool {
    outer.document == inner.document && inner.steps.starts_with(&outer.steps)
}

fn without_those_inside(places: Vec<Place>) -> Vec<Place> {
    let mut left: Vec<Place> = Vec::new();
    for place in &places {
        let is_inside = places.iter().any(|other| other != place && holds(other, place));
        if !is_inside && !left.contains(place) {
            left.push(place.clone());
        }
    }
    left
}
