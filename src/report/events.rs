//! `--events FILE`: the events of a run as JSON lines, on disk as soon as nothing more is waiting, so that the file
//! can be followed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Batch, Reporter};
use crate::event::Event;

/// Writes events to a file.
#[derive(Debug)]
pub struct Events {
    name: String,
    file: BufWriter<File>,
}

impl Events {
    /// Makes the file anew.
    pub fn create(path: &Path) -> io::Result<Events> {
        let file = BufWriter::with_capacity(64 * 1024, File::create(path)?);
        Ok(Events { name: path.display().to_string(), file })
    }

    fn words(&self, error: &io::Error) -> String {
        format!("failed to write the events to `{}`: {error}", self.name)
    }
}

impl Reporter for Events {
    fn event(&mut self, event: &Event) -> Result<(), String> {
        self.batch(&Batch::new(vec![event.clone()]))
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), String> {
        self.file.write_all(batch.lines.as_bytes()).map_err(|error| self.words(&error))
    }

    fn idle(&mut self) -> Result<(), String> {
        self.file.flush().map_err(|error| self.words(&error))
    }

    fn finish(&mut self) -> Result<(), String> {
        self.idle()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::change::{Change, Container};
    use crate::event::{EventKind, Printed, RunStatus};
    use crate::name::{CallAddress, TaskName};
    use crate::outcome::{Exit, Failure, Outcome, Skip, Unfilled};
    use crate::value::Value;

    fn call_ended(outcome: Outcome, changes: Vec<Change>) -> EventKind {
        EventKind::CallEnded {
            call: "p[0]".into(),
            outcome,
            took_ms: Some(5),
            exit: None,
            leaked: false,
            fingerprint: None,
            changes: changes.into(),
            reads: Vec::new(),
            printed: Printed { stderr_tail: "x\n".to_owned(), ..Printed::default() }.if_any(),
        }
    }

    fn line(kind: EventKind) -> String {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("events");
        let mut events = Events::create(&place).unwrap();
        events.event(&Event { ms: 7, kind }).unwrap();
        events.idle().unwrap();
        // while the reporter still lives: a reader that follows the file sees it
        fs::read_to_string(&place).unwrap()
    }

    #[test]
    fn an_event_is_one_line_of_json() {
        let value = Value::parse(br#"{"b":1.10,"a":123456789012345678901234567890}"#).unwrap();
        let changes = vec![
            Change::set("d.x".parse().unwrap(), value),
            Change::ensure("d".parse().unwrap(), Container::Object),
        ];
        assert_eq!(
            line(call_ended(Outcome::Succeeded, changes)),
            concat!(
                r#"{"ms":7,"event":"call-ended","call":"p[0]","outcome":"succeeded","took_ms":5,"#,
                r#""changes":[{"path":"d.x","set":{"b":1.10,"a":123456789012345678901234567890}},"#,
                r#"{"path":"d","ensure":"object"}],"stderr_tail":"x\n"}"#,
                "\n"
            )
        );
        let failure = Failure::Exit { exit: Exit::Code(3) };
        assert_eq!(
            line(call_ended(Outcome::Failed { failure, forgiven: false }, Vec::new())),
            concat!(
                r#"{"ms":7,"event":"call-ended","call":"p[0]","outcome":"failed","#,
                r#""failure":{"reason":"exit","exit":{"code":3}},"forgiven":false,"took_ms":5,"#,
                r#""changes":[],"stderr_tail":"x\n"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn outcomes_and_the_end_are_told() {
        let call = CallAddress { task: TaskName::new("q").unwrap(), key: vec!["1".into()] };
        let because = Skip::Reads(Box::new(Unfilled { call, path: "d[1]".to_owned() }));
        let sync = EventKind::SyncEnded { sync: "day".into(), outcome: Outcome::Skipped { because } };
        assert_eq!(
            line(sync),
            concat!(
                r#"{"ms":7,"event":"sync-ended","sync":"day","outcome":"skipped","#,
                r#""because":{"kind":"reads","call":"q[1]","path":"d[1]"}}"#,
                "\n"
            )
        );
        let end = EventKind::RunEnded {
            status: RunStatus::Failed,
            succeeded: 1,
            failed: 2,
            forgiven: 3,
            skipped: 4,
            blocked: 5,
            not_run: 6,
        };
        assert_eq!(
            line(end),
            concat!(
                r#"{"ms":7,"event":"run-ended","status":"failed","succeeded":1,"failed":2,"#,
                r#""forgiven":3,"skipped":4,"blocked":5,"not_run":6}"#,
                "\n"
            )
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_in_words() {
        let mut events = Events::create(Path::new("/dev/full")).unwrap();
        let event = Event { ms: 0, kind: EventKind::Interrupted { signal: 2 } };
        let words = events.event(&event).and_then(|()| events.idle()).unwrap_err();
        assert!(words.starts_with("failed to write the events to `/dev/full`: No space left"), "{words}");
    }
}
