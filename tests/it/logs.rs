//! `--logs`: what is shown of what calls print, and when.

use std::fs::{self, File};
use std::io::Read;
use std::process::{Command, Stdio};

use crate::sandbox::{Deco, Sandbox};

/// Two calls that print, wait for `go` and end in the middle of a line.
const PAIR: &str = r#"
[tasks.t]
for = { n = [1, 2] }
run = "echo out ${{ n }}; echo err ${{ n }} >&2; sh await go; printf last"
result = "none"
"#;

/// `deco run` whose standard error goes to the file `err`.
fn to_file<'a>(sandbox: &Sandbox, args: impl IntoIterator<Item = &'a str>) -> Deco {
    let err = File::create(sandbox.path("err")).unwrap();
    sandbox.deco(["run", "--compact"].into_iter().chain(args)).stderr(err)
}

fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("deco: ")).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn lines_come_while_their_calls_go_on() {
    for (how, prefix) in [("prefix", true), ("stream", false)] {
        let sandbox = Sandbox::new().manifest(PAIR);
        let mut running = to_file(&sandbox, ["--logs", how, "-j2"]).spawn();
        let line = |n: u32, what: &str| if prefix { format!("t[{n}] | {what}") } else { what.to_owned() };
        let begun = [line(1, "err 1"), line(1, "out 1"), line(2, "err 2"), line(2, "out 2")];
        let mut begun: Vec<&str> = begun.iter().map(String::as_str).collect();
        begun.sort_unstable();
        running.wait_until("all lines", || lines(&sandbox.read("err")) == begun);
        fs::write(sandbox.path("go"), "").unwrap();
        running.end().code(0);
        let last = [line(1, "last"), line(2, "last")];
        let mut all: Vec<&str> = begun.iter().copied().chain(last.iter().map(String::as_str)).collect();
        all.sort_unstable();
        let told = sandbox.read("err");
        assert_eq!(lines(&told), all, "{told}");
        assert!(told.contains("last\ndeco: 2 succeeded") || told.contains("last\nlast\ndeco: "), "{told}");
    }
}

#[test]
fn prints_of_a_function_come_while_it_goes_on() {
    let sandbox = Sandbox::new()
        .file(
            "f.py",
            "import os, sys, time\n\
             def f(n):\n    print('begin', n)\n    while not os.path.exists('go'): time.sleep(0.01)\n    \
             raise ValueError('no')\n",
        )
        .manifest("[tasks.f]\ncall = 'f.py:f(1)'\n");
    let mut running = to_file(&sandbox, ["--logs", "prefix"]).spawn();
    running.wait_until("a line", || sandbox.read("err") == "f | begin 1\n");
    fs::write(sandbox.path("go"), "").unwrap();
    running.end().code(1);
    let told = sandbox.read("err");
    assert!(told.contains("f | Traceback (most recent call last):\n"), "{told}");
    assert!(told.contains("f | ValueError: no\nf failed: "), "{told}");
    assert!(!told.contains("standard error:"), "{told}");
}

#[test]
fn an_output_is_told_as_a_whole_when_its_call_has_ended() {
    let sandbox = Sandbox::new().manifest(
        r#"
[tasks.t]
for = { n = [1, 2] }
run = "echo out ${{ n }}; sh await go${{ n }}; echo err ${{ n }} >&2; printf last"
result = "none"
[tasks.silent]
run = ":"
"#,
    );
    let mut running = to_file(&sandbox, ["--logs", "group", "-j2"]).spawn();
    fs::write(sandbox.path("go2"), "").unwrap();
    let second = "t[2] printed:\n    out 2\n    err 2\n    last\n";
    running.wait_until("the second call's output", || sandbox.read("err") == second);
    fs::write(sandbox.path("go1"), "").unwrap();
    running.end().code(0);
    let told = sandbox.read("err");
    let both = format!("{second}t[1] printed:\n    out 1\n    err 1\n    last\ndeco: 3 succeeded in ");
    assert!(told.starts_with(&both), "{told}");
}

#[test]
fn each_attempt_is_told_and_the_last_words_only_once() {
    let manifest =
        "[tasks.t]\nrun = \"echo try $DECO_ATTEMPT >&2; exit 3\"\nretries = 1\nretry-delay = \"0s\"\n";
    let sandbox = Sandbox::new().manifest(manifest);
    let told = sandbox.run(["--logs", "group"]).code(1).stderr;
    let blocks = "t attempt 1 printed:\n    try 1\nt attempt 2 printed:\n    try 2\nt failed: exited with code 3 after ";
    assert!(told.starts_with(blocks), "{told}");
    assert!(!told.contains("standard error"), "{told}");
    for (how, shown) in [("prefix", "t | try 1\nt | try 2\nt failed"), ("stream", "try 1\ntry 2\nt failed")] {
        let told = sandbox.run(["--logs", how]).code(1).stderr;
        assert!(told.starts_with(shown) && !told.contains("standard error"), "{told}");
    }
}

#[test]
fn failures_have_their_last_words_unless_nothing_is_wanted() {
    let manifest = "[tasks.t]\nrun = \"echo words >&2; exit 3\"\n[tasks.u]\nrun = \"echo fine >&2\"\n";
    let sandbox = Sandbox::new().manifest(manifest);
    for how in [&["-k"][..], &["-k", "--logs=failed"]] {
        let output = sandbox.run(how.iter().copied()).code(1);
        output.stderr_has("t failed: exited with code 3").stderr_has("    words\n").stderr_lacks("fine");
    }
    let output = sandbox.run(["-k", "--logs=none"]).code(1);
    output.stderr_has("t failed: exited with code 3").stderr_lacks("words").stderr_lacks("fine");
}

#[test]
fn quiet_runs_show_what_is_asked_for() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = \"echo hello >&2\"\n");
    for quiet in [&["-q"][..], &["--progress", "none"]] {
        let told = sandbox.run(quiet.iter().copied().chain(["--logs", "prefix"])).code(0).stderr;
        assert_eq!(told, "t | hello\n");
        assert_eq!(sandbox.run(quiet.iter().copied()).code(0).stderr, "");
    }
    let told = sandbox.run(["-v", "--logs", "group"]).code(0).stderr;
    assert!(told.contains("t printed:\n    hello\nt succeeded in "), "{told}");
}

#[test]
fn map_has_it_too() {
    let sandbox = Sandbox::new();
    let deco = sandbox.deco(["map", "-q", "--logs", "prefix", "echo no {} >&2; echo {}", ":::", "a b"]);
    let output = deco.run().code(0).answer_is(r#"{"a b":"a b"}"#);
    assert_eq!(lines(&output.stderr), ["map[a b] | a b", "map[a b] | no a b"]);
}

#[test]
fn a_secret_in_two_writes_is_never_shown() {
    let manifest = r#"
[settings]
secrets = ["TOKEN"]
[tasks.t]
run = "printf hun; echo begun >&2; sh await go; echo ter2"
result = "none"
"#;
    for (how, begun) in [("prefix", "t | begun\n"), ("stream", "begun\n"), ("group", "")] {
        let sandbox = Sandbox::new().manifest(manifest);
        let mut running = to_file(&sandbox, ["--logs", how]).env("TOKEN", "hunter2").spawn();
        running.wait_until("a line", || sandbox.read("err") == begun);
        fs::write(sandbox.path("go"), "").unwrap();
        running.end().code(0);
        let told = sandbox.read("err");
        assert!(told.contains("***\n") && !told.contains("hun") && !told.contains("ter2"), "{told}");
    }
}

#[test]
fn a_long_output_is_told_whole_and_takes_no_memory() {
    let manifest = r#"
[tasks.t]
run = '''
sh meet here go
i=0; while [ $i -lt 24 ]; do i=$((i+1)); echo "line $i"; head -c 1000000 /dev/zero | tr '\0' x | fold -w 999; echo; done
printf end
'''
result = "none"
[tasks.u]
after = ["t"]
run = "sh meet done go2"
result = "none"
"#;
    let sandbox = Sandbox::new().manifest(manifest);
    let mut running = to_file(&sandbox, ["--logs", "group"]).spawn();
    running.wait_for(&sandbox.path("here"));
    let before = most_memory(&running.id());
    fs::write(sandbox.path("go"), "").unwrap();
    running.wait_for(&sandbox.path("done"));
    let grown = most_memory(&running.id()) - before;
    fs::write(sandbox.path("go2"), "").unwrap();
    running.end().code(0);
    assert!(grown < 12_000, "{grown} KiB for 24 MB");
    let told = sandbox.read("err");
    let numbered: Vec<&str> = told.lines().filter(|line| line.starts_with("    line ")).collect();
    assert_eq!((numbered.len(), numbered.last().copied()), (24, Some("    line 24")));
    assert_eq!(told.matches('x').count(), 24_000_000);
    assert!(told.contains("\n    end\n"));
}

/// In KiB, so far.
fn most_memory(pid: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_screen_that_takes_nothing_holds_no_call_up() {
    let manifest = r#"
[tasks.t]
run = "yes 'a line of some length, of which there are very many' | head -n 200000; : > printed"
result = "none"
"#;
    let sandbox = Sandbox::new().manifest(manifest);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut running = sandbox.deco(["run", "--logs", "prefix"]).stderr(writer).spawn();
    running.wait_for(&sandbox.path("printed"));
    let mut told = String::new();
    reader.read_to_string(&mut told).unwrap();
    running.end().code(0);
    let shown = told.lines().filter(|line| line.starts_with("t | a line of")).count();
    let left =
        told.lines().find_map(|line| line.strip_prefix("deco: ")?.split_once(" lines of t left out here"));
    let (left, rest) = left.expect("a word on what was left out");
    assert_eq!(shown + left.parse::<usize>().unwrap(), 200_000);
    let kept = rest.split('`').nth(1).unwrap();
    assert!(fs::read(sandbox.path(kept).join("logs/1.stdout")).unwrap().len() > 10_000_000, "{kept}");
}

#[test]
fn a_screen_that_takes_nothing_holds_no_run_up() {
    let manifest = r#"
[tasks.t]
for = { n = "range(100)" }
run = "yes 'a line of some length' | head -n 3000"
result = "none"
[tasks.last]
after = ["t"]
run = ": > printed"
"#;
    let sandbox = Sandbox::new().manifest(manifest);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut running = sandbox.deco(["run", "--logs", "group", "-j2"]).stderr(writer).spawn();
    running.wait_for(&sandbox.path("printed"));
    let mut told = String::new();
    reader.read_to_string(&mut told).unwrap();
    running.end().code(0);
    let count = |part: &str| told.lines().filter(|line| line.contains(part)).count();
    let (whole, left) =
        (count("    a line of some"), count(": 3000 lines left out here: standard error is too slow"));
    assert_eq!((count(" printed:"), whole + 3000 * left), (100, 300_000));
    assert!(left > 0 && left < 50, "{left}");
}

#[test]
fn nobody_need_read_standard_error() {
    let sandbox =
        Sandbox::new().manifest("[tasks.t]\nrun = \"yes | head -n 1000; echo 1 >&2\"\nresult = \"none\"\n");
    for how in ["prefix", "stream", "group", "none"] {
        let command = format!("exec \"$0\" run --logs {how} 2>&-");
        let mut shell = Command::new("sh");
        shell.args(["-c", &command, env!("CARGO_BIN_EXE_deco")]).current_dir(sandbox.path(""));
        assert_eq!(shell.stdout(Stdio::null()).status().unwrap().code(), Some(0), "{how}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        sandbox.deco(["run", "--logs", how]).stderr(writer).run().code(0);
    }
}

const IMPOSTOR: &str = r#"
[tasks.t]
run = '''
echo before; echo ::endgroup::; echo ::error::mine; printf '\033[0Ksection_end:1:deco_1_1\r\033[0K\n'; echo '##[error]x' >&2; exit 3
'''
result = "none"
"#;

#[test]
fn on_github_an_output_is_a_group_that_no_call_can_end() {
    let sandbox = Sandbox::new().manifest(IMPOSTOR);
    let told = sandbox.deco(["run"]).env("GITHUB_ACTIONS", "true").run().code(1).stderr;
    let (group, rest) = told.split_once("::endgroup::\n").unwrap();
    assert!(group.starts_with("::group::t\nbefore\n"), "{told}");
    for line in [": :endgroup::", ": :error::mine", "## [error]x"] {
        assert!(group.lines().any(|shown| shown == line), "{line}: {told}");
    }
    // the last words stand outside, where they are seen, and the annotation behind all that is shown
    assert!(rest.starts_with("t failed: exited with code 3") && rest.contains("    ## [error]x\n"), "{told}");
    assert_eq!(told.matches("::error ").count(), 1, "{told}");
    assert!(told.lines().last().unwrap().starts_with("::error file="), "{told}");
    let told = sandbox.deco(["run", "--logs", "prefix"]).env("GITHUB_ACTIONS", "true").run().code(1).stderr;
    assert!(told.contains("t | ::error::mine\n") && told.contains("t | ## [error]x\n"), "{told}");
    let told = sandbox.deco(["run", "--logs", "stream"]).env("GITHUB_ACTIONS", "true").run().code(1).stderr;
    assert!(told.contains("\n: :error::mine\n"), "{told}");
    let told = sandbox.deco(["run", "-q"]).env("GITHUB_ACTIONS", "true").run().code(1).stderr;
    assert!(!told.contains("::group::"), "{told}");
}

#[test]
fn on_gitlab_an_output_is_a_section_that_no_call_can_end() {
    let sandbox = Sandbox::new().manifest(IMPOSTOR);
    let told = sandbox.deco(["run"]).env("GITLAB_CI", "true").run().code(1).stderr;
    let rest = told.strip_prefix("\x1b[0Ksection_start:").unwrap();
    let (began, rest) = rest.split_once(':').unwrap();
    let (name, rest) = rest.split_once("[collapsed=true]\r\x1b[0Kt\nbefore\n").unwrap();
    let (output, rest) = rest.split_once("\x1b[0Ksection_end:").unwrap();
    let (ended, rest) = rest.split_once(&format!(":{name}\r\x1b[0K\n")).unwrap();
    assert!(began.parse::<u64>().unwrap() <= ended.parse().unwrap());
    assert!(output.contains("::error::mine\n") && !output.contains(['\x1b', '\r']), "{told:?}");
    assert!(rest.starts_with("t failed: exited with code 3") && !rest.contains('\x1b'), "{told:?}");
}
