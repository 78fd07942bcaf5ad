//! `--resume`: what has ended does not run again, and the bytes are those of a run that nobody disturbed.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use deco::state::earlier::Earlier;
use rustix::process::Signal;

use crate::sandbox::Sandbox;

/// Each call notes that it ran.
const CHAIN: &str = r#"
    [tasks.a]
    for = { i = "range(3)" }
    run = 'echo "$DECO_CALL" >> ran; echo ${{ i }}; test -e ok || test ${{ i }} != 2'
    result = "json"
    [tasks.b]
    for = { i = "range(3)" }
    run = 'echo "$DECO_CALL" >> ran; echo $((${{ a[i] }} + 1))'
    result = "json"
    [tasks.sum]
    run = 'echo "$DECO_CALL" >> ran; cat'
    stdin = "${{ b }}"
    result = "json"
"#;

fn ran(sandbox: &Sandbox) -> Vec<String> {
    let mut ran: Vec<String> = sandbox.read("ran").lines().map(str::to_owned).collect();
    ran.sort_unstable();
    fs::remove_file(sandbox.path("ran")).unwrap();
    ran
}

fn journal(sandbox: &Sandbox) -> PathBuf {
    let runs = fs::read_dir(sandbox.path(".deco/deco.toml/runs")).unwrap();
    let mut runs: Vec<PathBuf> = runs.map(|run| run.unwrap().path().join("journal.jsonl")).collect();
    runs.sort();
    runs.pop().expect("a run")
}

#[test]
fn a_failed_run_goes_on_where_it_failed() {
    let sandbox = Sandbox::new().manifest(CHAIN);
    sandbox.run(["-k", "--select", "a"]).code(1);
    assert_eq!(ran(&sandbox), ["a[0]", "a[1]", "a[2]", "b[0]", "b[1]"]);
    let sandbox = sandbox.file("ok", "");
    let answer = r#"{"a":{"0":0,"1":1,"2":2},"b":{"0":1,"1":2,"2":3},"sum":{"0":1,"1":2,"2":3}}"#;
    let resumed = sandbox.run(["--resume", "--compact"]).code(0).stdout_is(&format!("{answer}\n"));
    resumed.stderr_has("deco: 7 succeeded in ").stderr_has(", 4 kept from the run before\n");
    assert_eq!(ran(&sandbox), ["a[2]", "b[2]", "sum"]);
}

#[test]
fn a_run_that_came_to_a_good_end_is_not_resumed() {
    let sandbox = Sandbox::new().file("ok", "").manifest(CHAIN);
    sandbox.run([]).code(0);
    assert_eq!(ran(&sandbox).len(), 7);
    sandbox.run(["--resume"]).code(0).stderr_has("there is no unfinished run to resume");
    assert_eq!(ran(&sandbox).len(), 7);
    let run = journal(&sandbox).parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    sandbox.run([&*format!("--resume={run}")]).code(0);
    assert!(!sandbox.exists("ran"));
    sandbox
        .run(["--resume=no-such-run"])
        .code(2)
        .stderr_has("there is no run `no-such-run`")
        .stderr_has(&run);
}

#[test]
fn after_an_edit_only_what_it_touches_runs_again() {
    let sandbox = Sandbox::new().manifest(CHAIN);
    sandbox.run(["-k"]).code(1);
    ran(&sandbox);
    let sandbox = sandbox.file("ok", "");
    // a time limit is no part of what a call depends on, the text of `b` is
    let edited = CHAIN
        .replace("+ 1))'", "+ 2))'\n    timeout = '1h'")
        .replace("[tasks.a]", "[tasks.a]\n    retries = 1");
    let sandbox = sandbox.manifest(&edited);
    sandbox
        .run(["--resume", "--compact", "--select", "sum"])
        .code(0)
        .stdout_is("{\"sum\":{\"0\":2,\"1\":3,\"2\":4}}\n");
    assert_eq!(ran(&sandbox), ["a[2]", "b[0]", "b[1]", "b[2]", "sum"]);
}

#[test]
fn a_function_whose_file_was_edited_runs_again() {
    let file = |name: &str, added: u32| {
        format!(
            "def {name}(n):\n    with open('ran', 'a') as ran: ran.write('{name}[%d]\\n' % n)\n    return n + {added}\n"
        )
    };
    let sandbox = Sandbox::new().file("f.py", file("f", 1)).file("g.py", file("g", 0)).manifest(
        "[tasks.f]\nfor = { n = 'range(2)' }\ncall = 'f.py:f(n)'\n\
         [tasks.g]\ncall = 'g.py:g(7)'\n\
         [tasks.sum]\nrun = 'test -e ok; echo ${{ f[0] + f[1] + g }}'\nresult = 'json'",
    );
    sandbox.run([]).code(1);
    assert_eq!(ran(&sandbox), ["f[0]", "f[1]", "g[7]"]);
    sandbox.run(["--resume"]).code(1);
    assert!(!sandbox.exists("ran"));
    let sandbox = sandbox.file("f.py", file("f", 10)).file("ok", "");
    sandbox
        .run(["--resume", "--compact"])
        .code(0)
        .stdout_is("{\"f\":{\"0\":10,\"1\":11},\"g\":7,\"sum\":28}\n");
    assert_eq!(ran(&sandbox), ["f[0]", "f[1]"]);
}

#[test]
fn what_a_call_reads_counts_and_what_it_inherits_does_not() {
    let manifest = |factor: u32| {
        format!(
            "[data]\nfactor = {factor}\n[tasks.a]\nrun = 'echo a >> ran; echo 2'\nresult = 'json'\n\
             fills = {{ a = 'result * factor' }}\n[tasks.b]\nrun = 'echo b >> ran'\nenv = {{ F = '${{{{ factor }}}}' }}\n\
             [tasks.fails]\nafter = ['a', 'b']\nrun = 'test -e ok'"
        )
    };
    let sandbox = Sandbox::new().manifest(&manifest(2));
    sandbox.run([]).code(1);
    assert_eq!(ran(&sandbox), ["a", "b"]);
    sandbox.deco(["run", "--resume"]).env("OTHER", "1").run().code(1);
    assert!(!sandbox.exists("ran"));
    let sandbox = sandbox.manifest(&manifest(3)).file("ok", "");
    sandbox.run(["--resume", "--compact"]).code(0).stdout_is("{\"a\":6,\"b\":\"\",\"fails\":\"\"}\n");
    assert_eq!(ran(&sandbox), ["a", "b"]);
}

#[test]
fn finalizers_and_tasks_that_say_so_run_in_every_run() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.setup]
        resume = false
        run = "echo setup >> ran"
        [tasks.work]
        after = ["setup"]
        run = "echo work >> ran"
        [tasks.fails]
        after = ["work"]
        run = "echo fails >> ran; test -e ok"
        [tasks.tidy]
        when = "always"
        run = "echo tidy >> ran"
        "#,
    );
    sandbox.run([]).code(1);
    assert_eq!(ran(&sandbox), ["fails", "setup", "tidy", "work"]);
    let sandbox = sandbox.file("ok", "");
    sandbox.run(["--resume"]).code(0);
    assert_eq!(ran(&sandbox), ["fails", "setup", "tidy"]);
}

#[test]
fn a_part_that_was_chosen_does_not_finish_the_run() {
    let sandbox = Sandbox::new().manifest(CHAIN);
    sandbox.run([]).code(1);
    ran(&sandbox);
    let sandbox = sandbox.file("ok", "");
    sandbox.run(["--resume", "-t", "a"]).code(0);
    ran(&sandbox);
    sandbox.run(["--resume"]).code(0);
    let again = ran(&sandbox);
    assert!(!again.iter().any(|call| call.starts_with('a')), "{again:?}");
}

#[test]
fn files_that_templates_make_count_by_what_they_hold() {
    let manifest = |text: &str| {
        format!(
            "[data]\nlong = '{text}'\n[tasks.a]\nrun = 'echo a >> ran; cat ${{{{ long | file }}}}'\n\
             [tasks.fails]\nafter = ['a']\nrun = 'false'"
        )
    };
    let sandbox = Sandbox::new().manifest(&manifest("one"));
    sandbox.run([]).code(1);
    sandbox.run(["--resume"]).code(1);
    assert_eq!(ran(&sandbox), ["a"]);
    let sandbox = sandbox.manifest(&manifest("two"));
    sandbox.run(["--resume"]).code(1);
    assert_eq!(ran(&sandbox), ["a"]);
}

/// Pipelines, a join, appends, a fan-out that is found in the run, and a failure that is forgiven.
const RICH: &str = r#"
    [tasks.a]
    for = { i = "range(6)" }
    run = 'echo ${{ i }}'
    result = "json"
    [tasks.b]
    for = { i = "range(6)" }
    run = 'echo $((${{ a[i] }} * 2))'
    result = "json"
    fills = "log[]"
    [tasks.list]
    run = 'cat'
    stdin = "${{ log }}"
    result = "json"
    [tasks.each]
    for = { x = "list" }
    run = 'test ${{ x }} -ne 4; echo ${{ x }}'
    default = "none"
    allow-failure = true
    [tasks.steps]
    for = { n = "range(5)" }
    run = 'echo $((${{ steps[n - 1] | default(1) }} * 3))'
    result = "json"
"#;

/// The calls whose end the events tell of.
fn told(events: &str) -> HashSet<String> {
    let ends = events.lines().filter(|line| line.contains(r#""event":"call-ended""#));
    let name = |line: &str| line.split(r#""call":""#).nth(1)?.split('"').next().map(str::to_owned);
    ends.filter_map(name).collect()
}

#[test]
fn killed_at_any_moment_it_goes_on_and_gives_the_same_bytes() {
    let expected = Sandbox::new().manifest(RICH).run(["-j2"]).code(0).stdout;
    let mut kills = 0;
    for round in 0.. {
        if kills >= 100 {
            break;
        }
        let sandbox = Sandbox::new().manifest(RICH).file("events", "");
        let mut ended = HashSet::new();
        for life in 0.. {
            let mut running = sandbox.deco(["run", "--resume", "-j2", "--events", "events", "-q"]).spawn();
            let wanted = (round + life * 7) % 5;
            let is_killed = running.kill_once(|| {
                fs::read_to_string(sandbox.path("events")).is_ok_and(|events| told(&events).len() >= wanted)
            });
            let events = sandbox.read("events");
            for call in &ended {
                let began = format!(r#""event":"attempt-started","call":"{call}""#);
                assert!(!events.contains(&began), "{call} had ended and ran again");
            }
            if !is_killed {
                assert_eq!(running.end().code(0).stdout, expected);
                break;
            }
            kills += 1;
            drop(running.end().died_of(Signal::KILL.as_raw()));
            ended.extend(told(&events));
            fs::write(sandbox.path("events"), "").unwrap();
        }
        let written = fs::read_to_string(journal(&sandbox)).unwrap();
        assert!(ended.iter().all(|call| runs_once(&written, call)), "{ended:?}\n{written}");
    }
}

/// Whether the call, once it has ended, never begins again.
fn runs_once(journal: &str, call: &str) -> bool {
    let of = |event: &str| format!(r#""event":"{event}","call":"{call}""#);
    let mut lines = journal.lines().skip_while(|line| !line.contains(&of("call-ended")));
    lines.next().is_some() && !lines.any(|line| line.contains(&of("attempt-started")))
}

#[test]
fn a_journal_cut_within_its_last_records_gives_the_same_bytes() {
    let sandbox = Sandbox::new().manifest("[tasks.a]\nfor = { i = 'range(2)' }\nrun = 'echo ${{ i }}'");
    let expected = sandbox.run(["-j1"]).code(0).stdout;
    let journal = journal(&sandbox);
    let whole = fs::read(&journal).unwrap();
    let starts: Vec<usize> = (1..whole.len()).filter(|&at| whole[at - 1] == b'\n').collect();
    for cut in starts[starts.len() - 3]..whole.len() {
        fs::write(&journal, &whole[..cut]).unwrap();
        // the last record that is whole counts, and the run goes on behind it
        let last = starts.iter().rev().find(|&&start| start <= cut).unwrap();
        assert_eq!(Earlier::read(&journal).unwrap().journal_end, *last as u64, "cut at {cut}");
        // the whole way at each border, and at some places between
        if starts.iter().any(|start| start.abs_diff(cut) <= 1) || cut % 13 == 0 {
            assert_eq!(sandbox.run(["--resume", "-j1"]).code(0).stdout, expected, "cut at {cut}");
        }
    }
}

#[test]
fn a_journal_that_is_broken_in_its_middle_is_refused() {
    let sandbox = Sandbox::new().manifest("[tasks.a]\nrun = 'exit 1'");
    sandbox.run([]).code(1);
    let journal = journal(&sandbox);
    let text = fs::read_to_string(&journal).unwrap().replacen("attempt-started", "attempt\u{0}", 1);
    fs::write(&journal, &text).unwrap();
    sandbox.run(["--resume"]).code(3).stdout_is("").stderr_has("is broken in line 3");
    assert_eq!(fs::read_to_string(&journal).unwrap(), text);
}

#[test]
fn the_command_that_runs_a_call_again_has_all_that_this_one_had() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [settings]
        secrets = ["TOKEN"]
        [data]
        d = { wrong = true, token = "" }
        [tasks.t]
        run = "test ${{ d.wrong }} = false"
        "#,
    );
    let args =
        ["run", "--set", "d.wrong=true", "--set-text", "d.token=it's hunter2hunter2", "--state-dir", "kept"];
    sandbox.deco(args).env("TOKEN", "hunter2hunter2").run().code(1).stderr_has(
        "to run it again: deco run --set d.wrong=true --set-text 'd.token=it'\\''s ***' --state-dir kept --resume -t t\n",
    );
}

#[test]
fn a_file_that_only_what_is_filled_asks_for_counts_as_well() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.t]
        for = { f = "glob('*.json')" }
        run = 'echo "$DECO_CALL" >> ran'
        fills = { "out[f]" = "json(f).n", "all[f]" = "lines('names')[0]" }
        [tasks.bad]
        after = ["t"]
        run = "test -e ok"
        "#,
    );
    let sandbox = sandbox.file("a.json", r#"{"n":1}"#).file("b.json", r#"{"n":2}"#).file("names", "x\n");
    sandbox.run(["-j1"]).code(1);
    assert_eq!(ran(&sandbox), ["t[a.json]", "t[b.json]"]);
    let sandbox = sandbox.file("b.json", r#"{"n":3}"#);
    sandbox.run(["-j1", "--resume"]).code(1);
    assert_eq!(ran(&sandbox), ["t[b.json]"]);
    let sandbox = sandbox.file("names", "y\n").file("ok", "");
    let answer = r#"{"out":{"a.json":1,"b.json":3},"all":{"a.json":"y","b.json":"y"}}"#;
    sandbox.run(["-j1", "--resume", "--select", "out", "--select", "all"]).code(0).answer_is(answer);
    assert_eq!(ran(&sandbox), ["t[a.json]", "t[b.json]"]);
}

#[test]
fn the_command_that_runs_a_call_again_can_be_given_as_it_is() {
    let sandbox = Sandbox::new().file("-m.toml", "[data]\nd = 1\n[tasks.t]\nrun = 'test ${{ d }} = 1'");
    let long = format!("d=\"{}\"", "x".repeat(1000));
    let failed = sandbox.deco(["run", "--set", &long, "./-m.toml"]).run().code(1);
    assert!(
        failed.stderr.contains("xx…'  ./-m.toml --resume -t t".replace("  ", " ").as_str()),
        "{}",
        failed.stderr
    );
    assert!(failed.stderr.len() < 2000, "{}", failed.stderr);
}
