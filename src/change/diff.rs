//! The difference of two values, as changes: what a program has done to a file that it was given.
//! Knows the two values only, not how one became the other: the order of an object's members is no difference.

use super::{Change, Container};
use crate::path::{Path, Segment};
use crate::value::{Object, Text, Value};

/// The changes that make `after` of `before`, both standing at `path`; `None` is nothing. Each is as deep as can be.
///
/// What stands where nothing stood counts by its members. An array that has grown at its end was appended to; one of the
/// same length differs in its elements; any other is another array.
pub fn difference(path: &Path, before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let mut found = Found { path: path.clone(), changes: Vec::new() };
    found.compare(before, after);
    found.changes
}

struct Found {
    /// Where the comparison stands.
    path: Path,
    changes: Vec<Change>,
}

impl Found {
    fn compare(&mut self, before: Option<&Value>, after: Option<&Value>) {
        match (before, after) {
            (None, None) => {}
            (Some(_), None) => self.changes.push(Change::delete(self.path.clone())),
            (None, Some(after)) => self.appear(after),
            (Some(Value::Object(before)), Some(Value::Object(after))) => self.members(before, after),
            (Some(Value::Array(before)), Some(Value::Array(after))) => self.items(before, after),
            (Some(before), Some(after)) if before == after => {}
            (Some(_), Some(after)) => self.set(after),
        }
    }

    fn set(&mut self, value: &Value) {
        self.changes.push(Change::set(self.path.clone(), value.clone()));
    }

    fn appear(&mut self, value: &Value) {
        match value {
            Value::Object(members) if members.is_empty() => self.ensure(Container::Object),
            Value::Array(items) if items.is_empty() => self.ensure(Container::Array),
            Value::Object(members) => self.members(&Object::default(), members),
            Value::Array(items) => self.append(items),
            _ => self.set(value),
        }
    }

    fn ensure(&mut self, container: Container) {
        self.changes.push(Change::ensure(self.path.clone(), container));
    }

    fn members(&mut self, before: &Object, after: &Object) {
        for (key, gone) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            self.below(key.clone(), Some(gone), None);
        }
        for (key, value) in after {
            self.below(key.clone(), before.get(key), Some(value));
        }
    }

    fn items(&mut self, before: &[Value], after: &[Value]) {
        if before.len() == after.len() {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                self.below(index.to_string().into(), Some(before), Some(after));
            }
        } else if before.len() < after.len() && before.iter().zip(after).all(is_same) {
            self.append(&after[before.len()..]);
        } else {
            self.set(&Value::array(after.to_vec()));
        }
    }

    fn append(&mut self, items: &[Value]) {
        self.path.segments.push(Segment::Append);
        items.iter().for_each(|item| self.set(item));
        self.path.segments.pop();
    }

    fn below(&mut self, key: Text, before: Option<&Value>, after: Option<&Value>) {
        self.path.segments.push(Segment::Key(key));
        self.compare(before, after);
        self.path.segments.pop();
    }
}

/// Whether two values do not differ.
fn is_same((one, other): (&Value, &Value)) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other.iter()).all(is_same)
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_same = |(key, value)| other.get(key).is_some_and(|other| is_same((value, other)));
            one.len() == other.len() && one.iter().all(is_same)
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(json: &str) -> Value {
        Value::parse(json.as_bytes()).unwrap()
    }

    #[track_caller]
    fn check(before: &str, after: &str, expected: &[&str]) {
        let changes = difference(&"d".parse().unwrap(), Some(&parse(before)), Some(&parse(after)));
        let shown: Vec<String> = changes.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_differs_is_found_as_deep_as_can_be() {
        check(
            r#"{"a":{"x":1,"y":2},"b":3}"#,
            r#"{"a":{"x":1,"y":4},"b":3,"c":{"n":5}}"#,
            &[r#"{"path":"d.a.y","set":4}"#, r#"{"path":"d.c.n","set":5}"#],
        );
        check(
            r#"{"a":1,"b":{"c":2}}"#,
            r#"{"b":{}}"#,
            &[r#"{"path":"d.a","delete":null}"#, r#"{"path":"d.b.c","delete":null}"#],
        );
        check(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, &[]);
        check(r#"{"a":{"b":1}}"#, r#"{"a":[]}"#, &[r#"{"path":"d.a","set":[]}"#]);
    }

    #[test]
    fn digits_count() {
        check(r#"{"a":1.0,"b":1}"#, r#"{"a":1.00,"b":1}"#, &[r#"{"path":"d.a","set":1.00}"#]);
    }

    #[test]
    fn an_array_grows_changes_in_its_elements_or_is_another() {
        check("[1,2]", "[1,2,3,4]", &[r#"{"path":"d[]","set":3}"#, r#"{"path":"d[]","set":4}"#]);
        check(r#"[1,{"a":2}]"#, r#"[1,{"a":3}]"#, &[r#"{"path":"d[1].a","set":3}"#]);
        check("[1,2]", "[1]", &[r#"{"path":"d","set":[1]}"#]);
        check("[1,2]", "[0,1,2]", &[r#"{"path":"d","set":[0,1,2]}"#]);
        check("[]", "[1]", &[r#"{"path":"d[]","set":1}"#]);
        check(r#"[{"a":1,"b":2}]"#, r#"[{"b":2,"a":1},3]"#, &[r#"{"path":"d[]","set":3}"#]);
    }

    #[test]
    fn what_stands_where_nothing_stood_counts_by_its_members() {
        check(
            "{}",
            r#"{"l":[1],"e":{},"m":[]}"#,
            &[
                r#"{"path":"d.l[]","set":1}"#,
                r#"{"path":"d.e","ensure":"object"}"#,
                r#"{"path":"d.m","ensure":"array"}"#,
            ],
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (0..3i128).prop_map(Value::from),
            "[ab]{0,1}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::array),
                prop::collection::vec(("[abc01]", inner), 0..4).prop_map(Value::object),
            ]
        })
    }

    /// With the members in one order.
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Array(items) => Value::array(items.iter().map(sorted).collect()),
            Value::Object(members) => {
                let mut members: Vec<_> =
                    members.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
                members.sort_by(|one, other| one.0.cmp(&other.0));
                Value::object(members)
            }
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_difference_makes_the_second_of_the_first(before in values(), after in values()) {
            let mut made = Some(before.clone());
            for change in difference(&"d".parse().unwrap(), Some(&before), Some(&after)) {
                change.apply(&mut made, 0).unwrap();
            }
            prop_assert_eq!(sorted(&made.unwrap()).to_json(), sorted(&after).to_json());
        }

        #[test]
        fn equal_values_do_not_differ(value in values()) {
            prop_assert_eq!(difference(&"d".parse().unwrap(), Some(&value), Some(&value)), []);
        }
    }
}
