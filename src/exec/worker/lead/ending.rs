//! How a worker comes to an end, by itself or because of what it was asked for: phase by phase, and of which call it is told.
//! What is not begun goes back, so that one call at most has been under way.

use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::process::Signal;

use super::super::super::process::{LINGER, poll_some};
use super::super::super::{End, Ending, Output};
use super::super::{Answer, Done, Request, Turn};
use super::{Lead, Ready, ask};

/// How long a worker may take to its greeting until that counts as time of its first call.
const START: Duration = Duration::from_secs(10);

/// How far the worker has come.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    Running,
    /// It was asked to end; then it is killed.
    Asked {
        kill_at: Option<Instant>,
    },
    /// It has ended, or was killed.
    Over,
}

/// Why the worker is ended, if it does not end by itself.
pub(super) enum Cause {
    TimeLimit,
    Run,
    Terminal { signal: i32 },
    Broken(String),
}

impl Lead<'_> {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running => {
                self.since.checked_add(self.flight.front()?.timeout?)?.checked_add(self.start())
            }
            Phase::Asked { kill_at } => kill_at,
            Phase::Over => None,
        }
    }

    /// How long the worker may take to begin with, besides what calls take.
    fn start(&self) -> Duration {
        if self.session.ahead.is_none() { START } else { Duration::ZERO }
    }

    /// The one place where a worker goes from phase to phase.
    pub(super) fn step(&mut self, ready: &Ready) {
        let look = !ready.leader.is_empty() || self.session.leader.must_be_asked();
        if look && self.session.leader.has_ended() {
            self.read_to_the_end();
            self.phase = Phase::Over;
            return;
        }
        if !self.has_begun() {
            self.since = self.now();
            if matches!(self.phase, Phase::Running) && self.is_stuck() {
                return self.ask_to_end(Cause::TimeLimit, Signal::TERM);
            }
        }
        let called = !ready.call.is_empty();
        let late = self.around.groups.clock().has_come(self.deadline());
        match self.phase {
            Phase::Running if called => self.end_for_the_run(),
            Phase::Running if late => self.end_for_time(),
            Phase::Running => self.look_for_a_hindrance(),
            Phase::Asked { .. } if called || late => self.kill(),
            Phase::Asked { .. } | Phase::Over => {}
        }
    }

    /// Whether the first call is begun, as far as that is worth knowing: a worker that is late may still be busy with a
    /// document, which would be no faster elsewhere, and the call's time has not come then.
    fn has_begun(&self) -> bool {
        let has_come = |time| self.around.groups.clock().has_come(time);
        let is_late = has_come(Some(self.long_at())) || has_come(self.deadline());
        let knows = self.session.ahead == Some(true) && !self.is_long && is_late;
        !knows || self.session.unbegun() < self.flight.len()
    }

    /// Whether the worker has not even begun the first call in the time that it may take to begin and the call may take.
    fn is_stuck(&self) -> bool {
        let time = self.flight.front().and_then(|first| first.timeout);
        let latest = time.and_then(|time| self.waits_since.checked_add(START)?.checked_add(time));
        latest.is_some() && self.around.groups.clock().has_come(latest)
    }

    fn look_for_a_hindrance(&mut self) {
        if self.flight.is_empty() || !self.around.groups.clock().has_come(Some(self.long_at())) {
            return;
        }
        if !self.is_long {
            self.is_long = true;
            self.take_back();
        } else if self.session.kind.terminal
            && let Some(signal) = self.session.leader.stopped_by_terminal()
            && self.settle()
        {
            self.ask_to_end(Cause::Terminal { signal }, Signal::TERM);
        }
    }

    /// Those that were not begun go back.
    fn take_back(&mut self) {
        if self.session.ahead != Some(true) {
            return;
        }
        let begun = self.flight.len().saturating_sub(self.session.take_back());
        self.told.back.extend(self.flight.drain(begun..));
    }

    /// Nothing is begun any more, and what has ended is known: whether the worker still runs, then with one call at most.
    fn settle(&mut self) -> bool {
        self.take_back();
        self.read();
        matches!(self.phase, Phase::Running)
    }

    fn end_for_time(&mut self) {
        if self.settle() && self.around.groups.clock().has_come(self.deadline()) {
            self.ask_to_end(Cause::TimeLimit, Signal::TERM);
        }
    }

    fn end_for_the_run(&mut self) {
        if !self.settle() {
            return;
        }
        match self.around.enders.asked() {
            Some(End::Gently(signal)) => {
                self.ask_to_end(Cause::Run, Signal::from_named_raw(signal).unwrap_or(Signal::TERM));
            }
            Some(End::Now) | None => {
                self.cause = Some(Cause::Run);
                self.kill();
            }
        }
    }

    fn ask_to_end(&mut self, cause: Cause, signal: Signal) {
        self.cause = Some(cause);
        self.session.leader.signal(signal);
        // a stopped process would hear of it only when it goes on
        self.session.leader.signal(Signal::CONT);
        let grace = self.flight.front().map_or(Duration::ZERO, |first| first.grace);
        self.phase = Phase::Asked { kill_at: self.now().checked_add(grace) };
    }

    fn kill(&mut self) {
        self.session.leader.signal(Signal::KILL);
        self.phase = Phase::Over;
    }

    pub(super) fn broke(&mut self, message: String) {
        self.take_back();
        self.cause.get_or_insert(Cause::Broken(message));
        self.kill();
    }

    /// It answers no more; it may take a moment to be gone.
    pub(super) fn worker_has_ended(&mut self) {
        let sources = [(self.session.leader.descriptor(), PollFlags::IN)];
        let _ = poll_some(sources, Some(LINGER));
        if !self.session.leader.has_ended() {
            self.cause.get_or_insert(Cause::Broken("it closed the descriptor for its answers".to_owned()));
        }
        self.phase = Phase::Over;
    }

    fn read_to_the_end(&mut self) {
        if matches!(self.phase, Phase::Running) {
            self.read();
        }
    }

    /// The worker is gone: of the calls under way those that it had begun fail, the others are for another.
    pub(super) fn conclude(mut self) -> Vec<Request> {
        self.take_back();
        let mut begun: Vec<_> = self.flight.drain(..).collect();
        let is_to_blame = match self.cause {
            // it would be no better with the next worker
            None => !self.session.has_answered,
            // somebody must tell of it
            Some(Cause::Broken(_) | Cause::TimeLimit) => true,
            Some(Cause::Run | Cause::Terminal { .. }) => false,
        };
        if is_to_blame && begun.is_empty() && !self.told.back.is_empty() {
            begun.push(self.told.back.remove(0));
        }
        let outputs = begun.first().map(|first| self.printed_at_the_end(first.id));
        let (place, took) = (self.session.place, self.elapsed());
        let is_silent = self.session.ahead.is_none();
        let exit = self.session.bury(self.around.groups);
        self.workers.free(place);
        let mut outputs = outputs.unwrap_or_default().into_iter();
        for request in begun {
            let answer = match (&self.cause, &exit) {
                (Some(Cause::TimeLimit), _) => Answer::Process(Ending::TimedOut),
                (Some(Cause::Run), _) => Answer::Process(Ending::Ended),
                (Some(Cause::Terminal { signal }), _) => Answer::Process(Ending::Stopped { signal: *signal }),
                (Some(Cause::Broken(message)), _) => Answer::Broken(message.clone()),
                (None, Ok(exit)) if is_silent => {
                    Answer::Broken(format!("it {exit} before it sent its greeting"))
                }
                (None, Ok(exit)) => Answer::Process(Ending::Exited(*exit)),
                (None, Err(message)) => Answer::Process(Ending::CannotStart(message.clone())),
            };
            let (stdout, stderr) = (outputs.next().unwrap_or_default(), outputs.next().unwrap_or_default());
            self.told.done.push(Done { id: request.id, answer, stdout, stderr, took });
        }
        ask(self.turn, Turn { room: 1, ..self.told })
    }

    fn printed_at_the_end(&mut self, call: u64) -> Vec<Output> {
        let mark = self.session.mark(call);
        let [stdout, stderr] = std::mem::take(&mut self.kept);
        let (mark, sink) = (Some(mark.as_bytes()), self.sink(call));
        vec![self.session.stdout.finish(mark, stdout, sink), self.session.stderr.finish(mark, stderr, sink)]
    }
}
