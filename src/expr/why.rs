//! Why a condition does not hold: what it compares, with its values. Does not know whose condition it is.

use super::evaluate::Evaluator;
use super::node::{Kind, Node};
use super::operators::truth;
use super::{Expression, Scope, asks_files, reads};
use crate::value::excerpt;

/// Characters of a value that are shown at most.
const LONGEST: usize = 60;

impl Expression {
    /// What stands in an expression that is false, such as "`size | length` is 1"; nothing where its own text says all.
    pub fn why_false(&self, scope: &dyn Scope) -> Option<String> {
        let evaluator = Evaluator { scope, text: &self.text };
        let mut compared = Vec::new();
        gather(&evaluator, &self.node, false, &mut compared);
        let mut said: Vec<String> = Vec::new();
        for node in compared {
            let value = evaluator.value(node).ok()?;
            let one = format!("`{}` is {}", node.source(&self.text), excerpt(&value.to_json(), LONGEST));
            if !said.contains(&one) {
                said.push(one);
            }
        }
        (!said.is_empty()).then(|| said.join(", "))
    }
}

/// The operands of those comparisons that decide; `holds`: whether the node does.
fn gather<'a>(evaluator: &Evaluator<'_>, node: &'a Node, holds: bool, compared: &mut Vec<&'a Node>) {
    match &node.kind {
        // one side decides that `and` does not hold, or that `or` does
        Kind::And(left, right) | Kind::Or(left, right) if matches!(node.kind, Kind::Or(..)) == holds => {
            let is_left = evaluator.value(left).as_ref().is_ok_and(truth) == holds;
            gather(evaluator, if is_left { left } else { right }, holds, compared);
        }
        Kind::And(left, right) | Kind::Or(left, right) => {
            [left, right].into_iter().for_each(|side| gather(evaluator, side, holds, compared));
        }
        Kind::Not(operand) => {
            let known = compared.len();
            gather(evaluator, operand, !holds, compared);
            if compared.len() == known && !is_written_out(operand) {
                compared.push(operand);
            }
        }
        Kind::Compare(first, rest) => {
            let operands = [&**first].into_iter().chain(rest.iter().map(|(_, operand)| operand));
            compared.extend(operands.filter(|operand| !is_written_out(operand)));
        }
        Kind::Test(_, input, _) => compared.push(input),
        _ => {}
    }
}

/// Whether the text says what the value is.
fn is_written_out(node: &Node) -> bool {
    reads::references(node).is_empty() && !asks_files(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Binding, Files};
    use crate::value::Value;

    struct Values(Value);

    impl Scope for Values {
        fn lookup(&self, name: &str) -> Option<Binding> {
            self.0.get(name).cloned().map(Binding::Value)
        }

        fn files(&self) -> &Files {
            static FILES: std::sync::OnceLock<Files> = std::sync::OnceLock::new();
            FILES.get_or_init(|| Files::new("."))
        }
    }

    #[test]
    fn what_decides_is_told_with_its_values() {
        let values = Value::parse(br#"{"n": 3, "list": [1, 2], "text": "a", "off": false}"#).unwrap();
        for (condition, why) in [
            ("list | length == 3", Some("`list | length` is 2")),
            ("n == list[0] + 1", Some("`n` is 3, `list[0] + 1` is 2")),
            ("n > 1 and text == 'b'", Some("`text` is \"a\"")),
            ("n > 5 and text == 'b'", Some("`n` is 3")),
            ("n > 5 or n < 2", Some("`n` is 3")),
            ("0 < n < 2", Some("`n` is 3")),
            ("n is odd and n in list", Some("`n` is 3, `list` is [1,2]")),
            ("n is even", Some("`n` is 3")),
            ("not n", Some("`n` is 3")),
            ("not (n == 3)", Some("`n` is 3")),
            ("not (n == 3 and text == 'a')", Some("`n` is 3, `text` is \"a\"")),
            ("not (n == 4 or text == 'a')", Some("`text` is \"a\"")),
            ("glob('no/such/*') != []", Some("`glob('no/such/*')` is []")),
            ("off", None),
            ("1 == 2", None),
        ] {
            let expression = Expression::parse(condition).unwrap();
            let values = Values(values.clone());
            assert_eq!(expression.eval(&values), Ok(Value::Bool(false)), "{condition}");
            assert_eq!(expression.why_false(&values).as_deref(), why, "{condition}");
        }
        let long = Value::object([("x", "é".repeat(99).into())]);
        let why = Expression::parse("x == ''").unwrap().why_false(&Values(long)).unwrap();
        assert!(why.ends_with('…') && why.chars().count() < 90, "{why}");
    }
}
