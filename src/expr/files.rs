//! The files that expressions name, relative to one folder. Each is read once: what a run sees of it is the same
//! from the first time to the last. Knows nothing of expressions.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use globset::{GlobBuilder, GlobMatcher};
use rustix::io::Errno;

use crate::value::{Text, Value};

/// Files that expressions name, relative to one folder; each is read once.
pub struct Files {
    dir: PathBuf,
    seen: Mutex<HashMap<Asked, Result<Value, String>>>,
}

/// What was asked, as the key under which the answer is kept.
#[derive(PartialEq, Eq, Hash)]
enum Asked {
    Glob(Text),
    Lines(Text),
    Json(Text),
}

impl Files {
    /// Files relative to this folder.
    pub fn new(dir: impl Into<PathBuf>) -> Files {
        Files { dir: dir.into(), seen: Mutex::default() }
    }

    /// The paths that any of the patterns matches, sorted by their bytes, relative as the pattern is.
    pub fn glob(&self, patterns: &[&Text]) -> Result<Value, String> {
        let mut found = BTreeSet::new();
        for pattern in patterns {
            let matched = self.once(Asked::Glob((*pattern).clone()), || matching(&self.dir, pattern))?;
            if let Value::Array(paths) = matched {
                found.extend(paths.iter().map(Value::to_text));
            }
        }
        Ok(Value::array(found.into_iter().map(Value::from).collect()))
    }

    /// The lines of a text file, without their ends.
    pub fn lines(&self, file: &Text) -> Result<Value, String> {
        self.once(Asked::Lines(file.clone()), || {
            let bytes = self.read(file)?;
            let text = std::str::from_utf8(&bytes).map_err(|_| format!("`{file}` is not UTF-8"))?;
            Ok(Value::array(text.lines().map(Value::from).collect()))
        })
    }

    /// The value that a JSON file holds.
    pub fn json(&self, file: &Text) -> Result<Value, String> {
        self.once(Asked::Json(file.clone()), || {
            Value::parse(&self.read(file)?).map_err(|error| format!("`{file}` is no JSON: {error}"))
        })
    }

    /// What the file holds, but for a byte order mark.
    fn read(&self, file: &str) -> Result<Vec<u8>, String> {
        let read = fs::read(self.dir.join(file));
        let mut bytes = read.map_err(|error| format!("failed to read `{file}`: {}", reason(&error)))?;
        if bytes.starts_with("\u{feff}".as_bytes()) {
            bytes.drain(.."\u{feff}".len());
        }
        Ok(bytes)
    }

    /// The answer kept, or else made; the lock is held meanwhile, so that two threads do not see two states.
    fn once(&self, asked: Asked, make: impl FnOnce() -> Result<Value, String>) -> Result<Value, String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(asked).or_insert_with(make).clone()
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The system's words without its number.
fn reason(error: &std::io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// One part of a pattern, between slashes.
enum Part {
    /// No wildcard: looked up, so that a folder need not be listable.
    Literal(String),
    Wild {
        matcher: GlobMatcher,
        hidden: bool,
    },
    /// `**`: any number of folders.
    Deep,
}

fn matching(dir: &Path, pattern: &str) -> Result<Value, String> {
    let (root, relative) = match pattern.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", pattern),
    };
    let parts = relative.split('/').filter(|part| !part.is_empty()).map(|text| part(text, pattern));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let mut found = BTreeSet::new();
    if !parts.is_empty() {
        walk(dir, root, &parts, &mut found)?;
    }
    Ok(Value::array(found.into_iter().map(Value::from).collect()))
}

fn part(text: &str, pattern: &str) -> Result<Part, String> {
    if text == "**" {
        return Ok(Part::Deep);
    }
    if !text.contains(['*', '?', '[', '{', '\\']) {
        return Ok(Part::Literal(text.to_owned()));
    }
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|error| format!("`{pattern}` is no pattern: {}", error.kind()))?;
    Ok(Part::Wild { matcher: glob.compile_matcher(), hidden: text.starts_with('.') })
}

/// Adds what the parts match below `at`, a path in the form that the pattern has; empty is `dir` itself.
fn walk(dir: &Path, at: &str, parts: &[Part], found: &mut BTreeSet<String>) -> Result<(), String> {
    let Some((first, rest)) = parts.split_first() else {
        found.insert(at.to_owned());
        return Ok(());
    };
    match first {
        Part::Literal(name) => {
            let path = below(at, name);
            if exists(dir, &path)? {
                walk(dir, &path, rest, found)?;
            }
        }
        Part::Wild { matcher, hidden } => {
            for name in names(dir, at)? {
                if matcher.is_match(&name) && (*hidden || !name.starts_with('.')) {
                    walk(dir, &below(at, &name), rest, found)?;
                }
            }
        }
        Part::Deep => {
            if !rest.is_empty() {
                walk(dir, at, rest, found)?;
            }
            for name in names(dir, at)?.into_iter().filter(|name| !name.starts_with('.')) {
                let path = below(at, &name);
                // a link to a folder above would never end
                let folder = fs::symlink_metadata(dir.join(&path)).is_ok_and(|meta| meta.is_dir());
                if folder {
                    walk(dir, &path, parts, found)?;
                }
                if rest.is_empty() {
                    found.insert(path);
                }
            }
        }
    }
    Ok(())
}

fn below(at: &str, name: &str) -> String {
    match at {
        "" | "/" => format!("{at}{name}"),
        _ => format!("{at}/{name}"),
    }
}

/// The names in a folder; of what is no folder, or gone, none.
fn names(dir: &Path, at: &str) -> Result<Vec<String>, String> {
    let unlisted = |error: &io::Error| format!("failed to list `{at}`: {}", reason(error));
    let entries = match fs::read_dir(dir.join(at)) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(unlisted(&error)),
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        let name = entry.map_err(|error| unlisted(&error))?.file_name();
        name.into_string().map_err(|name| format!("the file name `{}` is not UTF-8", name.to_string_lossy()))
    };
    entries.map(name).collect()
}

fn exists(dir: &Path, at: &str) -> Result<bool, String> {
    match fs::symlink_metadata(dir.join(at)) {
        Ok(_) => Ok(true),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(format!("failed to look for `{at}`: {}", reason(&error))),
    }
}

/// Whether the error says that nothing is there; any other may hide what is.
fn is_absence(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in
            ["b.txt", "a.txt", "B.txt", ".hid.txt", "s/x.txt", "s/t/y.txt", "s/t/z.csv", "s.d/.h/q.txt"]
        {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "1\n").unwrap();
        }
        dir
    }

    #[test]
    fn a_pattern_matches_as_in_a_shell_sorted_by_bytes() {
        let dir = folder();
        let files = Files::new(dir.path());
        let check = |pattern: &str, expected: &[&str]| {
            let found = files.glob(&[&pattern.into()]).unwrap();
            let expected = Value::array(expected.iter().copied().map(Value::from).collect());
            assert_eq!(found, expected, "{pattern}");
        };
        check("*.txt", &["B.txt", "a.txt", "b.txt"]);
        check(".*.txt", &[".hid.txt"]);
        check("s/*", &["s/t", "s/x.txt"]);
        check("**/*.txt", &["B.txt", "a.txt", "b.txt", "s/t/y.txt", "s/x.txt"]);
        check("s/**", &["s/t", "s/t/y.txt", "s/t/z.csv", "s/x.txt"]);
        check("s*/**/*.{txt,csv}", &["s/t/y.txt", "s/t/z.csv", "s/x.txt"]);
        check("[ab].txt", &["a.txt", "b.txt"]);
        check("./a.txt", &["./a.txt"]);
        check("a.txt", &["a.txt"]);
        check("none*", &[]);
        check("a.txt/*", &[]);
        check("", &[]);
        let absolute = dir.path().join("s/*.txt").to_str().unwrap().to_owned();
        check(&absolute, &[&absolute.replace('*', "x")]);
        assert!(files.glob(&[&"[".into()]).unwrap_err().contains("`[` is no pattern"));
        let both = files.glob(&[&"a*".into(), &"[ab].txt".into()]).unwrap();
        assert_eq!(both.to_json(), r#"["a.txt","b.txt"]"#);
    }

    #[test]
    fn a_link_to_a_folder_above_ends() {
        let dir = folder();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("s/up")).unwrap();
        let found = Files::new(dir.path()).glob(&[&"**/*.csv".into()]).unwrap();
        assert_eq!(found.to_json(), r#"["s/t/z.csv"]"#);
    }

    #[test]
    fn a_link_to_itself_leads_nowhere() {
        let dir = folder();
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        let found = Files::new(dir.path()).glob(&[&"loop/*".into(), &"loop/x".into()]).unwrap();
        assert_eq!(found.to_json(), "[]");
    }

    #[test]
    fn a_file_is_read_once() {
        let dir = folder();
        let files = Files::new(dir.path());
        assert_eq!(files.json(&"a.txt".into()).unwrap().to_json(), "1");
        assert_eq!(files.lines(&"a.txt".into()).unwrap().to_json(), r#"["1"]"#);
        assert!(files.lines(&"late".into()).is_err());
        fs::write(dir.path().join("a.txt"), "2").unwrap();
        fs::write(dir.path().join("late"), "2").unwrap();
        assert_eq!(files.json(&"a.txt".into()).unwrap().to_json(), "1");
        assert!(files.lines(&"late".into()).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let dir = folder();
        fs::write(dir.path().join("marked"), "\u{feff}[1]\n").unwrap();
        let files = Files::new(dir.path());
        assert_eq!(files.json(&"marked".into()).unwrap().to_json(), "[1]");
        assert_eq!(files.lines(&"marked".into()).unwrap().to_json(), r#"["[1]"]"#);
    }

    #[test]
    fn errors_name_the_file() {
        let dir = folder();
        fs::write(dir.path().join("bad"), b"\xff\n").unwrap();
        let files = Files::new(dir.path());
        assert_eq!(
            files.lines(&"gone".into()).unwrap_err(),
            "failed to read `gone`: no such file or directory"
        );
        assert_eq!(files.lines(&"bad".into()).unwrap_err(), "`bad` is not UTF-8");
        assert!(files.json(&"bad".into()).unwrap_err().starts_with("`bad` is no JSON: "));
    }
}
