//! Writing a run's journal: lines appended, on the way to the disk within a tenth of a second while the run goes on. What cannot be written as a
//! whole is not there at all.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::event::Event;

use super::disk;

/// What was written is brought to the disk at most so much later.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// The journal of a run that goes on.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Where the next line begins.
    end: u64,
    sync: Option<Sync>,
}

/// What is waited for at the end of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It is on the disk.
    #[default]
    Synced,
    /// The system has it, which outlives deco, but not the machine's power.
    Written,
}

/// The thread that brings to the disk what was written, so that nobody else waits for that.
#[derive(Debug)]
struct Sync {
    /// Holds one wish: whoever finds it full knows that a sync is coming.
    wanted: SyncSender<()>,
    /// Dropped to end the thread's pause.
    over: SyncSender<()>,
    thread: JoinHandle<Result<(), String>>,
}

impl Journal {
    /// Goes on at `end`, cutting off what comes after it: 0 for a run that begins.
    pub fn open(path: &Path, end: u64) -> Result<Journal, String> {
        let file = disk::create(path).map_err(|error| words("make", path, &error))?;
        disk::shorten(&file, end).map_err(|error| words("shorten", path, &error))?;
        let copy = file.try_clone().map_err(|error| words("open", path, &error))?;
        let name = path.to_owned();
        let (wanted, wishes) = sync_channel(1);
        let (over, pause) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || serve(&copy, &wishes, &pause, &name));
        let sync = thread.ok().map(|thread| Sync { wanted, over, thread });
        Ok(Journal { path: path.to_owned(), file, end, sync })
    }

    /// Appends whole lines. On an error those are there for which there was room, and no part of another: nothing can be
    /// appended after it.
    pub fn append(&mut self, lines: &str) -> Result<(), String> {
        if let Err(error) = disk::append(&self.file, lines.as_bytes()) {
            let end = self.file.metadata().map_or(self.end, |data| data.len());
            let written = lines.as_bytes().iter().zip(self.end..end);
            let whole = written.filter(|(byte, _)| **byte == b'\n').last().map_or(self.end, |(_, at)| at + 1);
            let _ = self.file.set_len(whole);
            return Err(words("write", &self.path, &error));
        }
        self.end += lines.len() as u64;
        match &self.sync {
            Some(sync) if sync.thread.is_finished() => self.finish_sync(),
            Some(sync) => {
                let _ = sync.wanted.try_send(());
                Ok(())
            }
            None => disk::sync(&self.file).map_err(|error| words("write", &self.path, &error)),
        }
    }

    /// Nothing more is appended. What stands there is brought to the disk, or left to the system, that will do it by and by.
    pub fn finish(mut self, end: End) -> Result<(), String> {
        self.finish_sync()?;
        match end {
            End::Synced => disk::sync(&self.file).map_err(|error| words("write", &self.path, &error)),
            End::Written => Ok(()),
        }
    }

    fn finish_sync(&mut self) -> Result<(), String> {
        let Some(Sync { wanted, over, thread }) = self.sync.take() else { return Ok(()) };
        drop((wanted, over));
        thread.join().unwrap_or(Ok(()))
    }
}

/// Appends the last event of a run whose journal was finished before.
pub fn append_last(path: &Path, event: &Event) -> Result<(), String> {
    let mut line = String::new();
    event.write_line(&mut line);
    let file = disk::create(path).map_err(|error| words("open", path, &error))?;
    disk::append(&file, line.as_bytes()).map_err(|error| words("write", path, &error))
}

fn serve(file: &File, wishes: &Receiver<()>, pause: &Receiver<()>, path: &Path) -> Result<(), String> {
    while wishes.recv().is_ok() {
        // nobody ever sends: this ends by the time, or because all is over, and how the journal ends is its own affair
        if pause.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Disconnected) {
            break;
        }
        disk::sync(file).map_err(|error| words("write", path, &error))?;
    }
    Ok(())
}

fn words(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("failed to {verb} the journal `{}`: {error}", path.display())
}
