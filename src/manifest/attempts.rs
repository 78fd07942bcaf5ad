//! When a task's calls run, how often they are tried, and what each attempt takes: `when`, `retry-on`, `cpus`, `uses`.

use toml::de::DeValue;

use super::fills::{exit_code, word};
use super::reader::{Node, Reader, no_name};
use super::{Amount, RetryOn, Use, When, amount, raw};
use crate::diagnostic::Diagnostic;
use crate::name::Name;

/// `when`.
pub fn when<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<When> {
    Some(match word(reader, node, raw::names::<raw::When>())?.as_str() {
        "failure" => When::Failure,
        "always" => When::Always,
        _ => When::Success,
    })
}

/// `retries`: a count from 0.
pub fn retries(reader: &Reader<'_>, node: &Node<'_>) -> Option<u32> {
    let help = "write how many attempts follow a failed one, for example `3`";
    let DeValue::Integer(count) = node.get_ref() else {
        return reader.mismatch(node, "a count", help);
    };
    let parsed = count.to_string().parse().ok();
    if parsed.is_none() {
        let diagnostic = Diagnostic::error(format!("`{count}` is no count of retries")).at(node.span(), "");
        reader.report(diagnostic.help(help));
    }
    parsed
}

/// `retry-on`: exit codes and `"timeout"`.
pub fn retry_on<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<RetryOn> {
    let help = "for example `[75, \"timeout\"]`";
    let reasons = reader.array(node, "an array of exit codes and `\"timeout\"`", help)?;
    if reasons.is_empty() {
        let diagnostic = Diagnostic::error("no failure would be worth a retry").at(node.span(), "");
        reader.report(diagnostic.help("name at least one, or write `retries = 0`"));
    }
    let (mut codes, mut timeout) = (Vec::new(), false);
    for reason in reasons.iter() {
        match reason.get_ref() {
            DeValue::String(text) if text == "timeout" => timeout = true,
            DeValue::String(text) => {
                let diagnostic = Diagnostic::error(format!("`{text}` is no reason for a retry"));
                reader.report(
                    diagnostic.at(reason.span(), "").help("write exit codes as numbers, or \"timeout\""),
                );
            }
            _ => codes.extend(exit_code(reader, reason)),
        }
    }
    Some(RetryOn::These { codes, timeout })
}

/// `cpus`: a count from 1, or an expression.
pub fn cpus<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Amount> {
    let amount = match node.get_ref() {
        DeValue::Integer(_) => amount::amount(reader, node)?,
        DeValue::String(_) => reader.expression(node).map(Amount::Expression)?,
        _ => {
            return reader.mismatch(
                node,
                "a count of slots",
                "for example `2`, or an expression such as \"n * 2\"",
            );
        }
    };
    if let Amount::Constant(0) = amount {
        let diagnostic = Diagnostic::error("a call takes at least one slot").at(node.span(), "");
        reader.report(diagnostic.help("leave `cpus` out for one"));
    }
    Some(amount)
}

/// `uses`: a table of pools and amounts. Which pools there are is looked up later.
pub fn uses<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Vec<Use>> {
    let DeValue::Table(_) = node.get_ref() else {
        return reader.mismatch(
            node,
            "a table of pools and amounts",
            "for example `{ db = 1, mem = \"2GiB\" }`",
        );
    };
    let table = reader.table(node, "a table")?;
    let uses = table.entries.iter().filter_map(|entry| {
        let amount = amount::amount(reader, entry.node);
        let pool = Name::new(entry.name());
        let wrong = |message| reader.report(no_name(message, entry.key.span(), "a pool's name stands here"));
        let pool = pool.map_err(wrong).ok()?;
        Some(Use { pool, amount: amount?, span: entry.span() })
    });
    Some(uses.collect())
}
