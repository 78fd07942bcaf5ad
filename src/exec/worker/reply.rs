//! What a worker says: lines of JSON, as docs/worker-protocol.md tells them, taken apart.

use std::time::Duration;

use crate::change::{Change, Container};
use crate::name::Name;
use crate::path::{Path, Segment};
use crate::value::{Text, Value};

use super::message::PROTOCOL;
use super::{Raised, Returned};

/// A line from a worker.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    /// It is ready. `ahead`: it may be sent calls ahead, since it takes claims and marks what it prints.
    Greeting {
        ahead: bool,
    },
    Ended(Ended),
}

/// What came of a call.
#[derive(Debug, PartialEq)]
pub(super) struct Ended {
    pub id: u64,
    pub took: Option<Duration>,
    /// Which of its outputs hold a mark.
    pub printed: [bool; 2],
    pub answer: Result<Returned, Raised>,
}

/// Takes a line apart. `Err`: how it breaks the protocol, in words.
pub(super) fn parse(line: &[u8]) -> Result<Reply, String> {
    match short(line) {
        Some(ended) => Ok(Reply::Ended(ended)),
        None => any(line),
    }
}

/// Beyond so many bytes it is no loss to look at a line as at any other.
const SHORT: usize = 128;

/// What most short calls come to, in the words of our own worker: a result and nothing else. It is taken apart without a
/// parser, whose keys alone cost more.
fn short(line: &[u8]) -> Option<Ended> {
    let line = line.strip_suffix(b"}\n").filter(|line| line.len() <= SHORT)?;
    let (id, rest) = digits(line.strip_prefix(b"{\"id\":")?)?;
    let (took, rest) = digits(rest.strip_prefix(b",\"took\":")?)?;
    // anything behind it is no part of a value
    let result = Value::parse(rest.strip_prefix(b",\"result\":")?).ok()?;
    let answer = Ok(Returned { result, ..Returned::default() });
    Some(Ended { id, took: Some(Duration::from_micros(took)), printed: [false; 2], answer })
}

/// A number as JSON writes it, and what is behind it.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    let number = str::from_utf8(digits).ok().filter(|digits| *digits == "0" || !digits.starts_with('0'))?;
    Some((number.parse().ok()?, rest))
}

fn any(line: &[u8]) -> Result<Reply, String> {
    let no_json = |error| format!("what it answers is no JSON: {error}");
    let mut said = Said::default();
    if !Value::parse_members(line, &mut |name, value| said.take(name, value)).map_err(no_json)? {
        let kind = Value::parse(line).map_err(no_json)?.kind();
        return Err(format!("it answers with {kind}, not with an object"));
    }
    if let Some(spoken) = said.protocol {
        return match spoken {
            Value::Number(version) if version.as_i128() == Some(PROTOCOL.into()) => {
                Ok(Reply::Greeting { ahead: said.ahead == Some(Value::Bool(true)) })
            }
            other => Err(format!("it speaks version {other} of the protocol, and deco version {PROTOCOL}")),
        };
    }
    Ok(Reply::Ended(Ended {
        id: number(said.id.as_ref()).ok_or("it answers without an `id`")?,
        took: number(said.took.as_ref()).map(Duration::from_micros),
        printed: [printed(said.printed.as_ref(), "1"), printed(said.printed.as_ref(), "2")],
        answer: said.answer()?,
    }))
}

/// What stands in a line.
#[derive(Default)]
struct Said {
    protocol: Option<Value>,
    ahead: Option<Value>,
    id: Option<Value>,
    took: Option<Value>,
    printed: Option<Value>,
    error: Option<Value>,
    result: Option<Value>,
    changes: Option<Value>,
    reads: Option<Value>,
}

impl Said {
    fn take(&mut self, name: &str, value: Value) -> Result<(), String> {
        let place = match name {
            "protocol" => &mut self.protocol,
            "ahead" => &mut self.ahead,
            "id" => &mut self.id,
            "took" => &mut self.took,
            "printed" => &mut self.printed,
            "error" => &mut self.error,
            "result" => &mut self.result,
            "changes" => &mut self.changes,
            "reads" => &mut self.reads,
            // of no meaning in this version
            _ => return Ok(()),
        };
        match place.replace(value) {
            Some(_) => Err(format!("duplicate key `{name}`")),
            None => Ok(()),
        }
    }

    fn answer(self) -> Result<Result<Returned, Raised>, String> {
        let reads = items(self.reads.as_ref()).iter().map(place).collect::<Result<_, _>>()?;
        if let Some(error) = self.error {
            return Ok(Err(Raised { reads, ..raised(&error) }));
        }
        let result = self.result.ok_or("it answers without a `result` or an `error`")?;
        let changes = items(self.changes.as_ref()).iter().map(change).collect::<Result<_, _>>()?;
        Ok(Ok(Returned { result, changes, reads }))
    }
}

fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_i128().and_then(|number| number.try_into().ok()),
        _ => None,
    }
}

fn printed(streams: Option<&Value>, stream: &str) -> bool {
    let is_it = |item: &Value| matches!(item, Value::Number(number) if number.as_str() == stream);
    items(streams).iter().any(is_it)
}

fn items(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        _ => &[],
    }
}

/// An error may be a text alone.
fn raised(error: &Value) -> Raised {
    let text = |name| match error.get(name) {
        Some(Value::String(text)) => Some(text.to_string()),
        _ => None,
    };
    let message = text("message").unwrap_or_else(|| error.to_text());
    Raised { kind: text("type"), message, traceback: text("traceback"), reads: Vec::new() }
}

fn change(value: &Value) -> Result<Change, String> {
    let mut path = place(value.get("place").unwrap_or(&Value::Null))?;
    if let Some(value) = value.get("set") {
        return Ok(Change::set(path, value.clone()));
    }
    if let Some(value) = value.get("append") {
        path.segments.push(Segment::Append);
        return Ok(Change::set(path, value.clone()));
    }
    match (value.get("delete"), value.get("ensure")) {
        (Some(_), _) => Ok(Change::delete(path)),
        (None, Some(kind)) if *kind == Value::from("object") => Ok(Change::ensure(path, Container::Object)),
        (None, Some(kind)) if *kind == Value::from("array") => Ok(Change::ensure(path, Container::Array)),
        _ => Err(format!("`{value}` is no change: it has none of `set`, `append`, `delete` and `ensure`")),
    }
}

/// A place is an array: the document's name, then keys and positions.
fn place(value: &Value) -> Result<Path, String> {
    let wrong = || format!("`{value}` is no place in a document");
    let Value::Array(steps) = value else { return Err(wrong()) };
    let mut steps = steps.iter();
    let Some(Value::String(document)) = steps.next() else { return Err(wrong()) };
    let document = Name::new(document).map_err(|_| wrong())?;
    let segments = steps.map(|step| match step {
        Value::String(key) => Ok(Segment::Key(key.clone())),
        Value::Number(at) => Ok(Segment::Key(Text::from(at.as_str()))),
        _ => Err(wrong()),
    });
    Ok(Path { document, segments: segments.collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn an_answer_is_taken_apart() {
        let line = br#"{"id":7,"took":12,"printed":[2],"result":1.10,"changes":[{"place":["d","a",0],"set":1},
            {"place":["d","l"],"append":2},{"place":["d","b"],"delete":true},{"place":["d","c"],"ensure":"array"}],
            "reads":[["d","a"],["d"]]}"#;
        let changes = vec![
            Change::set(path("d.a[0]"), Value::from(1i128)),
            Change::set(path("d.l[]"), Value::from(2i128)),
            Change::delete(path("d.b")),
            Change::ensure(path("d.c"), Container::Array),
        ];
        let result = Value::parse(b"1.10").unwrap();
        let answer = Ok(Returned { result, changes, reads: vec![path("d.a"), path("d")] });
        let took = Some(Duration::from_micros(12));
        assert_eq!(parse(line), Ok(Reply::Ended(Ended { id: 7, took, printed: [false, true], answer })));
    }

    #[test]
    fn what_looks_short_is_taken_apart_as_any_other_line() {
        let results =
            ["0", "-1.50", "\"a\\\"}\"", "[1,{}]", "null", "", "1 2", "01", "1}", "{\"a\":1", "1,\"x\":2"];
        let more = [
            "",
            ",\"printed\":[1]",
            ",\"changes\":[{\"place\":[\"d\"],\"set\":1}]",
            ",\"result\":2",
            ",\"error\":\"e\"",
        ];
        let numbers = ["7", "0", "07", "-7", "1.0", "99999999999999999999", "", "x"];
        let mut taken = 0;
        for result in results {
            for more in more {
                for number in numbers {
                    for (id, took) in [(number, "3"), ("3", number)] {
                        let line = format!("{{\"id\":{id},\"took\":{took},\"result\":{result}{more}}}\n");
                        if let Some(ended) = short(line.as_bytes()) {
                            taken += 1;
                            assert_eq!(any(line.as_bytes()), Ok(Reply::Ended(ended)), "{line}");
                        }
                    }
                }
            }
        }
        // five results with nothing behind them, and two numbers in each of two places
        assert_eq!(taken, 20);
    }

    #[test]
    fn a_failure_is_told_with_or_without_its_type() {
        let error = |line: &[u8]| match parse(line) {
            Ok(Reply::Ended(ended)) => ended.answer.unwrap_err(),
            other => panic!("{other:?}"),
        };
        assert_eq!(error(br#"{"id":1,"error":"no"}"#).message, "no");
        let told = error(br#"{"id":1,"error":{"type":"E","message":"m","traceback":"t"}}"#);
        assert_eq!((told.kind.as_deref(), told.message.as_str()), (Some("E"), "m"));
    }

    #[test]
    fn what_breaks_the_protocol_is_said() {
        for (line, part) in [
            ("nonsense", "no JSON"),
            ("[]", "an array"),
            (r#"{"result":1}"#, "without an `id`"),
            (r#"{"id":1}"#, "without a `result`"),
            (r#"{"protocol":9}"#, "version 9"),
            (r#"{"id":1,"result":1,"changes":[{"place":["d"]}]}"#, "no change"),
            (r#"{"id":1,"result":1,"reads":["d"]}"#, "no place"),
        ] {
            let told = parse(line.as_bytes()).unwrap_err();
            assert!(told.contains(part), "{told}");
        }
    }
}
