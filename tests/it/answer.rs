//! The answer to the byte, where it goes, and what stays of it when something failed.

use crate::sandbox::Sandbox;

const TWO: &str = r#"
    [data]
    given = { "9" = 1.50 }
    unchanged = 1
    [tasks.b]
    run = "echo '{\"z\": 1.0, \"a\": [], \"é\": {}}'"
    result = "json"
    [tasks.a]
    for = { k = ["01", "1", "\u0007\""] }
    run = "printf %s ${{ k }}"
    fills = "given[k]"
"#;

#[test]
fn it_is_told_to_the_byte() {
    let sandbox = Sandbox::new().manifest(TWO);
    let pretty = "{\n  \"given\": {\n    \"9\": 1.50,\n    \"01\": \"01\",\n    \"1\": \"1\",\n    \"\\u0007\\\"\": \"\\u0007\\\"\"\n  },\n  \"b\": {\n    \"z\": 1.0,\n    \"a\": [],\n    \"é\": {}\n  }\n}\n";
    sandbox.run(["-j1"]).code(0).stdout_is(pretty);
    sandbox.run(["-j8"]).code(0).stdout_is(pretty);
    sandbox.run(["--compact"]).code(0).stdout_is(
        "{\"given\":{\"9\":1.50,\"01\":\"01\",\"1\":\"1\",\"\\u0007\\\"\":\"\\u0007\\\"\"},\"b\":{\"z\":1.0,\"a\":[],\"é\":{}}}\n",
    );
}

#[test]
fn documents_are_selected_by_name_or_computed() {
    let sandbox = Sandbox::new().manifest(TWO);
    sandbox.run(["--select", "b"]).code(0).answer_is(r#"{"b":{"z":1.0,"a":[],"é":{}}}"#);
    sandbox.run(["--select", "bb"]).code(2).stdout_is("").stderr_has("`b`");

    let select =
        |select: &str| Sandbox::new().manifest(&format!("[settings]\nselect = {select}\n{TWO}")).run([]);
    select(r#"["unchanged"]"#).code(0).answer_is(r#"{"unchanged":1}"#);
    select(r#"{ n = "given | length", first = 'given["9"]' }"#).code(0).answer_is(r#"{"n":4,"first":1.50}"#);
}

#[test]
fn a_file_gets_it_in_place_of_standard_output() {
    let sandbox = Sandbox::new().manifest("[settings]\noutput = 'out.json'\n[tasks.t]\nrun = 'echo hi'");
    sandbox.run([]).code(0).stdout_is("");
    assert_eq!(sandbox.read("out.json"), "{\n  \"t\": \"hi\"\n}\n");
    sandbox.run(["-o", "other.json", "--compact"]).code(0).stdout_is("");
    assert_eq!(sandbox.read("other.json"), "{\"t\":\"hi\"}\n");
    // with -t the documents named go to standard output
    sandbox.run(["-t", "t"]).code(0).answer_is(r#"{"t":"hi"}"#);
}

#[test]
fn a_file_is_only_ever_replaced_by_a_whole_answer() {
    let sandbox = Sandbox::new().file("out.json", "as it was").manifest(
        r#"
        [tasks.t]
        for = { k = ["bad", "good"] }
        run = "[ ${{ k }} = good ]; echo ok"
        "#,
    );
    sandbox.run(["-o", "out.json"]).code(1).stdout_is("");
    assert_eq!(sandbox.read("out.json"), "as it was");
    assert!(!sandbox.exists("out.json.partial"));

    sandbox.run(["-k", "-o", "out.json", "--compact"]).code(1).stdout_is("");
    assert_eq!(sandbox.read("out.json"), "as it was");
    assert_eq!(sandbox.read("out.json.partial"), "{\"t\":{\"good\":\"ok\"}}\n");
}

#[test]
fn nothing_but_the_answer_is_on_standard_output() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = 'echo noise >&2; echo hi'");
    for how in ["auto", "bar", "plain", "none"] {
        sandbox.run(["--progress", how, "-v"]).code(0).stdout_is("{\n  \"t\": \"hi\"\n}\n");
    }
    sandbox.run(["-q"]).code(0).stdout_is("{\n  \"t\": \"hi\"\n}\n");
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_runs() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = ': > ran'");
    sandbox.run(["-o", "no-such-folder/out.json"]).code(2).stdout_is("").stderr_has("no-such-folder");
    sandbox.run(["--events", "no-such-folder/events"]).code(2).stdout_is("").stderr_has("no-such-folder");
    sandbox.run(["-o", "."]).code(2).stdout_is("").stderr_has("cannot write `.`");
    assert!(!sandbox.exists("ran"));
}

#[test]
fn an_answer_that_nobody_wants_is_no_error() {
    // Python's subprocess.DEVNULL is open for reading and writing
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = 'echo hi'");
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_deco"))
        .args(["run", "-q"])
        .current_dir(sandbox.path("."))
        .stdout(null)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn what_would_write_over_the_manifest_or_another_output_is_refused() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = ': > ran'");
    let before = sandbox.read("deco.toml");
    for option in ["-o", "--events", "--junit", "--trace", "--report"] {
        sandbox
            .run([option, "./deco.toml"])
            .code(2)
            .stdout_is("")
            .stderr_has("would write over the manifest");
        assert_eq!(sandbox.read("deco.toml"), before);
    }
    sandbox.run(["-o", "x", "--junit", "./x"]).code(2).stderr_has("would write over what `-o` writes");
    assert!(!sandbox.exists("ran"));
    sandbox.run(["-o", "/dev/null", "--events", "/dev/null"]).code(0);
}
