//! Which manifest, which of its calls, with which data; and what is refused before anything runs.

use crate::sandbox::Sandbox;

const PIPELINES: &str = r#"
    [data]
    keys = ["x", "y"]
    limits = { low = 1 }
    [tasks.a]
    tags = ["first"]
    for = { k = "keys" }
    run = "echo ${{ k }} >> a-ran; echo a ${{ k }} ${{ limits.low }}"
    [tasks.b]
    for = { k = "keys" }
    run = "echo ${{ k }} >> b-ran; echo b ${{ a[k] }}"
    [tasks.c]
    run = "echo c >> c-ran; echo c"
"#;

#[test]
fn a_named_call_runs_with_what_it_needs_and_no_more() {
    let sandbox = Sandbox::new().manifest(PIPELINES);
    sandbox.run(["-t", "b[y]"]).code(0).answer_is(r#"{"b":{"y":"b a y 1"}}"#);
    assert_eq!((sandbox.read("a-ran"), sandbox.read("b-ran")), ("y\n".to_owned(), "y\n".to_owned()));
    assert!(!sandbox.exists("c-ran"));
}

#[test]
fn the_plan_of_a_part_shows_the_finalizers_that_run_after_it() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.up]
        for = { k = "range(2)" }
        run = "echo up"
        [tasks.other]
        run = "echo other"
        [tasks.last]
        when = "always"
        run = "echo last >> ran"
        fills = false
        [tasks.reader]
        when = "always"
        run = "echo reader >> ran; : ${{ up | length }}"
        fills = false
        [tasks.of-reader]
        when = "always"
        after = ["reader"]
        run = "echo of-reader >> ran"
        fills = false
        [tasks.of-other]
        when = "always"
        after = ["other"]
        run = "echo of-other >> ran"
        fills = false
        "#,
    );
    let planned = sandbox.deco(["plan", "-v", "-t", "up[0]"]).run().code(0).stdout;
    let planned: Vec<&str> = planned.lines().map(|line| line.split("  ").next().unwrap_or(line)).collect();
    assert_eq!(planned, ["up[0]", "reader", "of-reader", "last", "4 calls, 1 join"]);
    sandbox.run(["-v", "-t", "up[0]", "-j1"]).code(0).stderr_has("deco: 4 calls, 1 at a time");
    assert_eq!(sandbox.read("ran"), "reader\nof-reader\nlast\n");
}

#[test]
fn calls_are_named_by_task_tag_and_path() {
    let sandbox = Sandbox::new().manifest(PIPELINES);
    sandbox.run(["-t", "c"]).code(0).answer_is(r#"{"c":"c"}"#);
    sandbox.run(["-t", "tag:first"]).code(0).answer_is(r#"{"a":{"x":"a x 1","y":"a y 1"}}"#);
    sandbox.run(["-t", "a[k=x]"]).code(0).answer_is(r#"{"a":{"x":"a x 1"}}"#);
    sandbox.run(["-t", "a.x"]).code(0).answer_is(r#"{"a":{"x":"a x 1"}}"#);
    sandbox.run(["-t", "b", "-t", "c"]).code(0).answer_is(r#"{"b":{"x":"b a x 1","y":"b a y 1"},"c":"c"}"#);
    sandbox.run(["-t", "d"]).code(2).stdout_is("").stderr_has("`d`");
    sandbox.run(["-t", "a[z]"]).code(2).stdout_is("").stderr_has("z");
}

#[test]
fn a_path_names_the_calls_that_fill_it_or_something_in_it() {
    let grid = r#"
        [tasks.cell]
        for = { r = [0, 1], c = [0, 1] }
        run = "echo ${{ r }}${{ c }} >> ran; echo ${{ r }}${{ c }}"
        fills = "results[r][c]"
    "#;
    let sandbox = Sandbox::new().manifest(grid);
    sandbox.run(["-t", "results[1][0]"]).code(0).answer_is(r#"{"results":{"1":{"0":"10"}}}"#);
    assert_eq!(sandbox.read("ran"), "10\n");
    sandbox.run(["-t", "results[0]"]).code(0).answer_is(r#"{"results":{"0":{"0":"00","1":"01"}}}"#);
    sandbox.run(["-t", "results[7][7]"]).code(2).stdout_is("").stderr_has("results[7][7]");
}

#[test]
fn tasks_are_listed_with_their_descriptions_and_tags() {
    let manifest = r#"
        [tasks.cell]
        description = "one cell of the grid"
        tags = ["slow", "grid"]
        for = { r = [0, 1] }
        run = "true"
        result = "none"
    "#;
    let listed = Sandbox::new().manifest(manifest).deco(["list"]).run().code(0);
    for part in ["cell[r]", "one cell of the grid", "#slow", "#grid"] {
        assert!(listed.stdout.contains(part), "{part}: {}", listed.stdout);
    }
}

#[test]
fn what_is_skipped_fills_nothing_and_its_readers_are_skipped() {
    let sandbox = Sandbox::new().manifest(PIPELINES);
    sandbox
        .run(["--skip", "a[x]", "--skip", "c"])
        .code(0)
        .answer_is(r#"{"a":{"y":"a y 1"},"b":{"y":"b a y 1"}}"#);
    assert_eq!(sandbox.read("b-ran"), "y\n");
}

#[test]
fn data_is_set_from_the_command_line() {
    let sandbox = Sandbox::new().manifest(PIPELINES);
    sandbox
        .run(["-t", "a", "--set", "keys=[\"n\", 7]", "--set-text", "limits.low=a=b"])
        .code(0)
        .answer_is(r#"{"a":{"n":"a n a=b","7":"a 7 a=b"}}"#);
    sandbox.run(["--set", "keys=[1"]).code(2).stdout_is("").stderr_has("keys");
    sandbox.run(["--set", "keys"]).code(2).stdout_is("");
    let mut ran: Vec<String> = sandbox.read("a-ran").lines().map(str::to_owned).collect();
    ran.sort();
    assert_eq!(ran, ["7", "n"], "what was refused ran nothing");
}

#[test]
fn the_manifest_may_come_from_standard_input() {
    let sandbox = Sandbox::new().file("here", "");
    let deco = sandbox.deco(["run", "-"]).stdin("[tasks.t]\nrun = 'ls here; cat'");
    deco.run().code(0).answer_is(r#"{"t":"here"}"#);
}

#[test]
fn the_manifest_may_stand_in_a_parent_or_have_another_name() {
    let sandbox = Sandbox::new()
        .manifest("[tasks.t]\nrun = 'ls deco.toml'")
        .file("sub/deeper/file", "")
        .file("sub/other.toml", "[tasks.o]\nrun = 'ls other.toml'");
    sandbox.deco(["run"]).dir(&sandbox.path("sub/deeper")).run().code(0).answer_is(r#"{"t":"deco.toml"}"#);
    sandbox.run(["sub/other.toml"]).code(0).answer_is(r#"{"o":"other.toml"}"#);
    sandbox.run(["no-such.toml"]).code(2).stdout_is("").stderr_has("no-such.toml");
}

#[test]
fn a_dry_run_runs_nothing() {
    let sandbox = Sandbox::new().manifest(PIPELINES);
    sandbox.run(["-n"]).code(0);
    assert!(!sandbox.exists("a-ran"));
}

/// A manifest that is wrong in this way, with a task that would leave a trace.
#[track_caller]
fn refused(wrong: &str, words: &[&str]) {
    let sandbox = Sandbox::new().manifest(&format!("[tasks.sound]\nrun = ': > ran'\n{wrong}"));
    let output =
        words.iter().fold(sandbox.run([]).code(2).stdout_is(""), |output, word| output.stderr_has(word));
    drop(output);
    assert!(!sandbox.exists("ran"), "nothing of a wrong manifest runs");
}

#[test]
fn a_wrong_manifest_runs_nothing() {
    refused("[tasks.t]\nrum = 'true'", &["`rum`", "`run`"]);
    refused("[taks.t]\nrun = 'true'", &["`taks`", "`tasks`"]);
    refused("[tasks.t]\nrun = 'echo ${{ resuls }}'\n[data]\nresults = 1", &["`resuls`", "`results`"]);
    refused("[tasks.t]\nrun = 'true'\nafter = ['sond']", &["`sond`", "`sound`"]);
    refused("[tasks.t]\nrun = 'echo ${{ sound.x | lenght }}'", &["`lenght`", "`length`"]);
    refused("[tasks.t]\nfor = { i = [1, '1'] }\nrun = 'true'", &["1"]);
    refused("[tasks.a]\nrun = 'echo ${{ b }}'\n[tasks.b]\nrun = 'echo ${{ a }}'", &["`a`", "`b`"]);
    refused("[tasks.t]\nfor = { i = [1, 2] }\nrun = 'echo ${{ t }}'", &["`t"]);
    refused("[tasks.t]\nfor = { i = [1, 2] }\nrun = 'true'\nfills = 'd.same'", &["t[1]", "t[2]"]);
    refused("[tasks.t]\nfor = { i = [1, 2] }\nrun = 'true'\n[tasks.u]\nrun = 'echo ${{ t[3] }}'", &["t[3]"]);
    refused("[tasks.t", &["deco.toml"]);
}

#[test]
fn what_later_work_brings_is_refused_never_ignored() {
    for task in ["inputs = ['x']", "outputs = ['x']", "cache = true"] {
        refused(&format!("[tasks.t]\nrun = 'true'\n{task}"), &["not yet supported"]);
    }
}

#[test]
fn a_manifest_without_a_task_is_wrong() {
    Sandbox::new().manifest("[data]\nx = 1").run([]).code(2).stdout_is("").stderr_has("task");
    Sandbox::new().run([]).code(2).stdout_is("").stderr_has("deco.toml");
}

#[test]
fn a_wrong_command_line_runs_nothing() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = ': > ran'");
    for args in [&["--no-such"][..], &["-j", "0"], &["--color", "pink"], &["-C", "no-such-folder"]] {
        sandbox.run(args.iter().copied()).code(2).stdout_is("");
    }
    assert!(!sandbox.exists("ran"));
}

#[test]
fn an_empty_key_is_not_every_key() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nfor = { x = [1, 2] }\nrun = 'true'\n");
    for option in ["-t", "--skip"] {
        sandbox.run([option, "t[]"]).code(2).stderr_has("an empty key is written `t[\"\"]`");
    }
}

#[test]
fn an_address_that_deco_itself_prints_is_understood_whatever_the_key() {
    let sandbox = Sandbox::new().manifest(
        r##"
        [tasks.t]
        for = { i = ["x[y", 'a"[b', 'c\\', "z"] }
        run = "false"
        "##,
    );
    for address in [r#"t["x[y"]"#, r#"t["a\"[b"]"#, r#"t[c\\]"#] {
        let run = sandbox.run(["-t", address]).code(1);
        run.stderr_has("1 failed").stderr_has(&format!("-t '{address}'"));
    }
    sandbox.run(["-t", "t[x"]).code(2).stderr_has("a `[` has no `]`");
}
