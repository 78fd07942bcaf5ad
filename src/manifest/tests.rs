//! What right manifests come to; wrong ones are in `tests/diagnostics/`.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use super::check::parse;
use super::*;
use crate::diagnostic::Diagnostic;
use crate::path::Path;

fn outcome(text: &str, overrides: &[(Path, Value)]) -> (Option<Manifest>, Vec<Diagnostic>) {
    let source = Source { name: "deco.toml".to_owned(), text: text.to_owned() };
    parse(Arc::new(source), FilePath::new("/manifest"), overrides)
}

#[track_caller]
fn manifest(text: &str) -> Manifest {
    let (manifest, found) = outcome(text, &[]);
    manifest.unwrap_or_else(|| panic!("{found:#?}"))
}

/// The one task of a manifest, with documents `xs` and `ys` to name.
#[track_caller]
fn task(keys: &str) -> Task {
    let text = format!("[data]\nxs = [1, 2]\nys = {{ a = 1 }}\n[tasks.my-task]\n{keys}\n");
    manifest(&text).tasks.remove(0)
}

/// The messages of a manifest, in order.
fn messages(text: &str) -> Vec<String> {
    outcome(text, &[]).1.into_iter().map(|one| one.message).collect()
}

fn filled(task: &Task) -> Vec<String> {
    let text = |fill: &Fill| {
        let steps = fill.place.value.steps.iter().map(|step| match step {
            crate::expr::Step::Key(key) => format!(".{key}"),
            crate::expr::Step::Computed(index) => format!("[{}]", index.source()),
        });
        let append = if fill.append { "[]" } else { "" };
        format!("{}{}{append}", fill.place.value.root, steps.collect::<String>())
    };
    task.fills.iter().map(text).collect()
}

#[test]
fn a_task_fills_its_name_and_key_unless_it_says_otherwise() {
    let check = |keys: &str, expected: &[&str]| assert_eq!(filled(&task(keys)), expected, "{keys}");
    check("run = 'true'", &["my_task"]);
    check("run = 'true'\nfor = { x = 'xs', 'y, z' = 'zip(xs, xs)' }", &["my_task[key[0]][key[1]][key[2]]"]);
    check("run = 'true'\nfor = { x = 'xs' }\nkey = ['x.a', 'x.b']", &["my_task[key[0]][key[1]]"]);
    check("run = 'true'\nfills = false", &[]);
    check("run = 'true'\nfills = 'a.b[xs[0]][]'", &["a.b[xs[0]][]"]);
    check("run = 'true'\nfills = { 'b.c' = 'result', a = 'exit' }", &["b.c", "a"]);
}

#[test]
fn text_goes_to_a_shell_and_scripts_to_their_interpreter() {
    let check = |run: &str, expected: &str| {
        let got = match task(run).run {
            Run::Shell { shell, .. } => format!("shell {}", shell.join(" ")),
            Run::Script { interpreter, .. } => format!("script {}", interpreter.join(" ")),
            Run::Program { words, .. } => format!("program {}", words.len()),
        };
        assert_eq!(got, expected, "{run}");
    };
    check("run = 'echo'", "shell sh -eu -c");
    check("run = 'echo'\nshell = ['bash', '-c']", "shell bash -c");
    check("run = 'print()'\nshell = ['python3', '-c']", "program 3");
    check("run = ['echo', 'a b', '${{ xs }}']", "program 3");
    check(r##"run = "#!/bin/bash -x\necho ${{ xs }}""##, "shell /bin/bash -x -c");
    check(r##"run = "#! /usr/bin/env -S dash -e\necho""##, "shell /usr/bin/env -S dash -e -c");
    check(r##"run = "#!/usr/bin/env python3\nprint(${{ xs | tojson }})""##, "script /usr/bin/env python3");
    check(r##"run = "#!/usr/bin/env A=1 perl\n1""##, "script /usr/bin/env A=1 perl");
}

#[test]
fn defaults_are_for_what_a_task_does_not_say() {
    let text = "[settings]\nshell = ['dash', '-c']\n[defaults]\ntimeout = '1m'\nenv = { A = '1' }\nrun = 'true'\n\
                [tasks.a]\n[tasks.b]\ntimeout = '2m'\nenv = { B = '2' }\nshell = ['bash', '-c']";
    let manifest = manifest(text);
    let [a, b] = manifest.tasks.as_slice() else { panic!() };
    assert_eq!(a.timeout, Some(Duration::from_secs(60)));
    assert_eq!(b.timeout, Some(Duration::from_secs(120)));
    assert_eq!((a.env[0].0.as_str(), b.env[0].0.as_str(), b.env.len()), ("A", "B", 1));
    let shell = |task: &Task| match &task.run {
        Run::Shell { shell, .. } => shell[0].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((shell(a).as_str(), shell(b).as_str()), ("dash", "bash"));
}

#[test]
fn tables_keep_the_order_of_the_text() {
    let text = "[tasks.z]\nrun = 'true'\nfor = { b = [1], a = [2] }\n[data]\nz = 1\na = 2\n[tasks.a.env]\nB = ''\nA = ''\n\
                [tasks.a]\nrun = 'true'\nfills = false\n";
    let (parsed, found) = outcome(&text.replace("z = 1\na = 2", "y = 1\nb = 2"), &[]);
    let manifest = parsed.unwrap_or_else(|| panic!("{found:?}"));
    let documents: Vec<&str> = manifest.documents.keys().map(Name::as_str).collect();
    assert_eq!(documents, ["y", "b"]);
    let tasks: Vec<&str> = manifest.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(tasks, ["z", "a"]);
    let variables: Vec<&str> = manifest.tasks[0].variable_names().map(Name::as_str).collect();
    assert_eq!(variables, ["b", "a"]);
    assert_eq!(manifest.tasks[1].env[0].0, "B");
}

#[test]
fn bindings_have_the_order_of_the_variables() {
    let task = task(
        "run = 'true'\nfor = { x = 'xs', y = [1] }\ninclude = [{ y = 'b', x = 'a' }]\nexclude = [{ y = 1 }]",
    );
    let values: Vec<String> = task.include[0].0.iter().map(Value::to_json).collect();
    assert_eq!(values, [r#""a""#, r#""b""#]);
    assert_eq!(task.exclude[0][0].0.as_str(), "y");
}

#[test]
fn a_default_is_a_value_or_a_template() {
    let check = |keys: &str, expected: Result<&str, ()>| {
        let got = match task(&format!("run = 'true'\ndefault = {keys}")).default {
            Some(DefaultValue::Constant(value)) => Ok(value.to_json()),
            _ => Err(()),
        };
        assert_eq!(got.as_deref(), expected.as_ref().map(|json| *json).map_err(|()| &()), "{keys}");
    };
    check("'text'", Ok(r#""text""#));
    check("''", Ok(r#""""#));
    check("{ a = [1.0] }", Ok(r#"{"a":[1.0]}"#));
    check("'${{ none }}'", Err(()));
}

#[test]
fn targets_are_what_their_names_are() {
    let text = "[tasks.a]\nrun = 'true'\nfor = { x = [1], y = [2] }\ntags = ['slow']\n\
                [tasks.b]\nrun = 'true'\nfor = { s = ['q'] }\n\
                after = ['a', 'a[1,${{ s }}]', 'a[\"x,y\", 2]', 'tag:slow', 'day']\n\
                [sync.day]\nwaits-for = ['a', 'a[0][1]', 'b.q']";
    let manifest = manifest(text);
    let kind = |target: &Sourced<Target>| match &target.value {
        Target::Task(name) => format!("task {name}"),
        Target::Call(name, parts) => format!("call {name} {}", parts.len()),
        Target::Tag(tag) => format!("tag {tag}"),
        Target::Sync(name) => format!("sync {name}"),
        Target::Place(place) => format!("place {} {}", place.root, place.steps.len()),
    };
    let after: Vec<String> = manifest.tasks[1].after.iter().map(kind).collect();
    assert_eq!(after, ["task a", "call a 2", "call a 2", "tag slow", "sync day"]);
    let waits_for: Vec<String> = manifest.syncs[0].waits_for.iter().map(kind).collect();
    assert_eq!(waits_for, ["task a", "place a 2", "place b 1"]);
}

#[test]
fn the_command_line_sets_places_of_documents() {
    let text = "[data]\nconfig = { n = 1 }\n[tasks.a]\nrun = 'echo ${{ config.n }} ${{ extra }}'";
    assert!(outcome(text, &[]).0.is_none());
    let set = |path: &str, json: &str| (path.parse().unwrap(), Value::parse(json.as_bytes()).unwrap());
    let (manifest, found) = outcome(text, &[set("config.m", "2.50"), set("extra", "[]")]);
    let documents: Vec<String> =
        manifest.unwrap().documents.values().map(|document| document.value.to_json()).collect();
    assert_eq!((documents, found), (vec![r#"{"n":1,"m":2.50}"#.to_owned(), "[]".to_owned()], Vec::new()));
    let (manifest, found) = outcome(text, &[set("config.n.x", "1"), set("extra", "[]")]);
    assert!(manifest.is_none() && found[0].message.starts_with("cannot set `config.n.x`"), "{found:?}");
}

#[test]
fn settings_are_read() {
    let text = "[settings]\nname = 'n'\njobs = '50%'\noutput = 'out.json'\nselect = { m = 'a.mean' }\nkeep-going = true\n\
                env = { A = 'x' }\n[tasks.a]\nrun = 'true'";
    let settings = manifest(text).settings;
    assert_eq!(settings.jobs, Some(Jobs::Percent(50.0)));
    assert_eq!(settings.output.as_deref(), Some(FilePath::new("/manifest/out.json")));
    assert!(settings.keep_going && matches!(settings.select, Select::Computed(list) if list[0].0 == "m"));
    assert_eq!(settings.env, [("A".to_owned(), "x".to_owned())]);
}

#[test]
fn one_mistake_is_said_once() {
    let wrong_default = "[defaults]\ntimeout = 'x'\n[tasks.a]\nrun = 'true'\n[tasks.b]\nrun = 'true'";
    assert_eq!(messages(wrong_default), ["`x` is no length of time"]);
    let unused_default = "[defaults]\ntimeout = 'x'\n[tasks.a]\nrun = 'true'\ntimeout = '1s'";
    assert_eq!(messages(unused_default), ["`x` is no length of time"]);
    let reader = "[tasks.a]\nrun = 'true'\nfills = 'r..x'\n[tasks.b]\nrun = 'echo ${{ r }}'";
    assert_eq!(messages(reader).len(), 1);
    let variable = "[tasks.a]\nfor = { x = 5 }\nrun = 'echo ${{ x }}'";
    assert_eq!(messages(variable), ["expected an array or an expression, found an integer"]);
    let document = "[load]\nr = 5\n[tasks.b]\nrun = 'echo ${{ r }}'";
    assert_eq!(messages(document), ["expected a string, found an integer"]);
}
