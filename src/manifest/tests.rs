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

fn source(template: &Template) -> String {
    let parts = template.parts.iter().map(|part| match part {
        crate::expr::Part::Literal(text) => text.clone(),
        crate::expr::Part::Slot(slot) => format!("${{{{ {} }}}}", slot.expression.source()),
    });
    parts.collect()
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
            other => panic!("{other:?}"),
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
    let shell = |task: &Task| match &task.run {
        Run::Shell { shell, .. } => shell[0].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((shell(a).as_str(), shell(b).as_str()), ("dash", "bash"));
}

#[test]
fn the_env_of_a_task_is_added_to_the_defaults() {
    let text = "[defaults]\nenv = { A = '1', B = '${{ a }}', C = '3' }\n[tasks.a]\nrun = 'true'\nenv = {}\n\
                [tasks.b]\nrun = 'true'\nenv = { D = '4', B = '2' }";
    let manifest = manifest(text);
    let env = |at: usize| -> Vec<String> {
        let texts =
            manifest.tasks[at].env.iter().map(|(name, text)| format!("{name}={}", source(&text.value)));
        texts.collect()
    };
    assert_eq!(env(0), ["A=1", "B=${{ a }}", "C=3"]);
    assert_eq!(env(1), ["A=1", "C=3", "D=4", "B=2"]);
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
fn a_default_is_a_value_in_which_texts_may_be_templates() {
    struct Nothing(crate::expr::Files);
    impl Scope for Nothing {
        fn lookup(&self, _: &str) -> Option<crate::expr::Binding> {
            None
        }
        fn files(&self) -> &crate::expr::Files {
            &self.0
        }
    }
    let scope = Nothing(crate::expr::Files::new("/"));
    let check = |keys: &str, expected: &str, templates: usize| {
        let default = task(&format!("run = 'true'\ndefault = {keys}")).default.unwrap();
        assert_eq!(default.eval(&scope).unwrap().to_json(), expected, "{keys}");
        assert_eq!(default.templates().len(), templates, "{keys}");
    };
    check("'text'", r#""text""#, 0);
    check("''", r#""""#, 0);
    check("{ a = [1.0] }", r#"{"a":[1.0]}"#, 0);
    check("'${{ none }}'", "null", 1);
    check("'n ${{ 1 + 1 }}'", r#""n 2""#, 1);
    check("[1.0, '${{ [2] }}', { z = '${{ 3 }}!', a = 'x' }]", r#"[1.0,[2],{"z":"3!","a":"x"}]"#, 2);
}

#[test]
fn targets_are_what_their_names_are() {
    let text = "[tasks.a]\nrun = 'true'\nfor = { x = [1], y = [2] }\ntags = ['slow']\n\
                [tasks.b]\nrun = 'true'\nfor = { s = ['q'] }\nafter = [AFTER]\n\
                [tasks.b-2]\nrun = 'true'\nfor = { s = ['q'] }\ntags = ['slow-too']\n\
                [sync.day]\nwaits-for = ['a', 'a[0][1]', 'b.q', 'b*', 'b*[q]', 'a[*,2]']";
    let part = |(column, part): &(pattern::Column, PartPattern)| {
        let name = match column {
            pattern::Column::Position(position) => format!("{position}"),
            pattern::Column::Variable(name) => name.to_string(),
        };
        let sign = if matches!(part, PartPattern::Glob(_)) { "~" } else { "=" };
        format!("{name}{sign}{}", source(part.template()))
    };
    let kind = |target: &Sourced<Target>| match &target.value {
        Target::Task(name) => format!("task {name}"),
        Target::Tasks(glob, names) => format!("tasks {glob} {names:?}").replace("TaskName", ""),
        Target::Call(name, parts) => {
            format!("call {name} {}", parts.iter().map(source).collect::<Vec<_>>().join(" "))
        }
        Target::Calls(patterns) => {
            let patterns = patterns.iter().map(|pattern| {
                format!(" {} {}", pattern.task, pattern.parts.iter().map(part).collect::<Vec<_>>().join(" "))
            });
            format!("calls{}", patterns.collect::<String>())
        }
        Target::Tag(tag) => format!("tag {tag}"),
        Target::Sync(name) => format!("sync {name}"),
        Target::Place(place) => format!("place {} {}", place.root, place.steps.len()),
    };
    let check = |target: &str, expected: &str| {
        let manifest = manifest(&text.replace("AFTER", target));
        assert_eq!(kind(&manifest.tasks[1].after[0]), expected, "{target}");
    };
    check("'a'", "task a");
    check("'a[1,${{ s }}]'", "call a 1 ${{ s }}");
    check(r#"'a["x,y", 2]'"#, "call a x,y 2");
    check("'tag:slow'", "tag slow");
    check("'day'", "sync day");
    check("'a[y=2, x=1]'", "call a 1 2");
    check("'a[y=${{ s }}]'", "calls a y=${{ s }}");
    check("'a[x=1*]'", "calls a x~1*");
    check("'a[*, ${{ s }}]'", "calls a 0~* 1=${{ s }}");
    check("'a[${{ s }}-?, 2]'", "calls a 0~${{ s }}-? 1=2");
    check(r#"'a["*", "x=1"]'"#, "call a * x=1");
    check("'*'", r#"tasks * [("a"), ("b-2")]"#);
    check("'b*'", r#"tasks b* [("b-2")]"#);
    check("'tag:slow*'", r#"tasks tag:slow* [("a"), ("b-2")]"#);
    check("'?-*[${{ s }}]'", "calls b-2 0=${{ s }}");
    check("'*[s=${{ s }}]'", "calls b-2 s=${{ s }}");
    let waits_for: Vec<String> =
        manifest(&text.replace("AFTER", "")).syncs[0].waits_for.iter().map(kind).collect();
    let expected = [
        "task a",
        "place a 2",
        "place b 1",
        r#"tasks b* [("b"), ("b-2")]"#,
        "calls b 0=q b-2 0=q",
        "calls a 0~* 1=2",
    ];
    assert_eq!(waits_for, expected);
}

#[test]
fn attempts_have_retries_slots_and_pools() {
    let text = "[pools]\ndb = 2\nmem = '8GiB'\ngpu = ['0', '1']\napi = { amount = 5, per = '1s' }\n[defaults]\nretries = 1\n\
                [tasks.a]\nrun = 'true'\n[tasks.b]\nrun = 'true'\nretries = 3\nretry-delay = '2m'\nretry-on = [75, 'timeout', 9]\n\
                cpus = 4\nuses = { db = 1, mem = '512MiB', gpu = 'attempt', api = 5 }\n";
    let manifest = manifest(text);
    let pools: Vec<(&str, PoolKind, u64)> =
        manifest.pools.iter().map(|pool| (pool.name.as_str(), pool.kind.clone(), pool.kind.most())).collect();
    let items = ["0", "1"].map(str::to_owned).to_vec();
    let expected = [
        ("db", PoolKind::Count(2), 2),
        ("mem", PoolKind::Count(8 << 30), 8 << 30),
        ("gpu", PoolKind::Indexed(items), 2),
        ("api", PoolKind::Rate { amount: 5, per: Duration::from_secs(1) }, 5),
    ];
    assert_eq!(pools, expected);
    let [a, b] = manifest.tasks.as_slice() else { panic!() };
    assert_eq!((a.retries, a.retry_delay, &a.retry_on), (1, Duration::from_secs(1), &RetryOn::Any));
    let on = RetryOn::These { codes: vec![75, 9], timeout: true };
    assert_eq!((b.retries, b.retry_delay, &b.retry_on), (3, Duration::from_secs(120), &on));
    let amounts = |task: &Task| -> Vec<String> {
        let words = task.amounts().map(|amount| match amount {
            Amount::Constant(amount) => amount.to_string(),
            Amount::Expression(expression) => expression.value.source().to_owned(),
        });
        words.collect()
    };
    assert_eq!(amounts(a), ["1"]);
    assert_eq!(amounts(b), ["4", "1", "536870912", "attempt", "5"]);
    let pools: Vec<&str> = b.uses.iter().map(|wanted| wanted.pool.as_str()).collect();
    assert_eq!(pools, ["db", "mem", "gpu", "api"]);
}

#[test]
fn finalizers_know_how_the_run_went() {
    let keys = "if = \"run.status == 'failed'\"\nrun = 'echo ${{ calls | length }}'\nfills = { my_task = 'run' }\ndefault = ['${{ run }}']";
    assert_eq!(task(&format!("when = 'always'\n{keys}")).when, When::Always);
    assert!(task(&format!("when = 'failure'\n{keys}")).when.is_finalizer());
    assert!(!task("run = 'true'\nwhen = 'success'").when.is_finalizer());
    let text = format!("[tasks.my-task]\n{keys}\n");
    assert_eq!(messages(&text).len(), 4);
}

#[test]
fn a_for_may_read_what_tasks_fill() {
    let text = "[tasks.a]\nrun = 'ls'\nresult = 'lines'\n[tasks.b]\nfor = { x = 'a', y = 'a[x]' }\nkey = ['a[x]']\nrun = 'true'";
    assert_eq!(messages(text), Vec::<String>::new());
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
                env = { A = 'x' }\nrun-timeout = '1h'\nsecrets = ['API_TOKEN', 'key']\n[tasks.a]\nrun = 'true'";
    let settings = manifest(text).settings;
    let secrets: Vec<&str> = settings.secrets.iter().map(|name| name.value.as_str()).collect();
    assert_eq!(secrets, ["API_TOKEN", "key"]);
    assert_eq!(settings.run_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(settings.finalizer_timeout, Duration::from_secs(10));
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
