//! How much of an output is kept in memory, and where the rest of it goes: to a log, which the caller of an attempt gives.
//! Unaware of files and of what must be hidden in them.

pub use crate::outcome::Stream;

/// What is kept of an output in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of it, since it will be read; more than so many bytes end the attempt.
    Whole { limit: usize },
    /// All of it while it is short; if it grows beyond that, a log takes it.
    Short,
}

/// Opens logs for outputs that are too long to be kept in memory.
pub trait Logs: Sync {
    fn open(&self, stream: Stream) -> Box<dyn Log>;

    /// Whether somebody looks at what calls print while they run.
    fn is_live(&self) -> bool {
        false
    }

    /// What was just read of an output of a call, by the number of its request; 0 where it is a process of its own.
    fn heard(&self, _call: u64, _stream: Stream, _bytes: &[u8]) {}
}

/// Where the outputs of one call go.
#[derive(Clone, Copy)]
pub(super) struct Sink<'a> {
    pub logs: &'a dyn Logs,
    /// The number of its request, 0 where it is a process of its own.
    pub call: u64,
}

impl<'a> Sink<'a> {
    pub fn of_process(logs: &'a dyn Logs) -> Sink<'a> {
        Sink { logs, call: 0 }
    }
}

/// Takes one output, as it comes.
pub trait Log {
    /// Never fails: whoever prints must not wait for a disk that has room. What went wrong is told at the end.
    fn write(&mut self, bytes: &[u8]);

    /// Nothing more comes.
    fn close(self: Box<Self>) -> Logged;
}

/// An output in its log.
#[derive(Debug, Default)]
pub struct Logged {
    /// Its beginning and its end.
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    /// How many bytes it has.
    pub length: u64,
    /// The log's name; none if nothing could be written.
    pub name: Option<String>,
    /// Why the log does not hold all of it, in words.
    pub error: Option<String>,
}

impl Keep {
    /// How much memory takes.
    pub(super) fn room(self) -> usize {
        const SHORT: usize = 64 * 1024;
        match self {
            Keep::Whole { limit } => limit,
            Keep::Short => SHORT,
        }
    }
}
