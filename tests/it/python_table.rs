//! What serial Python gives and the Python package of the same name did not: a row a test, by fills and by mutations.

use crate::sandbox::{Output, Sandbox};

/// What three calls, for `v` = 1, 2 and 3, do to a document that they share: the line of the serial program, and the same
/// by commands.
struct Row {
    /// `[data]`: the document `d`.
    d: &'static str,
    python: &'static str,
    commands: &'static str,
}

const ONE_KEY: Row = Row { d: "{}", python: "d['k'] = v", commands: "$DECO set d.k $v" };
const NESTED: Row = Row { d: "{ a = {} }", python: "d['a'][v] = v", commands: "$DECO set d.a[$v] $v" };
const APPEND: Row = Row { d: "[]", python: "d.append(v)", commands: "$DECO append d $v" };
const COUNTER: Row =
    Row { d: "{ n = 0 }", python: "d['n'] += 1", commands: "$DECO set d.n $(($($DECO get d.n) + 1))" };

/// How a call carries the line out.
#[derive(Clone, Copy)]
enum Way {
    Commands,
    File,
    Function,
}

const WAYS: [Way; 3] = [Way::Commands, Way::File, Way::Function];

impl Row {
    /// What the task runs; in each call `last` comes last.
    fn task(&self, way: Way, last: &str) -> String {
        match way {
            Way::Commands => format!("run = '''\nv=${{{{ v }}}}\n{}\n{last}\n'''", self.commands),
            Way::File => format!(
                "run = '''\n#!/usr/bin/env python3\nimport json, os\nv = ${{{{ v | tojson }}}}\n\
                 path = os.environ['DECO_DOC_D']\nd = json.load(open(path))\n{}\njson.dump(d, open(path, 'w'))\n{last}\n'''",
                self.python
            ),
            Way::Function => "call = 'rows.py:row(d, v)'".to_owned(),
        }
    }

    /// The three calls; `rules` stands before their task.
    fn sandbox(&self, way: Way, rules: &str, last: &str) -> Sandbox {
        let (d, task) = (self.d, self.task(way, last));
        let function = format!("import os\ndef row(d, v):\n    {}\n    {last}\n", self.python);
        Sandbox::new().file("rows.py", function).manifest(&format!(
            "[data]\nd = {d}\n{rules}\n[tasks.t]\nfor = {{ v = [1, 2, 3] }}\nmutates = ['d']\n{task}"
        ))
    }

    /// Runs the three calls every way at several widths.
    #[track_caller]
    fn each(&self, rules: &str, check: impl Fn(Output)) {
        for way in WAYS {
            for jobs in ["-j1", "-j4"] {
                let sandbox = self.sandbox(way, rules, if let Way::Commands = way { ":" } else { "pass" });
                check(sandbox.deco(["run", jobs]).env("DECO", env!("CARGO_BIN_EXE_deco")).run());
            }
        }
    }
}

#[test]
fn three_calls_mutate_one_key() {
    ONE_KEY.each("", |output| {
        drop(output.code(1).stdout_is("").stderr_has("`t[1]`").stderr_has("`t[2]`").stderr_has("`d.k`"));
    });
    ONE_KEY.each("[documents.d]\non-conflict = 'last'", |output| {
        drop(output.code(0).answer_is(r#"{"d":{"k":3}}"#))
    });
}

#[test]
fn a_nested_mutation_stands() {
    NESTED.each("", |output| drop(output.code(0).answer_is(r#"{"d":{"a":{"1":1,"2":2,"3":3}}}"#)));
}

#[test]
fn appending_mutations_stand_in_call_order() {
    APPEND.each("", |output| drop(output.code(0).answer_is(r#"{"d":[1,2,3]}"#)));
}

#[test]
fn three_calls_count() {
    COUNTER.each("", |output| {
        drop(output.code(1).stdout_is("").stderr_has("`t[1]`").stderr_has("`t[2]`").stderr_has("`d.n`"));
    });
    COUNTER.each("[documents.d]\nmerge = { n = 'sum' }", |output| {
        drop(output.code(0).answer_is(r#"{"d":{"n":3}}"#))
    });
}

#[test]
fn of_three_mutating_calls_one_fails_and_what_two_did_is_kept() {
    for way in WAYS {
        let fails = match way {
            Way::Commands => "[ $v != 2 ] || [ -e go ]",
            Way::File | Way::Function => "assert v != 2 or os.path.exists('go')",
        };
        let sandbox = NESTED.sandbox(way, "", fails);
        let run = |arg: &str| sandbox.deco(["run", arg]).env("DECO", env!("CARGO_BIN_EXE_deco")).run();
        run("-k").code(1).answer_is(r#"{"d":{"a":{"1":1,"3":3}}}"#);
        std::fs::write(sandbox.path("go"), "").expect("a file can be written");
        run("--resume").code(0).answer_is(r#"{"d":{"a":{"1":1,"2":2,"3":3}}}"#);
    }
}

/// One call reads `x` and writes `y`, the other reads `y` and writes `x`: side by side, each would miss the other's write.
#[test]
fn write_skew_is_a_conflict() {
    let run = r#"$DECO set d.${{ to }} $(($($DECO get d.${{ from }}) + 1))"#;
    let manifest = format!(
        "[data]\nd = {{ x = 1, y = 10 }}\n[tasks.t]\nfor = {{ \"from, to\" = \"zip(['x', 'y'], ['y', 'x'])\" }}\n\
         mutates = ['d']\nrun = '{run}'"
    );
    for jobs in ["-j1", "-j2", "-j4"] {
        let sandbox = Sandbox::new().manifest(&manifest);
        let output = sandbox.deco(["run", jobs]).env("DECO", env!("CARGO_BIN_EXE_deco")).run();
        output
            .code(1)
            .stdout_is("")
            .stderr_has("`t[y,x]` looked at `d.y`, which `t[x,y]` changed, and neither waits for the other");
    }
}

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

/// What a function found missing it has read, even if it makes it then.
#[test]
fn what_a_function_makes_because_it_was_missing_is_a_conflict() {
    let function = "def f(d, v):\n    if 'own' not in d:\n        d.setdefault('first', []).append(v)\n    \
                    d.setdefault('own', {})\n    d['own'][v] = 1\n";
    let manifest = "[tasks.t]\nfor = { v = ['a', 'b'] }\ncall = 'f.py:f(d, v)'\nmutates = ['d']";
    let sandbox = Sandbox::new().file("f.py", function).manifest(manifest);
    sandbox.run([]).code(1).stderr_has("`t[b]` looked at `d.own");
}
