//! The state folder: where it stands, what is in it, who may use it, and what happens when it cannot be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::Sandbox;

const ONE: &str = "[tasks.t]\nrun = 'echo x'";

#[test]
fn each_run_leaves_a_journal_in_a_private_folder_that_git_ignores() {
    let sandbox = Sandbox::new().manifest(ONE);
    sandbox.run(["--events", "events"]).code(0);
    let mode = fs::metadata(sandbox.path(".deco")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(sandbox.read(".deco/.gitignore"), "*\n");
    let runs = fs::read_dir(sandbox.path(".deco/deco.toml/runs")).unwrap();
    let runs: Vec<_> = runs.map(|run| run.unwrap().path()).collect();
    assert_eq!(runs.len(), 1);
    let journal = fs::read_to_string(runs[0].join("journal.jsonl")).unwrap();
    let rest = journal.strip_prefix(&*sandbox.read("events")).expect("the journal holds the events");
    assert!(rest.lines().count() == 1 && rest.contains("answer-given"), "{rest}");
}

#[test]
fn the_state_can_stand_elsewhere_and_a_dry_run_has_none() {
    let sandbox = Sandbox::new().manifest(ONE).file("other/deco.toml", ONE);
    sandbox.run(["-n"]).code(0);
    sandbox.run(["--state-dir", "kept"]).code(0);
    sandbox.deco(["run", "other/deco.toml"]).env("DECO_STATE_DIR", sandbox.path("kept")).run().code(0);
    sandbox.deco(["run", "-", "--state-dir", "kept"]).stdin(ONE).run().code(0);
    assert!(!sandbox.exists(".deco") && !sandbox.exists("other/.deco"));
    let kept = fs::read_dir(sandbox.path("kept")).unwrap();
    let mut kept: Vec<String> = kept.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    kept.sort();
    let names: Vec<&str> = kept.iter().filter_map(|name| Some(name.rsplit_once('-')?.0)).collect();
    assert_eq!(names, ["-", "deco.toml", "deco.toml"], "{kept:?}");
}

#[test]
fn the_last_twenty_runs_are_kept_and_clean_removes_them() {
    let sandbox = Sandbox::new().manifest(ONE);
    for _ in 0..22 {
        sandbox.run(["-q"]).code(0);
    }
    assert_eq!(fs::read_dir(sandbox.path(".deco/deco.toml/runs")).unwrap().count(), 20);
    sandbox.deco(["clean"]).run().code(0).stderr_has("20 runs");
    assert!(!sandbox.exists(".deco/deco.toml"));
    sandbox.deco(["clean"]).run().code(0).stderr_has("nothing is kept");
}

#[test]
fn a_second_run_waits_for_the_first_or_says_who_runs() {
    let sandbox = Sandbox::new()
        .manifest("[tasks.t]\nrun = ': > begun; sh await go; echo x >> ran'")
        .file("other.toml", ONE);
    let mut first = sandbox.deco(["run"]).spawn();
    first.wait_for(&sandbox.path("begun"));
    sandbox.run(["--no-wait"]).code(3).stdout_is("").stderr_has("`deco.toml` is being run by process");
    sandbox.deco(["clean"]).run().code(3).stderr_has("clean up once it has ended");
    // another manifest of the folder is not held up
    sandbox.run(["other.toml", "--no-wait"]).code(0);
    let second = sandbox.deco(["run"]).spawn();
    let sandbox = sandbox.file("go", "");
    first.end().code(0);
    second.end().code(0);
    assert_eq!(sandbox.read("ran"), "x\nx\n");
}

#[test]
fn a_call_that_runs_its_own_manifest_is_refused() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = '\"$DECO\" run'");
    let outer = sandbox.deco(["run"]).env("DECO", env!("CARGO_BIN_EXE_deco")).run();
    outer.code(1).stderr_has("they would wait for each other");
}

/// The system keeps 15 bytes of a program's name, and so may cut a character in half. The script forgets the run's id, so
/// that only its place among the processes tells whose part it is.
#[test]
#[cfg(target_os = "linux")]
fn nor_under_a_program_whose_name_is_cut_in_a_character() {
    let script = "#!/bin/sh\nunset DECO_RUN_ID\n\"$DECO\" run --no-wait\nexit $?\n";
    let sandbox = Sandbox::new().file("1-запуски.sh", script).manifest("[tasks.t]\nrun = './1-запуски.sh'\n");
    fs::set_permissions(sandbox.path("1-запуски.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let outer = sandbox.deco(["run"]).env("DECO", env!("CARGO_BIN_EXE_deco")).run();
    outer.code(1).stderr_has("they would wait for each other");
}

#[test]
fn a_state_that_cannot_be_made_names_the_way_out() {
    let sandbox = Sandbox::new().manifest(ONE).file("file", "");
    let refused = sandbox.run(["--state-dir", "file"]).code(3).stdout_is("");
    refused.stderr_has("`--state-dir` puts deco's state elsewhere");
}

/// Whichever write, rename or sync of the state or the answer is the one that finds the disk full: the old answer stays, and
/// what had ended is kept.
#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    if !cfg!(debug_assertions) {
        return;
    }
    let manifest = "[tasks.a]\nfor = { i = 'range(3)' }\nrun = 'seq 70 >&2; echo ${{ i }}'\n[tasks.b]\nrun = 'cat'\nstdin = '${{ a }}'";
    let expected = Sandbox::new().manifest(manifest).run([]).code(0).stdout;
    let mut met = String::new();
    for write in 1..200 {
        let sandbox = Sandbox::new().manifest(manifest).file("out.json", "old");
        let fault = format!("io:{write}");
        let run = sandbox.deco(["run", "-j1", "-o", "out.json"]).env("DECO_PLANT_FAULT", &fault).run();
        if run.stderr.contains("cannot keep durations") {
            // they are advice, and the last that is written
            run.code(0);
            continue;
        }
        if run.status.success() {
            for part in ["the journal", "the log", "/.deco`", "/lock`", "cannot write `out.json`"] {
                assert!(met.contains(part), "no write of {part} was met in\n{met}");
            }
            return;
        }
        met += &run.code(3).stdout_is("").stderr_has("no storage space").stderr;
        assert_eq!(sandbox.read("out.json"), "old");
        sandbox.run(["--resume", "-o", "out.json", "-q"]).code(0);
        assert_eq!(sandbox.read("out.json"), expected);
    }
    panic!("no run came to its end");
}

#[test]
fn a_mistake_of_decos_own_ends_the_run_with_words() {
    if !cfg!(debug_assertions) {
        return;
    }
    let manifest =
        "[tasks.a]\nrun = 'echo a'\n[sync.s]\nwaits-for = ['a']\n[tasks.b]\nafter = ['s']\nrun = 'echo b'\n";
    let sandbox = Sandbox::new().manifest(manifest);
    let run = sandbox.deco(["run", "-j2"]).env("DECO_PLANT_FAULT", "panic").run();
    run.code(3).stdout_is("").stderr_has("deco itself failed here; please report it");
    sandbox
        .run(["--resume", "--compact"])
        .code(0)
        .stdout_is("{\"a\":\"a\",\"b\":\"b\"}\n")
        .stderr_has("1 kept");
}

#[test]
fn a_variable_without_a_value_names_no_folder() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = 'true'\n");
    sandbox.deco(["run"]).env("DECO_STATE_DIR", "").run().code(0);
    assert!(sandbox.exists(".deco"));
}

#[test]
fn what_is_left_of_runs_that_were_being_removed_goes_as_well() {
    let sandbox = Sandbox::new().manifest("[tasks.t]\nrun = 'true'");
    sandbox.run([]).code(0);
    let ruin = sandbox.path(".deco/deco.toml/runs/20200101T000000000-1");
    std::fs::create_dir_all(ruin.join("logs")).unwrap();
    sandbox.run([]).code(0);
    assert!(!ruin.exists());
}
