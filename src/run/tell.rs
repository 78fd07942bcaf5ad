//! What the run tells: each fact as an event to the reporters.

use std::borrow::Cow;
use std::time::Duration;

use crate::event::{Event, EventKind, Printed, SCHEMA_VERSION};
use crate::exec::{Finished, Output};
use crate::mask::Masker;
use crate::outcome::{Failure, Outcome, Verdict};
use crate::plan::shape;
use crate::schedule::End;
use crate::value::Text;

use petgraph::graph::NodeIndex;

use super::call::{Ended, Told};
use super::{Core, Running, millis};

impl Running {
    /// The one way out of a run: no event holds a secret that is known by now.
    fn tell(&self, mut kind: EventKind) {
        let masker = self.setting.secrets.known();
        if !masker.is_empty() {
            kind.for_words(&|text| {
                if let Cow::Owned(hidden) = masker.mask_message(text) {
                    *text = hidden;
                }
            });
        }
        self.scribe.send(Event { ms: millis(self.began.elapsed()), kind });
    }

    pub(super) fn tell_start(&self) {
        let core = self.lock();
        let plan = &core.plan;
        let wanted = plan.calls().filter(|&call| core.schedule.is_wanted(plan.node_of(call)));
        let syncs = plan.sync_nodes.iter().filter(|&&node| core.schedule.is_wanted(node));
        self.tell(EventKind::RunStarted {
            schema: SCHEMA_VERSION,
            deco: env!("CARGO_PKG_VERSION").into(),
            run: self.setting.run_id.clone(),
            manifest: self.manifest.source.name.clone(),
            name: self.manifest.settings.name.clone(),
            started: jiff::Timestamp::now().to_string(),
            resumed: self.resume.goes_on,
            whole: self.is_whole(),
            jobs: self.options.jobs,
            calls: wanted.count(),
            unexpanded: core.unexpanded(),
            syncs: syncs.count(),
        });
        self.tell_plan(&core);
    }

    /// What the run is made of, as far as that is known.
    fn tell_plan(&self, core: &Core) {
        let mut shape = shape::of(&core.plan, |node| core.schedule.is_wanted(node));
        let masker = self.setting.secrets.known();
        shape.tasks.iter_mut().for_each(|task| hide_in_shell_text(&masker, &mut task.runs));
        self.tell(EventKind::Planned(shape));
    }

    pub(super) fn tell_signal(&self, signal: i32) {
        self.tell(EventKind::Interrupted { signal });
    }

    pub(super) fn tell_attempt(&self, call: Text, attempt: u32, slot: u32, told: Told) {
        let Told { left, after, mut command } = told;
        hide_in_shell_text(&self.setting.secrets.known(), &mut command);
        let left_ms = left.map(millis);
        self.tell(EventKind::AttemptStarted { call, attempt, slot, left_ms, after, command });
    }

    pub(super) fn tell_retry(
        &self,
        call: Text,
        attempt: u32,
        tails: Tails,
        failure: Failure,
        wait: Duration,
    ) {
        let (stdout_log, stderr_log) = (tails.stdout.log, tails.stderr.log);
        self.tell(EventKind::AttemptFailed {
            call,
            attempt,
            failure,
            stderr_tail: tails.stderr.tail,
            next_in_ms: millis(wait),
            stdout_log,
            stderr_log,
        });
    }

    /// What is shown of what the call printed, without secrets: hidden before they are cut, lest a half is left.
    pub(super) fn tails(&self, ended: &Ended) -> Tails {
        let Some(finished) = &ended.finished else { return Tails::default() };
        let masker = self.setting.secrets.known();
        Tails { stdout: excerpt(&masker, &finished.stdout), stderr: excerpt(&masker, &finished.stderr) }
    }

    /// Tells of the end of a call.
    pub(super) fn tell_call(&self, call: Text, ended: &Ended, tails: Tails) {
        if ended.kept.is_some() {
            return self.tell(EventKind::CallKept { call });
        }
        self.tell(EventKind::CallEnded {
            call,
            outcome: ended.outcome.clone(),
            took_ms: ended.finished.as_ref().map(|finished| millis(finished.took)),
            exit: ended.finished.as_ref().and_then(Finished::exit),
            leaked: ended.finished.as_ref().is_some_and(|finished| finished.leaked),
            fingerprint: ended.fingerprint,
            changes: ended.changes.clone(),
            reads: ended.reads.clone(),
            printed: tails.printed().if_any(),
        });
    }

    pub(super) fn tell_sync(&self, sync: Text, outcome: Outcome) {
        self.tell(EventKind::SyncEnded { sync, outcome });
    }

    pub(super) fn tell_expansion(&self, task: Text, outcome: Outcome, calls: usize) {
        self.tell(EventKind::TaskExpanded { task, outcome, calls });
    }

    /// Tells of what never ran, then of the end.
    pub(super) fn tell_end(&self) {
        let core = &mut *self.lock();
        self.tell_the_rest(core);
        if core.plan.has_grown() {
            self.tell_plan(core);
        }
        let count = |verdict: Verdict| core.verdicts.iter().filter(|known| **known == Some(verdict)).count();
        self.tell(EventKind::RunEnded {
            status: core.status(),
            succeeded: count(Verdict::Succeeded),
            // calls, sync points and expansions
            failed: core.failures,
            forgiven: count(Verdict::Forgiven),
            skipped: count(Verdict::Skipped),
            blocked: count(Verdict::Blocked),
            not_run: count(Verdict::NotRun),
        });
    }

    /// Tells of what can never run any more, each once.
    pub(super) fn tell_the_rest(&self, core: &mut Core) {
        let never = |core: &Core, node| match core.schedule.end_of(node) {
            Some(End::Blocked(by)) => Outcome::Blocked { by: core.plan.node_name(by).into() },
            _ => Outcome::NotRun,
        };
        for task in core.plan.task_ids().filter(|&task| core.plan.is_unexpanded(task)) {
            let node = core.plan.expansion_of(task).filter(|&node| core.schedule.is_wanted(node));
            // one that failed has been told
            let never_ran =
                |node: &NodeIndex| matches!(core.schedule.end_of(*node), Some(End::Blocked(_) | End::NotRun));
            if let Some(node) = node.filter(never_ran).filter(|_| core.told_unexpanded.insert(task)) {
                let name = self.manifest.tasks[task.0 as usize].name.as_str().into();
                self.tell_expansion(name, never(core, node), 0);
                core.store.record_failure(task);
            }
        }
        for call in core.plan.calls() {
            let node = core.plan.node_of(call);
            let has_ended = core.schedule.end_of(node).is_some();
            if !has_ended || core.verdicts[call.0 as usize].is_some() {
                continue;
            }
            let outcome = never(core, node);
            let verdict = outcome.verdict();
            let ended = Ended::never_begun(outcome);
            self.tell_call(core.plan.address_text(call), &ended, Tails::default());
            core.store.record_failure(core.plan.task_of(call));
            core.verdicts[call.0 as usize] = Some(verdict);
        }
    }
}

impl Core {
    /// How many tasks of the run have calls that are not known yet.
    fn unexpanded(&self) -> usize {
        let is_wanted = |&node: &NodeIndex| self.schedule.is_wanted(node);
        let unexpanded = self.plan.task_ids().filter(|&task| self.plan.is_unexpanded(task));
        unexpanded.filter_map(|task| self.plan.expansion_of(task)).filter(is_wanted).count()
    }
}

/// What is shown of both outputs.
#[derive(Default)]
pub(super) struct Tails {
    stdout: Excerpt,
    pub stderr: Excerpt,
}

impl Tails {
    fn printed(self) -> Printed {
        let Tails { stdout, stderr } = self;
        Printed {
            stdout_head: stdout.head,
            stderr_head: stderr.head,
            stdout_tail: stdout.tail,
            stderr_tail: stderr.tail,
            stdout_log: stdout.log,
            stderr_log: stderr.log,
        }
    }
}

/// What is shown of an output: its end, and where that is not all, its beginning and the log with the whole.
#[derive(Default)]
pub(super) struct Excerpt {
    head: Option<String>,
    pub tail: String,
    log: Option<String>,
}

/// Lines of an output's end, and bytes, that events show at most.
const LINES: usize = 64;
const BYTES: usize = 8 * 1024;

/// Lines of its beginning, and bytes.
const HEAD_LINES: usize = 16;
const HEAD_BYTES: usize = 2 * 1024;

/// In the text of the manifest, a secret may be written in a form that is quoted once more.
fn hide_in_shell_text(masker: &Masker, text: &mut String) {
    if !masker.is_empty()
        && let Cow::Owned(hidden) = masker.mask_message(&text.replace(r"'\''", "'"))
    {
        *text = hidden;
    }
}

/// Whether events show all of an output.
pub(super) fn is_shown_whole(output: &[u8]) -> bool {
    // line breaks at the end begin no further line
    let end = output.iter().rposition(|&byte| byte != b'\n').unwrap_or(0);
    output.len() <= BYTES && output[..end].iter().filter(|&&byte| byte == b'\n').count() < LINES
}

fn excerpt(masker: &Masker, output: &Output) -> Excerpt {
    let Some(logged) = &output.logged else {
        if output.bytes.is_empty() {
            return Excerpt::default();
        }
        let tail = hidden(masker, tail(&masker.mask_bytes(&output.bytes)));
        return Excerpt { head: None, tail, log: None };
    };
    let end = tail(&masker.mask_bytes(&logged.tail));
    // no line is shown twice
    let before = usize::try_from(logged.length).unwrap_or(usize::MAX).saturating_sub(end.len());
    let beginning = head(&masker.mask_bytes(&logged.head), before);
    let head = Some(hidden(masker, beginning)).filter(|head| !head.is_empty());
    Excerpt { head, tail: hidden(masker, end), log: logged.name.clone() }
}

/// Colours in the middle of a secret would be taken away where the text is shown.
fn hidden(masker: &Masker, text: String) -> String {
    if text.is_empty() {
        return text;
    }
    let bare = anstream::adapter::strip_str(&text).to_string();
    match masker.mask_text(&bare) {
        Cow::Borrowed(_) => text,
        Cow::Owned(hidden) => hidden,
    }
}

/// The end of an output, for events and messages, as text.
fn tail(bytes: &[u8]) -> String {
    let cut = &bytes[bytes.len().saturating_sub(BYTES)..];
    let text = String::from_utf8_lossy(cut);
    let start = text.trim_end_matches('\n').rmatch_indices('\n').nth(LINES - 1).map_or(0, |(at, _)| at + 1);
    text[start..].to_owned()
}

/// The beginning of an output that goes on, of at most so many bytes: whole lines, if there is one.
fn head(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES).min(most)]);
    let ends = text.match_indices('\n').map(|(at, _)| at + 1).take(HEAD_LINES);
    text[..ends.last().unwrap_or(text.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Logged;

    #[test]
    fn a_long_output_is_shown_at_both_ends_and_no_line_twice() {
        let check = |lines: usize, head_lines: usize| {
            let all: String = (0..lines).map(|line| format!("line {line}\n")).collect();
            let logged = Logged { head: all.clone().into(), tail: all.clone().into(), ..Logged::default() };
            let logged = Logged { length: all.len() as u64, ..logged };
            let excerpt = excerpt(&Masker::new(), &Output { bytes: Vec::new(), logged: Some(logged.into()) });
            let (head, tail) = (excerpt.head.unwrap_or_default(), excerpt.tail);
            assert_eq!((head.lines().count(), tail.lines().count()), (head_lines, LINES), "{lines}");
            assert!(all.starts_with(&head) && all.ends_with(&tail));
        };
        check(LINES + 1, 1);
        check(LINES + 10, 10);
        check(1000, HEAD_LINES);
    }

    #[test]
    fn one_long_line_is_cut() {
        assert_eq!(head(&[b'x'; 5000], 9999), "x".repeat(HEAD_BYTES));
        assert_eq!(head("ééé".as_bytes(), 3), "é\u{fffd}");
        assert_eq!(head(b"abc\n", 0), "");
    }
}
