//! What makes a task's calls: `for`, `include`, `exclude`, `key`. Expressions stay expressions here; only what is
//! written out in the manifest is looked at.

use indexmap::IndexMap;
use toml::de::DeValue;

use super::reader::{Entry, Node, Reader, Section, listed, no_name};
use super::{Items, Sourced, Variable};
use crate::diagnostic::{Diagnostic, Span};
use crate::expr::Expression;
use crate::name::Name;
use crate::value::Value;

/// `for`, outermost variable first.
pub fn variables<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Vec<Variable> {
    let help = "name the variable: `for = { item = […] }`, and mention it as `${{ item }}`";
    let table = reader.table_or(node, "a table of variables", help).unwrap_or_default();
    let mut taken: IndexMap<Name, Span> = IndexMap::new();
    let variables = table.entries.iter().map(|entry| {
        let names = names(reader, *entry, &mut taken);
        // the names are bound whatever is wrong with the items
        let items = items(reader, *entry, names.len()).unwrap_or(Items::Given(Vec::new()));
        Variable { names, items, span: entry.span() }
    });
    variables.collect()
}

/// The names that one entry binds: `lat`, or several with commas.
fn names<'a>(reader: &Reader<'a>, entry: Entry<'a>, taken: &mut IndexMap<Name, Span>) -> Vec<Name> {
    let key = reader.key(entry);
    let mut names = Vec::new();
    let mut start = 0;
    for part in key.value.split(',') {
        let lead = part.len() - part.trim_start().len();
        let span = key.place.inner(start + lead..start + lead + part.trim().len());
        start += part.len() + 1;
        match Name::new(part.trim()) {
            Ok(name) => {
                if let Some(first) = taken.insert(name.clone(), span.clone()) {
                    let diagnostic = Diagnostic::error(format!("variable `{name}` is bound twice"));
                    reader.report(diagnostic.at(span, "the second time").at(first, "the first time"));
                }
                names.push(name);
            }
            Err(message) => {
                reader.suspect(part.trim());
                reader.report(no_name(message, span, "a variable's name stands here"));
            }
        }
    }
    names
}

fn items<'a>(reader: &Reader<'a>, entry: Entry<'a>, names: usize) -> Option<Items> {
    match entry.node.get_ref() {
        DeValue::Array(items) => {
            let given = items.iter().map(|item| {
                check_linked(reader, item, names);
                (reader.value(item), item.span())
            });
            Some(Items::Given(given.collect()))
        }
        DeValue::String(text) => {
            let Some((what, instead)) = as_in_a_shell(text) else {
                return reader.expression(entry.node).map(Items::Expression);
            };
            let diagnostic = Diagnostic::error(format!("an expression stands here, no {what}"));
            reader.report(diagnostic.at(entry.node.span(), "").help(format!("write `{instead}`")));
            None
        }
        _ => reader.mismatch(
            entry.node,
            "an array or an expression",
            "for example `[1, 2]`, `\"range(5)\"` or the name of a document",
        ),
    }
}

/// What a shell's `for` goes over and no expression is (`src/*.rs`, `1..3`, `web db`), and what to write for it.
fn as_in_a_shell(text: &str) -> Option<(&'static str, String)> {
    let range = text.trim_start_matches('{').trim_end_matches('}').split_once("..");
    let bounds =
        range.and_then(|(first, last)| Some((first.parse::<u32>().ok()?, last.parse::<u32>().ok()?)));
    if let Some((first, last)) = bounds {
        return Some(("range of a shell", format!("range({first}, {})", u64::from(last) + 1)));
    }
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "_-./* ".contains(c));
    if !is_plain || Expression::parse(text).is_ok() {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let operators = ["and", "or", "not", "in", "is", "if", "else", "*", "/", "-"];
    if words.len() > 1 && words.iter().any(|word| operators.contains(word)) {
        return None;
    }
    match text.contains('*') {
        true => Some(("pattern of files", format!("glob('{}')", words.join("', '")))),
        false => (words.len() > 1).then(|| ("list of words", format!("[\"{}\"]", words.join("\", \"")))),
    }
}

/// With several names, each item holds a value for each.
fn check_linked(reader: &Reader<'_>, item: &Node<'_>, names: usize) {
    let count = match item.get_ref() {
        _ if names < 2 => return,
        DeValue::Array(values) if values.len() == names => return,
        DeValue::Array(values) => format!("found {}", values.len()),
        other => format!("found {}", super::reader::kind(other)),
    };
    let message = format!("expected an array of {names} values, one for each variable, {count}");
    reader.report(Diagnostic::error(message).at(item.span(), format!("expected {names} values")));
}

/// `include`: each table gives every variable; the values in the variables' order.
pub fn include<'a>(
    reader: &Reader<'a>,
    node: &'a Node<'a>,
    variables: &[Variable],
) -> Vec<(Vec<Value>, Span)> {
    let rows = bindings(reader, node, variables).into_iter().filter_map(|(table, span)| {
        let names: Vec<&Name> = variables.iter().flat_map(|variable| &variable.names).collect();
        let missing: Vec<&str> =
            names.iter().map(|name| name.as_str()).filter(|name| table.get(name).is_none()).collect();
        if !missing.is_empty() {
            let message = format!("this binding gives no {}", listed(&missing));
            let help = "`include` gives every variable of `for`";
            reader.report(Diagnostic::error(message).at(span, "").help(help));
            return None;
        }
        let values = names.iter().filter_map(|name| table.get(name.as_str())).map(|node| reader.value(node));
        Some((values.collect(), span))
    });
    rows.collect()
}

/// `exclude`: each table names some variables and the values that leave a binding out.
pub fn exclude<'a>(
    reader: &Reader<'a>,
    node: &'a Node<'a>,
    variables: &[Variable],
) -> Vec<Vec<(Name, Value)>> {
    let rows = bindings(reader, node, variables).into_iter().map(|(table, span)| {
        if table.entries.is_empty() {
            let message = "this would leave out every binding";
            reader.report(Diagnostic::error(message).at(span, "").help("name at least one variable"));
        }
        let pairs = table
            .entries
            .iter()
            .filter_map(|entry| Some((Name::new(entry.name()).ok()?, reader.value(entry.node))));
        pairs.collect()
    });
    rows.collect()
}

/// The tables of an `include` or `exclude`; names that are no variables are reported.
fn bindings<'a>(reader: &Reader<'a>, node: &'a Node<'a>, variables: &[Variable]) -> Vec<(Section<'a>, Span)> {
    let help = "for example `[{ lat = 0, lon = 1 }]`";
    let Some(rows) = reader.array(node, "an array of tables", help) else { return Vec::new() };
    if variables.is_empty() {
        let message = "bindings need variables, and this task has no `for`";
        reader.report(Diagnostic::error(message).at(node.span(), "").help("add `for`, or take this out"));
        return Vec::new();
    }
    let tables = rows.iter().filter_map(|row| Some((reader.table(row, "a table of variables")?, row.span())));
    let tables: Vec<_> = tables.collect();
    for entry in tables.iter().flat_map(|(table, _)| &table.entries) {
        check_bound(reader, entry, variables);
    }
    tables
}

fn check_bound(reader: &Reader<'_>, entry: &Entry<'_>, variables: &[Variable]) {
    let names = || variables.iter().flat_map(|variable| &variable.names).map(Name::as_str);
    if names().all(|name| name != entry.name()) {
        let message = format!("this task has no variable `{}`", entry.name());
        let diagnostic = Diagnostic::error(message).at(entry.key.span(), "unknown variable");
        let diagnostic = match crate::diagnostic::nearest(entry.name(), names()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("the variables are {}", listed(names()))),
        };
        reader.report(diagnostic);
    }
}

/// `key`: the expressions that name a call.
pub fn key<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Vec<Sourced<Expression>>> {
    let parts = reader.strings(node)?;
    if parts.is_empty() {
        let diagnostic = Diagnostic::error("`key` names nothing").at(node.span(), "");
        reader.report(
            diagnostic.help("for example `key = [\"s.id\"]`; without `key` the variables name a call"),
        );
        return None;
    }
    Some(parts.into_iter().filter_map(|part| reader.expression_of(part)).collect())
}
