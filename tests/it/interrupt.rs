//! Signals to deco: its calls end, and it dies of the signal; or they stop and go on with it.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, state_of};

const HOLDS: &str = r#"
    [tasks.holds]
    run = "exec 3> held; : > began; (sleep 1000 & wait) & wait"
    [tasks.next]
    run = ": > next-ran"
    after = ["holds"]
"#;

#[test]
fn a_signal_ends_the_calls_and_deco_dies_of_it() {
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let sandbox = Sandbox::new().fifo("held").manifest(HOLDS);
        let held = sandbox.drain("held");
        let mut running = sandbox.deco(["run"]).spawn();
        running.wait_for(&sandbox.path("began"));
        running.signal(signal);
        running.end().died_of(number).stdout_is("");
        held.end();
        assert!(!sandbox.exists("next-ran"));
    }
}

#[test]
fn a_second_signal_waits_for_no_grace() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [tasks.deaf]
        run = "trap ': > heard' INT TERM; exec 3> held; : > began; sleep 1000 & while :; do wait || :; done"
        grace = "1h"
        "#,
    );
    let held = sandbox.drain("held");
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    running.signal(Signal::INT);
    running.wait_for(&sandbox.path("heard"));
    running.signal(Signal::INT);
    let told = running.end().died_of(2).stdout_is("");
    told.stderr_has("SIGINT: ending the calls that run; a second signal kills them")
        .stderr_has("SIGINT: killing the calls that run");
    held.end();
}

/// Though a call takes its time to end, what had ended before and the signal itself are written.
#[test]
fn the_journal_is_written_while_the_calls_still_end() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [tasks.early]
        run = "echo 1"
        [tasks.deaf]
        after = ["early"]
        run = "trap '' TERM; exec 3> held; : > began; while :; do sleep 1000; done"
        grace = "1h"
        "#,
    );
    let held = sandbox.drain("held");
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    running.signal(Signal::TERM);
    let journal = || {
        let runs = std::fs::read_dir(sandbox.path(".deco/deco.toml/runs")).unwrap();
        runs.map(|run| std::fs::read_to_string(run.unwrap().path().join("journal.jsonl")).unwrap())
            .collect::<String>()
    };
    running.wait_until("the signal in the journal", || {
        let journal = journal();
        journal.contains(r#""event":"call-ended","call":"early""#)
            && journal.contains(r#""event":"interrupted","signal":15"#)
    });
    running.signal(Signal::TERM);
    running.end().died_of(15);
    held.end();
}

/// Goes on once there is a file `go`. Without children: who waits for a child's exec cannot be stopped.
const PATIENT: &str = r#"
    [tasks.t]
    run = "trap ': > went-on' CONT; echo $$ > pid; : > began; until [ -e go ]; do :; done; echo done"
"#;

#[test]
#[cfg(target_os = "linux")]
fn calls_stop_with_deco_and_go_on_with_it() {
    let sandbox = Sandbox::new().manifest(PATIENT);
    let mut running = sandbox.deco(["run"]).in_own_group().spawn();
    running.wait_for(&sandbox.path("began"));
    let (deco, call) = (running.id(), sandbox.read("pid"));
    running.signal(Signal::TSTP);
    running.wait_until("the stop of all", || state_of(&deco) == Some('T') && state_of(&call) == Some('T'));
    running.signal(Signal::CONT);
    running.wait_for(&sandbox.path("went-on"));
    std::fs::write(sandbox.path("go"), "").unwrap();
    running.end().code(0).answer_is(r#"{"t":"done"}"#);
}

/// A call that was stopped by itself hears of it too.
#[test]
fn who_lets_deco_go_on_lets_its_calls_go_on() {
    let sandbox = Sandbox::new().manifest(PATIENT);
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    let deco = Pid::from_raw(running.id().parse().unwrap()).unwrap();
    // a call may begin a moment before deco knows that it runs
    running.wait_until("the call to hear of it", || {
        kill_process(deco, Signal::CONT).unwrap();
        sandbox.exists("went-on")
    });
    std::fs::write(sandbox.path("go"), "").unwrap();
    running.end().code(0);
}

/// As in a container whose first process deco is: the system would let Ctrl-Z stop nothing there.
#[test]
#[cfg(target_os = "linux")]
fn where_nobody_could_let_it_go_on_deco_does_not_stop() {
    let sandbox = Sandbox::new().manifest(PATIENT);
    let mut alone = Command::new("setsid")
        .args([env!("CARGO_BIN_EXE_deco"), "run"])
        .current_dir(sandbox.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut waits = sandbox.deco(["check"]).spawn();
    waits.wait_for(&sandbox.path("began"));
    waits.end().code(0);
    kill_process(Pid::from_child(&alone), Signal::TSTP).unwrap();
    std::fs::write(sandbox.path("go"), "").unwrap();
    assert!(alone.wait().unwrap().success());
}

/// As a container may be entered: the session is that of who enters it, and has no number inside.
#[test]
#[cfg(target_os = "linux")]
fn a_session_that_is_outside_of_the_container_is_borne() {
    let enter = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    if !Command::new("unshare").args(enter).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no namespaces of processes here");
        return;
    }
    let sandbox = Sandbox::new().manifest(PATIENT);
    let shell = r#"
        set -m
        "$0" run --compact &
        deco=$! tries=0
        until [ -e began ]; do kill -0 $deco || exit 1; done
        kill -TSTP $deco
        until grep -q '^State:.T' /proc/$deco/status; do
            tries=$((tries + 1))
            if [ $tries = 3000 ]; then echo "deco does not stop" >&2; exit 1; fi
        done
        kill -CONT $deco
        : > go
        # by itself, bash also returns for a job that it now sees stopped
        wait -f $deco
    "#;
    let mut inside = Command::new("unshare");
    inside.args(enter).args(["bash", "-c", shell, env!("CARGO_BIN_EXE_deco")]).current_dir(sandbox.path(""));
    let output = inside.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"t\":\"done\"}\n");
}

/// Whatever deco itself does with signals: none is kept from a call, none is ignored but those that deco was started to
/// ignore. Those beyond 28 are the C library's own affair.
#[test]
fn a_call_takes_signals_as_if_it_had_been_started_without_deco() {
    const LOOK: &str = "sed -nE 's/^(Sig(Blk|Ign)):.*(.{7})$/\\1 \\3/p' /proc/self/status";
    let sandbox = Sandbox::new().file("look.sh", LOOK).manifest(
        r#"
        [tasks.look]
        for = { i = "range(6)" }
        run = ["sh", "look.sh"]
        "#,
    );
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; sh look.sh; exec \"$0\" run --compact -j2"]);
    let output = command.arg(env!("CARGO_BIN_EXE_deco")).current_dir(sandbox.path("")).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let (alone, answer) = told.split_once('{').unwrap_or_else(|| {
        panic!("{told}{}", String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!(alone, "SigBlk 0000000\nSigIgn 0000001\n");
    assert_eq!(answer.matches("\"SigBlk 0000000\\nSigIgn 0000001\"").count(), 6, "{told}");
}

#[test]
fn an_answer_that_nobody_takes_can_be_given_up() {
    let sandbox = Sandbox::new().fifo("answer").manifest("[tasks.t]\nrun = 'echo 1'");
    let mut running = sandbox.deco(["run", "-o", "answer"]).spawn();
    let runs = sandbox.path(".deco/deco.toml/runs");
    running.wait_until("the answer is made", || {
        let runs = std::fs::read_dir(&runs).into_iter().flatten().flatten();
        runs.into_iter().any(|run| run.path().join("answer.json").exists())
    });
    running.signal(Signal::TERM);
    running.end().died_of(15);
}
