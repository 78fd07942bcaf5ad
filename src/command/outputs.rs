//! The files that are to be written for the user: none of them may be the manifest, or another of them. Whether they can
//! be written is asked elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::HowArgs;
use crate::manifest::Manifest;

use super::conclude::To;
use super::{open, reports};

/// Refuses what a run would write over.
pub fn check(how: &HowArgs, to: &To, manifest: &Manifest) -> Result<(), String> {
    let answer = match to {
        To::File(file) => Some(("-o", file)),
        To::StandardOutput | To::Nowhere => None,
    };
    let events = how.events.iter().map(|file| ("--events", file));
    apart(
        open::file_of(manifest).as_deref(),
        answer.into_iter().chain(events).chain(reports::files(&how.reports)),
    )
}

/// Refuses files, each with the option that names it, of which one is the manifest or another one.
pub fn apart<'a>(
    manifest: Option<&Path>,
    files: impl Iterator<Item = (&'static str, &'a PathBuf)>,
) -> Result<(), String> {
    let mut known: Vec<(String, PathBuf)> = Vec::new();
    known.extend(manifest.and_then(place).map(|place| ("the manifest".to_owned(), place)));
    for (option, file) in files {
        let Some(place) = place(file) else { continue };
        if let Some((other, _)) = known.iter().find(|(_, taken)| *taken == place) {
            let file = file.display();
            return Err(format!("`{option} {file}` would write over {other}: name another file"));
        }
        known.push((format!("what `{option}` writes"), place));
    }
    Ok(())
}

/// Where a file is, or would be; none of a pipe or a device, through which many may write.
fn place(file: &Path) -> Option<PathBuf> {
    if let Ok(place) = fs::canonicalize(file) {
        return place.is_file().then_some(place);
    }
    let file = std::path::absolute(file).ok()?;
    Some(fs::canonicalize(file.parent()?).ok()?.join(file.file_name()?))
}
