//! JUnit XML: a suite for each task, a case for each call, so that CI systems show calls as they show tests. Of calls that
//! succeed no output is told.

use std::borrow::Cow;
use std::fmt::Write;

use indexmap::IndexMap;

use super::record::{Attempt, Call, Record, task_of};
use crate::outcome::{Failure, Outcome};

/// The document of a run.
pub fn document(record: &Record) -> String {
    let mut suites: IndexMap<&str, Suite> = IndexMap::new();
    for (address, call) in &record.calls {
        suites.entry(task_of(address)).or_default().add(case_of(address, call));
    }
    for step in &record.steps {
        let case = Case { status: status_of(&step.outcome, ""), ..Case::named(&step.name) };
        // a task is in its suite by its calls, unless it failed to find them
        if step.name.starts_with("sync.") || !matches!(step.outcome, Outcome::Succeeded) {
            suites.entry(task_of(&step.name)).or_default().add(case);
        }
    }
    let all = suites.values().fold(Suite::default(), |all, suite| Suite {
        tests: all.tests + suite.tests,
        failures: all.failures + suite.failures,
        errors: all.errors + suite.errors,
        ..all
    });
    let name = record.name.as_deref().unwrap_or(&record.manifest);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let time = seconds(record.took_ms);
    let (tests, failures, errors) = (all.tests, all.failures, all.errors);
    line(
        &mut out,
        0,
        "testsuites",
        &[
            ("name", name),
            ("tests", &tests.to_string()),
            ("failures", &failures.to_string()),
            ("errors", &errors.to_string()),
            ("time", &time),
        ],
    );
    suites.iter().for_each(|(name, suite)| suite.write(name, &record.started, &mut out));
    out + "</testsuites>\n"
}

/// The cases of a task.
#[derive(Default)]
struct Suite<'a> {
    cases: Vec<Case<'a>>,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    ms: u64,
}

/// One call.
struct Case<'a> {
    name: &'a str,
    ms: u64,
    status: Option<Status<'a>>,
    /// Attempts that failed before the last: of a call that succeeded in the end, or did not.
    earlier: Vec<&'a Attempt>,
    stdout: &'a str,
}

/// Why it did not plainly succeed.
struct Status<'a> {
    element: &'static str,
    kind: &'static str,
    message: String,
    text: &'a str,
}

impl<'a> Suite<'a> {
    fn add(&mut self, case: Case<'a>) {
        self.tests += 1;
        self.ms += case.ms;
        match case.status.as_ref().map(|status| status.element) {
            Some("failure") => self.failures += 1,
            Some("error") => self.errors += 1,
            Some(_) => self.skipped += 1,
            None => {}
        }
        self.cases.push(case);
    }

    fn write(&self, name: &str, started: &str, out: &mut String) {
        line(
            out,
            1,
            "testsuite",
            &[
                ("name", name),
                ("tests", &self.tests.to_string()),
                ("failures", &self.failures.to_string()),
                ("errors", &self.errors.to_string()),
                ("skipped", &self.skipped.to_string()),
                ("time", &seconds(self.ms)),
                ("timestamp", started),
            ],
        );
        self.cases.iter().for_each(|case| case.write(name, out));
        out.push_str("  </testsuite>\n");
    }
}

impl<'a> Case<'a> {
    fn named(name: &'a str) -> Case<'a> {
        Case { name, ms: 0, status: None, earlier: Vec::new(), stdout: "" }
    }

    fn write(&self, suite: &str, out: &mut String) {
        let _ = write!(out, "    <testcase");
        let time = seconds(self.ms);
        write_attributes(out, &[("name", self.name), ("classname", suite), ("time", &time)]);
        if self.status.is_none() && self.earlier.is_empty() {
            return out.push_str("/>\n");
        }
        out.push_str(">\n");
        if let Some(Status { element, kind, message, text }) = &self.status {
            element_with(out, element, &[("message", message), ("type", kind)], text);
        }
        let earlier =
            if self.status.as_ref().is_some_and(is_fault) { "rerunFailure" } else { "flakyFailure" };
        for attempt in &self.earlier {
            let (message, kind) = match &attempt.failure {
                Some(failure) => (failure.to_string(), failure.word()),
                None => continue,
            };
            element_with(out, earlier, &[("message", &message), ("type", kind)], &attempt.stderr_tail);
        }
        if !self.stdout.is_empty() {
            element_with(out, "system-out", &[], self.stdout);
        }
        out.push_str("    </testcase>\n");
    }
}

fn is_fault(status: &Status<'_>) -> bool {
    status.element != "skipped"
}

fn case_of<'a>(address: &'a str, call: &'a Call) -> Case<'a> {
    let earlier = call.attempts.iter().filter(|attempt| attempt.failure.is_some()).collect();
    let Some(end) = &call.end else {
        let message = "its end was never told: the run goes on, or was killed".to_owned();
        let status = Some(Status { element: "error", kind: "unended", message, text: "" });
        return Case { status, earlier, ..Case::named(address) };
    };
    // many a test runner tells on standard output why it failed
    let is_silent = end.stderr.tail.trim().is_empty();
    let status = status_of(&end.outcome, if is_silent { &end.stdout.tail } else { &end.stderr.tail });
    let stdout = if status.as_ref().is_some_and(is_fault) { &end.stdout.tail } else { "" };
    Case { name: address, ms: end.took_ms.unwrap_or(0), status, earlier, stdout }
}

/// Where the failure is not the program's own, it is an error; whatever did not run, or is allowed to fail, is skipped.
fn status_of<'a>(outcome: &Outcome, text: &'a str) -> Option<Status<'a>> {
    let element = match outcome {
        Outcome::Succeeded => return None,
        Outcome::Failed { failure, forgiven: false } => {
            let element = match failure {
                Failure::CannotStart { .. }
                | Failure::Expression { .. }
                | Failure::Interrupted
                | Failure::StoppedByTerminal { .. } => "error",
                _ => "failure",
            };
            return Some(Status { element, kind: failure.word(), message: failure.to_string(), text });
        }
        Outcome::Failed { .. } | Outcome::Skipped { .. } | Outcome::Blocked { .. } | Outcome::NotRun => {
            "skipped"
        }
    };
    Some(Status { element, kind: outcome.word(), message: outcome.to_string(), text: "" })
}

/// The beginning of an element that holds others.
fn line(out: &mut String, depth: usize, element: &str, attributes: &[(&str, &str)]) {
    let _ = write!(out, "{:1$}<{element}", "", 2 * depth);
    write_attributes(out, attributes);
    out.push_str(">\n");
}

/// A whole element of a case.
fn element_with(out: &mut String, element: &str, attributes: &[(&str, &str)], text: &str) {
    let _ = write!(out, "      <{element}");
    write_attributes(out, attributes);
    let _ = match text.is_empty() {
        true => writeln!(out, "/>"),
        false => writeln!(out, ">{}</{element}>", escaped(text, false)),
    };
}

fn write_attributes(out: &mut String, attributes: &[(&str, &str)]) {
    for (name, value) in attributes {
        let _ = write!(out, " {name}=\"{}\"", escaped(value, true));
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Text as XML holds it: without colours, and `�` for what no XML may hold.
fn escaped(text: &str, in_attribute: bool) -> Cow<'_, str> {
    let is_plain = |c: char| {
        c >= ' ' && !matches!(c, '<' | '>' | '&' | '"' | '\u{7f}'..'\u{a0}' | '\u{fffe}'..='\u{ffff}')
    };
    if text.chars().all(|c| is_plain(c) || (c == '\n' && !in_attribute)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in anstream::adapter::strip_str(text).to_string().chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' | '\r' if in_attribute => {
                let _ = write!(out, "&#{};", c as u32);
            }
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(c),
            c if is_plain(c) => out.push(c),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_xml_may_not_hold_is_written() {
        assert_eq!(escaped("a\u{1b}[31mred\u{1b}[0m\u{0}\u{b}<&>\"", false), "ared&lt;&amp;&gt;&quot;");
        assert_eq!(escaped("a\nb\r", false), "a\nb&#13;");
        assert_eq!(escaped("a\nb\t", true), "a&#10;b&#9;");
        assert_eq!(escaped("é\u{ffff}\u{85}", true), "é��");
    }
}
