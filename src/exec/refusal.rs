//! Why a program could not be started, in words that say what to do. The system gives one number for many
//! causes, so the words come from looking at the files again; only a start that failed pays for it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;

use super::{Attempt, program, size};

/// What the error of a start means for this attempt.
pub(super) fn words(attempt: &Attempt, program: &Path, error: &io::Error) -> String {
    let place = attempt.dir.join(program);
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NOTDIR) => missing(attempt, program, &place),
        Some(Errno::ACCESS | Errno::PERM) => forbidden(attempt, &place, error),
        Some(Errno::NOEXEC) => format!(
            "{} is neither a program for this machine nor a script with a `#!` line; name its interpreter",
            quoted(&place)
        ),
        Some(Errno::TOOBIG) => size::words(attempt),
        Some(Errno::TXTBSY) => format!("{} is still being written by another process", quoted(&place)),
        Some(Errno::AGAIN) => {
            "the system allows no further process (see `ulimit -u`); a lower `--jobs` needs fewer".to_owned()
        }
        Some(Errno::NOMEM) => "the system has no memory for a further process; lower `--jobs`".to_owned(),
        Some(Errno::MFILE | Errno::NFILE) => {
            "the system allows no further open files (see `ulimit -n`); lower `--jobs`".to_owned()
        }
        None if error.kind() == io::ErrorKind::InvalidInput => nul_byte(attempt),
        _ => format!("failed to start {}: {error}", quoted(&place)),
    }
}

pub(super) fn not_in_path(attempt: &Attempt, name: &OsStr, path: &OsStr) -> String {
    if let Some(words) = unusable_dir(&attempt.dir) {
        return words;
    }
    let beside = attempt.dir.join(name).is_file();
    let help = if beside {
        format!("; for the one in `dir` write `./{}`", name.to_string_lossy())
    } else {
        String::new()
    };
    format!(
        "the program {} is in no folder of the call's PATH ({}){help}",
        quoted(name),
        path.to_string_lossy()
    )
}

pub(super) fn not_executable(place: &Path) -> String {
    format!("{0} is not executable: `chmod +x` it, or name its interpreter", quoted(place))
}

/// Something is not there: the folder, the program, or what the program needs to run.
fn missing(attempt: &Attempt, program: &Path, place: &Path) -> String {
    if let Some(words) = unusable_dir(&attempt.dir) {
        return words;
    }
    if fs::symlink_metadata(place).is_err() {
        let dir =
            if program.is_absolute() { String::new() } else { format!(" in {}", quoted(&*attempt.dir)) };
        return format!("there is no program {}{dir}", quoted(program));
    }
    if !place.exists() {
        return format!("the program {} is a link to a file that does not exist", quoted(place));
    }
    match interpreter(place) {
        Some(name) if name.as_bytes().ends_with(b"\r") => format!(
            "the first line of {} ends in a carriage return, as files from Windows do; remove it",
            quoted(place)
        ),
        Some(name) => {
            format!(
                "the interpreter {}, named in the first line of {}, does not exist",
                quoted(&name),
                quoted(place)
            )
        }
        None => format!("{} is there, but not the loader that it was built for", quoted(place)),
    }
}

fn forbidden(attempt: &Attempt, place: &Path, error: &io::Error) -> String {
    if let Some(words) = unusable_dir(&attempt.dir) {
        return words;
    }
    if place.is_dir() {
        return format!("{} is a folder, not a program", quoted(place));
    }
    if place.is_file() && !program::is_executable(place) {
        return not_executable(place);
    }
    match interpreter(place) {
        Some(name) => format!(
            "failed to start {}, or the interpreter {} named in its first line: {error}",
            quoted(place),
            quoted(&name)
        ),
        None => format!("failed to start {}: {error}", quoted(place)),
    }
}

/// Why a process cannot be in this folder.
fn unusable_dir(dir: &Path) -> Option<String> {
    match fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(format!("the folder {} (`dir`) does not exist", quoted(dir)))
        }
        Err(error) => Some(format!("failed to enter the folder {} (`dir`): {error}", quoted(dir))),
        Ok(found) if !found.is_dir() => Some(format!("{} (`dir`) is not a folder", quoted(dir))),
        Ok(_) if !program::is_executable(dir) => {
            Some(format!("the folder {} (`dir`) may not be entered: permission denied", quoted(dir)))
        }
        Ok(_) => None,
    }
}

/// The interpreter that a script's first line names.
fn interpreter(place: &Path) -> Option<OsString> {
    let mut head = Vec::new();
    File::open(place).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let name = line.split(blank).find(|word| !word.is_empty())?;
    Some(OsStr::from_bytes(name).to_owned())
}

fn nul_byte(attempt: &Attempt) -> String {
    let has_nul = |text: &OsStr| text.as_bytes().contains(&0);
    let variable = attempt.env.iter().find(|(name, value)| has_nul(name) || has_nul(value));
    match variable {
        Some((name, _)) => {
            format!("the variable {} contains a NUL byte, which no environment can hold", quoted(name))
        }
        None if has_nul(attempt.dir.as_os_str()) => "the name of `dir` contains a NUL byte".to_owned(),
        None => {
            "an argument contains a NUL byte, which no command line can hold; give such values by `stdin`"
                .to_owned()
        }
    }
}

fn quoted(name: impl AsRef<OsStr>) -> String {
    format!("`{}`", name.as_ref().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn limits_of_the_machine_name_the_remedy() {
        let attempt = Attempt {
            stdout: super::super::Keep::Short,
            terminal: false,
            argv: [OsString::from("prog")].into(),
            shortcut: None,
            env: super::super::Environment::default(),
            dir: Path::new("/").into(),
            stdin: Arc::from(Vec::new()),
            timeout: None,
            grace: Duration::ZERO,
            as_of: 0,
            slot: 1,
        };
        let check = |error: Errno, expected: &str| {
            let found = words(&attempt, Path::new("/prog"), &error.into());
            assert!(found.contains(expected), "{found}");
        };
        check(Errno::AGAIN, "no further process (see `ulimit -u`)");
        check(Errno::NOMEM, "lower `--jobs`");
        check(Errno::MFILE, "(see `ulimit -n`)");
        check(Errno::TXTBSY, "`/prog` is still being written");
        check(Errno::IO, "failed to start `/prog`: ");
    }
}
