//! The serial program: makes the calls of a model one after the other in call order and says which bytes come out.
//! Written from the contract alone; shares no code with deco.

mod calls;
mod found;
mod order;

use super::json::{Json, Seg};
use super::model::{DEFAULT_TEXT, Form, Manifest, Place, Read, Slot, Step, Task, Value};
use calls::{Call, Calls};

pub use calls::{bindings, is_filled};
pub use found::resolve;

/// What `deco run` must give.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub stdout: String,
    pub code: i32,
}

/// Why a model is of no use: it is wrong, or the contract leaves open what it gives.
#[derive(Debug)]
pub struct Unfit(#[allow(dead_code, reason = "for whoever debugs the generator")] pub &'static str);

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Filled,
    /// By allow-failure, and without a default.
    Forgiven,
    Skipped,
    Failed,
    Blocked,
}

impl Outcome {
    fn is_hole(self) -> bool {
        matches!(self, Outcome::Forgiven | Outcome::Skipped)
    }

    fn is_failure(self) -> bool {
        matches!(self, Outcome::Failed | Outcome::Blocked)
    }
}

/// How many calls a resolved model makes, if it is of use so far.
pub fn count_calls(model: &Manifest) -> Result<usize, Unfit> {
    Calls::expand(model).map(|calls| calls.all.len())
}

/// Makes all calls of a resolved model, one at a time.
pub fn run(model: &Manifest) -> Result<Answer, Unfit> {
    let calls = Calls::expand(model)?;
    Ok(made(model, &calls)?.answer())
}

fn made<'a>(model: &'a Manifest, calls: &'a Calls) -> Result<Serial<'a>, Unfit> {
    let order = order::call_order(model, calls)?;
    let mut serial = Serial {
        model,
        calls,
        store: Json::Object(model.data.clone()),
        outcomes: vec![None; calls.all.len()],
    };
    for index in order {
        let outcome = serial.make(index)?;
        serial.outcomes[index] = Some(outcome);
        serial.ensure_containers(calls.all[index].task)?;
    }
    Ok(serial)
}

struct Serial<'a> {
    model: &'a Manifest,
    calls: &'a Calls,
    /// All documents.
    store: Json,
    outcomes: Vec<Option<Outcome>>,
}

/// A place in a result as the model's tables write it: `.v[1].w`.
pub fn part(text: &str) -> Vec<String> {
    let keys = text.split(['.', '[', ']', '"']).filter(|key| !key.is_empty());
    keys.map(str::to_owned).collect()
}

impl Serial<'_> {
    fn make(&mut self, index: usize) -> Result<Outcome, Unfit> {
        let call = &self.calls.all[index];
        let task = &self.model.tasks[call.task];
        let is_skipped = call.is_nothing || self.meets_hole(index, task)?;
        if self.calls.needs[index].iter().any(|&need| self.outcomes[need].is_some_and(Outcome::is_failure)) {
            return if task.default.is_some() && !call.is_nothing {
                Err(Unfit("blocked or skipped"))
            } else {
                Ok(Outcome::Blocked)
            };
        }
        if call.is_nothing {
            return Ok(Outcome::Skipped);
        }
        if is_skipped || !self.condition(call, task)? {
            return self.do_without(call, task, Outcome::Skipped);
        }
        let (words, seen, stdin) = (
            self.words(call, task)?,
            self.text(call, task, Slot::Environment)?,
            self.text(call, task, Slot::Stdin)?,
        );
        match task.shape.result_of(task.shaky, &words, &seen, &stdin) {
            Some(result) => self.fill(call, task, &result),
            None if task.allow_failure => self.do_without(call, task, Outcome::Forgiven),
            None => Ok(Outcome::Failed),
        }
    }

    /// Whether the call reads a place that a skipped or forgiven call was to fill.
    fn meets_hole(&self, index: usize, task: &Task) -> Result<bool, Unfit> {
        let call = &self.calls.all[index];
        let mut meets = false;
        for (place, _) in task.places_read().into_iter().filter(|(_, guarded)| !guarded) {
            let path = calls::known(self.model, call, place).ok_or(Unfit("no such key"))?;
            let fillers = self.calls.needs[index].iter().filter(|&&need| {
                let filler = &self.calls.all[need];
                !filler.is_nothing && filler.fills.iter().any(|fill| path.exact.starts_with(fill))
            });
            let holes: Vec<bool> =
                fillers.map(|&need| self.outcomes[need].is_some_and(Outcome::is_hole)).collect();
            if holes.contains(&true) {
                if holes.contains(&false) || self.store.at(&path.exact).is_some() {
                    return Err(Unfit("one of several fillers is skipped"));
                }
                meets = true;
            }
        }
        Ok(meets)
    }

    fn fill(&mut self, call: &Call, task: &Task, result: &Json) -> Result<Outcome, Unfit> {
        for ((_, value), path) in task.fills().iter().zip(&call.fills) {
            let value = match value {
                Value::Result => result.clone(),
                Value::Exit => Json::int(0),
                Value::Part(part) => part_of(result, part).ok_or(Unfit("no such part"))?.clone(),
            };
            self.store.put(path, value).ok_or(Unfit("a fill that does not fit"))?;
        }
        Ok(Outcome::Filled)
    }

    /// The call gives no result: its default is filled, if it has one.
    fn do_without(&mut self, call: &Call, task: &Task, outcome: Outcome) -> Result<Outcome, Unfit> {
        let Some(default) = &task.default else { return Ok(outcome) };
        self.fill(call, task, &default.clone())
    }

    /// Once all calls of a task were skipped, the constant part of its paths is there.
    fn ensure_containers(&mut self, index: usize) -> Result<(), Unfit> {
        let mut of_task = (0..self.outcomes.len()).filter(|&at| self.calls.all[at].task == index);
        if !of_task.all(|at| self.outcomes[at] == Some(Outcome::Skipped)) {
            return Ok(());
        }
        for (place, _) in self.model.tasks[index].fills() {
            let (path, empty) =
                calls::constant_part(&place).ok_or(Unfit("a skipped call's constant path"))?;
            if self.store.at(&path).is_none() {
                self.store.put(&path, empty).ok_or(Unfit("a fill that does not fit"))?;
            }
        }
        Ok(())
    }

    /// Whether its `if` holds.
    fn condition(&self, call: &Call, task: &Task) -> Result<bool, Unfit> {
        let Some(read) = task.reads.iter().find(|read| read.slot == Slot::If) else { return Ok(true) };
        match self.value(call, read)? {
            Json::Bool(holds) => Ok(holds),
            _ => Err(Unfit("no boolean")),
        }
    }

    /// The arguments that the script hashes.
    fn words(&self, call: &Call, task: &Task) -> Result<Vec<String>, Unfit> {
        let mut words: Vec<String> = call.binding.iter().map(|(_, value)| value.to_text()).collect();
        for read in &task.reads {
            match read.slot {
                Slot::Inside => words.push(format!("<{}>", self.value(call, read)?.to_text())),
                Slot::Argument => match self.value(call, read)? {
                    Json::Array(items) if !task.shell => words.extend(items.iter().map(Json::to_text)),
                    value => words.push(value.to_text()),
                },
                Slot::Stdin | Slot::Environment | Slot::If => {}
            }
        }
        Ok(words)
    }

    fn text(&self, call: &Call, task: &Task, slot: Slot) -> Result<String, Unfit> {
        let reads = task.reads.iter().filter(|read| read.slot == slot);
        reads.map(|read| Ok(format!("{};", self.value(call, read)?.to_text()))).collect()
    }

    /// What the read's expression gives.
    fn value(&self, call: &Call, read: &Read) -> Result<Json, Unfit> {
        let path = self.resolve(call, &read.place)?;
        let character = self.character(&path);
        let found = self.store.at(&path).or(character.as_ref());
        match (read.form, found) {
            (Form::Defined, found) => Ok(Json::Bool(found.is_some())),
            (Form::Default, None) => Ok(Json::text(DEFAULT_TEXT)),
            (_, None) => Err(Unfit("nothing stands there")),
            (Form::Bare | Form::Default, Some(value)) => Ok(value.clone()),
            (Form::ToJson, Some(value)) => Ok(Json::Text(value.compact())),
            (Form::IsZero, Some(value)) => Ok(Json::Bool(*value == Json::int(0))),
            (Form::Length, Some(value)) => length(value).ok_or(Unfit("no length")),
        }
    }

    /// A place in a text is one of its characters, a text again.
    fn character(&self, path: &[Seg]) -> Option<Json> {
        let (Seg::Key(last), above) = path.split_last()? else { return None };
        let inner = self.character(above);
        let Json::Text(text) = self.store.at(above).or(inner.as_ref())? else { return None };
        Some(Json::text(&text.chars().nth(last.parse().ok()?)?.to_string()))
    }

    /// The place as it is now, what other places say included.
    fn resolve(&self, call: &Call, place: &Place) -> Result<Vec<Seg>, Unfit> {
        let mut path = vec![Seg::Key(place.document.clone())];
        for step in &place.steps {
            path.push(match step {
                Step::Dynamic(inner) => {
                    let told = self.store.at(&self.resolve(call, inner)?);
                    Seg::Key(told.ok_or(Unfit("nothing stands there"))?.to_text())
                }
                known => calls::seg(self.model, call, known).ok_or(Unfit("no such key"))?,
            });
        }
        Ok(path)
    }

    fn answer(&self) -> Answer {
        let failed = self.outcomes.contains(&Some(Outcome::Failed));
        let code = i32::from(failed);
        if failed && !self.model.keep_going {
            return Answer { stdout: String::new(), code };
        }
        let mut names: Vec<String> = self.model.data.iter().map(|(name, _)| name.clone()).collect();
        let filled: Vec<String> =
            self.model.tasks.iter().flat_map(Task::fills).map(|(place, _)| place.document).collect();
        names.retain(|name| filled.contains(name));
        for name in filled {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let documents =
            names.into_iter().filter_map(|name| Some((name.clone(), self.store.get(&name)?.clone())));
        Answer { stdout: format!("{}\n", Json::Object(documents.collect()).pretty("")), code }
    }
}

fn part_of<'a>(result: &'a Json, place: &str) -> Option<&'a Json> {
    part(place).iter().try_fold(result, |value, key| value.get(key))
}

fn length(value: &Json) -> Option<Json> {
    let length = match value {
        Json::Array(items) => items.len(),
        Json::Object(members) => members.len(),
        Json::Text(text) => text.chars().count(),
        _ => return None,
    };
    Some(Json::Number(length.to_string()))
}
