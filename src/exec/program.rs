//! Which file a program's name means: by the attempt's own PATH, as `execvp` would in the attempt's folder.
//! Found here rather than by the system, since std looks names up by fork, which costs more than all the rest.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};

use super::{Attempt, refusal};

/// Where systems look for programs if PATH is not set.
const STANDARD_PATH: &str = "/bin:/usr/bin";

/// The path to execute, relative to the attempt's `dir` if it is not absolute. `Err`: why there is none, in words.
pub(super) fn find(attempt: &Attempt, argv: &[OsString]) -> Result<PathBuf, String> {
    let Some(name) = argv.first().filter(|name| !name.is_empty()) else {
        return Err("the command names no program".to_owned());
    };
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let path = search_path(attempt);
    if let Some(place) = found_before(attempt, path, name) {
        return Ok(place);
    }
    let mut barred = None;
    for candidate in candidates(path, name) {
        let place = attempt.dir.join(&candidate);
        if place.is_file() {
            if is_executable(&place) {
                remember(attempt, path, name, &candidate);
                return Ok(candidate);
            }
            barred.get_or_insert(place);
        }
    }
    Err(match barred {
        Some(place) => refusal::not_executable(&place),
        None => refusal::not_in_path(attempt, name, path),
    })
}

/// Where a name was found, and by which PATH.
struct Found {
    name: OsString,
    path: OsString,
    place: PathBuf,
    as_of: u64,
    when: Instant,
}

/// So long what was found holds for other attempts that build on the same: somebody else may install programs too.
const HOLDS_FOR: Duration = Duration::from_secs(1);

thread_local! {
    /// The last that was found: many calls run the same program, and PATH may be long.
    static LAST: RefCell<Option<Found>> = const { RefCell::new(None) };
}

fn found_before(attempt: &Attempt, path: &OsStr, name: &OsStr) -> Option<PathBuf> {
    LAST.with_borrow(|last| {
        let last = last.as_ref().filter(|last| last.name == name && last.path == path)?;
        let holds = last.as_of == attempt.as_of && last.when.elapsed() < HOLDS_FOR;
        holds.then(|| last.place.clone())
    })
}

/// Only what does not depend on the attempt's folder is kept.
fn remember(attempt: &Attempt, path: &OsStr, name: &OsStr, place: &Path) {
    if path.as_bytes().split(|byte| *byte == b':').all(|entry| entry.starts_with(b"/")) {
        let (name, path, place) = (name.to_owned(), path.to_owned(), place.to_owned());
        let found = Found { name, path, place, as_of: attempt.as_of, when: Instant::now() };
        LAST.set(Some(found));
    }
}

pub(super) fn is_executable(place: &Path) -> bool {
    access(place, Access::EXEC_OK).is_ok()
}

/// The attempt's PATH; of several the last, as in its environment.
fn search_path(attempt: &Attempt) -> &OsStr {
    attempt.env.get("PATH").unwrap_or(OsStr::new(STANDARD_PATH))
}

/// The places where `name` may stand. An empty entry is the current folder.
fn candidates<'a>(path: &'a OsStr, name: &'a OsStr) -> impl Iterator<Item = PathBuf> + 'a {
    path.as_bytes().split(|byte| *byte == b':').map(move |entry| {
        let folder = if entry.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(entry)) };
        folder.join(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_entry_is_the_current_folder() {
        let found: Vec<_> = candidates(OsStr::new("/bin::rel"), OsStr::new("x")).collect();
        assert_eq!(found, [Path::new("/bin/x"), Path::new("./x"), Path::new("rel/x")]);
    }
}
