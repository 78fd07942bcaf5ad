//! What GitHub Actions is told: failures as annotations on the manifest's lines, and a summary of the run. Text of calls
//! gives it no commands.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::lines::{clean, counts};
use super::summary::Summary;
use crate::event::{Event, EventKind};
use crate::outcome::{Failure, Outcome, in_words};

/// GitHub shows no more annotations of one step, and nobody reads more.
const SHOWN: usize = 10;

/// Where tasks stand.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    pub file: PathBuf,
    /// By the task's name, from 1.
    pub of_tasks: HashMap<String, usize>,
}

/// Tells GitHub of a run when it has ended.
#[derive(Debug)]
pub struct Github<W> {
    lines: Lines,
    out: W,
    /// The file that the summary is appended to, if there is one.
    summary_file: Option<PathBuf>,
    summary: Summary,
    /// Calls and sync points that failed, and why: the first of them.
    failed: Vec<(String, String)>,
}

impl<W: Write> Github<W> {
    pub fn new(lines: Lines, out: W, summary_file: Option<PathBuf>) -> Github<W> {
        Github { lines, out, summary_file, summary: Summary::default(), failed: Vec::new() }
    }

    fn failed(&mut self, name: &str, outcome: &Outcome) {
        let Outcome::Failed { failure, forgiven: false } = outcome else { return };
        if *failure != Failure::Interrupted && self.failed.len() < SHOWN {
            self.failed.push((name.to_owned(), failure.to_string()));
        }
    }

    fn annotation(&self, (name, why): &(String, String)) -> String {
        let task = name.split_once('[').map_or(name.as_str(), |(task, _)| task);
        let place = self.lines.of_tasks.get(task).map_or(String::new(), |line| {
            format!("file={},line={line},", in_property(&self.lines.file.display().to_string()))
        });
        format!("::error {place}title={}::{}\n", in_property(&format!("{name} failed")), in_data(why))
    }

    /// Of preformatted text, in which nothing is Markdown.
    fn markdown(&self, ended: &EventKind, took: Duration) -> String {
        let failed =
            self.failed.iter().map(|(name, why)| format!("{name} failed: {}", why.replace('\n', " ")));
        let lines: String =
            failed.chain(self.summary.lines(took)).map(|line| escaped(&clean(&line)) + "\n").collect();
        let details = if lines.is_empty() { String::new() } else { format!("<pre>\n{lines}</pre>\n\n") };
        format!("### deco: {} in {}\n\n{details}", counts(ended), in_words(took))
    }
}

impl<W: Write> Github<W> {
    /// Takes what has happened. An `Err` says what could not be written.
    pub fn event(&mut self, event: &Event) -> Result<(), String> {
        self.summary.take(event);
        match &event.kind {
            EventKind::CallEnded { call: name, outcome, .. }
            | EventKind::SyncEnded { sync: name, outcome }
            | EventKind::TaskExpanded { task: name, outcome, .. } => self.failed(name, outcome),
            EventKind::RunEnded { .. } => {
                // one write, so that no other line comes between; a reader that has gone away is no reason to stop
                let annotations: String = self.failed.iter().map(|failed| self.annotation(failed)).collect();
                let _ = self.out.write_all(annotations.as_bytes());
                if let Some(file) = &self.summary_file {
                    let text = self.markdown(&event.kind, Duration::from_millis(event.ms));
                    let opened = OpenOptions::new().append(true).create(true).open(file);
                    opened
                        .and_then(|mut file| file.write_all(text.as_bytes()))
                        .map_err(|error| format!("cannot write `{}`: {error}", file.display()))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Text in which no line is a command to GitHub: it takes `::…::` after any blanks, and `##[…]` anywhere.
pub(super) fn without_commands(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = line.len() - line.trim_start().len();
        let (blanks, rest) = line.split_at(start);
        safe.push_str(blanks);
        if let Some(rest) = rest.strip_prefix("::") {
            safe.push_str(": :");
            safe.push_str(&rest.replace("##[", "## ["));
        } else {
            safe.push_str(&rest.replace("##[", "## ["));
        }
    }
    safe
}

/// As the text of a command.
pub(super) fn in_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn in_property(text: &str) -> String {
    in_data(text).replace(':', "%3A").replace(',', "%2C")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stand_at_their_lines_and_the_summary_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("summary.md");
        std::fs::write(&file, "before\n").unwrap();
        let lines = Lines { file: "a,b/deco.toml".into(), of_tasks: HashMap::from([("fit".to_owned(), 7)]) };
        let mut github = Github::new(lines, Vec::new(), Some(file.clone()));
        let ended = |ms: u64, call: &str, rest: &str| {
            format!(
                r#"{{"ms":{ms},"event":"call-ended","call":"{call}",{rest},"took_ms":1,"changes":[],"stdout_tail":"","stderr_tail":""}}"#
            )
        };
        let failure = |message: &str| {
            format!(
                r#""outcome":"failed","forgiven":false,"failure":{{"reason":"raised","message":"{message}"}}"#
            )
        };
        for line in [
            ended(1, "ok", r#""outcome":"succeeded""#),
            ended(2, "fit[a:b]", &failure("50% <b>\\n::error::no")),
            ended(3, "other", &failure("no")),
            r#"{"ms":1500,"event":"run-ended","status":"failed","succeeded":1,"failed":2,"forgiven":0,"skipped":0,"blocked":0,"not_run":0}"#.to_owned(),
        ] {
            github.event(&Event::parse(line.as_bytes()).unwrap()).unwrap();
        }
        let told = String::from_utf8(github.out).unwrap();
        let told: Vec<&str> = told.lines().collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("::error file=a%2Cb/deco.toml,line=7,title=fit[a%3Ab] failed::"),
            "{told:?}"
        );
        assert!(told[0].contains("50%25 <b>%0A::error::no"), "{told:?}");
        assert!(told[1].starts_with("::error title=other failed::"), "{told:?}");
        let summary = std::fs::read_to_string(file).unwrap();
        assert!(
            summary
                .starts_with("before\n### deco: 1 succeeded, 2 failed in 1.5s\n\n<pre>\nfit[a:b] failed: ")
        );
        assert!(summary.contains("50% &lt;b>") && summary.ends_with("</pre>\n\n"), "{summary}");
    }

    #[test]
    fn text_of_calls_gives_no_commands() {
        let check = |text: &str, expected: &str| assert_eq!(without_commands(text), expected);
        check("a\n  ::error::x\n::warning::y\n", "a\n  : :error::x\n: :warning::y\n");
        check("x ##[error]y\nstd::fs ok", "x ## [error]y\nstd::fs ok");
        check("::##[group]", ": :## [group]");
    }
}
