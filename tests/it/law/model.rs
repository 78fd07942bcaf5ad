//! A manifest as the law's tests think of it: just what the generator makes, the writer prints and the serial
//! evaluator runs. Not deco's manifest.

use super::command::Shape;
use super::json::Json;

#[derive(Clone, Debug)]
pub struct Manifest {
    /// `[data]`.
    pub data: Vec<(String, Json)>,
    pub tasks: Vec<Task>,
    /// Run with `-k`: calls may fail unforgiven.
    pub keep_going: bool,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub name: String,
    pub variables: Vec<Variable>,
    /// Further bindings, each a value for every variable.
    pub include: Vec<Vec<Json>>,
    /// Bindings to leave out, by the variables named.
    pub exclude: Vec<Vec<(String, Json)>>,
    /// For variables that go over what tasks fill: what these see, as [`super::serial::resolve`] found out.
    pub found: Option<Found>,
    pub shape: Shape,
    /// Some of its calls fail.
    pub shaky: bool,
    pub allow_failure: bool,
    pub default: Option<Json>,
    /// By the shell, else as a program with arguments.
    pub shell: bool,
    pub reads: Vec<Read>,
    pub fills: Fills,
    pub after: Vec<After>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    pub name: String,
    pub items: Items,
}

/// What the variables of a task see that go over what tasks fill.
#[derive(Clone, Debug)]
pub enum Found {
    Documents(Json),
    /// What they read was not filled: there are no calls.
    Nothing,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    Given(Vec<Json>),
    /// The items of an array in `[data]`, or the keys of an object.
    Document(String),
    /// From, and up to but not.
    Range(i64, Bound),
    /// A list in `[data]`, by the value of an earlier variable.
    Lookup(String, String),
    /// The items, or the keys, of what tasks fill.
    Filled(Place),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Constant(i64),
    /// An earlier variable and what is added to it.
    Shifted(String, i64),
    /// A number that a task fills and what is added to it.
    Filled(Place, i64),
}

#[derive(Clone, Debug)]
pub enum Fills {
    Nothing,
    /// The task's name and its variables; nothing is written into the manifest.
    Default,
    Path(Place),
    Table(Vec<(Place, Value)>),
}

/// What a table's entry fills.
#[derive(Clone, Debug)]
pub enum Value {
    Result,
    /// A place in the result, as an expression writes it: `.z`, `[0]`.
    Part(&'static str),
    Exit,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub document: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `.name`
    Field(String),
    /// `["odd name"]`, `[3]`, `[true]`
    Constant(Json),
    /// `[x]`
    Variable(String),
    /// `[x - 1]`
    Shifted(String, i64),
    /// `[links[x]]`: a document that no task changes, and a variable.
    Lookup(String, String),
    /// `[sel[x].m]`: what a task fills says where.
    Dynamic(Box<Place>),
    /// `[]`
    Append,
}

#[derive(Clone, Debug)]
pub struct Read {
    pub place: Place,
    pub form: Form,
    pub slot: Slot,
}

/// What the expression does with what it reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    Bare,
    Length,
    ToJson,
    Default,
    Defined,
    /// Whether it is 0.
    IsZero,
}

/// What `| default("…")` gives.
pub const DEFAULT_TEXT: &str = "no, \"ø\"";

/// Where in the call it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    Stdin,
    Argument,
    /// As an argument with text around, so that a list stays one word.
    Inside,
    Environment,
    /// The call is skipped unless it gives true.
    If,
}

#[derive(Clone, Debug)]
pub enum After {
    Task(String),
    /// The call of the task that has the same variables.
    SameKey(String),
}

impl Task {
    /// The document of the default path.
    pub fn document(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The places filled and with what.
    pub fn fills(&self) -> Vec<(Place, Value)> {
        match &self.fills {
            Fills::Nothing => Vec::new(),
            Fills::Default => {
                let steps = self.variables.iter().map(|v| Step::Variable(v.name.clone())).collect();
                vec![(Place { document: self.document(), steps }, Value::Result)]
            }
            Fills::Path(place) => vec![(place.clone(), Value::Result)],
            Fills::Table(entries) => entries.clone(),
        }
    }

    /// The places that the variables go over: their calls are known only while the run goes on.
    pub fn places_expanded(&self) -> Vec<&Place> {
        let places = self.variables.iter().filter_map(|variable| match &variable.items {
            Items::Filled(place) | Items::Range(_, Bound::Filled(place, _)) => Some(place),
            _ => None,
        });
        places.collect()
    }

    /// All places read and whether a hole there is no failure. A place that tells where another goes on is one too,
    /// and no `default` around the other takes its hole.
    pub fn places_read(&self) -> Vec<(&Place, bool)> {
        let mut places: Vec<_> =
            self.reads.iter().map(|read| (&read.place, read.form.is_guarded())).collect();
        let mut at = 0;
        while let Some((place, _)) = places.get(at).copied() {
            places.extend(place.steps.iter().filter_map(|step| match step {
                Step::Dynamic(inner) => Some((&**inner, false)),
                _ => None,
            }));
            at += 1;
        }
        places
    }
}

impl After {
    pub fn name(&self) -> &str {
        let (After::Task(name) | After::SameKey(name)) = self;
        name
    }
}

impl Form {
    /// Whether a hole is no failure.
    pub fn is_guarded(self) -> bool {
        matches!(self, Form::Default | Form::Defined)
    }
}
