//! What calls print: bounded in memory, whole in logs, without secrets; a terminal that they cannot have.

use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

/// Where the logs of the only run stand.
#[track_caller]
fn logs(sandbox: &Sandbox) -> PathBuf {
    let mut runs = std::fs::read_dir(sandbox.path(".deco/deco.toml/runs")).unwrap();
    let run = runs.next().unwrap().unwrap().path();
    assert!(runs.next().is_none());
    run.join("logs")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_flood_takes_no_memory() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.flood]
        run = "head -c 300000000 /dev/zero >&2; head -c 100000000 /dev/zero"
        fills = false
        [tasks.peak]
        run = "sed -n 's/^VmHWM:[[:space:]]*\\([0-9]*\\) kB/\\1/p' /proc/$PPID/status"
        result = "json"
        after = ["flood"]
        "#,
    );
    let output = sandbox.run(["--compact"]).code(0);
    let peak: u64 = output.stdout["{\"peak\":".len()..].trim_end_matches("}\n").parse().unwrap();
    assert!(peak < 80 * 1024, "{peak} KiB");
    let size = |name: &str| std::fs::metadata(logs(&sandbox).join(name)).unwrap().len();
    let sizes: Vec<u64> = names(&logs(&sandbox)).iter().map(|name| size(name)).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 400_000_000, "{sizes:?}");
}

#[test]
fn a_failure_says_where_all_of_a_long_output_is() {
    let sandbox = Sandbox::new().manifest(
        "[tasks.t]\nrun = 'i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i >&2; done; exit 1'",
    );
    let output = sandbox.run([]).code(1).stderr_has("    line 5\n    …\n    line 81\n");
    let place =
        output.stderr.lines().find_map(|line| line.strip_prefix("  all of standard error: ")).unwrap();
    assert!(place.starts_with(".deco/deco.toml/runs/"), "{place}");
    let all: String = (1..=100).map(|n| format!("line {n}\n")).collect();
    assert_eq!(sandbox.read(place), all);
}

#[test]
fn only_what_the_events_do_not_show_has_a_log() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.short]
        run = "seq 64 >&2"
        [tasks.taken]
        run = "seq 1000"
        [tasks.ignored]
        run = "seq 65"
        result = "none"
        [tasks.broken]
        run = "seq 1000; exit 1"
        allow-failure = true
        "#,
    );
    sandbox.run(["-j1", "--events", "events"]).code(0);
    assert_eq!(names(&logs(&sandbox)), ["1.stdout", "2.stdout"]);
    let events = sandbox.read("events");
    assert_eq!(events.matches("\"stdout_log\":\"logs/").count(), 2, "{events}");
    assert!(!events.contains("stderr_log"), "{events}");
}

#[test]
fn every_attempt_names_its_logs() {
    let sandbox = Sandbox::new().manifest(
        "[tasks.t]\nrun = 'seq 1 100 >&2; seq 101 200; exit 1'\nretries = 1\nretry-delay = '1ms'\nfills = false\n",
    );
    sandbox.run(["-v", "--events", "events"]).code(1).stderr_has("1.stdout\n").stderr_has("4.stderr\n");
    let events = sandbox.read("events");
    let event = |kind: &str| events.lines().find(|line| line.contains(kind)).unwrap();
    for (kind, logs) in [("attempt-failed", [1, 2]), ("call-ended", [3, 4])] {
        for (output, number) in ["stdout", "stderr"].into_iter().zip(logs) {
            let named = format!(r#""{output}_log":"logs/{number}.{output}""#);
            assert!(event(kind).contains(&named), "{named} in\n{events}");
        }
    }
    assert!(event("call-ended").contains(r#""stderr_head":"1\n2\n3\n"#), "{events}");
}

#[test]
fn no_secret_reaches_a_log() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [settings]
        secrets = ["TOKEN"]
        [tasks.long]
        run = "i=0; while [ $i -lt 9000 ]; do i=$((i+1)); echo $i $TOKEN >&2; done"
        "#,
    );
    sandbox.deco(["run"]).env("TOKEN", "s3cret-value").run().code(0);
    let all = std::fs::read_to_string(logs(&sandbox).join("1.stderr")).unwrap();
    assert!(!all.contains("s3cret"), "{}", &all[..200]);
    assert!(all.starts_with("1 ***\n2 ***\n") && all.ends_with("9000 ***\n"), "{}", &all[..200]);
}

#[test]
fn a_result_that_is_too_long_is_the_calls_failure() {
    for task in [
        "run = 'head -c 70000000 /dev/zero; exec sleep 1000'",
        "run = 'head -c 70000000 /dev/zero > \"$DECO_RESULT\"'\nresult = { format = 'text', from = 'file' }",
    ] {
        let sandbox = Sandbox::new().manifest(&format!("[tasks.t]\n{task}"));
        sandbox
            .run([])
            .code(1)
            .stdout_is("")
            .stderr_has("is longer than 64 MiB, the most that a result may be");
    }
}

/// Two bytes of text may take a hundred of memory.
#[test]
fn a_result_of_too_many_values_is_the_calls_failure() {
    for (print, result) in
        [("yes , | head -n 4500000 | tr -d '\\n'", "json"), ("yes '' | head -n 4500000", "lines")]
    {
        let manifest = format!("[tasks.t]\nrun = \"{print}\"\nresult = '{result}'\n");
        let failed = Sandbox::new().manifest(&manifest).run([]).code(1).stdout_is("");
        failed.stderr_has(
            "t failed: its standard output holds 4500000 values, and a result may have 4000000; let",
        );
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_the_run_but_not_the_call() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [tasks.t]
        run = ": > .deco/deco.toml/runs/$DECO_RUN_ID/logs; head -c 300000 /dev/zero >&2; : > done"
        [tasks.next]
        run = ": > next"
        after = ["t"]
        "#,
    );
    sandbox.run([]).code(3).stdout_is("").stderr_has("failed to make the log `");
    assert!(sandbox.exists("done") && !sandbox.exists("next"));
}

#[test]
fn what_holds_the_output_after_the_call_is_told_once() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nfor = { k = [1, 2] }\nrun = 'sleep 1000 & echo ok'\n");
    let output = sandbox.run(["--events", "events"]).code(0).answer_is(r#"{"t":{"1":"ok","2":"ok"}}"#);
    assert_eq!(output.stderr.matches("left something behind").count(), 1, "{}", output.stderr);
    assert_eq!(sandbox.read("events").matches("\"leaked\":true").count(), 2);
}

/// Runs the command on a terminal of its own and prints what it printed there; ends as it does.
const ON_A_TERMINAL: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b""
try:
    while part := os.read(terminal, 4096):
        said += part
except OSError:
    pass
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn a_call_that_wants_the_terminal_fails_with_words() {
    for (run, signal) in [("read word < /dev/tty", "SIGTTIN"), ("stty -echo < /dev/tty", "SIGTTOU")] {
        let sandbox = Sandbox::new()
            .file("terminal.py", ON_A_TERMINAL)
            .manifest(&format!("[tasks.t]\nrun = '{run}'\n"));
        let output = std::process::Command::new("python3")
            .args([
                "terminal.py",
                env!("CARGO_BIN_EXE_deco"),
                "run",
                "--progress",
                "plain",
                "--color",
                "never",
            ])
            .current_dir(sandbox.path(""))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("t failed: was stopped by {signal}: it wanted to use the terminal")),
            "{said}"
        );
    }
}

#[test]
fn json_that_is_too_deep_and_bytes_that_are_no_text_are_failures_in_words() {
    for (task, words) in [
        ("run = 'head -c 1000000 /dev/zero | tr \"\\\\0\" [' \nresult = 'json'", "nesting deeper than 127"),
        ("run = 'printf \"a\\\\nb\\\\377\"'\nresult = 'lines'", "line 2 is not UTF-8"),
        ("run = ['echo', '${{ nul }}']", "an argument holds a NUL byte"),
        ("run = 'echo ${{ nul }}'", "the value holds a NUL character, which no argument can carry"),
        ("run = 'echo two'\nresult = 'json'", "`result = \"text\"` takes it as it is"),
        ("run = 'true'\nenv = { X = '${{ nul }}' }", "the variable `X` holds a NUL byte"),
        ("run = 'true'\ndir = '${{ nul }}'", "NUL"),
        ("run = ['${{ nul }}']", "an argument holds a NUL byte"),
    ] {
        let manifest = format!("[data]\nnul = \"a\\u0000b\"\n[tasks.t]\n{task}");
        let sandbox = Sandbox::new().manifest(&manifest);
        sandbox.run([]).code(1).stdout_is("").stderr_has("t failed: ").stderr_has(words);
    }
    // a NUL in a result or on standard input is a character as any other
    let fine = Sandbox::new()
        .manifest("[tasks.a]\nrun = 'printf \"x\\\\000y\"'\n[tasks.b]\nrun = 'cat'\nstdin = '${{ a }}'");
    fine.run([]).code(0).answer_is(r#"{"a":"x\u0000y","b":"x\u0000y"}"#);
}
