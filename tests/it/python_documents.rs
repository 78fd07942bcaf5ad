//! What functions do to the documents that they are given: what comes back, what is refused, who is in conflict.

use crate::sandbox::{Output, Sandbox};

/// Three calls of `f(d, i)` with this body, for `i` = 0, 1 and 2; `rules` stands before their task.
fn three(d: &str, body: &str, rules: &str) -> Sandbox {
    Sandbox::new().file("f.py", format!("def f(d, i):\n    {body}\n")).manifest(&format!(
        "[data]\nd = {d}\n{rules}\n[tasks.t]\nfor = {{ i = 'range(3)' }}\ncall = 'f.py:f(d, i)'\nmutates = ['d']"
    ))
}

#[track_caller]
fn gives(sandbox: &Sandbox, answer: &str) {
    for jobs in ["-j1", "-j2", "-j4"] {
        sandbox.run([jobs]).code(0).answer_is(answer);
    }
}

#[track_caller]
fn clashes(sandbox: &Sandbox, words: &str) {
    for jobs in ["-j1", "-j2", "-j4"] {
        sandbox.run([jobs]).code(1).stdout_is("").stderr_has(words);
    }
}

/// One call of `f(d)` with `mutates = ["d"]`.
fn one(d: &str, body: &str) -> Output {
    Sandbox::new()
        .file("f.py", format!("def f(d):\n    {body}\n"))
        .manifest(&format!("[data]\nd = {d}\n[tasks.t]\ncall = 'f.py:f(d)'\nmutates = ['d']"))
        .run(["--compact"])
}

#[test]
fn every_way_to_change_a_dict_or_a_list_comes_back() {
    for (d, body, expected) in [
        (
            "{ a = { q = 1, r = 2 } }",
            "d['a'].pop('q'); d['a'].update(w=1, z=[2])",
            r#"{"a":{"r":2,"w":1,"z":[2]}}"#,
        ),
        ("{ a = 1, b = 2 }", "d.popitem(); d |= {'c': 3}; del d['a']", r#"{"c":3}"#),
        ("{ a = { b = 1 } }", "d['a'].clear()", r#"{"a":{}}"#),
        ("{ l = [3, 1] }", "d['l'].insert(0, 9); d['l'].sort(); d['l'].reverse()", r#"{"l":[9,3,1]}"#),
        ("{ l = [1, 2, 3] }", "d['l'].remove(2); d['l'] += (7,); d['l'] *= 2", r#"{"l":[1,3,7,1,3,7]}"#),
        (
            "{ l = [1, 2, 3] }",
            "d['l'][1:2] = [8, 9]; del d['l'][0]; d['l'][-1] = d['l'].pop(0)",
            r#"{"l":[9,8]}"#,
        ),
        (
            "{ l = [[1, [2]], { x = [{ y = [] }] }] }",
            "d['l'][1]['x'][0]['y'].extend([d['l'][0][1].pop()])",
            r#"{"l":[[1,[]],{"x":[{"y":[2]}]}]}"#,
        ),
        (
            "{ a = {} }",
            "a = d['a']; d['a']['x'] = 1; a['y'] = a['x'] + 1; d['c'] = a",
            r#"{"a":{"x":1,"y":2},"c":{"x":1,"y":2}}"#,
        ),
        (
            "{ a = 1 }",
            "d['new'] = new = []; new.append(d['a']); d['new'].append({'k': ()})",
            r#"{"a":1,"new":[1,{"k":[]}]}"#,
        ),
        (
            "{ l = [5, 1] }",
            "import heapq; heapq.heapify(d['l']); heapq.heappush(d['l'], 0)",
            r#"{"l":[0,5,1]}"#,
        ),
    ] {
        one(d, body).code(0).stdout_is(&format!("{{\"d\":{expected}}}\n"));
    }
}

#[test]
fn a_part_may_be_passed_and_changed() {
    let functions = "def f(row, i): row['n'] = i; row.setdefault('l', []).append(i)\n";
    let manifest = "[data]\nd = [{}, { n = 9 }]\n[tasks.t]\nfor = { i = 'range(2)' }\ncall = 'f.py:f(d[i], i)'\nmutates = ['d[i]']";
    gives(
        &Sandbox::new().file("f.py", functions).manifest(manifest),
        r#"{"d":[{"n":0,"l":[0]},{"n":1,"l":[1]}]}"#,
    );
}

#[test]
fn two_documents_may_be_changed_by_position_name_and_default() {
    let functions = "def f(a, *, b, key='k'): a[key] = b['n']; b['m'] = len(a)\n";
    let manifest = "[data]\na = {}\nb = { n = 1 }\n[tasks.t]\ncall = 'f.py:f(a, b=b)'\nmutates = ['a', 'b']";
    gives(&Sandbox::new().file("f.py", functions).manifest(manifest), r#"{"a":{"k":1},"b":{"n":1,"m":1}}"#);
}

/// A change of what the call may not change is never lost in silence, however large it is and however it came.
#[test]
fn a_change_of_anything_else_fails_the_call() {
    let functions = "def f(d, e): d['x'] = 1; e.append(1)\ndef g(row): row['l'].append(1); return row\n";
    let long = format!("{:?}", (0..50).collect::<Vec<i32>>());
    for (e, call, keys, words) in [
        ("[]", "f(d, e)", "mutates = ['d']", "it changed `e`"),
        (&*long, "f(d, e)", "mutates = ['d']", "it changed `e[]`"),
        ("[[]]", "f(d, e=e[0])", "mutates = ['d']", "it changed `e[0]`"),
        ("[{ l = [] }]", "g(row)", "for = { row = 'e' }\nkey = ['1']", "it changed `row`"),
        ("[{ l = [] }]", "g(e[i])", "for = { i = [0] }", "it changed `e[i]`"),
        ("[]", "f(d, e)", "mutates = ['d.x', 'e']", ""),
    ] {
        let manifest = format!("[data]\nd = {{}}\ne = {e}\n[tasks.t]\ncall = 'f.py:{call}'\n{keys}");
        let told = Sandbox::new().file("f.py", functions).manifest(&manifest).run([]);
        match words {
            "" => told.code(0).answer_is(r#"{"d":{"x":1},"e":[1]}"#),
            words => told.code(1).stdout_is("").stderr_has(words).stderr_has("`mutates`"),
        };
    }
    // a copy is the call's own, and so is what an expression made
    let functions = "def f(row): return dict(row, x=1)\ndef g(l): l.append(0); return l\n";
    let manifest = "[data]\nd = [2, 1]\n[tasks.t]\nfor = { row = [{ k = 1 }] }\nkey = ['row.k']\ncall = 'f.py:f(row)'\n\
                    [tasks.u]\ncall = 'f.py:g(d | sort)'";
    gives(
        &Sandbox::new().file("f.py", functions).manifest(manifest),
        r#"{"t":{"1":{"k":1,"x":1}},"u":[1,2,0]}"#,
    );
}

#[test]
fn a_failed_attempt_leaves_nothing_and_the_next_sees_what_it_saw() {
    let body = "import os; d['l'].append(i); d[str(i)] = os.environ['DECO_ATTEMPT']\n    \
                if d[str(i)] == '1': raise ValueError";
    let sandbox = three("{ l = [] }", &format!("{body}\n"), "[defaults]\nretries = 1\nretry-delay = '1ms'");
    gives(&sandbox, r#"{"d":{"l":[0,1,2],"0":"2","1":"2","2":"2"}}"#);
    let sandbox = three("{}", "d[i] = i\n    if i == 1: raise ValueError", "");
    sandbox.run(["-k"]).code(1).answer_is(r#"{"d":{"0":0,"2":2}}"#);
}

#[test]
fn calls_that_look_at_what_others_change_are_in_conflict() {
    clashes(&three("{ n = 0 }", "d['n'] += 1", ""), "`t[1]` looked at `d.n`, which `t[0]` changed");
    clashes(
        &three("{ a0 = 0, a1 = 1, a2 = 2 }", "d['a%d' % i] = d['a%d' % ((i + 2) % 3)]", ""),
        "`t[1]` looked at `d.a0`, which `t[0]` changed",
    );
    clashes(&three("[]", "d.append(len(d))", ""), "`t[1]` looked at `d[]`, which `t[0]` changed");
    clashes(&three("{}", "d['k'] = i", ""), "`t[0]` and `t[1]` both changed `d.k`");
    clashes(&three("{}", "d.setdefault('k', 0)", ""), "`d.k`");
    clashes(
        &three("{ a = {} }", "d['a'] = {} if i else dict(d['a'])", ""),
        "`t[0]` and `t[1]` both changed `d.a`",
    );
    // a number of a document that the call may change is a look too
    let functions = "def f(d, n): d['n'] = n + 1\n";
    let manifest =
        "[data]\nd = { n = 0 }\n[tasks.t]\nfor = { i = [1, 2] }\ncall = 'f.py:f(d, d.n)'\nmutates = ['d']";
    clashes(&Sandbox::new().file("f.py", functions).manifest(manifest), "`d.n`");
}

#[test]
fn what_does_not_meet_and_what_has_a_rule_is_no_conflict() {
    gives(&three("{}", "d['same'] = 5", ""), r#"{"d":{"same":5}}"#);
    gives(&three("{}", "d.setdefault(i % 2, []).append(i)", ""), r#"{"d":{"0":[0,2],"1":[1]}}"#);
    gives(&three("{ l = [7] }", "d['l'].extend([i, i])", ""), r#"{"d":{"l":[7,0,0,1,1,2,2]}}"#);
    let last = "[documents.d]\non-conflict = 'last'";
    gives(&three("{}", "d['k'] = i", last), r#"{"d":{"k":2}}"#);
    let merge =
        "[documents.d]\nmerge = { n = 'sum', lo = 'min', hi = 'max', seen = 'union', 'by.*' = 'sum' }";
    let body = "d['n'] += i; d['lo'] = min(d['lo'], 3 - i); d['hi'] = max(d['hi'], i)\n    \
                d['seen'].append(i % 2) if i % 2 not in d['seen'] else None\n    \
                d['by'][str(i % 2)] = d['by'].get(str(i % 2), 0) + 1";
    gives(
        &three("{ n = 10, lo = 2, hi = 1, seen = [], by = {} }", body, merge),
        r#"{"d":{"n":13,"lo":1,"hi":2,"seen":[0,1],"by":{"0":2,"1":1}}}"#,
    );
}

#[test]
fn readers_and_other_tasks_that_change_the_document_come_after() {
    let functions = "def add(d, i): d['l'].append(i)\ndef drop(d): d['l'].pop(0); d['len'] = len(d['l'])\n\
                     def read(d): return [d['len'], list(d['l'])]\n";
    let manifest = "[data]\nd = { l = [] }\n[tasks.read]\ncall = 'f.py:read(d)'\n\
                    [tasks.add]\nfor = { i = 'range(3)' }\ncall = 'f.py:add(d, i)'\nmutates = ['d']\n\
                    [tasks.drop]\ncall = 'f.py:drop(d)'\nmutates = ['d']";
    gives(
        &Sandbox::new().file("f.py", functions).manifest(manifest),
        r#"{"d":{"l":[1,2],"len":2},"read":[2,[1,2]]}"#,
    );
}

#[test]
fn calls_that_other_data_orders_may_change_one_place() {
    let functions = "def f(d, before): d['n'] += 1; d['l'].append(d['n']); return before + 1\n";
    let manifest = "[data]\nd = { n = 0, l = [] }\nr = { 0 = 0 }\n[tasks.t]\nfor = { i = 'range(1, 5)' }\n\
                    call = 'f.py:f(d, r[i - 1])'\nmutates = ['d']\nfills = 'r[i]'";
    gives(
        &Sandbox::new().file("f.py", functions).manifest(manifest),
        r#"{"d":{"n":4,"l":[1,2,3,4]},"r":{"0":0,"1":1,"2":2,"3":3,"4":4}}"#,
    );
}

#[test]
fn what_python_filled_may_be_gone_over_to_any_depth() {
    let functions = "def names(x): return [x + str(n) for n in range(3)]\ndef leaf(x, y): return {y + 'a': 1, y + 'b': 2}\n\
                     def deep(z, n): return z + str(n)\n";
    let manifest = "[tasks.t]\nfor = { x = ['a', 'b'] }\ncall = 'f.py:names(x)'\n\
                    [tasks.u]\nfor = { x = 't', y = 't[x]' }\ncall = 'f.py:leaf(x, y)'\nfills = 'u[y]'\n\
                    [tasks.v]\nfor = { y = 'u', z = 'u[y]' }\ncall = 'f.py:deep(z, u[y][z])'\nfills = 'v[]'";
    let sandbox =
        Sandbox::new().file("f.py", functions).manifest(&format!("[settings]\nselect = ['v']\n{manifest}"));
    gives(
        &sandbox,
        r#"{"v":["a0a1","a0b2","a1a1","a1b2","a2a1","a2b2","b0a1","b0b2","b1a1","b1b2","b2a1","b2b2"]}"#,
    );
}
