//! What a run came to, after its end: what one slot would have taken, the slowest calls and the longest chain of calls
//! that waited for each other. Made from events; writes nothing.

use std::collections::HashMap;
use std::time::Duration;

use crate::event::{Event, EventKind};
use crate::outcome::in_words;
use crate::value::Text;

/// A shorter run has nothing that anybody would want to make faster.
const WORTH_IT: Duration = Duration::from_secs(5);

/// Calls that are named as the slowest.
const SLOWEST: usize = 3;

/// Calls of a chain that are named: the first and the last.
const ENDS: usize = 4;

/// The calls of a run that ran.
#[derive(Debug, Default)]
pub(super) struct Summary {
    calls: HashMap<Text, Call>,
    /// Who ended last.
    last: Option<Text>,
}

#[derive(Debug, Default)]
struct Call {
    /// The end that its first attempt waited for last.
    after: Option<Text>,
    /// When the present attempt began, in milliseconds of the run.
    began: u64,
    /// Milliseconds that it ran, all attempts together.
    ran: u64,
}

impl Summary {
    pub fn take(&mut self, event: &Event) {
        match &event.kind {
            EventKind::AttemptStarted { call, after, .. } => {
                if let Some(known) = self.calls.get_mut(call) {
                    known.began = event.ms;
                } else {
                    let begun = Call { after: after.clone(), began: event.ms, ran: 0 };
                    self.calls.insert(call.clone(), begun);
                }
            }
            EventKind::AttemptFailed { call, .. } => {
                if let Some(call) = self.calls.get_mut(call) {
                    call.ran += event.ms.saturating_sub(call.began);
                }
            }
            EventKind::CallEnded { call, took_ms: Some(took), .. } => {
                if let Some(known) = self.calls.get_mut(call) {
                    known.ran += took;
                    self.last = Some(call.clone());
                }
            }
            _ => {}
        }
    }

    /// Lines without their ends; none for a run of one call or a short one.
    pub fn lines(&self, took: Duration) -> Vec<String> {
        if self.calls.len() < 2 || took < WORTH_IT {
            return Vec::new();
        }
        [self.saved(took), Some(self.slowest()), self.chain()].into_iter().flatten().collect()
    }

    fn saved(&self, took: Duration) -> Option<String> {
        let alone = Duration::from_millis(self.calls.values().map(|call| call.ran).sum());
        let saved = alone.checked_sub(took).filter(|saved| *saved >= Duration::from_secs(1))?;
        Some(format!("one after the other: {}, {} more", in_words(alone), in_words(saved)))
    }

    fn slowest(&self) -> String {
        let mut calls: Vec<_> = self.calls.iter().map(|(name, call)| (call.ran, name)).collect();
        calls.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        let named = calls.into_iter().take(SLOWEST);
        let named: Vec<_> =
            named.map(|(ran, name)| format!("{name} {}", in_words(Duration::from_millis(ran)))).collect();
        format!("slowest: {}", named.join(", "))
    }

    /// The chain of waiting that the last end closes, if that is more than one call. It begins where an end is that was no
    /// call of this run: a sync point, say.
    fn chain(&self) -> Option<String> {
        let mut chain: Vec<&str> = Vec::new();
        let mut ran = 0;
        let mut next = self.last.as_deref();
        while let Some(name) = next {
            chain.push(name);
            let call = self.calls.get(name);
            ran += call.map_or(0, |call| call.ran);
            // events that were made up could go round in a circle
            next = call.and_then(|call| call.after.as_deref()).filter(|_| chain.len() <= self.calls.len());
        }
        if chain.len() < 2 {
            return None;
        }
        chain.reverse();
        let cut = if chain.len() > 2 * ENDS { chain.len() - 2 * ENDS } else { 0 };
        if cut > 0 {
            chain.splice(ENDS..ENDS + cut, ["…"]);
        }
        let ran = in_words(Duration::from_millis(ran));
        Some(format!("critical path: {}, {ran}", chain.join(" > ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts as `call attempt-start end after`, in milliseconds.
    fn summary(calls: &[(&str, u64, u64, &str)]) -> Summary {
        let mut summary = Summary::default();
        for (call, began, ended, after) in calls {
            let after = if after.is_empty() { String::new() } else { format!(r#","after":"{after}""#) };
            let took = ended - began;
            let lines = [
                format!(
                    r#"{{"ms":{began},"event":"attempt-started","call":"{call}","attempt":1,"slot":1{after}}}"#
                ),
                format!(
                    r#"{{"ms":{ended},"event":"call-ended","call":"{call}","outcome":"succeeded","took_ms":{took},"changes":[],"stdout_tail":"","stderr_tail":""}}"#
                ),
            ];
            lines.iter().for_each(|line| summary.take(&Event::parse(line.as_bytes()).unwrap()));
        }
        summary
    }

    #[track_caller]
    fn check(calls: &[(&str, u64, u64, &str)], expected: &str) {
        let end = calls.iter().map(|call| call.2).max().unwrap_or(0);
        assert_eq!(summary(calls).lines(Duration::from_millis(end)).join("\n"), expected);
    }

    #[test]
    fn it_tells_what_was_saved_what_was_slow_and_what_waited() {
        check(
            &[
                ("get[0]", 0, 2_000, ""),
                ("get[1]", 0, 4_000, ""),
                ("fit[0]", 2_000, 3_000, "get[0]"),
                ("fit[1]", 4_000, 9_000, "get[1]"),
            ],
            "one after the other: 12s, 3s more\nslowest: fit[1] 5s, get[1] 4s, get[0] 2s\ncritical path: get[1] > fit[1], 9s",
        );
        check(
            &[("a", 0, 5_000, ""), ("b", 5_000, 7_000, "check")],
            "slowest: a 5s, b 2s\ncritical path: check > b, 2s",
        );
    }

    #[test]
    fn a_short_run_and_a_single_call_need_no_words() {
        check(&[], "");
        check(&[("a", 0, 9_000, "")], "");
        check(&[("a", 0, 1_000, ""), ("b", 1_000, 4_999, "a")], "");
    }

    #[test]
    fn a_long_chain_is_cut_in_its_middle() {
        let names: Vec<String> = (0..20).map(|at| format!("t[{at}]")).collect();
        let calls: Vec<_> = (0..20u64)
            .map(|at| {
                let after = at.checked_sub(1).map_or("", |before| &names[before as usize]);
                (names[at as usize].as_str(), at * 1_000, (at + 1) * 1_000, after)
            })
            .collect();
        let chain = summary(&calls).chain().unwrap();
        assert_eq!(
            chain,
            "critical path: t[0] > t[1] > t[2] > t[3] > … > t[16] > t[17] > t[18] > t[19], 20s"
        );
    }

    #[test]
    fn every_attempt_counts() {
        let mut summary = summary(&[("a", 3_000, 6_000, "")]);
        let call = summary.calls.get_mut("a").unwrap();
        *call = Call::default();
        for line in [
            r#"{"ms":0,"event":"attempt-started","call":"a","attempt":1,"slot":1}"#,
            r#"{"ms":2000,"event":"attempt-failed","call":"a","attempt":1,"failure":{"reason":"interrupted"},"stderr_tail":"","next_in_ms":1000}"#,
            r#"{"ms":3000,"event":"attempt-started","call":"a","attempt":2,"slot":1}"#,
            r#"{"ms":6000,"event":"call-ended","call":"a","outcome":"succeeded","took_ms":3000,"changes":[],"stdout_tail":"","stderr_tail":""}"#,
        ] {
            summary.take(&Event::parse(line.as_bytes()).unwrap());
        }
        assert_eq!(summary.slowest(), "slowest: a 5s");
    }
}
