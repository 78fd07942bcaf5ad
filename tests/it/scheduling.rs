//! What runs beside what, seen by calls that wait for one another: pipelines without a barrier, slots, `after` and
//! sync points.

use crate::sandbox::Sandbox;

#[test]
fn calls_run_side_by_side() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.a]
            run = "sh meet a b"
            [tasks.b]
            run = "sh meet b a"
            "#,
        )
        .run(["-j2"])
        .code(0)
        .answer_is(r#"{"a":"","b":""}"#);
}

#[test]
fn a_second_task_starts_for_a_key_before_the_first_has_ended_for_another() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.a]
            for = { k = ["slow", "quick"] }
            run = "if [ ${{ k }} = slow ]; then sh await b-began; fi; printf 'a %s' ${{ k }}"
            [tasks.b]
            for = { k = ["slow", "quick"] }
            run = ": > b-began; printf 'b %s' ${{ a[k] }}"
            "#,
        )
        .run(["-j2"])
        .code(0)
        .answer_is(
            r#"{"a":{"slow":"a slow","quick":"a quick"},"b":{"slow":"b a slow","quick":"b a quick"}}"#,
        );
}

#[test]
fn a_reader_of_the_whole_waits_for_the_whole() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.all]
            run = "[ -e done-x ] && [ -e done-y ] && cat"
            stdin = "${{ a }}"
            [tasks.other]
            run = ": > other"
            fills = false
            [tasks.a]
            for = { k = ["x", "y"] }
            run = "sh await other; : > done-${{ k }}; echo ${{ k }}"
            "#,
        )
        .run(["-j3"])
        .code(0)
        .answer_is(r#"{"all":"{\"x\":\"x\",\"y\":\"y\"}","a":{"x":"x","y":"y"}}"#);
}

#[test]
fn as_many_calls_run_as_there_are_slots() {
    let manifest = r#"
        [tasks.t]
        for = { i = "range(6)" }
        run = "mkdir slot$DECO_SLOT; sleep 0.002; rmdir slot$DECO_SLOT; echo $DECO_SLOT"
    "#;
    let sandbox = Sandbox::new().manifest(manifest);
    for (jobs, highest) in [("-j1", '1'), ("-j2", '2'), ("-j3", '3')] {
        let output = sandbox.run([jobs, "--compact"]).code(0);
        let slots: Vec<char> =
            output.stdout.split(":\"").skip(1).filter_map(|text| text.chars().next()).collect();
        assert_eq!(slots.len(), 6, "{}", output.stdout);
        assert!(slots.iter().all(|slot| ('1'..=highest).contains(slot)), "{}", output.stdout);
    }
}

#[test]
fn half_of_the_cpus_is_at_least_one_slot() {
    let sandbox = Sandbox::new().manifest("[settings]\njobs = \"50%\"\n[tasks.t]\nrun = 'echo hi'");
    sandbox.run([]).code(0).answer_is(r#"{"t":"hi"}"#);
    sandbox.run(["-j", "1%"]).code(0).answer_is(r#"{"t":"hi"}"#);
    sandbox.run(["-j", "many"]).code(2).stdout_is("").stderr_has("many");
}

#[test]
fn after_waits_where_no_data_says_so() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.late]
            run = "cat made-x made-y"
            after = ["make"]
            [tasks.one]
            for = { k = ["y", "x"] }
            run = "cat made-${{ k }}"
            after = ["make[${{ k }}]"]
            [tasks.make]
            for = { k = ["x", "y"] }
            run = "printf ${{ k }} > made-${{ k }}"
            fills = false
            "#,
        )
        .run(["-j3"])
        .code(0)
        .answer_is(r#"{"late":"xy","one":{"y":"y","x":"x"}}"#);
}

#[test]
fn a_call_that_comes_after_a_reader_is_not_waited_for_by_it() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.late]
            run = "echo 2"
            fills = "d.late"
            after = ["reader"]
            [tasks.reader]
            run = "cat"
            stdin = "${{ d }}"
            [tasks.early]
            run = "echo 1"
            fills = "d.early"
            "#,
        )
        .run(["-j3"])
        .code(0)
        .answer_is(r#"{"d":{"early":"1","late":"2"},"reader":"{\"early\":\"1\"}"}"#);
}

#[test]
fn a_sync_point_gathers_tasks_calls_syncs_and_paths() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.a]
            for = { k = ["x", "y"] }
            run = ": > a-${{ k }}"
            [tasks.b]
            run = ": > b"
            fills = "place.of.b"
            [sync.first]
            waits-for = ["a[x]"]
            [sync.second]
            waits-for = ["first", "a", "place.of"]
            [tasks.end]
            run = "ls a-x a-y b"
            result = "lines"
            after = ["second"]
            "#,
        )
        .run(["-j3", "--select", "end"])
        .code(0)
        .answer_is(r#"{"end":["a-x","a-y","b"]}"#);
}

#[test]
fn a_check_holds_back_what_reads_its_documents() {
    let manifest = |count: u32| {
        format!(
            r#"
            [tasks.a]
            for = {{ k = ["x", "y"] }}
            run = "echo 1"
            [sync.both]
            waits-for = ["a"]
            check = "a | length == {count}"
            write = "both.json"
            [tasks.reader]
            run = ": > read"
            stdin = "${{{{ a }}}}"
            fills = false
            "#
        )
    };
    let sandbox = Sandbox::new().manifest(&manifest(2));
    sandbox.run([]).code(0);
    assert!(sandbox.exists("read"));
    assert_eq!(sandbox.read("both.json"), "{\n  \"a\": {\n    \"x\": \"1\",\n    \"y\": \"1\"\n  }\n}\n");

    let sandbox = Sandbox::new().manifest(&manifest(3));
    sandbox.run([]).code(1).stdout_is("").stderr_has("both");
    assert!(!sandbox.exists("read"), "what reads a document waits for its check");
    assert!(!sandbox.exists("both.json"), "what did not hold is no checkpoint");
}
