//! What a person is told of a run, as text made from its events: each failure at once and whole, the rest as far as
//! wanted, at the end what never ran and why. Text of calls passes only without its control characters.
//! Writes nothing itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::summary::Summary;
use crate::event::{Event, EventKind, Printed, RunStatus};
use crate::outcome::{Failure, Outcome, Skip, in_words, signal_name};
use crate::shell;
use crate::value::Text;

/// Lines of an output's beginning in a failure's block.
const HEAD_LINES: usize = 5;

/// Lines of its end.
const TAIL_LINES: usize = 20;

/// Lines of standard output's end where that is what is wrong, beside those of standard error.
const RESULT_LINES: usize = 5;

/// Reasons, and addresses for one reason, that the end lists.
const LISTED: usize = 10;

/// The outputs of a call, and the options of `deco log` for each alone.
const OUTPUTS: [(&str, &str); 2] = [("standard output", "--stdout"), ("standard error", "--stderr")];

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    Failures,
    #[default]
    Normal,
    Verbose,
}

/// How a call can be run again.
#[derive(Clone, Debug)]
pub enum Again {
    /// By this command, up to `-t`: `deco run`, `deco run other.toml`.
    Part(String),
    /// In these words, with all that did not end; `log` is the command that shows what calls printed, up to `--run`.
    Whole { words: &'static str, log: String },
}

impl From<String> for Again {
    fn from(command: String) -> Again {
        Again::Part(command)
    }
}

/// Makes the lines, event by event.
#[derive(Debug)]
pub struct Lines {
    detail: Detail,
    color: bool,
    again: Again,
    /// Where the folders of the runs are; then, where that of this run is.
    folder: PathBuf,
    last_words: bool,
    /// Whether something was told of what calls leave behind.
    told_of_leaks: bool,
    interrupts: usize,
    /// How many attempts have failed of calls that had another one.
    tried: FxHashMap<Text, u32>,
    /// Calls that the run took over from the one before.
    kept: usize,
    /// Calls that never ran, by the reason.
    never_run: IndexMap<String, Group>,
    /// Those whose reasons are too many to keep.
    never_run_else: usize,
    /// Whether all of the manifest is to run.
    whole: bool,
    /// Tasks whose `for` gives nothing.
    without_calls: Group,
    summary: Summary,
}

/// The first of those that share a reason, and how many more there are.
#[derive(Debug, Default)]
struct Group {
    first: Vec<String>,
    more: usize,
}

impl Group {
    fn add(&mut self, name: &str) {
        if self.first.len() < LISTED {
            self.first.push(name.to_owned());
        } else {
            self.more += 1;
        }
    }
}

impl Lines {
    pub fn new(detail: Detail, color: bool, again: impl Into<Again>) -> Lines {
        Lines {
            detail,
            color,
            again: again.into(),
            folder: PathBuf::new(),
            last_words: true,
            told_of_leaks: false,
            interrupts: 0,
            tried: FxHashMap::default(),
            kept: 0,
            never_run: IndexMap::new(),
            never_run_else: 0,
            whole: false,
            without_calls: Group::default(),
            summary: Summary::default(),
        }
    }

    /// Names logs by where the folders of the runs are.
    #[must_use]
    pub fn with_runs(self, runs: PathBuf) -> Lines {
        Lines { folder: runs, ..self }
    }

    /// Whether the last lines of an output stand below a failure.
    #[must_use]
    pub(super) fn with_last_words(self, last_words: bool) -> Lines {
        Lines { last_words, ..self }
    }

    /// Whether only failures are told.
    pub(super) fn is_quiet(&self) -> bool {
        self.detail == Detail::Failures
    }

    /// What is to be said of this event: whole lines.
    pub fn tell(&mut self, event: &Event) -> Option<String> {
        if !self.is_quiet() {
            self.summary.take(event);
        }
        match &event.kind {
            EventKind::RunStarted { run, calls, unexpanded, syncs, jobs, whole, .. } => {
                self.folder.push(run);
                self.whole = *whole;
                let named = counted(*syncs, "sync point", "sync points");
                let syncs = if *syncs > 0 { format!(" and {named}") } else { String::new() };
                let calls = counted(*calls, "call", "calls");
                let later = counted(*unexpanded, "task", "tasks");
                let later =
                    if *unexpanded > 0 { format!(", more from {later} known later") } else { String::new() };
                self.verbose(|| format!("deco: {calls}{syncs}{later}, {jobs} at a time\n"))
            }
            EventKind::Planned(shape) => {
                self.without_calls = Group::default();
                let without = shape.tasks.iter().filter(|task| task.calls == Some(0));
                without.for_each(|task| self.without_calls.add(&task.task));
                None
            }
            EventKind::AttemptStarted { .. } | EventKind::AnswerGiven => None,
            EventKind::CallKept { call } => {
                self.kept += 1;
                self.verbose(|| self.line(call, AnsiColor::Green, "kept", ": it had ended before"))
            }
            EventKind::CallEnded { call, outcome, took_ms, leaked, printed, .. } => {
                let printed = printed.as_deref().unwrap_or(Printed::NOTHING);
                let attempts = 1 + self.tried.remove(call).unwrap_or_default();
                let ended = self.ended(&Ended {
                    name: call,
                    outcome,
                    attempts,
                    took: took_ms.map(Duration::from_millis),
                    stdout: Shown::new(&printed.stdout_head, &printed.stdout_tail, &printed.stdout_log),
                    stderr: Shown::new(&printed.stderr_head, &printed.stderr_tail, &printed.stderr_log),
                });
                let leak = leaked.then(|| self.leaked(call)).flatten();
                leak.map_or(ended.clone(), |leak| Some(ended.unwrap_or_default() + &leak))
            }
            EventKind::SyncEnded { sync, outcome } => self.ended(&Ended::silent(sync, outcome)),
            EventKind::AttemptFailed {
                call, attempt, failure, next_in_ms, stdout_log, stderr_log, ..
            } => {
                self.tried.insert(call.clone(), *attempt);
                let next = in_words(Duration::from_millis(*next_in_ms));
                let rest = format!(" {attempt} failed: {failure}; the next in {next}");
                let logs = logs(&self.folder, [stdout_log.as_deref(), stderr_log.as_deref()]);
                self.verbose(|| self.line(call, AnsiColor::Yellow, "attempt", &rest) + &logs)
            }
            EventKind::TaskExpanded { task, outcome: Outcome::Succeeded, calls } => {
                let calls = counted(*calls, "call", "calls");
                self.verbose(|| format!("{}: {calls} found\n", self.paint(Style::new().bold(), &clean(task))))
            }
            EventKind::TaskExpanded { task, outcome, .. } => self.ended(&Ended::silent(task, outcome)),
            EventKind::Interrupted { signal } => Some(self.interrupted(*signal)),
            EventKind::RunEnded { .. } if self.detail == Detail::Failures => None,
            kind @ EventKind::RunEnded { .. } => Some(self.run_ended(kind, Duration::from_millis(event.ms))),
        }
    }

    /// A word that is no fact of the run.
    pub fn notice(&self, text: &str) -> String {
        format!("deco: {}\n", clean(text))
    }

    /// What was left behind and ended: each where all is told, else the first.
    fn leaked(&mut self, call: &str) -> Option<String> {
        let is_first = !std::mem::replace(&mut self.told_of_leaks, true);
        let all = match self.detail {
            Detail::Failures => return None,
            Detail::Normal if !is_first => return None,
            Detail::Normal => " (`-v` tells of all such calls)",
            Detail::Verbose => "",
        };
        let text = "what it had started held its output open 100ms after its end, and was ended";
        Some(self.line(call, AnsiColor::Yellow, "left something behind", &format!(": {text}{all}")))
    }

    fn verbose(&self, text: impl FnOnce() -> String) -> Option<String> {
        (self.detail == Detail::Verbose).then(text)
    }

    fn ended(&mut self, ended: &Ended<'_>) -> Option<String> {
        match ended.outcome {
            Outcome::Succeeded => self.verbose(|| self.success(ended)),
            Outcome::Failed { failure, forgiven } => {
                let told = !forgiven || self.detail != Detail::Failures;
                told.then(|| self.failure(ended, failure, *forgiven))
            }
            Outcome::Skipped { because: Skip::Condition } => {
                self.verbose(|| self.line(ended.name, AnsiColor::Yellow, "skipped", ": its `if` is false"))
            }
            Outcome::Skipped { because: Skip::NoFailure } => {
                self.verbose(|| self.line(ended.name, AnsiColor::Yellow, "skipped", ": nothing failed"))
            }
            Outcome::Skipped { because: Skip::Requested } => {
                self.verbose(|| self.line(ended.name, AnsiColor::Yellow, "skipped", ": by `--skip`"))
            }
            Outcome::Skipped { because: Skip::Reads(unfilled) } => self.never_run(
                ended.name,
                format!("skipped, since {} did not fill {}", unfilled.call, unfilled.path),
            ),
            Outcome::Blocked { by } => self.never_run(ended.name, format!("blocked by {by}")),
            Outcome::NotRun => None,
        }
    }

    fn success(&self, ended: &Ended<'_>) -> String {
        let took = ended.took.map(|took| format!(" in {}", in_words(took))).unwrap_or_default();
        self.line(ended.name, AnsiColor::Green, "succeeded", &took)
    }

    /// A call or sync point, in bold, what became of it, in this colour, and the rest of the line.
    fn line(&self, name: &str, color: AnsiColor, what: &str, rest: &str) -> String {
        let name = self.paint(Style::new().bold(), &clean(name));
        let what = self.paint(color.on_default().bold(), what);
        format!("{name} {what}{rest}\n")
    }

    /// The address, what went wrong, the last words, and how to see it once more.
    fn failure(&self, ended: &Ended<'_>, failure: &Failure, forgiven: bool) -> String {
        let mut words = failure.to_string().lines().map(clean).collect::<Vec<_>>().join("\n    ");
        if let (Failure::Exit { .. }, Some(took)) = (failure, ended.took) {
            words = format!("{words} after {}", in_words(took));
        }
        if *failure == Failure::Interrupted {
            return self.line(ended.name, AnsiColor::Yellow, &words, "");
        }
        if ended.attempts > 1 {
            words.push_str(&format!(", the last of {} attempts", ended.attempts));
        }
        let (color, allowed) =
            if forgiven { (AnsiColor::Yellow, ", which is allowed") } else { (AnsiColor::Red, "") };
        let mut block = self.line(ended.name, color, "failed", &format!("{allowed}: {words}"));
        if self.last_words {
            block.push_str(&ended.last_words(failure));
        }
        block.push_str(&self.whole(ended));
        block.push_str(&format!("  to run it again: {}\n", self.again(ended.name, failure)));
        block
    }

    fn again(&self, name: &str, failure: &Failure) -> String {
        match &self.again {
            // a sync point runs nothing of its own
            Again::Part(command) if matches!(failure, Failure::Check { .. }) => format!("{command} --resume"),
            Again::Part(command) => format!("{command} --resume -t {}", shell::quoted(&clean(name))),
            Again::Whole { words, .. } => (*words).to_owned(),
        }
    }

    /// How to see the outputs as a whole that were shown in part.
    fn whole(&self, ended: &Ended<'_>) -> String {
        let logs = [ended.stdout.log, ended.stderr.log];
        let Again::Whole { log, .. } = &self.again else { return self::logs(&self.folder, logs) };
        let run = self.folder.file_name().map(|id| id.to_string_lossy()).unwrap_or_default();
        let name = clean(ended.name);
        let address = shell::quoted(&name);
        let known = OUTPUTS.into_iter().zip(logs).filter(|(_, log)| log.is_some());
        let line = |((name, option), _)| format!("  all of {name}: {log} --run {run} {option} {address}\n");
        known.map(line).collect()
    }

    /// Tells it at once where all is told, else keeps it for the end.
    fn never_run(&mut self, name: &str, reason: String) -> Option<String> {
        if self.detail == Detail::Verbose {
            return Some(self.line(name, AnsiColor::Yellow, &reason, ""));
        }
        if self.never_run.len() >= LISTED && !self.never_run.contains_key(&reason) {
            self.never_run_else += 1;
            return None;
        }
        self.never_run.entry(reason).or_default().add(name);
        None
    }

    fn interrupted(&mut self, signal: i32) -> String {
        self.interrupts += 1;
        let what = match self.interrupts {
            1 => "ending the calls that run; a second signal kills them",
            _ => "killing the calls that run",
        };
        self.notice(&format!("{}: {what}", signal_name(signal)))
    }

    fn run_ended(&self, kind: &EventKind, took: Duration) -> String {
        let mut text: String =
            self.never_run.iter().map(|(reason, group)| self.group(reason, group)).collect();
        if self.never_run_else > 0 {
            let calls = counted(self.never_run_else, "call", "calls");
            text.push_str(&format!("for other reasons {calls} never ran (`-v` tells them)\n"));
        }
        if self.wonders_about_calls(kind) {
            text.push_str(&self.group("no calls, since `for` gives nothing", &self.without_calls));
        }
        text.push_str(&self.summary(kind, took));
        if let (EventKind::RunEnded { status: RunStatus::Interrupted, .. }, Again::Part(command)) =
            (kind, &self.again)
        {
            text.push_str(&format!("  to go on with it: {command} --resume\n"));
        }
        text.extend(self.summary.lines(took).iter().map(|line| format!("  {}\n", clean(line))));
        text
    }

    /// Whether to say which tasks had no calls: a pattern may match no file by mistake. Of the part of a manifest that was
    /// asked for, or where no manifest was written, that is known.
    fn wonders_about_calls(&self, ended: &EventKind) -> bool {
        let succeeded = matches!(ended, EventKind::RunEnded { status: RunStatus::Succeeded, .. });
        let of_manifest = self.whole && matches!(self.again, Again::Part(_));
        succeeded && of_manifest && !self.without_calls.first.is_empty()
    }

    fn group(&self, reason: &str, group: &Group) -> String {
        let names: Vec<_> = group.first.iter().map(|name| clean(name)).collect();
        let more = if group.more > 0 { format!(" and {} more", group.more) } else { String::new() };
        let reason = self.paint(AnsiColor::Yellow.on_default().bold(), &clean(reason));
        format!("{reason}: {}{more}\n", names.join(", "))
    }

    fn summary(&self, kind: &EventKind, took: Duration) -> String {
        let EventKind::RunEnded { status, .. } = kind else { return String::new() };
        let (color, remark) = match status {
            RunStatus::Succeeded => (AnsiColor::Green, ""),
            RunStatus::Failed => (AnsiColor::Red, ""),
            RunStatus::Conflict => (AnsiColor::Red, " (calls in conflict)"),
            RunStatus::Interrupted => (AnsiColor::Red, " (interrupted)"),
        };
        let deco = self.paint(color.on_default().bold(), "deco:");
        let kept = match self.kept {
            0 => String::new(),
            kept => format!(", {kept} kept from the run before"),
        };
        format!("{deco} {} in {}{kept}{remark}\n", counts(kind), in_words(took))
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// A call or sync point that came to its end.
struct Ended<'a> {
    name: &'a str,
    outcome: &'a Outcome,
    /// How many there were; 1 also if there was none.
    attempts: u32,
    took: Option<Duration>,
    stdout: Shown<'a>,
    stderr: Shown<'a>,
}

/// What there is to show of an output.
#[derive(Default)]
struct Shown<'a> {
    /// Blank if the end is all, or all that is known.
    beginning: &'a str,
    end: &'a str,
    /// Where all of it is, in the run's folder.
    log: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(beginning: &'a Option<String>, end: &'a str, log: &'a Option<String>) -> Shown<'a> {
        Shown { beginning: beginning.as_deref().unwrap_or_default(), end, log: log.as_deref() }
    }
}

impl<'a> Ended<'a> {
    fn silent(name: &'a str, outcome: &'a Outcome) -> Ended<'a> {
        Ended { name, outcome, attempts: 1, took: None, stdout: Shown::default(), stderr: Shown::default() }
    }

    /// Standard error, or where that is blank standard output: many a program complains there.
    fn last_words(&self, failure: &Failure) -> String {
        let stderr = excerpt("standard error", &self.stderr, TAIL_LINES);
        match failure {
            Failure::Result { .. } => excerpt("standard output", &self.stdout, RESULT_LINES) + &stderr,
            _ if stderr.is_empty() => excerpt("standard output", &self.stdout, TAIL_LINES),
            _ => stderr,
        }
    }
}

/// What became of the calls of a run that has ended.
pub(super) fn counts(kind: &EventKind) -> String {
    let EventKind::RunEnded { succeeded, failed, forgiven, skipped, blocked, not_run, .. } = kind else {
        return String::new();
    };
    let counts = [
        (*failed, "failed"),
        (*forgiven, "failed as allowed"),
        (*skipped, "skipped"),
        (*blocked, "blocked"),
        (*not_run, "not run"),
    ];
    let mut words = format!("{succeeded} succeeded");
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        words.push_str(&format!(", {count} {what}"));
    }
    words
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Where the outputs are as a whole, standard output first, that were shown in part.
fn logs(folder: &Path, logs: [Option<&str>; 2]) -> String {
    let known = OUTPUTS.into_iter().zip(logs).filter_map(|((name, _), log)| Some((name, folder.join(log?))));
    known.map(|(name, log)| format!("  all of {name}: {}\n", log.display())).collect()
}

/// The first and the last lines of an output, indented under its name; nothing if it is blank.
fn excerpt(name: &str, output: &Shown<'_>, last: usize) -> String {
    let end: Vec<&str> = output.end.trim_end().lines().collect();
    let first: Vec<&str> = output.beginning.lines().take(HEAD_LINES).collect();
    let shown = match (&*first, &*end) {
        ([], []) => return String::new(),
        ([], all) if all.len() <= HEAD_LINES + last => vec![all],
        ([], all) => vec![&all[..HEAD_LINES], &["…"], &all[all.len() - last..]],
        (first, end) => vec![first, &["…"], &end[end.len().saturating_sub(last)..]],
    };
    let cut = if output.log.is_some() && first.is_empty() { ", its end" } else { "" };
    let lines =
        shown.into_iter().flatten().map(|line| format!("    {}", clean(line)).trim_end().to_owned() + "\n");
    format!("  {name}{cut}:\n{}", lines.collect::<String>())
}

/// One line as a terminal would leave it, without anything that would move its cursor or change its colours: escapes
/// are removed, of a line that overwrites itself the last state stays, other control characters show as `�`.
pub(super) fn clean(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let last = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    let visible = |c: char| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    anstream::adapter::strip_str(last).to_string().trim_end().chars().map(visible).collect()
}

#[cfg(test)]
mod tests;
