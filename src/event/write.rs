//! Events as lines of JSON. The two that come with every call are written here member by member, which takes a quarter of
//! the time that serde takes; serde writes the others, and the schema is made from what it would write of all.

use serde::Serialize;

use crate::change::{Change, Container, Operation};
use crate::outcome::{Exit, Outcome};
use crate::value::write_quoted;

use super::{Event, EventKind};

impl Event {
    /// Appends the event as a line of JSON.
    pub fn write_line(&self, out: &mut String) {
        let mut line = Object::begin(out);
        line.number("ms", self.ms);
        match &self.kind {
            EventKind::AttemptStarted { call, attempt, slot, left_ms, after, command } => {
                line.member("event").push_str("\"attempt-started\"");
                line.text("call", call);
                line.number("attempt", *attempt);
                line.number("slot", *slot);
                left_ms.iter().for_each(|left| line.number("left_ms", *left));
                after.iter().for_each(|after| line.text("after", after));
                if !command.is_empty() {
                    line.text("command", command);
                }
            }
            EventKind::CallEnded {
                call,
                outcome,
                took_ms,
                exit,
                leaked,
                fingerprint,
                changes,
                reads,
                printed,
            } => {
                line.member("event").push_str("\"call-ended\"");
                line.text("call", call);
                match outcome {
                    Outcome::Succeeded => line.member("outcome").push_str("\"succeeded\""),
                    other => line.all_of(other),
                }
                match took_ms {
                    Some(took) => line.number("took_ms", *took),
                    None => line.member("took_ms").push_str("null"),
                }
                exit.iter().for_each(|exit| write_exit(*exit, line.member("exit")));
                if *leaked {
                    line.member("leaked").push_str("true");
                }
                fingerprint.iter().for_each(|fingerprint| line.text("fingerprint", &fingerprint.0.to_hex()));
                write_list(changes, line.member("changes"), write_change);
                if !reads.is_empty() {
                    write_list(reads, line.member("reads"), |path, out| write_quoted(&path.text(), out));
                }
                printed.iter().for_each(|printed| line.all_of(&**printed));
            }
            other => line.all_of(other),
        }
        line.end();
        out.push('\n');
    }
}

fn write_change(change: &Change, out: &mut String) {
    let mut members = Object::begin(out);
    members.text("path", &change.path.text());
    match &change.operation {
        Operation::Set(value) => value.write_json(members.member("set")),
        Operation::Ensure(Container::Object) => members.text("ensure", "object"),
        Operation::Ensure(Container::Array) => members.text("ensure", "array"),
        Operation::Delete => members.member("delete").push_str("null"),
    }
    members.end();
}

fn write_exit(exit: Exit, out: &mut String) {
    let mut members = Object::begin(out);
    match exit {
        Exit::Code(code) => members.number("code", code),
        Exit::Signal(signal) => members.number("signal", signal),
    }
    members.end();
}

fn write_list<T>(items: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

/// An object that is being written. Names of members hold nothing that is to be escaped.
struct Object<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut String) -> Object<'a> {
        out.push('{');
        Object { out, is_empty: true }
    }

    fn end(self) {
        self.out.push('}');
    }

    /// Where the value of a further member goes.
    fn member(&mut self, name: &str) -> &mut String {
        self.comma();
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out
    }

    fn text(&mut self, name: &str, text: &str) {
        write_quoted(text, self.member(name));
    }

    fn number(&mut self, name: &str, number: impl itoa::Integer) {
        self.member(name).push_str(itoa::Buffer::new().format(number));
    }

    /// All members of what serde writes as an object.
    fn all_of(&mut self, other: &impl Serialize) {
        // nothing in an event fails to serialize
        let text = serde_json::to_string(other).unwrap_or_default();
        let members = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
        if !members.is_empty() {
            self.comma();
            self.out.push_str(members);
        }
    }

    fn comma(&mut self) {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
    }
}
