//! The walk over an expression. A value stays as it is stored until an operator or a filter needs it; a place where
//! nothing stands is carried up with its name, until `default` takes it or somebody uses it.

use std::rc::Rc;

use super::functions::Function;
use super::node::{Argument, Arguments, Bounds, Choice, Comparison, Fallback, Kind, Node};
use super::number::Operator;
use super::place::{missing, partly_known};
use super::range::Range;
use super::reads::key_text;
use super::slice::Slice;
use super::{Binding, EvalError, Scope, View, filters, operators};
use crate::value::{Object, Text, Value};

/// Evaluates the nodes of one text over one scope.
pub struct Evaluator<'a> {
    pub scope: &'a dyn Scope,
    pub text: &'a str,
}

/// What a node stands for.
enum Held {
    Value(Value),
    /// A document of which only some places are known, by its name, and the keys walked into it.
    View(Rc<View>, Text, Vec<Text>),
    Range(Range),
    Missing(EvalError),
    /// An `if` that does not hold and has no `else`: lands as an empty text.
    Nothing,
}

type Eval<T> = Result<T, EvalError>;

impl Evaluator<'_> {
    /// The node's value; what is missing is an error.
    pub fn value(&self, node: &Node) -> Eval<Value> {
        self.known(node, self.held(node)?)
    }

    fn known(&self, node: &Node, held: Held) -> Eval<Value> {
        match held {
            Held::Value(value) => Ok(value),
            Held::Range(range) => range.to_value().map_err(|words| self.fail(node, words)),
            Held::Missing(error) => Err(error),
            Held::Nothing => Ok("".into()),
            Held::View(view, root, keys) => {
                Err(EvalError { message: partly_known(&view, &root, &keys), missing: None })
            }
        }
    }

    fn held(&self, node: &Node) -> Eval<Held> {
        let value = match &node.kind {
            Kind::Constant(value) => Ok(value.clone()),
            Kind::Name(name) => return Ok(self.name(name)),
            Kind::Member(base, key) => return self.step(node, base, key),
            Kind::Index(base, index) => return self.step(node, base, &index.key(self.scope)?),
            Kind::If(choice) => return self.choice(choice),
            Kind::Default(default) => return self.default(default),
            Kind::Or(left, right) => return self.either(left, right, true),
            Kind::And(left, right) => return self.either(left, right, false),
            Kind::Filter(name, input, arguments) => return self.filter(node, name, input, arguments),
            Kind::Call(function, arguments) => return self.call(node, *function, arguments),
            Kind::Slice(base, bounds) => self.slice(node, base, bounds),
            Kind::Not(operand) => self.value(operand).map(|value| (!operators::truth(&value)).into()),
            Kind::Negate(operand) => self.done(node, operators::negate(&self.value(operand)?)),
            Kind::Arithmetic(operator, left, right) => self.arithmetic(node, *operator, left, right),
            Kind::Compare(first, rest) => self.compare(node, first, rest).map(Value::Bool),
            Kind::Defined(input) => self.defined(input).map(Value::Bool),
            Kind::File(input) => self.file(node, input),
            Kind::Test(name, input, arguments) => self.test(node, name, input, arguments),
            Kind::List(items) => {
                items.iter().map(|item| self.value(item)).collect::<Eval<_>>().map(Value::array)
            }
            Kind::Map(pairs) => self.map(pairs),
        };
        value.map(Held::Value)
    }

    fn name(&self, name: &Text) -> Held {
        match self.scope.lookup(name) {
            Some(Binding::Value(value)) => Held::Value(value),
            Some(Binding::View(view)) => seen(Rc::new(view), name.clone(), Vec::new()),
            None => Held::Missing(missing(name, Vec::new())),
        }
    }

    /// `base.key`.
    fn step(&self, node: &Node, base: &Node, key: &Text) -> Eval<Held> {
        Ok(match self.held(base)? {
            Held::Value(value) => match value.child(key) {
                Some(value) => Held::Value(value),
                None => Held::Missing(self.missing_at(node)?),
            },
            Held::Range(range) => match key.parse().ok().and_then(|index| range.get(index)) {
                Some(value) => Held::Value(value),
                None => Held::Missing(self.missing_at(node)?),
            },
            Held::View(view, root, mut keys) => {
                keys.push(key.clone());
                seen(view, root, keys)
            }
            Held::Nothing => Held::Missing(self.missing_at(node)?),
            absent @ Held::Missing(_) => absent,
        })
    }

    fn missing_at(&self, node: &Node) -> Eval<EvalError> {
        Ok(match self.place(node)? {
            Some((root, keys)) => missing(&root, keys),
            None => self.fail(node, "nothing stands there".to_owned()),
        })
    }

    /// The place that a chain of members names, if it starts from a name; only asked for once it is missing.
    fn place(&self, node: &Node) -> Eval<Option<(Text, Vec<Text>)>> {
        let (base, key) = match &node.kind {
            Kind::Name(root) => return Ok(Some((root.clone(), Vec::new()))),
            Kind::Member(base, key) => (base, key.clone()),
            Kind::Index(base, index) => (base, index.key(self.scope)?),
            _ => return Ok(None),
        };
        let mut place = self.place(base)?;
        if let Some((_, keys)) = &mut place {
            keys.push(key);
        }
        Ok(place)
    }

    fn choice(&self, choice: &Choice) -> Eval<Held> {
        if operators::truth(&self.value(&choice.test)?) {
            return self.held(&choice.then);
        }
        choice.otherwise.as_ref().map_or(Ok(Held::Nothing), |node| self.held(node))
    }

    fn default(&self, default: &Fallback) -> Eval<Held> {
        let falsy = match &default.falsy {
            Some(node) => operators::truth(&self.value(node)?),
            None => false,
        };
        match self.held(&default.input)? {
            Held::Missing(_) | Held::Nothing => {}
            Held::Value(value) if falsy && !operators::truth(&value) => {}
            other => return Ok(other),
        }
        default.fallback.as_ref().map_or_else(|| Ok(Held::Value("".into())), |node| self.held(node))
    }

    fn defined(&self, input: &Node) -> Eval<bool> {
        match self.held(input)? {
            Held::Missing(_) | Held::Nothing => Ok(false),
            held => self.known(input, held).map(|_| true),
        }
    }

    /// `or` (`until` true) and `and`: the left value if it decides, else the right.
    fn either(&self, left: &Node, right: &Node, until: bool) -> Eval<Held> {
        let value = self.value(left)?;
        if operators::truth(&value) == until { Ok(Held::Value(value)) } else { self.held(right) }
    }

    fn arithmetic(&self, node: &Node, operator: Operator, left: &Node, right: &Node) -> Eval<Value> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        self.done(node, operators::apply(operator, &left, &right))
    }

    fn compare(&self, node: &Node, first: &Node, rest: &[(Comparison, Node)]) -> Eval<bool> {
        let mut left = self.value(first)?;
        for (how, right) in rest {
            let held = self.held(right)?;
            let holds = match (how, held) {
                // a range is asked without going over it
                (Comparison::In, Held::Range(range)) => range.contains(&left),
                (Comparison::NotIn, Held::Range(range)) => !range.contains(&left),
                (how, held) => {
                    let right = self.known(right, held)?;
                    let holds = self.done(node, pair_holds(*how, &left, &right))?;
                    left = right;
                    holds
                }
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn slice(&self, node: &Node, base: &Node, bounds: &Bounds) -> Eval<Value> {
        let value = self.value(base)?;
        let bound = |node: &Option<Node>| node.as_ref().map_or(Ok(None), |node| self.bound(node));
        let slice =
            Slice { start: bound(&bounds.start)?, stop: bound(&bounds.stop)?, step: bound(&bounds.step)? };
        self.done(node, slice.of(&value))
    }

    fn bound(&self, node: &Node) -> Eval<Option<i128>> {
        match self.value(node)? {
            Value::Null => Ok(None),
            Value::Number(number) if number.as_i128().is_some() => Ok(number.as_i128()),
            other => Err(self.fail(node, format!("a slice goes by whole numbers, not {}", other.kind()))),
        }
    }

    fn map(&self, pairs: &[(Node, Node)]) -> Eval<Value> {
        let mut members = Object::default();
        for (key, value) in pairs {
            let name = self.value(key)?;
            let name =
                key_text(&name).ok_or_else(|| self.fail(key, format!("{} cannot be a key", name.kind())))?;
            members.insert(name, self.value(value)?);
        }
        Ok(Value::Object(members.into()))
    }

    fn filter(&self, node: &Node, name: &str, input: &Node, arguments: &Arguments) -> Eval<Held> {
        let input = match self.held(input)? {
            Held::Range(range) if matches!(name, "length" | "count") => {
                let len = i128::try_from(range.len()).unwrap_or(i128::MAX);
                return Ok(Held::Value(len.into()));
            }
            held => self.known(input, held)?,
        };
        let positional = self.positional(&arguments.positional)?;
        let named = arguments.named.iter().map(|(name, node)| Ok((name.clone(), self.value(node)?)));
        let result = filters::apply(name, &input, &positional, named.collect::<Eval<_>>()?);
        Ok(match result.map_err(|words| self.fail(node, words))? {
            Some(value) => Held::Value(value),
            None => Held::Missing(self.fail(node, "nothing is found".to_owned())),
        })
    }

    fn test(&self, node: &Node, name: &str, input: &Node, arguments: &Arguments) -> Eval<Value> {
        if let Some((keyword, argument)) = arguments.named.first() {
            return Err(self.fail(argument, format!("the test `{name}` takes no `{keyword}`")));
        }
        let input = self.value(input)?;
        let positional = self.positional(&arguments.positional)?;
        self.done(node, filters::holds(name, &input, &positional).map(Value::Bool))
    }

    fn call(&self, node: &Node, function: Function, arguments: &Arguments) -> Eval<Held> {
        let arguments = self.positional(&arguments.positional)?;
        if function == Function::Range {
            return self.done(node, Range::new(&arguments)).map(Held::Range);
        }
        self.done(node, function.call(&arguments, self.scope.files())).map(Held::Value)
    }

    fn positional(&self, arguments: &[Argument]) -> Eval<Vec<Value>> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match argument {
                Argument::One(node) => values.push(self.value(node)?),
                Argument::Spread(node) => match self.value(node)? {
                    Value::Array(items) => values.extend(items.iter().cloned()),
                    other => return Err(self.fail(node, format!("`*` needs a list, not {}", other.kind()))),
                },
            }
        }
        Ok(values)
    }

    fn file(&self, node: &Node, input: &Node) -> Eval<Value> {
        let content = self.value(input)?.to_text();
        self.done(node, self.scope.private_file(content.as_bytes()).map(Value::from))
    }

    fn done<T>(&self, node: &Node, result: Result<T, String>) -> Eval<T> {
        result.map_err(|words| self.fail(node, words))
    }

    /// An error that begins with the node's own text.
    fn fail(&self, node: &Node, words: String) -> EvalError {
        EvalError { message: format!("`{}`: {words}", shortened(node.source(self.text))), missing: None }
    }
}

fn pair_holds(how: Comparison, left: &Value, right: &Value) -> Result<bool, String> {
    Ok(match how {
        Comparison::Equal => operators::equal(left, right),
        Comparison::NotEqual => !operators::equal(left, right),
        Comparison::Less => operators::order(left, right)?.is_lt(),
        Comparison::LessOrEqual => operators::order(left, right)?.is_le(),
        Comparison::Greater => operators::order(left, right)?.is_gt(),
        Comparison::GreaterOrEqual => operators::order(left, right)?.is_ge(),
        Comparison::In => operators::contains(right, left)?,
        Comparison::NotIn => !operators::contains(right, left)?,
    })
}

/// What is known at a place of a view.
fn seen(view: Rc<View>, root: Text, keys: Vec<Text>) -> Held {
    for (place, value) in &view.places {
        let Some(below) = keys.strip_prefix(place.as_slice()) else { continue };
        let Some(value) = value else { return Held::Missing(missing(&root, place.clone())) };
        return match below.iter().try_fold(value.clone(), |value, key| value.child(key)) {
            Some(value) => Held::Value(value),
            None => Held::Missing(missing(&root, keys)),
        };
    }
    Held::View(view, root, keys)
}

/// A source text for a message: one line, not longer than a message can bear.
fn shortened(source: &str) -> String {
    const LONGEST: usize = 60;
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}
