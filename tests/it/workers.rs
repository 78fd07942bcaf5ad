//! Programs that live on: the example in Node, programs that do not keep to the protocol, what they are sent and how
//! often, and that they end with the run.

use std::path::Path;

use rustix::process::Signal;

use crate::sandbox::{Output, Sandbox};

/// A worker that speaks the least of the protocol: it answers with the request, unless it is told to do otherwise.
const WORKER: &str = r#"
import json, os, sys
way = sys.argv[1]
out = int(os.environ["DECO_WORKER_OUT"])
def say(text): os.write(out, (text + "\n").encode())
if way == "garbage": say("hello")
if way == "end": print("no licence"); sys.exit(7)
if way == "slow": import time; time.sleep(1.5)
for line in open(int(os.environ["DECO_WORKER_IN"])):
    message = json.loads(line)
    if "protocol" in message: say('{"protocol": %s}' % (9 if way == "version" else 1))
    for call in message.get("calls", []):
        print("asked for", call["request"], flush=True)
        if way == "wrong id": say('{"id": 99, "result": 1}')
        elif way == "nothing": say('{"id": %d}' % call["id"])
        elif way == "nan": say('{"id": %d, "result": NaN}' % call["id"])
        elif way == "error": say('{"id": %d, "error": "not today"}' % call["id"])
        elif way == "close": os.close(out); sys.stdin.read(); os.read(int(os.environ["DECO_WORKER_IN"]), 1)
        elif way == "change": say('{"id": %d, "result": 1, "changes": [{"place": ["d", "n"], "set": 1}]}' % call["id"])
        else: say(json.dumps({"id": call["id"], "result": call["request"]}))
"#;

fn worker(way: &str) -> Sandbox {
    Sandbox::new().file("w.py", WORKER).manifest(&format!(
        "[data]\nd = {{}}\n[tasks.t]\nfor = {{ i = 'range(3)' }}\nworker = ['python3', 'w.py', '{way}']\n\
         request = {{ n = '${{{{ i }}}}', text = ['number ${{{{ i }}}}'] }}\nfills = 't[]'"
    ))
}

#[test]
fn a_request_arrives_and_its_result_comes_back() {
    let sandbox = worker("well");
    sandbox.run(["-j2"]).code(0).answer_is(
        r#"{"t":[{"n":0,"text":["number 0"]},{"n":1,"text":["number 1"]},{"n":2,"text":["number 2"]}]}"#,
    );
    sandbox
        .deco(["log", "--stdout", "t[1]"])
        .run()
        .code(0)
        .stdout_is("asked for {'n': 1, 'text': ['number 1']}\n");
}

#[test]
fn a_program_that_does_not_keep_to_the_protocol_fails_its_call_in_words() {
    for (way, words) in [
        ("garbage", "its worker does not keep to the protocol: what it answers is no JSON"),
        ("end", "it exited with code 7 before it sent its greeting"),
        ("end", "no licence"),
        ("version", "it speaks version 9 of the protocol, and deco version 1"),
        ("wrong id", "it answers to call 99, which it does not make"),
        ("nothing", "it answers without a `result` or an `error`"),
        ("nan", "what it answers is no JSON"),
        ("error", "t[0] failed: not today"),
        ("close", "it closed the descriptor for its answers"),
        ("change", "it changed `d.n`, and its task may change nothing"),
    ] {
        let told: Output = worker(way).run(["-k", "-j1"]).code(1);
        told.answer_is(r#"{}"#).stderr_has("t[0] failed").stderr_has("t[2] failed").stderr_has(words);
    }
    let missing = "[tasks.t]\nworker = ['./no-such-worker']\nrequest = 1";
    Sandbox::new().manifest(missing).run([]).code(1).stderr_has("no-such-worker");
}

#[test]
fn the_start_of_a_worker_is_not_time_of_its_call() {
    let sandbox = Sandbox::new().file("w.py", WORKER).manifest(
        "[tasks.t]\nworker = ['python3', 'w.py', 'slow']\nrequest = 1\ntimeout = '1s'\ngrace = '100ms'",
    );
    sandbox.run([]).code(0).answer_is(r#"{"t":1}"#);
}

#[test]
fn the_worker_in_node_answers_as_it_is_told() {
    if !std::process::Command::new("node").arg("--version").output().is_ok_and(|out| out.status.success()) {
        return eprintln!("skipped: there is no node");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/worker-node");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for jobs in ["-j1", "-j4"] {
        let sandbox =
            Sandbox::new().file("worker.js", read("worker.js")).file("deco.toml", read("deco.toml"));
        sandbox.run([jobs]).code(0).stdout_is(&read("expected.json"));
        sandbox.deco(["log", "--stdout", "shout[ann]"]).run().code(0).stdout_is("shouting ann, 2 rooms\n");
    }
}

/// A Python whose worker's incoming lines are kept: `python.sh` copies what the worker reads.
const TAPPED: &str = r#"#!/bin/sh
# a copy of all that the worker is sent
mkfifo "pipe-$$"
tee "sent-$$" <&"$DECO_WORKER_IN" >"pipe-$$" &
exec 3<"pipe-$$"
DECO_WORKER_IN=3 exec python3 "$@"
"#;

#[test]
fn a_document_goes_to_a_worker_once_a_version() {
    let functions = "def f(d, i): return d['rows'][i]\ndef g(d, i): d['out%d' % i] = d['rows'][i]\n";
    let rows: Vec<String> = (0..2000).map(|n| format!("\"row {n}\"")).collect();
    let manifest = format!(
        "[data]\nd = {{ rows = [{}] }}\n[defaults]\npython = './tapped'\n\
         [tasks.g]\nfor = {{ i = 'range(200)' }}\ncall = 'f.py:g(d, i)'\nmutates = ['d']\n\
         [tasks.f]\nfor = {{ i = 'range(200)' }}\ncall = 'f.py:f(d, i)'\n",
        rows.join(",")
    );
    let sandbox = Sandbox::new().file("f.py", functions).file("tapped", TAPPED).manifest(&manifest);
    let executable = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(sandbox.path("tapped"), executable).unwrap();
    sandbox.run(["-j1"]).code(0);
    let sent = std::fs::read_dir(sandbox.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    let sent: Vec<_> = sent.filter(|name| name.to_string_lossy().starts_with("sent-")).collect();
    let lines: String = sent.iter().map(|name| sandbox.read(&name.to_string_lossy())).collect();
    // the one that all calls of `g` see, and what they made of it
    assert_eq!(lines.matches("\"row 1999\"").count(), 2, "{} workers", sent.len());
    assert_eq!(lines.matches("{\"document\":").count(), 2);
}

#[test]
fn no_worker_is_started_that_no_call_needs() {
    let check = |calls: u32, keys: &str, most: usize| {
        let sandbox = Sandbox::new().file("w.py", WORKER).manifest(&format!(
            "[tasks.t]\nfor = {{ i = 'range({calls})' }}\nrequest = 1\n{keys}\n\
             worker = ['sh', '-c', 'echo >> started; exec python3 w.py well']\n\
             [tasks.fails]\nrun = 'exit 1'\nafter = ['t']"
        ));
        let started = || std::fs::read(sandbox.path("started")).map_or(0, |lines| lines.len());
        sandbox.run(["-j2"]).code(1);
        let first = started();
        assert!(first <= most && (first > 0 || most == 0), "{first} for {calls} calls, {keys}");
        // all of its calls are kept
        sandbox.run(["-j2", "--resume"]).code(1);
        assert_eq!(started(), first, "{calls} calls, {keys}");
    };
    check(1, "", 1);
    check(9, "", 2);
    check(9, "if = 'i > 9'", 0);
}

#[test]
fn several_kinds_of_workers_and_processes_share_the_slots() {
    let functions = "def f(x): return x + 1\n";
    let manifest = "[pools]\np = 1\n[tasks.a]\nfor = { i = 'range(30)' }\ncall = 'f.py:f(i)'\n\
                    [tasks.b]\nfor = { i = 'range(30)' }\ncall = 'f.py:f(a[i])'\nenv = { OTHER = '1' }\nuses = { p = 1 }\n\
                    [tasks.c]\nfor = { i = 'range(30)' }\nrun = 'echo $((${{ b[i] }} + 1))'\nresult = 'json'\n\
                    [tasks.d]\nfor = { i = 'range(30)' }\ncall = 'f.py:f(c[i])'\nenv = { OTHER = '${{ i // 10 }}' }\ncpus = 2\n\
                    [tasks.e]\nworker = ['python3', 'w.py', 'well']\nrequest = '${{ d[29] }}'\n";
    for jobs in ["-j1", "-j2", "-j4"] {
        let manifest = format!("[settings]\nselect = ['e']\n{manifest}");
        let sandbox = Sandbox::new().file("f.py", functions).file("w.py", WORKER).manifest(&manifest);
        sandbox.run([jobs]).code(0).answer_is(r#"{"e":33}"#);
    }
}

#[test]
fn thousands_of_calls_in_chains_end_at_any_width() {
    let manifest = "[settings]\nselect = { last = 'r[999]' }\n[data]\nr = { 0 = { 0 = 0, 1 = 0, 2 = 0 } }\n[tasks.t]\n\
                    for = { i = 'range(1, 1000)', k = 'range(3)' }\ncall = 'f.py:f(r[i - 1][k], k)'\nfills = 'r[i][k]'";
    for jobs in ["-j1", "-j3"] {
        let sandbox = Sandbox::new().file("f.py", "def f(x, k): return x + k\n").manifest(manifest);
        sandbox.run([jobs]).code(0).answer_is(r#"{"last":{"0":0,"1":999,"2":1998}}"#);
    }
}

/// Calls that hold a pipe open, with a process of each in a session of its own.
const HOLDING: &str = "import os, subprocess, time\ndef f(i):\n    \
                       if os.path.exists('again'): return i\n    held = open('held', 'w')\n    \
                       subprocess.Popen(['setsid', 'sleep', '1000'], pass_fds=[held.fileno()])\n    \
                       open('began-%d' % i, 'w').close()\n    time.sleep(1000)\n";

#[test]
fn nothing_of_a_worker_outlives_its_run() {
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::KILL, 9)] {
        let sandbox = Sandbox::new()
            .file("f.py", HOLDING)
            .fifo("held")
            .manifest("[tasks.t]\nfor = { i = 'range(4)' }\ncall = 'f.py:f(i)'\ngrace = '1s'");
        let held = sandbox.drain("held");
        let mut running = sandbox.deco(["run", "-j2"]).spawn();
        running.wait_for(&sandbox.path("began-0"));
        running.wait_for(&sandbox.path("began-1"));
        running.signal(signal);
        running.end().died_of(number).stdout_is("");
        held.end();
        std::fs::write(sandbox.path("again"), "").unwrap();
        sandbox.run(["--resume", "--no-wait"]).code(0).answer_is(r#"{"t":{"0":0,"1":1,"2":2,"3":3}}"#);
    }
}

#[test]
fn a_killed_run_goes_on_and_makes_no_ended_call_again() {
    let functions = "import os, time\ndef f(d, i):\n    with open('made', 'a') as made: made.write('%d\\n' % i)\n    \
                     if i == 40 and not os.path.exists('again'):\n        open('at-40', 'w').close()\n        time.sleep(1000)\n    \
                     d['l'].append(i); d[str(i)] = [i]; return i\n";
    let manifest = "[data]\nd = { l = [] }\n[tasks.t]\nfor = { i = 'range(80)' }\ncall = 'f.py:f(d, i)'\nmutates = ['d']\nfills = 'r[i]'";
    let sandbox = Sandbox::new().file("f.py", functions).manifest(manifest);
    let mut running = sandbox.deco(["run", "-j2", "--events", "events"]).spawn();
    running.wait_for(&sandbox.path("at-40"));
    // whatever else can be made is made and told
    let all_but_one = || sandbox.read("events").matches("\"call-ended\"").count() == 79;
    assert!(running.kill_once(all_but_one));
    std::fs::write(sandbox.path("again"), "").unwrap();
    let resumed = sandbox.run(["--resume", "--compact", "-j2"]).code(0);
    let mut made: Vec<i32> = sandbox.read("made").lines().map(|line| line.parse().unwrap()).collect();
    made.sort_unstable();
    let expected: Vec<i32> = (0..=40).chain(40..80).collect();
    assert_eq!(made, expected);
    sandbox.run(["--compact", "-j1"]).code(0).stdout_is(&resumed.stdout);
}
