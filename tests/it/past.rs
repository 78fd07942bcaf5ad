//! Looking back: `deco log`, `get`, `report` and `explain`, of runs that are over.

use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
[tasks.cell]
for = { x = [1, 2, 3] }
run = "echo cell ${{ x }} >&2; test ${{ x }} != 3; echo $((${{ x }} * 10))"
result = "json"

[tasks.long]
run = "seq 1 5000 >&2"
after = ["cell[1]"]

[tasks.sum]
run = "echo ${{ cell | length }}"

[sync.all]
waits-for = ["cell"]
"#;

fn ran() -> Sandbox {
    let sandbox = Sandbox::new().manifest(MANIFEST);
    sandbox
        .run(["-k", "-q", "--compact"])
        .code(1)
        .stdout_is("{\"cell\":{\"1\":10,\"2\":20},\"long\":\"\"}\n");
    sandbox
}

#[test]
fn a_log_is_whole_and_of_the_calls_that_are_asked_for() {
    let sandbox = ran();
    let long = sandbox.deco(["log", "long"]).run().code(0).stdout;
    assert_eq!((long.lines().count(), long.lines().last()), (5000, Some("5000")));
    sandbox.deco(["log", "--failed", "cell"]).run().code(0).stdout_is("cell 3\n");
    sandbox.deco(["log", "--stdout", "cell[2]"]).run().code(0).stdout_is("20\n");
    let several = sandbox.deco(["log", "--stderr", "cell[1]", "cell[3]"]).run().code(0).stdout;
    assert!(
        several.contains("==> cell[3]: failed: exited with code 1") && several.contains("\ncell 1\n"),
        "{several}"
    );
    sandbox.deco(["log", "sell"]).run().code(2).stdout_is("").stderr_has("did you mean `cell`?");
    sandbox.deco(["log", "3"]).run().code(2).stdout_is("").stderr_has("did you mean `cell[3]`?");
}

#[test]
fn a_value_of_the_answer_is_given_as_it_was() {
    let sandbox = ran();
    sandbox.deco(["get", "cell[2]"]).run().code(0).stdout_is("20\n");
    sandbox.deco(["get", "cell[9]"]).run().code(1).stderr_has("nothing stands at `cell[9]`");
    sandbox.deco(["get", "cell[9]", "--default", "0"]).run().code(0).stdout_is("0\n");
    sandbox.deco(["get", "cell[9]", "--default", "0", "--run", "nosuch"]).run().code(2).stdout_is("");
    sandbox.deco(["get", "cell[9]", "--default", "0", "-f", "no.toml"]).run().code(2).stdout_is("");
    sandbox.deco(["get", "cell[9]", "--default", "oops"]).run().code(2).stdout_is("").stderr_has("no JSON");
    let sandbox = sandbox.manifest("[tasks.t]\nrun = 'echo \"a b\"'");
    sandbox.deco(["get", "cell[2]"]).run().code(0).stdout_is("20\n");
    sandbox.run(["-q"]).code(0);
    sandbox.deco(["get", "t"]).run().code(0).stdout_is("\"a b\"\n");
    sandbox.deco(["get", "t", "--text"]).run().code(0).stdout_is("a b\n");
}

#[test]
fn a_run_is_named_by_the_beginning_of_its_id() {
    let sandbox = Sandbox::new().manifest(MANIFEST);
    sandbox.deco(["log"]).run().code(2).stderr_has("no run is kept");
    sandbox.run(["-k", "-q"]).code(1);
    sandbox.run(["-q"]).code(1);
    let folder = std::fs::read_dir(sandbox.path(".deco/deco.toml/runs")).unwrap();
    let mut ids: Vec<String> = folder.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
    ids.sort();
    sandbox
        .deco(["get", "cell[1]"])
        .run()
        .code(1)
        .stderr_has("has no answer: it goes on, or not all of it succeeded");
    sandbox.deco(["get", "cell[1]", "--run", &ids[0]]).run().code(0).stdout_is("10\n");
    sandbox.deco(["log", "--run", "20"]).run().code(2).stderr_has("the ids of several runs begin with `20`");
    sandbox.deco(["report", "1999", "-o", "x.html"]).run().code(2).stderr_has(&ids[1]);
    sandbox.deco(["report", &ids[0], "-o", "x.html", "--junit", "x.xml"]).run().code(0);
    let over = sandbox.deco(["report", "-o", "./deco.toml"]).run().code(2);
    over.stderr_has("`-o ./deco.toml` would write over the manifest");
    let over = sandbox.deco(["report", "-o", "y", "--junit", "./y"]).run().code(2);
    over.stderr_has("`--junit ./y` would write over what `-o` writes");
    assert!(
        sandbox.read("x.html").contains("<!doctype html>") && sandbox.read("x.xml").contains("<testsuites")
    );
    let page = sandbox.deco(["report"]).run().code(0).stdout;
    assert!(page.contains(&ids[1]));
}

#[test]
fn an_explanation_names_the_line_the_path_the_calls_and_what_blocked() {
    let sandbox = ran();
    let said = sandbox.deco(["explain", "sum"]).run().code(0).stdout;
    for part in [
        "waits for the join of cell (3 calls: cell[1], cell[2], cell[3]): it reads `cell`",
        "deco.toml:12: run = \"echo ${{ cell | length }}\"",
        "in the last run, cell[3]: failed: exited with code 1",
        "blocked by cell[3]",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    let said = sandbox.deco(["explain", "cell[1]"]).run().code(0).stdout;
    for part in [
        "waits for nothing",
        "is waited for by long",
        "is waited for by sync.all, through the join of cell",
        "runs: echo cell 1 >&2; test 1 != 3; echo $((1 * 10))",
        "succeeded after",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    let said = sandbox.deco(["explain", "long"]).run().code(0).stdout;
    assert!(
        said.contains("waits for cell[1]: it comes after\n      deco.toml:9: after = [\"cell[1]\"]"),
        "{said}"
    );
    sandbox.deco(["explain", "nix"]).run().code(2).stderr_has("names no call");
}

#[test]
fn a_finalizer_is_explained_with_what_it_waits_for() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.test]
        for = { k = "range(2)" }
        run = "echo"
        [tasks.report]
        when = "failure"
        run = "echo ${{ test | length }}"
        [tasks.last]
        when = "always"
        run = "true"
        "#,
    );
    let said = sandbox.deco(["explain", "report"]).run().code(0).stdout;
    let expected = "report\n  runs if one of those failed for which it waits\n  waits for the join of test (2 calls: test[0], test[1]): ";
    assert!(said.starts_with(expected) && said.contains("run = \"echo ${{ test | length }}\""), "{said}");
    let said = sandbox.deco(["explain", "last"]).run().code(0).stdout;
    assert!(said.starts_with("last\n  runs at the end, however the run ends\n  runs: true\n"), "{said}");
}

#[test]
fn what_a_test_says_on_standard_output_is_the_text_of_its_failure() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = 'echo 1 is not 2; exit 1'\n");
    sandbox.run(["--junit", "junit.xml"]).code(1);
    let junit = sandbox.read("junit.xml");
    assert!(junit.contains("type=\"exit\">1 is not 2\n</failure>"), "{junit}");
}

#[test]
fn calls_that_were_found_in_the_run_are_explained_as_they_ended() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.gen]
        run = "seq 3"
        result = "lines"
        [tasks.a]
        for = { x = "gen" }
        run = "test ${{ x }} != 2"
        "#,
    );
    sandbox.run(["-k"]).code(1);
    let said = sandbox.deco(["explain", "a[2]"]).run().code(0).stdout;
    assert!(
        said.contains("  a[2]\n    in the last run (") && said.contains("): failed: exited with code 1"),
        "{said}"
    );
    let said = sandbox.deco(["explain", "a"]).run().code(0).stdout;
    assert_eq!(said.matches("in the last run (").count(), 3, "{said}");
}
