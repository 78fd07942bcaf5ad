//! Arithmetic and order of numbers: integers of 128 bits and doubles, minijinja's own operators; what fits neither
//! is an error, never rounded in silence. Knows nothing of expressions.

use std::cmp::Ordering;
use std::sync::LazyLock;

use minijinja::{Environment, Value as Jinja};

use super::convert;
use crate::value::{Number, Value};

/// An operator that makes a new value of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Concatenate,
}

impl Operator {
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::FloorDivide => "//",
            Operator::Remainder => "%",
            Operator::Power => "**",
            Operator::Concatenate => "~",
        }
    }
}

/// The number that a text writes as JSON does.
pub fn parse(text: &str) -> Option<Number> {
    match Value::parse(text.as_bytes()) {
        Ok(Value::Number(number)) => Some(number),
        _ => None,
    }
}

/// Whether it is written as an integer, of any size.
pub fn is_integer(number: &Number) -> bool {
    !number.as_str().contains(['.', 'e', 'E'])
}

/// The number with the other sign, its digits kept.
pub fn negated(number: &Number) -> Number {
    let digits = number.as_str();
    let other = digits.strip_prefix('-').map_or_else(|| format!("-{digits}"), str::to_owned);
    parse(&other).unwrap_or_else(|| number.clone())
}

/// Which is greater; integers exactly, whatever their size.
pub fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_i128(), b.as_i128()) {
        return Some(a.cmp(&b));
    }
    if is_integer(a) && is_integer(b) {
        return Some(compare_digits(a.as_str(), b.as_str()));
    }
    a.as_f64().partial_cmp(&b.as_f64())
}

fn compare_digits(a: &str, b: &str) -> Ordering {
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => (a.len(), a).cmp(&(b.len(), b)),
        (Some(a), Some(b)) => (b.len(), b).cmp(&(a.len(), a)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}

/// The value of `a operator b`, both numbers or booleans.
pub fn calculate(operator: Operator, a: &Value, b: &Value) -> Result<Value, String> {
    if let Some(value) = quick(operator, a, b) {
        return Ok(value);
    }
    for operand in [a, b] {
        fits(operand)?;
    }
    let both = [convert::to_minijinja(a), convert::to_minijinja(b)];
    let result = JINJA[operator as usize].eval(Jinja::from_pairs(["a", "b"].into_iter().zip(both)));
    let result = result.map_err(|_| format!("{a} {} {b} cannot be calculated", operator.symbol()))?;
    convert::from_minijinja(&result)
}

/// What indexes are mostly made of, without entering minijinja.
fn quick(operator: Operator, a: &Value, b: &Value) -> Option<Value> {
    let (Value::Number(a), Value::Number(b)) = (a, b) else { return None };
    let (a, b) = (a.as_i128()?, b.as_i128()?);
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        _ => None,
    };
    result.map(Value::from)
}

fn fits(operand: &Value) -> Result<(), String> {
    match operand {
        Value::Number(number) if is_integer(number) && number.as_i128().is_none() => {
            Err(format!("{operand} is too large to calculate with: integers have 128 bits"))
        }
        Value::Number(number) if !number.as_f64().is_finite() => {
            Err(format!("{operand} is too large to calculate with: it fits no double"))
        }
        _ => Ok(()),
    }
}

/// The value of `-a`; a number that is no integer keeps its digits.
pub fn negate(a: &Value) -> Result<Value, String> {
    match a {
        Value::Number(number) if number.as_i128().is_none() => Ok(Value::Number(negated(number))),
        _ => calculate(Operator::Subtract, &Value::from(0), a),
    }
}

type Compiled = minijinja::Expression<'static, 'static>;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(Environment::empty);

/// minijinja's operators, in the order of [`Operator`].
static JINJA: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let sources = ["a + b", "a - b", "a * b", "a / b", "a // b", "a % b", "a ** b", "a ~ b"];
    sources.into_iter().filter_map(|source| ENVIRONMENT.compile_expression(source).ok()).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::parse(json.as_bytes()).unwrap()
    }

    #[track_caller]
    fn check(operator: Operator, a: &str, b: &str, expected: Result<&str, &str>) {
        let result = calculate(operator, &value(a), &value(b)).map(|value| value.to_json());
        match (result, expected) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (result, expected) => assert_eq!(result.as_deref().map_err(String::as_str), expected),
        }
    }

    #[test]
    fn integers_have_128_bits() {
        use Operator::*;
        let max = i128::MAX.to_string();
        check(Add, "9223372036854775807", "1", Ok("9223372036854775808"));
        check(Subtract, "0", &max, Ok(&format!("-{max}")));
        check(Multiply, &max, "2", Err("128 bits"));
        check(Add, &"9".repeat(40), "1", Err("too large"));
        check(Power, "2", "100", Ok("1267650600228229401496703205376"));
        check(Power, "10", "1000", Err("cannot be calculated"));
        check(FloorDivide, "-7", "2", Ok("-4"));
        check(Remainder, "-7", "2", Ok("1"));
        check(Add, "true", "1", Ok("2"));
    }

    #[test]
    fn doubles_are_shortest_and_finite() {
        use Operator::*;
        check(Divide, "4", "2", Ok("2.0"));
        check(Divide, "1", "3", Ok("0.3333333333333333"));
        check(Add, "0.1", "0.2", Ok("0.30000000000000004"));
        check(Divide, "1", "0", Err("cannot be calculated"));
        check(Multiply, "1e308", "10", Err("finite"));
        check(Add, "1e999", "1", Err("too large"));
    }

    #[test]
    fn order_is_by_value_not_by_digits() {
        let compare = |a: &str, b: &str| compare(&parse(a).unwrap(), &parse(b).unwrap());
        let big = "9".repeat(40);
        assert_eq!(compare("1.10", "1.1"), Some(Ordering::Equal));
        assert_eq!(compare("1e2", "100"), Some(Ordering::Equal));
        assert_eq!(compare(&big, &format!("{}8", "9".repeat(39))), Some(Ordering::Greater));
        assert_eq!(compare(&format!("-{big}"), "1"), Some(Ordering::Less));
        assert_eq!(compare(&format!("-{big}"), &format!("-1{big}")), Some(Ordering::Greater));
    }

    #[test]
    fn a_sign_changes_no_digit() {
        let negated = |text: &str| negated(&parse(text).unwrap()).as_str().to_owned();
        assert_eq!(negated("1.10"), "-1.10");
        assert_eq!(negated("-1e+05"), "1e+05");
    }
}
