//! How a call ended, as data, and the words for it. Knows nothing of processes or of the run.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::name::CallAddress;

/// One of the two outputs of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Failure {
    /// The process ended with a code that is not in `ok-exit`, or by a signal.
    Exit { exit: Exit },
    /// The attempt took longer than `timeout`.
    Timeout { limit_ms: u64 },
    /// The program could not be started, in words.
    CannotStart { message: String },
    /// An expression of the call found nothing, or made nothing usable.
    Expression { message: String },
    /// Standard output is not what `result` says.
    Result { message: String },
    /// The result does not fit where `fills` puts it.
    Fill { message: String },
    /// A `check` or a `write` of a sync point did not hold.
    Check { message: String },
    /// The run was ended while the call ran.
    Interrupted,
    /// The terminal stopped it, since it wanted to use it.
    StoppedByTerminal { signal: i32 },
    /// A function raised, or its worker ended over the call, in words.
    Raised { message: String },
}

/// How a call, or a sync point, ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    Succeeded,
    /// `forgiven`: by `allow-failure`, so that the run does not fail.
    Failed {
        failure: Failure,
        forgiven: bool,
    },
    /// Never run, because of its `if` or because it reads what a skipped or forgiven call was to fill.
    Skipped {
        because: Skip,
    },
    /// Never run, because what it needs failed: the address of the call, or the sync point, that did.
    Blocked {
        by: String,
    },
    /// Never run, because the run stopped first.
    NotRun,
}

/// Why a call was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Skip {
    /// Its `if` is false.
    Condition,
    /// By `--skip`.
    Requested,
    /// It runs only after a failure, and there was none.
    NoFailure,
    /// It reads a place that a call was to fill.
    Reads(Box<Unfilled>),
}

/// The place that was to be filled, and the call that did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unfilled {
    #[schemars(with = "String")]
    pub call: CallAddress,
    pub path: String,
}

/// An outcome without its words: what is kept of each of a million calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Succeeded,
    Failed,
    Forgiven,
    Skipped,
    Blocked,
    NotRun,
}

impl Verdict {
    /// As expressions and messages write it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Succeeded => "succeeded",
            Verdict::Failed => "failed",
            Verdict::Forgiven => "forgiven",
            Verdict::Skipped => "skipped",
            Verdict::Blocked => "blocked",
            Verdict::NotRun => "not-run",
        }
    }
}

impl Outcome {
    pub fn verdict(&self) -> Verdict {
        match self {
            Outcome::Succeeded => Verdict::Succeeded,
            Outcome::Failed { forgiven: false, .. } => Verdict::Failed,
            Outcome::Failed { forgiven: true, .. } => Verdict::Forgiven,
            Outcome::Skipped { .. } => Verdict::Skipped,
            Outcome::Blocked { .. } => Verdict::Blocked,
            Outcome::NotRun => Verdict::NotRun,
        }
    }

    /// Whether the run fails by it.
    pub fn is_unforgiven_failure(&self) -> bool {
        matches!(self, Outcome::Failed { forgiven: false, .. })
    }

    /// One word for it, as events have it; a forgiven failure has its own.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed { forgiven: false, .. } => "failed",
            Outcome::Failed { forgiven: true, .. } => "forgiven",
            Outcome::Skipped { .. } => "skipped",
            Outcome::Blocked { .. } => "blocked",
            Outcome::NotRun => "not-run",
        }
    }

    /// Goes over the words that calls, their keys and expressions gave.
    pub fn for_words(&mut self, change: &dyn Fn(&mut String)) {
        match self {
            Outcome::Succeeded | Outcome::NotRun => {}
            Outcome::Failed { failure, .. } => failure.for_words(change),
            Outcome::Skipped { because: Skip::Condition | Skip::Requested | Skip::NoFailure } => {}
            Outcome::Skipped { because: Skip::Reads(unfilled) } => {
                for part in &mut unfilled.call.key {
                    let mut text = part.to_string();
                    change(&mut text);
                    *part = text.into();
                }
                change(&mut unfilled.path);
            }
            Outcome::Blocked { by } => change(by),
        }
    }
}

impl Failure {
    /// Goes over the words that expressions, programs and the machine gave.
    pub fn for_words(&mut self, change: &dyn Fn(&mut String)) {
        match self {
            Failure::Exit { .. }
            | Failure::Timeout { .. }
            | Failure::Interrupted
            | Failure::StoppedByTerminal { .. } => {}
            Failure::CannotStart { message }
            | Failure::Expression { message }
            | Failure::Result { message }
            | Failure::Fill { message }
            | Failure::Check { message }
            | Failure::Raised { message } => change(message),
        }
    }
}

impl Failure {
    /// One word for the reason, as events have it.
    pub fn word(&self) -> &'static str {
        match self {
            Failure::Exit { .. } => "exit",
            Failure::Timeout { .. } => "timeout",
            Failure::CannotStart { .. } => "cannot-start",
            Failure::Expression { .. } => "expression",
            Failure::Result { .. } => "result",
            Failure::Fill { .. } => "fill",
            Failure::Check { .. } => "check",
            Failure::Raised { .. } => "raised",
            Failure::Interrupted => "interrupted",
            Failure::StoppedByTerminal { .. } => "stopped-by-terminal",
        }
    }
}

/// `SIGTERM` and its like; other numbers as themselves.
pub fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// A length of time for people: `350ms`, `2.4s`, `3m 20s`, `1h 5m`.
pub fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{:.1}s", time.as_secs_f64()).replace(".0s", "s"),
        _ => {
            let seconds = time.as_secs();
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            if hours > 0 { format!("{hours}h {minutes}m") } else { format!("{minutes}m {}s", seconds % 60) }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Succeeded => f.write_str("succeeded"),
            Outcome::Failed { failure, forgiven: false } => write!(f, "failed: {failure}"),
            Outcome::Failed { failure, forgiven: true } => write!(f, "failed, which is allowed: {failure}"),
            Outcome::Skipped { because: Skip::Condition } => f.write_str("skipped: its `if` is false"),
            Outcome::Skipped { because: Skip::Requested } => f.write_str("skipped: by `--skip`"),
            Outcome::Skipped { because: Skip::NoFailure } => f.write_str("skipped: nothing failed"),
            Outcome::Skipped { because: Skip::Reads(unfilled) } => {
                write!(f, "skipped, since {} did not fill {}", unfilled.call, unfilled.path)
            }
            Outcome::Blocked { by } => write!(f, "blocked by {by}"),
            Outcome::NotRun => f.write_str("not run, since the run stopped before"),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(126) => f.write_str("exited with code 126 (not executable)"),
            Exit::Code(127) => f.write_str("exited with code 127 (command not found)"),
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::Signal(signal) => write!(f, "was ended by {}", signal_name(*signal)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Exit { exit } => exit.fmt(f),
            Failure::Timeout { limit_ms } => {
                write!(f, "took longer than its timeout of {}", in_words(Duration::from_millis(*limit_ms)))
            }
            Failure::Interrupted => f.write_str("was ended with the run"),
            Failure::StoppedByTerminal { signal } => write!(
                f,
                "was stopped by {}: it wanted to use the terminal, which calls cannot; pass input by `stdin`",
                signal_name(*signal)
            ),
            Failure::CannotStart { message }
            | Failure::Expression { message }
            | Failure::Result { message }
            | Failure::Fill { message }
            | Failure::Check { message }
            | Failure::Raised { message } => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let words = |ms| in_words(Duration::from_millis(ms));
        assert_eq!(words(350), "350ms");
        assert_eq!(words(2_000), "2s");
        assert_eq!(words(2_449), "2.4s");
        assert_eq!(words(200_000), "3m 20s");
        assert_eq!(words(3_900_000), "1h 5m");
    }

    #[test]
    fn exits_are_told_in_words() {
        assert_eq!(Exit::Code(3).to_string(), "exited with code 3");
        assert_eq!(Exit::Signal(15).to_string(), "was ended by SIGTERM");
        assert_eq!(Exit::Signal(64).to_string(), "was ended by signal 64");
    }
}
