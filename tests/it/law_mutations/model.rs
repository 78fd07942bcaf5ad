//! A program as the law of mutations thinks of it: tasks whose calls are short lists of operations on shared documents.
//! The same program can be written as shell commands, as a script that edits the documents' files, or as functions.

use crate::law::json::Json;

#[derive(Clone, Debug, Default)]
pub struct Program {
    /// `[data]`.
    pub data: Vec<(String, Json)>,
    /// `[documents]`.
    pub rules: Vec<Rules>,
    pub tasks: Vec<Task>,
}

/// How a document may be shared.
#[derive(Clone, Debug)]
pub struct Rules {
    pub document: String,
    pub last: bool,
    /// Places, `*` for any key, and how changes of them combine.
    pub merge: Vec<(Vec<String>, Merge)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Merge {
    Sum,
    Min,
    Max,
    Union,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub name: String,
    pub variables: Vec<(String, Items)>,
    pub mutates: Vec<Place>,
    pub looks_at: Vec<Place>,
    pub form: Form,
    pub body: Vec<Op>,
    pub fills: Option<Place>,
    pub prints: Prints,
    pub after: Vec<After>,
    /// The call for this value of the first variable is skipped.
    pub skips: Option<Json>,
    pub fails: Fails,
    pub default: Option<Json>,
    /// The call for the first key ends later than the others.
    pub dawdles: bool,
}

/// How the operations are carried out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// `deco set`, `append`, `delete` and `get`.
    Commands,
    /// A script reads the documents' files and writes them back.
    File,
    /// A function of Python is given the documents.
    Function,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    Given(Vec<Json>),
    /// The items of an array, or the keys of an object, that tasks change.
    Changed(Place),
}

#[derive(Clone, Debug, PartialEq)]
pub enum After {
    Task(String),
    SameKey(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fails {
    Never,
    /// The first attempt fails before this operation; there is another.
    AtFirst(usize),
    /// The call for this value of the first variable fails after all it did, which is forgiven.
    For(Json),
}

/// What a call prints as its result.
#[derive(Clone, Debug)]
pub enum Prints {
    /// Its key and all that it read.
    Everything,
    Constant(Json),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub document: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Key(String),
    Variable(String),
    /// A variable and what is added to it.
    Shifted(String, i64),
    /// What the call read.
    Register(usize),
}

/// One operation; with a guard, only if that which was read is an even number, or an odd one.
#[derive(Clone, Debug)]
pub struct Op {
    pub guard: Option<(usize, bool)>,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// A template reads the place into the next register; 0 where nothing stands.
    Template(Place),
    /// As a template, but by an operation, which sees what the call did before.
    Get(Place),
    Set(Place, Expr),
    Append(Place, Expr),
    Delete(Place),
}

#[derive(Clone, Debug)]
pub enum Expr {
    Constant(Json),
    /// The first variable's value.
    Key,
    Register(usize),
    Plus(usize, i64),
}

impl Place {
    pub fn whole(document: &str) -> Place {
        Place { document: document.to_owned(), steps: Vec::new() }
    }

    pub fn then(mut self, step: Step) -> Place {
        self.steps.push(step);
        self
    }

    /// As much of the place as is known before the call runs.
    pub fn known(&self, most: usize) -> Place {
        let known = self.steps.iter().take(most).take_while(|step| !matches!(step, Step::Register(_)));
        Place { document: self.document.clone(), steps: known.cloned().collect() }
    }

    /// Whether two places may be one, or one in the other, whatever the variables are.
    pub fn may_overlap(&self, other: &Place) -> bool {
        let fits = |(a, b): (&Step, &Step)| match (a, b) {
            (Step::Key(a), Step::Key(b)) => a == b,
            _ => true,
        };
        self.document == other.document && self.steps.iter().zip(&other.steps).all(fits)
    }
}

impl Task {
    pub fn new(name: &str) -> Task {
        Task {
            name: name.to_owned(),
            variables: Vec::new(),
            mutates: Vec::new(),
            looks_at: Vec::new(),
            form: Form::Commands,
            body: Vec::new(),
            fills: None,
            prints: Prints::Everything,
            after: Vec::new(),
            skips: None,
            fails: Fails::Never,
            default: None,
            dawdles: false,
        }
    }

    pub fn templates(&self) -> impl Iterator<Item = &Place> {
        self.body.iter().filter_map(|op| match &op.what {
            What::Template(place) => Some(place),
            _ => None,
        })
    }

    /// What it waits for where it does not mutate the document itself.
    pub fn reads(&self) -> impl Iterator<Item = &Place> {
        self.templates().chain(&self.looks_at)
    }

    /// What its variables go over.
    pub fn expanded(&self) -> impl Iterator<Item = &Place> {
        self.variables.iter().filter_map(|(_, items)| match items {
            Items::Changed(place) => Some(place),
            Items::Given(_) => None,
        })
    }

    pub fn changes(&self) -> impl Iterator<Item = &Place> {
        self.fills.iter().chain(&self.mutates)
    }

    pub fn mutates_document(&self, document: &str) -> bool {
        self.mutates.iter().any(|place| place.document == document)
    }
}

impl After {
    pub fn name(&self) -> &str {
        let (After::Task(name) | After::SameKey(name)) = self;
        name
    }
}

impl Program {
    pub fn rules_of(&self, document: &str) -> Option<&Rules> {
        self.rules.iter().find(|rules| rules.document == document)
    }

    /// The rule for a place, and how much of the place it names.
    pub fn merge_at(&self, document: &str, keys: &[&str]) -> Option<(usize, Merge)> {
        let fits = |pattern: &[String]| {
            pattern.len() <= keys.len()
                && pattern.iter().zip(keys).all(|(pattern, key)| pattern == "*" || pattern == key)
        };
        let rules = &self.rules_of(document)?.merge;
        rules.iter().find(|(pattern, _)| fits(pattern)).map(|(pattern, rule)| (pattern.len(), *rule))
    }
}
