//! A canary for a secret: whatever a call does with it, no byte that deco writes or shows has it, in any form; and
//! what could be neither kept nor shown is refused by the variable's name.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Has what JSON, addresses and shells write in their own ways.
const CANARY: &str = "can\"ary/7+x=\\z'end";

/// Forms of it that calls may print; the first is the canary itself.
const FORMS: &[&str] = &[
    CANARY,
    r#"can\"ary/7+x=\\z'end"#,
    r#"can\"ary\/7+x=\\z'end"#,
    r"can\u0022ary/7\u002Bx=\\z\u0027end",
    "can%22ary%2F7%2Bx%3D%5Cz%27end",
    "Y2FuImFyeS83K3g9XHonZW5k",
];

/// What is left of it when it is cut somewhere.
const PARTS: &[&str] = &["ary/7", "7+x="];

struct Run {
    folder: TempDir,
    output: Output,
}

impl Run {
    /// Every file that deco may have written for others, and what it said.
    fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = vec![
            ("standard output".to_owned(), self.output.stdout.clone()),
            ("standard error".to_owned(), self.output.stderr.clone()),
        ];
        let mut open = vec![self.folder.path().to_owned()];
        while let Some(place) = open.pop() {
            if place.is_dir() {
                open.extend(fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
            } else if !is_ours(&place) {
                all.push((place.display().to_string(), fs::read(&place).unwrap()));
            }
        }
        all
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn events(&self) -> String {
        fs::read_to_string(self.folder.path().join("events")).unwrap()
    }

    #[track_caller]
    fn hides(&self) -> &Run {
        for (place, bytes) in self.everything() {
            for part in FORMS.iter().chain(PARTS) {
                let found = bytes.windows(part.len()).any(|window| window == part.as_bytes());
                assert!(!found, "{part} is in {place}:\n{}", String::from_utf8_lossy(&bytes));
            }
        }
        self
    }

    /// It ended with this code, having said this.
    #[track_caller]
    fn says(&self, code: i32, words: &str) -> &Run {
        let stderr = self.stderr();
        assert_eq!(self.output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(words), "{words:?} is not in\n{stderr}");
        self
    }

    #[track_caller]
    fn answers(&self, json: &str) -> &Run {
        assert_eq!(String::from_utf8_lossy(&self.output.stdout), json, "{}", self.stderr());
        self
    }
}

/// Files that the test itself wrote.
fn is_ours(place: &Path) -> bool {
    ["deco.toml", ".env", "canary", "canary.txt"]
        .iter()
        .any(|name| place.file_name().is_some_and(|file| file == *name))
}

fn deco(folder: &Path, args: &[&str], canary: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deco"));
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("DECO_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).env("API_TOKEN", canary).stdin(Stdio::null());
    command.output().unwrap()
}

/// Runs this manifest with the canary in `$API_TOKEN`, telling all there is to tell.
fn run(manifest: &str) -> Run {
    run_with(manifest, &["run", "-v", "--events", "events"], CANARY)
}

fn run_with(manifest: &str, args: &[&str], canary: &str) -> Run {
    let folder = TempDir::new().unwrap();
    let settings = "[settings]\nsecrets = [\"API_TOKEN\"]\n";
    let manifest = match manifest.strip_prefix("[settings]\n") {
        Some(rest) => format!("{settings}{rest}"),
        None => format!("{settings}{manifest}"),
    };
    fs::write(folder.path().join("deco.toml"), manifest).unwrap();
    for file in ["canary", "canary.txt"] {
        fs::write(folder.path().join(file), canary).unwrap();
    }
    let output = deco(folder.path(), args, canary);
    Run { folder, output }
}

/// A task `t` that prints something, says that it has, and fails.
fn failing(print: &str) -> String {
    format!("[tasks.t]\nrun = '''\n{print}\necho printed >&2\nexit 3\n'''\n")
}

#[test]
fn a_call_is_given_its_secret() {
    let run = run("[tasks.t]\nrun = '[ \"$API_TOKEN\" = \"$(cat canary)\" ] && echo yes'\n");
    run.says(0, "t succeeded").answers("{\n  \"t\": \"yes\"\n}\n").hides();
}

#[test]
fn what_a_failing_call_printed_is_shown_without_it() {
    for stream in [">&2", ""] {
        let run = run(&failing(&format!("printf 'token: %s, end\\n' \"$API_TOKEN\" {stream}")));
        run.says(1, "printed").hides();
        assert!(run.events().contains("token: ***, end"), "{}", run.events());
        let shown = run.stderr().contains("token: ***, end");
        assert_eq!(shown, stream == ">&2", "{}", run.stderr());
    }
}

#[test]
fn a_secret_in_pieces_is_hidden() {
    let run = run(&failing(
        r#"half=${API_TOKEN%x=*}; printf 'a %s' "$half" >&2; sleep 0.01; printf '%s b\n' "${API_TOKEN#"$half"}" >&2"#,
    ));
    run.says(1, "    a *** b\n").hides();
}

#[test]
fn every_form_is_hidden() {
    for form in FORMS {
        let quoted = form.replace('\'', r"'\''");
        let run = run(&failing(&format!("printf '%s\\n' '<{quoted}>' >&2"))
            .replace("'''", "\"\"\"")
            .replace('\\', "\\\\"));
        run.says(1, "    <***>\n").hides();
    }
}

#[test]
fn colours_inside_a_secret_do_not_show_it() {
    let run = run(&failing(r#"printf '%s\033[1m%s\033[0m\n' "${API_TOKEN%/7*}" "${API_TOKEN#*ary}" >&2"#));
    run.says(1, "    ***\n").hides();
}

#[test]
fn a_secret_that_the_tail_would_cut_is_hidden() {
    // the cut after 8 KiB would fall into it, here or there
    for length in [8174, 8178, 8183, 8188] {
        let filler = "x".repeat(length - "\nprinted\n".len());
        run(&failing(&format!("printf '%s%s\\n' \"$API_TOKEN\" {filler} >&2"))).says(1, "printed").hides();
    }
}

#[test]
fn a_secret_that_the_head_would_cut_is_hidden() {
    // the cut after 2 KiB would fall into it, or after 16 lines
    for length in [2030, 2040, 2046] {
        let (before, after) = ("x".repeat(length), "y".repeat(9000));
        run(&failing(&format!("printf '%s%s%s' {before} \"$API_TOKEN\" {after} >&2")))
            .says(1, "printed")
            .hides();
    }
    run(&failing("yes \"$API_TOKEN\" | head -n 200 >&2")).says(1, "    ***\n    …\n    ***\n").hides();
}

#[test]
fn a_secret_of_several_lines_is_hidden_line_by_line() {
    let canary = "first/line-of-it\nsecond/line-of-it\nlast";
    let show =
        failing("printf '%s\\n' \"$API_TOKEN\" >&2; echo \"<$(printf %s \"$API_TOKEN\" | sed -n 2p)>\" >&2");
    let run = run_with(&show, &["run", "-v", "--events", "events"], canary);
    run.says(1, "    ***\n    <***>\n");
    for (place, bytes) in run.everything() {
        assert!(!String::from_utf8_lossy(&bytes).contains("/line-of-it"), "{place}");
    }
}

#[test]
fn messages_that_quote_values_hide_it() {
    let check = |manifest: &str, words: &str| {
        run(manifest).says(1, words).hides();
    };
    check("[tasks.t]\nif = 'env.API_TOKEN'\nrun = 'true'\n", "must give a boolean");
    // cut off in the middle of it
    let long = "'0123456789012345678901234567890123456789012345' ~ env.API_TOKEN";
    check(&format!("[tasks.t]\nif = \"{long}\"\nrun = 'true'\n"), "***…");
    check("[tasks.t]\nrun = ['${{ env.API_TOKEN }}']\n", "***");
    check("[tasks.t]\nrun = 'echo $(( ${{ env.API_TOKEN }} + 1 ))'\n", "***");
    check("[tasks.t]\nrun = 'true'\ndir = '${{ env.API_TOKEN }}'\n", "***");
    check("[tasks.t]\nrun = 'true'\ndotenv = '${{ env.API_TOKEN }}'\n", "***");
    check(
        "[tasks.t]\nrun = 'echo 1'\n[sync.s]\nwaits-for = ['t']\ncheck = 'env.API_TOKEN'\n",
        "must give a boolean",
    );
}

#[test]
fn a_result_that_contains_it_is_refused() {
    let check = |rest: &str| {
        let run = run(&format!("[tasks.t]\n{rest}\n"));
        run.says(1, "t failed: its result contains the value of `API_TOKEN`, a secret").answers("").hides();
    };
    check(r#"run = 'echo "x${API_TOKEN}y"'"#);
    check("run = ['cat', 'canary']");
    check(r#"run = 'printf %s "$API_TOKEN" | base64'"#);
    check(
        r#"run = 'cat "$DECO_DOC_D" >/dev/null; cp canary "$DECO_RESULT"'
        result = { format = "text", from = "file" }
        reads = ["d"]
        [data]
        d = 1"#,
    );
    for json in [r#"[{"a":"%s"}]"#, r#"{"%s":1}"#] {
        check(&format!("run = '''printf '{json}' 'can\\u0022ary\\/7+x=\\\\z'\\''end' '''\nresult = 'json'"));
    }
}

#[test]
fn output_that_fills_nothing_is_a_log() {
    let run = run("[tasks.t]\nfills = false\nrun = 'cat canary'\n");
    run.says(0, "t succeeded").hides();
    assert!(run.events().contains(r#""stdout_tail":"***""#), "{}", run.events());
}

#[test]
fn what_a_call_fills_may_not_contain_it() {
    let check = |rest: &str, words: &str| {
        run(&format!("[tasks.t]\nrun = 'echo 1'\n{rest}\n")).says(1, words).answers("").hides();
    };
    check("fills = { d = 'env.API_TOKEN' }", "t failed: what it fills contains the value of `API_TOKEN`");
    check("fills = 'd[env.API_TOKEN ~ result]'", "t failed: the place that it fills contains the value of");
    check("if = 'false'\ndefault = '${{ env.API_TOKEN }}'", "t failed: what it fills contains the value of");
}

#[test]
fn a_document_that_was_given_with_it_is_not_written() {
    // it may be used, as what a file says; the file is the user's
    let rest = "[load]\nd = 'canary.txt'\n[tasks.t]\nrun = 'echo 1'\nfills = 'd[]'\n";
    let sync = "[sync.s]\nwaits-for = ['t']\nwrite = 'day.json'\n";
    run(rest).says(1, "the answer contains the value of `API_TOKEN`, a secret").answers("").hides();
    run(&format!("{rest}{sync}")).says(1, "what it writes contains the value of `API_TOKEN`").hides();
}

#[test]
fn a_key_that_contains_it_is_refused_before_anything_runs() {
    let manifest = "[tasks.t]\nfor = { x = '[env.API_TOKEN, 1]' }\nrun = 'touch ran'\n";
    for verb in [&["run", "-v"][..], &["plan", "-v"], &["graph"], &["run", "-n"]] {
        let run = run_with(manifest, verb, CANARY);
        run.says(2, "a key of `t` contains the value of `API_TOKEN`, a secret").answers("").hides();
        assert!(!run.folder.path().join("ran").exists());
    }
    let twice = "[tasks.t]\nfor = { x = '[env.API_TOKEN, env.API_TOKEN]' }\nrun = 'true'\n";
    run(twice).says(2, "`***` stands twice").hides();
}

#[test]
fn calls_in_conflict_over_it_are_named_without_it() {
    let task = |name: &str| format!("[tasks.{name}]\nrun = 'echo 1'\nfills = 'd[env.API_TOKEN]'\n");
    run(&(task("a") + &task("b"))).says(2, "d[").hides();
}

#[test]
fn a_key_that_is_found_in_the_run_is_refused_then() {
    let run = run("[tasks.list]\nrun = 'echo 1'\nresult = 'json'\n\
         [tasks.t]\nfor = { x = \"[env.API_TOKEN ~ list]\" }\nrun = 'touch ran'\n");
    run.says(1, "its key contains the value of `API_TOKEN`, a secret").hides();
    assert!(!run.folder.path().join("ran").exists());
}

#[test]
fn a_call_may_have_a_secret_of_its_own() {
    let task = "run = 'echo \"<$API_TOKEN>\" >&2; exit 3'\nenv = { API_TOKEN = '${{ own }}/${{ own }}' }\n";
    let own = run(&format!("[data]\nown = 'very-own'\n[tasks.t]\n{task}"));
    own.says(1, "    <***>\n").hides();
    assert!(!own.events().contains("very-own/very-own"));
    let key = run("[tasks.t]\nfor = { x = ['very-own'] }\nrun = 'true'\nenv = { API_TOKEN = '${{ x }}' }\n");
    key.says(1, "its key contains the value of `API_TOKEN`, a secret").hides();
    assert!(!key.events().contains("very-own") && !key.stderr().contains("t[very-own]"), "{}", key.stderr());
}

#[test]
fn dotenv_files_and_settings_give_secrets_too() {
    let check = |settings: &str, dotenv: &str| {
        let folder = TempDir::new().unwrap();
        let text = format!(
            "[settings]\nsecrets = [\"OTHER\"]\n{settings}\n[tasks.t]\nrun = 'echo \"<$OTHER>\" >&2; exit 3'\n"
        );
        fs::write(folder.path().join("deco.toml"), text).unwrap();
        fs::write(folder.path().join(".env"), dotenv).unwrap();
        let output = deco(folder.path(), &["run", "-v", "--events", "events"], CANARY);
        let run = Run { folder, output };
        run.says(1, "    <***>\n").hides();
    };
    check("dotenv = '.env'", "OTHER='ary/7-in-a-file'\n");
    check("env = { OTHER = 'ary/7-in-the-settings' }", "");
}

#[test]
fn a_line_of_a_dotenv_file_is_never_quoted() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("deco.toml"), "[settings]\ndotenv = '.env'\n[tasks.t]\nrun = 'true'\n")
        .unwrap();
    fs::write(folder.path().join(".env"), "A=1\nAPI_TOKEN=ary/7 and more\n").unwrap();
    let output = deco(folder.path(), &["run"], "none-at-all");
    let run = Run { folder, output };
    run.says(2, "line 2 is wrong").hides();
}

#[test]
fn the_answer_never_contains_it() {
    let given = "[tasks.t]\nrun = 'echo 1'\n";
    let select = run(&format!("[settings]\nselect = {{ a = 'env.API_TOKEN' }}\n{given}"));
    select.says(1, "the answer contains the value of `API_TOKEN`, a secret").answers("").hides();
}

#[test]
fn short_values_are_told_and_left() {
    let run = run_with("[tasks.t]\nrun = 'echo abc'\n", &["run"], "abc");
    run.says(0, "the value of `API_TOKEN` is too short to be kept secret");
    run.answers("{\n  \"t\": \"abc\"\n}\n");
    let empty = run_with("[tasks.t]\nrun = 'echo abc'\n", &["run"], "");
    empty.answers("{\n  \"t\": \"abc\"\n}\n");
    assert!(!empty.stderr().contains("API_TOKEN"));
}

#[test]
fn without_secrets_all_is_shown() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("deco.toml"), "[tasks.t]\nrun = ['cat', 'canary']\n").unwrap();
    fs::write(folder.path().join("canary"), CANARY).unwrap();
    let output = deco(folder.path(), &["run", "-v"], CANARY);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\n  \"t\": \"can\\\"ary/7+x=\\\\z'end\"\n}\n");
}
