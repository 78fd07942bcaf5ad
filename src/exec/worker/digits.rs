//! Whether Python's numbers keep the digits of JSON's: it writes 1.10 as 1.1, and 1E5 as 100000.0.
//! Where it does, which is nearly always, a worker can use the fast way to read numbers.

use crate::value::Value;

/// Whether every number of a value would be written by Python as it stands here.
pub(super) fn are_plain(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_plain(number.as_str()),
        Value::Array(items) => items.iter().all(are_plain),
        Value::Object(members) => members.values().all(are_plain),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn is_plain(digits: &str) -> bool {
    if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return digits != "-0";
    }
    is_short_decimal(digits) || digits.parse().is_ok_and(|number| python_repr(number) == digits)
}

/// What needs no second look: at most 15 digits, which every double keeps, in a plain decimal of medium size.
fn is_short_decimal(digits: &str) -> bool {
    let Some((whole, part)) = digits.trim_start_matches('-').split_once('.') else { return false };
    let plain = part.bytes().all(|byte| byte.is_ascii_digit());
    let ends = part == "0" || !part.ends_with('0');
    let medium = whole != "0" || part == "0" || part.bytes().take(4).any(|byte| byte != b'0');
    plain && ends && medium && whole.len() + part.len() <= 15
}

/// The shortest digits that give the number back, in Python's form.
fn python_repr(number: f64) -> String {
    let shortest = format!("{number:e}");
    let Some((mantissa, exponent)) = shortest.split_once('e') else { return shortest };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{number:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_python_would_write_are_told() {
        for digits in
            ["0", "-1", "12345678901234567890123", "1.5", "0.0", "-0.0", "100000.0", "0.0001", "1e-05"]
        {
            assert!(is_plain(digits), "{digits}");
        }
        for digits in
            ["0.1234567890123456", "1e+16", "1.5e+300", "1234567890.123", "9007199254740993.0", "1e+22"]
        {
            assert_eq!(is_plain(digits), digits != "9007199254740993.0", "{digits}");
        }
        for digits in [
            "-0",
            "1.10",
            "1E5",
            "1e5",
            "1.0e5",
            "0.00001",
            "1e16",
            "1e999",
            "0.12345678901234567890",
            "1.00",
        ] {
            assert!(!is_plain(digits), "{digits}");
        }
    }
}
