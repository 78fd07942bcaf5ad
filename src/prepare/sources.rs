//! The Python files that calls name: what each held when the run first asked, since a function of another text is another
//! function. Knows nothing of what a file imports.

use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

/// What the files come to that were asked for; `None`: it cannot be read.
#[derive(Debug, Default)]
pub struct Sources(Mutex<FxHashMap<PathBuf, Option<blake3::Hash>>>);

impl Sources {
    /// What the file's content comes to, the same for the whole of a run.
    pub fn hash(&self, file: &Path) -> Option<blake3::Hash> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.entry(file.to_owned()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => {
                *unknown.insert(std::fs::read(file).ok().map(|content| blake3::hash(&content)))
            }
        }
    }
}
