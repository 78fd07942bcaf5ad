//! The documentation is run. In README.md and docs/*.md, in order: a block whose first line is a comment that
//! names a file (`# deco.toml`) is written to that file, and a `console` block runs its `$ ` lines and must show
//! what they print. Each `##` section has a fresh folder, with `examples/` in it if it speaks of that.
//! SNAPSHOTS=overwrite writes into the documents what the commands print now.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use clap::CommandFactory;
use deco::manifest::load::load;
use deco::value::Value;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};
use tempfile::TempDir;

#[test]
fn every_command_prints_what_its_document_shows() {
    thread::scope(|scope| {
        for file in documents() {
            scope.spawn(move || {
                let shown = read(&file);
                let expected = Data::read_from(&file, Some(DataFormat::Text)).raw();
                Assert::new().action_env("SNAPSHOTS").eq(rerun(&shown), expected);
            });
        }
    });
}

#[test]
fn every_manifest_that_no_command_uses_is_right() {
    for file in documents() {
        for section in sections(&read(&file)) {
            let blocks = blocks(&section);
            let has_commands = blocks.iter().any(|block| block.language == "console");
            let manifest = blocks.iter().find(|block| block.file() == Some("deco.toml"));
            if let Some(manifest) = manifest.filter(|_| !has_commands) {
                let folder = folder(&section);
                write_into(folder.path(), "deco.toml", &manifest.text());
                let checked = run_in(folder.path(), "deco check");
                assert!(checked.status.success(), "{}:\n{}", file.display(), lossy(&checked.stderr));
            }
        }
    }
}

#[test]
fn every_toml_block_is_toml_with_known_keys() {
    for file in documents() {
        let text = read(&file);
        for block in blocks(&text).iter().filter(|block| block.language == "toml") {
            if let Err(error) = block.text().parse::<toml::Table>() {
                panic!("{}: {error}{}", file.display(), block.text());
            }
            let is_part = block.lines.iter().any(|line| line.starts_with('['));
            if is_part && block.file().is_none() {
                let found = complaints(&block.text());
                assert!(!found.contains("unknown key"), "{}:\n{found}", file.display());
            }
        }
    }
}

#[test]
fn every_verb_and_option_is_documented() {
    let text = read(&root().join("docs/command-line.md"));
    for verb in deco::cli::Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = verb.get_name();
        assert!(
            text.contains(&format!("    deco {name} ")),
            "docs/command-line.md says nothing of `deco {name}`"
        );
        for long in verb.get_arguments().filter_map(clap::Arg::get_long) {
            let options = [format!("`--{long}`"), format!("`--{long} ")];
            assert!(options.iter().any(|option| text.contains(option)), "nothing is said of `--{long}`");
        }
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for file in documents() {
        let text = read(&file);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { file.clone() } else { file.parent().unwrap_or(&file).join(path) };
            assert!(path.exists(), "{}: nothing at `{target}`", file.display());
            let found = heading.is_empty() || headings(&read(&path)).any(|one| one == heading);
            assert!(found, "{}: no heading for `{target}`", file.display());
        }
    }
}

#[test]
fn the_files_for_ci_are_right_and_their_commands_run() {
    for name in ["github.yml", "gitlab.yml"] {
        let file = root().join("docs/ci").join(name);
        let text = read(&file);
        let value = load(&file).unwrap_or_else(|error| panic!("{name}: {}", error.message));
        let mut scripts = Vec::new();
        commands(&value, &mut scripts);
        scripts.retain(|script| script.split_whitespace().any(|word| word == "deco"));
        let script = scripts.iter().find(|script| script.contains("deco run")).expect("a run");
        // the first time, and once more
        for resume in ["", "--resume"] {
            let folder = folder("");
            write_into(folder.path(), "deco.toml", "[tasks.t]\nrun = 'echo 1'\n");
            let ran = run_in(folder.path(), &format!("set -eu; RESUME='{resume}'; {script}"));
            assert!(ran.status.success(), "{name}: {script}\n{}", lossy(&ran.stderr));
            for made in ["results.json", "deco.xml", "deco.html"] {
                assert!(folder.path().join(made).exists() && text.contains(made), "{name}: {made}");
            }
        }
    }
}

/// What steps of GitHub (`run`) and jobs of GitLab (`script`) execute.
fn commands(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members.iter() {
                match (&**key, value) {
                    ("run", Value::String(text)) => found.push(text.to_string()),
                    ("script", Value::Array(lines)) => {
                        let lines = lines.iter().map(|line| match line {
                            Value::String(line) => line.to_string(),
                            other => panic!("{other} is no command"),
                        });
                        found.push(lines.collect::<Vec<_>>().join("\n"));
                    }
                    (_, value) => commands(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| commands(item, found)),
        _ => {}
    }
}

#[test]
fn what_a_command_prints_replaces_what_was_shown() {
    let shown = "# t\n\n```console\n$ echo a\nb\n$ printf 'c\\n\\nd\\n'\n```\n";
    assert_eq!(rerun(shown), "# t\n\n```console\n$ echo a\na\n$ printf 'c\\n\\nd\\n'\nc\n\nd\n```\n");
}

#[test]
fn standard_error_is_shown_of_a_command_that_fails() {
    let shown = "```console\n$ echo a; echo b >&2\na\n$ echo a; echo b >&2; false\na\nb\n```\n";
    assert_eq!(rerun(shown), shown);
}

#[test]
fn named_blocks_are_files_until_the_next_section() {
    let file = "```toml\n# a/b.toml\nx = 1\n```\n";
    let shown = |heading| format!("{file}{heading} t\n```console\n$ cat a/b.toml 2>/dev/null || echo none\n");
    assert_eq!(rerun(&(shown("###") + "x\n```\n")), shown("###") + "# a/b.toml\nx = 1\n```\n");
    assert_eq!(rerun(&(shown("##") + "x\n```\n")), shown("##") + "none\n```\n");
}

/// What deco says of a manifest, or of a part of one.
fn complaints(manifest: &str) -> String {
    let folder = folder("");
    write_into(folder.path(), "deco.toml", manifest);
    lossy(&run_in(folder.path(), "deco check").stderr)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let listed = fs::read_dir(root().join("docs")).expect("docs/ is there");
    let files = listed.map(|entry| entry.expect("docs/ can be read").path());
    let mut found: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "md")).collect();
    found.push(root().join("README.md"));
    found.sort();
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A fenced block, without its fences.
struct Block<'a> {
    language: &'a str,
    lines: Vec<&'a str>,
}

impl Block<'_> {
    /// The file that the first line names.
    fn file(&self) -> Option<&str> {
        let name = self.lines.first()?.strip_prefix("# ")?;
        let is_name = !name.contains(char::is_whitespace) && name.contains('.');
        (self.language != "console" && is_name).then_some(name)
    }

    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The parts of a document between its `##` headings.
fn sections(text: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut fenced = false;
    for line in text.split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        if line.starts_with("## ") && !fenced {
            sections.push(String::new());
        }
        sections.last_mut().expect("there is a first").push_str(line);
    }
    sections
}

fn blocks(section: &str) -> Vec<Block<'_>> {
    let mut lines = section.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let lines = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push(Block { language, lines });
        }
    }
    found
}

/// As links write headings: lower case, without punctuation, spaces as `-`.
fn headings(text: &str) -> impl Iterator<Item = String> + '_ {
    let titles =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    titles.map(|title| {
        let kept = title.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect()
    })
}

/// The document with what its commands print now.
fn rerun(text: &str) -> String {
    sections(text).iter().map(|section| rerun_section(section)).collect()
}

fn rerun_section(section: &str) -> String {
    let folder = folder(section);
    let mut blocks = blocks(section).into_iter();
    let mut lines = section.lines();
    let mut out = String::new();
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        if !line.starts_with("```") {
            continue;
        }
        let Some(block) = blocks.next() else { break };
        lines.by_ref().take_while(|line| *line != "```").for_each(drop);
        if let Some(name) = block.file() {
            write_into(folder.path(), name, &block.text());
        }
        out += &if block.language == "console" { run_block(folder.path(), &block) } else { block.text() };
        out += "```\n";
    }
    out
}

fn run_block(folder: &Path, block: &Block<'_>) -> String {
    let commands = block.lines.iter().filter_map(|line| line.strip_prefix("$ "));
    commands
        .map(|command| {
            let Output { status, stdout, stderr } = run_in(folder, command);
            let failure = if status.success() { String::new() } else { lossy(&stderr) };
            format!("$ {command}\n{}{failure}", lossy(&stdout))
        })
        .collect()
}

/// Runs a line as a user at a plain terminal would.
fn run_in(folder: &Path, command: &str) -> Output {
    let deco = Path::new(env!("CARGO_BIN_EXE_deco"));
    let own = std::env::var_os("PATH").unwrap_or_default();
    let path = deco.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&own));
    Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path).expect("PATH can be joined"))
        .env("HOME", folder)
        // these decide what the log looks like
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY")
        .env_remove("GITLAB_CI")
        .envs([("NO_COLOR", "1"), ("LC_ALL", "C.UTF-8"), ("USER", "you")])
        .stdin(Stdio::null())
        .output()
        .expect("sh is there")
}

/// A fresh folder, with the examples if the section speaks of them.
fn folder(section: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    if section.contains("examples/") {
        copy(&root().join("examples"), &folder.path().join("examples"));
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for entry in fs::read_dir(from).expect("a folder of the examples") {
        let from = entry.expect("a file of the examples").path();
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            copy(&from, &to)
        } else {
            fs::copy(&from, &to).map(drop).expect("a file is copied")
        }
    }
}

fn write_into(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap_or(folder)).expect("a folder is made");
    fs::write(file, text).expect("a file is written");
}
