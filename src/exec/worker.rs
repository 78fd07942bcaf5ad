//! Calls that are made by programs which live on: a pool of worker processes, each led by one thread at a time.
//!
//! A thread that has calls of one kind gets a worker to itself ([`Workers::lead`]), hands it calls as they come, several
//! ahead while they are short, and is told how each ended. Unaware of the plan and of what fills what; documents are
//! values with a name here.

mod digits;
mod lead;
mod mean;
mod message;
mod prints;
pub mod python;
mod reply;
mod session;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::change::Change;
use crate::name::Name;
use crate::path::Path;
use crate::value::{Text, Value};

use super::{Enders, Ending, Environment, Groups, Logs, Output};
use session::Session;

/// The longest line that a worker may answer, in bytes: it is kept in memory as a whole.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// What a worker is started with. Workers of equal kinds stand in for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub argv: Vec<OsString>,
    pub dir: std::path::PathBuf,
    /// What is the same for all calls; it names the run (`DECO_RUN_ID`), so that nothing of it is left behind.
    pub env: Environment,
    /// The run has a controlling terminal.
    pub terminal: bool,
}

/// One call, as a worker is to make it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The caller's number, of no meaning here.
    pub id: u64,
    pub work: Work,
    /// What the environment holds for it as for the calls around it.
    pub variables: Arc<[(Text, OsString)]>,
    /// What the environment holds for this call alone.
    pub env: Vec<(Text, Text)>,
    /// Of the call, from when it is begun.
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    pub grace: Duration,
}

#[derive(Clone, Debug)]
pub enum Work {
    /// A function by the text that names it, its arguments by position and by name.
    Call { function: Text, args: Vec<Argument>, named: Vec<(Text, Argument)> },
    /// Whatever the worker makes of it.
    Request(Value),
}

#[derive(Clone, Debug)]
pub enum Argument {
    Value(Value),
    /// A small part of what is not the call's own: it may look at it, and a change of it is told.
    Lent {
        value: Value,
        /// What messages call it.
        name: Text,
    },
    /// What stands at a place of a document, which the worker holds.
    Part {
        version: Arc<Version>,
        path: Vec<Text>,
        /// The call may change the document: what it reads there counts.
        tracked: bool,
    },
}

/// A document as some calls see it. A worker gets it once, and drops it when nobody else holds it any more.
#[derive(Debug)]
pub struct Version {
    pub document: Name,
    pub value: Value,
    /// Whether Python's numbers have the digits of these.
    plain: OnceLock<bool>,
}

impl Version {
    pub fn new(document: Name, value: Value) -> Arc<Version> {
        Arc::new(Version { document, value, plain: OnceLock::new() })
    }
}

/// How a call ended.
#[derive(Debug)]
pub struct Done {
    pub id: u64,
    pub answer: Answer,
    pub stdout: Output,
    pub stderr: Output,
    pub took: Duration,
}

#[derive(Debug)]
pub enum Answer {
    Returned(Returned),
    /// The function failed, or gave what JSON cannot say.
    Raised(Raised),
    /// The worker ended, or was ended, over the call; or there was none.
    Process(Ending),
    /// The worker does not keep to the protocol: how, in words.
    Broken(String),
}

#[derive(Debug, Default, PartialEq)]
pub struct Returned {
    pub result: Value,
    /// In the order in which they are to be replayed.
    pub changes: Vec<Change>,
    /// Places of documents it may change that it read, each with all that stands below.
    pub reads: Vec<Path>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Raised {
    /// The exception's type; none where what it returned was at fault.
    pub kind: Option<String>,
    pub message: String,
    pub traceback: Option<String>,
    /// Where it looked in documents that it may change.
    pub reads: Vec<Path>,
}

/// What a thread that leads a worker is told, and asked for. It empties the lists of what it is told; they are used again.
#[derive(Debug, Default)]
pub struct Turn {
    /// Calls that ended, in the order in which they were given.
    pub done: Vec<Done>,
    /// Calls that were not begun and are not this worker's any more, in order: another may make them at once.
    pub back: Vec<Request>,
    /// So many further calls can be taken; none is an answer.
    pub room: usize,
    /// The further calls: its answer.
    pub given: Vec<Request>,
}

/// What the calls of a thread have to do with.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub enders: &'a Enders,
    pub groups: &'a Groups,
    pub logs: &'a dyn Logs,
}

/// All workers of a run.
#[derive(Debug)]
pub struct Workers {
    pool: Mutex<Pool>,
    freed: Condvar,
}

#[derive(Debug)]
struct Pool {
    /// The last one was used last.
    idle: Vec<Session>,
    /// Places in [`Groups`] that no worker has.
    places: Vec<u32>,
}

impl Workers {
    /// At most so many live at a time, whatever their kinds. They have the places of [`Groups`] that begin with
    /// `first_place`.
    pub fn new(most: usize, first_place: u32) -> Workers {
        let places = (first_place..).take(most.max(1)).collect();
        Workers { pool: Mutex::new(Pool { idle: Vec::new(), places }), freed: Condvar::new() }
    }

    /// Has one worker of a kind make calls on this thread, as long as `turn` gives some or some are under way. `turn` is
    /// first asked with nothing to tell. The calls of [`Turn::back`] were never begun.
    pub fn lead(&self, kind: &Arc<Kind>, around: Around<'_>, turn: &mut dyn FnMut(&mut Turn)) {
        lead::lead(self, kind, around, turn);
    }

    /// Starts a worker of the kind for whoever leads one next, if there is a place for it. What goes wrong is told to who leads
    /// one.
    pub fn begin(&self, kind: &Arc<Kind>, around: Around<'_>) {
        let Some(place) = self.lock().places.pop() else { return };
        match Session::start(kind, place, around) {
            Ok(session) => self.put_back(session),
            Err(_) => self.free(place),
        }
    }

    /// Asks all workers to end that make no call, kills those that do not, and waits for them. To be called when no
    /// thread leads one any more.
    pub fn end(&self, groups: &Groups) {
        let idle = std::mem::take(&mut self.lock().idle);
        session::end_all(idle, groups);
    }

    /// A worker of the kind that makes no call, or a place for one.
    fn take(&self, kind: &Arc<Kind>, groups: &Groups) -> Result<Session, u32> {
        let mut pool = self.lock();
        loop {
            if let Some(at) = pool.idle.iter().rposition(|idle| Arc::ptr_eq(&idle.kind, kind)) {
                return Ok(pool.idle.remove(at));
            }
            if let Some(at) = pool.idle.iter().rposition(|idle| idle.kind == *kind) {
                return Ok(pool.idle.remove(at));
            }
            if let Some(place) = pool.places.pop() {
                return Err(place);
            }
            if pool.idle.is_empty() {
                pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // the one of another kind that was not used for longest makes room
            let other = pool.idle.remove(0);
            let place = other.place;
            drop(pool);
            session::end_all(vec![other], groups);
            return Err(place);
        }
    }

    fn put_back(&self, session: Session) {
        self.lock().idle.push(session);
        self.freed.notify_one();
    }

    fn free(&self, place: u32) {
        self.lock().places.push(place);
        self.freed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
