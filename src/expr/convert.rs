//! Between our values and minijinja's. Ours go in by reference: arrays and objects as objects that look their
//! members up, so that naming a document of any size costs nothing. Back comes a copy of what minijinja made.

use std::sync::Arc;

use minijinja::Value as Jinja;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};

use super::reads::key_text;
use crate::value::{Number, Text, Value};

/// Items that a value made by an expression may have in all, and bytes of a text.
pub const MAX_SIZE: usize = 10_000_000;

/// Arrays and objects nested in each other that come back from minijinja.
const MAX_DEPTH: usize = 127;

/// An array or an object of ours, as minijinja sees it.
#[derive(Debug)]
struct Shared(Value);

/// Our value for minijinja; numbers become 128-bit integers or doubles.
pub fn to_minijinja(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Number(number) => number_to_minijinja(number),
        Value::String(text) => text_to_minijinja(text),
        Value::Array(_) | Value::Object(_) => Jinja::from_object(Shared(value.clone())),
    }
}

/// A long text is shared, never copied.
fn text_to_minijinja(text: &Text) -> Jinja {
    if text.is_heap_allocated() {
        Jinja::from(Arc::<str>::from(text.clone()))
    } else {
        Jinja::from(text.as_str())
    }
}

fn number_to_minijinja(number: &Number) -> Jinja {
    match number.as_i128() {
        Some(integer) => i64::try_from(integer).map_or_else(|_| Jinja::from(integer), Jinja::from),
        None => Jinja::from(number.as_f64()),
    }
}

/// A value that minijinja made; `Err` says in words why it is none of ours.
pub fn from_minijinja(value: &Jinja) -> Result<Value, String> {
    Reading { left: MAX_SIZE }.value(value, 0)
}

struct Reading {
    left: usize,
}

impl Reading {
    fn value(&mut self, value: &Jinja, depth: usize) -> Result<Value, String> {
        self.left = self.left.checked_sub(1).ok_or("the result has more than 10 million items")?;
        if depth > MAX_DEPTH {
            return Err("the result is nested too deeply".to_owned());
        }
        match value.kind() {
            ValueKind::None => Ok(Value::Null),
            ValueKind::Bool => Ok(value.is_true().into()),
            ValueKind::Number => number_from_minijinja(value),
            ValueKind::String => Ok(value.to_str().map_or(Value::Null, |text| Value::String(text.into()))),
            ValueKind::Seq | ValueKind::Iterable => self.array(value, depth),
            ValueKind::Map => self.object(value, depth),
            ValueKind::Undefined => Err("an item of the result is undefined".to_owned()),
            other => Err(format!("the result is of a kind that JSON does not know ({other})")),
        }
    }

    fn array(&mut self, value: &Jinja, depth: usize) -> Result<Value, String> {
        if let Some(shared) = value.downcast_object_ref::<Shared>() {
            return Ok(shared.0.clone());
        }
        let items = value.try_iter().map_err(|error| detail(&error))?.checked();
        let items = items.map(|item| self.value(&item.map_err(|error| detail(&error))?, depth + 1));
        items.collect::<Result<_, _>>().map(Value::array)
    }

    fn object(&mut self, value: &Jinja, depth: usize) -> Result<Value, String> {
        if let Some(shared) = value.downcast_object_ref::<Shared>() {
            return Ok(shared.0.clone());
        }
        let mut members = Vec::new();
        for key in value.try_iter().map_err(|error| detail(&error))?.checked() {
            let key = key.map_err(|error| detail(&error))?;
            let member = value.get_item(&key).map_err(|error| detail(&error))?;
            let key = self.value(&key, depth + 1)?;
            let key = key_text(&key).ok_or_else(|| format!("{} is no key", key.kind()))?;
            members.push((key, self.value(&member, depth + 1)?));
        }
        Ok(Value::object(members))
    }
}

fn number_from_minijinja(value: &Jinja) -> Result<Value, String> {
    if value.is_integer() {
        let integer = i128::try_from(value.clone());
        return integer.map(Value::from).map_err(|_| format!("{value} is too large: integers have 128 bits"));
    }
    let double = f64::try_from(value.clone()).unwrap_or(f64::NAN);
    let number =
        Number::from_f64(double).ok_or_else(|| format!("the result is not a finite number: {double}"));
    number.map(Value::Number)
}

/// minijinja's words for an error, without its position.
pub fn detail(error: &minijinja::Error) -> String {
    match error.kind() {
        minijinja::ErrorKind::OutOfFuel => "the work or the result is too large".to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    }
}

impl Shared {
    fn len(&self) -> usize {
        match &self.0 {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        }
    }

    fn key_at(&self, index: usize) -> Option<Jinja> {
        match &self.0 {
            Value::Object(members) => members.get_index(index).map(|(key, _)| text_to_minijinja(key)),
            _ => None,
        }
    }
}

impl Object for Shared {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.0 {
            Value::Array(_) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        match (&self.0, key.as_str()) {
            (Value::Array(items), _) => items.get(key.as_usize()?).map(to_minijinja),
            (_, Some(key)) => self.get_value_by_str(key),
            (_, None) => self.get_value_by_str(&key_text(&from_minijinja(key).ok()?)?),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Jinja> {
        match &self.0 {
            Value::Object(members) => members.get(key).map(to_minijinja),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if let Value::Array(items) = &self.0 {
            return Enumerator::Seq(items.len());
        }
        let this = self.clone();
        Enumerator::Iter(Box::new((0..self.len()).map_while(move |index| this.key_at(index))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Value {
        Value::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn containers_go_in_by_reference_and_come_back_as_they_were() {
        for json in ["null", "true", "-3", "2.5", r#""é""#, r#"{"z":1.10,"a":[1e+05]}"#, "[1.10,{}]"] {
            let value = parse(json);
            assert_eq!(from_minijinja(&to_minijinja(&value)).unwrap(), value);
        }
        let array = parse("[1]");
        let Value::Array(items) = &array else { panic!() };
        let _inside = to_minijinja(&array);
        assert_eq!(Arc::strong_count(items), 2);
    }

    #[test]
    fn a_number_or_boolean_finds_the_key_of_its_text() {
        let object = to_minijinja(&parse(r#"{"2":"two","true":"yes"}"#));
        assert_eq!(object.get_item(&Jinja::from(2)).unwrap().as_str(), Some("two"));
        assert_eq!(object.get_item(&Jinja::from(true)).unwrap().as_str(), Some("yes"));
        assert!(object.get_item(&Jinja::from(3)).unwrap().is_undefined());
    }

    #[test]
    fn what_json_does_not_know_is_refused_in_words() {
        let error = |value: Jinja| from_minijinja(&value).unwrap_err();
        assert!(error(Jinja::from(f64::NAN)).contains("finite"));
        assert!(error(Jinja::from(u128::MAX)).contains("128 bits"));
        assert!(error(Jinja::from_bytes(vec![1])).contains("kind"));
        assert!(error(Jinja::from(vec![Jinja::UNDEFINED])).contains("undefined"));
        let deep = (0..1000).fold(Jinja::from(1), |inner, _| Jinja::from(vec![inner]));
        assert!(error(deep).contains("deeply"));
    }
}
