//! `deco map`: keys of any content from any source, in their order; results by key; failures, as `run` has them.

use std::process::{Command, Stdio};

use crate::sandbox::{Output, Sandbox};

#[track_caller]
fn map(sandbox: &Sandbox, args: &[&str], stdin: &str) -> Output {
    sandbox.deco(["map"].into_iter().chain(args.iter().copied())).stdin(stdin).run()
}

#[track_caller]
fn check(args: &[&str], stdin: &str, answer: &str) {
    let sandbox = Sandbox::new();
    map(&sandbox, &[&["--compact"], args].concat(), stdin).code(0).stdout_is(&format!("{answer}\n"));
}

#[track_caller]
fn refuse(args: &[&str], stdin: &str, message: &str) {
    let sandbox = Sandbox::new();
    map(&sandbox, args, stdin).code(2).stdout_is("").stderr_has(message);
    assert!(!sandbox.exists(".local/state/deco/map"), "nothing was begun");
}

/// One word of each kind that a shell could stumble over.
const KEYS: [&str; 9] = ["b", "a b", "it's", "\"q\"", "$HOME `id` $(id)", "ü→\u{1f980}", "", "-n", "*;\\"];

#[test]
fn results_stand_in_the_order_of_the_keys_whatever_is_in_them() {
    let expected = KEYS.map(|key| format!("{0}:{0}", serde_json::to_string(key).unwrap())).join(",");
    let expected = format!("{{{expected}}}");
    for width in ["1", "4"] {
        let words = |command: &[&'static str]| [&["-j", width], command, &[":::"], &KEYS].concat();
        check(&words(&["printf %s {}"]), "", &expected);
        check(&words(&["printf", "%s"]), "", &expected);
        check(&words(&["printf '%s' '{}'"]), "", &expected);
        check(&words(&["printf '%s' \"$(printf %s \"{}\")\""]), "", &expected);
    }
}

#[test]
fn keys_come_from_lines_of_standard_input_and_files() {
    check(&["echo x{}"], "b\n\na c", r#"{"b":"xb","":"x","a c":"xa c"}"#);
    check(&["echo x{}"], "", "{}");
    check(&["-0", "printf %s {} | wc -l"], "a\nb\n\0c\0", r#"{"a\nb\n":"2","c":"0"}"#);
    let sandbox = Sandbox::new().file("one", "a\nb\n").file("two", "1\n2\n");
    let map = |args: &[&str]| map(&sandbox, args, "x\ny\n").code(0);
    map(&["echo", "::::", "one", "::::+", "two"]).answer_is(r#"{"a":{"1":"a 1"},"b":{"2":"b 2"}}"#);
    let nested = r#"{"a":{"x":"a x","y":"a y"},"b":{"x":"b x","y":"b y"}}"#;
    map(&["echo", "::::", "one", "-"]).answer_is(nested);
}

#[test]
fn sources_nest_or_are_linked() {
    check(&["echo {2}{1}", ":::", "a", "b", ":::", "1"], "", r#"{"a":{"1":"1a"},"b":{"1":"1b"}}"#);
    check(
        &["echo {#}", ":::", "a", "b", ":::", "x", "y"],
        "",
        r#"{"a":{"x":"1","y":"2"},"b":{"x":"3","y":"4"}}"#,
    );
    let linked = ["echo {#} {}", ":::", "a", ":::+", "1", ":::", "x", "y"];
    check(&linked, "", r#"{"a":{"1":{"x":"1 a 1 x","y":"2 a 1 y"}}}"#);
    check(
        &["printf", "<%s>", "{}", "{} ", ":::", "a b", ":::", "c"],
        "",
        r#"{"a b":{"c":"<a b><c><a b c >"}}"#,
    );
    check(&["true", ":::"], "", "{}");
    check(&["--list", "true", ":::", "a", ":::"], "", "[]");
}

#[test]
fn paths_are_taken_apart_as_gnu_parallel_does() {
    check(
        &["echo {.} {/} {//} {/.}", ":::", "a/b.tar.gz"],
        "",
        r#"{"a/b.tar.gz":"a/b.tar b.tar.gz a b.tar"}"#,
    );
    check(&["echo", "{2/.}-{1//}", ":::", "b", ":::", "c/d.e"], "", r#"{"b":{"c/d.e":"d-."}}"#);
}

#[test]
fn results_are_read_as_asked() {
    check(&["--result", "json", "echo [1.0, {}]"], "7\n", r#"{"7":[1.0,7]}"#);
    check(&["--result=lines", "printf 'a\\n%s\\n' {}"], "b\n", r#"{"b":["a","b"]}"#);
    check(&["--result=none", "echo {}"], "b\n", r#"{"b":null}"#);
}

#[test]
fn a_key_given_twice_is_refused_unless_the_answer_is_a_list() {
    refuse(&["echo", ":::", "a", "b", "a"], "", "the key `a` is given twice, as number 1 and as number 3");
    refuse(&["echo", ":::", "a", "a", ":::+", "1", "1"], "", "the key `a,1` is given twice");
    check(&["echo", ":::", "a", "a", ":::+", "1", "2"], "", r#"{"a":{"1":"a 1","2":"a 2"}}"#);
    check(&["--list", "echo", ":::", "a", "b", "a"], "", r#"["a","b","a"]"#);
    check(&["--list", "-j4", "echo {#}"], "x\nx\nx\n", r#"["1","2","3"]"#);
}

#[test]
fn what_is_wrong_is_said_before_anything_runs() {
    refuse(&[], "", "required arguments were not provided");
    refuse(&[":::", "a"], "", "there is no command");
    refuse(&[" ", ":::", "a"], "", "there is no command");
    refuse(&["echo {3}", ":::", "a", ":::", "b"], "", "`{3}` in the command: there are 2 sources of keys");
    refuse(&["echo", ":::", "a", "b", ":::+", "1"], "", "a source of 1 keys is linked to one of 2");
    refuse(&["echo", ":::+", "1"], "", "there is none");
    refuse(&["echo", "::::", "gone"], "", "cannot read keys from `gone`");
    refuse(&["--result", "jsn", "echo"], "a\n", "`--result jsn`: expected one of `text`, `json`");
    refuse(&["--timeout", "soon", "echo"], "a\n", "`--timeout soon`: no length of time");
    refuse(&["echo"], "a\n\0b\n", "key 2 of standard input holds a NUL byte");
    refuse(&["echo $'{}'", ":::", "a"], "", "deco map:1:8");
}

#[test]
fn failures_are_those_of_a_run() {
    let sandbox = Sandbox::new();
    let part = ["-j1", "--compact", "test {} != b", ":::", "a", "b", "c"];
    map(&sandbox, &part, "").code(1).stdout_is("").stderr_has("map[b] failed: exited with code 1");
    let going_on = [&["-k"], &part[..]].concat();
    map(&sandbox, &going_on, "").code(1).stdout_is("{\"a\":\"\",\"c\":\"\"}\n");
    map(&sandbox, &["-k", "-o", "f", "test {} != b", ":::", "a", "b"], "").code(1).stdout_is("");
    assert_eq!(sandbox.read("f.partial"), "{\n  \"a\": \"\"\n}\n");
    map(&sandbox, &["no-such-program", ":::", "a"], "").code(1).stderr_has("no-such-program");
    map(&sandbox, &["--timeout", "0.05", "sleep", ":::", "60"], "").code(1).stderr_has("its timeout of 50ms");
    let second = "test $DECO_ATTEMPT = 2{}";
    map(&sandbox, &["--retries", "1", second, ":::", ""], "").code(0);
}

#[test]
fn it_goes_on_where_it_failed_and_keeps_its_state_apart() {
    let sandbox = Sandbox::new();
    let command = ["--compact", "-j1", "echo {} >> ran; test -e ok || test {} != b"];
    let map = |args: &[&str]| map(&sandbox, &[args, &command].concat(), "a\nb\n");
    map(&["-k"]).code(1);
    assert!(!sandbox.exists(".deco") && sandbox.exists(".local/state/deco/map"));
    std::fs::write(sandbox.path("ok"), "").unwrap();
    map(&["--resume"]).code(0).stdout_is("{\"a\":\"\",\"b\":\"\"}\n");
    assert_eq!(sandbox.read("ran").replace('\n', ""), "abb");
    map(&["--resume"]).code(0).stderr_has("there is no unfinished run to resume");
}

#[test]
fn its_runs_can_be_looked_back_at_from_the_folder_in_which_they_began() {
    let sandbox = Sandbox::new().file("sub/x", "");
    let deco = |args: &[&str]| sandbox.deco(args.iter().copied()).run();
    deco(&["log"]).code(2).stderr_has("there is no `deco.toml`").stderr_lacks("--map");
    deco(&["log", "--map"]).code(2).stdout_is("").stderr_has("no run of `deco map` that began in");
    map(&sandbox, &["-q", "echo out {}; echo err {} >&2", ":::", "a", "b c"], "").code(0);
    deco(&["log", "--map", "map[b c]"]).code(0).stdout_is("out b c\nerr b c\n");
    deco(&["get", "--map", "map[b c]"]).code(0).stdout_is("\"out b c\"\n");
    deco(&["report", "--map", "-o", "page.html", "--junit", "j.xml"]).code(0);
    assert!(sandbox.read("page.html").contains("deco map") && sandbox.read("j.xml").contains("map[b c]"));
    let said = deco(&["explain", "--map", "map[b c]"]).code(0).stdout;
    let expected =
        "map[b c]\n  waits for nothing\n  runs: echo out 'b c'; echo err 'b c' >&2\n  in the last run (";
    assert!(said.starts_with(expected) && said.contains("): succeeded after"), "{said}");
    deco(&["explain", "--map", "cell"]).code(2).stderr_has("names no call");
    // another folder has runs of its own, and `-C` looks there
    deco(&["log", "--map", "-C", "sub"]).code(2).stderr_has("/sub` is kept");
    sandbox.deco(["log", "--map", "-C", ".."]).dir(&sandbox.path("sub")).run().code(0);
    deco(&["log"]).code(2).stderr_has("; `--map` looks at the runs of `deco map`");
    deco(&["log", "--map", "-f", "x.toml"]).code(2);
}

#[test]
fn a_run_of_it_is_chosen_by_its_id() {
    let sandbox = Sandbox::new();
    let deco = |args: &[&str]| sandbox.deco(args.iter().copied()).run();
    let list = |args: &[&str]| deco(&[&["list", "--map"], args].concat()).code(0).stdout;
    assert_eq!(list(&[]), "");
    map(&sandbox, &["-q", "echo {}", ":::", "it's\nb"], "").code(0);
    map(&sandbox, &["-q", "echo", "x"], "1\n").code(0);
    map(&sandbox, &["-q", "--state-dir", "own", "true"], "1\n").code(0);
    let listed = list(&[]);
    let runs: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once("  ")).collect();
    assert_eq!([runs[0].1, runs[1].1], ["'echo {}' ::: 'it'\\''s\u{fffd}b'", "echo x"]);
    assert!(list(&["--state-dir", "own"]).ends_with("  true\n") && runs.len() == 2);
    deco(&["log", "--map"]).code(0).stdout_has("x 1");
    deco(&["log", "--map", "--run", runs[0].0]).code(0).stdout_has("it's\nb");
    deco(&["get", "map", "--map", "--run", "1999"]).code(2).stderr_has(runs[0].0);
    deco(&["list", "--map", "x.toml"]).code(2);
    deco(&["clean", "--map"]).code(0).stderr_has("removed what was kept of 2 runs of `deco map`");
    deco(&["clean", "--map"]).code(0).stderr_has("nothing is kept of runs of `deco map`");
    assert!(list(&[]).is_empty() && !list(&["--state-dir", "own"]).is_empty());
}

#[test]
fn a_failure_names_the_command_that_shows_all_it_printed() {
    let sandbox = Sandbox::new();
    let command = ["--state-dir", "my runs", "seq 5000 >&2; echo > {}", ":::", "no/x y", "z"];
    let said = map(&sandbox, &command, "").code(1).stderr;
    let line = said.lines().find_map(|line| line.strip_prefix("  all of standard error: ")).expect(&said);
    assert!(line.starts_with("deco log --map --state-dir 'my runs' --run 2"), "{line}");
    // a later run of the same folder changes nothing
    map(&sandbox, &["--state-dir", "my runs", "true", ":::", "k"], "").code(0);
    let deco = std::path::Path::new(env!("CARGO_BIN_EXE_deco")).parent().unwrap();
    let path = format!("{}:{}", deco.display(), std::env::var("PATH").unwrap());
    let mut shown = Command::new("sh");
    shown.args(["-c", line]).current_dir(sandbox.path("")).env("PATH", path).env("HOME", sandbox.path(""));
    let shown = String::from_utf8(shown.output().unwrap().stdout).unwrap();
    assert!(shown.starts_with("1\n2\n") && shown.contains("\n5000\n"), "{shown}");
}

#[test]
fn each_result_is_a_line_as_its_call_ends() {
    let sandbox = Sandbox::new();
    // `a` waits until the line of `b` is there, which only the reader of deco's output makes
    let line = "sh await done-{}; echo {}";
    let mut deco = Command::new(env!("CARGO_BIN_EXE_deco"));
    deco.args(["map", "--ndjson", "-j2", line, ":::", "a", "b"]).current_dir(sandbox.path(""));
    deco.env("HOME", sandbox.path("")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = deco.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    for key in ["b", "a"] {
        std::fs::write(sandbox.path(&format!("done-{key}")), "").unwrap();
        let line = lines.next().expect("a line").unwrap();
        assert_eq!(line, format!("{{\"key\":\"{key}\",\"result\":\"{key}\"}}"));
    }
    assert!(lines.next().is_none() && child.wait().unwrap().success());
}

#[test]
fn lines_name_the_keys_of_every_source() {
    let sandbox = Sandbox::new();
    let keys = [":::", "a b", "c", ":::", "1", ":::+", "x"];
    for list in [&[][..], &["--list"][..]] {
        let args = [list, &["--ndjson", "-j1", "-o", "f", "true"], &keys].concat();
        let lines = "{\"key\":[\"a b\",\"1\",\"x\"],\"result\":\"\"}\n{\"key\":[\"c\",\"1\",\"x\"],\"result\":\"\"}\n";
        map(&sandbox, &args, "").code(0).stdout_is(lines);
    }
    assert_eq!(sandbox.read("f"), "[\n  \"\",\n  \"\"\n]\n");
    map(&sandbox, &["--ndjson", "-k", "-j1", "test {} = a", ":::", "b", "a"], "")
        .code(1)
        .stdout_is("{\"key\":\"a\",\"result\":\"\"}\n");
}

#[test]
fn a_reader_that_goes_early_is_no_error() {
    let sandbox = Sandbox::new();
    for form in ["--ndjson", "--compact"] {
        let mut deco = Command::new(env!("CARGO_BIN_EXE_deco"));
        deco.args(["map", form, "echo", ":::", "a", "b"]).env("HOME", sandbox.path(""));
        deco.current_dir(sandbox.path("")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = deco.stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn keys_that_are_no_text_for_json_are_named() {
    let sandbox = Sandbox::new().file("keys", b"a\n\xff\n");
    map(&sandbox, &["echo", "::::", "keys"], "").code(2).stderr_has("key 2 of `keys` is not UTF-8");
}

/// Runs the command on a terminal of its own, types two lines and Ctrl-D there once it has spoken, and prints all that it says.
const TYPED: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = os.read(terminal, 4096)
os.write(terminal, b"a\nb\n\x04")
try:
    while part := os.read(terminal, 4096):
        said += part
except OSError:
    pass
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn keys_may_be_typed() {
    let sandbox = Sandbox::new().file("terminal.py", TYPED);
    let mut typed = Command::new("python3");
    typed.args(["terminal.py", env!("CARGO_BIN_EXE_deco"), "map", "--compact", "-q", "echo x{}"]);
    let output = typed.env("HOME", sandbox.path("")).current_dir(sandbox.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("reads the keys from the terminal"), "{said}");
    assert!(said.contains(r#"{"a":"xa","b":"xb"}"#), "{said}");
}

#[test]
fn no_key_at_all_is_told() {
    let sandbox = Sandbox::new();
    let told = "standard input holds no key; `::: KEY…` gives them behind the command";
    map(&sandbox, &["wc", "-l", "a.txt"], "").code(0).stdout_is("{}\n").stderr_has(told);
    map(&sandbox, &["-q", "wc", "-l"], "").code(0).stdout_is("{}\n").stderr_lacks("deco:");
    map(&sandbox, &["echo", ":::"], "").code(0).stdout_is("{}\n").stderr_lacks(told);
}

#[test]
fn where_nothing_succeeded_the_answer_is_empty() {
    for (args, empty) in
        [(["-k", "--compact", "-q"].as_slice(), "{}\n"), (&["-k", "--list", "--compact"], "[]\n")]
    {
        let sandbox = Sandbox::new();
        map(&sandbox, &[args, &["false"]].concat(), "a\nb\n").code(1).stdout_is(empty);
    }
}
