//! One thread with one worker: calls go out, answers come in, and whatever goes wrong is told of the right call.
//!
//! Calls are sent ahead while they are short. When one turns out long, those behind it that are not begun are taken back, so
//! that they never wait for it while somebody else has nothing to do. Only a call that is alone is listened to as it prints.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::process::Signal;

use super::super::pipes::Kept;
use super::super::process::{ASK_EVERY, LINGER, LOOK_EVERY, poll_some};
use super::super::{End, Ending, Output, Sink};
use super::reply::{self, Ended, Reply};
use super::session::Session;
use super::{Answer, Around, Done, Kind, Request, Turn, Workers};

/// How long a worker may take to its greeting until that counts as time of its first call.
const START: Duration = Duration::from_secs(10);

/// How much room for answers is kept from one look to the next.
const MOST_KEPT: usize = 1024 * 1024;

type Give<'t> = &'t mut dyn FnMut(Turn) -> Vec<Request>;

pub(super) fn lead(workers: &Workers, kind: &Arc<Kind>, around: Around<'_>, turn: Give<'_>) {
    let mut given = turn(Turn { room: 1, ..Turn::default() });
    while !given.is_empty() {
        if around.enders.asked().is_some() {
            given = turn(Turn { back: given, ..Turn::default() });
            continue;
        }
        given = match session(workers, kind, around) {
            Ok(session) => Lead::new(workers, session, around, turn).run(given),
            // it may have been given up for the end of the run
            Err(_) if around.enders.asked().is_some() => continue,
            Err(message) => {
                let done = given.iter().map(|request| never_begun(request, &message)).collect();
                turn(Turn { done, room: 1, ..Turn::default() })
            }
        };
    }
}

/// A worker that is there, or a new one.
fn session(workers: &Workers, kind: &Arc<Kind>, around: Around<'_>) -> Result<Session, String> {
    match workers.take(kind, around.groups) {
        Ok(session) => Ok(session),
        Err(place) => Session::start(kind, place, around).inspect_err(|_| workers.free(place)),
    }
}

fn never_begun(request: &Request, message: &str) -> Done {
    Done {
        id: request.id,
        answer: Answer::Process(Ending::CannotStart(message.to_owned())),
        stdout: Output::default(),
        stderr: Output::default(),
        took: Duration::ZERO,
    }
}

struct Lead<'a> {
    workers: &'a Workers,
    session: Session,
    around: Around<'a>,
    turn: Give<'a>,
    /// Under way, the first of them begun as far as is known.
    flight: VecDeque<Request>,
    /// When the first one can have begun.
    since: Instant,
    /// Those behind the first one were taken back.
    is_long: bool,
    /// What the first one has printed so far.
    kept: [Option<Kept<'a>>; 2],
    phase: Phase,
    cause: Option<Cause>,
    done: Vec<Done>,
    back: Vec<Request>,
    /// What was read last, empty in between.
    lines: Vec<u8>,
}

/// How far the worker has come.
#[derive(Clone, Copy)]
enum Phase {
    Running,
    /// It was asked to end; then it is killed.
    Asked {
        kill_at: Option<Instant>,
    },
    /// It has ended, or was killed.
    Over,
}

/// Why the worker is ended, if it does not end by itself.
enum Cause {
    TimeLimit,
    Run,
    Terminal { signal: i32 },
    Broken(String),
}

/// What `poll` saw.
struct Ready {
    answers: PollFlags,
    incoming: PollFlags,
    stdout: PollFlags,
    stderr: PollFlags,
    leader: PollFlags,
    call: PollFlags,
}

impl<'a> Lead<'a> {
    fn new(workers: &'a Workers, session: Session, around: Around<'a>, turn: Give<'a>) -> Lead<'a> {
        Lead {
            workers,
            session,
            around,
            turn,
            flight: VecDeque::new(),
            since: around.groups.clock().now(),
            is_long: false,
            kept: [None, None],
            phase: Phase::Running,
            cause: None,
            done: Vec::new(),
            back: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        self.around.groups.clock().now()
    }

    /// Since the first call under way began.
    fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.since)
    }

    /// Until there is nothing more to do, or the worker is gone; what is then still to be done.
    fn run(mut self, given: Vec<Request>) -> Vec<Request> {
        self.send(given);
        loop {
            self.pause();
            let ready = self.wait();
            self.exchange(&ready);
            self.step(&ready);
            if let Phase::Over = self.phase {
                return self.conclude();
            }
            if !self.exchange_calls() {
                self.workers.put_back(self.session);
                return Vec::new();
            }
        }
    }

    /// Tells what ended and takes what comes; whether anything is under way.
    fn exchange_calls(&mut self) -> bool {
        if self.done.is_empty() && self.back.is_empty() {
            return !self.flight.is_empty();
        }
        let room = match self.phase {
            Phase::Running if !self.is_long => self.window().saturating_sub(self.flight.len()),
            _ => 0,
        };
        let further = Vec::with_capacity(self.done.len());
        let done = std::mem::replace(&mut self.done, further);
        let turn = Turn { done, back: std::mem::take(&mut self.back), room };
        let given = (self.turn)(turn);
        self.send(given);
        !self.flight.is_empty()
    }

    fn window(&self) -> usize {
        if self.session.ahead == Some(true) { self.session.mean.window() } else { 1 }
    }

    fn send(&mut self, given: Vec<Request>) {
        if given.is_empty() {
            return;
        }
        if self.flight.is_empty() {
            self.since = self.now();
        }
        self.session.send(&given);
        self.flight.extend(given);
    }

    /// Lets answers gather while there is enough to do for the worker.
    fn pause(&mut self) {
        let idle = matches!(self.phase, Phase::Running) && self.session.wants_to_write().is_none();
        let pause = self.session.mean.pause(self.flight.len());
        if idle && self.window() > 1 && !self.is_long && pause > Duration::from_micros(50) {
            let call = [(Some(self.around.enders.first_call()), PollFlags::IN)];
            let _ = poll_some(call, Some(pause));
        }
    }

    fn wait(&self) -> Ready {
        let listens = self.is_alone() && self.elapsed() >= self.session.mean.patience();
        let sources = [
            (Some(self.session.answers()), PollFlags::IN),
            (self.session.wants_to_write(), PollFlags::OUT),
            (self.session.stdout.source().filter(|_| listens), PollFlags::IN),
            (self.session.stderr.source().filter(|_| listens), PollFlags::IN),
            (self.session.leader.descriptor(), PollFlags::IN),
            (self.call(), PollFlags::IN),
        ];
        let [answers, incoming, stdout, stderr, leader, call] = poll_some(sources, self.patience(listens));
        Ready { answers, incoming, stdout, stderr, leader, call }
    }

    /// Whether nobody but the first call can have printed since its beginning.
    fn is_alone(&self) -> bool {
        self.flight.len() == 1
    }

    /// The wish of the run that would still change something.
    fn call(&self) -> Option<std::os::fd::BorrowedFd<'a>> {
        match self.phase {
            Phase::Running => Some(self.around.enders.first_call()),
            Phase::Asked { .. } => Some(self.around.enders.last_call()),
            Phase::Over => None,
        }
    }

    fn patience(&self, listens: bool) -> Option<Duration> {
        let left = |at: Instant| at.saturating_duration_since(self.now());
        let look = match self.phase {
            _ if self.session.leader.must_be_asked() => Some(ASK_EVERY),
            Phase::Running if !listens && !self.is_long => Some(left(self.long_at())),
            Phase::Running if !listens => Some(self.session.mean.patience()),
            Phase::Running if self.session.kind.terminal => Some(LOOK_EVERY),
            _ => None,
        };
        [self.deadline().map(left), look].into_iter().flatten().min()
    }

    /// When the first call turns out to be long.
    fn long_at(&self) -> Instant {
        self.since + self.session.mean.patience()
    }

    fn deadline(&self) -> Option<Instant> {
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

    fn exchange(&mut self, ready: &Ready) {
        if !ready.incoming.is_empty() {
            self.session.flush();
        }
        if !ready.stdout.is_empty() || !ready.stderr.is_empty() {
            self.listen();
        }
        if !ready.answers.is_empty() {
            self.read();
        }
    }

    fn listen(&mut self) {
        let Some(first) = self.flight.front() else { return };
        let mark = self.session.mark(first.id);
        let sink = self.sink(first.id);
        let [stdout, stderr] = &mut self.kept;
        self.session.stdout.listen(mark.as_bytes(), stdout, sink);
        self.session.stderr.listen(mark.as_bytes(), stderr, sink);
    }

    fn sink(&self, call: u64) -> Sink<'a> {
        Sink { logs: self.around.logs, call }
    }

    fn read(&mut self) {
        let mut lines = std::mem::take(&mut self.lines);
        let is_open = self.session.read(&mut lines);
        self.take_apart(&lines);
        lines.clear();
        lines.shrink_to(MOST_KEPT);
        self.lines = lines;
        if !is_open && matches!(self.phase, Phase::Running) {
            self.worker_has_ended();
        }
    }

    fn take_apart(&mut self, lines: &[u8]) {
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            match reply::parse(line) {
                Ok(Reply::Greeting { ahead }) => {
                    self.session.ahead = Some(ahead);
                    // what went before was the worker's own start
                    self.since = self.now();
                    self.is_long = false;
                }
                Ok(Reply::Ended(ended)) if self.flight.front().is_some_and(|first| first.id == ended.id) => {
                    self.ended(ended);
                }
                Ok(Reply::Ended(ended)) => {
                    return self.broke(format!("it answers to call {}, which it does not make", ended.id));
                }
                Err(message) => return self.broke(message),
            }
        }
    }

    /// The first call has ended by itself, unless it was being ended.
    fn ended(&mut self, ended: Ended) {
        if self.cause.is_some() {
            return;
        }
        let Some(request) = self.flight.pop_front() else { return };
        let now = self.now();
        let took = ended.took.unwrap_or(now - self.since);
        self.session.mean.add(took);
        self.session.has_answered = true;
        self.since = now;
        self.is_long = false;
        let [stdout, stderr] = self.printed(request.id, ended.printed);
        let answer = ended.answer.map_or_else(Answer::Raised, Answer::Returned);
        self.done.push(Done { id: request.id, answer, stdout, stderr, took });
    }

    /// What the call printed that has just ended.
    fn printed(&mut self, call: u64, printed: [bool; 2]) -> [Output; 2] {
        let ahead = self.session.ahead == Some(true);
        if ahead && printed == [false; 2] && self.kept.iter().all(Option::is_none) {
            return [Output::default(), Output::default()];
        }
        let mark = self.session.mark(call);
        let [stdout, stderr] = std::mem::take(&mut self.kept);
        let streams = [(&mut self.session.stdout, stdout), (&mut self.session.stderr, stderr)];
        let (sink, mut printed) = (Sink { logs: self.around.logs, call }, printed.into_iter());
        streams.map(|(stream, kept)| match (ahead, printed.next()) {
            (true, Some(true)) => stream.finish(Some(mark.as_bytes()), kept, sink),
            (true, _) if kept.is_none() => Output::default(),
            _ => stream.finish(None, kept, sink),
        })
    }

    /// The one place where a worker goes from phase to phase.
    fn step(&mut self, ready: &Ready) {
        let look = !ready.leader.is_empty() || self.session.leader.must_be_asked();
        if look && self.session.leader.has_ended() {
            self.read_to_the_end();
            self.phase = Phase::Over;
            return;
        }
        if !self.has_begun() {
            self.since = self.now();
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
        self.back.extend(self.flight.drain(begun..));
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

    fn broke(&mut self, message: String) {
        self.take_back();
        self.cause.get_or_insert(Cause::Broken(message));
        self.kill();
    }

    /// It answers no more; it may take a moment to be gone.
    fn worker_has_ended(&mut self) {
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
    fn conclude(mut self) -> Vec<Request> {
        self.take_back();
        let mut begun: Vec<_> = self.flight.drain(..).collect();
        if self.cause.is_none() && begun.is_empty() && !self.session.has_answered && !self.back.is_empty() {
            // it would be no better with the next worker
            begun.push(self.back.remove(0));
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
            self.done.push(Done { id: request.id, answer, stdout, stderr, took });
        }
        (self.turn)(Turn { done: self.done, back: self.back, room: 1 })
    }

    fn printed_at_the_end(&mut self, call: u64) -> Vec<Output> {
        let mark = self.session.mark(call);
        let [stdout, stderr] = std::mem::take(&mut self.kept);
        let (mark, sink) = (Some(mark.as_bytes()), self.sink(call));
        vec![self.session.stdout.finish(mark, stdout, sink), self.session.stderr.finish(mark, stderr, sink)]
    }
}
