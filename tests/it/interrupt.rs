//! Signals to deco: its calls end, and it dies of the signal.

use rustix::process::Signal;

use crate::sandbox::Sandbox;

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
    running.end().died_of(2).stdout_is("");
    held.end();
}
