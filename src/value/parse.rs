//! JSON text as a [`Value`]: every number stays the text that it is written as. The crate jiter reads the tokens.

use std::sync::Arc;

use jiter::{Jiter, JiterError, Peek};

use super::{JsonError, Number, Object, Text, Value};

/// Deeper nesting is refused: neither deco nor what reads the answer should run out of stack.
const DEPTH: usize = 127;

/// What stops the parser.
enum Stop {
    Syntax(JiterError),
    /// In words, at the parser's place.
    Refused(String),
}

impl From<JiterError> for Stop {
    fn from(error: JiterError) -> Stop {
        Stop::Syntax(error)
    }
}

/// Parses one JSON value and nothing after it.
pub fn parse(json: &[u8]) -> Result<Value, JsonError> {
    let mut jiter = Jiter::new(json);
    let parsed = next(&mut jiter).and_then(|value| Ok(jiter.finish().map(|()| value)?));
    parsed.map_err(|stop| told(&jiter, &stop))
}

fn told(jiter: &Jiter<'_>, stop: &Stop) -> JsonError {
    let (words, place) = match stop {
        Stop::Syntax(error) => (error.error_type.to_string(), error.get_position(jiter)),
        Stop::Refused(words) => (words.clone(), jiter.current_position()),
    };
    JsonError(format!("{words} at line {} column {}", place.line, place.column))
}

/// Parses one JSON object and nothing after it, and gives each of its members; who takes them may refuse one in words.
/// `false`: it is another value.
pub fn members(
    json: &[u8],
    member: &mut dyn FnMut(&str, Value) -> Result<(), String>,
) -> Result<bool, JsonError> {
    let mut jiter = Jiter::new(json);
    let parsed =
        each_member(&mut jiter, member).and_then(|is_object| Ok(jiter.finish().map(|()| is_object)?));
    parsed.map_err(|stop| told(&jiter, &stop))
}

fn each_member(
    jiter: &mut Jiter<'_>,
    member: &mut dyn FnMut(&str, Value) -> Result<(), String>,
) -> Result<bool, Stop> {
    if jiter.peek()? != Peek::Object {
        jiter.next_skip()?;
        return Ok(false);
    }
    let mut key = jiter.known_object()?.map(Text::from);
    while let Some(name) = key {
        let peek = jiter.peek()?;
        let value = value(jiter, peek, 1)?;
        member(&name, value).map_err(Stop::Refused)?;
        key = jiter.next_key()?.map(Text::from);
    }
    Ok(true)
}

fn next(jiter: &mut Jiter<'_>) -> Result<Value, Stop> {
    let peek = jiter.peek()?;
    value(jiter, peek, 0)
}

fn value(jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> Result<Value, Stop> {
    if depth > DEPTH {
        return Err(Stop::Refused(format!("nesting deeper than {DEPTH}")));
    }
    match peek {
        Peek::Null => jiter.known_null().map(|()| Value::Null).map_err(Stop::Syntax),
        Peek::True | Peek::False => Ok(Value::Bool(jiter.known_bool(peek)?)),
        Peek::String => Ok(Value::from(jiter.known_str()?)),
        Peek::Array => array(jiter, depth),
        Peek::Object => object(jiter, depth),
        _ => number(jiter, peek),
    }
}

fn number(jiter: &mut Jiter<'_>, peek: Peek) -> Result<Value, Stop> {
    let digits = String::from_utf8_lossy(jiter.known_number_bytes(peek)?);
    Ok(Value::Number(Number(Text::from(digits))))
}

fn array(jiter: &mut Jiter<'_>, depth: usize) -> Result<Value, Stop> {
    let mut items = Vec::new();
    let mut peek = jiter.known_array()?;
    while let Some(item) = peek {
        items.push(value(jiter, item, depth + 1)?);
        peek = jiter.array_step()?;
    }
    Ok(Value::array(items))
}

fn object(jiter: &mut Jiter<'_>, depth: usize) -> Result<Value, Stop> {
    let mut members = Object::default();
    let mut key = jiter.known_object()?.map(Text::from);
    while let Some(name) = key {
        let peek = jiter.peek()?;
        if members.contains_key(&name) {
            return Err(Stop::Refused(format!("duplicate key `{name}`")));
        }
        let member = value(jiter, peek, depth + 1)?;
        members.insert(name, member);
        key = jiter.next_key()?.map(Text::from);
    }
    Ok(Value::Object(Arc::new(members)))
}
