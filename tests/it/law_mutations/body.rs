//! One call: its operations carried out on what it sees, and what it did to which places.

use crate::law::json::{Json, Seg};

use super::difference::difference;
use super::model::{Expr, Fails, Form, Op, Place, Prints, Step, Task, What};
use super::place;
use super::serial::Unfit;

pub type Binding = Vec<(String, Json)>;

/// One change, at a place that begins with the document's name.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Set(Vec<Seg>, Json),
    Delete(Vec<Seg>),
    /// To the array at the place.
    Append(Vec<Seg>, Json),
    Ensure(Vec<Seg>, Json),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    Read,
    /// `None`: taken away.
    Write(Option<Json>),
    Append,
    /// It made an empty container where nothing stood.
    Made,
}

/// What a call did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    pub changes: Vec<Change>,
    pub accesses: Vec<(Vec<Seg>, Deed)>,
    pub result: Option<Json>,
    /// What the call's documents were in the end.
    pub end: Option<Json>,
    /// What it read is not known, nor whether it made a container or put a whole one there.
    pub is_by_file: bool,
}

impl Change {
    pub fn apply(&self, root: &mut Json) -> Option<()> {
        match self {
            Change::Set(path, value) => place::set(root, path, value.clone()),
            Change::Delete(path) => place::delete(root, path),
            Change::Append(path, value) => place::append(root, path, value.clone()),
            Change::Ensure(path, empty) => place::ensure(root, path, empty),
        }
    }

    pub fn path(&self) -> &[Seg] {
        let (Change::Set(path, _) | Change::Delete(path) | Change::Append(path, _) | Change::Ensure(path, _)) =
            self;
        path
    }

    /// What it does to which place.
    fn access(&self) -> (Vec<Seg>, Deed) {
        match self {
            Change::Set(path, value) => (path.clone(), Deed::Write(Some(value.clone()))),
            Change::Delete(path) => (path.clone(), Deed::Write(None)),
            Change::Append(path, _) => ([path, &[Seg::Append][..]].concat(), Deed::Append),
            Change::Ensure(path, _) => (path.clone(), Deed::Made),
        }
    }
}

/// The place for these variables and what was read so far.
pub fn resolve(place: &Place, binding: &Binding, registers: &[Json]) -> Result<Vec<Seg>, Unfit> {
    let bound = |name: &String| binding.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let mut path = vec![place::key(&place.document)];
    for step in &place.steps {
        let key = match step {
            Step::Key(key) => Some(key.clone()),
            Step::Variable(name) => bound(name).map(Json::to_text),
            Step::Shifted(name, by) => {
                bound(name).and_then(Json::as_int).map(|value| (value + by).to_string())
            }
            Step::Register(at) => registers.get(*at).and_then(Json::as_int).map(|value| value.to_string()),
        };
        path.push(Seg::Key(key.ok_or(Unfit("no such key"))?));
    }
    Ok(path)
}

/// Carries out a call on `view`, the object of all documents.
pub fn carry_out(task: &Task, binding: &Binding, view: &Json) -> Result<Done, Unfit> {
    let mut call =
        Call { task, binding, view, now: view.clone(), registers: Vec::new(), done: Done::default() };
    for op in &task.body {
        call.template(op)?;
    }
    for op in &task.body {
        call.step(op)?;
    }
    call.end()
}

struct Call<'a> {
    task: &'a Task,
    binding: &'a Binding,
    view: &'a Json,
    now: Json,
    registers: Vec<Json>,
    done: Done,
}

impl Call<'_> {
    fn template(&mut self, op: &Op) -> Result<(), Unfit> {
        let What::Template(place) = &op.what else { return Ok(()) };
        let path = resolve(place, self.binding, &[])?;
        self.registers.push(self.view.at(&path).cloned().unwrap_or(Json::int(0)));
        self.note_read(&path);
        Ok(())
    }

    fn step(&mut self, op: &Op) -> Result<(), Unfit> {
        if let Some((register, even)) = op.guard {
            let value = self.registers[register].as_int().ok_or(Unfit("no number to choose by"))?;
            if (value % 2 == 0) != even {
                return Ok(());
            }
        }
        match &op.what {
            What::Template(_) => Ok(()),
            What::Get(place) => self.get(place),
            What::Set(place, expr) => {
                let (path, value) = (self.resolve(place)?, self.value(expr)?);
                self.note_own_element(&path);
                self.change(Change::Set(path, value))
            }
            What::Append(place, expr) => {
                let (path, value) = (self.resolve(place)?, self.value(expr)?);
                self.note_own_element(&path);
                self.change(Change::Append(path, value))
            }
            What::Delete(place) => self.delete(place),
        }
    }

    fn resolve(&self, place: &Place) -> Result<Vec<Seg>, Unfit> {
        resolve(place, self.binding, &self.registers)
    }

    fn value(&self, expr: &Expr) -> Result<Json, Unfit> {
        Ok(match expr {
            Expr::Constant(value) => value.clone(),
            Expr::Key => self.binding.first().ok_or(Unfit("no key"))?.1.clone(),
            Expr::Register(at) => self.registers[*at].clone(),
            Expr::Plus(at, by) => {
                Json::int(self.registers[*at].as_int().ok_or(Unfit("no number to add to"))? + by)
            }
        })
    }

    fn get(&mut self, place: &Place) -> Result<(), Unfit> {
        let path = self.resolve(place)?;
        self.registers.push(self.now.at(&path).cloned().unwrap_or(Json::int(0)));
        if !self.is_own(&path) {
            self.note_read(self.looked_at(&path));
        }
        Ok(())
    }

    /// How far a look at the place goes: a function goes down step by step, and no further than where nothing stands.
    fn looked_at<'p>(&self, path: &'p [Seg]) -> &'p [Seg] {
        let missing = (1..path.len()).find(|&depth| self.now.at(&path[..depth]).is_none());
        missing.filter(|_| self.task.form == Form::Function).map_or(path, |depth| &path[..depth])
    }

    /// Whether the call itself made all that stands there, or took it away.
    fn is_own(&self, path: &[Seg]) -> bool {
        self.done.changes.iter().any(|change| match change {
            Change::Set(place, _) | Change::Delete(place) => path.starts_with(place),
            Change::Append(..) | Change::Ensure(..) => false,
        })
    }

    fn delete(&mut self, place: &Place) -> Result<(), Unfit> {
        let path = self.resolve(place)?;
        let above = &path[..path.len() - 1];
        if let Some(Json::Array(_)) = self.now.at(above) {
            // the array is another then, and it is made of what stood there
            let mut now = self.now.clone();
            place::delete(&mut now, &path).ok_or(Unfit("nothing to delete"))?;
            let rest = now.at(above).cloned().ok_or(Unfit("no array"))?;
            self.done.accesses.push((above.to_vec(), Deed::Read));
            return self.change(Change::Set(above.to_vec(), rest));
        }
        self.view
            .at(&path)
            .and(self.now.at(&path))
            .ok_or(Unfit("nothing to delete, or what it made itself"))?;
        // that something stands there is looked at
        self.done.accesses.push((path.clone(), Deed::Read));
        self.change(Change::Delete(path))
    }

    fn change(&mut self, change: Change) -> Result<(), Unfit> {
        change.apply(&mut self.now).ok_or(Unfit("a change that does not fit"))?;
        self.done.accesses.push(change.access());
        self.done.changes.push(change);
        Ok(())
    }

    /// The array of an index at which nothing stood before this call, for that tells the array's length.
    fn array_beyond(&self, path: &[Seg]) -> Option<Vec<Seg>> {
        (1..path.len()).find_map(|depth| {
            let (Json::Array(_), Seg::Key(index)) = (self.now.at(&path[..depth])?, &path[depth]) else {
                return None;
            };
            let known = match self.view.at(&path[..depth]) {
                Some(Json::Array(items)) => items.len(),
                _ => 0,
            };
            index.parse::<usize>().is_ok_and(|index| index >= known).then(|| path[..depth].to_vec())
        })
    }

    fn note_read(&mut self, path: &[Seg]) {
        let place = self.array_beyond(path).unwrap_or_else(|| path.to_vec());
        self.done.accesses.push((place, Deed::Read));
        // where nothing stands, another call may make an array that has such an element
        for depth in (1..path.len()).filter(|&depth| self.view.at(&path[..depth]).is_none()) {
            if let Seg::Key(key) = &path[depth]
                && key.parse::<usize>().is_ok()
            {
                self.done.accesses.push(([&path[..depth], &[Seg::Append]].concat(), Deed::Read));
            }
        }
    }

    fn note_own_element(&mut self, path: &[Seg]) {
        let array = if self.is_own(path) { None } else { self.array_beyond(path) };
        self.done.accesses.extend(array.map(|array| (array, Deed::Read)));
    }

    fn end(mut self) -> Result<Done, Unfit> {
        if self.task.form == Form::File {
            self.only_what_differs()?;
        }
        let mut values: Vec<Json> = self.binding.iter().map(|(_, value)| value.clone()).collect();
        let key = Json::Array(std::mem::take(&mut values));
        self.done.result = Some(match &self.task.prints {
            Prints::Constant(value) => value.clone(),
            Prints::Everything => Json::Array(std::iter::once(key).chain(self.registers).collect()),
        });
        if let (Fails::For(value), Some((_, first))) = (&self.task.fails, self.binding.first())
            && value == first
        {
            return Ok(Done::default());
        }
        self.done.end = Some(self.now);
        Ok(self.done)
    }

    /// A file shows what differs, and each place that differs counts as read.
    fn only_what_differs(&mut self) -> Result<(), Unfit> {
        let changes = difference(&self.task.mutates, self.view, &self.now)?;
        let by_template = self.task.templates().count();
        self.done.is_by_file = true;
        self.done.accesses.truncate(by_template);
        for change in &changes {
            let (path, deed) = change.access();
            if let Deed::Write(_) = deed {
                self.done.accesses.push((path.clone(), Deed::Read));
            }
            self.done.accesses.push((path, deed));
        }
        self.done.changes = changes;
        Ok(())
    }
}
