//! Which places an expression asks, from its tree; and a place written as an expression (`results[lat].mean`,
//! `log[]`), as `fills` and `reads` have it. Knows nothing of what stands there.

use std::sync::Arc;

use super::node::{Kind, Node};
use super::number::Operator;
use super::{EvalError, Expression, ParseError, Reference, Scope, Step, lower};
use crate::name::Name;
use crate::value::{Text, Value};

/// The text that a value is as a key: a text itself, a number by its digits, a boolean by its word.
pub fn key_text(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_str().into()),
        Value::Bool(true) => Some("true".into()),
        Value::Bool(false) => Some("false".into()),
        _ => None,
    }
}

/// Every place that the tree asks, in the order of the text.
pub(super) fn references(node: &Node) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(node, false, &mut found);
    found
}

/// `guarded`: whether a missing value of this node is taken by a `default` or `is defined` above it.
fn collect(node: &Node, guarded: bool, found: &mut Vec<Reference>) {
    match &node.kind {
        Kind::Constant(_) => {}
        Kind::Name(_) | Kind::Member(..) | Kind::Index(..) => collect_place(node, guarded, found),
        Kind::Default(default) => {
            collect(&default.input, true, found);
            default.fallback.iter().for_each(|node| collect(node, guarded, found));
            default.falsy.iter().for_each(|node| collect(node, false, found));
        }
        Kind::Defined(input) => collect(input, true, found),
        Kind::If(choice) => {
            collect(&choice.then, guarded, found);
            collect(&choice.test, false, found);
            choice.otherwise.iter().for_each(|node| collect(node, guarded, found));
        }
        Kind::And(left, right) | Kind::Or(left, right) => {
            collect(left, false, found);
            collect(right, guarded, found);
        }
        _ => node.parts().into_iter().for_each(|part| collect(part, false, found)),
    }
}

fn collect_place(node: &Node, guarded: bool, found: &mut Vec<Reference>) {
    let mut steps = Vec::new();
    let base = base(node, &mut steps);
    let Kind::Name(root) = &base.kind else {
        collect(base, guarded, found);
        return indexes(&steps, found);
    };
    let exact = steps.iter().position(|(step, _)| counts_from_end(step)).unwrap_or(steps.len());
    let end = exact.checked_sub(1).and_then(|last| steps.get(last)).map_or(base.span.end, |(_, end)| *end);
    found.push(Reference {
        document: Name::new(root),
        root: root.clone(),
        steps: steps[..exact].iter().map(|(step, _)| step.clone()).collect(),
        guarded,
        span: base.span.start..end,
    });
    indexes(&steps, found);
}

/// What the chain of members and indexes starts from; the steps come with their ends in the text.
fn base<'a>(node: &'a Node, steps: &mut Vec<(Step, usize)>) -> &'a Node {
    let (inner, step) = match &node.kind {
        Kind::Member(inner, key) => (inner, Step::Key(key.clone())),
        Kind::Index(inner, index) => (inner, Step::Computed(index.clone())),
        _ => return node,
    };
    let base = base(inner, steps);
    steps.push((step, node.span.end));
    base
}

fn indexes(steps: &[(Step, usize)], found: &mut Vec<Reference>) {
    for (step, _) in steps {
        if let Step::Computed(index) = step {
            found.extend(index.references().iter().cloned());
        }
    }
}

/// A negative position means another key in every array.
fn counts_from_end(step: &Step) -> bool {
    matches!(step, Step::Key(key) if key.strip_prefix('-').is_some_and(|digits| digits.parse::<u128>().is_ok()))
}

impl Step {
    /// The step's key over this scope.
    pub fn key(&self, scope: &dyn Scope) -> Result<Text, EvalError> {
        match self {
            Step::Key(key) => Ok(key.clone()),
            Step::Computed(index) => index.key(scope),
        }
    }
}

impl Expression {
    /// The value as a key: an index's.
    pub fn key(&self, scope: &dyn Scope) -> Result<Text, EvalError> {
        let value = self.eval(scope)?;
        key_text(&value).ok_or_else(|| no_key(self, &value))
    }
}

impl Expression {
    /// The place, where the expression is one and nothing else, with steps that count from the end.
    pub fn sole_place(&self) -> Option<Reference> {
        let mut steps = Vec::new();
        let base = base(&self.node, &mut steps);
        let Kind::Name(root) = &base.kind else { return None };
        Some(Reference {
            document: Name::new(root),
            root: root.clone(),
            steps: steps.into_iter().map(|(step, _)| step).collect(),
            guarded: false,
            span: self.node.span.clone(),
        })
    }
}

fn no_key(index: &Expression, value: &Value) -> EvalError {
    let message =
        format!("`{}` is {}: an index is a text, a number or a boolean", index.source(), value.kind());
    EvalError { message, missing: None }
}

impl Reference {
    /// Parses a place: a name, then `.member` and `[index]`; `true` where it ends with `[]`.
    pub fn parse(text: &str) -> Result<(Reference, bool), ParseError> {
        let trimmed = text.trim_end();
        let (place, append) = match trimmed.strip_suffix("[]") {
            Some(place) => (place, true),
            None => (trimmed, false),
        };
        let node = lower::expression(&Text::from(place)).map_err(|error| explain(error, place))?;
        Ok((place_of(&node, place)?, append))
    }

    /// The indexes that are expressions, in order.
    pub fn computed(&self) -> impl Iterator<Item = &Arc<Expression>> {
        self.steps.iter().filter_map(|step| match step {
            Step::Computed(index) => Some(index),
            Step::Key(_) => None,
        })
    }

    /// The keys of all steps over this scope.
    pub fn keys(&self, scope: &dyn Scope) -> Result<Vec<Text>, EvalError> {
        self.steps.iter().map(|step| step.key(scope)).collect()
    }
}

/// An empty index in the middle deserves its own words.
fn explain(error: ParseError, place: &str) -> ParseError {
    match place.get(..error.span.end) {
        Some(before) if before.ends_with("[]") => {
            let span = error.span.end - 2..error.span.end;
            ParseError::new("`[]` can only stand at the end of a path", span)
        }
        _ => error,
    }
}

fn place_of(node: &Node, text: &str) -> Result<Reference, ParseError> {
    let mut steps = Vec::new();
    let base = base(node, &mut steps);
    let Kind::Name(root) = &base.kind else {
        return Err(no_place(base, text));
    };
    if let Some((_, end)) = steps.iter().find(|(step, _)| counts_from_end(step)) {
        let message = "a position in a path counts from 0";
        return Err(ParseError::new(message, base.span.start..*end));
    }
    let steps = steps.into_iter().map(|(step, _)| step).collect();
    let (root, document) = (root.clone(), Name::new(root));
    Ok(Reference { root, document, steps, guarded: false, span: node.span.clone() })
}

fn no_place(node: &Node, text: &str) -> ParseError {
    let message = format!("`{}` is no place in a document", node.source(text));
    let help = match &node.kind {
        Kind::Arithmetic(Operator::Subtract, ..) => "a task's document has `_` where its name has `-`",
        _ => "a path is a name, then `.member` or `[index]`",
    };
    ParseError::new(message, node.span.clone()).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, reference: &Reference) -> String {
        let steps = reference.steps.iter().map(|step| match step {
            Step::Key(key) => format!("/{key}"),
            Step::Computed(index) => format!("/<{}>", index.source()),
        });
        let guarded = if reference.guarded { "?" } else { "" };
        let place = format!("{}{}{guarded}", reference.root, steps.collect::<String>());
        assert!(text[reference.span.clone()].starts_with(&*reference.root), "{text}");
        place
    }

    #[track_caller]
    fn reads(text: &str, expected: &[&str]) {
        let expression = Expression::parse(text).unwrap();
        let shown: Vec<_> = expression.references().iter().map(|one| show(text, one)).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn a_place_is_as_exact_as_the_text() {
        reads("results", &["results"]);
        reads("results.north['a b'][2][true]", &["results/north/a b/2/true"]);
        reads("results[lat].mean", &["results/<lat>/mean", "lat"]);
        reads("state[step - 1][i]", &["state/<step - 1>/<i>", "step", "i"]);
        reads("a[b[c]]", &["a/<b[c]>", "b/<c>", "c"]);
        reads("(a.b).c", &["a/b/c"]);
        reads("-a.b", &["a/b"]);
        reads("1 + 2", &[]);
    }

    #[test]
    fn what_is_not_exact_ends_a_place() {
        reads("a.b[1:n].c", &["a/b", "n"]);
        reads("(a.b | first).c", &["a/b"]);
        reads("a[-1].b", &["a"]);
        reads("a[-1][k]", &["a", "k"]);
        reads("(a if c else b).x", &["a", "c", "b"]);
        reads("zip(a.x, b)[i]", &["a/x", "b", "i"]);
        reads("[a, {'k': b.c, d: 1}]", &["a", "b/c", "d"]);
        reads("x | round(n.digits, method=m)", &["x", "n/digits", "m"]);
        reads("a < b.c <= d", &["a", "b/c", "d"]);
        reads("range(*bounds)", &["bounds"]);
    }

    #[test]
    fn default_and_defined_guard_the_place_they_stand_at() {
        reads("a.b | default(c)", &["a/b?", "c"]);
        reads("a.b | d", &["a/b?"]);
        reads("a[k].b is defined", &["a/<k>/b?", "k"]);
        reads("a is not defined and b is undefined", &["a?", "b?"]);
        reads("a.x | default(b.x) | default(1)", &["a/x?", "b/x?"]);
        reads("(a if c else b) | default(1)", &["a?", "c", "b?"]);
        reads("(a.x + 1) | default(1)", &["a/x"]);
        reads("a | first | default(1)", &["a"]);
        reads("(a or b) | default(1)", &["a", "b?"]);
    }

    #[track_caller]
    fn place(text: &str, expected: &str, append: bool) {
        let (reference, appends) = Reference::parse(text).unwrap();
        assert_eq!((show(text, &reference).as_str(), appends), (expected, append));
    }

    #[test]
    fn a_path_is_a_place_with_an_append_at_its_end() {
        place("results[lat][lon]", "results/<lat>/<lon>", false);
        place(r#"results.north["a b"]"#, "results/north/a b", false);
        place("log[]", "log", true);
        place("log.x[k][] ", "log/x/<k>", true);
        place("a[s.id ~ '[]']", "a/<s.id ~ '[]'>", false);
        place("a['[]']", "a/[]", false);
    }

    #[test]
    fn what_is_no_place_is_said_in_words() {
        let error = |text: &str| Reference::parse(text).unwrap_err();
        assert_eq!(error("a-b[c]").help.unwrap(), "a task's document has `_` where its name has `-`");
        assert_eq!(error("a[]b").span, 1..3);
        assert!(error("a[][]").message.contains("only stand at the end"));
        assert!(error("a[].b").message.contains("only stand at the end"));
        for bad in
            ["", "[]", "a[-1]", "a[1:2]", "a | first", "none", "1", "range(3)", "a +", "(a, b)", "a[none]"]
        {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }
}
