//! Calls that change documents they were given: by `deco set` and its like, and in the documents' files.

use crate::sandbox::{Output, Sandbox};

const DECO: &str = env!("CARGO_BIN_EXE_deco");

/// One call that does this over `state`, and what is in it then.
fn call(state: &str, keys: &str, run: &str) -> Sandbox {
    let run = run.replace("deco ", &format!("{DECO} "));
    Sandbox::new().manifest(&format!("[data]\nstate = {state}\n[tasks.t]\n{keys}\nrun = '''\n{run}'''\n"))
}

const WHOLE: &str = "mutates = [\"state\"]";

#[track_caller]
fn changes(state: &str, run: &str, expected: &str) {
    call(state, WHOLE, run).run([]).code(0).answer_is(&format!("{{\"state\":{expected}}}"));
}

#[track_caller]
fn fails(keys: &str, run: &str) -> Output {
    call("{ a = { n = 1 }, l = [1, 2] }", keys, run).run([]).code(1)
}

/// The events of the ends of calls, a JSON text each.
fn ends(sandbox: &Sandbox) -> Vec<serde_json::Value> {
    sandbox.deco(["run", "--events", "events"]).run();
    let events = sandbox.read("events");
    let all = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    all.filter(|event| event["event"] == "call-ended").collect()
}

#[test]
fn what_a_call_sets_appends_and_deletes_is_in_the_document() {
    changes(
        "{ a = { n = 1, m = 2 }, l = [1] }",
        "deco set state.a.n 1.50\ndeco append state.l '{\"x\":1}'\ndeco set state.l[-1].x 2\n\
         deco delete state.a.m\ndeco set 'state[\"a b\"]' --text '[1]'\nprintf '[null]' | deco set state.z -\n",
        r#"{"a":{"n":1.50},"l":[1,{"x":2}],"a b":"[1]","z":[null]}"#,
    );
    changes("{ n = 1 }", "deco set state.n -5\ndeco append state.new 1\n", r#"{"n":-5,"new":[1]}"#);
}

#[test]
fn get_of_another_run_is_no_get_of_the_calls_own() {
    let sandbox = call("{ n = 1 }", WHOLE, "deco set state.n \"$(deco get state.n -f other.toml)\"");
    let sandbox = sandbox.file(
        "other.toml",
        "[data]\nstate = { n = 7 }\n[settings]\nselect = ['state']\n[tasks.t]\nrun = 'true'",
    );
    sandbox.run(["other.toml"]).code(0);
    sandbox.run([]).code(0).answer_is(r#"{"state":{"n":7}}"#);
}

#[test]
fn get_sees_what_the_call_did() {
    changes(
        "{ n = 1, l = [1] }",
        "deco set state.n $(($(deco get state.n) + 1))\ndeco set state.m $(($(deco get state.n) + 1))\n\
         deco append state.l 5\ndeco set state.last \"$(deco get state.l[-1])\"\n\
         deco set state.none \"$(deco get state.x --default '[0]')\"\ndeco set state.t --text 'a b'\n\
         deco set state.u --text \"<$(deco get --text state.t)>\"\n",
        r#"{"n":2,"l":[1,5],"m":3,"last":5,"none":[0],"t":"a b","u":"<a b>"}"#,
    );
}

#[test]
fn what_is_not_there_is_an_error_of_get() {
    changes("{}", "deco get state.x 2>&- || deco set state.code $?\n", r#"{"code":1}"#);
    fails(WHOLE, "deco get state.a.x\n")
        .stderr_has("nothing stands at `state.a.x`; `--default` gives a value");
}

#[test]
fn a_document_that_nobody_gave_begins_empty() {
    let run = format!("{DECO} set state.n 1");
    Sandbox::new()
        .manifest(&format!("[tasks.t]\nmutates = ['state']\nrun = '{run}'"))
        .run([])
        .code(0)
        .answer_is(r#"{"state":{"n":1}}"#);
}

#[test]
fn what_differs_in_the_file_is_changed() {
    changes(
        "{ a = { n = 1, m = 2 }, l = [1], keep = 1 }",
        "sed 's/\"n\":1,\"m\":2/\"n\":7/; s/\\[1\\]/[1,2]/' \"$DECO_DOC_STATE\" > new\nmv new \"$DECO_DOC_STATE\"\n",
        r#"{"a":{"n":7},"l":[1,2],"keep":1}"#,
    );
    // written anew and the same, and only looked at
    changes("{ a = 1 }", "cp \"$DECO_DOC_STATE\" x; cat x > \"$DECO_DOC_STATE\"\n", r#"{"a":1}"#);
}

#[test]
fn the_file_shows_the_declared_places() {
    let sandbox =
        call("{ a = { n = 1 }, b = 2 }", "mutates = ['state.a']", "cat \"$DECO_DOC_STATE\" >&2; exit 3\n");
    sandbox.run([]).code(1).stderr_has(r#"{"a":{"n":1}}"#);
}

#[test]
fn one_place_is_changed_one_way() {
    fails(WHOLE, "echo '{\"a\":{\"n\":2},\"l\":[1,2]}' > \"$DECO_DOC_STATE\"\ndeco set state.a.n 3\n")
        .stderr_has(
            "it changed `state.a.n` in the file `$DECO_DOC_STATE` and `state.a.n` by `deco set` or its like",
        );
    let both = "echo '{\"a\":{\"n\":2},\"l\":[1,2]}' > \"$DECO_DOC_STATE\"\ndeco append state.l 3\n";
    changes("{ a = { n = 1 }, l = [1, 2] }", both, r#"{"a":{"n":2},"l":[1,2,3]}"#);
}

#[test]
fn a_broken_file_is_the_calls_failure() {
    fails(WHOLE, "echo '{' > \"$DECO_DOC_STATE\"\n")
        .stderr_has("it left no JSON in the file `$DECO_DOC_STATE`");
    fails(WHOLE, "rm \"$DECO_DOC_STATE\"\n").stderr_has("it took away the file `$DECO_DOC_STATE`");
    fails(WHOLE, "printf '{' >> \"$DECO_CHANGES\"\n").stderr_has("its last line is cut off");
}

#[test]
fn only_what_is_declared_may_be_changed() {
    let a = "mutates = ['state.a']";
    fails(a, "deco set state.l 1\n")
        .stderr_has("`state.l`: the task declares only `state.a` to change; name the place in `mutates`");
    fails(a, "deco set state 1\n").stderr_has("`state`: the task declares only `state.a` to change");
    fails(a, "deco get state.l\n")
        .stderr_has("the task declares only `state.a` to look at; name the place in `reads`");
    fails(a, "echo '{\"a\":{\"n\":1},\"x\":1}' > \"$DECO_DOC_STATE\"\n").stderr_has(
        "it changed `state.x`, and its task may change only `state.a`: declare the place in `mutates`",
    );
    fails("reads = ['state']", "deco set state.a.n 2\n").stderr_has("the task declares nothing to change");
    fails("reads = ['state']", "echo '{}' > \"$DECO_DOC_STATE\"\n").stderr_has("its task may change nothing");
    fails("", "deco get state\n")
        .stderr_has("the task of `t` declares no document: name it in `mutates` or `reads`");
}

#[test]
fn a_place_is_declared_by_expressions() {
    let run =
        format!("{DECO} set state.${{{{ k }}}}.n 2; {DECO} set state.${{{{ k }}}}.m $({DECO} get state.sum)");
    Sandbox::new()
        .manifest(&format!(
            "[data]\nstate = {{ a = {{ n = 1 }}, sum = 9 }}\n[tasks.t]\nfor = {{ k = ['a', 'b'] }}\n\
             mutates = ['state[k]']\nreads = ['state.sum']\nrun = '{run}'"
        ))
        .run([])
        .code(0)
        .answer_is(r#"{"state":{"a":{"n":2,"m":9},"sum":9,"b":{"n":2,"m":9}}}"#);
}

#[test]
fn what_does_not_fit_fails_the_call() {
    fails(WHOLE, "deco set state.l[2] 1\n")
        .stderr_has("`deco set state.l[2]`: `2` names no element of an array of 2");
    fails(WHOLE, "deco delete state.x\n").stderr_has("`deco delete state.x`: nothing stands there to delete");
    fails(WHOLE, "deco append state.a 1\n")
        .stderr_has("`[]` appends to an array, and an object stands there");
}

#[test]
fn arguments_are_checked_where_they_are_given() {
    fails(WHOLE, "deco set state.a abc\n")
        .stderr_has("the value is no JSON")
        .stderr_has("`--text` takes it as it is");
    fails(WHOLE, "deco set state. 1\n").stderr_has("`state.` is no path");
    fails(WHOLE, "deco delete state.l[]\n").stderr_has("name the element by its position");
    let sandbox = Sandbox::new();
    let outside = |args: [&str; 2]| sandbox.deco(args).run().code(2);
    outside(["delete", "a"]).stderr_has("`deco delete` changes documents inside a call of a run");
}

#[test]
fn operations_that_run_at_once_are_all_kept() {
    let run =
        "for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4; do deco append state.l $i; done) & done; wait\n";
    let sandbox = call("{ l = [] }", WHOLE, run);
    let answer = sandbox.run(["--compact"]).code(0).stdout;
    assert_eq!(answer.matches(|c: char| c.is_ascii_digit()).count(), 32, "{answer}");
}

#[test]
fn a_failed_attempt_leaves_no_change() {
    let keys = "mutates = ['state']\nretries = 1\nretry-delay = '0s'";
    let run = "deco append state.l $DECO_ATTEMPT\n[ \"$DECO_ATTEMPT\" = 2 ]\ndeco set state.seen \"$(deco get state.l)\"\n";
    call("{ l = [] }", keys, run).run([]).code(0).answer_is(r#"{"state":{"l":[2],"seen":[2]}}"#);
}

#[test]
fn a_call_changes_and_fills() {
    let run = "deco set state.n 2; echo done\n";
    call("{ n = 1 }", "mutates = ['state']\nfills = 'said'", run)
        .run([])
        .code(0)
        .answer_is(r#"{"state":{"n":2},"said":"done"}"#);
}

#[test]
fn what_a_call_looked_at_is_in_its_event() {
    let keys = "mutates = ['state']\nif = 'state.on'\nfills = false";
    let run = "deco get state.n; deco set state.m 1; deco get state.m; deco append state.l 1\n\
               sed 's/\"f\":1/\"f\":2/' \"$DECO_DOC_STATE\" > x; cat x > \"$DECO_DOC_STATE\"\n";
    let end = &ends(&call("{ on = true, n = 1, l = [], f = 1 }", keys, run))[0];
    assert_eq!(end["reads"], serde_json::json!(["state.f", "state.n", "state.on"]));
    let paths: Vec<&str> =
        end["changes"].as_array().unwrap().iter().map(|change| change["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["state.f", "state.m", "state.l[]"]);
}

#[test]
fn a_secret_is_not_put_into_a_document() {
    let manifest = |run: &str| {
        let run = run.replace("deco ", &format!("{DECO} "));
        format!("[settings]\nsecrets = ['TOKEN']\n[tasks.t]\nmutates = ['state']\nrun = '''\n{run}'''\n")
    };
    for run in [
        "deco set state.x --text \"a$TOKEN\"\n",
        "deco set \"state.$TOKEN\" 1\n",
        "deco get \"state.$TOKEN\" --default 1\n",
        "echo \"{\\\"a\\\":\\\"$TOKEN\\\"}\" > \"$DECO_DOC_STATE\"\n",
    ] {
        let sandbox = Sandbox::new().manifest(&manifest(run));
        let out = sandbox.deco(["run", "--events", "events"]).env("TOKEN", "hunter2secret").run().code(1);
        out.stderr_has("a secret").stderr_lacks("hunter2secret");
        assert!(!sandbox.read("events").contains("hunter2secret"), "{run}");
    }
}

#[test]
fn a_run_inside_a_call_does_not_share_its_documents() {
    let inner = format!("[tasks.u]\nfills = false\nrun = '''{DECO} set state.n 2'''");
    let sandbox = call("{ n = 1 }", WHOLE, "deco run inner/deco.toml || deco set state.m 3\n")
        .file("inner/deco.toml", inner);
    sandbox.run([]).code(0).stderr_lacks("panicked").answer_is(r#"{"state":{"n":1,"m":3}}"#);
}

#[test]
fn an_element_found_where_an_unseen_call_would_have_moved_it_is_a_conflict() {
    // two chains that append: the second one's element stands first only as long as the first chain is not seen
    let manifest = r#"
        [data]
        log = []
        [tasks.c]
        for = { q = ["a", "b"], i = [0, 1] }
        mutates = ["log"]
        fills = "r[q][i]"
        env = { BEFORE = "${{ r[q][i - 1] | default('none') }}" }
        run = 'if [ "$DECO_VAR_I" = 0 ]; then DECO append log --text "$DECO_VAR_Q"; else DECO get "log[0]"; fi'
    "#
    .replace("DECO ", &format!("{DECO} "));
    for jobs in ["1", "4"] {
        let ran = Sandbox::new().manifest(&manifest).run(["-j", jobs]);
        ran.code(1).stdout_is("").stderr_has("`c[a,0]`").stderr_has("`c[b,1]`").stderr_has("log");
    }
}

/// What a call fills comes of nothing that it saw at the place, whatever else of the document it mutates.
#[test]
fn a_fill_beside_what_the_call_mutates_goes_by_the_rule_as_any_fill() {
    let filled = |rule: &str, given: &str, mutates: &str, fill: &str| {
        let manifest = format!(
            r#"
            [data]
            n = {{ a = {given}, x = {{ }} }}
            [documents.n]
            merge = {{ a = "{rule}" }}
            [tasks.t]
            for = {{ k = ["p", "q"] }}
            mutates = ["{mutates}"]
            fills = "n.a"
            result = "json"
            run = "{DECO} set n.x.${{{{ k }}}} 1; echo '{fill}'"
            "#
        );
        Sandbox::new().manifest(&manifest)
    };
    filled("sum", "5", "n.x", "10").run([]).code(0).answer_is(r#"{"n":{"a":25,"x":{"p":1,"q":1}}}"#);
    filled("sum", "5", "n.x[k]", "10").run([]).code(0).answer_is(r#"{"n":{"a":25,"x":{"p":1,"q":1}}}"#);
    filled("union", "[1]", "n.x[k]", "[3]")
        .run([])
        .code(0)
        .answer_is(r#"{"n":{"a":[1,3],"x":{"p":1,"q":1}}}"#);
}
