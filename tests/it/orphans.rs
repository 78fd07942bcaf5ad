//! No process of a run outlives it for long: not deco's death, not a session of its own.

use rustix::process::Signal;

use crate::sandbox::Sandbox;

/// The first time a call that does not end, with a child that ignores SIGTERM and a grandchild in a session of its own;
/// the second time one that ends at once.
const TREE: &str = r#"
    [tasks.early]
    run = "echo 1"
    result = "json"
    [tasks.tree]
    after = ["early"]
    run = """
    test ! -e began || { echo 2; exit; }
    exec 3> held
    (setsid sh -c ': > apart; sleep 1000' & wait) &
    (trap '' TERM; : > deaf; while :; do sleep 1000; done) &
    sh await apart deaf
    : > began
    wait
    """
    result = "json"
    grace = "1s"
"#;

#[test]
fn whatever_a_killed_deco_started_ends_and_the_run_can_go_on() {
    let sandbox = Sandbox::new().fifo("held").manifest(TREE);
    let held = sandbox.drain("held");
    let mut running = sandbox.deco(["run"]).spawn();
    running.wait_for(&sandbox.path("began"));
    running.signal(Signal::KILL);
    let resumed = sandbox.run(["--resume", "--no-wait"]).code(0).answer_is(r#"{"early":1,"tree":2}"#);
    resumed.stderr_lacks("waiting");
    running.end().died_of(9);
    // everything that the call started holds the fifo open
    held.end();
}

#[test]
fn the_folder_of_temporary_files_goes_with_a_killed_deco() {
    let sandbox = Sandbox::new().file("tmp/kept", "").fifo("held").manifest(TREE);
    let held = sandbox.drain("held");
    let mut running = sandbox.deco(["run"]).env("TMPDIR", sandbox.path("tmp")).spawn();
    running.wait_for(&sandbox.path("began"));
    let left = || std::fs::read_dir(sandbox.path("tmp")).map_or(0, Iterator::count);
    assert_eq!(left(), 2);
    running.signal(Signal::KILL);
    running.end().died_of(9);
    held.end();
    // the watchdog holds the lock until all is done
    sandbox.run(["--resume", "--no-wait"]).code(0);
    assert_eq!(left(), 1);
}

#[test]
fn a_signal_reaches_a_session_of_its_own_too() {
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let sandbox = Sandbox::new().fifo("held").manifest(TREE);
        let held = sandbox.drain("held");
        let mut running = sandbox.deco(["run"]).spawn();
        running.wait_for(&sandbox.path("began"));
        running.signal(signal);
        running.signal(signal);
        running.end().died_of(number).stdout_is("");
        held.end();
        sandbox.run(["--resume", "--no-wait"]).code(0).answer_is(r#"{"early":1,"tree":2}"#);
    }
}

#[test]
fn what_a_run_leaves_on_purpose_stays_after_a_good_end() {
    let sandbox = Sandbox::new().fifo("held").manifest(
        r#"
        [tasks.daemon]
        run = "setsid sh -c ': > up; sh await go; : > done' > /dev/null 2>&1 & sh await up"
        "#,
    );
    sandbox.run([]).code(0);
    std::fs::write(sandbox.path("go"), "").expect("a file can be written");
    let mut waits = sandbox.deco(["check"]).spawn();
    waits.wait_for(&sandbox.path("done"));
    waits.end().code(0);
}
