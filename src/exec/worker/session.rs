//! One worker process and our ends of its pipes: started, sent lines, listened to, ended.
//! Nothing here blocks but the end; who leads the worker polls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec, ioctl_fionbio, ioctl_fionread, read, write};
use rustix::process::Signal;

use crate::outcome::Exit;

use super::super::leader::Leader;
use super::super::{Attempt, Groups, Keep, Stream, start};
use super::mean::Mean;
use super::message::{self, Held};
use super::prints::Printed;
use super::{Around, Kind, LONGEST_ANSWER, Request};

/// How long workers that are asked to end at the end of a run have for it.
const GRACE: Duration = Duration::from_millis(500);

/// What a worker finds its descriptors under, and their numbers.
const INCOMING: (&str, i32) = ("DECO_WORKER_IN", 3);
const OUTGOING: (&str, i32) = ("DECO_WORKER_OUT", 4);
const CLAIMS: (&str, i32) = ("DECO_WORKER_CLAIMS", 5);

/// How much room for lines is kept from one time to the next.
pub(super) const MOST_KEPT: usize = 1024 * 1024;

/// Above all numbers that a worker gets.
const ABOVE: i32 = 16;

pub(super) struct Session {
    pub kind: Arc<Kind>,
    pub place: u32,
    pub leader: Leader,
    incoming: Option<OwnedFd>,
    outgoing: OwnedFd,
    /// A byte for each call that was sent and not begun; the worker takes one when it begins a call. We hold both ends.
    claims: (OwnedFd, OwnedFd),
    pub stdout: Printed,
    pub stderr: Printed,
    /// What marks begin with.
    mark: String,
    /// Whether it may be sent calls ahead; unknown before its greeting.
    pub ahead: Option<bool>,
    /// Whether it has ever finished a call.
    pub has_answered: bool,
    pub mean: Mean,
    held: Held,
    batch: u8,
    unsent: Unsent,
    unread: Vec<u8>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("kind", &self.kind.argv).field("place", &self.place).finish()
    }
}

impl Session {
    /// Starts a worker. `Err`: why not, in words.
    pub fn start(kind: &Arc<Kind>, place: u32, around: Around<'_>) -> Result<Session, String> {
        let machine = |error: io::Error| format!("failed to open pipes for a worker: {error}");
        let pipes = Pipes::new().map_err(machine)?;
        let attempt = attempt(kind, place);
        let Around { enders, groups, logs } = around;
        let started = start::start_with(&attempt, enders, groups, &pipes.theirs);
        let started = started.inspect_err(|_| groups.leave(place))?;
        let leader = Leader::new(started.pid, started.descriptor);
        let mark = format!("{:016x}", fastrand::u64(..));
        let printed = Printed::new(started.stdout, Stream::Stdout)
            .and_then(|stdout| Ok((stdout, Printed::new(started.stderr, Stream::Stderr)?)));
        let (stdout, stderr) = match printed {
            Ok(printed) => printed,
            Err(error) => {
                let _ = bury(leader, place, groups);
                return Err(machine(error));
            }
        };
        let mut session = Session {
            kind: kind.clone(),
            place,
            leader,
            incoming: Some(pipes.incoming),
            outgoing: pipes.outgoing,
            claims: pipes.claims,
            stdout,
            stderr,
            ahead: None,
            has_answered: false,
            mean: Mean::unknown(),
            held: Held::default(),
            batch: 0,
            unsent: Unsent { lines: message::greeting(&mark, logs.is_live()), written: 0 },
            unread: Vec::new(),
            mark,
        };
        session.flush();
        Ok(session)
    }

    /// What stands in an output where that of a call ends.
    pub fn mark(&self, call: u64) -> String {
        format!("\0{}:{call}\n", self.mark)
    }

    /// Sends calls, as far as the pipe takes them now; their claims first, so that they can be taken back from then on.
    /// `false`: the pipe is full of claims that the worker has never taken, since it takes more than are ever under way.
    pub fn send(&mut self, requests: &[Request]) -> bool {
        self.batch = if self.batch == u8::MAX { 1 } else { self.batch + 1 };
        let claimed = write(&self.claims.1, &vec![self.batch; requests.len()]);
        message::calls(requests, self.batch, &mut self.held, &mut self.unsent.lines);
        self.flush();
        claimed == Ok(requests.len())
    }

    /// Writes what fits. A worker that does not read any more is seen by its end.
    pub fn flush(&mut self) {
        if let Some(pipe) = &self.incoming {
            self.unsent.write(pipe);
        }
    }

    /// What can be written to, if there is more to write.
    pub fn wants_to_write(&self) -> Option<BorrowedFd<'_>> {
        self.incoming.as_ref().filter(|_| !self.unsent.lines.is_empty()).map(AsFd::as_fd)
    }

    pub fn answers(&self) -> BorrowedFd<'_> {
        self.outgoing.as_fd()
    }

    /// Reads what there is into `lines`: whole ones, in order. `false`: the worker has closed it.
    pub fn read(&mut self, lines: &mut Vec<u8>) -> bool {
        let looked_at = self.unread.len();
        let is_open = self.read_what_is_there();
        // a long line comes in many parts, each looked at once
        let end = self.unread[looked_at..].iter().rposition(|&byte| byte == b'\n');
        let end = end.map_or(0, |end| looked_at + end + 1);
        lines.extend(self.unread.drain(..end));
        is_open
    }

    /// Whether the worker is in the midst of a line that is longer than any may be; what was read of it is dropped.
    pub fn drops_long_line(&mut self) -> bool {
        let is_too_long = self.unread.len() > LONGEST_ANSWER;
        if is_too_long {
            self.unread = Vec::new();
        }
        is_too_long
    }

    fn read_what_is_there(&mut self) -> bool {
        const CHUNK: usize = 64 * 1024;
        while self.unread.len() <= LONGEST_ANSWER {
            self.unread.reserve(CHUNK);
            let room = self.unread.capacity() - self.unread.len();
            match read(&self.outgoing, spare_capacity(&mut self.unread)) {
                Ok(count) if count == room => {}
                Err(Errno::INTR) => {}
                Ok(1..) | Err(Errno::AGAIN) => return true,
                Ok(0) | Err(_) => return false,
            }
        }
        true
    }

    /// How many calls were sent and are not begun.
    pub fn unbegun(&self) -> usize {
        ioctl_fionread(&self.claims.0).map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Takes back the claims of calls that were not begun: how many there were.
    pub fn take_back(&mut self) -> usize {
        let mut taken = 0;
        let mut buffer = [0; 256];
        loop {
            match read(&self.claims.0, &mut buffer) {
                Ok(count @ 1..) => taken += count,
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => return taken,
            }
        }
    }

    /// Kills what is left of the worker's group and tells how the worker ended.
    pub fn bury(mut self, groups: &Groups) -> Result<Exit, String> {
        self.incoming = None;
        bury(self.leader, self.place, groups)
    }
}

/// Kills what is left of a worker's group.
fn bury(leader: Leader, place: u32, groups: &Groups) -> Result<Exit, String> {
    if !leader.has_ended() {
        leader.signal(Signal::KILL);
        wait(&leader, None);
    }
    leader.signal(Signal::KILL);
    groups.leave(place);
    leader.reap()
}

/// Lines on their way.
struct Unsent {
    lines: String,
    written: usize,
}

impl Unsent {
    fn write(&mut self, pipe: &OwnedFd) {
        while self.written < self.lines.len() {
            match write(pipe, &self.lines.as_bytes()[self.written..]) {
                Ok(count) => self.written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => break,
            }
        }
        self.lines.clear();
        self.lines.shrink_to(MOST_KEPT);
        self.written = 0;
    }
}

/// Both ends of the pipes that a worker has besides the usual ones.
struct Pipes {
    incoming: OwnedFd,
    outgoing: OwnedFd,
    claims: (OwnedFd, OwnedFd),
    theirs: Vec<(OwnedFd, i32)>,
}

impl Pipes {
    fn new() -> io::Result<Pipes> {
        let (their_incoming, incoming) = io::pipe()?;
        let (outgoing, their_outgoing) = io::pipe()?;
        let (claims_end, claims) = io::pipe()?;
        ioctl_fionbio(&incoming, true)?;
        ioctl_fionbio(&outgoing, true)?;
        // theirs too, since it is one end that both hold: no claim is a call that was taken back
        ioctl_fionbio(&claims_end, true)?;
        ioctl_fionbio(&claims, true)?;
        let theirs = vec![
            (fcntl_dupfd_cloexec(&their_incoming, ABOVE)?, INCOMING.1),
            (fcntl_dupfd_cloexec(&their_outgoing, ABOVE)?, OUTGOING.1),
            (fcntl_dupfd_cloexec(&claims_end, ABOVE)?, CLAIMS.1),
        ];
        Ok(Pipes {
            incoming: incoming.into(),
            outgoing: outgoing.into(),
            claims: (claims_end.into(), claims.into()),
            theirs,
        })
    }
}

fn attempt(kind: &Kind, place: u32) -> Attempt {
    let mut env = kind.env.clone();
    for (name, number) in [INCOMING, OUTGOING, CLAIMS] {
        env.own.push((name.into(), number.to_string().into()));
    }
    Attempt {
        argv: kind.argv.as_slice().into(),
        shortcut: None,
        env,
        dir: kind.dir.as_path().into(),
        stdin: Arc::from([]),
        timeout: None,
        grace: GRACE,
        // a program is looked for each time
        as_of: fastrand::u64(..),
        slot: place,
        stdout: Keep::Short,
        terminal: kind.terminal,
    }
}

/// Ends workers that make no call: the end of what they read asks them to.
pub(super) fn end_all(mut sessions: Vec<Session>, groups: &Groups) {
    sessions.iter_mut().for_each(|session| session.incoming = None);
    let until = Instant::now() + GRACE;
    for session in sessions {
        wait(&session.leader, Some(until));
        let _ = session.bury(groups);
    }
}

/// Waits for the end of a process.
fn wait(leader: &Leader, until: Option<Instant>) {
    const ASK_EVERY: Duration = Duration::from_millis(10);
    while !leader.has_ended() {
        let mut patience = until.map(|until| until.saturating_duration_since(Instant::now()));
        if patience == Some(Duration::ZERO) {
            return;
        }
        let ends = leader.descriptor();
        if ends.is_none() {
            patience = Some(patience.map_or(ASK_EVERY, |left| left.min(ASK_EVERY)));
        }
        let mut polled: Vec<_> = ends.iter().map(|end| PollFd::new(end, PollFlags::IN)).collect();
        let patience = patience.and_then(|time| Timespec::try_from(time).ok());
        let _ = poll(&mut polled, patience.as_ref());
    }
}
