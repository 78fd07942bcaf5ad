//! The normal form by examples; and against a model that does the same operations to plain values, alone and with a
//! second call: where no rule finds a conflict, the two side by side come to the same as one after the other.

use proptest::prelude::*;

use super::super::Operation;
use super::edit::edit;
use super::*;
use crate::path::segments_may_overlap;

fn parse(json: &str) -> Value {
    Value::parse(json.as_bytes()).unwrap()
}

/// An operation by a word, a path and JSON.
type Op = (&'static str, String, Value);

fn op(line: &'static str) -> Op {
    let mut words = line.splitn(3, ' ');
    let word = words.next().unwrap();
    let path = words.next().unwrap().to_owned();
    (word, path, words.next().map(parse).unwrap_or_default())
}

fn feed(recorder: &mut Recorder, (word, path, value): &Op) -> Result<(), Misfit> {
    let path = path.parse().unwrap();
    match *word {
        "set" => recorder.set(&path, value),
        "append" => recorder.append(&path, value),
        "delete" => recorder.delete(&path),
        "object" => recorder.ensure(&path, Container::Object),
        "array" => recorder.ensure(&path, Container::Array),
        _ => {
            recorder.read(&path);
            Ok(())
        }
    }
}

fn recorder(base: &Value) -> Recorder {
    Recorder::new([("d".parse().unwrap(), Some(base.clone()))])
}

#[track_caller]
fn check(base: &str, ops: &[&'static str], changes: &[&str], reads: &[&str]) {
    let mut recorder = recorder(&parse(base));
    for line in ops {
        feed(&mut recorder, &op(line)).unwrap();
    }
    let recorded = recorder.finish();
    let shown: Vec<String> = recorded.changes.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
    assert_eq!(shown, changes);
    assert_eq!(recorded.reads.iter().map(Path::to_string).collect::<Vec<_>>(), reads);
}

#[track_caller]
fn refused(base: &str, line: &'static str, words: &str) {
    let misfit = feed(&mut recorder(&parse(base)), &op(line)).unwrap_err();
    assert!(misfit.0.contains(words), "{}", misfit.0);
}

#[test]
fn the_last_write_stands_and_takes_in_what_comes_below_it() {
    check(
        "{}",
        &["set d.a 1", "set d.b 2", "set d.a 3"],
        &[r#"{"path":"d.a","set":3}"#, r#"{"path":"d.b","set":2}"#],
        &[],
    );
    check(
        r#"{"a":{"x":1}}"#,
        &["set d.a.x 2", "set d.a {}", "set d.a.y 3", "append d.a.l 4"],
        &[r#"{"path":"d.a","set":{"y":3,"l":[4]}}"#],
        &[],
    );
    check(r#"{"a":1}"#, &["set d.a 1"], &[r#"{"path":"d.a","set":1}"#], &[]);
}

#[test]
fn what_the_call_wrote_itself_it_does_not_read() {
    check(
        r#"{"a":{"x":1},"b":2}"#,
        &["set d.a.x 2", "read d.a.x", "read d.b"],
        &[r#"{"path":"d.a.x","set":2}"#],
        &["d.b"],
    );
    check(
        r#"{"a":{"x":1}}"#,
        &["set d.a.x 2", "read d.a", "read d.a.z"],
        &[r#"{"path":"d.a.x","set":2}"#],
        &["d.a"],
    );
    check(r#"{"a":1}"#, &["delete d.a", "read d.a"], &[r#"{"path":"d.a","delete":null}"#], &["d.a"]);
}

#[test]
fn a_container_counts_by_what_comes_into_it() {
    check("{}", &["object d.a", "set d.a.x 1"], &[r#"{"path":"d.a.x","set":1}"#], &[]);
    check("{}", &["array d.a", "append d.a 1"], &[r#"{"path":"d.a[]","set":1}"#], &[]);
    check("{}", &["object d.a.b"], &[r#"{"path":"d.a.b","ensure":"object"}"#], &[]);
    check(r#"{"a":{"x":1}}"#, &["object d.a"], &[], &[]);
}

#[test]
fn appended_elements_take_in_what_is_done_to_them() {
    check(
        "[1]",
        &["append d {}", "set d[-1].x 2", "append d 3"],
        &[r#"{"path":"d[]","set":{"x":2}}"#, r#"{"path":"d[]","set":3}"#],
        &[],
    );
    check("[1]", &["append d 2", "delete d[-1]"], &[], &["d"]);
    check("[1]", &["append d 2", "append d 3", "delete d[-1]"], &[r#"{"path":"d[]","set":2}"#], &[]);
    check("{}", &["append d.a 2", "delete d.a[-1]"], &[r#"{"path":"d.a","ensure":"array"}"#], &["d.a"]);
    check("[1]", &["append d 2", "set d[1] 3"], &[r#"{"path":"d[]","set":3}"#], &["d"]);
    check("[1]", &["append d 2", "read d[-1]"], &[r#"{"path":"d[]","set":2}"#], &[]);
}

#[test]
fn members_come_in_the_order_in_which_they_came_to_stand_in_whatever_place() {
    let places = ["d.a", "d.b"].map(|path| (path.parse().unwrap(), None));
    let mut recorder = Recorder::new(places);
    for line in ["set d.b 1", "append d.a 2", "set d.b 3"] {
        feed(&mut recorder, &op(line)).unwrap();
    }
    let paths = recorder.changes().iter().map(|change| change.path.to_string()).collect::<Vec<_>>();
    assert_eq!(paths, ["d.b", "d.a[]"]);
}

#[test]
fn what_only_the_length_can_find_reads_the_array() {
    check("[1,2]", &["set d[-1] 3"], &[r#"{"path":"d[1]","set":3}"#], &["d"]);
    check("[1,2]", &["set d[1] 3", "read d[0]"], &[r#"{"path":"d[1]","set":3}"#], &["d[0]"]);
    check("[1,2]", &["read d[5].x"], &[], &["d"]);
    check("[[1],2]", &["read d[0][-1]"], &[], &["d[0]"]);
    check("{}", &["read d.a[0].x"], &[], &["d.a[0].x", "d.a[]"]);
    check("[1,2]", &["set d[0] 9", "append d 3", "delete d[1]"], &[r#"{"path":"d","set":[9,3]}"#], &["d"]);
}

#[test]
fn a_member_that_is_taken_out_and_written_again_comes_last() {
    check(
        r#"{"a":1,"b":2}"#,
        &["delete d.a", "set d.a 3"],
        &[r#"{"path":"d.a","delete":null}"#, r#"{"path":"d.a","set":3}"#],
        &["d.a"],
    );
    check(
        "{}",
        &["set d.a 1", "delete d.a"],
        &[r#"{"path":"d.a","set":null}"#, r#"{"path":"d.a","delete":null}"#],
        &[],
    );
}

#[test]
fn what_does_not_fit_is_said_in_words() {
    refused("{}", "delete d.a", "nothing stands there");
    refused("{}", "delete d.a.b", "nothing stands there");
    refused("[1]", "set d[1] 2", "`1` names no element of an array of 1");
    refused("[1]", "set d.x 2", "`x` names no element");
    refused(r#"{"a":1}"#, "set d.a.b 2", "a number stands there");
    refused(r#"{"a":{}}"#, "append d.a 2", "an object stands there");
    refused("{}", "set e 2", "`e` is not among the places");
}

fn leaves() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..9i128).prop_map(Value::from),
        Just(parse("{}")),
        Just(parse("[]")),
        Just(parse(r#"{"a":[1]}"#))
    ]
}

fn bases() -> impl Strategy<Value = Value> {
    leaves().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::array),
            prop::collection::vec(("[ab]", inner), 0..3).prop_map(Value::object),
        ]
    })
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = prop_oneof![Just(".a"), Just(".b"), Just("[0]"), Just("[1]"), Just("[-1]")];
    let path = prop::collection::vec(key, 0..4).prop_map(|keys| format!("d{}", keys.concat()));
    let word = prop_oneof![
        Just("set"),
        Just("append"),
        Just("delete"),
        Just("object"),
        Just("array"),
        Just("read"),
    ];
    prop::collection::vec((word, path, leaves()), 0..8)
}

/// Does an operation to a plain value; what was read.
fn model(root: &mut Option<Value>, (word, path, value): &Op) -> Result<Option<Value>, Misfit> {
    let path: Path = path.parse().unwrap();
    let segments = &path.segments;
    match *word {
        "set" => edit(root, segments, Act::Set(value))?,
        "append" => edit(root, segments, Act::Append(value))?,
        "delete" => edit(root, segments, Act::Delete)?,
        "object" => edit(root, segments, Act::Ensure(Container::Object))?,
        "array" => edit(root, segments, Act::Ensure(Container::Array))?,
        _ => {
            let keys = segments.iter().filter_map(|segment| match segment {
                Segment::Key(key) => Some(key),
                _ => None,
            });
            return Ok(root.as_ref().and_then(|root| root.at(keys)).cloned());
        }
    }
    Ok(None)
}

/// What a call does that sees `base`: the operations that can be done, what it reads, what comes of it.
fn one_call(base: &Value, ops: &[Op]) -> (Vec<Op>, Vec<Option<Value>>, Recorded, Option<Value>) {
    let (mut done, mut seen) = (Vec::new(), Vec::new());
    let mut root = Some(base.clone());
    let mut recorder = recorder(base);
    for op in ops {
        let mut tried = root.clone();
        let could = model(&mut tried, op);
        let fed = feed(&mut recorder, op);
        assert_eq!(could.is_ok(), fed.is_ok(), "{op:?} on {root:?}: {could:?}, {fed:?}");
        if let Ok(read) = could {
            done.push(op.clone());
            seen.push(read);
            root = tried;
        }
    }
    (done, seen, recorder.finish(), root)
}

fn applied(root: &mut Option<Value>, changes: &[Change]) -> Result<(), Misfit> {
    changes.iter().try_for_each(|change| change.apply(root, 0))
}

fn may_touch(one: &Path, other: &Path) -> bool {
    let pairs = one.segments.iter().zip(&other.segments);
    let apart = pairs
        .clone()
        .any(|pair| matches!(pair, (Segment::Append, Segment::Key(_)) | (Segment::Key(_), Segment::Append)));
    !apart && segments_may_overlap(&one.segments, &other.segments)
}

fn writes(change: &Change) -> bool {
    !matches!(change.operation, Operation::Ensure(_))
}

/// The contract's two rules, without the leave for blind writes of equal values.
fn in_conflict(first: &Recorded, second: &Recorded) -> bool {
    let both = first.changes.iter().filter(|one| writes(one)).any(|one| {
        let others = second.changes.iter().filter(|other| writes(other));
        others.into_iter().any(|other| {
            let append = one.path == other.path && one.path.is_append();
            !append && may_touch(&one.path, &other.path)
        })
    });
    let reads = second.reads.iter();
    let changed = |read: &Path| {
        first.changes.iter().any(|change| match change.operation {
            // an empty container is seen by who looks at it, not by who looks inside
            Operation::Ensure(_) => read.holds(&change.path),
            _ => may_touch(read, &change.path),
        })
    };
    both || reads.into_iter().any(changed)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn the_changes_come_to_the_same_as_the_operations(base in bases(), ops in ops()) {
        let (.., recorded, end) = one_call(&base, &ops);
        let mut made = Some(base);
        applied(&mut made, &recorded.changes).unwrap();
        prop_assert_eq!(made, end);
    }

    #[test]
    fn calls_that_are_in_no_conflict_do_the_same_in_a_row(base in bases(), one in ops(), other in ops()) {
        let (_, _, first, after_first) = one_call(&base, &one);
        let (done, seen, second, _) = one_call(&base, &other);
        // that something stood where a container was asked for is no read
        let asked = done.iter().filter(|(word, ..)| ["object", "array"].contains(word));
        let asked: Vec<Path> = asked.map(|(_, path, _)| path.parse().unwrap()).collect();
        if first.changes.iter().any(|change| asked.iter().any(|asked| change.path.holds(asked))) {
            return Ok(());
        }
        let mut side_by_side = after_first.clone();
        if in_conflict(&first, &second) || applied(&mut side_by_side, &second.changes).is_err() {
            return Ok(());
        }
        let mut in_a_row = after_first;
        for (op, seen) in done.iter().zip(seen) {
            match model(&mut in_a_row, op) {
                Ok(found) => prop_assert_eq!(found, seen, "{:?}", op),
                // an empty container of the other kind stood in the way of what the second call then took back
                Err(_) if first.changes.iter().any(|change| !writes(change)) => return Ok(()),
                Err(misfit) => prop_assert!(false, "{op:?}: {}", misfit.0),
            }
        }
        prop_assert_eq!(side_by_side, in_a_row);
    }
}
