//! Attempts with real processes. What must have happened first is waited for by pipes and process descriptors.
//! Scripts with a trap wait in a loop, not in a child: dash loses a signal that meets a child between fork and exec.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use tempfile::TempDir;

use super::*;

const FAR: Duration = Duration::from_secs(600);

fn environment(declared: Vec<(String, OsString)>) -> Environment {
    declared.into()
}

fn attempt(argv: &[&str]) -> Attempt {
    Attempt {
        argv: argv.iter().map(OsString::from).collect(),
        shortcut: None,
        env: environment(vec![("PATH".into(), std::env::var_os("PATH").unwrap_or_default())]),
        dir: std::env::temp_dir().into(),
        stdin: Arc::from(Vec::new()),
        timeout: None,
        grace: FAR,
        as_of: 0,
        slot: 1,
        stdout: Keep::Whole { limit: 100_000_000 },
        terminal: false,
    }
}

fn sh(script: &str) -> Attempt {
    attempt(&["sh", "-c", script])
}

/// Logs that hold all in memory, as their tail.
struct Held;

impl Logs for Held {
    fn open(&self, _stream: Stream) -> Box<dyn Log> {
        Box::new(Logged::default())
    }
}

impl Log for Logged {
    fn write(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    fn close(self: Box<Self>) -> Logged {
        *self
    }
}

/// All that was printed, wherever it is.
fn all(output: &Output) -> &[u8] {
    output.logged.as_ref().map_or(&output.bytes, |logged| &logged.tail)
}

fn go(attempt: &Attempt) -> Finished {
    run(attempt, &Enders::new().unwrap(), &Groups::new(1), &Held)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn code(code: i32) -> Ending {
    Ending::Exited(Exit::Code(code))
}

/// The state letter of a process; `None` once it is gone. Zombies are gone.
fn state(pid: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next().filter(|state| !"ZX".contains(*state))
}

/// Waits for the end of processes that have been killed; fails if they live on.
#[track_caller]
fn assert_gone(pids: &str) {
    assert!(!pids.trim().is_empty(), "no process was told");
    for word in pids.split_whitespace() {
        let pid = rustix::process::Pid::from_raw(word.parse().unwrap()).unwrap();
        if let Ok(descriptor) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
            let mut end = [rustix::event::PollFd::new(&descriptor, rustix::event::PollFlags::IN)];
            let patience = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
            while rustix::event::poll(&mut end, Some(&patience)) == Err(rustix::io::Errno::INTR) {}
        }
        assert_eq!(state(word), None, "{word} lives on");
    }
}

/// Runs with ever longer time limits until the process has come far enough to print.
fn time_out(script: &str, grace: Duration) -> Finished {
    for limit in [50, 200, 1_000, 5_000, 20_000] {
        let timeout = Some(Duration::from_millis(limit));
        let finished = go(&Attempt { timeout, grace, ..sh(script) });
        assert_eq!(finished.ending, Ending::TimedOut);
        if text(&finished.stdout.bytes).contains('\n') {
            return finished;
        }
    }
    panic!("never got as far as to print")
}

#[test]
fn a_process_gets_what_stands_in_the_attempt_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let mut attempt = sh("cat; echo $A-$HOME; pwd -P; echo oops >&2; exit 3");
    Arc::make_mut(&mut attempt.env.basis).declared.push(("A".into(), "first".into()));
    Arc::make_mut(&mut attempt.env.basis).declared.push(("A".into(), "last".into()));
    attempt.dir = folder.path().canonicalize().unwrap().into();
    attempt.stdin = Arc::from(&b"in\n"[..]);
    let finished = go(&attempt);
    assert_eq!(finished.ending, code(3));
    assert_eq!(text(&finished.stdout.bytes), format!("in\nlast-\n{}\n", attempt.dir.display()));
    assert_eq!(text(&finished.stderr.bytes), "oops\n");
}

#[test]
fn what_one_attempt_shadows_the_next_one_sees_again() {
    let declared = vec![("A".to_owned(), "shared".into()), ("B".to_owned(), "b".into())];
    let shared = Arc::new(Basis { declared, ..Basis::default() });
    for (own, expected) in [(None, "shared b\n"), (Some("own"), "own b\n"), (None, "shared b\n")] {
        let own = own.map(|value| ("A".into(), value.into()));
        let env = Environment { basis: Arc::clone(&shared), own: own.into_iter().collect() };
        assert_eq!(text(&go(&Attempt { env, ..sh("echo $A $B") }).stdout.bytes), expected);
    }
}

#[test]
fn a_process_leads_a_group_and_reads_nothing_by_default() {
    let finished = go(&sh("cat; ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat; echo $$"));
    let printed = text(&finished.stdout.bytes);
    let ids: Vec<_> = printed.split_whitespace().collect();
    assert_eq!(ids.len(), 2, "{printed}");
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_signal_is_told_as_one() {
    assert_eq!(go(&sh("kill -KILL $$")).ending, Ending::Exited(Exit::Signal(9)));
}

#[test]
fn floods_in_all_directions_do_not_deadlock() {
    let size = 3_000_000;
    let input = vec![b'x'; size];
    let script = "dd if=/dev/zero bs=100000 count=30 status=none; dd if=/dev/zero bs=100000 count=30 status=none >&2; cat";
    let finished = go(&Attempt { stdin: Arc::from(input), ..sh(script) });
    assert_eq!(finished.ending, code(0));
    assert_eq!((all(&finished.stdout).len(), all(&finished.stderr).len()), (2 * size, size));
    assert!(finished.stdout.logged.is_none() && finished.stderr.bytes.is_empty());
}

#[test]
fn an_output_that_is_to_be_kept_whole_and_grows_too_long_ends_the_attempt() {
    let folder = TempDir::new().unwrap();
    let hold = fifo(folder.path());
    // nobody writes to the pipe: only the end of the attempt ends it
    let endless = format!("head -c 1001 /dev/zero; read word < {}", hold.display());
    for script in [endless.as_str(), "head -c 1001 /dev/zero"] {
        let finished = go(&Attempt { stdout: Keep::Whole { limit: 1000 }, ..sh(script) });
        assert_eq!(finished.ending, Ending::TooLong { limit: 1000 });
        assert_eq!(all(&finished.stdout).len(), 1001);
    }
    let finished = go(&Attempt { stdout: Keep::Whole { limit: 1000 }, ..sh("head -c 1000 /dev/zero") });
    assert_eq!(finished.ending, code(0));
    let finished = go(&Attempt { stdout: Keep::Short, ..sh("head -c 100000 /dev/zero") });
    assert_eq!((finished.ending, finished.stdout.bytes.len()), (code(0), 0));
    assert_eq!(finished.stdout.logged.unwrap().tail.len(), 100_000);
}

#[test]
fn input_that_nobody_reads_is_no_failure() {
    let stdin: Arc<[u8]> = Arc::from(vec![b'x'; 1_000_000]);
    for script in ["exit 0", "exec <&-; echo done", "head -c 1 >&2; exec >&- 2>&-; exit 0"] {
        let finished = go(&Attempt { stdin: Arc::clone(&stdin), ..sh(script) });
        assert_eq!(finished.ending, code(0), "{script}");
    }
}

#[test]
fn a_process_that_closes_its_output_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let hold = fifo(folder.path());
    let quiet = sh(&format!("exec >&- 2>&-; read word < {}; exit 7", hold.display()));
    let feeder = thread::spawn(move || fs::write(hold, "go\n").unwrap());
    assert_eq!(go(&quiet).ending, code(7));
    feeder.join().unwrap();
}

/// Lets the process go on that waits for the named pipe, once it has printed.
struct Gatekeeper(PathBuf);

impl Logs for Gatekeeper {
    fn open(&self, stream: Stream) -> Box<dyn Log> {
        Held.open(stream)
    }

    fn heard(&self, _call: u64, _stream: Stream, bytes: &[u8]) {
        if bytes.starts_with(b"ready") {
            fs::write(&self.0, "go").unwrap();
        }
    }
}

#[test]
fn what_a_process_prints_is_heard_while_it_runs() {
    let folder = TempDir::new().unwrap();
    let gate = fifo(folder.path());
    for stream in ["1", "2"] {
        let script = format!("echo ready >&{stream}; cat '{}'", gate.display());
        let attempt = Attempt { timeout: Some(Duration::from_secs(30)), ..sh(&script) };
        let logs = Gatekeeper(gate.clone());
        let finished = run(&attempt, &Enders::new().unwrap(), &Groups::new(1), &logs);
        assert_eq!(finished.ending, code(0));
        assert!(finished.stdout.bytes.ends_with(b"go"));
    }
}

fn fifo(folder: &Path) -> PathBuf {
    let place = folder.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&place).status().unwrap();
    assert!(made.success());
    place
}

#[test]
fn a_grandchild_that_holds_the_pipe_does_not_hold_the_run() {
    let finished = go(&sh("sleep 600 & echo $!"));
    assert!(finished.leaked);
    assert_eq!(finished.ending, code(0));
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
fn a_grandchild_that_floods_the_pipe_does_not_hold_the_run() {
    // what comes in a tenth of a second may be more than any limit
    let finished = go(&Attempt { stdout: Keep::Short, ..sh("yes & echo $! >&2") });
    assert!(finished.leaked);
    assert_eq!(finished.ending, code(0));
    assert_gone(&text(&finished.stderr.bytes));
}

#[test]
fn a_grandchild_without_pipes_ends_with_the_call() {
    let finished = go(&sh("sleep 600 >/dev/null 2>&1 & echo $!"));
    assert!(!finished.leaked);
    assert_eq!(finished.ending, code(0));
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
#[cfg(target_os = "linux")]
fn a_daemon_that_left_the_group_does_not_hold_the_run() {
    // in the background `setsid` need not fork: the process is the daemon
    // what comes in a tenth of a second may be more than any limit
    let finished = go(&Attempt { stdout: Keep::Short, ..sh("setsid yes & echo $! >&2") });
    assert_eq!(finished.ending, code(0));
    let daemon = text(&finished.stderr.bytes);
    let pid: i32 = daemon.trim().parse().unwrap();
    let _ = rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    );
    assert_gone(&daemon);
}

#[test]
fn a_timed_out_group_is_gone() {
    let finished = time_out("sleep 600 & echo $!; wait", FAR);
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
fn a_group_that_ignores_the_request_is_killed_after_its_grace() {
    let finished = time_out("trap '' TERM; sh -c 'echo $$; sleep 600; sleep 600'", Duration::from_millis(20));
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
fn a_group_has_its_grace_to_tidy_up() {
    // the shell in front dies of SIGTERM at once; the one behind it has a last word
    let tidy = "trap 'echo tidied; exit 0' TERM; echo ready; while :; do :; done";
    let finished = time_out(&format!("sh -c \"{tidy}\" & wait"), FAR);
    assert_eq!(text(&finished.stdout.bytes), "ready\ntidied\n");
}

/// Runs `script`, which writes a line to `$FIFO` when it is ready, and then asks for `ends` in turn.
fn end_when_ready(script: &str, ends: &[End]) -> Finished {
    let folder = TempDir::new().unwrap();
    let told = fifo(folder.path());
    let mut attempt = sh(script);
    Arc::make_mut(&mut attempt.env.basis).declared.push(("FIFO".into(), told.clone().into()));
    let enders = Enders::new().unwrap();
    thread::scope(|scope| {
        let running = scope.spawn(|| run(&attempt, &enders, &Groups::new(1), &Held));
        let mut line = String::new();
        fs::File::open(told).unwrap().read_to_string(&mut line).unwrap();
        ends.iter().for_each(|end| enders.end_all(*end));
        running.join().unwrap()
    })
}

#[test]
fn the_run_ends_an_attempt_gently_with_the_signal_it_names() {
    let script = "trap 'echo interrupted; exit 0' INT; echo > $FIFO; while :; do :; done";
    let finished = end_when_ready(script, &[End::Gently(2)]);
    assert_eq!(finished.ending, Ending::Ended);
    assert_eq!(text(&finished.stdout.bytes), "interrupted\n");
}

#[test]
fn an_interrupt_reaches_jobs_in_the_background_too() {
    // a shell's background jobs ignore SIGINT; without a word more they would use up the grace
    let finished = end_when_ready("sleep 600 & echo $!; echo > $FIFO; wait", &[End::Gently(2)]);
    assert_eq!(finished.ending, Ending::Ended);
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
fn the_run_ends_an_attempt_now() {
    let finished = end_when_ready("sleep 600 & echo $$ $!; echo > $FIFO; wait", &[End::Now]);
    assert_eq!(finished.ending, Ending::Ended);
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
fn a_second_wish_cuts_the_grace() {
    let script = "trap '' TERM; sleep 600 & echo $$ $!; echo > $FIFO; wait; wait; sleep 600";
    let finished = end_when_ready(script, &[End::Gently(15), End::Now]);
    assert_eq!(finished.ending, Ending::Ended);
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
#[cfg(target_os = "linux")]
fn a_stopped_process_can_be_ended() {
    let told = "until grep -q '^State:.T' /proc/$$/status; do :; done; echo > $FIFO";
    let script = format!("echo $$; ({told}) & kill -STOP $$; sleep 600");
    let finished = end_when_ready(&script, &[End::Gently(15)]);
    assert_eq!(finished.ending, Ending::Ended);
    assert_gone(&text(&finished.stdout.bytes));
}

#[test]
fn nothing_starts_once_the_end_was_asked_for() {
    for end in [End::Gently(15), End::Now] {
        let folder = TempDir::new().unwrap();
        let enders = Enders::new().unwrap();
        enders.end_all(end);
        let mark = folder.path().join("mark");
        let finished = run(&sh(&format!("echo > {}", mark.display())), &enders, &Groups::new(1), &Held);
        assert_eq!(finished.ending, Ending::Ended);
        assert!(!mark.exists());
    }
}

#[test]
fn a_limit_or_grace_without_end_does_not_overflow() {
    let finished = go(&Attempt { timeout: Some(Duration::MAX), grace: Duration::MAX, ..sh("exit 4") });
    assert_eq!(finished.ending, code(4));
}

/// A folder with files of these modes.
fn folder(files: &[(&str, &str, u32)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text, mode) in files {
        let place = folder.path().join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, text).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(*mode)).unwrap();
    }
    folder
}

#[test]
fn a_program_is_found_as_the_attempt_sees_it() {
    let script = "#!/bin/sh\necho $0\n";
    let folder = folder(&[
        ("x", "#!/bin/sh\necho dir\n", 0o755),
        ("bin/x", "#!/bin/sh\necho bin\n", 0o755),
        ("barred/x", "", 0o644),
        ("bin/named", script, 0o755),
    ]);
    let check = |program: &str, path: &str, expected: &str| {
        let env = vec![("PATH".into(), "/nowhere".into()), ("PATH".into(), path.into())];
        let finished =
            go(&Attempt { env: environment(env), dir: folder.path().into(), ..attempt(&[program]) });
        assert_eq!(finished.ending, code(0), "{program} by {path}");
        assert_eq!(text(&finished.stdout.bytes), format!("{expected}\n"), "{program} by {path}");
    };
    check("x", "barred:bin", "bin");
    check("x", ":bin", "dir");
    check("./x", "bin", "dir");
    check("bin/x", "", "bin");
    check("bin/named", "", "bin/named");
}

#[test]
fn without_a_path_the_standard_folders_are_searched() {
    let finished = go(&Attempt { env: Environment::default(), ..sh("exit 5") });
    assert_eq!(finished.ending, code(5));
}

#[track_caller]
fn refused(attempt: &Attempt) -> String {
    match go(attempt).ending {
        Ending::CannotStart(words) => words,
        other => panic!("started: {other:?}"),
    }
}

#[test]
fn a_program_that_cannot_be_started_says_why() {
    let folder = folder(&[
        ("plain", "text", 0o644),
        ("bin/barred", "text", 0o644),
        ("bin/beside", "", 0o644),
        ("beside", "#!/bin/sh\n", 0o755),
        ("script", "#!/no/such/interpreter -x\n", 0o755),
        ("windows", "#!/bin/sh\r\necho\r\n", 0o755),
        ("binary", "\u{1}\u{2}\u{3}", 0o755),
    ]);
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
    let dir = folder.path().display().to_string();
    let check = |program: &str, expected: &str| {
        let env = vec![("PATH".into(), "/empty:bin".into())];
        let words =
            refused(&Attempt { env: environment(env), dir: folder.path().into(), ..attempt(&[program]) });
        assert_eq!(words.replace(&dir, "DIR"), expected);
    };
    check("", "the command names no program");
    check("nosuch", "the program `nosuch` is in no folder of the call's PATH (/empty:bin)");
    check(
        "script",
        "the program `script` is in no folder of the call's PATH (/empty:bin); for the one in `dir` write `./script`",
    );
    check("barred", "`DIR/bin/barred` is not executable: `chmod +x` it, or name its interpreter");
    check("./nosuch", "there is no program `./nosuch` in `DIR`");
    check("/no/such", "there is no program `/no/such`");
    check("./plain", "`DIR/./plain` is not executable: `chmod +x` it, or name its interpreter");
    check("./bin", "`DIR/./bin` is a folder, not a program");
    check("./link", "the program `DIR/./link` is a link to a file that does not exist");
    check(
        "./script",
        "the interpreter `/no/such/interpreter`, named in the first line of `DIR/./script`, does not exist",
    );
    check(
        "./windows",
        "the first line of `DIR/./windows` ends in a carriage return, as files from Windows do; remove it",
    );
    check(
        "./binary",
        "`DIR/./binary` is neither a program for this machine nor a script with a `#!` line; name its interpreter",
    );
}

#[test]
fn a_folder_that_cannot_be_entered_is_named() {
    let folder = folder(&[("file", "", 0o644)]);
    let check = |name: &str, expected: &str| {
        let dir = folder.path().join(name);
        let words = refused(&Attempt { dir: dir.as_path().into(), ..sh("exit 0") });
        assert_eq!(words.replace(&dir.display().to_string(), "DIR"), expected);
        let words = refused(&Attempt { dir: dir.as_path().into(), ..attempt(&["nosuch"]) });
        assert_eq!(words.replace(&dir.display().to_string(), "DIR"), expected);
    };
    check("nosuch", "the folder `DIR` (`dir`) does not exist");
    check("file", "`DIR` (`dir`) is not a folder");
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_too_long_is_found_before_it_is_tried() {
    let most = 32 * rustix::param::page_size() - 1;
    let check = |attempt: &Attempt, expected: Option<&str>| {
        let tried = match go(attempt).ending {
            Ending::CannotStart(words) => Some(words),
            _ => None,
        };
        assert_eq!(attempt.check_size().err(), tried);
        match (tried, expected) {
            (None, None) => {}
            (Some(words), Some(part)) => {
                assert!(
                    words.contains(part) && words.contains("by `stdin`, or in a file by `| file`"),
                    "{words}"
                );
            }
            (tried, expected) => panic!("{tried:?} instead of {expected:?}"),
        }
    };
    let argument = |length| attempt(&["true", &"x".repeat(length)]);
    check(&argument(most), None);
    check(
        &argument(most + 1),
        Some("argument 1 of the command is too long to start a program: it has 131072"),
    );
    let variable = |length| {
        let mut attempt = sh("exit 0");
        Arc::make_mut(&mut attempt.env.basis).declared.push(("LONG".into(), "x".repeat(length).into()));
        attempt
    };
    check(&variable(most - 5), None);
    check(&variable(most - 4), Some("the variable `LONG` is too long to start a program: it has 131072"));
    let many = |count| Attempt { argv: vec!["true".into(); count].into(), ..attempt(&[]) };
    check(&many(100_000), None);
    check(
        &many(500_000),
        Some("the command line is too long to start a program: 6500000 bytes of arguments"),
    );
}

#[test]
fn a_nul_byte_is_refused_in_words() {
    assert!(refused(&attempt(&["sh", "a\0b"])).starts_with("an argument contains a NUL byte"));
    let mut attempt = sh("exit 0");
    Arc::make_mut(&mut attempt.env.basis).declared.push(("V".into(), "a\0b".into()));
    assert!(refused(&attempt).starts_with("the variable `V` contains a NUL byte"));
}

#[test]
fn no_time_passes_for_an_attempt_while_the_run_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (enders, groups) = (Enders::new().unwrap(), Groups::new(1));
    let limit = Duration::from_secs(2);
    // without children: who waits for a child's exec cannot be stopped
    let script = "echo $$ > pid; : > began; until [ -e go ]; do :; done";
    let attempt = Attempt { timeout: Some(limit), dir: folder.path().into(), ..sh(script) };
    thread::scope(|scope| {
        let run = scope.spawn(|| run(&attempt, &enders, &groups, &Held));
        while !folder.path().join("began").exists() && !run.is_finished() {
            thread::yield_now();
        }
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
        groups.stop(|| {
            let began = std::time::Instant::now();
            while state(pid.trim()) != Some('T') && began.elapsed() < FAR / 10 {
                thread::yield_now();
            }
            thread::sleep(limit);
        });
        fs::write(folder.path().join("go"), "").unwrap();
        let finished = run.join().unwrap();
        assert_eq!(finished.ending, code(0));
        assert!(finished.took < limit);
    });
}

#[test]
fn many_attempts_at_once_are_all_told() {
    let enders = Enders::new().unwrap();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let enders = &enders;
                scope.spawn(move || {
                    (0..10).all(|n| {
                        run(&sh(&format!("exit {}", thread + n)), enders, &Groups::new(1), &Held).ending
                            == code(thread + n)
                    })
                })
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}
