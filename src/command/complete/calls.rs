//! Names in a manifest that is right: tasks, tags, documents, and one task's calls or one document's places. Makes no plan: of
//! all tasks it expands the one whose calls are asked for.

use std::sync::Arc;

use indexmap::IndexSet;

use crate::cli::ManifestArgs;
use crate::manifest::{Manifest, Task};
use crate::mask::Secrets;
use crate::name::CallAddress;
use crate::path::{Path, Segment};
use crate::plan::bindings::Bindings;
use crate::plan::scope::{Before, World};
use crate::plan::{expand, places};

use super::super::{open, secrets};
use super::{Candidate, MOST};

/// What can be known of a manifest before a plan.
pub struct Known {
    manifest: Arc<Manifest>,
    world: World,
    secrets: Secrets,
}

impl Known {
    /// `None`: there is no manifest, or it is wrong.
    pub fn open(args: &ManifestArgs) -> Option<Known> {
        let manifest = Arc::new(open::quietly(args)?);
        let world = open::world(manifest.clone());
        let secrets = secrets::of(&manifest);
        Some(Known { manifest, world, secrets })
    }

    /// Addresses that begin so: names, and where only one is meant, what is called so with a key.
    pub fn addresses(&self, typed: &str) -> Vec<Candidate> {
        let tasks = self.manifest.tasks.iter();
        let mut names: Vec<Candidate> = tasks
            .clone()
            .map(|task| candidate(task.name.as_str(), task.description.as_deref().unwrap_or("task")))
            .collect();
        let filled = self.filled().filter(|document| self.task(document).is_none());
        names.extend(filled.collect::<IndexSet<_>>().into_iter().map(|name| candidate(name, "document")));
        let tags: IndexSet<&String> = tasks.flat_map(|task| &task.tags).collect();
        let tags = tags.into_iter().map(|tag| candidate(&format!("tag:{tag}"), "tag"));
        let within = |name: &str, typed: &str| match self.task(name) {
            Some(task) => self.calls(task, typed),
            None => self.fills(name, typed),
        };
        complete(names, tags, typed, within)
    }

    /// The documents that tasks fill, and those that are given.
    pub fn documents(&self) -> Vec<Candidate> {
        let given = self.manifest.documents.keys().map(|name| name.as_str());
        let all: IndexSet<&str> = self.filled().chain(given).collect();
        all.into_iter().map(|name| candidate(name, "document")).collect()
    }

    /// Places of documents that begin so.
    pub fn places(&self, typed: &str) -> Vec<Candidate> {
        complete(self.documents(), std::iter::empty(), typed, |name, typed| self.fills(name, typed))
    }

    fn filled(&self) -> impl Iterator<Item = &str> {
        self.manifest.tasks.iter().flat_map(|task| &task.fills).map(|fill| &*fill.place.value.root)
    }

    fn task(&self, name: &str) -> Option<&Task> {
        self.manifest.tasks.iter().find(|task| task.name.as_str() == name)
    }

    /// The task's calls whose addresses begin so.
    fn calls(&self, task: &Task, typed: &str) -> Vec<Candidate> {
        let Some(bindings) = self.expand(task) else { return Vec::new() };
        let address = |row: usize| {
            let key = bindings.row(row).key_texts().collect();
            Some(CallAddress { task: task.name.clone(), key }.to_string())
        };
        self.first((0..bindings.len()).filter_map(address), typed)
    }

    /// The places of the document that tasks fill and that begin so.
    fn fills(&self, document: &str, typed: &str) -> Vec<Candidate> {
        let tasks = self.manifest.tasks.iter();
        let fills = tasks.flat_map(|task| task.fills.iter().map(move |fill| (task, fill)));
        let ours = fills.filter(|(_, fill)| &*fill.place.value.root == document);
        let places = ours.flat_map(|(task, fill)| {
            let bindings = self.expand(task).unwrap_or_default();
            (0..bindings.len()).filter_map(move |row| {
                let (name, row) = (Some(task.name.as_str()), Some(bindings.row(row)));
                let before = Before { world: &self.world, task: name, row, views: &[] };
                let place = places::fill_place(&fill.place.value, fill.append, &before)?;
                is_whole(&place).then(|| place.to_string())
            })
        });
        self.first(places, typed)
    }

    /// `None`: its calls are known only in a run, or cannot be.
    fn expand(&self, task: &Task) -> Option<Bindings> {
        expand::of_task(task, &self.world, &[]).ok()
    }

    /// The first of those that begin so, without any that would show a secret.
    fn first(&self, all: impl Iterator<Item = String>, typed: &str) -> Vec<Candidate> {
        let masker = self.secrets.given();
        let ours = all.filter(|word| word.starts_with(typed) && masker.find_in_text(word).is_none());
        let mut found = IndexSet::new();
        for word in ours {
            found.insert(word);
            if found.len() == MOST {
                break;
            }
        }
        found.iter().map(|word| candidate(word, "")).collect()
    }
}

/// Names, and what is within the one that is meant.
fn complete(
    names: Vec<Candidate>,
    further: impl Iterator<Item = Candidate>,
    typed: &str,
    within: impl Fn(&str, &str) -> Vec<Candidate>,
) -> Vec<Candidate> {
    let end = typed.find(['[', '.']).unwrap_or(typed.len());
    let (name, rest) = typed.split_at(end);
    if !rest.is_empty() {
        return within(name, typed);
    }
    let mut found: Vec<Candidate> = names.into_iter().filter(|name| name.word.starts_with(typed)).collect();
    let further: Vec<Candidate> = further.filter(|name| name.word.starts_with(typed)).collect();
    if let ([only], true) = (&found[..], further.is_empty()) {
        let name = only.word.clone();
        found.extend(within(&name, typed).into_iter().filter(|candidate| candidate.word != name));
    }
    found.extend(further);
    found
}

fn is_whole(place: &Path) -> bool {
    place.segments.iter().all(|segment| matches!(segment, Segment::Key(_)))
}

fn candidate(word: &str, about: &str) -> Candidate {
    let about = about.lines().next().unwrap_or_default().replace(char::is_control, " ");
    Candidate { word: word.to_owned(), about }
}
