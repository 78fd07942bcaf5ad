//! TOML values as JSON values: digits and key order stay, dates become texts, what JSON cannot hold is reported.

use toml::de::{DeFloat, DeInteger, DeValue};

use super::reader::{Node, Reader};
use crate::diagnostic::Diagnostic;
use crate::value::Value;

impl<'a> Reader<'a> {
    /// The value of a node; numbers that JSON cannot hold are reported and stand as null.
    pub fn value(&self, node: &'a Node<'a>) -> Value {
        match node.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Integer(integer) => self.number(node, integer_digits(integer)),
            DeValue::Float(float) => self.number(node, float_digits(float)),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(date) => Value::from(date.to_string()),
            DeValue::Array(items) => Value::array(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(_) => {
                let section = self.table(node, "a table").unwrap_or_default();
                Value::object(section.entries.iter().map(|entry| (entry.name(), self.value(entry.node))))
            }
        }
    }

    fn number(&self, node: &Node<'_>, digits: Option<String>) -> Value {
        let number = digits.and_then(|digits| Value::parse(digits.as_bytes()).ok());
        number.unwrap_or_else(|| {
            let written = self.text.get(node.span()).unwrap_or_default();
            let message = format!("`{written}` is no number that JSON can hold");
            let help = "write it as a string, or leave it out";
            self.report(Diagnostic::error(message).at(node.span(), "").help(help));
            Value::Null
        })
    }
}

/// Decimal digits as JSON writes them; `None` past 128 bits where the number is not decimal.
fn integer_digits(integer: &DeInteger<'_>) -> Option<String> {
    let digits = integer.as_str();
    match integer.radix() {
        10 => Some(digits.trim_start_matches('+').to_owned()),
        radix => i128::from_str_radix(digits, radix).ok().map(|value| value.to_string()),
    }
}

fn float_digits(float: &DeFloat<'_>) -> Option<String> {
    let digits = float.as_str().trim_start_matches('+');
    (!digits.contains("inf") && !digits.contains("nan")).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    #[track_caller]
    fn check(toml: &str, expected: Result<&str, &str>) {
        let source = format!("x = {toml}\n");
        let table = DeTable::parse(&source).unwrap();
        let reader = Reader::new(&source);
        let value = reader.value(table.get_ref().get("x").unwrap());
        let found = reader.take();
        match expected {
            Ok(json) => assert_eq!((value.to_json().as_str(), found.len()), (json, 0), "{found:?}"),
            Err(part) => assert!(found[0].message.contains(part), "{found:?}"),
        }
    }

    #[test]
    fn values_keep_digits_and_order() {
        check("{ z = 1.10, a = [1, \"x\", true] }", Ok(r#"{"z":1.10,"a":[1,"x",true]}"#));
        check("+1_000", Ok("1000"));
        check("-0", Ok("-0"));
        check("0xFF", Ok("255"));
        check("0o17", Ok("15"));
        check("6.02e+23", Ok("6.02e+23"));
        check("+1_0.5", Ok("10.5"));
        check("123456789012345678901234567890", Ok("123456789012345678901234567890"));
        check("{ a.b = 1, a.c = {} }", Ok(r#"{"a":{"b":1,"c":{}}}"#));
    }

    #[test]
    fn dates_are_texts() {
        check("1979-05-27T07:32:00Z", Ok(r#""1979-05-27T07:32:00Z""#));
        check("1979-05-27", Ok(r#""1979-05-27""#));
        check("07:32:00.5", Ok(r#""07:32:00.5""#));
    }

    #[test]
    fn what_json_cannot_hold_is_reported() {
        check("inf", Err("`inf` is no number that JSON can hold"));
        check("[1, -nan]", Err("`-nan` is no number"));
    }
}
