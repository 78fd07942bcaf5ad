//! What calls do: operations on places of their own, on places that they share without harm, and on places over which they
//! fall out.

use crate::law::json::Json;

use super::super::model::{Expr, Op, Place, Step, Task, What};
use super::tasks::op;
use super::{Draft, at, object};

impl Draft<'_> {
    /// Operations of a call that nobody runs beside.
    pub fn anything(&mut self, task: &mut Task, length: usize) {
        self.documents(task);
        for _ in 0..length {
            let document = self.document();
            if self.random.percent(60) { self.strife_at(task, document) } else { self.own(task, document) }
        }
    }

    /// Operations of calls side by side, most of them on places of their own.
    pub fn shared(&mut self, task: &mut Task, length: usize) {
        for _ in 0..length {
            let document = self.document();
            match self.random.below(100) {
                nth if nth < self.strife => self.strife_at(task, document),
                nth if nth < 65 => self.own(task, document),
                _ => self.in_peace(task, document),
            }
        }
        if self.random.percent(self.strife + 15) {
            self.merged(task);
        }
    }

    /// A task may begin with a template that reads what it mutates.
    pub fn documents(&mut self, task: &mut Task) {
        if self.random.percent(20) {
            let place = self.some_place(task, "state").known(2);
            task.body.push(op(What::Template(place)));
        }
    }

    fn document(&mut self) -> &'static str {
        self.random.pick::<&str>(&["state", "state", "state", "more"])
    }

    /// A place that only this call has.
    fn mine(&mut self, task: &Task, document: &str) -> Place {
        let member = *self.random.pick(&["cells", "cells", "tree", "own"]);
        let keys = task.variables.iter().map(|(name, _)| Step::Variable(name.clone()));
        let mut place = keys.fold(at(document, &[member]), Place::then);
        if task.variables.is_empty() {
            place = place.then(Step::Key(task.name.clone()));
        }
        if member != "cells" && self.random.percent(50) {
            place = place.then(Step::Key((*self.random.pick(&["u", "a b", "v"])).to_owned()));
        }
        place
    }

    fn own(&mut self, task: &mut Task, document: &str) {
        let place = self.mine(task, document);
        match self.random.below(8) {
            0..3 => self.count(task, place),
            3 => {
                let value = self.constant();
                task.body.push(op(What::Set(place, value)));
            }
            4 => {
                let value = self.some_value(task);
                task.body.push(op(What::Append(place, value)));
            }
            5 => {
                task.body.push(op(What::Set(place.clone(), Expr::Constant(Json::int(3)))));
                self.count(task, place);
            }
            6 if place.steps.first() == Some(&Step::Key("cells".to_owned())) => {
                let register = self.read(task, place.clone());
                task.body.push(op(What::Delete(place.clone())));
                if self.random.percent(60) {
                    task.body.push(guarded(What::Set(place, Expr::Plus(register, 1)), register, true));
                }
            }
            _ => {
                let register = self.read(task, place.clone());
                let even = self.random.percent(50);
                let log = at(document, &["log"]);
                task.body.push(guarded(What::Set(place, Expr::Plus(register, 2)), register, even));
                let value = self.some_value(task);
                task.body.push(guarded(What::Append(log, value), register, !even));
            }
        }
    }

    /// What calls may do beside each other at one place.
    fn in_peace(&mut self, task: &mut Task, document: &str) {
        match self.random.below(7) {
            0..4 => {
                let list = at(document, &[self.random.pick::<&str>(&["l", "log", "log"])]);
                let value = self.some_value(task);
                task.body.push(op(What::Append(list, value)));
            }
            4 => {
                let place = at(document, &["a", *self.random.pick(&["x", "done"])]);
                task.body.push(op(What::Set(place, Expr::Constant(Json::Bool(true)))));
            }
            _ => {
                let keys: &[&str] = if self.random.percent(50) { &["a", "y"] } else { &["l", "0"] };
                self.read(task, at(document, keys));
            }
        }
    }

    /// What merge rules may cover.
    fn merged(&mut self, task: &mut Task) {
        let Some(document) = self.program.rules.first().map(|rules| rules.document.clone()) else { return };
        match self.random.below(5) {
            0 => self.count(task, at(&document, &["n"])),
            1 => {
                let value = self.number(task);
                task.body.push(op(What::Set(at(&document, &["m"]), value)));
            }
            2 => self.count(task, at(&document, &["cells", "1"])),
            3 => self.count(task, at(&document, &["a", "x"])),
            _ => {
                let value = self.some_value(task);
                task.body.push(op(What::Append(at(&document, &["seen"]), value)));
            }
        }
    }

    /// What calls side by side mostly cannot do.
    fn strife_at(&mut self, task: &mut Task, document: &str) {
        let place = self.some_place(task, document);
        match self.random.below(11) {
            0 | 1 => self.count(task, place),
            2 | 3 => {
                let value = self.constant();
                task.body.push(op(What::Set(place, value)));
            }
            4 => task.body.push(op(What::Delete(place))),
            5 => {
                // one place read, another written
                let register = self.read(task, at(document, &["a", "x"]));
                let keys = self.random.pick::<&[&str]>(&[&["a", "y"], &["n"], &["l", "0"]]);
                task.body.push(op(What::Set(at(document, keys), Expr::Plus(register, 1))));
            }
            6 => {
                // what it reads says where it writes
                let number = *self.random.pick(&["n", "m"]);
                let register = self.read(task, at(document, &[number]));
                let place = at(document, &["cells"]).then(Step::Register(register));
                let value = self.some_value(task);
                task.body.push(op(What::Set(place, value)));
            }
            7 => {
                let value = Expr::Constant(object(vec![("x", Json::int(4)), ("w", Json::Array(vec![]))]));
                task.body.push(op(What::Set(at(document, &["a"]), value)));
            }
            8 => {
                let list = *self.random.pick(&["l", "log"]);
                let at_end = at(document, &[list, *self.random.pick(&["0", "1", "2", "3"])]);
                self.read(task, at_end);
            }
            9 => {
                let register = self.read(task, place.known(1));
                if self.random.percent(40) {
                    let list = at(document, &["copies"]);
                    task.body.push(op(What::Append(list, Expr::Register(register))));
                }
            }
            _ => {
                let register = self.read(task, at(document, &["n"]));
                let list = at(document, &["l"]);
                task.body.push(guarded(What::Append(list, Expr::Plus(register, 0)), register, true));
                task.body.push(guarded(
                    What::Set(at(document, &["m"]), Expr::Plus(register, 1)),
                    register,
                    false,
                ));
            }
        }
    }

    pub fn some_place(&mut self, task: &Task, document: &str) -> Place {
        let places: &[&[&str]] = &[
            &["n"],
            &["m"],
            &["a"],
            &["a", "x"],
            &["a", "y"],
            &["l"],
            &["l", "0"],
            &["cells", "1"],
            &["cells", "b"],
            &["seen"],
        ];
        if self.random.percent(20) {
            return self.mine(task, document);
        }
        at(document, self.random.pick::<&[&str]>(places))
    }

    /// `x = get p; set p x+k`.
    fn count(&mut self, task: &mut Task, place: Place) {
        let register = self.read(task, place.clone());
        let by = self.random.between(1, 4) as i64;
        task.body.push(op(What::Set(place.clone(), Expr::Plus(register, by))));
        if self.random.percent(12) {
            task.body.push(op(What::Set(place, Expr::Plus(register, by + 5))));
        }
    }

    fn read(&mut self, task: &mut Task, place: Place) -> usize {
        task.body.push(op(What::Get(place)));
        let is_read = |op: &&Op| matches!(op.what, What::Get(_) | What::Template(_));
        task.body.iter().filter(is_read).count() - 1
    }

    fn constant(&mut self) -> Expr {
        let number = self.random.below(4) as i64;
        Expr::Constant(match self.random.below(8) {
            0 => Json::Null,
            1 => Json::text("say \"ø\""),
            2 => object(vec![("k", Json::int(number)), ("l", Json::Array(vec![Json::int(1)]))]),
            3 => Json::Array(vec![Json::int(number)]),
            _ => Json::int(number),
        })
    }

    fn number(&mut self, task: &Task) -> Expr {
        let is_number = |value: &Json| value.as_int().is_some();
        match super::first_value(task) {
            Some(value) if is_number(&value) && self.random.percent(60) => Expr::Key,
            _ => Expr::Constant(Json::int(self.random.below(6) as i64)),
        }
    }

    fn some_value(&mut self, task: &Task) -> Expr {
        if !task.variables.is_empty() && self.random.percent(70) {
            return Expr::Key;
        }
        self.constant()
    }
}

fn guarded(what: What, register: usize, even: bool) -> Op {
    Op { guard: Some((register, even)), what }
}
