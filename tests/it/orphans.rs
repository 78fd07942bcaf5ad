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

/// As a signal does.
#[test]
#[cfg(target_os = "linux")]
fn what_left_its_group_ends_with_a_run_that_is_cut_off() {
    let apart = "(setsid sh -c 'exec 3> held; : > apart; sleep 1000' > /dev/null 2>&1 &); sh await apart";
    for (setting, end, code) in [
        ("run-timeout = '1s'", "sleep 1000", 1),
        ("", ": > .deco/deco.toml/runs/$DECO_RUN_ID/logs; seq 99999", 3),
    ] {
        let sandbox = Sandbox::new().fifo("held").manifest(&format!(
            "[settings]\n{setting}\n[tasks.t]\nrun = \"{apart}; {end}\"\nfills = false\n"
        ));
        let held = sandbox.drain("held");
        sandbox.run([]).code(code);
        held.end();
    }
}

/// The folder of the control group of version 2 that we are in, if groups can be made and killed there.
#[cfg(target_os = "linux")]
fn control_group() -> Option<std::path::PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let mount = mounts.lines().find(|line| line.starts_with("cgroup2 "))?.split(' ').nth(1)?.to_owned();
    let folder = std::path::Path::new(&mount).join(own);
    let probe = folder.join(format!("probe-{}", std::process::id()));
    std::fs::create_dir(&probe).ok()?;
    let is_able = probe.join("cgroup.kill").exists();
    std::fs::remove_dir(probe).ok()?;
    is_able.then_some(folder)
}

/// Neither its group nor its environment tells of the run any more.
#[test]
#[cfg(target_os = "linux")]
fn where_control_groups_can_be_made_nothing_escapes() {
    let Some(folder) = control_group() else { return };
    let manifest = r#"
        [tasks.enclosed]
        run = "n=0; until grep -q '::.*/deco-' /proc/$PPID/cgroup; do n=$((n + 1)); test $n -lt 1000; sleep 0.01; done"
        [tasks.hides]
        after = ["enclosed"]
        run = """
        env -i PATH="$PATH" setsid sh -c 'exec 3> held; echo $$ > id; mv id apart; exec sleep 1000' > /dev/null 2>&1 &
        sh await apart
        : > began
        test -e go || sleep 1000
        """
    "#;
    for (signal, number) in [(Signal::KILL, 9), (Signal::TERM, 15)] {
        let sandbox = Sandbox::new().fifo("held").manifest(manifest);
        let held = sandbox.drain("held");
        let mut running = sandbox.deco(["run"]).spawn();
        running.wait_for(&sandbox.path("began"));
        running.signal(signal);
        running.end().died_of(number);
        held.end();
        // the watchdog holds the lock until all is done
        let runs = std::fs::read_dir(sandbox.path(".deco/deco.toml/runs")).unwrap();
        let run = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).next().unwrap();
        sandbox.deco(["clean"]).run().code(0);
        let mut groups = std::fs::read_dir(&folder).unwrap().map(|group| group.unwrap().file_name());
        assert!(!groups.any(|group| group.to_string_lossy().contains(&run)));
    }
    // a good end leaves alone what was left
    let sandbox = Sandbox::new().fifo("held").file("go", "").manifest(manifest);
    let held = sandbox.drain("held");
    sandbox.run([]).code(0);
    let left = sandbox.read("apart").trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(left.expect("a process id"), Signal::KILL).expect("it was left alone");
    held.end();
}
