//! What becomes of a call's result: `result`, `ok-exit`, `fills`, `reads`, `default`.

use toml::de::DeValue;

use super::place::made_at;
use super::raw;
use super::reader::{Known, Node, Reader, listed, no_name};
use super::{DefaultValue, Fill, Format, ResultFormat, Sourced, Variable};
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::expr::{Expression, Part, Reference, Template};
use crate::name::TaskName;

/// `result`: a format, or a table that says where it is read from.
pub fn result<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<ResultFormat> {
    match node.get_ref() {
        DeValue::String(_) => format(reader, node).map(|format| ResultFormat { format, from_file: false }),
        DeValue::Table(_) => {
            let known = Known { table: "`result`", keys: raw::names::<raw::ResultFrom>(), not_yet: &[] };
            let table = reader.known_table(node, &known)?;
            let format = table.get("format").map_or(Some(Format::Text), |node| format(reader, node))?;
            let from = table
                .get("from")
                .map_or(Some("stdout".to_owned()), |node| word(reader, node, raw::names::<raw::Origin>()))?;
            Some(ResultFormat { format, from_file: from == "file" })
        }
        _ => reader.mismatch(
            node,
            "a format",
            "for example `\"json\"`, or `{ format = \"json\", from = \"file\" }`",
        ),
    }
}

fn format<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Format> {
    word(reader, node, raw::names::<raw::Format>()).map(|name| named_format(&name))
}

/// The format of a known name.
fn named_format(name: &str) -> Format {
    match name {
        "json" => Format::Json,
        "lines" => Format::Lines,
        "ndjson" => Format::Ndjson,
        "csv" => Format::Csv,
        "tsv" => Format::Tsv,
        "base64" => Format::Base64,
        "none" => Format::None,
        _ => Format::Text,
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    /// As `result` writes it; `Err` is what is wrong, with the nearest name.
    fn from_str(text: &str) -> Result<Format, String> {
        let known = raw::names::<raw::Format>();
        if known.contains(&text) {
            return Ok(named_format(text));
        }
        let near = nearest(text, known.iter().copied());
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        Err(format!("expected one of {}{hint}", listed(known)))
    }
}

/// One of a few words.
pub fn word<'a>(reader: &Reader<'a>, node: &'a Node<'a>, words: &[&str]) -> Option<String> {
    let text = reader.string(node)?;
    if words.contains(&text.value.as_str()) {
        return Some(text.value);
    }
    let diagnostic = Diagnostic::error(format!("expected one of {}, found `{}`", listed(words), text.value));
    let known = words.iter().copied();
    reader.report(diagnostic.at(node.span(), "").nearest(&text.value, known));
    None
}

/// `ok-exit`: codes from 0 to 255.
pub fn ok_exit<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Vec<i32>> {
    let codes = reader.array(node, "an array of exit codes", "for example `[0, 1]`")?;
    if codes.is_empty() {
        let diagnostic = Diagnostic::error("no exit code would be a success").at(node.span(), "");
        reader.report(diagnostic.help("name at least one code, for example `[0]`"));
    }
    Some(codes.iter().filter_map(|code| exit_code(reader, code)).collect())
}

pub fn exit_code(reader: &Reader<'_>, node: &Node<'_>) -> Option<i32> {
    let DeValue::Integer(code) = node.get_ref() else {
        return reader.mismatch(node, "an exit code", "an exit code is an integer from 0 to 255");
    };
    let parsed = code.to_string().parse::<u8>();
    if parsed.is_err() {
        let diagnostic = Diagnostic::error(format!("`{code}` is no exit code")).at(node.span(), "");
        reader.report(diagnostic.help("an exit code is an integer from 0 to 255"));
    }
    parsed.ok().map(i32::from)
}

/// `fills`: a path, a table of paths and expressions, or false for none.
pub fn fills<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Vec<Fill> {
    match node.get_ref() {
        DeValue::Boolean(false) => Vec::new(),
        DeValue::Boolean(true) => {
            let diagnostic = Diagnostic::error("`fills` is a path or `false`").at(node.span(), "");
            reader.report(diagnostic.help("leave it out to fill the document of the task's name"));
            Vec::new()
        }
        DeValue::String(_) => {
            let text = reader.string(node);
            text.and_then(|text| fill(reader, text, None)).into_iter().collect()
        }
        DeValue::Table(_) => several(reader, node),
        _ => reader
            .mismatch(
                node,
                "a path, a table or `false`",
                "for example `\"results[lat]\"`, or `{ \"mean[lat]\" = \"result.mean\" }`",
            )
            .unwrap_or_default(),
    }
}

fn several<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Vec<Fill> {
    let table = reader.table(node, "a table").unwrap_or_default();
    if table.entries.is_empty() {
        let diagnostic = Diagnostic::error("`fills` fills nothing").at(node.span(), "");
        reader.report(diagnostic.help("write `fills = false` for a task whose result is not kept"));
    }
    let fills = table.entries.iter().filter_map(|entry| {
        if let DeValue::Table(_) = entry.node.get_ref() {
            let diagnostic = Diagnostic::error("a path with dots stands in quotes here");
            reader.suspect(entry.name());
            let help = format!("write `\"{}\" = \"…\"`", dotted(entry.name(), entry.node.get_ref()));
            reader.report(diagnostic.at(entry.key.span(), "").help(help));
            return None;
        }
        let value = reader.expression(entry.node);
        fill(reader, reader.key(*entry), value)
    });
    fills.collect()
}

/// The path that a table of tables was meant to be.
fn dotted(name: &str, value: &DeValue<'_>) -> String {
    let inner = match value {
        DeValue::Table(table) => table.iter().next(),
        _ => None,
    };
    inner.map_or_else(
        || name.to_owned(),
        |(key, value)| format!("{name}.{}", dotted(key.get_ref(), value.get_ref())),
    )
}

/// A place written as a path, and what is filled there if not the result.
pub fn fill(reader: &Reader<'_>, text: Sourced<String>, value: Option<Sourced<Expression>>) -> Option<Fill> {
    let root = text.value.split(['.', '[']).next().unwrap_or_default().trim().to_owned();
    let parsed = no_slot(reader, &text).and_then(|()| reader.reference_of(text));
    let Some((place, append)) = parsed else {
        reader.suspect(&root);
        return None;
    };
    if let Err(message) = place.value.document.clone() {
        let span = place.place.inner(place.value.span.clone());
        reader.report(no_name(message, span, "a document's name stands here"));
        return None;
    }
    Some(Fill { append, place, value })
}

/// Paths hold expressions in their brackets, so `${{ }}` is a mistake there.
fn no_slot(reader: &Reader<'_>, text: &Sourced<String>) -> Option<()> {
    let Some(at) = text.value.find("${{") else { return Some(()) };
    let plain = text.value.replace("${{ ", "").replace("${{", "").replace(" }}", "").replace("}}", "");
    let diagnostic = Diagnostic::error("a path holds expressions in its brackets, without `${{ }}`");
    let diagnostic = diagnostic.at(text.place.inner(at..at + 3), "");
    reader.report(diagnostic.help(format!("write `{plain}`")));
    None
}

/// What a task fills that does not say it: the document of its name, then `[key]` for each part of its key.
pub fn default_fills(
    reader: &Reader<'_>,
    name: &TaskName,
    span: &Span,
    variables: &[Variable],
    key: Option<usize>,
) -> Vec<Fill> {
    let parts = key.unwrap_or_else(|| variables.iter().map(|variable| variable.names.len()).sum());
    let document = match name.default_document() {
        Ok(document) => document,
        Err(message) => {
            let diagnostic = Diagnostic::error(message).at(span.clone(), "the document that this task fills");
            reader.report(diagnostic.help("rename the task, or say what it `fills`"));
            return Vec::new();
        }
    };
    // the key itself, not the variables: its parts are texts even where a variable holds an object
    let parts = (0..parts).map(|part| format!("[key[{part}]]"));
    let text = format!("{document}{}", parts.collect::<String>());
    fill(reader, Sourced { value: text, place: made_at(span.clone()) }, None).into_iter().collect()
}

/// `mutates`: documents or places in them, at least one.
pub fn mutates<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Vec<Sourced<Reference>> {
    if matches!(node.get_ref(), DeValue::Array(items) if items.is_empty()) {
        let diagnostic = Diagnostic::error("`mutates` names no document").at(node.span(), "");
        reader.report(diagnostic.help("name one, or take the key out"));
    }
    let mut places = places(reader, node);
    places.retain(|place| match place.value.document.clone() {
        Ok(_) => true,
        Err(message) => {
            let span = place.place.inner(place.value.span.clone());
            reader.report(no_name(message, span, "a document's name stands here"));
            false
        }
    });
    places
}

/// `reads`: documents or places in them.
pub fn places<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Vec<Sourced<Reference>> {
    let texts = reader.strings(node).unwrap_or_default();
    let reads = texts.into_iter().filter_map(|text| {
        no_slot(reader, &text)?;
        let (place, append) = reader.reference_of(text)?;
        if append {
            let diagnostic =
                Diagnostic::error("`[]` is no place that stands").at(place.place.span.clone(), "");
            reader.report(diagnostic.help("name the array itself"));
        }
        Some(place)
    });
    reads.collect()
}

/// `default`: any value, in which strings may be templates.
pub fn default_value<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<DefaultValue> {
    match node.get_ref() {
        DeValue::String(_) => {
            let template = reader.template(node)?;
            Some(match literal(&template.value) {
                Some(text) => DefaultValue::Constant(text.into()),
                None => DefaultValue::Template(template),
            })
        }
        // what is wrong in one place leaves the rest to be looked at
        DeValue::Array(items) if has_template(node) => {
            Some(DefaultValue::Array(items.iter().filter_map(|item| default_value(reader, item)).collect()))
        }
        DeValue::Table(_) if has_template(node) => {
            let entries = reader.table(node, "a table")?.entries;
            let entries = entries
                .iter()
                .filter_map(|entry| Some((entry.name().to_owned(), default_value(reader, entry.node)?)));
            Some(DefaultValue::Object(entries.collect()))
        }
        _ => Some(DefaultValue::Constant(reader.value(node))),
    }
}

/// The text of a template without slots.
fn literal(template: &Template) -> Option<String> {
    let texts = template.parts.iter().map(|part| match part {
        Part::Literal(text) => Some(text.as_str()),
        Part::Slot(_) => None,
    });
    texts.collect()
}

fn has_template(node: &Node<'_>) -> bool {
    match node.get_ref() {
        DeValue::String(text) => text.contains("${{"),
        DeValue::Array(items) => items.iter().any(has_template),
        DeValue::Table(table) => table.values().any(has_template),
        _ => false,
    }
}
