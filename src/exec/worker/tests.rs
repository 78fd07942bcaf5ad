//! Calls with real workers: Python by deco's own, and one in shell that speaks the least of the protocol.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Mutex;

use tempfile::TempDir;

use super::super::{Log, Logged, Stream};
use super::*;
use crate::outcome::Exit;

const FAR: Duration = Duration::from_secs(600);

/// Logs that hold all in memory, as their tail.
struct Held;

impl Logs for Held {
    fn open(&self, _stream: Stream) -> Box<dyn Log> {
        Box::new(Logged::default())
    }
}

/// A folder with the functions of a test, and workers for them.
struct Bench {
    folder: TempDir,
    kind: Arc<Kind>,
    workers: Workers,
    enders: Enders,
    groups: Groups,
    logs: Box<dyn Logs>,
}

const THREADS: usize = 2;

impl Bench {
    fn new(functions: &str) -> Bench {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("f.py"), functions).unwrap();
        let mut argv = vec![OsString::from("python3")];
        argv.extend(python::install(&folder.path().join("worker")).unwrap());
        Bench::of(folder, argv)
    }

    fn of(folder: TempDir, argv: Vec<OsString>) -> Bench {
        let path = ("PATH".to_owned(), std::env::var_os("PATH").unwrap_or_default());
        let env = Environment::from(vec![path]);
        let kind = Arc::new(Kind { argv, dir: folder.path().to_owned(), env, terminal: false });
        Bench {
            folder,
            kind,
            workers: Workers::new(THREADS, 1),
            enders: Enders::new().unwrap(),
            groups: Groups::new(THREADS),
            logs: Box::new(Held),
        }
    }

    fn around(&self) -> Around<'_> {
        Around { enders: &self.enders, groups: &self.groups, logs: &*self.logs }
    }

    /// Has all requests made by so many threads; what came of each, in the order of ids.
    fn run(&self, requests: Vec<Request>, threads: usize) -> Vec<Done> {
        let count = requests.len();
        let waiting = Mutex::new(VecDeque::from(requests));
        let done = Mutex::new(BTreeMap::new());
        let is_over = || done.lock().unwrap().len() == count || self.enders.asked().is_some();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while !is_over() {
                        std::thread::yield_now();
                        self.workers.lead(&self.kind, self.around(), &mut |turn| {
                            let mut waiting = waiting.lock().unwrap();
                            turn.back.drain(..).rev().for_each(|request| waiting.push_front(request));
                            for ended in turn.done.drain(..) {
                                assert!(
                                    done.lock().unwrap().insert(ended.id, ended).is_none(),
                                    "ended twice"
                                );
                            }
                            let count = turn.room.min(waiting.len());
                            turn.given.extend(waiting.drain(..count));
                        });
                    }
                });
            }
        });
        assert!(waiting.into_inner().unwrap().is_empty() || self.enders.asked().is_some());
        done.into_inner().unwrap().into_values().collect()
    }

    /// Has one worker make the calls one after the other.
    fn calls(&self, calls: &[(&str, &str)]) -> Vec<Done> {
        let requests = calls.iter().enumerate().map(|(id, (function, args))| request(id, function, args));
        self.run(requests.collect(), 1)
    }

    /// What one call gives, as JSON, or why it does not.
    fn call(&self, function: &str, args: &str) -> Result<String, String> {
        told(self.calls(&[(function, args)]).remove(0).answer).map(|returned| returned.result.to_json())
    }

    /// What a call does with a document: result, changes and reads.
    fn with(&self, function: &str, version: &Arc<Version>, path: &[&str]) -> Result<Returned, String> {
        let path = path.iter().map(|step| Text::from(*step)).collect();
        let part = Argument::Part { version: version.clone(), path, tracked: true };
        told(self.run(vec![calling(0, function, vec![part])], 1).remove(0).answer)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.workers.end(&self.groups);
    }
}

fn told(answer: Answer) -> Result<Returned, String> {
    match answer {
        Answer::Returned(returned) => Ok(returned),
        Answer::Raised(Raised { kind, message, .. }) => Err(match kind {
            Some(kind) => format!("{kind}: {message}"),
            None => message,
        }),
        Answer::Process(ending) => Err(format!("{ending:?}")),
        Answer::Broken(message) => Err(message),
    }
}

fn request(id: usize, function: &str, args: &str) -> Request {
    let Ok(Value::Array(args)) = Value::parse(args.as_bytes()) else { panic!("{args}") };
    calling(id, function, args.iter().cloned().map(Argument::Value).collect())
}

fn calling(id: usize, function: &str, args: Vec<Argument>) -> Request {
    let work = Work::Call { function: format!("f.py:{function}").into(), args, named: Vec::new() };
    Request { id: id as u64, work, variables: Arc::from([]), env: Vec::new(), timeout: None, grace: FAR }
}

fn version(json: &str) -> Arc<Version> {
    Version::new(Name::new("d").unwrap(), Value::parse(json.as_bytes()).unwrap())
}

fn text(output: &Output) -> String {
    let bytes = output.logged.as_ref().map_or(&output.bytes, |logged| &logged.tail);
    String::from_utf8_lossy(bytes).into_owned()
}

/// Changes as people write them.
fn written(changes: &[Change]) -> Vec<String> {
    let written = changes.iter().map(|change| match &change.operation {
        crate::change::Operation::Set(value) => format!("{} = {value}", change.path),
        crate::change::Operation::Ensure(kind) => format!("{} = {}", change.path, kind.empty()),
        crate::change::Operation::Delete => format!("del {}", change.path),
    });
    written.collect()
}

fn places(reads: &[Path]) -> Vec<String> {
    reads.iter().map(Path::to_string).collect()
}

#[test]
fn values_go_in_and_out_natively() {
    let bench =
        Bench::new("def f(*a, **n): return [a, sorted(n.items()), str([type(x).__name__ for x in a])]");
    let args = r#"[1,1.5,"é",null,true,[1,{"k":2}]]"#;
    let types = r#""['int', 'float', 'str', 'NoneType', 'bool', 'list']""#;
    assert_eq!(bench.call("f", args), Ok(format!("[{args},[],{types}]")));
    let mut named = request(0, "f", "[]");
    let Work::Call { named: names, .. } = &mut named.work else { unreachable!() };
    names.push(("k".into(), Argument::Value(Value::from(7i128))));
    assert_eq!(
        told(bench.run(vec![named], 1).remove(0).answer).unwrap().result.to_json(),
        r#"[[],[["k",7]],"[]"]"#
    );
}

#[test]
fn digits_stay_where_python_would_write_others() {
    let bench = Bench::new("def f(x): return x\ndef first(d): return d['a'][0]\ndef twice(x): return x * 2");
    for json in
        ["[1.10]", "[1E5]", "[-0]", "[1e999]", "[123456789012345678901234567890.5]", "[0.1,1e16,1.00]"]
    {
        let args = format!("[{json}]");
        assert_eq!(bench.call("f", &args).as_deref(), Ok(json));
    }
    let digits = "7".repeat(4000);
    assert_eq!(bench.call("f", &format!("[{digits}]")), Ok(digits));
    assert_eq!(bench.call("twice", "[1.10]").as_deref(), Ok("2.2"));
    let document = version(r#"{"a":[1.10,2]}"#);
    assert_eq!(bench.with("first", &document, &[]).unwrap().result.to_json(), "1.10");
    assert_eq!(bench.with("f", &document, &[]).unwrap().result.to_json(), r#"{"a":[1.10,2]}"#);
}

#[test]
fn what_json_cannot_say_is_named_with_its_place() {
    let bench = Bench::new(
        "import decimal\n\
         def a(): return {'a': [1, 2, 3, {4}]}\n\
         def b(): return b'x'\n\
         def c(): return {'x y': float('nan')}\n\
         def d(): return {None: 1}\n\
         def e(): return ['\\ud800']\n\
         def f(): return {(1, 2): 1}\n\
         def g(): return decimal.Decimal(1)\n\
         def h():\n  x = []; x.append(x); return x\n\
         def i(): return {1: 2, True: 3, 2.5: 4}\n\
         def j(): return (1, (2,))\n\
         def k():\n  x = []\n  for _ in range(100000): x = [x]\n  return x\n",
    );
    let result =
        bench.calls(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map(|name| (name, "[]")));
    let told: Vec<_> = result
        .into_iter()
        .map(|done| told(done.answer).map_or_else(|message| message, |returned| returned.result.to_json()))
        .collect();
    assert_eq!(
        told,
        [
            r#"result["a"][3] is a set, which JSON cannot say"#,
            "result is a bytes, which JSON cannot say",
            r#"result["x y"] is nan, which JSON cannot say"#,
            "result has a key that is None, which JSON cannot say",
            "result[0] holds half of a surrogate pair, which JSON cannot say",
            "result has a key that is a tuple, which JSON cannot say",
            "result is a decimal.Decimal, which JSON cannot say",
            "result[0] holds itself, which JSON cannot say",
            r#"{"1":3,"2.5":4}"#,
            "[1,[2]]",
            "result[0][0][0] is nested too deeply, which JSON cannot say",
        ]
    );
}

#[test]
fn an_exception_comes_with_the_functions_own_frames() {
    let bench = Bench::new("def f(d):\n    return g(d)\ndef g(d):\n    return d['missing']\n");
    let part = Argument::Part { version: version("{}"), path: Vec::new(), tracked: true };
    let done = bench.run(vec![calling(0, "f", vec![part])], 1).remove(0);
    let Answer::Raised(raised) = done.answer else { panic!("{:?}", done.answer) };
    assert_eq!((raised.kind.as_deref(), raised.message.as_str()), (Some("KeyError"), "'missing'"));
    let traceback = raised.traceback.unwrap();
    assert!(traceback.contains("in f\n") && traceback.contains("in g\n"), "{traceback}");
    let ours = ["dicts.py", "documents.py", "lists.py", "record.py", "worker.py"];
    assert!(!ours.iter().any(|file| traceback.contains(file)), "{traceback}");
}

#[test]
fn what_ends_a_call_badly_ends_no_other() {
    let bench = Bench::new(
        "import os, sys, ctypes\n\
         def ok(x): return x\n\
         def leave(): sys.exit(3)\n\
         def abandon(): os._exit(0)\n\
         def crash():\n  print('last words', file=sys.stderr, flush=True)\n  ctypes.string_at(0)\n\
         def recurse(): return recurse()\n\
         def missing(): import nonesuch\n",
    );
    let calls = [
        ("ok", "[1]"),
        ("leave", "[]"),
        ("ok", "[2]"),
        ("abandon", "[]"),
        ("ok", "[3]"),
        ("crash", "[]"),
        ("ok", "[4]"),
        ("recurse", "[]"),
        ("nonesuch", "[]"),
        ("missing", "[]"),
        ("ok", "[5]"),
    ];
    let mut done = bench.calls(&calls);
    assert_eq!(text(&done[5].stderr), "last words\n");
    let told: Vec<_> =
        done.drain(..).map(|done| told(done.answer).map(|returned| returned.result.to_json())).collect();
    let failed = |at: usize| told[at].as_ref().unwrap_err().clone();
    assert_eq!(failed(1), "SystemExit: sys.exit was called with 3");
    assert_eq!(failed(3), format!("{:?}", Ending::Exited(Exit::Code(0))));
    assert_eq!(failed(5), format!("{:?}", Ending::Exited(Exit::Signal(11))));
    assert!(failed(7).starts_with("RecursionError"), "{}", failed(7));
    assert!(failed(8).starts_with("there is no `nonesuch` in `f.py`"), "{}", failed(8));
    assert!(failed(9).contains("No module named 'nonesuch'"), "{}", failed(9));
    for (at, number) in [(0, 1), (2, 2), (4, 3), (6, 4), (10, 5)] {
        assert_eq!(told[at], Ok(number.to_string()));
    }
}

/// Opens a gate, a named pipe, for the call that has printed `ready`; writes down what it hears.
struct Gatekeeper {
    gate: PathBuf,
    heard: Arc<Mutex<Vec<(u64, Stream, String)>>>,
}

impl Logs for Gatekeeper {
    fn open(&self, stream: Stream) -> Box<dyn Log> {
        Held.open(stream)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn heard(&self, call: u64, stream: Stream, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if text.contains("ready") {
            std::fs::write(&self.gate, "go").unwrap();
        }
        self.heard.lock().unwrap().push((call, stream, text));
    }
}

#[test]
fn a_line_is_heard_while_the_call_goes_on() {
    let mut bench = Bench::new(
        "import os, sys\n\
         def quick(): print('quick')\n\
         def waits(): print('ready'); sys.stderr.write(open('gate').read()); print('done')\n",
    );
    let gate = bench.folder.path().join("gate");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, mode).unwrap();
    let heard = Arc::<Mutex<Vec<_>>>::default();
    bench.logs = Box::new(Gatekeeper { gate, heard: heard.clone() });
    let mut requests = vec![request(0, "quick", "[]"), request(1, "waits", "[]"), request(2, "quick", "[]")];
    requests.iter_mut().for_each(|request| request.timeout = Some(Duration::from_secs(30)));
    let done = bench.run(requests, 1);
    assert_eq!((text(&done[1].stdout), text(&done[1].stderr)), ("ready\ndone\n".into(), "go".into()));
    let heard = heard.lock().unwrap();
    let of = |call, stream| {
        let pieces = heard.iter().filter(|piece| (piece.0, piece.1) == (call, stream));
        pieces.map(|piece| piece.2.as_str()).collect::<String>()
    };
    assert_eq!([of(0, Stream::Stdout), of(2, Stream::Stdout)], ["quick\n", "quick\n"]);
    assert_eq!([of(1, Stream::Stdout), of(1, Stream::Stderr)], ["ready\ndone\n", "go"]);
}

#[test]
fn prints_land_with_the_call_that_made_them() {
    let bench = Bench::new(
        "import os, subprocess, sys\n\
         def quiet(n): return n\n\
         def loud(n):\n  print('out', n)\n  print('err', n, file=sys.stderr)\n  os.write(1, b'raw\\n')\n  \
           subprocess.run(['echo', 'sub', str(n)])\n\
         def flood(n):\n  print('x' * n)\n  os.write(2, b'e' * n)\n",
    );
    let mut requests: Vec<_> = (0..200).map(|id| request(id, "quiet", &format!("[{id}]"))).collect();
    for id in (0..200).step_by(7) {
        requests[id] = request(id, "loud", &format!("[{id}]"));
    }
    requests[100] = request(100, "flood", "[3000000]");
    for done in bench.run(requests, 1) {
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        match done.id {
            100 => assert_eq!((out.len(), err.len()), (3_000_001, 3_000_000)),
            id if id % 7 == 0 => {
                // what Python holds back comes after what was written past it
                let mut lines: Vec<_> = out.lines().collect();
                lines.sort_unstable();
                assert_eq!(lines, [format!("out {id}"), "raw".to_owned(), format!("sub {id}")]);
                assert_eq!(err, format!("err {id}\n"));
            }
            id => assert_eq!((out.as_str(), err.as_str()), ("", ""), "{id}"),
        }
    }
}

#[test]
fn a_time_limit_ends_one_call() {
    let bench = Bench::new("import time\ndef ok(): return 1\ndef hang():\n  while True: time.sleep(1)\n");
    let mut requests: Vec<_> = (0..20).map(|id| request(id, "ok", "[]")).collect();
    requests[10] = Request { timeout: Some(Duration::from_millis(100)), ..request(10, "hang", "[]") };
    for done in bench.run(requests, 1) {
        let expected =
            if done.id == 10 { Err(format!("{:?}", Ending::TimedOut)) } else { Ok(Value::from(1i128)) };
        assert_eq!(told(done.answer).map(|returned| returned.result), expected, "{}", done.id);
    }
}

#[test]
fn a_long_call_holds_up_none_that_another_worker_can_make() {
    let bench = Bench::new(
        "import os, time\n\
         def short(n):\n  open('done-%d' % n, 'x').close()\n  return n\n\
         def long():\n  while len([x for x in os.listdir('.') if x.startswith('done-')]) < 299: time.sleep(0.001)\n",
    );
    // it ends only once all others have; whatever was sent behind it must go to the other worker
    let mut requests: Vec<_> = (0..300).map(|id| request(id, "short", &format!("[{id}]"))).collect();
    requests[150] = request(150, "long", "[]");
    let done = bench.run(requests, 2);
    assert_eq!(done.len(), 300);
    assert!(done.iter().all(|done| matches!(done.answer, Answer::Returned(_))));
}

#[test]
fn the_end_of_the_run_ends_the_call_and_gives_the_others_back() {
    let bench = Bench::new("import os, time\ndef hang():\n  os.mkfifo('made')\n  time.sleep(600)\n");
    let made = bench.folder.path().join("made");
    let requests = (0..5).map(|id| request(id, "hang", "[]")).collect();
    let done = std::thread::scope(|scope| {
        let running = scope.spawn(|| bench.run(requests, 1));
        while !made.exists() {
            std::thread::yield_now();
        }
        bench.enders.end_all(super::super::End::Gently(15));
        running.join().unwrap()
    });
    assert_eq!(done.len(), 1);
    assert_eq!(told(done.into_iter().next().unwrap().answer), Err(format!("{:?}", Ending::Ended)));
}

#[test]
fn a_call_has_its_own_environment_and_folder() {
    let bench = Bench::new(
        "import os, subprocess\n\
         def f():\n  os.chdir('/')\n  return os.environ.get('DECO_CALL')\n\
         def sub(): return subprocess.check_output(['sh', '-c', 'echo $DECO_CALL']).decode().strip()\n\
         def where(): return os.path.exists('f.py')\n\
         def task(): return os.environ.get('DECO_TASK')\n",
    );
    let with = |id: usize, function: &str, value: &str| Request {
        variables: Arc::from([("DECO_TASK".into(), "t".into())]),
        env: vec![("DECO_CALL".into(), value.into())],
        ..request(id, function, "[]")
    };
    let requests = vec![
        with(0, "f", "a"),
        with(1, "sub", "b"),
        with(2, "f", "c"),
        request(3, "f", "[]"),
        request(4, "where", "[]"),
        with(5, "task", "d"),
        request(6, "task", "[]"),
    ];
    let told: Vec<_> =
        bench.run(requests, 1).into_iter().map(|done| told(done.answer).unwrap().result).collect();
    assert_eq!(told, ["a".into(), "b".into(), "c".into(), Value::Null, true.into(), "t".into(), Value::Null]);
}

#[test]
fn changes_come_back_as_they_are_and_each_call_sees_the_version() {
    let bench = Bench::new(
        "def change(d):\n  d['n'] += 1\n  d['a']['x'] = [1]\n  d['l'].append({'k': 1})\n  d.setdefault('new', {})['y'] = 2\n  \
           del d['gone']\n  d['s'].sort()\n\
         def put(d):\n  x = []\n  d['p'] = x\n  x.append(5)\n\
         def fail(d):\n  d['n'] = 7\n  raise ValueError('no')\n\
         def whole(d): return d\n",
    );
    let json = r#"{"n":1,"a":{},"l":[0],"gone":1,"s":[3,1,2]}"#;
    let document = version(json);
    let changed = bench.with("change", &document, &[]).unwrap();
    assert_eq!(
        written(&changed.changes),
        [
            "del d.gone",
            "d.n = 2",
            "d.new = {}",
            "d.a.x = [1]",
            r#"d.l[] = {"k":1}"#,
            "d.new.y = 2",
            "d.s = [1,2,3]"
        ]
    );
    assert_eq!(places(&changed.reads), ["d.n", "d.gone", "d.s"]);
    assert_eq!(written(&bench.with("put", &document, &[]).unwrap().changes), ["d.p = [5]"]);
    assert!(bench.with("fail", &document, &[]).unwrap_err().contains("no"));
    let whole = bench.with("whole", &document, &[]).unwrap();
    assert_eq!((whole.result.to_json(), places(&whole.reads)), (json.to_owned(), vec!["d".to_owned()]));
}

#[test]
fn a_part_is_changed_at_its_place() {
    let bench = Bench::new("def f(part):\n  part['k'] = part['n']\n");
    let document = version(r#"{"rows":[{"n":1},{"n":2}]}"#);
    let changed = bench.with("f", &document, &["rows", "1"]).unwrap();
    assert_eq!(written(&changed.changes), ["d.rows[1].k = 2"]);
    assert_eq!(places(&changed.reads), ["d.rows[1].n"]);
}

#[test]
fn a_change_that_cannot_be_recorded_fails_the_call_and_is_undone() {
    let bench = Bench::new(
        "def past(d): list.append(d['l'], 1)\n\
         def swap(d): list.__setitem__(d['l'], 0, 9)\n\
         def heap(d):\n  import heapq\n  heapq.heappush(d['l'], 0)\n\
         def look(d): return d['l']\n",
    );
    let document = version(r#"{"l":[1,2]}"#);
    let told = bench.with("swap", &document, &[]).unwrap_err();
    assert!(told.contains(r#"d["l"] was changed in a way that cannot be recorded"#), "{told}");
    assert_eq!(bench.with("look", &document, &[]).unwrap().result.to_json(), "[1,2]");
    // at the end of a list it is seen all the same
    assert_eq!(written(&bench.with("past", &document, &[]).unwrap().changes), ["d.l[] = 1"]);
    assert_eq!(written(&bench.with("heap", &document, &[]).unwrap().changes), ["d.l = [0,2,1]"]);
}

#[test]
fn a_document_goes_to_a_worker_once_and_is_dropped_when_nobody_holds_it() {
    let bench = Bench::new(
        "def f(d): return id(d)\ndef n(): import gc; return sum(type(o).__name__ == 'Version' for o in gc.get_objects())",
    );
    let document = version(r#"{"a":[1]}"#);
    let first = bench.with("f", &document, &[]).unwrap().result;
    assert_eq!(bench.with("f", &document, &[]).unwrap().result, first);
    assert_eq!(bench.call("n", "[]").as_deref(), Ok("1"));
    drop(document);
    assert_eq!(bench.call("n", "[]").as_deref(), Ok("0"));
}

#[test]
fn a_call_that_waits_for_its_document_stays_with_its_worker() {
    let bench = Bench::new("def f(d): return len(d)");
    let with = |id: usize, items: usize| {
        let version = version(&format!("[{}0]", "0,".repeat(items)));
        calling(id, "f", vec![Argument::Part { version, path: Vec::new(), tracked: false }])
    };
    // the worker is there and has answered before the large document comes
    let mut requests = vec![with(1, 1_000_000), with(0, 20)];
    let mut lengths = Vec::new();
    bench.workers.lead(&bench.kind, bench.around(), &mut |turn| {
        assert!(turn.back.is_empty());
        lengths.extend(turn.done.drain(..).map(|done| told(done.answer).unwrap().result.to_json()));
        turn.given.extend(requests.pop());
    });
    assert_eq!(lengths, ["21", "1000001"]);
}

#[test]
fn large_documents_and_results_pass() {
    let bench = Bench::new("def f(d, n): return [d['text'][:3]] + ['y' * 1000] * n");
    let document = version(&format!(r#"{{"text":"{}"}}"#, "x".repeat(5_000_000)));
    let part = |tracked| Argument::Part { version: document.clone(), path: Vec::new(), tracked };
    let requests =
        (0..4).map(|id| calling(id, "f", vec![part(id > 1), Argument::Value(Value::from(5000i128))]));
    for done in bench.run(requests.collect(), 2) {
        let result = told(done.answer).unwrap().result.to_json();
        assert_eq!((result.len(), &result[..9]), (5_015_007, r#"["xxx","y"#));
    }
}

#[test]
fn an_answer_that_is_too_long_fails_its_call_alone() {
    let bench = Bench::new("def f(n): return 'x' * n");
    let most = LONGEST_ANSWER - 1000;
    let told =
        bench.calls(&[("f", &format!("[{most}]")), ("f", &format!("[{LONGEST_ANSWER}]")), ("f", "[1]")]);
    let words: Vec<_> = told.into_iter().map(|done| self::told(done.answer)).collect();
    let [fits, too_long, after] = &words[..] else { panic!("{} answers", words.len()) };
    assert_eq!(fits.as_ref().unwrap().result.to_json().len(), most + 2);
    assert!(too_long.as_ref().unwrap_err().contains("longer than 64 MiB"), "{too_long:?}");
    assert_eq!(after.as_ref().unwrap().result, Value::from("x"));
    // one that never ends
    let printer =
        "import os, sys; fd = int(os.environ['DECO_WORKER_OUT'])\nwhile True: os.write(fd, b'x' * 65536)";
    let argv = ["python3", "-c", printer].iter().map(OsString::from).collect();
    assert!(
        Bench::of(TempDir::new().unwrap(), argv).call("f", "[]").unwrap_err().contains("longer than 64 MiB")
    );
}

#[test]
fn a_worker_that_cannot_start_or_does_not_speak_fails_the_call() {
    let bench = |argv: &[&str]| Bench::of(TempDir::new().unwrap(), argv.iter().map(OsString::from).collect());
    let told = |argv: &[&str]| bench(argv).call("f", "[]").unwrap_err();
    assert!(told(&["nonesuch-program"]).contains("CannotStart"));
    assert_eq!(told(&["sh", "-c", "exit 3"]), "it exited with code 3 before it sent its greeting");
    assert!(told(&["sh", "-c", "echo nonsense >&4; read x"]).contains("no JSON"));
}

#[test]
fn a_worker_may_speak_the_least_of_the_protocol() {
    let script = r#"read -r hello <&3; echo '{"protocol":1}' >&4
        while read -r line <&3; do
            echo printed; id=${line#*\"id\":}; id=${id%%,*}
            echo "{\"id\":$id,\"result\":$id}" >&4
        done"#;
    let bench = Bench::of(TempDir::new().unwrap(), ["sh", "-c", script].map(OsString::from).to_vec());
    let requests = (0..50).map(|id| Request { work: Work::Request(Value::Null), ..request(id, "", "[]") });
    for done in bench.run(requests.collect(), 2) {
        assert_eq!(text(&done.stdout), "printed\n");
        assert_eq!(told(done.answer).unwrap().result, Value::from(i128::from(done.id)));
    }
}

#[test]
fn the_example_in_node_works() {
    let on_path = |folder: PathBuf| folder.join("node").is_file();
    if !std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(on_path)) {
        return eprintln!("skipped: there is no node here");
    }
    let script = std::path::Path::new("examples/worker-node/worker.js").canonicalize().unwrap();
    let bench = Bench::of(TempDir::new().unwrap(), vec!["node".into(), script.into()]);
    let requests =
        [r#"{"do":"area","width":3,"height":4}"#, r#"{"do":"shout","text":"é"}"#, r#"{"do":"nothing"}"#];
    let requests = requests.into_iter().enumerate().map(|(id, json)| {
        let work = Work::Request(Value::parse(json.as_bytes()).unwrap());
        Request { work, ..request(id, "", "[]") }
    });
    let mut done = bench.run(requests.collect(), 1).into_iter();
    let mut next =
        || done.next().map(|done| (text(&done.stdout), told(done.answer).map(|end| end.result))).unwrap();
    assert_eq!(next(), (String::new(), Ok(Value::from(12i128))));
    assert_eq!(next(), ("shouting é\n".to_owned(), Ok(Value::from("É"))));
    assert_eq!(next().1, Err("Error: there is no handler `nothing`".to_owned()));
}

#[test]
fn workers_of_another_kind_make_room() {
    let first = Bench::new("def f(): return 1");
    let other = Arc::new(Kind { dir: PathBuf::from("/"), ..(*first.kind).clone() });
    let (mut kinds, mut made) = ([first.kind.clone(), other].into_iter().cycle(), 0);
    while made < 6 {
        let kind = kinds.next().unwrap();
        let function = format!("{}:f", first.folder.path().join("f.py").display());
        let work = Work::Call { function: function.into(), args: Vec::new(), named: Vec::new() };
        let mut requests = vec![Request { work, ..request(made, "", "[]") }];
        first.workers.lead(&kind, first.around(), &mut |turn| {
            made += turn.done.drain(..).filter(|done| matches!(done.answer, Answer::Returned(_))).count();
            turn.given.append(&mut requests);
        });
    }
}

#[test]
fn a_worker_that_takes_no_claims_is_told_of_and_holds_up_nothing() {
    let folder = TempDir::new().unwrap();
    let worker = r#"
import json, os
numbers = [int(os.environ["DECO_WORKER_" + name]) for name in ("IN", "OUT")]
incoming, outgoing = os.fdopen(numbers[0], "rb"), os.fdopen(numbers[1], "wb", buffering=0)
incoming.readline()
outgoing.write(b'{"protocol":1,"ahead":true}\n')
for line in incoming:
    for number in json.loads(line).get("ids", []):
        outgoing.write(b'{"id":%d,"took":5,"result":1}\n' % number)
"#;
    let file = folder.path().join("w.py");
    std::fs::write(&file, worker).unwrap();
    let bench = Bench::of(folder, vec!["python3".into(), file.into()]);
    // more than a pipe holds bytes
    let done = bench.run((0..70_000).map(|id| request(id, "f", "[]")).collect(), 1);
    let told_of = done.iter().filter(|done| {
        matches!(&done.answer, Answer::Broken(message) if message.contains("does not take the claims"))
    });
    assert_eq!(told_of.count(), 1);
}
