//! The documents that a manifest gives: `[data]`, the files of `[load]`, and what the command line puts over them.

use std::path::Path;

use indexmap::IndexMap;

use super::Document;
use super::load::load;
use super::reader::{Entry, Reader, Section, no_name};
use crate::change::Change;
use crate::diagnostic::Diagnostic;
use crate::name::Name;
use crate::path::Path as Place;
use crate::value::Value;

/// `[data]`, then `[load]`, then what the command line puts over them.
pub fn read<'a>(
    reader: &Reader<'a>,
    root: &Section<'a>,
    dir: &Path,
    overrides: &[(Place, Value)],
) -> IndexMap<Name, Document> {
    let mut documents = IndexMap::new();
    for entry in reader.section(root, "data").entries {
        add_document(reader, &mut documents, entry, reader.value(entry.node));
    }
    for entry in reader.section(root, "load").entries {
        if let Some(value) = loaded(reader, entry, dir) {
            add_document(reader, &mut documents, entry, value);
        }
    }
    for (place, value) in overrides {
        override_document(reader, &mut documents, place, value);
    }
    documents
}

fn add_document(
    reader: &Reader<'_>,
    documents: &mut IndexMap<Name, Document>,
    entry: Entry<'_>,
    value: Value,
) {
    let span = entry.key.span();
    let name = match Name::new(entry.name()) {
        Ok(name) => name,
        Err(message) => {
            let diagnostic = no_name(message, span, "a document's name stands here");
            let plain = entry.name().replace('-', "_");
            let diagnostic = match Name::new(&plain) {
                Ok(_) => diagnostic.help(format!("write `{plain}`")),
                Err(_) => diagnostic,
            };
            reader.suspect(&plain);
            return reader.report(diagnostic);
        }
    };
    if let Some(first) = documents.get(&name) {
        let diagnostic =
            Diagnostic::error(format!("document `{name}` is given twice")).at(span, "in `[load]`");
        return reader.report(diagnostic.at(first.span.clone(), "in `[data]`").help("take one of them out"));
    }
    documents.insert(name, Document { value, span });
}

fn loaded<'a>(reader: &Reader<'a>, entry: Entry<'a>, dir: &Path) -> Option<Value> {
    let Some(file) = reader.string(entry.node) else {
        reader.suspect(entry.name());
        return None;
    };
    match load(&dir.join(&file.value)) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("cannot load `{}`: {}", file.value, error.message);
            let diagnostic = Diagnostic::error(message).at(entry.node.span(), "");
            reader.report(match error.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
            // the name is known all the same
            Some(Value::Null)
        }
    }
}

fn override_document(
    reader: &Reader<'_>,
    documents: &mut IndexMap<Name, Document>,
    place: &Place,
    value: &Value,
) {
    let mut slot = documents.get_mut(&place.document).map(|document| std::mem::take(&mut document.value));
    if let Err(misfit) = Change::set(place.clone(), value.clone()).apply(&mut slot, 0) {
        reader.report(Diagnostic::error(format!("cannot set `{place}`: {}", misfit.0)));
    }
    let value = slot.unwrap_or_default();
    documents.entry(place.document.clone()).or_insert(Document { value: Value::Null, span: 0..0 }).value =
        value;
}
