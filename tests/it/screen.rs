//! What a terminal shows of a run: a bar, the calls that run, and what stays of it.

use rustix::process::Signal;

use crate::sandbox::{Deco, Running, Sandbox, state_of};
use crate::window::Window;

/// One call that failed before, and one that goes on until there is a file `go`.
const WAITS: &str = r#"
    [settings]
    keep-going = true
    [tasks.wrong]
    run = "echo why >&2; exit 4"
    [tasks.waits]
    run = "echo step 1; echo step 2 >&2; exec sh await go"
    after = ["early"]
    [tasks.early]
    run = "true"
"#;

fn deco(sandbox: &Sandbox, args: &[&'static str]) -> Deco {
    let args = ["run", "-j1"].into_iter().chain(args.iter().copied());
    sandbox.deco(args).env("TERM", "xterm").env("LANG", "C.UTF-8")
}

#[track_caller]
fn wait_for(running: &mut Running, window: &Window, words: &str) {
    running.wait_until(words, || window.shows().contains(words));
}

#[test]
fn the_bar_and_the_calls_that_run_stand_below_the_failures_and_leave_nothing_behind() {
    let (sandbox, window) = (Sandbox::new().manifest(WAITS), Window::new(20, 60));
    let mut running = deco(&sandbox, &[]).spawn_in(&window);
    running.wait_until("the bar, a row below it, and the cursor at the bar", || {
        let shown = window.shows();
        let Some((above, below)) = shown.split_once("\n━") else { return false };
        above.starts_with("wrong failed: exited with code 4")
            && below.contains("─ 2/3 calls, 1 failed, 1 running, ")
            && below.ends_with("s  waits  step 2")
            && usize::from(window.cursor().0) == above.lines().count()
    });
    std::fs::write(sandbox.path("go"), "").unwrap();
    running.end().code(1);
    let shown = window.shows();
    let (above, end) = shown.split_once("\ndeco: ").unwrap_or_else(|| panic!("no end in\n{shown}"));
    assert!(above.ends_with("deco run --resume -t wrong"), "{shown}");
    assert!(end.starts_with("2 succeeded, 1 failed in "), "{shown}");
    assert!(!end.contains("\n━"), "{shown}");
}

#[test]
fn lines_of_calls_come_above_the_bar() {
    let (sandbox, window) = (Sandbox::new().manifest(WAITS), Window::new(20, 60));
    let mut running = deco(&sandbox, &["--logs", "prefix"]).spawn_in(&window);
    running.wait_until("both lines above the bar", || {
        let shown = window.shows();
        let above = shown.split_once("\n━").map(|(above, _)| above.lines().collect::<Vec<_>>());
        above.is_some_and(|above| above.ends_with(&["waits | step 1", "waits | step 2"]))
    });
    std::fs::write(sandbox.path("go"), "").unwrap();
    running.end().code(1);
    let shown = window.shows();
    assert!(shown.starts_with("wrong | why\nwrong failed: exited with code 4"), "{shown}");
    assert!(shown.contains("\nwaits | step 1\nwaits | step 2\ndeco: 2 succeeded, 1 failed"), "{shown}");
}

#[test]
fn a_terminal_that_is_not_utf_8_gets_ascii() {
    let (sandbox, window) = (Sandbox::new().manifest(WAITS), Window::new(20, 60));
    let mut running = deco(&sandbox, &["--color", "never"]).env("LANG", "C").spawn_in(&window);
    wait_for(&mut running, &window, "> ");
    wait_for(&mut running, &window, "] 2/3 calls, 1 failed, 1 running, ");
    std::fs::write(sandbox.path("go"), "").unwrap();
    let output = running.end().code(1);
    assert!(output.stderr.is_ascii(), "{:?}", output.stderr);
}

#[test]
fn the_bar_follows_the_window() {
    let (sandbox, window) = (Sandbox::new().manifest(WAITS), Window::new(20, 60));
    let mut running = deco(&sandbox, &[]).spawn_in(&window);
    let bar = |width: usize| {
        let shown = window.shows();
        shown.lines().any(|row| row.contains("2/3") && row.chars().count() == width)
    };
    running.wait_until("a bar of 59 columns", || bar(59));
    window.resize(10, 80);
    running.wait_until("a bar of 79 columns", || bar(79));
    window.resize(6, 43);
    running.wait_until("a bar of 42 columns", || bar(42));
    window.resize(3, 18);
    wait_for(&mut running, &window, "2/3, 1 failed, ");
    window.resize(1, 6);
    running.wait_until("three of five", || window.shows() == "2/3");
    std::fs::write(sandbox.path("go"), "").unwrap();
    running.end().code(1);
    assert!(!window.shows().contains("2/3"), "{}", window.shows());
}

#[test]
fn signals_leave_nothing_of_the_bar() {
    let (sandbox, window) = (Sandbox::new().manifest(WAITS), Window::new(20, 60));
    let mut running = deco(&sandbox, &[]).spawn_in(&window);
    wait_for(&mut running, &window, "─ 2/3");
    running.signal(Signal::INT);
    running.end().died_of(2);
    let shown = window.shows();
    assert!(shown.contains("SIGINT: ending the calls that run"), "{shown}");
    assert!(!shown.contains("2/3") && shown.contains("(interrupted)"), "{shown}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_bar_goes_away_while_the_run_is_stopped() {
    let (sandbox, window) = (Sandbox::new().manifest(WAITS), Window::new(20, 60));
    let mut running = deco(&sandbox, &[]).in_own_group().spawn_in(&window);
    wait_for(&mut running, &window, "─ 2/3");
    running.signal(Signal::TSTP);
    let deco = running.id();
    running.wait_until("the stop", || state_of(&deco) == Some('T'));
    running.wait_until("no bar", || !window.shows().contains("2/3"));
    running.signal(Signal::CONT);
    wait_for(&mut running, &window, "─ 2/3");
    std::fs::write(sandbox.path("go"), "").unwrap();
    running.end().code(1);
}
