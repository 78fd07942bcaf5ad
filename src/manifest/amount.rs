//! Amounts of slots and pools: `4`, `"2GiB"`, or an expression that gives one of these for each attempt.
//! Whole numbers throughout; sizes are bytes. Knows no pool.

use toml::de::DeValue;

use super::Amount;
use super::reader::{Node, Reader};
use crate::diagnostic::{Diagnostic, nearest};
use crate::value::Value;

/// The units of sizes, in bytes: by thousands, and by 1024.
const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];

const FORMS: &str = "an amount is a whole number, or a size such as \"512MiB\" or \"2GB\"";

/// Reads an amount of `[pools]`, which is no expression.
pub fn constant<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<u64> {
    match node.get_ref() {
        DeValue::String(_) => {
            let text = reader.string(node)?;
            of_text(&text.value).map_err(|wrong| reader.report(wrong.at(node.span(), ""))).ok()
        }
        _ => number(reader, node),
    }
}

/// Reads an amount of `cpus` or `uses`: what begins like a size is one, any other text is an expression.
pub fn amount<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Amount> {
    match node.get_ref() {
        DeValue::String(text) if is_size(text) => constant(reader, node).map(Amount::Constant),
        DeValue::String(_) => reader.expression(node).map(Amount::Expression),
        _ => number(reader, node).map(Amount::Constant),
    }
}

fn number(reader: &Reader<'_>, node: &Node<'_>) -> Option<u64> {
    let DeValue::Integer(number) = node.get_ref() else {
        return reader.mismatch(node, "an amount", FORMS);
    };
    let amount = number.to_string().parse().ok();
    if amount.is_none() {
        let written = reader.text.get(node.span()).unwrap_or_default();
        let diagnostic = Diagnostic::error(format!("`{written}` is no amount")).at(node.span(), "");
        reader.report(diagnostic.help(FORMS));
    }
    amount
}

/// Whether a text is digits and at most one word: a size, right or wrong, and no expression.
fn is_size(text: &str) -> bool {
    let (digits, unit) = split(text.trim());
    !digits.is_empty() && unit.chars().all(char::is_alphabetic)
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (digits, unit.trim_start())
}

/// The bytes (or pieces) of `2GiB`, `1.5 MB`, `7`. A part of a byte counts as a whole one.
fn of_text(text: &str) -> Result<u64, Diagnostic> {
    let wrong = || Diagnostic::error(format!("`{text}` is no amount")).help(FORMS);
    let (digits, unit) = split(text.trim());
    let factor = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None if digits.is_empty() => return Err(wrong()),
        None => return Err(unknown_unit(text, digits, unit)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = u32::try_from(part.len()).ok().and_then(|places| 10_u128.checked_pow(places));
    let units = format!("{whole}{part}").parse::<u128>().ok().filter(|_| !whole.is_empty());
    let bytes = units.and_then(|units| Some(units.checked_mul(u128::from(factor))?.div_ceil(scale?)));
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).ok_or_else(wrong)
}

fn unknown_unit(text: &str, digits: &str, unit: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("`{unit}` in `{text}` is no unit"));
    let letter = unit.trim_end_matches('i').to_uppercase();
    let meant =
        UNITS.iter().filter(|(name, _)| letter.len() == 1 && name.to_uppercase() == format!("{letter}IB"));
    match meant.map(|(name, _)| *name).next().or_else(|| nearest(unit, UNITS.iter().map(|(name, _)| *name))) {
        // `G` alone is 1000³ to some tools and 1024³ to others
        Some(near) if letter.len() == 1 && !unit.ends_with('i') => {
            diagnostic.help(format!("write `{digits}{near}` (by 1024) or `{digits}{letter}B` (by 1000)"))
        }
        Some(near) => diagnostic.help(format!("did you mean `{digits}{near}`?")),
        None => diagnostic.help("the units are B, kB, MB, GB, TB, PB, and KiB, MiB, GiB, TiB, PiB"),
    }
}

impl Amount {
    /// The amount that an expression's value means; a part of a piece counts as a whole one. The error says what the
    /// value is instead.
    pub fn of_value(value: &Value) -> Result<u64, String> {
        let wrong =
            || format!("expected an amount, a whole number or a size such as \"2GiB\", found `{value}`");
        match value {
            Value::String(text) => of_text(text).map_err(|_| wrong()),
            Value::Number(number) => of_number(number.as_str()).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

/// Doubles are exact up to 2⁵³, far beyond what a pool holds.
fn of_number(digits: &str) -> Option<u64> {
    digits.parse().ok().or_else(|| {
        let number = digits.parse::<f64>().ok()?;
        (0.0..=9_007_199_254_740_992.0).contains(&number).then_some(number.ceil() as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_by_thousands_and_by_1024() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(of_text(text).ok(), expected, "{text}");
        check("7", Some(7));
        check("0", Some(0));
        check("7B", Some(7));
        check("2GiB", Some(2 << 30));
        check("2 GB", Some(2_000_000_000));
        check(" 1.5KiB ", Some(1536));
        check("0.1kB", Some(100));
        check("0.0001KB", Some(1));
        check("16PiB", Some(16 << 50));
        for wrong in
            ["", "GiB", "-1", "1e3", "2G", "2gib", "1.2.3", ".5GiB", "20000PiB", "9999999999999999999999"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn what_looks_like_a_size_is_no_expression() {
        let check = |text: &str, expected: bool| assert_eq!(is_size(text), expected, "{text}");
        check("2GiB", true);
        check("2 Gigs", true);
        check("4", true);
        check("2 * attempt", false);
        check("attempt * 2 ~ 'GiB'", false);
        check("n", false);
        check("", false);
    }

    #[test]
    fn units_that_mean_two_things_are_asked_about() {
        let help = |text: &str| of_text(text).unwrap_err().help.unwrap_or_default();
        assert_eq!(help("2G"), "write `2GiB` (by 1024) or `2GB` (by 1000)");
        assert_eq!(help("2Gi"), "did you mean `2GiB`?");
        assert_eq!(help("2gib"), "did you mean `2GiB`?");
        assert!(help("2 apples").starts_with("the units are"));
    }

    #[test]
    fn values_of_expressions_are_amounts() {
        let check = |json: &str, expected: Option<u64>| {
            let value = Value::parse(json.as_bytes()).unwrap();
            assert_eq!(Amount::of_value(&value).ok(), expected, "{json}");
        };
        check("3", Some(3));
        check("2.1", Some(3));
        check("1e3", Some(1000));
        check("18446744073709551615", Some(u64::MAX));
        check("\"2GiB\"", Some(2 << 30));
        for wrong in ["-1", "-0.5", "1e300", "18446744073709551616", "true", "null", "\"many\"", "[1]"] {
            check(wrong, None);
        }
    }
}
