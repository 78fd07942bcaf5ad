//! The calls of one task: a row of bindings each. Rows hold small indexes into one list of values, so that a million
//! calls stay small. Does not know where the values come from.

use rustc_hash::FxHashMap;

use crate::expr::key_text;
use crate::name::Name;
use crate::value::{Text, Value};

/// The calls of one task: what each binds.
#[derive(Debug, Default)]
pub struct Bindings {
    names: Vec<Name>,
    values: Vec<Value>,
    /// Of values that cannot name a call: their positions in the list that they came from.
    positions: FxHashMap<u32, u32>,
    /// Row by row, an index into `values` for each name.
    rows: Vec<u32>,
    count: usize,
    /// By `key`: what names each row.
    keys: Option<Vec<Vec<Value>>>,
}

/// The items of one list: in `values`, one after the other, so many values each.
#[derive(Clone, Copy, Debug)]
pub struct List {
    first: u32,
    width: u32,
    len: u32,
}

/// One call's bindings; while a row grows, those of the variables so far.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    bindings: &'a Bindings,
    indexes: &'a [u32],
    number: Option<usize>,
}

impl Bindings {
    pub fn new(names: Vec<Name>) -> Bindings {
        Bindings { names, ..Bindings::default() }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn names(&self) -> &[Name] {
        &self.names
    }

    pub fn row(&self, number: usize) -> Row<'_> {
        let width = self.names.len();
        Row {
            bindings: self,
            indexes: &self.rows[number * width..(number + 1) * width],
            number: Some(number),
        }
    }

    pub(super) fn partial<'a>(&'a self, indexes: &'a [u32]) -> Row<'a> {
        Row { bindings: self, indexes, number: None }
    }

    /// Takes in the items of a list: of each `width` values.
    pub(super) fn add_list(&mut self, values: Vec<Value>, width: usize) -> List {
        let first = self.values.len() as u32;
        let (width, len) = (width as u32, (values.len() / width.max(1)) as u32);
        let unnamed = values.iter().zip(0..).filter(|(value, _)| !is_name(value));
        self.positions.extend(unnamed.map(|(_, at)| (first + at, at / width)));
        if self.values.is_empty() {
            self.values = values;
        } else {
            self.values.extend(values);
        }
        List { first, width, len }
    }

    /// Takes in one value, which stands at a position of some list.
    pub(super) fn add_value(&mut self, value: Value, position: usize) -> u32 {
        let index = self.values.len() as u32;
        if !is_name(&value) {
            self.positions.insert(index, position as u32);
        }
        self.values.push(value);
        index
    }

    pub(super) fn push_row(&mut self, indexes: &[u32]) {
        self.rows.extend_from_slice(indexes);
        self.count += 1;
    }

    pub(super) fn set_keys(&mut self, keys: Vec<Vec<Value>>) {
        self.keys = Some(keys);
    }

    /// What names a row, as texts.
    pub(super) fn texts(&self, number: usize) -> Vec<Text> {
        self.row(number).key_texts().collect()
    }

    /// Whether every value names its call by itself, as a text, a number or a boolean.
    pub fn are_all_names(&self) -> bool {
        self.positions.is_empty()
    }

    fn key_part(&self, index: u32) -> Value {
        match self.positions.get(&index) {
            Some(position) => Value::from(position_key(*position as usize)),
            None => self.values[index as usize].clone(),
        }
    }
}

impl List {
    /// The indexes of each item's values.
    pub(super) fn items(self) -> impl Iterator<Item = std::ops::Range<u32>> {
        let List { first, width, len } = self;
        (0..len).map(move |at| first + at * width..first + (at + 1) * width)
    }
}

/// Whether a value can be a part of a key.
pub fn is_name(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

/// What stands in a key for a value that cannot.
pub fn position_key(position: usize) -> String {
    format!("#{position}")
}

impl<'a> Row<'a> {
    /// The value that the row binds to a name.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        let at = self.bindings.names.iter().position(|known| known.as_str() == name)?;
        self.indexes.get(at).map(|&index| &self.bindings.values[index as usize])
    }

    /// One part of what names the call, from 0, where it is a value that stands here; a position is made when it is asked
    /// for.
    pub fn key_part(&self, at: usize) -> Option<&'a Value> {
        if let Some(key) = self.own_key() {
            return key.get(at);
        }
        let index = *self.indexes.get(at)?;
        let is_itself = !self.bindings.positions.contains_key(&index);
        is_itself.then(|| &self.bindings.values[index as usize])
    }

    /// Names and values, in the order of `for`.
    pub fn iter(&self) -> impl Iterator<Item = (&'a Name, &'a Value)> {
        let values = self.indexes.iter().map(|&index| &self.bindings.values[index as usize]);
        self.bindings.names.iter().zip(values)
    }

    /// What names the call: by `key`, else the variables' values; `#3` stands for a value that is no text, number
    /// or boolean.
    pub fn key(&self) -> Vec<Value> {
        match self.own_key() {
            Some(key) => key.clone(),
            None => self.indexes.iter().map(|&index| self.bindings.key_part(index)).collect(),
        }
    }

    /// The parts of what names the call, as texts.
    pub fn key_texts(self) -> impl Iterator<Item = Text> + 'a {
        let count = self.own_key().map_or(self.indexes.len(), Vec::len);
        (0..count).filter_map(move |at| match self.key_part(at) {
            Some(part) => key_text(part),
            None => key_text(&self.bindings.key_part(self.indexes[at])),
        })
    }

    /// What `key` gives, if the task has one.
    fn own_key(&self) -> Option<&'a Vec<Value>> {
        self.bindings.keys.as_ref()?.get(self.number?)
    }
}
