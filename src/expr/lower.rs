//! From minijinja's syntax tree to our own: spans into the whole text, names of filters, tests and functions
//! resolved, so that what nothing defines is an error before anything runs. Evaluates nothing.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::{Span, ast};

use super::catalogue::{self, Filter};
use super::functions::{self, Function};
use super::node::{Argument, Arguments, Bounds, Choice, Comparison, Fallback, Kind, Node};
use super::number::{self, Operator};
use super::{Expression, Landing, ParseError, convert, reads, syntax};
use crate::value::{Text, Value};

type Lowered<T = Node> = Result<T, ParseError>;

/// Compiles a whole text.
pub fn expression(text: &Text) -> Lowered {
    let tree = syntax::parse(text, 0..text.len())?;
    Lowering { text, offset: 0 }.node(&tree)
}

/// Compiles the expression of a template's slot; its outermost filter may say how the value lands.
pub fn slot(text: &Text, range: Range<usize>) -> Lowered<(Node, Landing)> {
    let tree = syntax::parse(text, range.clone())?;
    let lowering = Lowering { text, offset: range.start };
    if let ast::Expr::Filter(filter) = &tree
        && let Some(landing) = catalogue::landing(filter.name)
        && let Some(input) = &filter.expr
        && filter.args.is_empty()
    {
        return Ok((lowering.node(input)?, landing));
    }
    Ok((lowering.node(&tree)?, Landing::Word))
}

pub(super) struct Lowering<'a> {
    /// The whole text; the tree's offsets count from `offset` in it.
    pub text: &'a Text,
    pub offset: usize,
}

impl Lowering<'_> {
    fn span(&self, span: Span) -> Range<usize> {
        let end = (self.offset + span.end_offset as usize).min(self.text.len());
        (self.offset + span.start_offset as usize).min(end)..end
    }

    /// From the beginning of `first` to the end of the tree's span: minijinja's own beginnings are those of the
    /// last operator, or of the token before.
    fn from(&self, first: &Node, span: Span) -> Range<usize> {
        let end = self.span(span).end;
        first.span.start..end.max(first.span.end)
    }

    fn boxed(&self, expr: &ast::Expr<'_>) -> Lowered<Box<Node>> {
        self.node(expr).map(Box::new)
    }

    fn optional(&self, expr: Option<&ast::Expr<'_>>) -> Lowered<Option<Node>> {
        expr.map(|expr| self.node(expr)).transpose()
    }

    pub fn node(&self, expr: &ast::Expr<'_>) -> Lowered {
        match expr {
            ast::Expr::Var(var) => self.name(var.id, self.span(var.span())),
            ast::Expr::Const(constant) => self.constant(&constant.value, self.span(constant.span())),
            ast::Expr::Slice(slice) => self.slice(slice, slice.span()),
            ast::Expr::UnaryOp(unary) => self.unary(unary, unary.span()),
            ast::Expr::BinOp(binary) => self.binary(binary),
            ast::Expr::Compare(compare) => self.comparison(compare),
            ast::Expr::IfExpr(choice) => self.choice(choice),
            ast::Expr::Filter(filter) => self.filter(filter, filter.span()),
            ast::Expr::Test(test) => self.test(test, test.span()),
            ast::Expr::GetAttr(member) => {
                let base = self.boxed(&member.expr)?;
                let span = self.from(&base, member.span());
                Ok(Node { kind: Kind::Member(base, member.name.into()), span })
            }
            ast::Expr::GetItem(item) => self.item(item, item.span()),
            ast::Expr::Call(call) => self.call(call, call.span()),
            ast::Expr::List(list) => self.list(&list.items, list.span()),
            ast::Expr::Tuple(tuple) => self.list(&tuple.items, tuple.span()),
            ast::Expr::Map(map) => self.map(map, map.span()),
        }
    }

    fn name(&self, name: &str, span: Range<usize>) -> Lowered {
        if Function::named(name).is_some() {
            return Err(ParseError::new(format!("`{name}` is a function"), span)
                .help(format!("call it: `{name}(…)`")));
        }
        Ok(Node { kind: Kind::Name(name.into()), span })
    }

    /// A literal; a number keeps its digits where JSON writes numbers so too.
    fn constant(&self, value: &minijinja::Value, span: Range<usize>) -> Lowered {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let exact = value.is_number().then(|| number::parse(written)).flatten();
        let value = match exact {
            Some(number) => Value::Number(number),
            None => convert::from_minijinja(value)
                .map_err(|error| ParseError::new(error.to_string(), span.clone()))?,
        };
        Ok(Node { kind: Kind::Constant(value), span })
    }

    fn slice(&self, slice: &ast::Slice<'_>, span: Span) -> Lowered {
        let base = self.boxed(&slice.expr)?;
        let bounds = Bounds {
            start: self.optional(slice.start.as_ref())?,
            stop: self.optional(slice.stop.as_ref())?,
            step: self.optional(slice.step.as_ref())?,
        };
        let span = self.from(&base, span);
        Ok(Node { kind: Kind::Slice(base, Box::new(bounds)), span })
    }

    fn unary(&self, unary: &ast::UnaryOp<'_>, span: Span) -> Lowered {
        let operand = self.boxed(&unary.expr)?;
        let own = self.span(span);
        let span = own.start.min(operand.span.start)..own.end.max(operand.span.end);
        let kind = match (&unary.op, &operand.kind) {
            (ast::UnaryOpKind::Not, Kind::Compare(left, pairs)) if negated(pairs).is_some() => {
                Kind::Compare(left.clone(), negated(pairs).unwrap_or_default())
            }
            (ast::UnaryOpKind::Not, _) => Kind::Not(operand),
            (ast::UnaryOpKind::Neg, Kind::Constant(Value::Number(number))) => {
                Kind::Constant(Value::Number(number::negated(number)))
            }
            (ast::UnaryOpKind::Neg, _) => Kind::Negate(operand),
        };
        Ok(Node { kind, span })
    }

    fn binary(&self, binary: &ast::BinOp<'_>) -> Lowered {
        let (left, right) = (self.boxed(&binary.left)?, self.boxed(&binary.right)?);
        let span = left.span.start..right.span.end;
        let compare = |how, left, right: Box<Node>| Kind::Compare(left, vec![(how, *right)]);
        let kind = match binary.op {
            ast::BinOpKind::Eq => compare(Comparison::Equal, left, right),
            ast::BinOpKind::Ne => compare(Comparison::NotEqual, left, right),
            ast::BinOpKind::Lt => compare(Comparison::Less, left, right),
            ast::BinOpKind::Lte => compare(Comparison::LessOrEqual, left, right),
            ast::BinOpKind::Gt => compare(Comparison::Greater, left, right),
            ast::BinOpKind::Gte => compare(Comparison::GreaterOrEqual, left, right),
            ast::BinOpKind::In => compare(Comparison::In, left, right),
            ast::BinOpKind::ScAnd => Kind::And(left, right),
            ast::BinOpKind::ScOr => Kind::Or(left, right),
            ast::BinOpKind::Add => Kind::Arithmetic(Operator::Add, left, right),
            ast::BinOpKind::Sub => Kind::Arithmetic(Operator::Subtract, left, right),
            ast::BinOpKind::Mul => Kind::Arithmetic(Operator::Multiply, left, right),
            ast::BinOpKind::Div => Kind::Arithmetic(Operator::Divide, left, right),
            ast::BinOpKind::FloorDiv => Kind::Arithmetic(Operator::FloorDivide, left, right),
            ast::BinOpKind::Rem => Kind::Arithmetic(Operator::Remainder, left, right),
            ast::BinOpKind::Pow => Kind::Arithmetic(Operator::Power, left, right),
            ast::BinOpKind::Concat => Kind::Arithmetic(Operator::Concatenate, left, right),
        };
        Ok(Node { kind, span })
    }

    fn comparison(&self, compare: &ast::Compare<'_>) -> Lowered {
        let first = self.boxed(&compare.expr)?;
        let pair = |op: &ast::CompareOp<'_>| {
            let how = match op.op {
                ast::CompareOpKind::Eq => Comparison::Equal,
                ast::CompareOpKind::Ne => Comparison::NotEqual,
                ast::CompareOpKind::Lt => Comparison::Less,
                ast::CompareOpKind::Lte => Comparison::LessOrEqual,
                ast::CompareOpKind::Gt => Comparison::Greater,
                ast::CompareOpKind::Gte => Comparison::GreaterOrEqual,
                ast::CompareOpKind::In => Comparison::In,
                ast::CompareOpKind::NotIn => Comparison::NotIn,
            };
            Ok((how, self.node(&op.expr)?))
        };
        let pairs: Vec<_> = compare.ops.iter().map(pair).collect::<Lowered<_>>()?;
        let end = pairs.last().map_or(first.span.end, |(_, node)| node.span.end);
        let span = first.span.start..end;
        Ok(Node { kind: Kind::Compare(first, pairs), span })
    }

    fn choice(&self, choice: &ast::IfExpr<'_>) -> Lowered {
        let then = self.node(&choice.true_expr)?;
        let test = self.node(&choice.test_expr)?;
        let otherwise = self.optional(choice.false_expr.as_ref())?;
        let span = then.span.start..otherwise.as_ref().unwrap_or(&test).span.end;
        Ok(Node { kind: Kind::If(Box::new(Choice { test, then, otherwise })), span })
    }

    fn item(&self, item: &ast::GetItem<'_>, span: Span) -> Lowered {
        let base = self.boxed(&item.expr)?;
        let index = self.node(&item.subscript_expr)?;
        let span = self.from(&base, span);
        let Kind::Constant(constant) = &index.kind else {
            let index = Arc::new(Expression::compiled(self.text.clone(), index));
            return Ok(Node { kind: Kind::Index(base, index), span });
        };
        let key = reads::key_text(constant).ok_or_else(|| {
            ParseError::new(format!("{} is no index", constant.kind()), index.span.clone())
                .help("an index is a text, a number or a boolean")
        })?;
        Ok(Node { kind: Kind::Member(base, key), span })
    }

    fn filter(&self, filter: &ast::Filter<'_>, span: Span) -> Lowered {
        let own = self.span(span);
        let name = own.start..(own.start + filter.name.len()).min(own.end);
        let input = filter.expr.as_ref().ok_or_else(|| ParseError::new("a filter needs a value", own))?;
        let input = self.node(input)?;
        let span = self.from(&input, span);
        let known = catalogue::filter(filter.name, name.clone())?;
        let arguments = self.arguments(&filter.args)?;
        catalogue::check_names(filter.name, &arguments)?;
        let kind = match known {
            Filter::Default => Kind::Default(Box::new(fallback(input, arguments, name)?)),
            Filter::File => Kind::File(Box::new(input)),
            Filter::Other(known) => Kind::Filter(known, Box::new(input), arguments),
        };
        Ok(Node { kind, span })
    }

    fn test(&self, test: &ast::Test<'_>, span: Span) -> Lowered {
        let own = self.span(span);
        let name = own.start..(own.start + test.name.len()).min(own.end);
        let input = self.boxed(&test.expr)?;
        let span = self.from(&input, span);
        let known = catalogue::test(test.name, name)?;
        let arguments = self.arguments(&test.args)?;
        let kind = match known {
            "defined" => Kind::Defined(input),
            "undefined" => {
                let defined = Node { kind: Kind::Defined(input), span: span.clone() };
                Kind::Not(Box::new(defined))
            }
            known => Kind::Test(known, input, arguments),
        };
        Ok(Node { kind, span })
    }

    fn call(&self, call: &ast::Call<'_>, span: Span) -> Lowered {
        let function = match call.identify_call() {
            ast::CallType::Function(name) => functions::function(name, self.span(call.expr.span()))?,
            ast::CallType::Method(base, name) => {
                let base = self.node(base)?;
                return Err(functions::no_method(name, self.from(&base, span)));
            }
            _ => {
                let callee = self.node(&call.expr)?;
                return Err(ParseError::new("only functions can be called", callee.span));
            }
        };
        let span = self.span(call.expr.span()).start..self.span(span).end;
        let arguments = self.arguments(&call.args)?;
        function.check(&arguments, &span)?;
        Ok(Node { kind: Kind::Call(function, arguments), span })
    }

    fn arguments(&self, arguments: &[ast::CallArg<'_>]) -> Lowered<Arguments> {
        let mut lowered = Arguments::default();
        for argument in arguments {
            match argument {
                ast::CallArg::Pos(expr) => lowered.positional.push(Argument::One(self.node(expr)?)),
                ast::CallArg::PosSplat(expr) => lowered.positional.push(Argument::Spread(self.node(expr)?)),
                ast::CallArg::Kwarg(name, expr) => lowered.named.push(((*name).to_owned(), self.node(expr)?)),
                ast::CallArg::KwargSplat(expr) => {
                    return Err(ParseError::new("`**` in arguments is not supported", self.node(expr)?.span));
                }
            }
        }
        Ok(lowered)
    }

    fn list(&self, items: &[ast::Expr<'_>], span: Span) -> Lowered {
        let items = items.iter().map(|item| self.node(item)).collect::<Lowered<_>>()?;
        Ok(Node { kind: Kind::List(items), span: self.span(span) })
    }

    fn map(&self, map: &ast::Map<'_>, span: Span) -> Lowered {
        let pairs = map.keys.iter().zip(&map.values);
        let pairs = pairs.map(|(key, value)| Ok((self.node(key)?, self.node(value)?)));
        Ok(Node { kind: Kind::Map(pairs.collect::<Lowered<_>>()?), span: self.span(span) })
    }
}

/// `not (a in b)` is how the parser writes `a not in b`.
fn negated(pairs: &[(Comparison, Node)]) -> Option<Vec<(Comparison, Node)>> {
    match pairs {
        [(Comparison::In, right)] => Some(vec![(Comparison::NotIn, right.clone())]),
        _ => None,
    }
}

/// The arguments of `default(value, boolean)`.
fn fallback(input: Node, arguments: Arguments, name: Range<usize>) -> Lowered<Fallback> {
    let mut given = Fallback { input, fallback: None, falsy: None };
    let mut positional = arguments.positional.into_iter().map(|argument| match argument {
        Argument::One(node) => Ok(node),
        Argument::Spread(node) => Err(ParseError::new("`default` takes no list of arguments", node.span)),
    });
    given.fallback = positional.next().transpose()?;
    given.falsy = positional.next().transpose()?;
    if positional.next().is_some() {
        return Err(ParseError::new("`default` takes a value and a boolean, no more", name));
    }
    for (keyword, node) in arguments.named {
        match keyword.as_str() {
            "default_value" if given.fallback.is_none() => given.fallback = Some(node),
            "boolean" if given.falsy.is_none() => given.falsy = Some(node),
            _ => return Err(ParseError::new(format!("`default` takes no `{keyword}`"), name)),
        }
    }
    Ok(given)
}
