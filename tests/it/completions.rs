//! `deco complete` tells what could stand under the cursor, and the scripts of bash, zsh and fish put it there as one word,
//! whatever is in it.

use std::process::Command;

use crate::sandbox::{Output, Sandbox};

const MANIFEST: &str = r#"
[data]
lons = ["lon 5", "it's", "a:b", "x,y"]

[tasks.mean]
description = "mean of one cell"
tags = ["slow"]
for = { lat = "range(40, 42)", lon = "lons" }
run = "echo ${{ lon }}"
fills = "grid[lat][lon]"

[tasks.menu]
run = "echo ${{ grid }}"
"#;

/// What could stand under the cursor, without what is said of it.
#[track_caller]
fn complete(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let Output { stdout, stderr, status } =
        sandbox.deco(["complete", "--"].into_iter().chain(words.iter().copied())).run();
    assert!(status.success() && stderr.is_empty(), "{words:?}: {stderr}");
    stdout.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[track_caller]
fn check(sandbox: &Sandbox, words: &[&str], expected: &[&str]) {
    assert_eq!(complete(sandbox, words), [&["words"], expected].concat(), "{words:?}");
}

#[test]
fn tasks_tags_documents_and_calls_are_told_by_what_was_typed() {
    let sandbox = Sandbox::new().manifest(MANIFEST);
    let names = ["mean", "menu", "grid", "tag:slow"];
    check(&sandbox, &["run", "-t", ""], &names);
    check(&sandbox, &["run", "-t", "me"], &["mean", "menu"]);
    let calls = ["mean[40,lon 5]", "mean[40,\"it's\"]", "mean[40,a:b]", "mean[40,\"x,y\"]"];
    check(&sandbox, &["log", "mean[40"], &calls);
    let whole = complete(&sandbox, &["explain", "mea"]);
    assert_eq!((whole.len(), &*whole[1], &*whole[2]), (10, "mean", "mean[40,lon 5]"), "{whole:?}");
    check(&sandbox, &["run", "--skip=menu", "--skip=m"], &["--skip=mean", "--skip=menu"]);
    check(&sandbox, &["run", "--skip", "grid[41][\"l"], &["grid[41][\"lon 5\"]"]);
    check(&sandbox, &["run", "-ttag"], &["-ttag:slow"]);
    check(&sandbox, &["run", "--select", ""], &["grid", "menu", "lons"]);
    check(&sandbox, &["get", "grid[40][\"a"], &["grid[40][\"a:b\"]"]);
    check(&sandbox, &["run", "--set", "lons=[7]", "-t", "mean[4"], &["mean[40,7]", "mean[41,7]"]);
    let told = sandbox.deco(["complete", "--", "run", "-t", "mean["]).run().stdout;
    assert!(told.contains("mean[41,lon 5]\n"), "{told}");
    sandbox.deco(["complete", "--", "run", "-t", "me"]).run().stdout_has("mean\tmean of one cell\n");
}

#[test]
fn the_manifest_is_the_one_that_the_line_names() {
    let sandbox = Sandbox::new().file("a b/deco.toml", MANIFEST).file("o.toml", "[tasks.own]\nrun = 'true'");
    for words in [&["run", "-t", "m"][..], &["run", "-C", "a b", "-t", "x"], &["run", "-C", "no", "-t", ""]] {
        check(&sandbox, words, &[]);
    }
    check(&sandbox, &["run", "-C", "a b", "-t", "men"], &["menu"]);
    check(&sandbox, &["plan", "o.toml", "--task", ""], &["own"]);
    check(&sandbox, &["log", "-f", "a b/deco.toml", "men"], &["menu"]);
    let behind = ["complete", "--cursor", "2", "--", "run", "-t", "me", "-C", "a b"];
    sandbox.deco(behind).run().code(0).stdout_is("words\nmean\tmean of one cell\nmenu\ttask\n");
    // what is wrong or cannot be read is no candidate, and nobody is told
    let sandbox = sandbox.file("wrong.toml", "[tasks.a]\n").fifo("pipe.toml");
    for manifest in ["wrong.toml", "-", "pipe.toml", "gone.toml"] {
        check(&sandbox, &["run", manifest, "-t", ""], &[]);
    }
}

#[test]
fn verbs_options_values_and_files_are_told() {
    let sandbox = Sandbox::new();
    check(&sandbox, &["r"], &["run", "report"]);
    check(&sandbox, &["man", "re"], &["report"]);
    check(&sandbox, &["run", "--fail"], &["--fail-fast"]);
    check(&sandbox, &["run", "--fail-fast", "--fail"], &[]);
    check(&sandbox, &["run", "-t", "x", "--ta"], &["--task"]);
    check(&sandbox, &["graph", "--format", "m"], &["mermaid"]);
    check(&sandbox, &["completions", "f"], &["fish"]);
    assert!(!complete(&sandbox, &[""]).contains(&"complete".to_owned()));
    assert_eq!(complete(&sandbox, &["run", "--output", "x"]), ["files"]);
    assert_eq!(complete(&sandbox, &["check", ""]), ["files"]);
    assert_eq!(complete(&sandbox, &["check", "-C", ""]), ["folders"]);
    assert_eq!(complete(&sandbox, &["map", "echo", "--x"]), ["files"]);
}

#[test]
fn runs_that_are_kept_are_told_the_last_first() {
    let sandbox = Sandbox::new().manifest(MANIFEST);
    for _ in 0..2 {
        sandbox.run(["-q"]).code(0);
    }
    let runs = complete(&sandbox, &["log", "--run", ""]);
    assert!(runs.len() == 3 && runs[1] > runs[2], "{runs:?}");
    assert_eq!(complete(&sandbox, &["report", &runs[1]]), ["words", &runs[1]]);
    assert_eq!(complete(&sandbox, &["run", "--resume="])[1], format!("--resume={}", runs[1]));
    assert_eq!(complete(&sandbox, &["log", "--map", "--run", ""]), ["words"]);
    sandbox.deco(["map", "-q", "echo", ":::", "a b", "c"]).run().code(0);
    assert_eq!(complete(&sandbox, &["log", "--map", "--run", ""]).len(), 2);
    check(&sandbox, &["explain", "--map", "map["], &["map[a b]", "map[c]"]);
}

#[test]
fn secrets_are_no_candidates_and_many_calls_are_cut() {
    let manifest = "settings.secrets = ['TOKEN']\n[tasks.cell]\nfor = { n = 'range(100000)' }\nrun = 'true'\n[tasks.other]\n\
                    for = { x = ['${{ env.TOKEN }}', 'plain'] }\nrun = 'true'\n";
    let sandbox = Sandbox::new().manifest(&manifest.replace("'${{ env.TOKEN }}'", "'hidden-word'"));
    let deco =
        |typed| sandbox.deco(["complete", "--", "run", "-t", typed]).env("TOKEN", "hidden-word").run().stdout;
    assert_eq!(deco("other["), "words\nother[plain]\n");
    let cells = deco("cell[9");
    assert_eq!((cells.lines().count(), cells.lines().last()), (1001, Some("cell[9888]")), "{cells}");
}

/// `.ci/run` sees to it that every shell is.
fn is_there(shell: &str) -> bool {
    Command::new(shell).arg("--version").output().is_ok()
}

/// The folder of deco first in PATH, as the shells find it.
fn path() -> String {
    let deco = std::path::Path::new(env!("CARGO_BIN_EXE_deco")).parent().unwrap();
    format!("{}:{}", deco.display(), std::env::var("PATH").unwrap())
}

/// What a shell prints that runs a script in the sandbox, in which the script of `deco completions` is `$script`.
#[track_caller]
fn shell(sandbox: &Sandbox, shell: &[&str], script: &str) -> String {
    std::fs::write(sandbox.path("script"), script).unwrap();
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("script").current_dir(sandbox.path("")).env("PATH", path());
    command.env("HOME", sandbox.path("")).env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", shell[0]));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(complaints.is_empty(), "{complaints}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_gets_words_that_fit_what_is_typed() {
    let sandbox = Sandbox::new().manifest(MANIFEST).file("a b/deco.toml", "[tasks.own]\nrun = 'true'");
    let candidates = |line: &str, replaced: &str| {
        let set = "COMP_LINE=$(cat line) COMP_POINT=${#COMP_LINE}\n_deco deco \"$(cat replaced)\"\n";
        std::fs::write(sandbox.path("line"), line).unwrap();
        std::fs::write(sandbox.path("replaced"), replaced).unwrap();
        let print = "(( ${#COMPREPLY[@]} == 0 )) || printf '%s\\n' \"${COMPREPLY[@]}\"\n";
        shell(&sandbox, &["bash"], &format!(". <(deco completions bash)\n{set}{print}"))
    };
    assert_eq!(candidates("deco run -t me", "me"), "mean\nmenu\n");
    assert_eq!(candidates("deco run -t tag:s", "s"), "slow\n");
    assert_eq!(candidates("deco run --task=men", "men"), "menu\n");
    assert_eq!(candidates("deco plan -t 'mean[41,l", "mean[41,l"), "mean[41,lon 5]\n");
    let bare =
        "mean\\[40,lon\\ 5\\]\nmean\\[40,\\\"it\\'s\\\"\\]\nmean\\[40,a:b\\]\nmean\\[40,\\\"x,y\\\"\\]\n";
    assert_eq!(candidates("LC_ALL=C deco plan -t mean\\[40", "mean\\[40"), bare);
    assert_eq!(candidates("deco run -C a\\ b -t me", "me"), "");
    assert_eq!(candidates("deco run -C \"a b\" -t o", "o"), "own\n");
    let call = "COMP_LINE='deco run -t  -C \"a b\"' COMP_POINT=12\n_deco deco ''\necho $COMPREPLY\n";
    assert_eq!(shell(&sandbox, &["bash"], &format!(". <(deco completions bash)\n{call}")), "own\n");
}

#[test]
fn fish_gets_words_with_what_is_said_of_them() {
    if !is_there("fish") {
        return;
    }
    let sandbox = Sandbox::new().manifest(MANIFEST).file("a b/deco.toml", "[tasks.own]\nrun = 'true'");
    let candidates = |line: &str| {
        std::fs::write(sandbox.path("line"), line).unwrap();
        shell(&sandbox, &["fish", "-N"], "deco completions fish | source\ncomplete -C (cat line)\n")
    };
    assert_eq!(candidates("deco run -t me"), "mean\tmean of one cell\nmenu\ttask\n");
    assert_eq!(candidates("deco run --task=men"), "--task=menu\ttask\n");
    assert_eq!(candidates("deco run -C 'a b' -t "), "own\ttask\n");
    assert_eq!(candidates("deco plan -t 'mean[41,l"), "mean[41,lon 5]\n");
    assert_eq!(candidates("deco plan -t mean\\[41,\\\"i"), "mean[41,\"it's\"]\n");
    assert_eq!(candidates("deco plan -t gone"), "");
    assert_eq!(candidates("deco run --output=a\\ "), "--output=a b/\n");
}

#[test]
fn zsh_gets_words_with_what_is_said_of_them() {
    if !is_there("zsh") {
        return;
    }
    let sandbox = Sandbox::new().manifest(MANIFEST).file("a b/deco.toml", "[tasks.more]\nrun = 'true'");
    let candidates = |words: &str, prefix: &str| {
        let stubs = "compdef() {}\n_describe() { print -rl -- ${(P)@[-1]} }\n_files() { print files $* $PREFIX }\n\
                     compset() { PREFIX=${PREFIX#$~2} }\n. <(deco completions zsh)\n";
        let call = format!("words=({words}) CURRENT=$#words PREFIX={prefix}\n_deco\n");
        shell(&sandbox, &["zsh", "-f"], &format!("{stubs}{call}"))
    };
    assert_eq!(candidates("deco run -t me", "me"), "mean:mean of one cell\nmenu:task\n");
    assert_eq!(
        candidates("deco ru", "ru"),
        "run:Run the tasks of a manifest and print the documents that they fill\n"
    );
    assert_eq!(candidates("deco plan -t \"'mean[40,a\"", "'mean[40,a'"), "mean[40,a\\:b]\n");
    assert_eq!(candidates("deco plan -t 'mean\\[41,l'", "'mean\\[41,l'"), "mean[41,lon 5]\n");
    assert_eq!(candidates("deco run --output=a", "--output=a"), "files a\n");
    assert_eq!(candidates("deco run -C ''", "''"), "files -/\n");
    assert_eq!(candidates("deco run -t nothing", "nothing"), "");
    let behind = "deco run -t me -C 'a b') CURRENT=4 PREFIX=m\n_deco\nwords=(deco";
    assert_eq!(candidates(behind, "''").lines().next(), Some("more:task"));
}

/// Types a line into a shell on a terminal of its own, until it has printed what is awaited.
const TYPED: &str = r#"
import os, pty, select, sys
line, awaited = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2].encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
said, sent = b"", False
while awaited not in said:
    if not select.select([terminal], [], [], 20)[0]:
        sys.exit(f"{awaited} never came: {said}")
    try:
        part = os.read(terminal, 4096)
    except OSError:
        sys.exit(f"the shell ended: {said}")
    said += part
    if not sent and b"ready>" in said:
        os.write(terminal, line)
        said, sent = b"", True
os.kill(pid, 9)
os.waitpid(pid, 0)
"#;

/// The shell completes the line at each tab, runs it, and deco shows the one call that is meant.
#[track_caller]
fn types(shell: &[&str], file: &str, start: &str, line: &str, awaited: &str) {
    let sandbox = Sandbox::new().manifest(MANIFEST).file("typed.py", TYPED).file(file, start);
    let sandbox = sandbox.file("a b/deco.toml", "[tasks.own]\nrun = 'true'");
    let mut typed = Command::new("python3");
    typed.args(["typed.py", line, awaited]).args(shell).current_dir(sandbox.path(""));
    typed.env("PATH", path()).env("HOME", sandbox.path("")).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    let output = typed.env("ZDOTDIR", sandbox.path("")).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

const LINES: [(&str, &str); 6] = [
    (r"deco plan -v -t 'mean[40,l\t\n", "mean[40,lon 5]\r\n1 call"),
    (r"deco plan -v -t mean\\[41,l\t\n", "mean[41,lon 5]\r\n1 call"),
    (r"deco plan -v --task=mean\\[41,a\t\n", "mean[41,a:b]\r\n1 call"),
    (r#"deco plan -v -t "mean[40,\\"i\t\n"#, "mean[40,\"it's\"]\r\n1 call"),
    (r"deco pl\t-t tag:\t | tail -n1\n", "8 calls, 0 joins\r\n"),
    (r"deco list -C a\t\n", "own\r\n"),
];

/// With the cursor nine places to the left, before the words that name the manifest; fish tells nothing of those.
const WITHIN: (&str, &str) =
    (r"deco plan -t  -C 'a b'\x02\x02\x02\x02\x02\x02\x02\x02\x02o\t\n", "own\r\n1 call");

#[test]
fn bash_puts_them_into_the_line() {
    let start = "PS1='ready> '\n. <(deco completions bash)\n";
    let bash = ["bash", "--noprofile", "--rcfile", "start", "-i"];
    LINES.iter().chain([&WITHIN]).for_each(|(line, awaited)| types(&bash, "start", start, line, awaited));
}

#[test]
fn zsh_puts_them_into_the_line() {
    if !is_there("zsh") {
        return;
    }
    let start = "autoload -Uz compinit && compinit -u -D\nsource <(deco completions zsh)\nPS1='ready> '\n";
    LINES
        .iter()
        .chain([&WITHIN])
        .for_each(|(line, awaited)| types(&["zsh", "-d", "-i"], ".zshrc", start, line, awaited));
}

#[test]
fn fish_puts_them_into_the_line() {
    if !is_there("fish") {
        return;
    }
    let start = "deco completions fish | source\nfunction fish_prompt; echo 'ready> '; end\n";
    let fish = ["fish", "--private", "-N", "-C", "source start"];
    LINES.iter().for_each(|(line, awaited)| types(&fish, "start", start, line, awaited));
}
