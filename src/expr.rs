//! Templates and expressions: finds `${{ }}`, compiles Jinja's expressions, evaluates them over a scope.
//! Does not know what a document or a call is: a scope answers names, `expr/reads.rs` tells which are asked.

pub mod reads;

use std::ops::Range;

use crate::value::{Text, Value};

/// How a slot's value goes into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// As one word, by reference.
    Word,
    /// `| words`: each item of a list as a word of its own.
    Words,
    /// `| raw`: pasted.
    Raw,
}

/// A text with `${{ expression }}` in it; all else is literal.
#[derive(Debug)]
pub struct Template {
    pub parts: Vec<Part>,
}

/// A stretch of a template.
#[derive(Debug)]
pub enum Part {
    Literal(String),
    Slot(Slot),
}

/// One `${{ }}`.
#[derive(Debug)]
pub struct Slot {
    pub expression: Expression,
    /// How the value goes into shell text; the outermost filter (`raw`, `words`) says it.
    pub landing: Landing,
    /// The whole `${{ … }}` in the template's text.
    pub span: Range<usize>,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {}

/// A text that is no template or expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub message: String,
    /// Where in the text that was parsed.
    pub span: Range<usize>,
    pub help: Option<String>,
}

/// An evaluation that gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    pub message: String,
    /// The place at which nothing stands, where that is the reason.
    pub missing: Option<(Text, Vec<Text>)>,
}

/// What an expression asks of a document or another name: the name and as many steps as the text makes exact.
#[derive(Clone, Debug)]
pub struct Reference {
    pub root: Text,
    pub steps: Vec<Step>,
    /// Whether `default` or `is defined` takes the case that nothing stands there.
    pub guarded: bool,
    /// Where in the text that was parsed.
    pub span: Range<usize>,
}

/// One step of a reference.
#[derive(Clone, Debug)]
pub enum Step {
    Key(Text),
    /// An index that is an expression.
    Computed(std::sync::Arc<Expression>),
}

/// What a name stands for.
pub enum Binding {
    Value(Value),
    View(View),
}

/// A document of which some places are known: what a call may look at.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// A place and what stands there; `None`: nothing. No place is a prefix of another.
    pub places: Vec<(Vec<Text>, Option<Value>)>,
}

/// Answers the names of an expression.
pub trait Scope {
    fn lookup(&self, name: &str) -> Option<Binding>;
    /// The manifest's folder's files, for `glob`, `lines` and `json`.
    fn files(&self) -> &Files;
    /// For `| file`: writes the bytes to a file private to the call and gives its path.
    fn private_file(&self, _content: &[u8]) -> Result<String, String> {
        Err("`file` is only for what a call runs".to_owned())
    }
}

/// Files that expressions name, relative to one folder; each is read once.
#[derive(Debug)]
pub struct Files {}
