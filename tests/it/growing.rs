//! Tasks whose calls are known only while the run goes on: what they give, and how their failures are told.

use crate::sandbox::Sandbox;

/// Three levels: `u` goes over what `t` fills, and `t` over what `names` fills.
const NESTED: &str = r#"
    [tasks.names]
    run = "printf 'a\nb\n'"
    result = "lines"
    [tasks.t]
    for = { x = "names" }
    run = "echo '[1, 2]'"
    result = "json"
    [tasks.u]
    for = { x = "names", y = "t[x]" }
    run = "echo \"[\\\"${{ x }}${{ y }}\\\"]\""
    result = "json"
    [tasks.w]
    for = { x = "names", y = "t[x]", z = "u[x][y]" }
    run = "echo ${{ z }}"
    [tasks.end]
    run = "cat"
    stdin = "${{ w }}"
"#;

#[test]
fn fan_out_nests_in_fan_out() {
    Sandbox::new().manifest(NESTED).run(["--select", "w", "--select", "end"]).code(0).answer_is(
        r#"{"w":{"a":{"1":{"a1":"a1"},"2":{"a2":"a2"}},"b":{"1":{"b1":"b1"},"2":{"b2":"b2"}}},"end":"{\"a\":{\"1\":{\"a1\":\"a1\"},\"2\":{\"a2\":\"a2\"}},\"b\":{\"1\":{\"b1\":\"b1\"},\"2\":{\"b2\":\"b2\"}}}"}"#,
    );
}

#[test]
fn an_empty_list_is_no_call_and_no_error() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.names]
            run = "echo '[]'"
            result = "json"
            [tasks.t]
            for = { x = "names" }
            run = "exit 1"
            [tasks.u]
            for = { x = "t" }
            run = "exit 1"
            [tasks.reader]
            run = "cat"
            stdin = "${{ t }}${{ u }}"
            "#,
        )
        .run([])
        .code(0)
        .answer_is(r#"{"names":[],"t":{},"u":{},"reader":"{}{}"}"#);
}

#[test]
fn two_such_tasks_run_side_by_side_key_by_key() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.names]
            run = "printf 'slow\nquick\n'"
            result = "lines"
            [tasks.a]
            for = { k = "names" }
            run = "if [ ${{ k }} = slow ]; then sh await b-began; fi; printf 'a %s' ${{ k }}"
            [tasks.b]
            for = { k = "names" }
            run = ": > b-began; printf 'b %s' ${{ a[k] }}"
            "#,
        )
        .run(["-j2", "--select", "b"])
        .code(0)
        .answer_is(r#"{"b":{"slow":"b a slow","quick":"b a quick"}}"#);
}

#[test]
fn equal_keys_are_the_failure_of_the_task_and_both_are_named() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.names]
            run = "echo '[\"0\", 1, 2, \"1\"]'"
            result = "json"
            [tasks.t]
            for = { x = "names" }
            run = ": > ran"
            "#,
        )
        .run([])
        .code(1)
        .stdout_is("")
        .stderr_has("t failed: `1` stands twice in the list of `x`: the 2nd and the 4th");
}

#[test]
fn a_circle_that_an_expansion_closes_is_shown_whole() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.names]
        run = "echo '[1, 2]'"
        result = "json"
        [tasks.t]
        for = { x = "names" }
        run = ": > ran"
        stdin = "${{ t[3 - x] }}"
        "#,
    );
    sandbox.run([]).code(1).stdout_is("").stderr_has("`t[1]` → `t[2]` → `t[1]`");
    assert!(!sandbox.exists("ran"));
}

#[test]
fn a_list_that_is_none_fails_the_task_and_blocks_what_reads_it() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.names]
            run = "echo 7"
            result = "json"
            [tasks.t]
            for = { x = "names" }
            run = "echo"
            [tasks.u]
            for = { y = "t" }
            run = "echo"
            [tasks.reader]
            run = "cat"
            stdin = "${{ u }}"
            [tasks.other]
            run = "echo other"
            "#,
        )
        .run(["-k"])
        .code(1)
        .answer_is(r#"{"names":7,"other":"other"}"#)
        .stderr_has("t failed: `for` goes over a list, and this is a number")
        .stderr_has("blocked by t: u, reader");
}

#[test]
fn what_is_blocked_is_named_with_the_root_of_the_chain() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.names]
            run = "exit 4"
            result = "lines"
            [tasks.t]
            for = { x = "names" }
            run = "echo"
            [tasks.u]
            for = { y = "t" }
            run = "echo"
            [tasks.reader]
            run = "cat"
            stdin = "${{ u }}"
            "#,
        )
        .run(["-k"])
        .code(1)
        .answer_is("{}")
        .stderr_has("blocked by names: t, u, reader");
}

#[test]
fn a_call_is_named_before_it_is_known() {
    let sandbox = Sandbox::new().manifest(NESTED);
    sandbox.run(["-t", "w[b,2,b2]"]).code(0).answer_is(r#"{"w":{"b":{"2":{"b2":"b2"}}}}"#);
    sandbox.run(["-t", "t[a]"]).code(0).answer_is(r#"{"t":{"a":[1,2]}}"#);
}

#[test]
fn a_call_is_skipped_before_it_is_known() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.names]
        run = "printf 'a\nb\n'"
        result = "lines"
        [tasks.t]
        for = { x = "names" }
        run = "echo ${{ x }}"
        [tasks.u]
        for = { x = "names" }
        run = "echo ${{ t[x] }}"
        "#,
    );
    sandbox.run(["--skip", "t[a]"]).code(0).answer_is(r#"{"names":["a","b"],"t":{"b":"b"},"u":{"b":"b"}}"#);
}

#[test]
fn place_and_not_the_time_of_expansion_says_the_order() {
    Sandbox::new()
        .manifest(
            r#"
            [data]
            b = { "0" = "x" }
            [tasks.n]
            run = "echo 3"
            result = "json"
            [tasks.a]
            for = { i = "range(1, n)" }
            run = "echo a${{ i }} ${{ b[i - 1] | default('') | length }}"
            fills = { "a[i]" = "result", "log[]" = "result" }
            [tasks.b]
            for = { i = "range(1, 3)" }
            run = "echo b${{ i }} ${{ a[i + 7] | default('none') }}"
            fills = { "b[i + 10]" = "result", "log[]" = "result" }
            "#,
        )
        .run(["--select", "log"])
        .code(0)
        .answer_is(r#"{"log":["a1 1","a2 0","b1 none","b2 none"]}"#);
}

#[test]
fn an_address_that_names_no_found_call_is_told() {
    let sandbox = Sandbox::new().manifest(
        "[tasks.find]\nrun = 'echo a'\nresult = 'lines'\n[tasks.t]\nfor = { k = 'find' }\nrun = 'echo ${{ k }}'",
    );
    sandbox.run(["-t", "t[a]"]).code(0).answer_is(r#"{"t":{"a":"a"}}"#);
    sandbox.run(["-t", "t[zz]"]).code(1).stdout_is("").stderr_has("`t[zz]` names no call");
    sandbox.run(["--skip", "t[zz]"]).code(1).stdout_is("").stderr_has("`t[zz]` names no call");
}

#[test]
fn a_failed_expansion_counts_as_a_failure() {
    let sandbox = Sandbox::new().manifest(
        "[tasks.find]\nrun = 'echo 1'\nresult = 'json'\n[tasks.t]\nfor = { k = 'find' }\nrun = 'true'",
    );
    sandbox.run([]).code(1).stdout_is("").stderr_has("1 succeeded, 1 failed");
}

#[test]
fn a_for_does_not_wait_for_what_comes_after_its_calls() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.first]
        for = { i = "range(2)" }
        run = "printf '[1, 2]'"
        result = "json"
        [tasks.each]
        for = { i = "range(2)", x = "first[i]" }
        run = "echo ${{ i }} ${{ x }}"
        [tasks.again]
        for = { i = "range(2)" }
        run = "echo again"
        fills = "first[i]"
        after = ["each"]
        "#,
    );
    let expected =
        r#"{"first":{"0":"again","1":"again"},"each":{"0":{"1":"0 1","2":"0 2"},"1":{"1":"1 1","2":"1 2"}}}"#;
    for jobs in ["1", "8"] {
        sandbox.run(["-j", jobs]).code(0).answer_is(expected);
    }
}

#[test]
fn a_circle_that_is_found_in_the_run_leaves_finalizers_their_turn() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.l]
        run = "echo a"
        result = "lines"
        [tasks.a]
        for = { x = "l" }
        run = "echo ${{ b[x] }}"
        [tasks.b]
        for = { x = "l" }
        run = "echo ${{ a[x] }}"
        [tasks.last]
        when = "always"
        run = ": > ran"
        fills = false
        "#,
    );
    let told = sandbox.run([]).code(1).stderr_has("calls wait for each other: `");
    assert!(!told.stderr.contains("panicked"), "{}", told.stderr);
    assert!(sandbox.exists("ran"));
}
