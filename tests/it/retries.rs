//! Further attempts of a call that failed, and how many failures a run takes.

use crate::sandbox::Sandbox;

#[test]
fn a_call_is_tried_again_and_told_which_attempt_it_is() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            run = "echo ${{ attempt }} $DECO_ATTEMPT; [ $DECO_ATTEMPT = 3 ]"
            retries = 2
            retry-delay = "1ms"
            "#,
        )
        .run([])
        .code(0)
        .answer_is(r#"{"t":"3 3"}"#);
}

#[test]
fn the_last_attempt_is_the_failure() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.t]
        run = "echo >> tries; exit 4"
        retries = 2
        retry-delay = "1ms"
        "#,
    );
    sandbox.run([]).code(1).stdout_is("").stderr_has("t failed: exited with code 4");
    assert_eq!(sandbox.read("tries").len(), 3);
}

#[test]
fn only_what_is_worth_a_retry_is_tried_again() {
    let manifest = |listed: &str, run: &str| {
        format!(
            r#"
            [tasks.t]
            run = "echo >> tries; {run}"
            timeout = "300ms"
            grace = "0s"
            retries = 1
            retry-delay = "10ms"
            retry-on = [{listed}]
            "#
        )
    };
    for (listed, run, tries) in [
        ("4", "exit 4", 2),
        ("4", "exit 5", 1),
        ("5, 4", "exit 4", 2),
        ("\"timeout\"", "exit 4", 1),
        ("\"timeout\"", "sleep 1000", 2),
        ("4", "sleep 1000", 1),
    ] {
        let sandbox = Sandbox::new().manifest(&manifest(listed, run));
        sandbox.run([]).code(1).stdout_is("");
        assert_eq!(sandbox.read("tries").len(), tries, "retry-on = [{listed}], {run}");
    }
}

#[test]
fn a_failed_attempt_leaves_no_change() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            for = { k = ["x", "y"] }
            run = "echo $DECO_ATTEMPT of ${{ k }}; [ $DECO_ATTEMPT = 2 ]"
            fills = { "log[]" = "result", "exits[k]" = "exit" }
            retries = 1
            retry-delay = "1ms"
            "#,
        )
        .run([])
        .code(0)
        .answer_is(r#"{"log":["2 of x","2 of y"],"exits":{"x":0,"y":0}}"#);
}

#[test]
fn the_slot_is_free_between_attempts() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            run = "[ -e other-ran ]"
            retries = 20
            retry-delay = "10ms"
            [tasks.other]
            run = ": > other-ran"
            "#,
        )
        .run(["-j1"])
        .code(0);
}

#[test]
fn a_run_takes_as_many_failures_as_it_is_told() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.t]
        for = { i = "range(9)" }
        run = "echo >> tries; exit 1"
        "#,
    );
    sandbox.run(["-j1", "-k", "--max-failures", "3"]).code(1);
    assert_eq!(sandbox.read("tries").len(), 3);
}
