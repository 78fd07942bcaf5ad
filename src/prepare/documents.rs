//! The documents that a call looks at or changes by itself: a private file of each, the file for the operations of `deco set`
//! and its like, and the variables that tell of them. `harvest` finds there what the call has done.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashMap;

use crate::expr::{Binding, Reference, Scope, View};
use crate::manifest::Task;
use crate::name::Name;
use crate::outcome::Failure;
use crate::path::{Path, Segment};
use crate::value::{Text, Value};

use super::{CallScope, Hindrance};

/// The variable that names the file for operations; there in calls whose task has `mutates` or `reads`.
pub const CHANGES: &str = "DECO_CHANGES";
/// The variable with the places that the call may change: a JSON array of paths.
pub const MUTATES: &str = "DECO_MUTATES";
/// The variable with the places that it may look at besides.
pub const READS: &str = "DECO_READS";

/// The variable that names the file of a document.
pub fn variable(document: &str) -> String {
    format!("DECO_DOC_{}", document.to_uppercase())
}

/// What a call was given.
#[derive(Debug, Default)]
pub struct Handed {
    pub files: Vec<DocumentFile>,
    /// The file for operations.
    pub operations: Option<PathBuf>,
    /// The places that it may change, none inside another, and what stands there for it.
    pub places: Vec<(Path, Option<Value>)>,
    /// Places of documents that it may change at which it looks by what it was given.
    pub looked_at: Vec<Path>,
}

/// A document's private file.
#[derive(Debug)]
pub struct DocumentFile {
    pub document: Name,
    pub path: PathBuf,
    /// What was written.
    pub before: Value,
    stamp: Stamp,
}

/// What a file that nobody has touched still looks like: its time is none at which anything is written.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: SystemTime,
}

/// 2001, and not a whole second.
const LONG_AGO: Duration = Duration::new(1_000_000_000, 123_456_789);

impl DocumentFile {
    fn write(folder: &FilePath, document: Name, before: Value, text: &str) -> std::io::Result<DocumentFile> {
        let (mut file, path) = create(folder, "document-")?;
        file.write_all(text.as_bytes())?;
        file.set_modified(SystemTime::UNIX_EPOCH + LONG_AGO)?;
        let stamp = Stamp::of(&file.metadata()?)?;
        Ok(DocumentFile { document, path, before, stamp })
    }

    /// How many bytes it had when it was given.
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Whether nobody has written to it or put another in its place.
    pub fn is_untouched(&self) -> bool {
        let now = std::fs::metadata(&self.path).and_then(|found| Stamp::of(&found));
        now.is_ok_and(|now| now == self.stamp)
    }
}

impl Stamp {
    fn of(file: &std::fs::Metadata) -> std::io::Result<Stamp> {
        let modified = file.modified()?;
        Ok(Stamp { device: file.dev(), inode: file.ino(), size: file.size(), modified })
    }
}

/// Documents as JSON text: the last version of each, so that the calls that see one version share it.
#[derive(Debug, Default)]
pub struct Texts(Mutex<FxHashMap<Text, (Value, Arc<DocumentText>)>>);

#[derive(Debug)]
struct DocumentText {
    json: String,
    hash: blake3::Hash,
}

impl Texts {
    fn of(&self, name: &Text, value: &Value) -> Arc<DocumentText> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            lock().get(name).filter(|(known, _)| is_shared(known, value)).map(|(_, text)| text.clone());
        known.unwrap_or_else(|| {
            let json = value.to_json();
            let text = Arc::new(DocumentText { hash: blake3::hash(json.as_bytes()), json });
            lock().insert(name.clone(), (value.clone(), text.clone()));
            text
        })
    }
}

/// Whether two values are the same containers in memory.
fn is_shared(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => Arc::ptr_eq(one, other),
        (Value::Object(one), Value::Object(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

/// Makes the call's files; the variables that tell of them.
pub fn hand_out(scope: &CallScope, texts: &Texts, task: &Task) -> Result<Vec<(String, String)>, Hindrance> {
    if (task.reads.is_empty() && task.mutates.is_empty()) || task.run.is_sent() {
        return Ok(Vec::new());
    }
    let mutates = places(scope, task.mutates.iter().map(|place| &place.value))?;
    let reads = places(scope, task.reads.iter().map(|place| &place.value))?;
    let mut handed = Handed::default();
    let mut variables = vec![(MUTATES.to_owned(), listed(&mutates)), (READS.to_owned(), listed(&reads))];
    let mut names: Vec<Name> = mutates.iter().chain(&reads).map(|path| path.document.clone()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let value = seen(scope, &name);
        let text = texts.of(name.text(), &value);
        let file =
            DocumentFile::write(scope.folder(), name, value, &text.json).map_err(|why| no_file(&why))?;
        scope.made_file(file.path.to_string_lossy().into_owned(), text.hash);
        variables.push((variable(file.document.as_str()), file.path.to_string_lossy().into_owned()));
        handed.files.push(file);
    }
    let (_, operations) = create(scope.folder(), "changes-").map_err(|why| no_file(&why))?;
    variables.push((CHANGES.to_owned(), operations.to_string_lossy().into_owned()));
    handed.operations = Some(operations);
    handed.places = standing(scope, mutates);
    scope.hand(handed);
    Ok(variables)
}

/// The places that the call may change, none inside another, and what stands there for it.
pub fn mutable_places(scope: &CallScope, task: &Task) -> Result<Vec<(Path, Option<Value>)>, Hindrance> {
    Ok(standing(scope, places(scope, task.mutates.iter().map(|place| &place.value))?))
}

fn standing(scope: &CallScope, paths: Vec<Path>) -> Vec<(Path, Option<Value>)> {
    let with_value = |path: Path| {
        let value = at(scope, &path);
        (path, value)
    };
    paths.into_iter().map(with_value).collect()
}

fn create(folder: &FilePath, prefix: &str) -> std::io::Result<(File, PathBuf)> {
    let file = tempfile::Builder::new().prefix(prefix).tempfile_in(folder)?;
    file.keep().map_err(|error| error.error)
}

fn no_file(why: &std::io::Error) -> Hindrance {
    let message = format!("cannot write a private file: {why}");
    Hindrance::Failed(Failure::CannotStart { message })
}

fn listed(paths: &[Path]) -> String {
    Value::array(paths.iter().map(|path| path.to_string().into()).collect()).to_json()
}

/// The places that the task declares, for this call; none inside another.
fn places<'a>(
    scope: &CallScope,
    declared: impl Iterator<Item = &'a Reference>,
) -> Result<Vec<Path>, Hindrance> {
    let place = |reference: &Reference| {
        let failed = |message| Hindrance::Failed(Failure::Expression { message });
        let document = reference.document.clone().map_err(failed)?;
        let segments = scope.keys(reference)?.into_iter().map(Segment::Key).collect();
        Ok(Path { document, segments })
    };
    let mut paths = declared.map(place).collect::<Result<Vec<Path>, Hindrance>>()?;
    paths.sort_unstable();
    paths.dedup_by(|later, first| first.holds(later));
    Ok(paths)
}

/// What stands at a place that the call may change.
fn at(scope: &CallScope, path: &Path) -> Option<Value> {
    let keys: Vec<Text> = path.keys().cloned().collect();
    let view = scope.view(path.document.as_str())?;
    let (known, value) = view.places.iter().find(|(known, _)| keys.starts_with(known))?;
    value.as_ref()?.at(&keys[known.len()..]).cloned()
}

/// What the call may see of a document: the places that it reads, in their containers.
pub fn seen(scope: &CallScope, document: &Name) -> Value {
    if let Some(view) = scope.view(document.as_str()) {
        return in_containers(view);
    }
    match scope.lookup(document.as_str()) {
        Some(Binding::Value(value)) => value,
        Some(Binding::View(view)) => in_containers(&view),
        None => Value::Null,
    }
}

fn in_containers(view: &View) -> Value {
    let mut root = None;
    for (keys, value) in &view.places {
        let mut value = value.clone();
        for key in keys.iter().rev() {
            value = value.map(|value| Value::object([(key.clone(), value)]));
        }
        root = merged(root, value);
    }
    root.unwrap_or_else(Value::empty_object)
}

fn merged(one: Option<Value>, other: Option<Value>) -> Option<Value> {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let mut members = (*one).clone();
            for (key, value) in other.iter() {
                let value = merged(members.get(key).cloned(), Some(value.clone()));
                members.extend(value.map(|value| (key.clone(), value)));
            }
            Some(Value::Object(Arc::new(members)))
        }
        (one, other) => other.or(one),
    }
}
