//! The limits of the machine: too long a command, too few files, a disk without room, outputs that nobody reads.

use std::process::{Command, Stdio};

use crate::sandbox::Sandbox;

/// `deco run` in a shell that is first told to do this, with `$DECO` for the program.
fn in_shell(sandbox: &Sandbox, script: &str) -> std::process::Output {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(sandbox.path("")).env("DECO", env!("CARGO_BIN_EXE_deco"));
    command.stdin(Stdio::null()).output().expect("a shell can be started")
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_too_long_for_a_command_line_is_not_tried() {
    let sandbox = Sandbox::new().manifest(
        r#"
        [defaults]
        retries = 3
        [tasks.argument]
        run = ["true", "${{ range(30000) | join('-') }}"]
        [tasks.variable]
        run = "true"
        env = { LONG = "${{ range(30000) | join('-') }}" }
        [tasks.many]
        run = ["true", "${{ range(400000) }}"]
        [tasks.shell]
        run = "true ${{ range(30000) | join('-') }}"
        [tasks.remedy]
        run = "cat - ${{ range(30000) | join('-') | file }} | wc -c"
        stdin = "${{ range(30000) | join('-') }}"
        "#,
    );
    let output =
        sandbox.run(["-k", "--events", "events"]).code(1).stdout_is("{\n  \"remedy\": \"337778\"\n}\n");
    for (call, words) in [
        ("argument", "argument 1 of the command is too long to start a program: it has 168889 bytes"),
        ("variable", "the variable `LONG` is too long to start a program"),
        ("many", "the command line is too long to start a program"),
        ("shell", "of the command is too long to start a program"),
    ] {
        let line = output.stderr.lines().find(|line| line.starts_with(&format!("{call} failed: ")));
        let line = line.unwrap_or_else(|| panic!("{}", output.stderr));
        assert!(line.contains(words) && line.contains("by `stdin`, or in a file by `| file`"), "{line}");
    }
    assert_eq!(sandbox.read("events").matches("attempt-started").count(), 1);
}

/// Calls that all wait for each other, as far as the width allows.
const WIDE: &str = "[tasks.t]\nfor = { k = 'range(40)' }\nrun = 'cat'\nstdin = '${{ k }}'\nresult = 'json'\n";

#[test]
fn few_open_files_make_the_run_narrower() {
    let sandbox = Sandbox::new().manifest(WIDE);
    let expected = sandbox.run(["-j2"]).code(0).stdout;
    let output = in_shell(&sandbox, "ulimit -n 100; \"$DECO\" run -j40 --events events");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", said(&output));
    assert_eq!(
        said(&output).matches("the system allows 100 open files (see `ulimit -n`), too few for 40").count(),
        1
    );
    assert!(!sandbox.read("events").contains("\"jobs\":40"));
    // what may be raised is raised, without a word
    let output = in_shell(&sandbox, "ulimit -S -n 100; \"$DECO\" run -j40");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", said(&output));
    assert!(!said(&output).contains("ulimit"), "{}", said(&output));
    let output = in_shell(&sandbox, "ulimit -n 20; \"$DECO\" run");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{}", said(&output));
    assert!(said(&output).contains("the system allows 20 open files, and a single call needs "));
}

/// As a user who has no other processes, which only root can become: few calls fit beside deco's own threads, and the
/// others are started once there is room.
#[test]
#[cfg(target_os = "linux")]
fn where_no_further_process_is_allowed_one_is_waited_for() {
    let sandbox =
        Sandbox::new().file("threads.sh", r#"sed -n "s/^Threads:\s*//p" /proc/$PPID/status"#).manifest(
            r#"
        [tasks.program]
        for = { k = "range(20)" }
        run = ["cat"]
        stdin = "${{ k }}"
        [tasks.without-shell]
        for = { k = "range(20)" }
        run = "basename ${{ k }}"
        [tasks.threads]
        run = ["sh", "threads.sh"]
        "#,
        );
    let script = r#"
        chmod 777 . && exec 9< "$DECO"
        alone() { setpriv --reuid=54321 --clear-groups prlimit "$@"; }
        threads=$(alone --nproc=100 /proc/self/fd/9 run --compact -j12 -t threads | tr -dc 0-9) || exit 77
        alone --nproc=$((threads + 5)) /proc/self/fd/9 run -j12 --skip threads
    "#;
    let output = in_shell(&sandbox, script);
    if said(&output).contains("setpriv: ") {
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(answer.lines().filter(|line| line.contains("    \"")).count(), 40, "{answer}");
}

/// A small disk of its own, where the system lets us mount one.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_or_read_only_costs_nothing_that_was_done() {
    let sandbox = Sandbox::new().manifest(
        "[tasks.t]\nfor = { k = 'range(40)' }\nrun = 'echo ${{ k }} >> \"$RAN\"; seq 60 >&2; echo ${{ k }}'\nresult = 'json'\n",
    );
    let expected = sandbox.deco(["run"]).env("RAN", "/dev/null").run().code(0).stdout;
    let script = r#"
        mkdir disk && mount -t tmpfs -o size=32k disk disk || exit 77
        export RAN="$PWD/ran"
        cp deco.toml disk && cd disk && echo old > out.json
        "$DECO" run -j1 -o out.json; echo "full: $?" >&2
        grep -qx old out.json || echo "the answer was touched" >&2
        mount -o remount,ro . && "$DECO" run -o out.json; echo "read-only: $?" >&2
        "$DECO" run; echo "read-only state: $?" >&2
        mount -o remount,rw,size=1m . && "$DECO" run -j1 --resume -v
    "#;
    let output = in_shell(&sandbox, &format!("exec unshare -m sh -c '{script}'"));
    if !said(&output).contains("full: ") {
        return;
    }
    let said = said(&output);
    for part in ["full: 3", "No space left on device", "read-only: 3", "read-only state: 3"] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    assert!(!said.contains("touched"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{said}");
    let ran = sandbox.read("ran");
    let kept: Vec<&str> =
        said.lines().filter_map(|line| line.strip_suffix("] kept: it had ended before")).collect();
    assert!(!kept.is_empty(), "{said}");
    for key in kept.iter().map(|call| &call["t[".len()..]) {
        assert_eq!(ran.lines().filter(|line| *line == key).count(), 1, "{key} in\n{ran}");
    }
}

/// The system would end deco by a signal, which is caught.
#[test]
fn a_file_that_may_grow_no_further_is_like_a_full_disk() {
    let sandbox = Sandbox::new()
        .manifest("[tasks.t]\nfor = { k = 'range(40)' }\nrun = 'echo ${{ k }} >> \"$RAN\"; echo ${{ k }}'\n");
    let expected = sandbox.deco(["run"]).env("RAN", "/dev/null").run().code(0).stdout;
    let script = "export RAN=/dev/null; ulimit -f 8; echo old > out; exec \"$DECO\" run -j1 -o out";
    let output = in_shell(&sandbox, script);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("File too large"), "{}", said(&output));
    assert_eq!(sandbox.read("out"), "old\n");
    let output = in_shell(&sandbox, "RAN=ran exec \"$DECO\" run -j1 --resume");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", said(&output));
    assert!(sandbox.read("ran").lines().count() < 40, "nothing was kept: {}", said(&output));
    // a program that knows nothing of it is ended as ever
    let manifest = "[tasks.t]\nrun = ['dd', 'if=/dev/zero', 'of=big', 'count=100']\n";
    let output =
        in_shell(&sandbox.file("other.toml", manifest), "ulimit -f 8; exec \"$DECO\" run other.toml");
    assert!(said(&output).contains("t failed: was ended by SIGXFSZ"), "{}", said(&output));
}

#[test]
fn an_answer_that_would_be_lost_stops_the_run_before_it_begins() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = ': > ran; echo x'");
    let output = in_shell(&sandbox, "\"$DECO\" run >&-");
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("standard output is closed: the answer would be lost; `-o` names a file"));
    let output = in_shell(&sandbox, "\"$DECO\" run -o /dev/stdout >&-");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(!sandbox.exists("ran"));
    // the null device was chosen
    for fine in ["> /dev/null", "<> /dev/null >&0", ">&- -o out.json"] {
        let output = in_shell(&sandbox, &format!("\"$DECO\" run {fine}"));
        assert_eq!(output.status.code(), Some(0), "{fine}: {}", said(&output));
    }
    assert!(sandbox.exists("out.json"));
    // nobody can be told why, and there is no answer
    let output = in_shell(&sandbox, "\"$DECO\" run > /dev/full");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("cannot write to standard output: "), "{}", said(&output));
}

#[test]
fn who_does_not_listen_to_deco_does_not_disturb_the_run() {
    let sandbox = Sandbox::new()
        .manifest("[tasks.t]\nfor = { k = [1, 2] }\nrun = 'echo x >&2; echo ${{ k }}'\nresult = 'json'\n");
    for deaf in ["2>&-", "2> /dev/full", "0<&- 2>&-", "-v 2>&1 > out | true", "-v 2>&1 > out | head -n 1"] {
        let output =
            in_shell(&sandbox, &format!("{{ \"$DECO\" run --compact {deaf}; }} | cat; cat out 2> /dev/null"));
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answer.ends_with("{\"t\":{\"1\":1,\"2\":2}}\n"), "{deaf}: {answer}{}", said(&output));
    }
    // a reader that has seen enough of the answer is no failure
    let output = in_shell(&sandbox, "(\"$DECO\" run; echo $? > code) | true");
    assert!(output.status.success());
    assert_eq!(sandbox.read("code"), "0\n");
}

/// Keys are told, kept and passed on as they are, and the files are those of any other keys.
#[test]
fn keys_of_any_length_and_content_are_no_file_names() {
    let long = "x".repeat(100_000);
    let odd = [
        "/",
        "..",
        ".",
        "../../up",
        "a/b",
        "new\nline",
        "\u{1b}[31m",
        "é\u{2028}",
        "",
        "-rf",
        "$(touch pwned)",
        "'\"",
        &long,
    ];
    let plain: Vec<String> = (0..odd.len()).map(|number| format!("k{number}")).collect();
    assert_eq!(files_with_keys(&odd), files_with_keys(&plain));
}

/// The names of all files after a run over these keys, which must come back as they are, also in a resumed run.
#[track_caller]
fn files_with_keys(keys: &[impl AsRef<str>]) -> Vec<String> {
    let quoted: Vec<String> = keys.iter().map(|key| serde_json::to_string(key.as_ref()).unwrap()).collect();
    let sandbox = Sandbox::new().file("work/keys.json", format!("[{}]", quoted.join(","))).file(
        "work/deco.toml",
        r#"
        [load]
        keys = "keys.json"
        [tasks.t]
        for = { k = "keys" }
        run = "seq 100 >&2; cat > \"$DECO_RESULT\"; cp \"$DECO_RESULT\" \"$DECO_TMPDIR/copy\"; cat ${{ k | file }} > /dev/null"
        result = { format = "text", from = "file" }
        stdin = "${{ k }}"
        [tasks.fails]
        run = "false"
        after = ["t"]
        "#,
    );
    let run = |args: &[&str]| sandbox.deco(args.iter().copied()).dir(&sandbox.path("work")).run();
    let pairs: Vec<String> = quoted.iter().map(|key| format!("{key}:{key}")).collect();
    let answer = format!("{{\"t\":{{{}}}}}\n", pairs.join(","));
    run(&["run", "-k", "--compact"]).code(1).stdout_is(&answer);
    let resumed = run(&["run", "-k", "--compact", "--resume", "-v"]).code(1).stdout_is(&answer);
    assert_eq!(resumed.stderr.matches("kept: it had ended before").count(), keys.len());
    let mut names = Vec::new();
    let mut open = vec![sandbox.path("")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            // a run is called by the time
            names.push(if name.starts_with("20") { "a run".to_owned() } else { name });
            open.extend(entry.path().is_dir().then(|| entry.path()));
        }
    }
    names.sort();
    names
}
