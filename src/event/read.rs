//! Events back from their lines. Read through deco's own values, since changes must keep every digit. What a newer deco
//! added to an event is passed over; an event that only a newer one knows is an error.

use crate::change::{Change, Container, Operation};
use crate::outcome::{Exit, Failure, Outcome, Skip, Unfilled};
use crate::value::{Text, Value};

use super::shape::{EdgeShape, JoinShape, Shape, TaskShape};
use super::{Event, EventKind, Fingerprint, Printed, RunStatus};

/// A field is missing, or is not what it should be.
type Read<T> = Result<T, String>;

impl Event {
    /// Reads one line. `Err`: why it is no event, in words.
    pub fn parse(line: &[u8]) -> Read<Event> {
        let value = Value::parse(line).map_err(|error| error.to_string())?;
        let fields = Fields(&value);
        Ok(Event { ms: fields.number("ms")?, kind: kind(&fields)? })
    }
}

fn kind(fields: &Fields<'_>) -> Read<EventKind> {
    Ok(match fields.str("event")? {
        "run-started" => run_started(fields)?,
        "planned" => EventKind::Planned(shape(fields)?),
        "attempt-started" => EventKind::AttemptStarted {
            call: fields.text("call")?.into(),
            attempt: fields.number("attempt")?,
            slot: fields.number("slot")?,
            left_ms: fields.number("left_ms").ok(),
            after: fields.optional_text("after").map(Text::from),
            command: fields.optional_text("command").unwrap_or_default(),
        },
        "attempt-failed" => EventKind::AttemptFailed {
            call: fields.text("call")?.into(),
            attempt: fields.number("attempt")?,
            failure: failure(&fields.below("failure")?)?,
            stderr_tail: fields.text_or_nothing("stderr_tail")?,
            next_in_ms: fields.number("next_in_ms")?,
            stdout_log: fields.optional_text("stdout_log"),
            stderr_log: fields.optional_text("stderr_log"),
        },
        "call-ended" => call_ended(fields)?,
        "call-kept" => EventKind::CallKept { call: fields.text("call")?.into() },
        "task-expanded" => EventKind::TaskExpanded {
            task: fields.text("task")?.into(),
            outcome: outcome(fields)?,
            calls: fields.number("calls")?,
        },
        "sync-ended" => EventKind::SyncEnded { sync: fields.text("sync")?.into(), outcome: outcome(fields)? },
        "interrupted" => EventKind::Interrupted { signal: fields.number("signal")? },
        "run-ended" => run_ended(fields)?,
        "answer-given" => EventKind::AnswerGiven,
        other => return Err(format!("`{other}` is no event that this deco knows")),
    })
}

fn run_started(fields: &Fields<'_>) -> Read<EventKind> {
    Ok(EventKind::RunStarted {
        schema: fields.number("schema")?,
        deco: fields.text("deco")?.into(),
        run: fields.text("run")?,
        manifest: fields.text("manifest")?,
        name: fields.optional_text("name"),
        started: fields.text("started")?,
        resumed: fields.flag("resumed"),
        whole: fields.flag("whole"),
        jobs: fields.number("jobs")?,
        calls: fields.number("calls")?,
        unexpanded: fields.number("unexpanded")?,
        syncs: fields.number("syncs")?,
    })
}

fn shape(fields: &Fields<'_>) -> Read<Shape> {
    Ok(Shape {
        tasks: fields.all("tasks", |fields| {
            Ok(TaskShape {
                task: fields.text("task")?,
                variables: fields.texts("variables")?,
                description: fields.optional_text("description"),
                tags: fields.texts("tags").unwrap_or_default(),
                runs: fields.optional_text("runs").unwrap_or_default(),
                line: fields.number("line")?,
                calls: fields.number("calls").ok(),
            })
        })?,
        joins: fields.all("joins", |fields| {
            Ok(JoinShape {
                join: fields.text("join")?,
                joins: fields.number("joins")?,
                gathers: fields.texts("gathers")?,
                calls: fields.number("calls")?,
                feeds: fields.texts("feeds")?,
            })
        })?,
        edges: fields.all("edges", |fields| {
            Ok(EdgeShape {
                from: fields.text("from")?,
                to: fields.text("to")?,
                edges: fields.number("edges")?,
            })
        })?,
    })
}

fn call_ended(fields: &Fields<'_>) -> Read<EventKind> {
    let changes = fields.all("changes", change)?;
    let reads = fields.items("reads").unwrap_or_default().iter().map(|value| match value {
        Value::String(path) => path.parse(),
        other => Err(format!("a place is {}", other.kind())),
    });
    Ok(EventKind::CallEnded {
        call: fields.text("call")?.into(),
        outcome: outcome(fields)?,
        took_ms: fields.number("took_ms").ok(),
        exit: fields.below("exit").ok().map(|below| exit(&below)).transpose()?,
        leaked: fields.flag("leaked"),
        fingerprint: fingerprint(fields),
        changes: changes.into(),
        reads: reads.collect::<Read<_>>()?,
        printed: printed(fields)?.if_any(),
    })
}

fn printed(fields: &Fields<'_>) -> Read<Printed> {
    Ok(Printed {
        stdout_head: fields.optional_text("stdout_head"),
        stderr_head: fields.optional_text("stderr_head"),
        stdout_tail: fields.text_or_nothing("stdout_tail")?,
        stderr_tail: fields.text_or_nothing("stderr_tail")?,
        stdout_log: fields.optional_text("stdout_log"),
        stderr_log: fields.optional_text("stderr_log"),
    })
}

/// One that is none is as good as another call's.
fn fingerprint(fields: &Fields<'_>) -> Option<Fingerprint> {
    blake3::Hash::from_hex(fields.str("fingerprint").ok()?).ok().map(Fingerprint)
}

fn run_ended(fields: &Fields<'_>) -> Read<EventKind> {
    let status = match fields.str("status")? {
        "succeeded" => RunStatus::Succeeded,
        "failed" => RunStatus::Failed,
        "conflict" => RunStatus::Conflict,
        "interrupted" => RunStatus::Interrupted,
        other => return Err(format!("`{other}` is no status that this deco knows")),
    };
    Ok(EventKind::RunEnded {
        status,
        succeeded: fields.number("succeeded")?,
        failed: fields.number("failed")?,
        forgiven: fields.number("forgiven")?,
        skipped: fields.number("skipped")?,
        blocked: fields.number("blocked")?,
        not_run: fields.number("not_run")?,
    })
}

fn outcome(fields: &Fields<'_>) -> Read<Outcome> {
    Ok(match fields.str("outcome")? {
        "succeeded" => Outcome::Succeeded,
        "failed" => Outcome::Failed {
            failure: failure(&fields.below("failure")?)?,
            forgiven: fields.flag("forgiven"),
        },
        "skipped" => Outcome::Skipped { because: skip(&fields.below("because")?)? },
        "blocked" => Outcome::Blocked { by: fields.text("by")? },
        "not-run" => Outcome::NotRun,
        other => return Err(format!("`{other}` is no outcome that this deco knows")),
    })
}

fn failure(fields: &Fields<'_>) -> Read<Failure> {
    let message = || fields.text("message");
    Ok(match fields.str("reason")? {
        "exit" => Failure::Exit { exit: exit(&fields.below("exit")?)? },
        "timeout" => Failure::Timeout { limit_ms: fields.number("limit_ms")? },
        "cannot-start" => Failure::CannotStart { message: message()? },
        "expression" => Failure::Expression { message: message()? },
        "result" => Failure::Result { message: message()? },
        "fill" => Failure::Fill { message: message()? },
        "check" => Failure::Check { message: message()? },
        "raised" => Failure::Raised { message: message()? },
        "interrupted" => Failure::Interrupted,
        "stopped-by-terminal" => Failure::StoppedByTerminal { signal: fields.number("signal")? },
        other => return Err(format!("`{other}` is no reason that this deco knows")),
    })
}

fn exit(fields: &Fields<'_>) -> Read<Exit> {
    fields.number("code").map(Exit::Code).or_else(|_| fields.number("signal").map(Exit::Signal))
}

fn skip(fields: &Fields<'_>) -> Read<Skip> {
    Ok(match fields.str("kind")? {
        "condition" => Skip::Condition,
        "requested" => Skip::Requested,
        "no-failure" => Skip::NoFailure,
        "reads" => {
            Skip::Reads(Box::new(Unfilled { call: fields.str("call")?.parse()?, path: fields.text("path")? }))
        }
        other => return Err(format!("`{other}` is no reason that this deco knows")),
    })
}

fn change(fields: &Fields<'_>) -> Read<Change> {
    let path = fields.str("path")?.parse()?;
    if let Some(value) = fields.0.get("set") {
        return Ok(Change { path, operation: Operation::Set(value.clone()) });
    }
    if fields.get("delete").is_ok() {
        return Ok(Change::delete(path));
    }
    match fields.str("ensure")? {
        "object" => Ok(Change::ensure(path, Container::Object)),
        "array" => Ok(Change::ensure(path, Container::Array)),
        other => Err(format!("`{other}` is no container")),
    }
}

/// The members of an event's object.
struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Read<&'a Value> {
        self.0.get(name).ok_or_else(|| format!("the field `{name}` is missing"))
    }

    fn below(&self, name: &str) -> Read<Fields<'a>> {
        self.get(name).map(Fields)
    }

    fn str(&self, name: &str) -> Read<&'a str> {
        match self.get(name)? {
            Value::String(text) => Ok(text),
            other => Err(format!("the field `{name}` is {}", other.kind())),
        }
    }

    fn text(&self, name: &str) -> Read<String> {
        self.str(name).map(str::to_owned)
    }

    fn text_or_nothing(&self, name: &str) -> Read<String> {
        if self.0.get(name).is_none() { Ok(String::new()) } else { self.text(name) }
    }

    fn optional_text(&self, name: &str) -> Option<String> {
        self.text(name).ok()
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(Value::Bool(true)))
    }

    fn number<N: TryFrom<i128>>(&self, name: &str) -> Read<N> {
        let number = match self.get(name)? {
            Value::Number(number) => number.as_i128().and_then(|number| N::try_from(number).ok()),
            _ => None,
        };
        number.ok_or_else(|| format!("the field `{name}` is not the number that it should be"))
    }

    /// Each item of a list, read.
    fn all<T>(&self, name: &str, read: impl Fn(&Fields<'_>) -> Read<T>) -> Read<Vec<T>> {
        self.items(name)?.iter().map(|item| read(&Fields(item))).collect()
    }

    fn texts(&self, name: &str) -> Read<Vec<String>> {
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.to_string()),
            other => Err(format!("an item of the field `{name}` is {}", other.kind())),
        };
        self.items(name)?.iter().map(text).collect()
    }

    fn items(&self, name: &str) -> Read<&'a [Value]> {
        match self.get(name)? {
            Value::Array(items) => Ok(items),
            other => Err(format!("the field `{name}` is {}", other.kind())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{CallAddress, TaskName};

    #[track_caller]
    fn comes_back(kind: EventKind) {
        let line = |event: &Event| {
            let mut line = String::new();
            event.write_line(&mut line);
            line
        };
        let event = Event { ms: 7, kind };
        let written = line(&event);
        let read = Event::parse(written.trim_end().as_bytes()).unwrap();
        assert_eq!(line(&read), written);
        // by serde the schema is made
        assert_eq!(serde_json::to_string(&event).unwrap() + "\n", written);
    }

    fn ended(outcome: Outcome) -> EventKind {
        let set = |path: &str, json: &str| {
            Change::set(path.parse().unwrap(), Value::parse(json.as_bytes()).unwrap())
        };
        EventKind::CallEnded {
            call: r#"t["a,b",0]"#.into(),
            outcome,
            took_ms: Some(12),
            exit: Some(Exit::Code(3)),
            leaked: true,
            fingerprint: Some(Fingerprint(blake3::hash(b"call"))),
            changes: vec![
                set("r[0]", "1.10"),
                set(r#"r["a b"][]"#, r#"{"x":[123456789012345678901234567890,null]}"#),
                Change::ensure("r".parse().unwrap(), Container::Array),
                Change::delete("r.k".parse().unwrap()),
            ]
            .into(),
            reads: vec!["r.k".parse().unwrap(), r#"s["a b"]"#.parse().unwrap()],
            printed: Printed {
                stdout_head: Some("begins\n".to_owned()),
                stdout_tail: "é\n".to_owned(),
                stderr_log: Some("logs/1.stderr".to_owned()),
                ..Printed::default()
            }
            .if_any(),
        }
    }

    #[test]
    fn every_event_comes_back_from_its_line() {
        let message = || "why".to_owned();
        for failure in [
            Failure::Exit { exit: Exit::Signal(9) },
            Failure::Timeout { limit_ms: 50 },
            Failure::CannotStart { message: message() },
            Failure::Expression { message: message() },
            Failure::Result { message: message() },
            Failure::Fill { message: message() },
            Failure::Check { message: message() },
            Failure::Raised { message: message() },
            Failure::Interrupted,
            Failure::StoppedByTerminal { signal: 21 },
        ] {
            comes_back(ended(Outcome::Failed { failure: failure.clone(), forgiven: true }));
            let stderr_tail = "x".to_owned();
            let call = "t".into();
            comes_back(EventKind::AttemptFailed {
                call,
                attempt: 2,
                failure,
                stderr_tail,
                next_in_ms: 9,
                stdout_log: None,
                stderr_log: Some("logs/1.stderr".to_owned()),
            });
        }
        let key = vec!["a,b".into(), "x".into(), "\"".into(), "".into()];
        let call = CallAddress { task: TaskName::new("t").unwrap(), key };
        for because in [
            Skip::Condition,
            Skip::Requested,
            Skip::NoFailure,
            Skip::Reads(Box::new(Unfilled { call, path: "r[0]".to_owned() })),
        ] {
            comes_back(ended(Outcome::Skipped { because }));
        }
        comes_back(ended(Outcome::Succeeded));
        comes_back(ended(Outcome::Blocked { by: "t[1]".to_owned() }));
        let name = || Text::from("t");
        comes_back(EventKind::TaskExpanded { task: name(), outcome: Outcome::NotRun, calls: 4 });
        comes_back(EventKind::SyncEnded { sync: name(), outcome: Outcome::Succeeded });
        for after in [None, Some("s[1]".into())] {
            comes_back(EventKind::AttemptStarted {
                call: name(),
                attempt: 1,
                slot: 2,
                left_ms: after.as_ref().map(|_| 30),
                after,
                command: "echo 'a b'".to_owned(),
            });
        }
        comes_back(EventKind::CallKept { call: name() });
        comes_back(EventKind::Interrupted { signal: 15 });
        comes_back(EventKind::AnswerGiven);
    }

    #[test]
    fn the_beginning_and_the_end_of_a_run_come_back() {
        comes_back(EventKind::RunStarted {
            schema: 1,
            deco: "0.1.0".into(),
            run: "r".to_owned(),
            manifest: "deco.toml".to_owned(),
            name: None,
            started: "2026-01-01T00:00:00Z".to_owned(),
            resumed: true,
            whole: false,
            jobs: 2,
            calls: 3,
            unexpanded: 1,
            syncs: 0,
        });
        for status in [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Conflict, RunStatus::Interrupted] {
            comes_back(EventKind::RunEnded {
                status,
                succeeded: 1,
                failed: 2,
                forgiven: 3,
                skipped: 4,
                blocked: 5,
                not_run: 6,
            });
        }
    }

    #[test]
    fn the_shape_of_a_plan_comes_back() {
        let task = |name: &str, calls: Option<usize>| TaskShape {
            task: name.to_owned(),
            variables: vec!["x".to_owned()],
            description: calls.map(|_| "words".to_owned()),
            tags: calls.map(|_| "slow".to_owned()).into_iter().collect(),
            runs: "echo".to_owned(),
            line: 3,
            calls,
        };
        let join = JoinShape {
            join: "join of a".to_owned(),
            joins: 2,
            gathers: vec!["a".to_owned()],
            calls: 9,
            feeds: vec!["b".to_owned(), "sync.s".to_owned()],
        };
        let edge = EdgeShape { from: "a".to_owned(), to: "b".to_owned(), edges: 4 };
        comes_back(EventKind::Planned(Shape {
            tasks: vec![task("a", Some(9)), task("b", None)],
            joins: vec![join],
            edges: vec![edge],
        }));
    }

    #[test]
    fn what_is_no_event_is_refused_in_words() {
        let words = |line: &str| Event::parse(line.as_bytes()).unwrap_err();
        assert!(words(r#"{"ms":1,"event":"dance"}"#).contains("`dance` is no event that this deco knows"));
        assert!(words(r#"{"event":"interrupted","signal":2}"#).contains("the field `ms` is missing"));
        assert!(words(r#"{"ms":1,"event":"interrupted","signal":"x"}"#).contains("`signal`"));
        assert!(!words("{").is_empty());
    }
}
