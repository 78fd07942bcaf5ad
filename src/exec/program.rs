//! Which file a program's name means: by the attempt's own PATH, as `execvp` would in the attempt's folder.
//! Found here rather than by the system, since std looks names up by fork, which costs more than all the rest.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

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
    let mut barred = None;
    for candidate in candidates(search_path(attempt), name) {
        let place = attempt.dir.join(&candidate);
        if place.is_file() {
            if is_executable(&place) {
                return Ok(candidate);
            }
            barred.get_or_insert(place);
        }
    }
    Err(match barred {
        Some(place) => refusal::not_executable(&place),
        None => refusal::not_in_path(attempt, name, search_path(attempt)),
    })
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
