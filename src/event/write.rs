//! Events as lines of JSON. The two that come with every call are written here, for a fraction of what it takes serde; serde
//! writes the others, and the schema is made from what it would write of all.

use serde::Serialize;

use crate::change::{Change, Container, Operation};
use crate::outcome::{Exit, Outcome};
use crate::value::write_quoted;

use super::{Event, EventKind};

impl Event {
    /// Appends the event as a line of JSON.
    pub fn write_line(&self, out: &mut String) {
        number("{\"ms\":", self.ms, out);
        match &self.kind {
            EventKind::AttemptStarted { call, attempt, slot, left_ms, after, command } => {
                text(",\"event\":\"attempt-started\",\"call\":", call, out);
                number(",\"attempt\":", *attempt, out);
                number(",\"slot\":", *slot, out);
                left_ms.iter().for_each(|left| number(",\"left_ms\":", *left, out));
                after.iter().for_each(|after| text(",\"after\":", after, out));
                if !command.is_empty() {
                    text(",\"command\":", command, out);
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
                text(",\"event\":\"call-ended\",\"call\":", call, out);
                match outcome {
                    Outcome::Succeeded => out.push_str(",\"outcome\":\"succeeded\""),
                    other => members(other, out),
                }
                match took_ms {
                    Some(took) => number(",\"took_ms\":", *took, out),
                    None => out.push_str(",\"took_ms\":null"),
                }
                if let Some(exit) = exit {
                    match exit {
                        Exit::Code(code) => number(",\"exit\":{\"code\":", *code, out),
                        Exit::Signal(signal) => number(",\"exit\":{\"signal\":", *signal, out),
                    }
                    out.push('}');
                }
                out.push_str(if *leaked { ",\"leaked\":true" } else { "" });
                if let Some(fingerprint) = fingerprint {
                    out.push_str(",\"fingerprint\":\"");
                    out.push_str(&fingerprint.0.to_hex());
                    out.push('"');
                }
                out.push_str(",\"changes\":[");
                for (at, change) in changes.iter().enumerate() {
                    write_change(if at > 0 { ",{\"path\":" } else { "{\"path\":" }, change, out);
                }
                out.push(']');
                if !reads.is_empty() {
                    out.push_str(",\"reads\":[");
                    for (at, path) in reads.iter().enumerate() {
                        text(if at > 0 { "," } else { "" }, &path.text(), out);
                    }
                    out.push(']');
                }
                printed.iter().for_each(|printed| members(&**printed, out));
            }
            other => members(other, out),
        }
        out.push_str("}\n");
    }
}

fn write_change(begin: &str, change: &Change, out: &mut String) {
    text(begin, &change.path.text(), out);
    match &change.operation {
        Operation::Set(value) => {
            out.push_str(",\"set\":");
            value.write_json(out);
        }
        Operation::Ensure(Container::Object) => out.push_str(",\"ensure\":\"object\""),
        Operation::Ensure(Container::Array) => out.push_str(",\"ensure\":\"array\""),
        Operation::Delete => out.push_str(",\"delete\":null"),
    }
    out.push('}');
}

fn text(before: &str, text: &str, out: &mut String) {
    out.push_str(before);
    write_quoted(text, out);
}

fn number(before: &str, number: impl itoa::Integer, out: &mut String) {
    out.push_str(before);
    out.push_str(itoa::Buffer::new().format(number));
}

/// All members of what serde writes as an object, behind others.
fn members(object: &impl Serialize, out: &mut String) {
    // nothing in an event fails to serialize
    let written = serde_json::to_string(object).unwrap_or_default();
    let members = written.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
    if !members.is_empty() {
        out.push(',');
        out.push_str(members);
    }
}
