//! Runs a program twice: one call after the other on one store, as the serial program would, and each call on its own
//! view, as the contract says. Tells which calls are in conflict by the contract's rules; where none are, both must
//! agree. Shares no code with deco.

use crate::law::json::{Json, Seg};

use super::body::{self, Binding, Done};
use super::conflict;
use super::model::{After, Items, Place, Program, Task};
use super::order::task_order;
use super::place::{self, overlap};
use super::replay::{replay, rule};

/// Why a program is of no use: it is wrong, or the contract leaves open what it gives.
#[derive(Debug)]
pub struct Unfit(#[allow(dead_code, reason = "for whoever debugs the generator")] pub &'static str);

/// What `deco run` must give.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Bytes(String),
    /// One of these; only one is possible unless several versions are wrong.
    Conflicts(Vec<Conflict>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    pub first: String,
    pub second: String,
    pub places: Vec<Vec<Seg>>,
}

pub struct Call {
    pub task: usize,
    pub binding: Binding,
    changes: Vec<Vec<Seg>>,
    pub fills: Option<Vec<Seg>>,
    /// Calls that it comes after, directly or not.
    before: Vec<usize>,
    /// Nothing if it waits for calls in conflict.
    pub done: Option<Done>,
    pub view: Json,
}

/// The calls, in call order.
pub struct Run<'a> {
    pub program: &'a Program,
    pub calls: Vec<Call>,
    /// The first conflict of each version that somebody asked for.
    met: Vec<(usize, usize)>,
    serial: Option<Json>,
}

/// Makes all calls.
pub fn run(program: &Program) -> Result<Run<'_>, Unfit> {
    if !knows_its_documents(program) {
        return Err(Unfit("an unknown document"));
    }
    let order = task_order(program)?;
    let serial = Some(given(program));
    let mut run = Run { program, calls: Vec::new(), met: Vec::new(), serial };
    for task in order {
        run.make_task(task)?;
    }
    Ok(run)
}

fn knows_its_documents(program: &Program) -> bool {
    let changed =
        |name: &str| program.tasks.iter().any(|task| task.changes().any(|place| place.document == name));
    let is_known = |place: &Place| {
        changed(&place.document) || program.data.iter().any(|(name, _)| *name == place.document)
    };
    program.rules.iter().all(|rules| changed(&rules.document))
        && program.tasks.iter().all(|task| task.reads().chain(task.expanded()).all(is_known))
}

/// What `[data]` gives, and an empty object for what is mutated and was not given.
pub fn given(program: &Program) -> Json {
    let mut members = program.data.clone();
    for place in program.tasks.iter().flat_map(|task| &task.mutates) {
        if !members.iter().any(|(name, _)| *name == place.document) {
            members.push((place.document.clone(), Json::empty()));
        }
    }
    Json::Object(members)
}

impl Run<'_> {
    fn make_task(&mut self, at: usize) -> Result<(), Unfit> {
        let program = self.program;
        let task = &program.tasks[at];
        let expansion = self.waits_of_expansion(task)?;
        let Some(expansion) = expansion else { return Ok(()) };
        let seen = replay(self, &expansion)?;
        let mut left = Vec::new();
        for binding in bindings(task, &seen)? {
            left.push(self.drafted(at, binding)?);
        }
        while !left.is_empty() {
            // of the calls whose reads are done, the least by key order
            let waits_for_left = |call: &Call, other: &Call| self.reads_fill_of(call, other);
            let ready = (0..left.len()).find(|&at| {
                let others = left.iter().enumerate().filter(|(other, _)| *other != at);
                !others.into_iter().any(|(_, other)| waits_for_left(&left[at], other))
            });
            let mut call = left.remove(ready.ok_or(Unfit("a cycle"))?);
            call.before = self.waits(&call, &expansion)?;
            self.make(call)?;
        }
        Ok(())
    }

    fn drafted(&self, task: usize, binding: Binding) -> Result<Call, Unfit> {
        let text = &self.program.tasks[task];
        let resolve = |place| body::resolve(place, &binding, &[]);
        let changes = text.changes().map(resolve).collect::<Result<_, _>>()?;
        let fills = text.fills.as_ref().map(resolve).transpose()?;
        let view = Json::Null;
        Ok(Call { task, binding, changes, fills, before: Vec::new(), done: None, view })
    }

    /// The call's places that it reads in documents that its task does not mutate.
    fn foreign_reads(&self, call: &Call) -> Result<Vec<Vec<Seg>>, Unfit> {
        let task = &self.program.tasks[call.task];
        let foreign = task.reads().filter(|place| !task.mutates_document(&place.document));
        foreign.map(|place| body::resolve(place, &call.binding, &[])).collect()
    }

    fn reads_fill_of(&self, call: &Call, other: &Call) -> bool {
        let reads = self.foreign_reads(call).unwrap_or_default();
        reads.iter().any(|read| other.changes.iter().any(|change| overlap(read, change)))
    }

    /// All calls that a call comes after.
    fn waits(&self, call: &Call, expansion: &[usize]) -> Result<Vec<usize>, Unfit> {
        let task = &self.program.tasks[call.task];
        let own: Vec<Vec<Seg>> = task
            .mutates
            .iter()
            .chain(task.reads().filter(|place| task.mutates_document(&place.document)))
            .map(|place| body::resolve(place, &call.binding, &[]))
            .collect::<Result<_, _>>()?;
        let mut direct: Vec<usize> = expansion.to_vec();
        for (at, other) in self.calls.iter().enumerate() {
            let is_of_own_task = other.task == call.task;
            let sees = !is_of_own_task
                && own.iter().any(|place| other.changes.iter().any(|change| overlap(place, change)));
            if sees || self.reads_fill_of(call, other) || self.is_after(call, other) {
                direct.push(at);
            }
        }
        self.with_ancestors(direct)
    }

    fn with_ancestors(&self, direct: Vec<usize>) -> Result<Vec<usize>, Unfit> {
        let mut all: Vec<usize> = direct.iter().flat_map(|&at| self.calls[at].before.clone()).collect();
        all.extend(direct);
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    fn is_after(&self, call: &Call, other: &Call) -> bool {
        self.program.tasks[call.task].after.iter().any(|after| {
            let same_key = || call.binding == other.binding;
            self.program.tasks[other.task].name == after.name()
                && (matches!(after, After::Task(_)) || same_key())
        })
    }

    /// The calls that are to end before the task's calls are known; nothing if they can never be known.
    fn waits_of_expansion(&mut self, task: &Task) -> Result<Option<Vec<usize>>, Unfit> {
        let mut direct = Vec::new();
        for place in task.expanded() {
            let path = body::resolve(place, &Vec::new(), &[])?;
            let changes = |call: &&Call| call.changes.iter().any(|change| overlap(change, &path));
            let calls = self.calls.iter().enumerate().filter(|(_, call)| changes(call));
            direct.extend(calls.map(|(at, _)| at));
        }
        let all = self.with_ancestors(direct)?;
        Ok(self.is_sound(&all)?.then_some(all))
    }

    fn make(&mut self, mut call: Call) -> Result<(), Unfit> {
        let task = &self.program.tasks[call.task];
        if self.is_sound(&call.before)? {
            call.view = replay(self, &call.before)?;
            let is_skipped =
                task.skips.is_some() && task.skips.as_ref() == call.binding.first().map(|(_, v)| v);
            let mut done =
                if is_skipped { Done::default() } else { body::carry_out(task, &call.binding, &call.view)? };
            done.result = done.result.or(task.default.clone());
            call.done = Some(done);
            self.make_serially(&call, is_skipped)?;
        }
        self.calls.push(call);
        Ok(())
    }

    fn make_serially(&mut self, call: &Call, is_skipped: bool) -> Result<(), Unfit> {
        let Some(serial) = &mut self.serial else { return Ok(()) };
        let task = &self.program.tasks[call.task];
        let mut done =
            if is_skipped { Done::default() } else { body::carry_out(task, &call.binding, serial)? };
        for change in &done.changes {
            change.apply(serial).ok_or(Unfit("a change that does not fit"))?;
        }
        done.result = done.result.or(task.default.clone());
        fill(self.program, serial, call, &done)
    }

    /// Whether no two of the calls are in conflict, and all of them were made.
    fn is_sound(&mut self, calls: &[usize]) -> Result<bool, Unfit> {
        let found = self.first_conflict(calls)?;
        if let Some(pair) = found
            && !self.met.contains(&pair)
        {
            self.met.push(pair);
        }
        Ok(found.is_none() && calls.iter().all(|&at| self.calls[at].done.is_some()))
    }

    fn first_conflict(&self, calls: &[usize]) -> Result<Option<(usize, usize)>, Unfit> {
        for (nth, &one) in calls.iter().enumerate() {
            for &other in &calls[nth + 1..] {
                if !self.places(one, other)?.is_empty() {
                    return Ok(Some((one, other)));
                }
            }
        }
        Ok(None)
    }

    fn places(&self, one: usize, other: usize) -> Result<Vec<Vec<Seg>>, Unfit> {
        let (first, second) = (&self.calls[one], &self.calls[other]);
        let both_fill = matches!((&first.fills, &second.fills), (Some(a), Some(b)) if overlap(a, b));
        if both_fill && !second.before.contains(&one) {
            return Err(Unfit("fills that planning refuses"));
        }
        match (&first.done, &second.done) {
            (Some(one_done), Some(other_done)) if !second.before.contains(&one) => {
                conflict::places(self.program, one_done, other_done)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// How deco names a call.
    pub fn address(&self, call: &Call) -> String {
        let name = &self.program.tasks[call.task].name;
        let key: Vec<String> = call.binding.iter().map(|(_, value)| value.to_text()).collect();
        if key.is_empty() { name.clone() } else { format!("{name}[{}]", key.join(",")) }
    }

    /// What must come out.
    pub fn answer(&mut self) -> Result<Answer, Unfit> {
        let all: Vec<usize> = (0..self.calls.len()).collect();
        self.is_sound(&all)?;
        if self.met.is_empty() {
            let store = replay(self, &all)?;
            self.agree(&store)?;
            return Ok(Answer::Bytes(self.printed(&store)));
        }
        let met = self.met.clone();
        let conflicts = met.into_iter().map(|(one, other)| {
            let places = self.places(one, other)?;
            let (first, second) = (self.address(&self.calls[one]), self.address(&self.calls[other]));
            Ok(Conflict { first, second, places })
        });
        Ok(Answer::Conflicts(conflicts.collect::<Result<_, _>>()?))
    }

    /// Without rules that lift conflicts, views must not matter: else the contract's rules are wrong.
    fn agree(&self, store: &Json) -> Result<(), Unfit> {
        let is_open = self.calls.iter().any(|call| call.done.as_ref().is_some_and(|done| done.is_by_file));
        match &self.serial {
            Some(serial) if serial == store || !self.program.rules.is_empty() => Ok(()),
            _ if is_open => Err(Unfit("what a file does not tell")),
            Some(serial) => {
                let text = super::write::manifest(self.program);
                panic!(
                    "the contract's rules let this through:\n{text}\nserial {}\nviews {}",
                    serial.compact(),
                    store.compact()
                )
            }
            None => Err(Unfit("no serial program")),
        }
    }

    fn printed(&self, store: &Json) -> String {
        let changed = |name: &String| {
            self.program.tasks.iter().any(|task| task.changes().any(|place| place.document == *name))
        };
        let given = self.program.data.iter().map(|(name, _)| name).filter(|name| changed(name));
        let filled = self.program.tasks.iter().flat_map(|task| task.changes().map(|place| &place.document));
        let mut names: Vec<&String> = Vec::new();
        for name in given.chain(filled) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let members = names.into_iter().filter_map(|name| Some((name.clone(), store.get(name)?.clone())));
        format!("{}\n", Json::Object(members.collect()).pretty(""))
    }
}

/// Puts a call's result where its task fills it.
pub fn fill(program: &Program, store: &mut Json, call: &Call, done: &Done) -> Result<(), Unfit> {
    if let (Some(path), Some(result)) = (&call.fills, &done.result) {
        if store.at(path).is_some() && rule(program, path).is_some() {
            return Err(Unfit("whether a fill of what stands adds to it"));
        }
        place::set(store, path, result.clone()).ok_or(Unfit("a fill that does not fit"))?;
    }
    Ok(())
}

fn bindings(task: &Task, seen: &Json) -> Result<Vec<Binding>, Unfit> {
    let mut bindings: Vec<Binding> = vec![Vec::new()];
    for (name, items) in &task.variables {
        let values = match items {
            Items::Given(values) => values.clone(),
            Items::Changed(place) => match seen.at(&body::resolve(place, &Vec::new(), &[])?) {
                Some(Json::Array(items)) => items.clone(),
                Some(Json::Object(members)) => members.iter().map(|(key, _)| Json::text(key)).collect(),
                _ => return Err(Unfit("no list")),
            },
        };
        let longer = |binding: &Binding| {
            values
                .iter()
                .map(|value| [&binding[..], &[(name.clone(), value.clone())]].concat())
                .collect::<Vec<_>>()
        };
        bindings = bindings.iter().flat_map(longer).collect();
    }
    let mut keys: Vec<Vec<String>> =
        bindings.iter().map(|binding| binding.iter().map(|(_, value)| value.to_text()).collect()).collect();
    keys.sort();
    if keys.windows(2).any(|two| two[0] == two[1]) || bindings.is_empty() {
        return Err(Unfit("equal keys, or none"));
    }
    if bindings
        .iter()
        .flatten()
        .any(|(_, value)| matches!(value, Json::Array(_) | Json::Object(_) | Json::Null))
    {
        return Err(Unfit("an odd key"));
    }
    Ok(bindings)
}

/// The place as deco writes it.
pub fn path_text(path: &[Seg]) -> String {
    let mut text = String::new();
    for seg in path {
        match seg {
            Seg::Append => text.push_str("[]"),
            Seg::Key(key) if text.is_empty() => text.push_str(key),
            Seg::Key(key) if key.parse::<u32>().is_ok() => text.push_str(&format!("[{key}]")),
            Seg::Key(key) if key.contains(' ') => {
                text.push_str(&format!("[{}]", crate::law::json::quote(key)))
            }
            Seg::Key(key) => text.push_str(&format!(".{key}")),
        }
    }
    text
}

/// The document that a path is in.
pub fn document(path: &[Seg]) -> &str {
    match path.first() {
        Some(Seg::Key(name)) => name,
        _ => "",
    }
}
