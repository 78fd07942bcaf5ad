//! The tree of a compiled expression, each node with its span in the text. Owned, so that an expression lives as
//! long as the manifest that it came from. Data only.

use std::iter::once;
use std::ops::Range;
use std::sync::Arc;

use super::Expression;
use super::functions::Function;
use super::number::Operator;
use crate::value::{Text, Value};

/// A node and the bytes of the text that it stands for; parentheses around it are left out.
#[derive(Clone)]
pub struct Node {
    pub kind: Kind,
    pub span: Range<usize>,
}

#[derive(Clone)]
pub enum Kind {
    Constant(Value),
    Name(Text),
    /// `x.key`, or an index that is a constant.
    Member(Box<Node>, Text),
    /// `x[index]`: the index is an expression of its own, which the plan may evaluate without the rest.
    Index(Box<Node>, Arc<Expression>),
    Slice(Box<Node>, Box<Bounds>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    /// `a < b <= c`: as in Python, true if each pair holds.
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<Choice>),
    /// `input | default(fallback)`; with `falsy`, also where the input is false or empty.
    Default(Box<Fallback>),
    /// `is defined`.
    Defined(Box<Node>),
    /// `| file`.
    File(Box<Node>),
    Filter(&'static str, Box<Node>, Arguments),
    Test(&'static str, Box<Node>, Arguments),
    Call(Function, Arguments),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

#[derive(Clone)]
pub struct Bounds {
    pub start: Option<Node>,
    pub stop: Option<Node>,
    pub step: Option<Node>,
}

#[derive(Clone)]
pub struct Choice {
    pub test: Node,
    pub then: Node,
    pub otherwise: Option<Node>,
}

#[derive(Clone)]
pub struct Fallback {
    pub input: Node,
    pub fallback: Option<Node>,
    pub falsy: Option<Node>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

/// The arguments of a filter, a test or a function, as written.
#[derive(Clone, Default)]
pub struct Arguments {
    pub positional: Vec<Argument>,
    pub named: Vec<(String, Node)>,
}

#[derive(Clone)]
pub enum Argument {
    One(Node),
    /// `*list`.
    Spread(Node),
}

impl Node {
    /// The node's own text, out of the text that was parsed.
    pub fn source<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.span.clone()).unwrap_or(text)
    }

    /// The nodes that it is made of, in the order of the text.
    pub fn parts(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Constant(_) | Kind::Name(_) => Vec::new(),
            Kind::Member(base, _) => vec![base],
            Kind::Index(base, index) => vec![base, &index.node],
            Kind::Slice(base, bounds) => {
                let bounds = [&bounds.start, &bounds.stop, &bounds.step].into_iter().flatten();
                once(&**base).chain(bounds).collect()
            }
            Kind::Not(operand) | Kind::Negate(operand) | Kind::Defined(operand) | Kind::File(operand) => {
                vec![operand]
            }
            Kind::Arithmetic(_, left, right) | Kind::And(left, right) | Kind::Or(left, right) => {
                vec![left, right]
            }
            Kind::Compare(first, rest) => once(&**first).chain(rest.iter().map(|(_, node)| node)).collect(),
            Kind::If(choice) => [&choice.then, &choice.test].into_iter().chain(&choice.otherwise).collect(),
            Kind::Default(default) => {
                once(&default.input).chain(&default.fallback).chain(&default.falsy).collect()
            }
            Kind::Filter(_, input, arguments) | Kind::Test(_, input, arguments) => {
                once(&**input).chain(arguments.nodes()).collect()
            }
            Kind::Call(_, arguments) => arguments.nodes().collect(),
            Kind::List(items) => items.iter().collect(),
            Kind::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        }
    }
}

impl Arguments {
    /// Every argument's node, in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        let positional = self.positional.iter().map(|argument| match argument {
            Argument::One(node) | Argument::Spread(node) => node,
        });
        positional.chain(self.named.iter().map(|(_, node)| node))
    }
}
