//! `[sync.NAME]`: an explicit sync point's table.

use std::path::Path;

use super::reader::{Known, Node, Reader};
use super::{Sourced, Sync, raw, settings};
use crate::diagnostic::{Diagnostic, Span};
use crate::name::TaskName;

/// A sync point of which `waits-for` is still text.
pub struct Draft {
    pub sync: Sync,
    pub waits_for: Vec<Sourced<String>>,
}

/// Reads a sync point; `write` is relative to `dir`.
pub fn read<'a>(
    reader: &Reader<'a>,
    name: TaskName,
    span: Span,
    node: &'a Node<'a>,
    dir: &Path,
) -> Option<Draft> {
    let known = Known { table: "a sync point", keys: raw::names::<raw::Sync>(), not_yet: &[] };
    let table = reader.known_table(node, &known)?;
    let waits_for = table.get("waits-for").map(|node| reader.strings(node));
    if waits_for.as_ref().is_none_or(|texts| texts.as_ref().is_some_and(Vec::is_empty)) {
        let diagnostic =
            Diagnostic::error(format!("sync point `{name}` waits for nothing")).at(span.clone(), "");
        reader.report(diagnostic.help("add `waits-for = [\"a task\"]`"));
    }
    let write = table.get("write").and_then(|node| reader.string(node)).map(|file| {
        settings::plain(reader, &file, "`write`");
        dir.join(file.value)
    });
    let check = table.get("check").and_then(|node| reader.expression(node));
    let sync = Sync { name, span, waits_for: Vec::new(), check, write };
    Some(Draft { sync, waits_for: waits_for.flatten().unwrap_or_default() })
}
