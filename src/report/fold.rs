//! A call's output in a fold of its own, as services for CI have them, or under a heading. No text of a call can end it.

use std::time::SystemTime;

use super::{Terminal, github};

/// Who folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    /// Nobody: lines are indented under their heading.
    Nobody,
    Github,
    Gitlab,
}

/// Begins of a fold and ends, and what stands between.
#[derive(Debug)]
pub(super) struct Folded {
    fold: Fold,
    /// Of a section, unlike all others of this job.
    name: String,
    ended: SystemTime,
}

impl Fold {
    pub fn of(terminal: &Terminal) -> Fold {
        match terminal {
            Terminal { github: true, .. } => Fold::Github,
            Terminal { gitlab: true, .. } => Fold::Gitlab,
            _ => Fold::Nobody,
        }
    }

    /// The beginning of an output that was printed between these times; the `nth` of this process.
    pub fn begin(self, heading: &str, times: (SystemTime, SystemTime), nth: usize) -> (String, Folded) {
        let (began, ended) = times;
        let name = format!("deco_{}_{nth}", std::process::id());
        let line = match self {
            Fold::Nobody => format!("{heading} printed:\n"),
            Fold::Github => format!("::group::{}\n", github::in_data(heading)),
            Fold::Gitlab => {
                format!("\x1b[0Ksection_start:{}:{name}[collapsed=true]\r\x1b[0K{heading}\n", seconds(began))
            }
        };
        (line, Folded { fold: self, name, ended })
    }
}

impl Folded {
    /// Whole lines of the output, without control characters.
    pub fn lines(&self, text: &str) -> String {
        match self.fold {
            Fold::Nobody => indented(text),
            Fold::Github => github::without_commands(text),
            Fold::Gitlab => text.to_owned(),
        }
    }

    pub fn end(self) -> String {
        match self.fold {
            Fold::Nobody => String::new(),
            Fold::Github => "::endgroup::\n".to_owned(),
            Fold::Gitlab => {
                format!("\x1b[0Ksection_end:{}:{}\r\x1b[0K\n", seconds(self.ended), self.name)
            }
        }
    }
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line == "\n" { line.to_owned() } else { format!("    {line}") };
    text.split_inclusive('\n').map(line).collect()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(fold: Fold, heading: &str, lines: &str, expected: &str) {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let (beginning, folded) = fold.begin(heading, (at(7), at(9)), 3);
        let all = beginning + &folded.lines(lines) + &folded.end();
        assert_eq!(all.replace(&std::process::id().to_string(), "PID"), expected);
    }

    #[test]
    fn an_output_stands_between_its_marks() {
        check(Fold::Nobody, "t[1]", "one\n\n two\n", "t[1] printed:\n    one\n\n     two\n");
        check(
            Fold::Github,
            "t[50%]",
            "one\n::endgroup::\n ::error::x\nx ##[error]\n",
            "::group::t[50%25]\none\n: :endgroup::\n : :error::x\nx ## [error]\n::endgroup::\n",
        );
        check(
            Fold::Gitlab,
            "t[1]",
            "section_end:9:deco_PID_3\n",
            "\x1b[0Ksection_start:7:deco_PID_3[collapsed=true]\r\x1b[0Kt[1]\nsection_end:9:deco_PID_3\n\
             \x1b[0Ksection_end:9:deco_PID_3\r\x1b[0K\n",
        );
    }
}
