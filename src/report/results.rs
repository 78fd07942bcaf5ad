//! `deco map --ndjson`: the results of calls as JSON lines, each as its call ends. Does not know how a call's key is found.

use std::io::{BufWriter, ErrorKind, Result, Write};

use super::Reporter;
use crate::change::Change;
use crate::event::{Event, EventKind};
use crate::outcome::Outcome;
use crate::path::Path;
use crate::value::{Layout, Value};

/// Writes a line for each call that succeeds.
pub struct Results<W: Write, K> {
    /// `None`: its reader has gone, and has seen enough.
    out: Option<BufWriter<W>>,
    /// The key of a call, by its address and the place that it fills.
    key: K,
}

impl<W: Write, K: Fn(&str, &Path) -> Value> Results<W, K> {
    pub fn new(out: W, key: K) -> Results<W, K> {
        Results { out: Some(BufWriter::with_capacity(64 * 1024, out)), key }
    }

    fn write(&mut self, call: &str, change: &Change) -> Result<()> {
        let (Some(out), Some(result)) = (&mut self.out, change.value()) else { return Ok(()) };
        let line = [("key", (self.key)(call, &change.path)), ("result", result.clone())];
        Value::object(line).write_to(Layout::Compact, out)?;
        out.write_all(b"\n")
    }

    fn done(&mut self, written: Result<()>) -> std::result::Result<(), String> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                // what is left in the buffer has nobody to go to
                drop(self.out.take().map(BufWriter::into_parts));
                Ok(())
            }
            written => written.map_err(|error| format!("cannot write to standard output: {error}")),
        }
    }
}

impl<W: Write + Send, K: Fn(&str, &Path) -> Value + Send> Reporter for Results<W, K> {
    fn event(&mut self, event: &Event) -> std::result::Result<(), String> {
        let EventKind::CallEnded { call, outcome: Outcome::Succeeded, changes, .. } = &event.kind else {
            return Ok(());
        };
        let written = changes.iter().try_for_each(|change| self.write(call, change));
        self.done(written)
    }

    fn idle(&mut self) -> std::result::Result<(), String> {
        let written = self.out.as_mut().map_or(Ok(()), Write::flush);
        self.done(written)
    }

    fn finish(&mut self) -> std::result::Result<(), String> {
        self.idle()
    }
}
