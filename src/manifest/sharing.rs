//! `[documents]`: what is done where calls that do not wait for each other change one place of a document.

use indexmap::IndexMap;
use toml::de::DeValue;

use super::fills::word;
use super::reader::{Entry, Known, Node, Reader, Section, listed, no_name};
use super::{Sharing, Sourced, Task, raw};
use crate::change::Merge;
use crate::diagnostic::{Diagnostic, Span};
use crate::name::Name;
use crate::path::{Path, Segment, segments_may_overlap};

/// What the tables say, each with the place of its name.
pub type Read = IndexMap<Name, (Sharing, Span)>;

pub fn read<'a>(reader: &Reader<'a>, root: &Section<'a>) -> Read {
    let mut all = Read::new();
    for entry in reader.section(root, "documents").entries {
        let span = entry.key.span();
        match Name::new(entry.name()) {
            Ok(name) => {
                let sharing = sharing(reader, entry.node).unwrap_or_default();
                all.insert(name, (sharing, span));
            }
            Err(message) => reader.report(no_name(message, span, "a document's name stands here")),
        }
    }
    all
}

fn sharing<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Sharing> {
    let known = Known { table: "a document", keys: raw::names::<raw::Document>(), not_yet: &[] };
    let table = reader.known_table(node, &known)?;
    let last_wins =
        table.get("on-conflict").and_then(|node| word(reader, node, raw::names::<raw::OnConflict>()));
    let merges = table.get("merge").map(|node| merges(reader, node)).unwrap_or_default();
    Some(Sharing { last_wins: last_wins.is_some(), merges })
}

/// A word for the whole document, or a table of places in it.
fn merges<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Vec<(Vec<Segment>, Merge)> {
    match node.get_ref() {
        DeValue::String(_) => merge(reader, node).map(|merge| (Vec::new(), merge)).into_iter().collect(),
        DeValue::Table(_) => {
            let entries = reader.table(node, "a table").unwrap_or_default().entries;
            let mut found: Vec<(Vec<Segment>, Merge, Span)> = Vec::new();
            for entry in entries {
                let Some(place) = place(reader, entry) else { continue };
                let Some(merge) = merge(reader, entry.node) else { continue };
                check_alone(reader, &found, &place, entry.key.span());
                found.push((place, merge, entry.key.span()));
            }
            found.into_iter().map(|(place, merge, _)| (place, merge)).collect()
        }
        _ => reader
            .mismatch(
                node,
                "a rule or a table of places",
                "for example `\"sum\"` for the document itself, or `{ \"counts.*\" = \"sum\", seen = \"union\" }`",
            )
            .unwrap_or_default(),
    }
}

fn merge<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Merge> {
    let name = word(reader, node, raw::names::<raw::Rule>())?;
    Some(match name.as_str() {
        "sum" => Merge::Sum,
        "min" => Merge::Min,
        "max" => Merge::Max,
        _ => Merge::Union,
    })
}

/// A place below the document, `*` for any key.
fn place(reader: &Reader<'_>, entry: Entry<'_>) -> Option<Vec<Segment>> {
    let text = reader.key(entry);
    if let DeValue::Table(_) = entry.node.get_ref() {
        let diagnostic =
            Diagnostic::error("a place with dots stands in quotes here").at(entry.key.span(), "");
        reader.report(diagnostic.help(format!("write `\"{}.…\" = \"…\"`", text.value)));
        return None;
    }
    let parsed = parse_place(&text.value);
    parsed.map_err(|why| reader.report(no_place(&text, why))).ok()
}

fn parse_place(text: &str) -> Result<Vec<Segment>, &'static str> {
    let dot = if text.starts_with('[') { "" } else { "." };
    let path: Path = format!("d{dot}{text}").parse().map_err(|_| "it is no place in a document")?;
    if path.is_append() {
        return Err("what is appended needs no rule: elements land in call order");
    }
    let any = |segment| if segment == Segment::Key("*".into()) { Segment::Any } else { segment };
    Ok(path.segments.into_iter().map(any).collect())
}

fn no_place(text: &Sourced<String>, why: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("`{}`: {why}", text.value)).at(text.place.span.clone(), "");
    diagnostic.help("a place below the document: `cells`, `counts.*` for any key, `[\"a b\"].n`; for the document itself write `merge = \"sum\"`")
}

/// Two rules for one place would leave open which of them holds.
fn check_alone(reader: &Reader<'_>, found: &[(Vec<Segment>, Merge, Span)], place: &[Segment], span: Span) {
    if let Some((.., first)) = found.iter().find(|(other, ..)| segments_may_overlap(other, place)) {
        let diagnostic = Diagnostic::error("two rules may hold for one place").at(span, "this rule");
        reader.report(diagnostic.at(first.clone(), "and this one").help("take one of them out"));
    }
}

/// Reports the documents that no task changes.
pub fn check(reader: &Reader<'_>, read: &Read, tasks: &[Task]) {
    let mut changed: Vec<Name> = tasks.iter().flat_map(Task::changed_documents).collect();
    changed.dedup();
    let suspected = reader.suspected();
    for (name, (_, span)) in read {
        if changed.contains(name) || suspected.iter().any(|suspected| suspected == name.as_str()) {
            continue;
        }
        let diagnostic = Diagnostic::error(format!("no task changes a document `{name}`"));
        let diagnostic = diagnostic.at(span.clone(), "what is said here is for nothing");
        let names = changed.iter().map(Name::as_str);
        reader.report(match crate::diagnostic::nearest(name.as_str(), names.clone()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if changed.is_empty() => diagnostic,
            None => diagnostic.help(format!("tasks change {}", listed(names))),
        });
    }
}
