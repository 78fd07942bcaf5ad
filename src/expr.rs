//! Templates and expressions: finds `${{ }}`, compiles Jinja's expressions, evaluates them over a scope.
//! The syntax, the filters and the tests are minijinja's; the walk over an expression is our own, so that a place
//! keeps its digits, a document is never copied, and what is missing has a name.
//! Does not know what a document or a call is: a scope answers names, `expr/reads.rs` tells which are asked.

mod call;
mod catalogue;
mod convert;
mod evaluate;
mod files;
mod filters;
mod functions;
mod lower;
mod node;
pub mod number;
mod operators;
mod place;
mod range;
pub mod reads;
mod scan;
mod slice;
mod syntax;
mod why;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use call::CallText;
pub use files::Files;
pub use reads::key_text;

use crate::name::Name;
use crate::value::{Text, Value, parse_index};
use evaluate::Evaluator;
use functions::Function;
use node::{Kind, Node};
use scan::Piece;

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
#[derive(Clone, Debug)]
pub struct Template {
    pub parts: Vec<Part>,
}

/// A stretch of a template.
#[derive(Clone, Debug)]
pub enum Part {
    Literal(String),
    Slot(Slot),
}

/// One `${{ }}`.
#[derive(Clone, Debug)]
pub struct Slot {
    pub expression: Expression,
    /// How the value goes into shell text; the outermost filter (`raw`, `words`) says it.
    pub landing: Landing,
    /// The whole `${{ … }}` in the template's text.
    pub span: Range<usize>,
}

/// A compiled expression.
#[derive(Clone)]
pub struct Expression {
    /// The text that was parsed, a whole template's for a slot: all spans are into it.
    text: Text,
    node: Node,
    references: Vec<Reference>,
    /// Whether files are asked.
    asks_files: bool,
}

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
    /// The root as the name of a document, or why it can be none.
    pub document: Result<Name, String>,
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
    Computed(Arc<Expression>),
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
    /// One part of `key`, from 0, where it can be had without the others.
    fn key_part(&self, _at: usize) -> Option<&Value> {
        None
    }
    /// The manifest's folder's files, for `glob`, `lines` and `json`.
    fn files(&self) -> &Files;
    /// For `| file`: writes the bytes to a file private to the call and gives its path.
    fn private_file(&self, _content: &[u8]) -> Result<String, String> {
        Err("`file` is only for what a call runs".to_owned())
    }
}

impl Template {
    /// Parses a text. Only `${{ … }}` is special; an error's span is in `text`.
    pub fn parse(text: &str) -> Result<Template, ParseError> {
        let shared = Text::from(text);
        let parts = scan::pieces(text)?.into_iter().map(|piece| match piece {
            Piece::Literal(range) => Ok(Part::Literal(text[range].to_owned())),
            Piece::Slot { whole, inner } => {
                let (node, landing) = lower::slot(&shared, inner)?;
                let expression = Expression::compiled(shared.clone(), node);
                Ok(Part::Slot(Slot { expression, landing, span: whole }))
            }
        });
        Ok(Template { parts: parts.collect::<Result<_, _>>()? })
    }

    /// The slot, where the text is exactly one and nothing else.
    pub fn sole(&self) -> Option<&Slot> {
        match self.parts.as_slice() {
            [Part::Slot(slot)] => Some(slot),
            _ => None,
        }
    }

    /// The slots in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(slot),
            Part::Literal(_) => None,
        })
    }

    /// The text with each value in its place: a text as itself, every other value as compact JSON. The items that
    /// `| words` makes stand with a space between them.
    pub fn render(&self, scope: &dyn Scope) -> Result<String, EvalError> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Slot(slot) => slot.render(scope, &mut out)?,
            }
        }
        Ok(out)
    }

    /// The text with those values in their places that are known, and the rest as written.
    pub fn known(&self, scope: Option<&dyn Scope>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Slot(slot) => {
                    let known = out.len();
                    if scope.is_none_or(|scope| slot.render(scope, &mut out).is_err()) {
                        out.truncate(known);
                        out.push_str(&format!("${{{{ {} }}}}", slot.expression.source()));
                    }
                }
            }
        }
        out
    }

    /// The value itself where the text is exactly one slot; else the rendered text.
    pub fn native(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match self.sole() {
            Some(slot) => slot.expression.eval(scope),
            None => Ok(self.render(scope)?.into()),
        }
    }
}

impl Slot {
    fn render(&self, scope: &dyn Scope, out: &mut String) -> Result<(), EvalError> {
        let value = self.expression.eval(scope)?;
        match (&value, self.landing) {
            (Value::Array(_), Landing::Words) => out.push_str(&self.words(&value)?.join(" ")),
            (Value::String(text), _) => out.push_str(text),
            (other, _) => other.write_json(out),
        }
        Ok(())
    }

    /// The words that a value of this slot makes under `| words`: each item of a list as a text.
    pub fn words(&self, value: &Value) -> Result<Vec<String>, EvalError> {
        match value {
            Value::Array(items) => Ok(items.iter().map(Value::to_text).collect()),
            other => {
                let source = self.expression.source();
                let message = format!("`{source}`: `words` needs a list, not {}", other.kind());
                Err(EvalError { message, missing: None })
            }
        }
    }
}

/// Whether the node itself asks files.
fn is_asking(node: &Node) -> bool {
    matches!(node.kind, Kind::Call(Function::Glob | Function::Lines | Function::Json, _))
}

fn asks_files(node: &Node) -> bool {
    is_asking(node) || node.parts().into_iter().any(asks_files)
}

impl Expression {
    /// Parses an expression; an error's span is in `text`.
    pub fn parse(text: &str) -> Result<Expression, ParseError> {
        let shared = Text::from(text);
        let node = lower::expression(&shared)?;
        Ok(Expression::compiled(shared, node))
    }

    fn compiled(text: Text, node: Node) -> Expression {
        let references = reads::references(&node);
        let asks_files = asks_files(&node);
        Expression { text, node, references, asks_files }
    }

    /// The value over this scope.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        // most are a variable or a part of the key alone, which need no walk
        if let Kind::Name(name) = &self.node.kind
            && let Some(Binding::Value(value)) = scope.lookup(name)
        {
            return Ok(value);
        }
        if let Some(("key", part)) = self.member()
            && let Some(value) = parse_index(part).and_then(|part| scope.key_part(part))
        {
            return Ok(value.clone());
        }
        Evaluator { scope, text: &self.text }.value(&self.node)
    }

    /// What files tell it that it asks by `glob`, `lines` and `json`, where that can be known over this scope.
    pub fn told_by_files(&self, scope: &dyn Scope) -> Vec<Value> {
        let mut told = Vec::new();
        let mut left = if self.asks_files { vec![&self.node] } else { Vec::new() };
        while let Some(node) = left.pop() {
            if is_asking(node) {
                told.extend(Evaluator { scope, text: &self.text }.value(node).ok());
            }
            left.extend(node.parts());
        }
        told
    }

    /// Every place that is asked, in the order of the text, those of computed indexes included.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The place, where the expression is one and nothing else.
    pub fn sole_reference(&self) -> Option<&Reference> {
        let is_place = matches!(self.node.kind, Kind::Name(_) | Kind::Member(..) | Kind::Index(..));
        self.references.first().filter(|first| is_place && first.span == self.node.span)
    }

    /// The name, where the expression is one and nothing else.
    pub fn name(&self) -> Option<&str> {
        self.sole_reference().filter(|place| place.steps.is_empty()).map(|place| place.root.as_str())
    }

    /// The name and its member, where the expression is `name.member` or `name[0]` and nothing else.
    pub fn member(&self) -> Option<(&str, &str)> {
        match &self.node.kind {
            Kind::Member(base, key) => match &base.kind {
                Kind::Name(name) => Some((name, key)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The names that are asked, each once.
    pub fn names(&self) -> impl Iterator<Item = &Text> {
        let references = self.references();
        let first =
            |i: usize| references.iter().position(|other| other.root == references[i].root) == Some(i);
        (0..references.len()).filter(move |&i| first(i)).map(|i| &references[i].root)
    }

    /// Whether no name is asked: the value depends on the text alone, and on the files that it names.
    pub fn is_constant(&self) -> bool {
        self.references().is_empty()
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        self.node.source(&self.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source()).finish()
    }
}

impl ParseError {
    pub(crate) fn new(message: impl Into<String>, span: Range<usize>) -> ParseError {
        ParseError { message: message.into(), span, help: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> ParseError {
        ParseError { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests;
