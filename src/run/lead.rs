//! Calls that a worker makes: the thread of one slot leads a worker, sends it calls of one task as long as they are the
//! next, several ahead while they are short, and ends them as their answers come.

use std::collections::VecDeque;
use std::path::Path as FilePath;
use std::sync::{Arc, PoisonError};

use petgraph::graph::NodeIndex;

use crate::exec::worker::{Answer, Around, Done, Kind, Request, Turn};
use crate::exec::{Ending, Finished, Logs, Stream};
use crate::harvest;
use crate::manifest::Task;
use crate::prepare::{Kept, Sent, Work};
use crate::schedule::demand::Grant;

use super::Running;
use super::call::{Begun, Ready};
use super::heard::Heard;

/// One slot's thread and the calls that go through the slot.
struct Lead<'a> {
    running: &'a Running,
    heard: Option<&'a Heard<'a>>,
    /// The call that it began with.
    like: NodeIndex,
    grant: &'a Grant,
    folder: &'a Arc<FilePath>,
    kind: Arc<Kind>,
    kept: &'a mut Kept,
    /// Calls that the worker has been sent, with their numbers, in order: they end in the order in which they were sent.
    sent: VecDeque<(u64, Begun, Box<Ready<'a>>)>,
    next_id: u64,
    /// What is sent first.
    first: Option<Request>,
    /// A call that needs another kind of worker: it is the next one.
    other: Option<(Begun, Box<Ready<'a>>, Sent)>,
}

impl Running {
    /// Makes a call that was begun, and others of its task, by workers.
    pub(super) fn lead<'a>(
        &'a self,
        begun: Begun,
        ready: Box<Ready<'a>>,
        sent: Sent,
        grant: &Grant,
        folder: &Arc<FilePath>,
        kept: &mut Kept,
    ) {
        let task = ready.task;
        let enders = if task.when.is_finalizer() { &*self.final_enders } else { &self.enders };
        let heard = self.heard();
        let logs: &dyn Logs = heard.as_ref().map_or(self, |heard| heard);
        let around = Around { enders, groups: &self.groups, logs };
        let mut lead = Lead {
            running: self,
            like: begun.node,
            heard: heard.as_ref(),
            grant,
            folder,
            kind: self.kind(task, &sent.common.kind),
            kept,
            sent: VecDeque::new(),
            next_id: 0,
            first: None,
            other: Some((begun, ready, sent)),
        };
        {
            let core = &mut *self.lock();
            core.schedule.keep_slot(begun.node);
            core.attempts += usize::from(!task.when.is_finalizer());
        }
        while let Some((begun, ready, sent)) = lead.other.take() {
            lead.kind = self.kind(task, &sent.common.kind);
            lead.first = Some(lead.hold(begun, ready, sent));
            let kind = lead.kind.clone();
            self.workers.lead(&kind, around, &mut |turn| lead.turn(turn));
        }
        self.setting.folders.tidy(grant.slot);
        self.lock().schedule.free_slot(grant.slot);
        if !task.when.is_finalizer() {
            self.attempt_is_over();
        }
    }

    /// The kind of worker, one in memory for calls of a task that need the same.
    pub(super) fn kind(&self, task: &Task, kind: &Kind) -> Arc<Kind> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        match kinds.get(task.name.as_str()) {
            Some(known) if **known == *kind => known.clone(),
            _ => {
                let kind = Arc::new(kind.clone());
                kinds.insert(task.name.to_string(), kind.clone());
                kind
            }
        }
    }
}

impl<'a> Lead<'a> {
    /// Tells of what came back, and says what comes next.
    fn turn(&mut self, turn: &mut Turn) {
        self.running.scribe.keep_pace();
        turn.done.drain(..).for_each(|done| self.end(done));
        self.put_back(turn.back.drain(..));
        let requests = &mut turn.given;
        requests.extend(self.first.take());
        while requests.len() < turn.room && self.other.is_none() {
            let taken = self.take(turn.room - requests.len());
            if taken.is_empty() {
                break;
            }
            taken.into_iter().for_each(|begun| self.prepare(begun, requests));
        }
        if self.running.lock().waiting > 0 {
            self.running.changed.notify_all();
        }
    }

    /// Further calls of the task, if they are the next ones.
    fn take(&self, most: usize) -> Vec<Begun> {
        let core = &mut *self.running.lock();
        let taken = core.schedule.take_ahead(&core.plan, self.like, most, self.running.began.elapsed());
        let begun = |(node, attempt)| Some(Begun { call: core.plan.call_at(node)?, node, attempt });
        taken.into_iter().filter_map(begun).collect()
    }

    /// A call that was taken: to be sent, kept for another worker, given back, or ended already.
    fn prepare(&mut self, begun: Begun, requests: &mut Vec<Request>) {
        if self.other.is_some() {
            return self.give_back(begun);
        }
        let Lead { running, grant, folder, kept, .. } = self;
        match running.guarded(|| running.ready(&begun, grant, folder, kept)) {
            Ok((ready, Work::Request(sent))) if sent.common.kind == *self.kind => {
                requests.push(self.hold(begun, ready, *sent));
            }
            Ok((ready, Work::Request(sent))) => self.other = Some((begun, ready, *sent)),
            Ok((_, Work::Process(_))) => self.give_back(begun),
            Err(ended) => self.running.end_attempt(begun, ended),
        }
    }

    fn give_back(&self, begun: Begun) {
        let core = &mut *self.running.lock();
        core.schedule.put_back(&core.plan, begun.node);
    }

    fn hold(&mut self, begun: Begun, mut ready: Box<Ready<'a>>, sent: Sent) -> Request {
        let id = self.next_id;
        self.next_id += 1;
        self.running.tell_begun(&begun, &mut ready, self.grant.slot);
        if let Some(heard) = self.heard {
            heard.begin(id, self.grant.slot, (&ready.scope.address(), begun.attempt));
        }
        self.sent.push_back((id, begun, ready));
        Request { id, ..sent.request }
    }

    /// Calls that were not begun: whoever is next makes them.
    fn put_back(&mut self, back: impl Iterator<Item = Request>) {
        for request in back {
            if let Some(heard) = self.heard {
                heard.end(request.id);
            }
            if let Some((begun, _)) = self.take_sent(request.id) {
                self.give_back(begun);
            }
        }
    }

    fn take_sent(&mut self, id: u64) -> Option<(Begun, Box<Ready<'a>>)> {
        let at = self.sent.iter().position(|(known, ..)| *known == id)?;
        self.sent.remove(at).map(|(_, begun, ready)| (begun, ready))
    }

    fn end(&mut self, done: Done) {
        let Some((begun, mut ready)) = self.take_sent(done.id) else { return };
        if let Some(heard) = self.heard {
            if let Some(traceback) = traceback(&done.answer) {
                heard.heard(done.id, Stream::Stderr, traceback.as_bytes());
            }
            heard.end(done.id);
        }
        let ended = self.running.guarded(|| {
            let (finished, answer) = finished(done);
            let changes = harvest::returned::changes(&mut ready.scope, ready.task, answer);
            Ok(self.running.concluded(&begun, ready, finished, changes))
        });
        self.running.end_attempt(begun, ended.unwrap_or_else(|ended| ended));
    }
}

fn traceback(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Raised(raised) => raised.traceback.as_deref(),
        Answer::Returned(_) | Answer::Process(_) | Answer::Broken(_) => None,
    }
}

/// The attempt as one of a process would have ended. A traceback is the end of what it printed.
fn finished(done: Done) -> (Finished, Answer) {
    let Done { answer, stdout, mut stderr, took, .. } = done;
    let ending = match &answer {
        Answer::Process(ending) => ending.clone(),
        Answer::Raised(_) => {
            stderr.bytes.extend_from_slice(traceback(&answer).unwrap_or_default().as_bytes());
            Ending::Answered
        }
        Answer::Returned(_) | Answer::Broken(_) => Ending::Answered,
    };
    (Finished { ending, stdout, stderr, took, leaked: false }, answer)
}
