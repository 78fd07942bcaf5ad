//! What becomes of a run when a call fails: what still runs, what is blocked or skipped, what is told, what is left
//! of the processes.

use crate::sandbox::Sandbox;

/// A failure with a pipeline behind it and a sound key beside it.
const CHAIN: &str = r#"
    [tasks.a]
    for = { k = ["bad", "good"] }
    run = "if [ ${{ k }} = bad ]; then echo 'no such cell' >&2; exit 3; fi; echo ok"
    [tasks.b]
    for = { k = ["bad", "good"] }
    run = "echo b ${{ a[k] }} >> b-ran; echo b"
    [tasks.c]
    run = "echo c >> c-ran"
    stdin = "${{ b }}"
"#;

#[test]
fn with_k_the_rest_runs_and_the_blocked_are_named() {
    let sandbox = Sandbox::new().manifest(CHAIN);
    sandbox
        .run(["-k", "-j2", "--progress", "plain"])
        .code(1)
        .answer_is(r#"{"a":{"good":"ok"},"b":{"good":"b"}}"#)
        .stderr_has("a[bad] failed: exited with code 3")
        .stderr_has("no such cell")
        .stderr_has("deco run --resume -t 'a[bad]'")
        .stderr_has("blocked by a[bad]: b[bad], c");
    assert_eq!(sandbox.read("b-ran"), "b ok\n");
    assert!(!sandbox.exists("c-ran"));
}

#[test]
fn keep_going_is_a_setting_that_the_command_line_overrides() {
    let sandbox = Sandbox::new().manifest(&format!("[settings]\nkeep-going = true\n{CHAIN}"));
    sandbox.run([]).code(1).answer_is(r#"{"a":{"good":"ok"},"b":{"good":"b"}}"#);
    sandbox.run(["--no-keep-going"]).code(1).stdout_is("");
}

/// `fails` fails while `runs` runs; `runs` ends once the failure is told in the events; `next` waits for a slot.
const FAILS_BESIDE: &str = r#"
    [tasks.fails]
    run = "sh await runs-began; exit 4"
    [tasks.runs]
    run = """
    : > runs-began
    turns=0
    until grep -q '"event":"call-ended"' events.jsonl; do
        turns=$((turns + 1)); [ $turns -lt 1000 ]; sleep 0.01
    done
    : > runs-ended
    """
    [tasks.next]
    run = ": > next-ran"
"#;

#[test]
fn by_default_running_calls_finish_and_no_new_one_starts() {
    let sandbox = Sandbox::new().manifest(FAILS_BESIDE);
    sandbox
        .run(["-j2", "--events", "events.jsonl"])
        .code(1)
        .stdout_is("")
        .stderr_has("fails failed: exited with code 4");
    assert!(sandbox.exists("runs-ended"));
    assert!(!sandbox.exists("next-ran"));
}

#[test]
fn fail_fast_ends_what_runs() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [tasks.fails]
        run = "sh await runs-began; exit 4"
        [tasks.runs]
        run = "exec 3> held; : > runs-began; sleep 1000 & wait"
        "#,
    );
    let held = sandbox.drain("held");
    sandbox.run(["-j2", "--fail-fast"]).code(1).stdout_is("").stderr_has("fails failed");
    held.end();
}

#[test]
fn the_group_of_a_timed_out_call_is_gone() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [tasks.slow]
        run = "exec 3> held; (sleep 1000 & wait) & wait"
        timeout = "200ms"
        "#,
    );
    let held = sandbox.drain("held");
    sandbox.run([]).code(1).stdout_is("").stderr_has("slow failed: took longer than its timeout of 200ms");
    held.end();
}

#[test]
fn what_ignores_the_first_signal_is_killed_after_its_grace() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [tasks.deaf]
        run = "trap '' TERM; exec 3> held; sleep 1000 & while :; do wait || :; done"
        timeout = "100ms"
        grace = "100ms"
        "#,
    );
    let held = sandbox.drain("held");
    sandbox.run([]).code(1).stdout_is("").stderr_has("timeout of 100ms");
    held.end();
}

#[test]
fn what_a_call_leaves_running_ends_with_it() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [tasks.parent]
        run = "exec 3> held; sleep 1000 > /dev/null 2>&1 & echo done"
        "#,
    );
    let held = sandbox.drain("held");
    sandbox.run([]).code(0).answer_is(r#"{"parent":"done"}"#);
    held.end();
}

#[test]
fn a_lot_of_output_on_both_pipes_is_no_deadlock() {
    let run = r#"i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo "$i out of many lines of text"; echo "$i err" >&2; done"#;
    let manifest =
        format!("[tasks.t]\nrun = '''{run}'''\nresult = 'lines'\nfills = {{ n = 'result | length' }}");
    Sandbox::new().manifest(&manifest).run([]).code(0).answer_is(r#"{"n":3000}"#);
}

#[test]
fn each_way_to_fail_is_told_in_words() {
    for (task, words) in [
        ("run = 'exit 7'", "exited with code 7"),
        ("run = 'kill -9 $$'", "SIGKILL"),
        ("run = ['./no-such-program']", "no-such-program"),
        ("run = ['no-such-program-at-all']", "no-such-program-at-all"),
        ("run = 'echo NaN'\nresult = 'json'", "result"),
        ("run = 'echo [1'\nresult = 'json'", "result"),
        ("run = '''echo '{\"a\":1,\"a\":2}' '''\nresult = 'json'", "duplicate"),
        ("run = '''printf '\"\\\\ud800\"' '''\nresult = 'json'", "result"),
        ("run = '''printf '\\377' '''", "UTF-8"),
        ("run = 'true'\nresult = { format = 'json', from = 'file' }", "DECO_RESULT"),
        ("run = 'mkfifo \"$DECO_RESULT\"'\nresult = { format = 'text', from = 'file' }", "no regular file"),
        (
            "run = 'ln -s /dev/zero \"$DECO_RESULT\"'\nresult = { format = 'text', from = 'file' }",
            "no regular file",
        ),
        ("run = 'rm \"$DECO_DOC_D\"; mkfifo \"$DECO_DOC_D\"'\nmutates = ['d']", "no regular file"),
        ("run = 'rm -f \"$DECO_CHANGES\"; mkfifo \"$DECO_CHANGES\"'\nmutates = ['d']", "no regular file"),
        (
            "run = 'truncate -s 70M \"$DECO_DOC_D\"'\nmutates = ['d']",
            "more than 64 MiB in the file `$DECO_DOC_D`",
        ),
        ("run = 'true'\ndir = 'no-such-folder'", "no-such-folder"),
        ("run = 'echo 1'\nfills = { x = 'result.y.z' }", "result"),
    ] {
        let sandbox = Sandbox::new().manifest(&format!("[tasks.broken]\n{task}"));
        sandbox.run([]).code(1).stdout_is("").stderr_has("broken").stderr_has(words);
    }
}

#[test]
fn a_childs_own_code_is_never_passed_through() {
    for code in [2, 3, 130] {
        Sandbox::new().manifest(&format!("[tasks.t]\nrun = 'exit {code}'")).run([]).code(1);
    }
}

#[test]
fn a_forgiven_failure_does_not_fail_the_run() {
    let manifest = |more: &str| {
        format!(
            r#"
            [tasks.a]
            for = {{ k = ["bad", "good"] }}
            run = "[ ${{{{ k }}}} = good ]; echo ok"
            allow-failure = true
            {more}
            [tasks.b]
            for = {{ k = ["bad", "good"] }}
            run = "cat"
            stdin = "b ${{{{ a[k] }}}}"
            [tasks.guarded]
            run = "cat"
            stdin = '${{{{ a.bad | default("none") }}}} ${{{{ a.bad is defined }}}}'
            [tasks.whole]
            run = "cat"
            stdin = "${{{{ a }}}} ${{{{ b }}}}"
            "#
        )
    };
    Sandbox::new().manifest(&manifest("")).run(["--progress", "plain"]).code(0).stderr_has("b[bad]").answer_is(
        r#"{"a":{"good":"ok"},"b":{"good":"b ok"},"guarded":"none false","whole":"{\"good\":\"ok\"} {\"good\":\"b ok\"}"}"#,
    );
    Sandbox::new().manifest(&manifest("default = 'dflt'")).run([]).code(0).answer_is(
        r#"{"a":{"bad":"dflt","good":"ok"},"b":{"bad":"b dflt","good":"b ok"},"guarded":"dflt true","whole":"{\"bad\":\"dflt\",\"good\":\"ok\"} {\"bad\":\"b dflt\",\"good\":\"b ok\"}"}"#,
    );
}

#[test]
fn a_forgiven_failure_blocks_nothing_that_comes_after() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.a]
            run = "exit 1"
            allow-failure = true
            default = "${{ none }}"
            [tasks.b]
            run = "echo b"
            after = ["a"]
            "#,
        )
        .run([])
        .code(0)
        .answer_is(r#"{"a":null,"b":"b"}"#);
}

#[test]
fn a_place_where_nothing_stands_is_the_calls_failure() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.a]
            run = "echo '{\"x\": 1}'"
            result = "json"
            [tasks.b]
            run = "cat"
            stdin = "${{ a.y }}"
            "#,
        )
        .run([])
        .code(1)
        .stdout_is("")
        .stderr_has("b failed: `a.y`");
}

#[test]
fn a_summary_for_github_that_cannot_be_written_is_said() {
    let sandbox = Sandbox::new().manifest("[tasks.fine]\nrun = \"echo 1\"\n");
    let deco =
        sandbox.deco(["run"]).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "no/summary.md");
    deco.run().code(3).stderr_has("deco: cannot write `no/summary.md`: ");
}

#[test]
fn github_is_told_where_the_failed_task_stands_and_obeys_no_call() {
    let manifest =
        "[tasks.fine]\nrun = \"echo 1\"\n\n[tasks.bad]\nrun = \"echo ::error::mine >&2; exit 3\"\n";
    let sandbox = Sandbox::new().manifest(manifest);
    let summary = sandbox.path("summary.md");
    let deco = sandbox.deco(["run", "-k"]).env("GITHUB_ACTIONS", "true");
    let deco = deco.env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    deco.run()
        .code(1)
        .stderr_has("deco.toml,line=4,title=bad failed::exited with code 3\n")
        .stderr_has("    : :error::mine\n")
        .stderr_has("::error file=");
    let summary = sandbox.read("summary.md");
    assert!(summary.starts_with("### deco: 1 succeeded, 1 failed in "), "{summary}");
    assert!(summary.ends_with("<pre>\nbad failed: exited with code 3\n</pre>\n\n"), "{summary}");
}
