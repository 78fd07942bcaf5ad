//! Every folder of `examples/jobs` is a job, tested by being there: run with one slot and with eight, it
//! prints its `expected.json` to the byte and leaves its folder as it was; and the commands of its README
//! work. Each run has its own copy of the folder. Knows nothing of what the jobs do; they need sh, awk
//! and python3.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, thread};

use tempfile::TempDir;

const WIDTHS: [&str; 2] = ["1", "8"];

#[test]
fn every_job_prints_its_expected_answer_at_any_width() {
    report(for_every_job(|job| WIDTHS.iter().filter_map(|width| run_at(job, width).err()).collect()));
}

#[test]
fn every_command_of_a_readme_works() {
    report(for_every_job(|job| {
        let readme = read_text(&job.join("README.md"));
        match commands_of(&readme).as_slice() {
            [] => vec![format!("{}: the README shows no command", name(job))],
            commands => commands.iter().filter_map(|command| try_command(job, command).err()).collect(),
        }
    }));
}

#[test]
fn commands_are_the_indented_lines_of_a_readme() {
    let readme = "# job\n\n    deco run          # in this folder\n    deco run -t 'a[1,2]'\n\nIt prints\n";
    assert_eq!(commands_of(readme), ["deco run", "deco run -t 'a[1,2]'"]);
}

#[test]
fn a_difference_is_named_by_its_first_line() {
    assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    assert_eq!(first_difference("a\nc\n", "a\nb\n"), Some("line 2 is `c`, expected `b`".to_owned()));
    assert_eq!(first_difference("a\n", "a\nb\n"), Some("it ends after 1 of 2 lines".to_owned()));
    assert_eq!(first_difference("a\nb\n", "a\n"), Some("it goes on after line 1 with `b`".to_owned()));
    assert_eq!(first_difference("a", "a\n"), Some("only the line ends differ".to_owned()));
}

/// What `complaints` says of each job, in the order of their names; the jobs are looked at side by side.
fn for_every_job(complaints: impl Fn(&Path) -> Vec<String> + Sync) -> Vec<String> {
    let jobs = jobs();
    assert!(!jobs.is_empty(), "no folder in examples/jobs");
    thread::scope(|scope| {
        let running: Vec<_> = jobs.iter().map(|job| scope.spawn(|| complaints(job))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a job's thread panicked")).collect()
    })
}

fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n\n"));
}

fn jobs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/jobs");
    let mut jobs: Vec<_> = children(&root).into_iter().filter(|path| path.is_dir()).collect();
    jobs.sort();
    jobs
}

fn run_at(job: &Path, width: &str) -> Result<(), String> {
    let copy = copy_of(job);
    let before = contents(copy.path());
    let output = deco(Command::new(env!("CARGO_BIN_EXE_deco")).args(["run", "-j", width]), copy.path());
    let told = |problem: &str| format!("{} at -j{width}: {problem}{}", name(job), last_words(&output));

    if !output.status.success() {
        return Err(told(&output.status.to_string()));
    }
    let expected = read_text(&job.join("expected.json"));
    if let Some(difference) = first_difference(&String::from_utf8_lossy(&output.stdout), &expected) {
        return Err(told(&format!("the answer is not expected.json: {difference}")));
    }
    match before == contents(copy.path()) {
        true => Ok(()),
        false => Err(told("the run changed the job's folder")),
    }
}

fn try_command(job: &Path, command: &str) -> Result<(), String> {
    let copy = copy_of(job);
    let before = contents(copy.path());
    let output = deco(Command::new("sh").args(["-c", command]).env("PATH", path_with_deco()), copy.path());
    let told = |problem: &str| format!("{}: `{command}`: {problem}{}", name(job), last_words(&output));

    if !output.status.success() {
        return Err(told(&output.status.to_string()));
    }
    match output.stdout.is_empty() && before == contents(copy.path()) {
        true => Err(told("it prints nothing and writes nothing")),
        false => Ok(()),
    }
}

fn deco(command: &mut Command, folder: &Path) -> Output {
    let inherited = env::vars_os().map(|(variable, _)| variable);
    for variable in inherited.filter(|variable| variable.to_string_lossy().starts_with("DECO_")) {
        command.env_remove(variable);
    }
    command.current_dir(folder).stdin(Stdio::null()).output().expect("deco can be started")
}

fn path_with_deco() -> OsString {
    let folder = Path::new(env!("CARGO_BIN_EXE_deco")).parent().expect("the binary is in a folder");
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&others))).expect("a usable PATH")
}

/// The indented lines of a README, without their `# remarks`.
fn commands_of(readme: &str) -> Vec<&str> {
    let indented = readme.lines().filter_map(|line| line.strip_prefix("    "));
    indented.map(|line| line.split(" # ").next().unwrap_or(line).trim()).collect()
}

fn first_difference(actual: &str, expected: &str) -> Option<String> {
    let (mine, wanted): (Vec<_>, Vec<_>) = (actual.lines().collect(), expected.lines().collect());
    let same = mine.iter().zip(&wanted).take_while(|(mine, wanted)| mine == wanted).count();
    match (mine.get(same), wanted.get(same)) {
        (Some(mine), Some(wanted)) => Some(format!("line {} is `{mine}`, expected `{wanted}`", same + 1)),
        (None, Some(_)) => Some(format!("it ends after {same} of {} lines", wanted.len())),
        (Some(mine), None) => Some(format!("it goes on after line {same} with `{mine}`")),
        (None, None) if actual != expected => Some("only the line ends differ".to_owned()),
        (None, None) => None,
    }
}

fn last_words(output: &Output) -> String {
    match String::from_utf8_lossy(&output.stderr).trim_end() {
        "" => String::new(),
        words => format!("\n{words}"),
    }
}

fn copy_of(job: &Path) -> TempDir {
    let copy = TempDir::new().expect("a temporary folder");
    for (relative, content) in contents(job) {
        let target = copy.path().join(relative);
        fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder can be made");
        fs::write(target, content).expect("a file can be copied");
    }
    copy
}

/// Every file under `folder` by its relative path; deco's own state is left out.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(children(&path).into_iter().filter(|child| !child.ends_with(".deco")));
        } else {
            let relative = path.strip_prefix(folder).expect("found under the folder").to_owned();
            found.insert(relative, fs::read(&path).expect("a file of the job can be read"));
        }
    }
    found
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|cause| panic!("read `{}`: {cause}", folder.display()));
    entries.map(|entry| entry.expect("an entry of a folder").path()).collect()
}

fn read_text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("read `{}`: {cause}", path.display()))
}

fn name(job: &Path) -> String {
    job.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
