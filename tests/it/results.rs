//! From what a call prints to what stands in the answer: the formats, the bytes kept, several fills of one result.

use crate::sandbox::Sandbox;

/// Prints `printed` and takes it as `format`.
#[track_caller]
fn check(format: &str, printed: &str, result: &str) {
    let sandbox = Sandbox::new()
        .file("printed", printed)
        .manifest(&format!("[tasks.t]\nrun = 'cat printed'\nresult = '{format}'"));
    sandbox.run(["--compact"]).code(0).stdout_is(&format!("{{\"t\":{result}}}\n"));
}

#[test]
fn every_format_has_its_reading() {
    check("text", "a\n", r#""a""#);
    check("text", "a\n\n", r#""a\n""#);
    check("text", "", r#""""#);
    check("text", " é\t\"\\\u{1}🦀", r#"" é\t\"\\\u0001🦀""#);
    check("json", " {\"b\": [1.10, 1E5, -0], \"a\": null} \n", r#"{"b":[1.10,1E5,-0],"a":null}"#);
    check(
        "json",
        "12345678901234567890123456789012345678901234567890.50",
        "12345678901234567890123456789012345678901234567890.50",
    );
    check("json", r#""\u00e9\/""#, r#""é/""#);
    check("lines", "a\n\nb\n", r#"["a","","b"]"#);
    check("lines", "a\nb", r#"["a","b"]"#);
    check("lines", "", "[]");
    check("ndjson", "{\"a\": 1.0}\n[2]\n", r#"[{"a":1.0},[2]]"#);
    check("ndjson", "", "[]");
    check("csv", "a,b\n1,\"x,\ny\"\n", r#"[{"a":"1","b":"x,\ny"}]"#);
    check("tsv", "a\tb\n1\tx y\n", r#"[{"a":"1","b":"x y"}]"#);
    check("base64", "\0a\n", r#""AGEK""#);
    check("none", "whatever", "null");
}

#[test]
fn a_result_may_come_from_a_file() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            for = { k = ["a", "b"] }
            run = "echo log; echo \"[\\\"${{ k }}\\\"]\" > \"$DECO_RESULT\""
            result = { format = "json", from = "file" }
            "#,
        )
        .run([])
        .code(0)
        .answer_is(r#"{"t":{"a":["a"],"b":["b"]}}"#);
}

#[test]
fn exit_codes_that_are_no_failure_stand_beside_the_result() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.t]
            for = { c = [0, 3] }
            run = "echo out ${{ c }}; exit ${{ c }}"
            ok-exit = [0, 3]
            fills = { "r[c].code" = "exit", "r[c].out" = "result", "codes[]" = "exit" }
            "#,
        )
        .run([])
        .code(0)
        .answer_is(r#"{"r":{"0":{"code":0,"out":"out 0"},"3":{"code":3,"out":"out 3"}},"codes":[0,3]}"#);
}

#[test]
fn fills_make_containers_in_call_order() {
    Sandbox::new()
        .manifest(
            r#"
            [data]
            log = ["given"]
            array = [1, 2, 3]
            [tasks.b]
            for = { y = ["é.x", "01"], x = [true, -2] }
            run = "printf %s ${{ x }}"
            result = "json"
            fills = { 'deep["a b"][x].of[y]' = "result", "log[]" = "result", "rows[y][]" = "result" }
            [tasks.element]
            run = "echo 20"
            result = "json"
            fills = "array[1]"
            "#,
        )
        .run([])
        .code(0)
        .answer_is(
            r#"{"log":["given",true,-2,true,-2],"array":[1,20,3],"deep":{"a b":{"true":{"of":{"é.x":true,"01":true}},"-2":{"of":{"é.x":-2,"01":-2}}}},"rows":{"é.x":[true,-2],"01":[true,-2]}}"#,
        );
}

#[test]
fn an_index_out_of_an_arrays_range_is_refused() {
    let array = "[data]\narray = [1]\n[tasks.t]\nrun = 'echo 2'\n";
    // known before the run
    let known = Sandbox::new().manifest(&format!("{array}fills = 'array[1]'"));
    known.run([]).code(2).stdout_is("").stderr_has("`array[1]`");
    // and where only the run shows that an array stands there
    let shown = Sandbox::new().manifest(
        r#"
        [tasks.list]
        run = "echo '[1]'"
        result = "json"
        [tasks.t]
        run = "echo 2"
        fills = "list[1]"
        after = ["list"]
        "#,
    );
    shown.run([]).code(1).stdout_is("").stderr_has("t failed: ").stderr_lacks("panicked");
}

#[test]
fn no_calls_leave_the_constant_part() {
    Sandbox::new()
        .manifest(
            r#"
            [data]
            keys = []
            [tasks.t]
            for = { k = "keys" }
            run = "echo ${{ k }}"
            fills = { "d.keyed[k]" = "result", "d.log[]" = "result" }
            [tasks.reader]
            run = "cat"
            stdin = "${{ d }} ${{ d.log }}"
            "#,
        )
        .run([])
        .code(0)
        .answer_is(r#"{"d":{"keyed":{},"log":[]},"reader":"{\"keyed\":{},\"log\":[]} []"}"#);
}

#[test]
fn a_false_if_skips_the_call_and_what_reads_it() {
    Sandbox::new()
        .manifest(
            r#"
            [tasks.a]
            for = { i = "range(3)" }
            if = "i != 1"
            run = "echo a${{ i }}"
            [tasks.b]
            for = { i = "range(3)" }
            run = "echo b ${{ a[i] }}"
            [tasks.c]
            for = { i = "range(3)" }
            run = "echo c ${{ a[i] | default('none') }}"
            default = "never used"
            [tasks.d]
            if = "false"
            run = "exit 1"
            default = "instead"
            "#,
        )
        .run(["-j3"])
        .code(0)
        .answer_is(
            r#"{"a":{"0":"a0","2":"a2"},"b":{"0":"b a0","2":"b a2"},"c":{"0":"c a0","1":"c none","2":"c a2"},"d":"instead"}"#,
        );
}

#[test]
fn a_character_of_a_text_is_the_same_whatever_else_is_read() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.word]
        run = "echo text"
        [tasks.one]
        run = "echo ${{ word[0] }}${{ word[-1] }} ${{ word[9] is defined }}"
        [tasks.two]
        run = "echo ${{ word[0] }} ${{ word[9] is defined }}"
        [tasks.three]
        run = "echo ${{ word[1] }}${{ word | length }}"
        [data]
        given = { text = "abc" }
        [tasks.filler]
        run = "echo 1"
        fills = "given.x"
        [tasks.four]
        run = "echo ${{ given.text[0] }}${{ given.text[-1] }} ${{ given.text[9] is defined }}"
        "#,
    );
    let expected = r#"{"given":{"text":"abc","x":"1"},"word":"text","one":"tt false","two":"t false","three":"e4","four":"ac false"}"#;
    sandbox.run([]).code(0).answer_is(expected);
}
