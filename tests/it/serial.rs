//! Small programs of kinds that the random ones do not make, against what the serial program gives: at one and at four
//! calls at a time the same bytes, or an error that names the two calls.

use crate::sandbox::Sandbox;

const DECO: &str = env!("CARGO_BIN_EXE_deco");

/// The manifest, where `deco ` in what calls run means this one.
fn program(manifest: &str) -> Sandbox {
    let verbs = ["set", "append", "delete", "get"];
    let named = |text: String, verb: &&str| text.replace(&format!("deco {verb}"), &format!("{DECO} {verb}"));
    Sandbox::new().manifest(&verbs.iter().fold(manifest.to_owned(), named))
}

#[track_caller]
fn gives(manifest: &str, answer: &str) {
    for jobs in ["-j1", "-j4"] {
        program(manifest).run([jobs]).code(0).answer_is(answer);
    }
}

/// The same of a run that keeps going after a failure.
#[track_caller]
fn gives_though_failed(manifest: &str, answer: &str) {
    for jobs in ["-j1", "-j4"] {
        program(manifest).run(["-k", jobs]).code(1).answer_is(answer);
    }
}

/// `exit`: 1 where the run shows it, 2 where planning does.
#[track_caller]
fn refuses(manifest: &str, exit: i32, words: &str) {
    for jobs in ["-j1", "-j4"] {
        program(manifest).run([jobs]).code(exit).stderr_has(words);
    }
}

#[test]
fn a_call_does_not_see_what_its_siblings_fill_nor_that_they_do() {
    gives(
        r#"
        [data]
        d = { z = 1 }
        [tasks.m]
        for = { i = "range(2)" }
        mutates = ["d"]
        run = '''if test $DECO_VAR_I = 0; then deco set d.saw "$(deco get --default 0 d.r)"; fi; echo 5'''
        result = "json"
        fills = "d.r[i]"
        "#,
        r#"{"d":{"z":1,"saw":0,"r":{"0":5,"1":5}}}"#,
    );
}

#[test]
fn a_place_that_is_missing_is_no_fault_of_calls_that_were_not_to_fill_it() {
    // a sibling that was skipped
    refuses(
        r#"
        [data]
        d = { n = 1 }
        [tasks.t]
        for = { i = "range(2)" }
        if = "i == 0"
        mutates = ["d"]
        run = "deco set d.y ${{ d.x }}"
        "#,
        1,
        "`d.x`: nothing stands there",
    );
    // one that another has made up for
    refuses(
        r#"
        [tasks.t]
        for = { i = "range(2)" }
        if = "i == 1"
        run = "echo '{\"a\":1}'"
        result = "json"
        fills = "d.x"
        [tasks.r]
        run = "echo ${{ d.x.b }}"
        "#,
        1,
        "`d.x.b`: nothing stands there",
    );
    // one that might have changed anything
    refuses(
        r#"
        [data]
        d = { n = 1 }
        [tasks.m]
        if = "false"
        mutates = ["d"]
        run = "true"
        [tasks.r]
        run = "echo ${{ d.tpyo }}"
        "#,
        1,
        "`d.tpyo`: nothing stands there",
    );
}

#[test]
fn a_position_that_an_expression_asks_for_needs_the_length_of_its_array() {
    let appended = |given: &str, asked: &str| {
        format!(
            r#"
            [data]
            d = {given}
            [tasks.b]
            for = {{ i = [0, 1] }}
            mutates = ["d"]
            run = "if test $DECO_VAR_I = 0; then deco append d.x 7; else deco set d.y ${{{{ {asked} | default(0) }}}}; fi"
            "#
        )
    };
    for (given, asked) in [("{ x = [1] }", "d.x[1]"), ("{ n = 0 }", "d.x[0]"), ("{ x = [1] }", "d.x[i - 2]")]
    {
        refuses(&appended(given, asked), 1, "`b[1]` looked at `d.x");
    }
}

#[test]
fn a_position_from_the_end_waits_for_the_elements() {
    gives(
        r#"
        [tasks.t1]
        run = "echo '[1,2]'"
        result = "json"
        fills = "d.x"
        [tasks.t2]
        run = "echo 9"
        result = "json"
        fills = "d.x[1]"
        after = ["t1"]
        [tasks.r]
        for = { k = [-1] }
        run = "echo ${{ d.x[k] }}"
        result = "json"
        "#,
        r#"{"d":{"x":[1,9]},"r":{"-1":9}}"#,
    );
    // but not where only members stand
    gives(
        r#"
        [tasks.t]
        for = { lat = [-1, 0] }
        run = "echo ${{ lat }}"
        [tasks.r]
        for = { lat = [-1] }
        run = "echo ${{ t[lat] }}"
        [tasks.u]
        for = { lat = [0] }
        run = "echo ${{ t[lat] }} ${{ r[lat - 1] }}"
        "#,
        r#"{"t":{"-1":"-1","0":"0"},"r":{"-1":"-1"},"u":{"0":"0 -1"}}"#,
    );
}

#[test]
fn what_a_call_saw_counts_though_it_did_nothing() {
    let second = |keys: &str, run: &str| {
        let manifest = format!(
            r#"
            [data]
            d = {{ n = 0 }}
            [tasks.b]
            for = {{ i = [0, 1] }}
            mutates = ["d"]
            {keys}
            run = "if test $DECO_VAR_I = 0; then deco set d.n 1; else {run}; fi"
            "#
        );
        refuses(&manifest, 1, "`b[1]` looked at `d.n`, which `b[0]` changed");
    };
    second(r#"if = "i == 0 or d.n == 1""#, "deco set d.y 5");
    second("allow-failure = true", "test $(deco get d.n) = 1; deco set d.y 5");
    // it fails before it runs
    second("allow-failure = true", ": ${{ d.n if i == 0 else [7][d.n] + [7][d.n - 1] }}; deco set d.y 5");
    // what it changed cannot be read
    second("allow-failure = true", "deco get d.n; echo no JSON > $DECO_DOC_D");
    second(
        "retries = 1\nretry-delay = \"1ms\"",
        "test $DECO_ATTEMPT = 2 || test $(deco get d.n) = 1; deco set d.y $DECO_ATTEMPT",
    );
}

#[test]
fn a_rule_for_any_key_is_none_for_what_is_appended() {
    let appends = |rules: &str| {
        format!(
            r#"
            [documents.d]
            merge = {{ {rules} }}
            [tasks.t]
            for = {{ i = "range(3)" }}
            mutates = ["d"]
            run = "deco append d.a [$DECO_VAR_I]"
            "#
        )
    };
    for rule in ["\"*.*\" = \"union\"", "\"*.*\" = \"sum\""] {
        gives(&appends(rule), r#"{"d":{"a":[[0],[1],[2]]}}"#);
    }
}

#[test]
fn what_is_taken_out_and_put_in_anew_is_what_was_put_in() {
    gives(
        r#"
        [data]
        d = { n = 5, m = 1 }
        [documents.d]
        merge = { n = "sum" }
        [tasks.t]
        mutates = ["d"]
        run = "deco delete d.n; deco set d.n 7"
        "#,
        r#"{"d":{"m":1,"n":7}}"#,
    );
}

#[test]
fn a_union_brings_nothing_back() {
    refuses(
        r#"
        [data]
        d = { s = { k = 1 } }
        [documents.d]
        merge = { s = "union" }
        [tasks.m]
        mutates = ["d"]
        run = "deco set d.s '{\"j\": 2}'"
        "#,
        1,
        "`union` only adds, and the call took a member away",
    );
}

#[test]
fn a_finalizer_that_waits_for_everything_comes_last_in_call_order() {
    gives(
        r#"
        [tasks.fin]
        when = "always"
        run = "echo fin"
        fills = "log[]"
        [tasks.m]
        run = "echo m"
        fills = "log[]"
        [tasks.r]
        run = "echo r"
        fills = "log[]"
        "#,
        r#"{"log":["m","r","fin"]}"#,
    );
    gives(
        r#"
        [tasks.fin]
        when = "always"
        run = "echo fin"
        fills = "x"
        [tasks.m]
        run = "echo m"
        fills = "x"
        "#,
        r#"{"x":"fin"}"#,
    );
}

#[test]
fn the_first_conflict_is_named_whichever_is_seen_first() {
    // `r` looks only at what the later two are in conflict over
    refuses(
        r#"
        [data]
        d = { a = 0, b = 0 }
        [tasks.t]
        for = { i = "range(3)" }
        mutates = ["d"]
        run = """
        case $DECO_VAR_I in
        0) deco set d.a 1 ;;
        1) deco get d.a; deco set d.b 1 ;;
        2) deco get d.b ;;
        esac
        """
        [tasks.r]
        run = "echo ${{ d.b }}"
        "#,
        1,
        "`t[1]` looked at `d.a`, which `t[0]` changed",
    );
}

#[test]
fn a_finalizer_does_not_see_a_failure_that_it_did_not_wait_for() {
    // `a` ends once the failure is known
    let manifest = r#"
        [tasks.a]
        run = "read word < known; echo 1"
        [tasks.fin]
        when = "always"
        after = ["a"]
        run = "echo ${{ run.status }}"
        [tasks.b]
        run = "exit 1"
        [tasks.known]
        when = "failure"
        after = ["b"]
        run = "echo word > known"
        fills = false
        "#;
    let sandbox = Sandbox::new().manifest(manifest).fifo("known");
    sandbox.run(["-k", "-j4"]).code(1).answer_is(r#"{"a":"1","fin":"success"}"#);
}

#[test]
fn a_finalizer_sees_what_it_waits_for_whatever_else_has_ended() {
    gives_though_failed(
        r#"
        [tasks.a]
        run = "echo 1"
        [tasks.fin]
        when = "always"
        after = ["a"]
        run = "echo ${{ run.status }} ${{ calls | length }}"
        [tasks.b]
        run = "exit 1"
        "#,
        r#"{"a":"1","fin":"success 1"}"#,
    );
    gives_though_failed(
        r#"
        [tasks.fin]
        when = "always"
        run = "echo ${{ run.status }}"
        [tasks.m]
        run = "echo ${{ fin }}"
        [tasks.last]
        when = "always"
        run = "echo ${{ calls | length }}"
        [tasks.bad]
        run = "exit 1"
        "#,
        r#"{"fin":"failure","m":"failure","last":"1"}"#,
    );
}

#[test]
fn an_append_to_an_array_that_stood_meets_no_index() {
    gives(
        r#"
        [tasks.a]
        mutates = ["d"]
        run = "deco append d.x 1"
        [tasks.b]
        for = { i = "range(2)" }
        mutates = ["d"]
        run = "if test $DECO_VAR_I = 0; then deco append d.x 2; else deco set 'd.x[0]' 9; fi"
        "#,
        r#"{"d":{"x":[9,2]}}"#,
    );
}

#[test]
fn what_a_function_saw_counts_though_it_raised() {
    let manifest = r#"
        [data]
        d = { n = 0 }
        [tasks.t]
        for = { i = [0, 1] }
        mutates = ["d"]
        allow-failure = true
        call = "f.py:f(d, i)"
        "#;
    let function = "def f(d, i):
    if i == 0:
        d['n'] = 1
    else:
        assert d['n'] == 1
        d['y'] = 5
";
    for jobs in ["-j1", "-j4"] {
        let sandbox = Sandbox::new().manifest(manifest).file("f.py", function);
        sandbox.run([jobs]).code(1).stderr_has("`t[1]` looked at `d.n`, which `t[0]` changed");
    }
}

#[test]
fn tasks_that_feed_each_other_may_not_both_change_a_document_as_they_go() {
    refuses(
        r#"
        [data]
        d = { a = 0, b = 0 }
        r = { "0" = 0 }
        [tasks.m1]
        for = { i = [1, 2] }
        mutates = ["d.a"]
        reads = ["d.b"]
        run = ": ${{ r[i - 1] }}; deco set d.a $(deco get d.b)"
        fills = "q[i]"
        [tasks.m2]
        for = { i = [1] }
        mutates = ["d.b"]
        run = ": ${{ q[i] }}; deco set d.b 7"
        fills = "r[i]"
        "#,
        2,
        "`m1` and `m2` feed each other, and both change `d` as they go",
    );
}

#[test]
fn parts_of_a_document_are_one_object_to_a_function() {
    let manifest = r#"
        [data]
        d = { a = { k = 3 }, b = {} }
        [tasks.t]
        mutates = ["d.a", "d.b"]
        call = "f.py:f(d.a, d.a, d.b)"
        "#;
    let function = "def f(x, y, z):\n    y['n'] = 5\n    x['n'] = 1\n    z['saw'] = y.get('n')\n";
    let sandbox = Sandbox::new().manifest(manifest).file("f.py", function);
    sandbox.run([]).code(0).answer_is(r#"{"d":{"a":{"k":3,"n":1},"b":{"saw":1}}}"#);
}

#[test]
fn a_resumed_run_takes_nothing_over_that_an_edit_changes() {
    let check = |before: &str, after: &str, answer: &str| {
        let broken = "\n[tasks.u]\nrun = \"test -e fixed\"\nfills = false\nafter = [\"t\"]\n";
        let sandbox = program(&format!("{before}{broken}"));
        sandbox.run([]).code(1);
        let sandbox = sandbox.manifest(&format!("{after}{broken}")).file("fixed", "");
        sandbox.run(["--resume"]).code(0).answer_is(answer);
    };
    let named = |keys: &str| {
        format!("[tasks.t]\nfor = {{ {keys} }}\nrun = \"echo a is $DECO_VAR_A\"\nfills = \"r[a]\"\n")
    };
    check(&named("a = [1], b = [2]"), &named("b = [1], a = [2]"), r#"{"r":{"2":"a is 2"}}"#);
    let declared = |keys: &str| {
        format!(
            "[data]\nd = {{ a = 0, b = 0 }}\n[tasks.t]\n{keys}\nallow-failure = true\nrun = \"deco set d.a 1; deco set d.b 1\"\n"
        )
    };
    check(
        &declared("mutates = [\"d.a\", \"d.b\"]"),
        &declared("mutates = [\"d.a\"]\nreads = [\"d.b\"]"),
        r#"{"d":{"a":0,"b":0}}"#,
    );
}

#[test]
fn who_comes_after_a_task_without_calls_comes_after_all_that_the_task_comes_after() {
    let manifest = |each: &str, use_after: &str| {
        format!(
            r#"
            [tasks.list]
            run = "true"
            result = "lines"
            [tasks.setup]
            run = "echo ready > file"
            fills = "d.v"
            [tasks.each]
            for = {{ k = {each} }}
            after = ["setup"]
            run = "true"
            [tasks.use]
            after = ["{use_after}"]
            run = "cat file 2>&1"
            fills = {{ "d.v" = "result", out = "result" }}
            [sync.s]
            waits-for = ["each"]
            "#
        )
    };
    for each in ["[]", r#""list""#] {
        for use_after in ["each", "s"] {
            for jobs in ["-j1", "-j4"] {
                let sandbox = Sandbox::new().manifest(&manifest(each, use_after));
                sandbox.run([jobs, "--select", "out"]).code(0).answer_is(r#"{"out":"ready"}"#);
            }
        }
    }
}

#[test]
fn a_task_without_calls_keeps_the_order_of_those_around_it() {
    let manifest = |each: &str| {
        format!(
            r#"
            [tasks.list]
            run = "true"
            result = "lines"
            [tasks.r]
            run = "echo r saw ${{{{ d.x | default('nothing') }}}}"
            fills = "log[]"
            [tasks.e]
            for = {{ k = {each} }}
            after = ["r"]
            run = "true"
            [tasks.t]
            after = ["e"]
            fills = {{ "d.x" = "result", "log[]" = "result" }}
            run = "echo t"
            "#
        )
    };
    for each in ["[]", r#""list""#] {
        for jobs in ["-j1", "-j4"] {
            let run = program(&manifest(each)).run([jobs, "--select", "log"]);
            run.code(0).answer_is(r#"{"log":["r saw nothing","t"]}"#);
        }
    }
}

#[test]
fn a_change_of_an_argument_that_is_found_from_the_end_is_kept_or_refused() {
    let run = |mutates: &str| {
        let manifest = format!(
            "[data]\nd = {{ l = [{{ n = 1 }}, {{ n = 2 }}] }}\n[tasks.a]\ncall = 'f.py:f(d.l[-1])'\n{mutates}\n"
        );
        Sandbox::new().file("f.py", "def f(x): x['n'] = 99\n").manifest(&manifest).run(["--select", "d"])
    };
    run("mutates = ['d']").code(0).answer_is(r#"{"d":{"l":[{"n":1},{"n":99}]}}"#);
    run("").code(1).stderr_has("it changed `d.l[-1]`");
}

#[test]
fn what_a_sync_point_writes_does_not_depend_on_what_it_did_not_wait_for() {
    for jobs in ["-j1", "-j4"] {
        let sandbox = program(
            r#"
            [tasks.a]
            run = "echo 1"
            fills = "d.x"
            [tasks.b]
            for = { k = ["p"] }
            run = "echo 2"
            fills = "d.y[k]"
            [sync.s]
            waits-for = ["a"]
            write = "s.json"
            "#,
        );
        sandbox.run([jobs]).code(0);
        assert_eq!(sandbox.read("s.json"), "{\n  \"d\": {\n    \"x\": \"1\"\n  }\n}\n", "{jobs}");
    }
}

#[test]
fn who_looks_at_what_holds_merged_places_is_in_conflict_with_who_fills_one() {
    let manifest = r#"
        [data]
        d = { counts = {} }
        [documents.d]
        merge = { "counts.*" = "sum" }
        [tasks.t]
        for = { k = ["x", "y"] }
        run = "deco set d.seen.${{ k }} $(deco get d.counts | wc -c); deco set d.counts.${{ k }} 1"
        mutates = ["d"]
    "#;
    refuses(manifest, 1, "`t[y]` looked at `d.counts.x`, which `t[x]` changed");
}

#[test]
fn a_conflict_that_shows_in_the_run_leaves_no_answer() {
    let manifest = r#"
        [settings]
        keep-going = true
        [tasks.l1]
        run = "echo x"
        result = "lines"
        [tasks.l2]
        run = "echo x"
        result = "lines"
        [tasks.t1]
        for = { k = "l1" }
        fills = "d[k]"
        run = "echo t1"
        [tasks.t2]
        for = { k = "l2" }
        fills = "d[k]"
        run = "echo t2"
    "#;
    for jobs in ["-j1", "-j4"] {
        program(manifest).run([jobs]).code(1).stdout_is("").stderr_has("`t1[x]` and `t2[x]` both fill");
    }
}

#[test]
fn a_last_finalizer_sees_no_failure_of_another() {
    gives_though_failed(
        r#"
        [tasks.w]
        run = "echo 1"
        [tasks.f1]
        when = "always"
        run = "exit 1"
        [tasks.f2]
        when = "always"
        run = "echo ${{ run.status }}"
        [tasks.f3]
        when = "failure"
        run = "echo alarm"
        "#,
        r#"{"w":"1","f2":"success"}"#,
    );
}

#[test]
fn a_finalizer_sees_that_what_it_comes_after_was_blocked() {
    gives_though_failed(
        r#"
        [tasks.a]
        run = "exit 1"
        [tasks.g]
        after = ["a"]
        run = "echo g"
        [tasks.told]
        when = "always"
        after = ["g"]
        run = "echo ${{ run.status }} ${{ calls[0].outcome }}"
        [tasks.alarm]
        when = "failure"
        after = ["g"]
        run = "echo alarm"
        "#,
        r#"{"told":"failure blocked","alarm":"alarm"}"#,
    );
}

#[test]
fn who_needs_another_container_than_one_made_is_named_with_who_made_it() {
    let manifest = |first: &str, second: &str| {
        let call =
            "[data]\nd = {}\n[tasks.t]\nfor = { k = [0, 1] }\ncall = 'f.py:g(d, k)'\nmutates = ['d']\n";
        let function = format!("def g(d, k):\n    if k == 0: {first}\n    else: {second}\n");
        Sandbox::new().file("f.py", &function).manifest(call)
    };
    let (object, list) = ("d.setdefault('l', {})", "d.setdefault('l', [])");
    for (first, second) in [(object, format!("{list}.append(1)")), (list, format!("{object}['a'] = 1"))] {
        for jobs in ["-j1", "-j4"] {
            let run = manifest(first, &second).run([jobs]).code(1).stdout_is("");
            run.stderr_has("`t[0]` and `t[1]`");
        }
    }
}

#[test]
fn what_a_change_must_fit_into_does_not_depend_on_who_still_runs() {
    // `c` runs until `b` has ended, for a while at most
    let manifest = r#"
        [tasks.a]
        run = "echo '{}'"
        result = "json"
        fills = "d"
        [tasks.c]
        for = { k = ["p"] }
        if = "k == 'p'"
        after = ["a"]
        allow-failure = true
        run = "for i in $(seq 500); do test -e go && break; sleep 0.01; done; exit 1"
        fills = "d.y[k]"
        [tasks.b]
        after = ["a"]
        run = "echo 2"
        fills = "d.y[]"
        [tasks.go]
        after = ["b"]
        run = ": > go"
        result = "none"
    "#;
    program(manifest).run(["-j2", "--select", "d"]).code(0).answer_is(r#"{"d":{"y":["2"]}}"#);
}
