//! What `after` and `waits-for` name: a task, a call of it, a tag, a sync point, a place. Which of these a name is
//! depends on the whole manifest, so targets are read after all names are known.

use indexmap::{IndexMap, IndexSet};

use super::names::Documents;
use super::reader::{Reader, at_span};
use super::{Sourced, Sync, Target, Task};
use crate::diagnostic::{Diagnostic, nearest};
use crate::expr::{Reference, Template};
use crate::name::TaskName;

/// The names that a target may have.
pub struct Names<'m> {
    /// Each with how many parts its key has.
    tasks: IndexMap<&'m str, (&'m TaskName, usize)>,
    syncs: Vec<TaskName>,
    tags: IndexSet<&'m str>,
    documents: &'m Documents<'m>,
}

/// Where a target stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    After,
    WaitsFor,
}

impl<'m> Names<'m> {
    pub fn new(tasks: &'m [Task], syncs: &[Sync], documents: &'m Documents<'m>) -> Names<'m> {
        let parts = |task: &Task| task.key.as_ref().map_or_else(|| task.variable_names().count(), Vec::len);
        Names {
            tasks: tasks.iter().map(|task| (task.name.as_str(), (&task.name, parts(task)))).collect(),
            syncs: syncs.iter().map(|sync| sync.name.clone()).collect(),
            tags: tasks.iter().flat_map(|task| &task.tags).map(String::as_str).collect(),
            documents,
        }
    }

    /// The target that a text names; what it does not name is reported.
    pub fn target(
        &self,
        reader: &Reader<'_>,
        text: &Sourced<String>,
        asker: Asker,
    ) -> Option<Sourced<Target>> {
        let value = match self.parse(text, asker) {
            Ok(target) => target,
            Err(diagnostic) => {
                reader.report(*diagnostic);
                return None;
            }
        };
        Some(Sourced { value, place: text.place.clone() })
    }

    fn parse(&self, text: &Sourced<String>, asker: Asker) -> Result<Target, Box<Diagnostic>> {
        let address = text.value.trim();
        let whole = || text.place.span.clone();
        if let Some(tag) = address.strip_prefix("tag:") {
            return match self.tags.contains(tag) {
                true => Ok(Target::Tag(tag.to_owned())),
                false => Err(Box::new(
                    Diagnostic::error(format!("no task has the tag `{tag}`"))
                        .at(whole(), "unknown tag")
                        .nearest(tag, self.tags.iter().copied()),
                )),
            };
        }
        let (name, bracket) = split(address);
        if let Some((task, parts)) = self.tasks.get(name) {
            match bracket {
                None => return Ok(Target::Task((*task).clone())),
                Some(inner) => return self.call(text, task, *parts, inner),
            }
        }
        if let Some(sync) = self.syncs.iter().find(|sync| sync.as_str() == address) {
            return Ok(Target::Sync(sync.clone()));
        }
        self.place(text, asker)
    }

    fn call(
        &self,
        text: &Sourced<String>,
        task: &TaskName,
        parts: usize,
        inner: &str,
    ) -> Result<Target, Box<Diagnostic>> {
        let given = split_key(inner);
        let wrong = |message: String, help: String| {
            Box::new(Diagnostic::error(message).at(text.place.span.clone(), "").help(help))
        };
        let globs = given.iter().any(|part| !part.contains("${{") && part.contains(['*', '?', '=']));
        if globs {
            let help = format!("name the whole task, `{task}`, or one call by its key's texts");
            return Err(wrong("globs and named parts are not yet supported here".to_owned(), help));
        }
        if given.len() != parts {
            let message = format!("a key of `{task}` has {}, this has {}", parts_of(parts), given.len());
            let help = match parts {
                0 => format!("write `{task}`"),
                _ => format!("write `{task}[{}]`", vec!["…"; parts].join(",")),
            };
            return Err(wrong(message, help));
        }
        let from = text.value.find('[').map_or(0, |at| at + 1);
        let templates = given.into_iter().map(|part| {
            let at = from + (part.as_ptr() as usize).saturating_sub(inner.as_ptr() as usize);
            let unquoted = serde_json::from_str::<String>(part.trim());
            Template::parse(unquoted.as_deref().unwrap_or(part.trim())).map_err(|error| {
                let shifted = at + error.span.start..at + error.span.end;
                let span = text.place.inner(shifted);
                Box::new(at_span(error, span))
            })
        });
        Ok(Target::Call(task.clone(), templates.collect::<Result<_, _>>()?))
    }

    fn place(&self, text: &Sourced<String>, asker: Asker) -> Result<Target, Box<Diagnostic>> {
        let whole = text.place.span.clone();
        let (reference, append) = match Reference::parse(&text.value) {
            Ok(parsed) => parsed,
            Err(_) => return Err(Box::new(self.unknown(text, asker))),
        };
        if !self.documents.has(reference.root.as_ref()) {
            return Err(Box::new(self.unknown(text, asker)));
        }
        if asker == Asker::After {
            let message = "`after` names tasks, calls and sync points, no places";
            let help = "what a task reads it waits for by itself; name the task that fills the place";
            return Err(Box::new(Diagnostic::error(message).at(whole, "this is a document").help(help)));
        }
        if append {
            let diagnostic = Diagnostic::error("nothing can be waited for at `[]`").at(whole, "");
            return Err(Box::new(diagnostic.help("name the array itself")));
        }
        Ok(Target::Place(reference))
    }

    fn unknown(&self, text: &Sourced<String>, asker: Asker) -> Diagnostic {
        let name = text.value.trim();
        let root = name.split(['[', '.']).next().unwrap_or_default();
        let what = if asker == Asker::After { "task or sync point" } else { "task, sync point or document" };
        let diagnostic = Diagnostic::error(format!("there is no {what} `{root}`"));
        let diagnostic = diagnostic.at(text.place.span.clone(), "unknown name");
        let tasks = self.tasks.keys().copied();
        let names = tasks.chain(self.syncs.iter().map(TaskName::as_str));
        let documents = self.documents.names().filter(|_| asker == Asker::WaitsFor);
        match nearest(root, names.chain(documents)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        }
    }
}

fn parts_of(count: usize) -> String {
    match count {
        0 => "no part".to_owned(),
        1 => "1 part".to_owned(),
        _ => format!("{count} parts"),
    }
}

/// A name, and what stands between its only pair of brackets. Several pairs make a path: no name is given then.
fn split(address: &str) -> (&str, Option<&str>) {
    let Some((name, rest)) = address.split_once('[') else { return (address, None) };
    let Some(inner) = rest.strip_suffix(']') else { return (address, None) };
    if closes_early(inner) { (address, None) } else { (name, Some(inner)) }
}

/// Whether a `]` outside of `${{ }}` and quotes ends the first pair before the text's end.
fn closes_early(inner: &str) -> bool {
    scan(inner, |c| c == ']').is_some()
}

/// The parts between commas that stand outside of `${{ }}` and quotes.
fn split_key(inner: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = inner;
    while let Some(at) = scan(rest, |c| c == ',') {
        parts.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    parts.push(rest);
    parts
}

/// The first such character outside of `${{ }}` and double quotes.
fn scan(text: &str, wanted: impl Fn(char) -> bool) -> Option<usize> {
    let (mut quoted, mut escaped, mut skip_to) = (false, false, 0);
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '$' if text[at..].starts_with("${{") => {
                skip_to = text[at..].find("}}").map_or(text.len(), |end| at + end + 2);
            }
            c if wanted(c) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_hold_parts() {
        let check = |text: &'static str, expected: (&str, Option<Vec<&str>>)| {
            let (name, inner) = split(text);
            assert_eq!((name, inner.map(split_key)), expected, "{text}");
        };
        check("a", ("a", None));
        check("a[0,b c]", ("a", Some(vec!["0", "b c"])));
        check("a[\"x,]\",${{ f[1, 2] }}]", ("a", Some(vec!["\"x,]\"", "${{ f[1, 2] }}"])));
        check("a[0][1]", ("a[0][1]", None));
        check("a[0].b", ("a[0].b", None));
        check("a[", ("a[", None));
    }
}
