//! What a worker is sent: lines of JSON, as docs/worker-protocol.md tells them. A line that begins with a space holds
//! numbers whose digits Python would write otherwise.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Weak};

use crate::value::{Text, quoted, write_quoted};

use super::digits;
use super::{Argument, Request, Version, Work};

/// The version of the protocol that is spoken here.
pub(super) const PROTOCOL: u32 = 1;

pub(super) fn greeting(mark: &str, is_live: bool) -> String {
    let live = if is_live { ",\"live\":true" } else { "" };
    format!("{{\"protocol\":{PROTOCOL},\"mark\":\"{mark}\"{live}}}\n")
}

/// The versions of documents that a worker holds, by their addresses here (which stay theirs while they are watched), with the numbers that it knows them by.
#[derive(Debug, Default)]
pub(super) struct Held {
    versions: HashMap<usize, (Weak<Version>, u64)>,
    last: u64,
}

impl Held {
    /// The number of a version; sends it first if the worker does not hold it.
    fn number(&mut self, version: &Arc<Version>, out: &mut String) -> u64 {
        let (_, number) = self.versions.entry(Arc::as_ptr(version).addr()).or_insert_with(|| {
            self.last += 1;
            document(version, self.last, out);
            (Arc::downgrade(version), self.last)
        });
        *number
    }

    /// Says which versions nobody will ask for any more.
    fn drop_unused(&mut self, out: &mut String) {
        let mut unused = Vec::new();
        self.versions.retain(|_, (version, number)| {
            let is_used = version.strong_count() > 0;
            unused.extend((!is_used).then_some(number.to_string()));
            is_used
        });
        if !unused.is_empty() {
            out.push_str(&format!("{{\"drop\":[{}]}}\n", unused.join(",")));
        }
    }
}

fn document(version: &Version, number: u64, out: &mut String) {
    if !*version.plain.get_or_init(|| digits::are_plain(&version.value)) {
        out.push(' ');
    }
    out.push_str("{\"document\":");
    write_quoted(version.document.as_str(), out);
    out.push_str(&format!(",\"version\":{number},\"value\":"));
    version.value.write_json(out);
    out.push_str("}\n");
}

/// Appends calls that are sent together: documents that they need, then as few lines as say them.
pub(super) fn calls(requests: &[Request], batch: u8, held: &mut Held, out: &mut String) {
    held.drop_unused(out);
    for together in requests.chunk_by(is_alike) {
        line(together, batch, held, out);
    }
}

/// Whether two calls may stand in one line: what is said once for all is the same for both.
fn is_alike(a: &Request, b: &Request) -> bool {
    let same_work = match (&a.work, &b.work) {
        (Work::Call { function: a, .. }, Work::Call { function: b, .. }) => a == b,
        (Work::Request(_), Work::Request(_)) => true,
        _ => false,
    };
    let same_form = is_bare(a) == is_bare(b);
    let same_variables = Arc::ptr_eq(&a.variables, &b.variables) || a.variables == b.variables;
    same_work
        && same_form
        && same_variables
        && a.env.iter().map(|(name, _)| name).eq(b.env.iter().map(|(name, _)| name))
}

fn line(requests: &[Request], batch: u8, held: &mut Held, out: &mut String) {
    let Some(first) = requests.first() else { return };
    let plain = requests.iter().all(is_plain);
    if is_bare(first) {
        begin(first, batch, plain, out);
        columns(requests, out);
    } else {
        // documents that they need stand before it
        let mut line = String::new();
        begin(first, batch, plain, &mut line);
        line.push_str(",\"calls\":");
        list(&mut line, requests, |request, line| call(request, held, line, out));
        out.push_str(&line);
    }
    out.push_str("}\n");
}

/// What is the same for all calls of a line.
fn begin(first: &Request, batch: u8, plain: bool, line: &mut String) {
    line.push_str(if plain { "{\"batch\":" } else { " {\"batch\":" });
    line.push_str(itoa::Buffer::new().format(batch));
    if let Work::Call { function, .. } = &first.work {
        line.push_str(",\"function\":");
        write_quoted(function, line);
    }
    if !first.variables.is_empty() {
        line.push_str(",\"variables\":{");
        commas(line, &first.variables[..], |(name, value), line| {
            write_quoted(name, line);
            line.push(':');
            write_native(value, line);
        });
        line.push('}');
    }
    if !first.env.is_empty() {
        line.push_str(",\"names\":");
        list(line, &first.env, |(name, _), line| write_quoted(name, line));
    }
}

/// Whether there is nothing to a call of a function but values by position and variables of its own.
fn is_bare(request: &Request) -> bool {
    let is_value = |argument: &Argument| matches!(argument, Argument::Value(_));
    match &request.work {
        Work::Call { args, named, .. } => named.is_empty() && args.iter().all(is_value),
        Work::Request(_) => false,
    }
}

/// What bare calls have of their own, in lists beside each other: Python reads those, and goes over them, in little more than
/// half of the time.
fn columns(requests: &[Request], line: &mut String) {
    line.push_str(",\"ids\":");
    list(line, requests, |request, line| line.push_str(itoa::Buffer::new().format(request.id)));
    line.push_str(",\"args\":");
    list(line, requests, |request, line| {
        let Work::Call { args, .. } = &request.work else { return };
        list(line, args, |argument, line| {
            if let Argument::Value(value) = argument {
                value.write_json(line);
            }
        });
    });
    line.push_str(",\"env\":");
    list(line, requests, |request, line| {
        list(line, &request.env, |(_, value), line| write_quoted(value, line))
    });
}

fn is_plain(request: &Request) -> bool {
    let plain = |argument: &Argument| match argument {
        Argument::Value(value) | Argument::Lent { value, .. } => digits::are_plain(value),
        Argument::Part { .. } => true,
    };
    match &request.work {
        Work::Call { args, named, .. } => args.iter().chain(named.iter().map(|(_, value)| value)).all(plain),
        Work::Request(value) => digits::are_plain(value),
    }
}

/// `before`: where documents go that must be known first.
fn call(request: &Request, held: &mut Held, line: &mut String, before: &mut String) {
    let _ = write!(line, "{{\"id\":{}", request.id);
    match &request.work {
        Work::Request(value) => {
            line.push_str(",\"request\":");
            value.write_json(line);
        }
        Work::Call { args, named, .. } => {
            let mut special = Special::default();
            line.push_str(",\"args\":");
            list(line, args.iter().enumerate(), |(at, argument), line| {
                special.argument(argument, line, || at.to_string());
            });
            if !named.is_empty() {
                line.push_str(",\"named\":{");
                commas(line, named, |(name, argument), line| {
                    write_quoted(name, line);
                    line.push(':');
                    special.argument(argument, line, || quoted(name));
                });
                line.push('}');
            }
            special.write(held, line, before);
        }
    }
    if !request.env.is_empty() {
        line.push_str(",\"env\":");
        list(line, &request.env, |(_, value), line| write_quoted(value, line));
    }
    line.push('}');
}

/// A part of a document that is to stand in the place of an argument.
struct Reference<'a> {
    at: String,
    version: &'a Arc<Version>,
    path: &'a [Text],
    tracked: bool,
}

impl Reference<'_> {
    fn write(&self, held: &mut Held, line: &mut String, before: &mut String) {
        let number = held.number(self.version, before);
        line.push_str(&format!("{{\"at\":{},\"version\":{number},\"path\":", self.at));
        list(line, self.path, |step, line| write_quoted(step, line));
        line.push_str(if self.tracked { ",\"tracked\":true}" } else { "}" });
    }
}

/// Arguments of which more is to be said than their value.
#[derive(Default)]
struct Special<'a> {
    refs: Vec<Reference<'a>>,
    /// Where they stand, and what messages call them.
    lent: Vec<(String, &'a str)>,
}

impl<'a> Special<'a> {
    /// Writes an argument; null stands for a part of a document, which is told apart.
    fn argument(&mut self, argument: &'a Argument, line: &mut String, at: impl Fn() -> String) {
        match argument {
            Argument::Value(value) => value.write_json(line),
            Argument::Lent { value, name } => {
                value.write_json(line);
                self.lent.push((at(), name));
            }
            Argument::Part { version, path, tracked } => {
                line.push_str("null");
                self.refs.push(Reference { at: at(), version, path, tracked: *tracked });
            }
        }
    }

    fn write(self, held: &mut Held, line: &mut String, before: &mut String) {
        if !self.refs.is_empty() {
            line.push_str(",\"refs\":");
            list(line, self.refs, |reference, line| reference.write(held, line, before));
        }
        if !self.lent.is_empty() {
            line.push_str(",\"lent\":");
            list(line, self.lent, |(at, name), line| {
                line.push_str(&format!("[{at},"));
                write_quoted(name, line);
                line.push(']');
            });
        }
    }
}

fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, write: impl FnMut(T, &mut String)) {
    out.push('[');
    commas(out, items, write);
    out.push(']');
}

fn commas<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(T, &mut String)) {
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

/// What is no UTF-8 is written as Python takes the system's texts: a byte as half of a surrogate pair.
fn write_native(value: &OsString, out: &mut String) {
    if let Some(text) = value.to_str() {
        return write_quoted(text, out);
    }
    out.push('"');
    for chunk in OsStr::as_bytes(value).utf8_chunks() {
        let quoted = quoted(chunk.valid());
        out.push_str(&quoted[1..quoted.len() - 1]);
        for byte in chunk.invalid() {
            out.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    out.push('"');
}
