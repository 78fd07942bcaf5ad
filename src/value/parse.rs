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

/// Parses one JSON object and nothing after it, as its members in order. `None`: it is another value.
pub fn parse_members(json: &[u8]) -> Result<Option<Vec<(Text, Value)>>, JsonError> {
    let mut jiter = Jiter::new(json);
    let parsed = members(&mut jiter).and_then(|members| Ok(jiter.finish().map(|()| members)?));
    parsed.map_err(|stop| told(&jiter, &stop))
}

fn members(jiter: &mut Jiter<'_>) -> Result<Option<Vec<(Text, Value)>>, Stop> {
    if jiter.peek()? != Peek::Object {
        jiter.next_skip()?;
        return Ok(None);
    }
    let mut members: Vec<(Text, Value)> = Vec::with_capacity(4);
    let mut key = jiter.known_object()?.map(Text::from);
    while let Some(name) = key {
        if members.iter().any(|(known, _)| *known == name) {
            return Err(Stop::Refused(format!("duplicate key `{name}`")));
        }
        let peek = jiter.peek()?;
        members.push((name, value(jiter, peek, 1)?));
        key = jiter.next_key()?.map(Text::from);
    }
    Ok(Some(members))
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
