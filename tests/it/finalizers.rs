//! Tasks that run however the rest ended: when they run, what they see, and what ends them.

use rustix::process::Signal;

use crate::sandbox::Sandbox;

fn with_report(when: &str, work: &str) -> Sandbox {
    Sandbox::new().manifest(&format!(
        r#"
        [tasks.work]
        for = {{ k = ["x", "y"] }}
        run = "{work}"
        [tasks.report]
        when = "{when}"
        run = "cat > report; : > ran"
        stdin = "${{{{ run.status }}}} ${{{{ work }}}} ${{{{ calls | map(attribute='address') | join(',') }}}} ${{{{ calls | map(attribute='outcome') | join(',') }}}}"
        fills = false
        "#
    ))
}

#[test]
fn a_report_is_written_although_a_call_failed() {
    for when in ["always", "failure"] {
        let sandbox = with_report(when, "[ ${{ k }} = x ] && echo hi");
        sandbox.run(["-k"]).code(1).answer_is(r#"{"work":{"x":"hi"}}"#);
        assert_eq!(sandbox.read("report"), r#"failure {"x":"hi"} work[x],work[y] succeeded,failed"#);
    }
}

#[test]
fn when_says_whether_it_runs_after_success() {
    let sandbox = with_report("always", "echo hi");
    sandbox.run([]).code(0);
    assert_eq!(sandbox.read("report"), r#"success {"x":"hi","y":"hi"} work[x],work[y] succeeded,succeeded"#);
    let sandbox = with_report("failure", "echo hi");
    sandbox.run([]).code(0);
    assert!(!sandbox.exists("ran"));
}

#[test]
fn it_is_told_the_exit_and_the_last_words_of_a_call() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.work]
        for = { k = ["x"] }
        run = "echo oh no >&2; exit 7"
        [tasks.report]
        when = "failure"
        run = "cat > report"
        stdin = "${{ calls[0].key }} ${{ calls[0].exit }} ${{ calls[0].stderr }}"
        after = ["work"]
        fills = false
        "#,
    );
    sandbox.run([]).code(1);
    assert_eq!(sandbox.read("report").trim_end(), r#"["x"] 7 oh no"#);
}

/// Clean-up and report are wanted most when nothing succeeded.
#[test]
fn what_nobody_came_to_fill_is_empty_for_it() {
    let manifest = |more: &str| {
        format!(
            r#"
        [tasks.test]
        for = {{ shard = "range(3)" }}
        run = "exit 3"
        {more}
        [tasks.single]
        run = "exit 4"
        allow-failure = true
        [tasks.reader]
        run = "echo ${{{{ test | length }}}}"
        [tasks.report]
        when = "always"
        run = "echo ${{{{ test | length }}}} > report"
        fills = false
        [tasks.lost]
        when = "always"
        run = "echo ${{{{ single | length }}}} > lost"
        after = ["test"]
        fills = false
        "#
        )
    };
    for (more, reader) in [("", "blocked"), ("allow-failure = true", "skipped")] {
        let sandbox = Sandbox::new().manifest(&manifest(more));
        sandbox.run(["-k", "-v"]).stderr_has(&format!("reader {reader}"));
        assert_eq!(sandbox.read("report"), "0\n");
        assert!(!sandbox.exists("lost"));
    }
}

#[test]
fn it_is_tried_again_although_the_run_has_stopped() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.work]
        run = "false"
        [tasks.clean]
        when = "always"
        after = ["work"]
        retries = 3
        retry-delay = "1ms"
        run = "echo $DECO_ATTEMPT >> attempts; [ $DECO_ATTEMPT = 3 ]"
        fills = false
        "#,
    );
    sandbox.run([]).code(1).stderr_has("deco: 1 succeeded, 1 failed");
    assert_eq!(sandbox.read("attempts"), "1\n2\n3\n");
}

#[test]
fn its_own_failure_fails_the_run() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.work]
            run = "echo hi"
            [tasks.clean]
            when = "always"
            run = "exit 5"
            "#,
        )
        .run([])
        .code(1)
        .stdout_is("")
        .stderr_has("clean failed: exited with code 5");
}

#[test]
fn it_runs_after_a_signal() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.work]
        run = ": > began; exec sleep 1000"
        [tasks.clean]
        when = "always"
        run = "printf ${{ run.status }} > cleaned"
        fills = false
        "#,
    );
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    running.signal(Signal::INT);
    running.end().died_of(2).stdout_is("");
    assert_eq!(sandbox.read("cleaned"), "interrupted");
}

#[test]
fn after_a_signal_its_time_is_limited() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [settings]
        finalizer-timeout = "200ms"
        [tasks.work]
        run = ": > began; exec sleep 1000"
        [tasks.clean]
        when = "always"
        run = "exec 3> held; : > cleaning; sleep 1000"
        fills = false
        "#,
    );
    let held = sandbox.drain("held");
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    running.signal(Signal::INT);
    running.end().died_of(2).stdout_is("");
    assert!(sandbox.exists("cleaning"));
    held.end();
}

#[test]
fn a_second_signal_ends_it() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [settings]
        finalizer-timeout = "1h"
        [tasks.work]
        run = ": > began; exec sleep 1000"
        [tasks.clean]
        when = "always"
        run = "exec 3> held; : > cleaning; sleep 1000"
        fills = false
        "#,
    );
    let held = sandbox.drain("held");
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    running.signal(Signal::INT);
    running.wait_for(&sandbox.path("cleaning"));
    running.signal(Signal::INT);
    running.end().died_of(2).stdout_is("");
    held.end();
}

#[test]
fn it_runs_when_the_time_of_the_run_is_over() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [settings]
        run-timeout = "200ms"
        [tasks.work]
        run = "sleep 1000"
        [tasks.clean]
        when = "always"
        run = ": > cleaned"
        fills = false
        "#,
    );
    sandbox.run([]).code(1).stdout_is("");
    assert!(sandbox.exists("cleaned"));
}

#[test]
fn its_time_begins_when_the_other_calls_have_ended() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [settings]
        finalizer-timeout = "200ms"
        [tasks.work]
        run = "trap '' INT TERM; : > began; sleep 1000 & wait; sleep 1000"
        grace = "600ms"
        [tasks.clean]
        when = "always"
        run = ": > cleaned"
        fills = false
        "#,
    );
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    running.signal(Signal::TERM);
    running.end().died_of(15);
    assert!(sandbox.exists("cleaned"));
}

#[test]
fn after_the_time_of_the_run_finalizers_have_only_theirs() {
    let manifest = r#"
        [settings]
        run-timeout = "50ms"
        finalizer-timeout = "50ms"
        [tasks.a]
        run = "sleep 1000"
        [tasks.f]
        when = "always"
        run = "sleep 1000"
        "#;
    let sandbox = Sandbox::new().manifest(manifest);
    sandbox.run([]).code(1).stderr_has("run-timeout").stderr_has("f was ended with the run");
}
