//! One attempt from its start to its end: a loop that polls the pipes, the process and the run's wish to end.
//! The end of an attempt is the end of its process. Whatever it left behind in its group is killed, always.

use std::cell::Cell;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::leader::Leader;
use super::pipes::{Capture, Feed};
use super::start::{self, Started};
use super::{Attempt, End, Enders, Ending, Finished, Groups, Keep, Logs, Output, Sink, Stream};

/// How long the pipes of a process that has ended are listened to while somebody else holds them open.
pub(super) const LINGER: Duration = Duration::from_millis(100);

/// What a process prints is not read for so long after its start, unless the last one on this thread printed much: most
/// end before, so that the thread is woken once for each, not for every line.
const QUIET: Duration = Duration::from_millis(2);

/// Less than any pipe holds: who printed no more was never held up by [`QUIET`].
const LITTLE: usize = 4096;

/// How often a process that cannot be watched is asked whether it has ended.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(10);

/// How often a process is looked at that a terminal may have stopped.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

thread_local! {
    /// Whether the last attempt on this thread printed more than [`LITTLE`].
    static TALKATIVE: Cell<bool> = const { Cell::new(false) };
}

/// Runs one attempt to its end on the calling thread.
pub fn run(attempt: &Attempt, enders: &Enders, groups: &Groups, logs: &dyn Logs) -> Finished {
    let started = groups.clock().now();
    if enders.asked().is_some() {
        return never_started(Ending::Ended);
    }
    match start::start(attempt, enders, groups) {
        Ok(process) => Session::new(attempt, (enders, groups, logs), process, started).run(),
        Err(message) => {
            groups.leave(attempt.slot);
            // it may have been given up for the end of the run
            never_started(enders.asked().map_or(Ending::CannotStart(message), |_| Ending::Ended))
        }
    }
}

fn never_started(ending: Ending) -> Finished {
    let (stdout, stderr) = (Output::default(), Output::default());
    Finished { ending, stdout, stderr, took: Duration::ZERO, leaked: false }
}

struct Session<'a> {
    attempt: &'a Attempt,
    enders: &'a Enders,
    groups: &'a Groups,
    started: Instant,
    leader: Leader,
    feed: Option<Feed>,
    stdout: Capture<'a>,
    stderr: Capture<'a>,
    /// How many starts had begun when that of this process was done: those of them that are still under way may hold copies
    /// of the pipes.
    alongside: u64,
    /// Whether outputs are read as they come.
    listens: bool,
    phase: Phase,
    /// What ended the attempt, if it did not end by itself.
    cause: Option<Cause>,
    took: Duration,
}

/// How far the attempt has come. A moment that is `None` never comes.
#[derive(Clone, Copy)]
enum Phase {
    /// The process runs, until the time limit.
    Running { limit: Option<Instant> },
    /// The group was asked to end; then it is killed.
    Asked { kill_at: Option<Instant> },
    /// The group was killed.
    Killed,
    /// The process has ended; then what still holds its pipes is killed.
    Over { kill_at: Option<Instant> },
}

#[derive(Clone, Copy)]
enum Cause {
    TimeLimit,
    Run,
    Terminal { signal: i32 },
    TooLong { limit: usize },
}

/// What `poll` saw. `leader`: the process has ended. `call`: the run wants the end.
struct Ready {
    feed: PollFlags,
    stdout: PollFlags,
    stderr: PollFlags,
    leader: PollFlags,
    call: PollFlags,
}

impl<'a> Session<'a> {
    fn new(
        attempt: &'a Attempt,
        (enders, groups, logs): (&'a Enders, &'a Groups, &'a dyn Logs),
        process: Started,
        started: Instant,
    ) -> Session<'a> {
        let Started { pid, descriptor, stdin, stdout, stderr, alongside } = process;
        Session {
            attempt,
            enders,
            groups,
            started,
            leader: Leader::new(pid, descriptor),
            feed: stdin.and_then(|pipe| Feed::new(pipe, Arc::clone(&attempt.stdin))),
            stdout: Capture::new(stdout, Stream::Stdout, attempt.stdout, Sink::of_process(logs)),
            stderr: Capture::new(stderr, Stream::Stderr, Keep::Short, Sink::of_process(logs)),
            alongside,
            listens: TALKATIVE.get(),
            phase: Phase::Running { limit: attempt.timeout.and_then(|limit| started.checked_add(limit)) },
            cause: None,
            took: Duration::ZERO,
        }
    }

    fn now(&self) -> Instant {
        self.groups.clock().now()
    }

    fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.started)
    }

    fn run(mut self) -> Finished {
        while !self.is_finished() {
            let ready = self.wait();
            self.exchange(&ready);
            self.step(&ready);
        }
        self.conclude()
    }

    fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Over { kill_at } => {
                let late = self.groups.clock().has_come(kill_at);
                self.pipes_are_closed() || (late && !self.groups.starts().goes_on(self.alongside))
            }
            Phase::Running { .. } | Phase::Asked { .. } | Phase::Killed => false,
        }
    }

    fn pipes_are_closed(&self) -> bool {
        self.stdout.is_closed() && self.stderr.is_closed()
    }

    /// The outputs, once they are listened to.
    fn outputs(&self) -> [Option<BorrowedFd<'_>>; 2] {
        if self.listens { [self.stdout.source(), self.stderr.source()] } else { [None, None] }
    }

    /// Sleeps until something can be read, written or done.
    fn wait(&mut self) -> Ready {
        self.listens |= !matches!(self.phase, Phase::Running { .. }) || self.elapsed() >= QUIET;
        let [stdout, stderr] = self.outputs();
        let sources = [
            (self.feed.as_ref().map(Feed::target), PollFlags::OUT),
            (stdout, PollFlags::IN),
            (stderr, PollFlags::IN),
            (self.leader_end(), PollFlags::IN),
            (self.call(), PollFlags::IN),
        ];
        let [feed, stdout, stderr, leader, call] = poll_some(sources, self.patience());
        Ready { feed, stdout, stderr, leader, call }
    }

    fn leader_end(&self) -> Option<BorrowedFd<'_>> {
        match self.phase {
            Phase::Over { .. } => None,
            Phase::Running { .. } | Phase::Asked { .. } | Phase::Killed => self.leader.descriptor(),
        }
    }

    /// The wish of the run that would still change something.
    fn call(&self) -> Option<BorrowedFd<'_>> {
        match self.phase {
            Phase::Running { .. } => Some(self.enders.first_call()),
            Phase::Asked { .. } | Phase::Over { .. } => Some(self.enders.last_call()),
            Phase::Killed => None,
        }
    }

    /// How long nothing needs to be done unless something is heard; `None`: for ever.
    fn patience(&self) -> Option<Duration> {
        let deadline = self.deadline().map(|at| at.saturating_duration_since(self.now()));
        let look = match self.phase {
            // a sibling that is being started holds the pipes
            Phase::Over { kill_at } if self.groups.clock().has_come(kill_at) => return Some(ASK_EVERY),
            Phase::Over { .. } => None,
            _ if !self.listens => Some(QUIET),
            _ if self.leader.must_be_asked() => Some(ASK_EVERY),
            Phase::Running { .. } if self.attempt.terminal => Some(LOOK_EVERY),
            _ => None,
        };
        [deadline, look].into_iter().flatten().min()
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Running { limit } => limit,
            Phase::Asked { kill_at } | Phase::Over { kill_at } => kill_at,
            Phase::Killed => None,
        }
    }

    fn exchange(&mut self, ready: &Ready) {
        if !ready.feed.is_empty() && !self.feed.as_mut().is_some_and(Feed::goes_on) {
            self.feed = None;
        }
        self.stdout.take(ready.stdout);
        self.stderr.take(ready.stderr);
    }

    /// The one place where an attempt goes from phase to phase.
    fn step(&mut self, ready: &Ready) {
        let called = !ready.call.is_empty();
        let late = self.groups.clock().has_come(self.deadline());
        if let Phase::Over { .. } = self.phase {
            if called {
                self.alongside = 0;
                self.phase = Phase::Over { kill_at: Some(self.now()) };
            }
            return;
        }
        // before anything is done to it: a process that has just ended by itself did not need to be ended
        let look = called || late || self.leader.must_be_asked();
        if !ready.leader.is_empty() || (look && self.leader.has_ended()) {
            return self.leader_has_ended();
        }
        match self.phase {
            Phase::Running { .. } if called => self.end_for_the_run(),
            Phase::Running { .. } if late => self.ask_to_end(Cause::TimeLimit, Signal::TERM),
            Phase::Running { .. } => self.look_for_a_hindrance(),
            Phase::Asked { .. } if called || late => self.kill(),
            _ => {}
        }
    }

    /// Ends what would print for ever, or wait for ever.
    fn look_for_a_hindrance(&mut self) {
        if let Some(limit) = self.stdout.passed() {
            self.ask_to_end(Cause::TooLong { limit }, Signal::TERM);
        } else if self.attempt.terminal
            && let Some(signal) = self.leader.stopped_by_terminal()
        {
            self.ask_to_end(Cause::Terminal { signal }, Signal::TERM);
        }
    }

    /// Those who were asked to end keep their grace though the first of them has gone: a shell ends at once, and
    /// what it runs may still be tidying up.
    fn leader_has_ended(&mut self) {
        self.took = self.elapsed();
        self.feed = None;
        let kill_at = match self.phase {
            Phase::Asked { kill_at } => {
                self.pass_on_the_request();
                kill_at
            }
            _ => self.now().checked_add(LINGER),
        };
        self.phase = Phase::Over { kill_at };
    }

    /// The background jobs of a shell ignore SIGINT, and a signal of another kind need not mean the end to all.
    fn pass_on_the_request(&self) {
        let passed =
            matches!(self.enders.asked(), Some(End::Gently(signal)) if signal != Signal::TERM.as_raw());
        if passed && matches!(self.cause, Some(Cause::Run)) {
            self.leader.signal(Signal::TERM);
        }
    }

    fn end_for_the_run(&mut self) {
        match self.enders.asked() {
            Some(End::Gently(signal)) => {
                let signal = Signal::from_named_raw(signal).unwrap_or(Signal::TERM);
                self.ask_to_end(Cause::Run, signal);
            }
            Some(End::Now) | None => {
                self.cause = Some(Cause::Run);
                self.kill();
            }
        }
    }

    fn ask_to_end(&mut self, cause: Cause, signal: Signal) {
        self.cause = Some(cause);
        self.leader.signal(signal);
        // a stopped process would hear of it only when it goes on
        self.leader.signal(Signal::CONT);
        self.phase = Phase::Asked { kill_at: self.now().checked_add(self.attempt.grace) };
    }

    fn kill(&mut self) {
        self.leader.signal(Signal::KILL);
        self.phase = Phase::Killed;
    }

    fn conclude(mut self) -> Finished {
        // what holds the pipes is told from what is only slowly read
        let held = [self.stdout.drain(), self.stderr.drain()].contains(&true);
        let leaked = held && self.cause.is_none() && self.elapsed() >= self.took + LINGER;
        self.leader.signal(Signal::KILL);
        self.stdout.drain();
        self.stderr.drain();
        self.groups.leave(self.attempt.slot);
        let exit = self.leader.reap();
        let ending = match self.cause {
            Some(Cause::TimeLimit) => Ending::TimedOut,
            Some(Cause::Run) => Ending::Ended,
            Some(Cause::Terminal { signal }) => Ending::Stopped { signal },
            Some(Cause::TooLong { limit }) => Ending::TooLong { limit },
            None => match (self.stdout.passed(), exit) {
                // it ended before it could be ended
                (Some(limit), _) => Ending::TooLong { limit },
                (None, Ok(exit)) => Ending::Exited(exit),
                (None, Err(message)) => Ending::CannotStart(message),
            },
        };
        TALKATIVE.set(self.stdout.taken() + self.stderr.taken() > LITTLE);
        Finished {
            ending,
            stdout: self.stdout.into_output(),
            stderr: self.stderr.into_output(),
            took: self.took,
            leaked,
        }
    }
}

/// Polls those of the sources that are there; nothing is ready in the others. An interrupted wait sees nothing.
pub(super) fn poll_some<const N: usize>(
    sources: [(Option<BorrowedFd<'_>>, PollFlags); N],
    patience: Option<Duration>,
) -> [PollFlags; N] {
    let there = sources.into_iter().filter_map(|(source, flags)| Some((source?, flags)));
    let mut polled: Vec<_> = there.map(|(source, flags)| PollFd::from_borrowed_fd(source, flags)).collect();
    let patience = patience.and_then(|time| Timespec::try_from(time).ok());
    let heard = poll(&mut polled, patience.as_ref()).is_ok();
    let mut seen = polled.iter().map(PollFd::revents);
    sources.map(|(source, _)| {
        let flags = source.and_then(|_| seen.next());
        flags.filter(|_| heard).unwrap_or(PollFlags::empty())
    })
}
