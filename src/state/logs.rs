//! The log files of a run: outputs that are too long for its events, as they come, without the secrets that are known by
//! then. Files have numbers, since an address may hold anything. Unaware of calls and processes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::mask::{MaskStream, Masker};

use super::disk;

/// How much of the beginning and of the end is kept at hand.
const HEAD: usize = 4 * 1024;
const TAIL: usize = 16 * 1024;

/// The logs of one run.
#[derive(Debug)]
pub struct Logs {
    folder: PathBuf,
    last: AtomicU32,
}

/// A log that is being written.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    name: String,
    /// `None` once something went wrong.
    file: Option<File>,
    error: Option<String>,
    hidden: Option<MaskStream>,
    head: Vec<u8>,
    tail: Vec<u8>,
    length: u64,
}

/// A log that has been written.
#[derive(Debug)]
pub struct Written {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    /// How many bytes were to be written.
    pub length: u64,
    /// Relative to the run's folder.
    pub name: Option<String>,
    pub error: Option<String>,
}

impl Logs {
    /// In this folder, which need not be there yet.
    pub fn new(folder: PathBuf) -> Logs {
        Logs { folder, last: AtomicU32::new(0) }
    }

    /// A log for an output of this kind (`stdout`, `stderr`).
    pub fn open(&self, kind: &str, masker: Masker) -> LogFile {
        let hidden = (!masker.is_empty()).then(|| MaskStream::new(masker));
        let (path, opened) = self.create(kind);
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("logs/{file_name}");
        let error = opened.as_ref().err().map(|error| words("make", &path, error));
        LogFile {
            path,
            name,
            file: opened.ok(),
            error,
            hidden,
            head: Vec::new(),
            tail: Vec::new(),
            length: 0,
        }
    }

    /// A file that was not there: an earlier part of the run has left some.
    fn create(&self, kind: &str) -> (PathBuf, io::Result<File>) {
        loop {
            let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
            let path = self.folder.join(format!("{number}.{kind}"));
            let made = disk::create_private_folder(&self.folder).and_then(|()| disk::create_new(&path));
            match made {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.folder.is_dir() => {}
                made => return (path, made),
            }
        }
    }
}

impl LogFile {
    /// Takes what comes next, also when the file cannot.
    pub fn write(&mut self, bytes: &[u8]) {
        match &mut self.hidden {
            None => self.put(bytes),
            Some(hidden) => {
                let shown = hidden.push(bytes);
                self.put(&shown);
            }
        }
    }

    /// Nothing more comes.
    pub fn close(mut self) -> Written {
        if let Some(hidden) = self.hidden.take() {
            self.put(&hidden.finish());
        }
        let name = self.file.is_some().then_some(self.name);
        Written { head: self.head, tail: self.tail, length: self.length, name, error: self.error }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD - self.head.len())]);
        let fresh = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (self.tail.len() + fresh.len()).saturating_sub(TAIL);
        self.tail.drain(..excess);
        self.tail.extend_from_slice(fresh);
        let written = self.file.as_ref().map_or(Ok(()), |file| disk::append(file, bytes));
        if let Err(error) = written {
            self.error = Some(words("write", &self.path, &error));
            self.file = None;
        }
    }
}

fn words(verb: &str, path: &Path, error: &io::Error) -> String {
    format!("failed to {verb} the log `{}`: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_holds_all_but_the_secrets_and_its_end_is_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path().join("logs"));
        let mut log = logs.open("stderr", Masker::new().with("TOKEN", b"hunter2"));
        log.write(&vec![b'x'; 100_000]);
        log.write(b"hun");
        log.write(b"ter2!");
        let written = log.close();
        assert_eq!((written.name.as_deref(), written.error), (Some("logs/1.stderr"), None));
        let all = std::fs::read(folder.path().join("logs/1.stderr")).unwrap();
        assert_eq!((all.len(), &all[100_000..]), (100_004, &b"***!"[..]));
        assert!(all.ends_with(&written.tail));
        assert_eq!((written.tail.len(), written.head.len(), written.length), (TAIL, HEAD, 100_004));
    }

    #[test]
    fn what_an_earlier_part_of_the_run_left_stays() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1.stdout"), "old").unwrap();
        let written = Logs::new(folder.path().to_owned()).open("stdout", Masker::new()).close();
        assert_eq!(written.name.as_deref(), Some("logs/2.stdout"));
        assert_eq!(std::fs::read(folder.path().join("1.stdout")).unwrap(), b"old");
    }

    #[test]
    fn a_log_that_cannot_be_written_takes_all_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("file");
        std::fs::write(&place, "").unwrap();
        let mut log = Logs::new(place).open("stdout", Masker::new());
        log.write(b"end");
        let written = log.close();
        assert_eq!((written.tail.as_slice(), written.name), (&b"end"[..], None));
        assert!(written.error.unwrap().contains("1.stdout"));
    }
}
