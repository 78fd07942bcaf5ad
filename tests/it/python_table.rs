//! What serial Python gives and the Python package of the same name did not: a row a test, as far as no mutation or
//! merge is in it.

use crate::sandbox::Sandbox;

#[test]
fn three_calls_set_one_key() {
    let manifest = "[tasks.t]\nfor = { v = [1, 2, 3] }\nrun = 'echo ${{ v }}'\nfills = 'd.k'";
    Sandbox::new()
        .manifest(manifest)
        .run([])
        .code(2)
        .stdout_is("")
        .stderr_has("t[1]")
        .stderr_has("t[2]")
        .stderr_has("d.k");
}

#[test]
fn a_nested_write_stands() {
    let manifest =
        "[tasks.t]\nfor = { v = [1, 2] }\nrun = 'echo ${{ v }}'\nresult = 'json'\nfills = 'd.a[v]'";
    Sandbox::new().manifest(manifest).run([]).code(0).answer_is(r#"{"d":{"a":{"1":1,"2":2}}}"#);
}

#[test]
fn appends_stand_in_call_order() {
    // the first call ends last
    let run = "if [ ${{ v }} = 1 ]; then sh await made-2 made-3; fi; : > made-${{ v }}; echo ${{ v }}";
    let manifest =
        format!("[tasks.t]\nfor = {{ v = [1, 2, 3] }}\nrun = '{run}'\nresult = 'json'\nfills = 'l[]'");
    Sandbox::new().manifest(&manifest).run(["-j3"]).code(0).answer_is(r#"{"l":[1,2,3]}"#);
}

#[test]
fn of_three_calls_one_fails_and_two_results_are_kept() {
    let manifest = "[tasks.t]\nfor = { v = [1, 2, 3] }\nrun = '[ ${{ v }} != 2 ]; echo ${{ v }}'";
    Sandbox::new().manifest(manifest).run(["-k"]).code(1).answer_is(r#"{"t":{"1":"1","3":"3"}}"#);
}

#[test]
fn a_turn_reads_what_an_earlier_turn_filled() {
    let manifest = r#"
        [data]
        r = { "0" = 1 }
        [tasks.step]
        for = { i = "range(1, 6)" }
        run = "echo $((2 * ${{ r[i - 1] }}))"
        result = "json"
        fills = "r[i]"
    "#;
    Sandbox::new()
        .manifest(manifest)
        .run(["-j4"])
        .code(0)
        .answer_is(r#"{"r":{"0":1,"1":2,"2":4,"3":8,"4":16,"5":32}}"#);
}

#[test]
fn a_fill_may_have_no_loop_and_a_key_may_be_a_member() {
    let manifest = r#"
        [tasks.one]
        run = "echo 1"
        fills = 'd["a"]'
        [tasks.t]
        for = { x = [{ k = "p" }, { k = "q" }] }
        key = ["x.k"]
        run = "echo ${{ x.k }}"
        fills = "e[x.k]"
    "#;
    Sandbox::new().manifest(manifest).run([]).code(0).answer_is(r#"{"d":{"a":"1"},"e":{"p":"p","q":"q"}}"#);
}
