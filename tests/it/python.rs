//! Tasks with `call`: how functions are found and called, what they may return, how they fail, where their prints go.

use crate::sandbox::{Output, Sandbox};

/// A file with functions, and a manifest.
fn python(functions: &str, manifest: &str) -> Sandbox {
    Sandbox::new().file("f.py", functions).manifest(manifest)
}

/// One call of a function of that body, with `keys` besides.
fn returns(body: &str) -> Output {
    python(&format!("def f():\n    {body}\n"), "[tasks.t]\ncall = 'f.py:f()'").run(["--compact"])
}

const ADD: &str = "from beside import twice\nclass Acc:\n    def __init__(self, n): self.n = n\n    \
                   @classmethod\n    def sum(cls, *all): return cls(sum(all)).n\n\
                   def add(a, k=1): return twice(a) + k\n";

fn add(call: &str, keys: &str) -> Sandbox {
    python(ADD, &format!("[tasks.t]\ncall = '{call}'\n{keys}"))
        .file("beside.py", "def twice(x): return 2 * x\n")
        .file("pack/__init__.py", "")
        .file("pack/inner.py", "import os\ndef where(): return os.path.basename(os.getcwd())\n")
        .file("sub/kept", "")
}

#[test]
fn a_function_is_named_by_its_file_or_its_module() {
    for (call, answer) in [
        ("f.py:add(3)", "7"),
        ("f.py:add(3, k=2)", "8"),
        ("f.py:add(k = 1 + 1, a = 3)", "8"),
        ("f.py:Acc.sum(1, 2, 3)", "6"),
        ("f:add(3)", "7"),
        ("math:floor(2.5)", "2"),
    ] {
        add(call, "").run([]).code(0).answer_is(&format!("{{\"t\":{answer}}}"));
    }
    // a file is the manifest's, a module is looked for where the call runs
    add("f.py:add(3)", "dir = 'sub'").run([]).code(0).answer_is(r#"{"t":7}"#);
    add("pack/inner.py:where()", "dir = 'sub'").run([]).code(0).answer_is(r#"{"t":"sub"}"#);
    add("pack.inner:where()", "dir = 'sub'").run([]).code(1).stderr_has("there is no module `pack`");
}

#[test]
fn a_file_is_a_module_as_python_makes_it() {
    let functions = "import os, pickle, sys\nclass Kept: pass\ndef f():\n    m = sys.modules[__name__]\n    \
                     assert type(pickle.loads(pickle.dumps(Kept()))) is Kept\n    \
                     assert __spec__.loader is __loader__ and __spec__.cached == __cached__\n    \
                     assert os.path.isabs(__file__) and __spec__.origin == __file__ and m.f is f\n    \
                     return [__name__, __package__, os.path.basename(__file__), __spec__.name]\n";
    let answer = r#"{"t":["f","","f.py","f"]}"#;
    python(functions, "[tasks.t]\ncall = 'f.py:f()'").run([]).code(0).answer_is(answer);
}

#[test]
fn a_call_has_a_private_folder_of_its_own() {
    let functions = "import os, subprocess\n\
         def f(n):\n    if n % 3 == 0: return None\n    \
             if n % 3 == 1: own = os.environ['DECO_TMPDIR']\n    \
             else: own = subprocess.check_output(['sh', '-c', 'printf %s \"$DECO_TMPDIR\"'], text=True)\n    \
             around = os.path.dirname(own)\n    \
             assert os.listdir(around) == [os.path.basename(own)] and os.listdir(own) == []\n    \
             assert os.stat(own).st_mode & 0o77 == 0\n    \
             os.chdir(own)\n    os.makedirs('deep/er')\n    \
             return own\n\
         def left(paths): return [path for path in paths.values() if path and os.path.exists(path)]\n";
    let manifest =
        "[tasks.f]\nfor = { n = 'range(60)' }\ncall = 'f.py:f(n)'\n[tasks.left]\ncall = 'f.py:left(f)'";
    let answer = python(functions, manifest).run(["-j1"]).code(0);
    let answer: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(answer["left"], serde_json::json!([]));
    let paths = answer["f"].as_object().unwrap().values().filter_map(|path| path.as_str());
    assert_eq!(paths.collect::<std::collections::HashSet<_>>().len(), 40);
}

#[test]
fn the_worker_is_kept_compiled_and_the_functions_only_as_they_wish() {
    let sandbox = python(
        "def f(d): return len(d)\n",
        "[data]\nd = [1]\n[tasks.t]\ncall = 'f.py:f(d)'\nmutates = ['d']",
    );
    sandbox.deco(["run"]).env("PYTHONDONTWRITEBYTECODE", "1").run().code(0).answer_is(r#"{"d":[1]}"#);
    let folder = sandbox.path(".deco/deco.toml/python/deco_worker/__pycache__");
    let compiled =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut modules: Vec<_> = compiled.map(|name| name.split('.').next().unwrap().to_owned()).collect();
    modules.sort();
    assert_eq!(modules, ["c_code", "dicts", "documents", "lists", "record", "say", "worker"]);
    assert!(!sandbox.exists("__pycache__"));
}

#[test]
fn a_manifest_may_be_run_from_elsewhere() {
    let sandbox = add("f.py:add(3)", "");
    let elsewhere = sandbox.path("sub");
    sandbox.deco(["run", "../deco.toml"]).dir(&elsewhere).run().code(0).answer_is(r#"{"t":7}"#);
}

#[test]
fn python_may_be_that_of_a_virtual_environment() {
    let sandbox = python(
        "import only_there\ndef f(): return only_there.n\n",
        "[tasks.t]\ncall = 'f.py:f()'\npython = 'venv/bin/python'",
    );
    let venv = sandbox.path("venv");
    let made =
        std::process::Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&venv).status();
    if !made.is_ok_and(|status| status.success()) {
        return eprintln!("skipped: python3 has no venv");
    }
    let libraries = std::fs::read_dir(venv.join("lib")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(libraries.join("site-packages/only_there.py"), "n = 5\n").unwrap();
    sandbox.run([]).code(0).answer_is(r#"{"t":5}"#);
}

#[test]
fn what_cannot_be_called_is_told_with_its_place() {
    let sandbox = |call: &str| {
        add(call, "")
            .file("syntax.py", "x = 1\ndef f(:\n")
            .file("imports.py", "import no_such_thing\n")
            .file("raises.py", "1 / 0\n")
            .run([])
            .code(1)
            .stdout_is("")
            .stderr_lacks("importlib")
            .stderr_lacks("deco_worker")
    };
    sandbox("no.py:f()").stderr_has("/no.py`: a path in `call` is relative to the manifest's folder");
    sandbox("f.py:ad(1)").stderr_has("there is no `ad` in `").stderr_has("/f.py`; did you mean `add`?");
    sandbox("f.py:Acc.som(1)").stderr_has("there is no `Acc.som` in `").stderr_has("did you mean `sum`?");
    sandbox("no.such:f()")
        .stderr_has("there is no module `no` for `")
        .stderr_has("`python` names another interpreter");
    sandbox("math:pi()").stderr_has("`pi` in `math` is a float, which cannot be called");
    sandbox("syntax.py:f()").stderr_has("SyntaxError").stderr_has("/syntax.py\", line 2");
    sandbox("imports.py:f()")
        .stderr_has("No module named 'no_such_thing'")
        .stderr_has("/imports.py\", line 1");
    sandbox("raises.py:f()").stderr_has("ZeroDivisionError").stderr_has("/raises.py\", line 1");
    sandbox("f.py:add()").stderr_has("TypeError: add() missing 1 required positional argument: 'a'");
    sandbox("f.py:add(1, 2, 3)").stderr_has("TypeError: add() takes from 1 to 2 positional arguments");
}

#[test]
fn an_interpreter_that_is_none_is_told() {
    add("f.py:add(3)", "python = 'no-such-python'")
        .run([])
        .code(1)
        .stderr_has("the program `no-such-python` is in no folder");
    add("f.py:add(3)", "python = 'true'").run([]).code(1).stderr_has("code 0 before it sent its greeting");
}

#[test]
fn a_result_is_whatever_json_can_say() {
    for (body, json) in [
        ("return (1, (2.5, 'é'), {'a': (None, True)})", r#"[1,[2.5,"é"],{"a":[null,true]}]"#),
        ("pass", "null"),
        ("return 10 ** 40", "10000000000000000000000000000000000000000"),
        ("return {1: 'a', True: 'b', 2.5: 'c'}", r#"{"1":"b","2.5":"c"}"#),
        ("import collections; return collections.OrderedDict(b=1, a=2)", r#"{"b":1,"a":2}"#),
    ] {
        returns(body).code(0).stdout_is(&format!("{{\"t\":{json}}}\n"));
    }
}

#[test]
fn what_json_cannot_say_is_named_with_its_type_and_place() {
    for (body, words) in [
        ("return {'a': [1, {2}]}", r#"result["a"][1] is a set"#),
        ("return [object()]", "result[0] is an object"),
        ("return [1.0, float('nan')]", "result[1] is nan"),
        ("return {'x': -float('inf')}", r#"result["x"] is -inf"#),
        ("return {'x': '\\ud800'}", r#"result["x"] holds half of a surrogate pair"#),
        ("return {'a': {(1, 2): 3}}", r#"result["a"] has a key that is a tuple"#),
        ("return {None: 1}", "result has a key that is None"),
        ("return [{'1': 'b', 1: {}}]", r#"result[0] has two keys that are "1""#),
        ("return {'k': {True: 0, 'true': 0}}", r#"result["k"] has"#),
        ("l = []; l.append(l); return l", "holds itself"),
        ("import decimal; return decimal.Decimal(1)", "result is a decimal.Decimal"),
    ] {
        returns(body).code(1).stdout_is("").stderr_has("t failed: ").stderr_has(words);
    }
}

#[test]
fn what_only_says_that_it_is_an_integer_is_none() {
    let functions = "class Liar:\n    __class__ = int\n\ndef f(i): return Liar() if i == 3 else i\n";
    let manifest =
        "[tasks.t]\nfor = { i = 'range(6)' }\ncall = 'f.py:f(i)'\nallow-failure = true\ndefault = 'none'";
    let run = python(functions, manifest).run(["--compact", "-j1"]);
    run.code(0)
        .stdout_is("{\"t\":{\"0\":0,\"1\":1,\"2\":2,\"3\":\"none\",\"4\":4,\"5\":5}}\n")
        .stderr_has("received a 'Liar'")
        .stderr_lacks("its worker");
}

#[test]
fn a_coroutine_is_to_be_awaited() {
    let functions = "async def wait(): return 1\ndef both(): return [1, wait()]\n";
    for (function, place) in [("wait", "result"), ("both", "result[1]")] {
        python(functions, &format!("[tasks.t]\ncall = 'f.py:{function}()'"))
            .run([])
            .code(1)
            .stderr_has(&format!("{place} is a coroutine, which must be awaited: return `asyncio.run(...)`"))
            .stderr_lacks("RuntimeWarning");
    }
}

#[test]
fn values_of_numpy_are_what_they_hold() {
    if !std::process::Command::new("python3").args(["-c", "import numpy"]).status().unwrap().success() {
        return eprintln!("skipped: python3 has no numpy");
    }
    let made = "import numpy as n; return {'a': n.arange(4).reshape(2, 2), 'f': n.float64(0.5), n.int64(3): n.bool_(True)}";
    returns(made).code(0).stdout_is("{\"t\":{\"a\":[[0,1],[2,3]],\"f\":0.5,\"3\":true}}\n");
    returns("import numpy as n; return n.array([1.0, n.nan])").code(1).stderr_has("result[1] is nan");
}

#[test]
fn an_exception_comes_back_with_the_functions_own_frames() {
    let functions = "def inner(x):\n    raise ValueError('no %s' % x)\ndef f(x):\n    inner(x)\n";
    let sandbox = python(functions, "[tasks.t]\nfor = { x = [1] }\ncall = 'f.py:f(x)'");
    let told = sandbox.run(["--events", "events"]).code(1);
    let frames =
        ["t[1] failed: raised ValueError: no 1", "/f.py\", line 4, in f", "/f.py\", line 2, in inner"];
    let told = frames.iter().fold(told, |told, frame| told.stderr_has(frame));
    told.stderr_lacks("worker.py");
    let log = sandbox.deco(["log", "t[1]"]).run().code(0);
    assert!(log.stdout.contains("line 2, in inner"), "{}", log.stdout);
    assert!(sandbox.read("events").contains("line 2, in inner"));
}

/// Of thirty calls the tenth ends its worker, or is ended, in each of these ways; the others are made once each.
#[test]
fn a_call_that_takes_its_worker_with_it_takes_nothing_else() {
    for (way, words) in [
        ("sys.exit(0)", "raised SystemExit"),
        ("os._exit(0)", "its worker exited with code 0 over the call"),
        ("print('last words', flush=True); os._exit(3)", "last words"),
        ("import ctypes; ctypes.string_at(0)", "its worker was ended by SIGSEGV over the call"),
        ("os.kill(os.getpid(), 9)", "its worker was ended by SIGKILL over the call"),
        ("f(i)", "raised RecursionError"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("os.close(int(OUT))", "t[10] failed: its worker"),
    ] {
        let functions = format!(
            "import os, sys\nOUT = 4\ndef f(i):\n    with open('made', 'a') as made: made.write('%d\\n' % i)\n    \
             if i == 10: {way}\n    return i\n"
        );
        for jobs in ["-j1", "-j3"] {
            let sandbox = python(&functions, "[tasks.t]\nfor = { i = 'range(30)' }\ncall = 'f.py:f(i)'");
            let told =
                sandbox.run(["-k", "--compact", jobs]).code(1).stderr_has("t[10] failed").stderr_has(words);
            let others = (0..30).filter(|i| *i != 10).map(|i| format!("\"{i}\":{i}"));
            let others: Vec<String> = others.collect();
            let told = told.stdout_is(&format!("{{\"t\":{{{}}}}}\n", others.join(",")));
            let made = sandbox.read("made");
            let mut made: Vec<i32> = made.lines().map(|line| line.parse().unwrap()).collect();
            made.sort_unstable();
            if way != "f(i)" {
                assert_eq!(made, (0..30).collect::<Vec<_>>(), "{way}\n{}", told.stderr);
            }
        }
    }
}

#[test]
fn an_endless_loop_is_ended_by_its_time_limit_alone() {
    let functions = "def f(i):\n    while i == 7: pass\n    return i\n";
    let manifest = "[tasks.t]\nfor = { i = 'range(20)' }\ncall = 'f.py:f(i)'\ntimeout = '2s'\ngrace = '1s'";
    let told = python(functions, manifest).run(["-k", "-j2", "--compact"]).code(1);
    let told = told.stderr_has("t[7] failed: took longer than its timeout of 2s").stderr_lacks("t[8]");
    assert_eq!(told.stdout.matches(':').count(), 20, "{}", told.stdout);
}

#[test]
fn threads_and_processes_that_a_function_leaves_do_not_hold_the_run() {
    let functions = "import subprocess, threading, time\n\
                     def thread(): threading.Thread(target=time.sleep, args=[1000]).start()\n\
                     def process(): subprocess.Popen(['sh', '-c', 'exec 3> held; sleep 1000']) and None\n";
    let manifest = "[tasks.a]\ncall = 'f.py:thread()'\n[tasks.b]\ncall = 'f.py:process()'";
    let sandbox = python(functions, manifest).fifo("held");
    let held = sandbox.drain("held");
    sandbox.run([]).code(0).answer_is(r#"{"a":null,"b":null}"#);
    held.end();
}

#[test]
fn what_a_call_prints_lands_in_its_own_log() {
    let functions = "import os, subprocess, sys\ndef f(i):\n    print('out', i)\n    \
                     print('err', i, file=sys.stderr)\n    os.write(1, b'raw %d\\n' % i)\n    \
                     if i % 5 == 0: subprocess.run(['echo', 'of a process', str(i)])\n    \
                     if i == 7: print('x' * 300000)\n";
    let sandbox =
        python(functions, "[tasks.t]\nfor = { i = 'range(40)' }\ncall = 'f.py:f(i)'\nfills = false");
    sandbox.run(["-j2", "--events", "events"]).code(0);
    for i in 0..40 {
        let address = format!("t[{i}]");
        let log = sandbox.deco(["log", "--stdout", &address]).run().code(0).stdout;
        let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with('x')).collect();
        let mut expected = vec![format!("out {i}"), format!("raw {i}")];
        if i % 5 == 0 {
            expected.push(format!("of a process {i}"));
        }
        let mut sorted = lines.clone();
        sorted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(sorted, expected, "{address}");
        sandbox.deco(["log", "--stderr", &address]).run().code(0).stdout_is(&format!("err {i}\n"));
    }
    assert!(sandbox.deco(["log", "--stdout", "t[7]"]).run().stdout.len() > 300_000);
    let events = sandbox.read("events");
    assert!(events.contains("out 3\\nraw 3") || events.contains("raw 3\\nout 3"), "{events}");
}

#[test]
fn a_call_finds_its_own_environment_and_the_folder_it_began_in() {
    let functions = "import os\ndef f(i):\n    names = 'TASK CALL KEY VAR_I ATTEMPT'.split()\n    \
                     found = [os.environ['DECO_' + name] for name in names] + [os.environ['OWN'], os.path.basename(os.getcwd())]\n    \
                     os.chdir('/')\n    return found\n";
    let manifest = "[tasks.t]\nfor = { i = [1, 2] }\ncall = 'f.py:f(i)'\nenv = { OWN = 'o' }\ndir = 'd'";
    python(functions, manifest).file("d/kept", "").run(["-j1"]).code(0).answer_is(
        r#"{"t":{"1":["t","t[1]","[1]","1","1","o","d"],"2":["t","t[2]","[2]","2","1","o","d"]}}"#,
    );
}

#[test]
fn retries_forgiveness_conditions_and_defaults_hold_for_calls_too() {
    let functions = "import os\ndef f(i):\n    attempt = int(os.environ['DECO_ATTEMPT'])\n    \
                     if i == 1 and attempt < 3: raise OSError\n    if i == 2: os._exit(attempt)\n    return [i, attempt]\n\
                     def after(x, all): return [c['outcome'] for c in all if c['task'] == x]\n";
    let manifest = "[tasks.t]\nfor = { i = 'range(4)' }\nif = 'i != 3'\ncall = 'f.py:f(i)'\nretries = 2\n\
                    retry-delay = '1ms'\nallow-failure = true\ndefault = '${{ [i] }}'\n";
    for jobs in ["-j1", "-j2"] {
        python(functions, manifest)
            .run([jobs])
            .code(0)
            .answer_is(r#"{"t":{"0":[0,1],"1":[1,3],"2":[2],"3":[3]}}"#);
    }
}

#[test]
fn a_finalizer_may_be_a_function() {
    let functions = "def f(i): return 1 / i\ndef told(run, calls): return [run['status'], [c['outcome'] for c in calls]]\n";
    let manifest = "[tasks.t]\nfor = { i = [0, 1] }\ncall = 'f.py:f(i)'\n\
                    [tasks.end]\nwhen = 'always'\ncall = 'f.py:told(run, calls)'";
    python(functions, manifest)
        .run(["-k"])
        .code(1)
        .answer_is(r#"{"t":{"1":1.0},"end":["failure",["failed","succeeded"]]}"#);
}

#[test]
fn a_secret_in_an_argument_a_result_or_a_message_stays_out() {
    let functions = "import os\ndef f(x): return x\ndef g():\n    print(os.environ['TOK'])\n    raise ValueError(os.environ['TOK'])\n";
    for call in ["f(env.TOK)", "g()"] {
        let manifest = format!("[settings]\nsecrets = ['TOK']\n[tasks.t]\ncall = 'f.py:{call}'");
        let sandbox = python(functions, &manifest);
        let run = sandbox.deco(["run", "-v", "--events", "events"]).env("TOK", "open-sesame-9");
        run.run().code(1).stdout_is("").stderr_lacks("open-sesame-9");
        assert!(!sandbox.read("events").contains("open-sesame-9"));
        sandbox.deco(["log", "t"]).run().stderr_lacks("open-sesame-9");
    }
}
