//! One thread with one worker: calls go out and answers come in; `lead/ending.rs` has whatever else may happen.
//!
//! Calls are sent ahead while they are short. When one turns out long, those behind it that are not begun are taken back, so
//! that they never wait for it while somebody else has nothing to do. Only a call that is alone is listened to as it prints.

mod ending;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::super::pipes::Kept;
use super::super::process::{ASK_EVERY, LOOK_EVERY, poll_some};
use super::super::{Ending, Output, Sink};
use super::reply::{self, Ended, Reply};
use super::session::{MOST_KEPT, Session};
use super::{Answer, Around, Done, Kind, LONGEST_ANSWER, Request, Turn, Workers};
use ending::{Cause, Phase};

type Give<'t> = &'t mut dyn FnMut(&mut Turn);

pub(super) fn lead(workers: &Workers, kind: &Arc<Kind>, around: Around<'_>, turn: Give<'_>) {
    let mut given = ask(turn, Turn { room: 1, ..Turn::default() });
    while !given.is_empty() {
        if around.enders.asked().is_some() {
            given = ask(turn, Turn { back: given, ..Turn::default() });
            continue;
        }
        given = match session(workers, kind, around) {
            Ok(session) => Lead::new(workers, session, around, turn).run(given),
            // it may have been given up for the end of the run
            Err(_) if around.enders.asked().is_some() => continue,
            Err(message) => {
                let done = given.iter().map(|request| never_begun(request, &message)).collect();
                ask(turn, Turn { done, room: 1, ..Turn::default() })
            }
        };
    }
}

/// What is to be done next.
fn ask(turn: Give<'_>, mut told: Turn) -> Vec<Request> {
    turn(&mut told);
    told.given
}

/// A worker that is there, or a new one.
fn session(workers: &Workers, kind: &Arc<Kind>, around: Around<'_>) -> Result<Session, String> {
    match workers.take(kind, around.groups) {
        Ok(session) => Ok(session),
        Err(place) => Session::start(kind, place, around).inspect_err(|_| workers.free(place)),
    }
}

fn too_long() -> String {
    let most = LONGEST_ANSWER / (1024 * 1024);
    format!(
        "an answer is longer than {most} MiB, the most that one may be; let the result be the name of a file"
    )
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
    /// When it became the first one.
    waits_since: Instant,
    /// Those behind the first one were taken back.
    is_long: bool,
    /// What the first one has printed so far.
    kept: [Option<Kept<'a>>; 2],
    phase: Phase,
    cause: Option<Cause>,
    /// What is to be told in the next turn.
    told: Turn,
    /// What was read last, empty in between.
    lines: Vec<u8>,
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
            waits_since: around.groups.clock().now(),
            is_long: false,
            kept: [None, None],
            phase: Phase::Running,
            cause: None,
            told: Turn::default(),
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
        self.told.given = given;
        self.send();
        loop {
            self.pause();
            let ready = self.wait();
            self.exchange(&ready);
            self.step(&ready);
            // further calls may be what the worker breaks at
            let goes_on = matches!(self.phase, Phase::Over) || self.exchange_calls();
            if let Phase::Over = self.phase {
                return self.conclude();
            }
            if !goes_on {
                self.workers.put_back(self.session);
                return Vec::new();
            }
        }
    }

    /// Tells what ended and takes what comes; whether anything is under way.
    fn exchange_calls(&mut self) -> bool {
        if self.told.done.is_empty() && self.told.back.is_empty() {
            return !self.flight.is_empty();
        }
        self.told.room = match self.phase {
            Phase::Running if !self.is_long => self.window().saturating_sub(self.flight.len()),
            _ => 0,
        };
        (self.turn)(&mut self.told);
        self.send();
        !self.flight.is_empty()
    }

    fn window(&self) -> usize {
        if self.session.ahead == Some(true) { self.session.mean.window() } else { 1 }
    }

    /// Sends what was given.
    fn send(&mut self) {
        if self.told.given.is_empty() {
            return;
        }
        if self.flight.is_empty() {
            self.since = self.now();
            self.waits_since = self.since;
        }
        let has_room = self.session.send(&self.told.given);
        self.flight.extend(self.told.given.drain(..));
        if !has_room {
            self.broke("it does not take the claims of the calls that it makes".to_owned());
        }
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
        if self.session.drops_long_line() {
            self.broke(too_long());
        }
        lines.clear();
        lines.shrink_to(MOST_KEPT);
        self.lines = lines;
        if !is_open && matches!(self.phase, Phase::Running) {
            self.worker_has_ended();
        }
    }

    fn take_apart(&mut self, lines: &[u8]) {
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if line.len() > LONGEST_ANSWER {
                return self.broke(too_long());
            }
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
        (self.since, self.waits_since) = (now, now);
        self.is_long = false;
        let [stdout, stderr] = self.printed(request.id, ended.printed);
        let answer = ended.answer.map_or_else(Answer::Raised, Answer::Returned);
        self.told.done.push(Done { id: request.id, answer, stdout, stderr, took });
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
}
