//! Between the run and those who tell of it: events go to the journal first, and only then to the reporters. A thread of
//! its own takes them in batches, so that whoever ends a call neither writes nor wakes anybody.

use std::io;
use std::mem::replace;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::event::Event;
use crate::report::{Batch, Reporters};
use crate::state::journal::{End, Journal};

/// How long a plain success may wait for others before it is written.
const GATHER: Duration = Duration::from_millis(20);

/// With so many events the writing begins: more would only take more memory, which is cold by the time it is read.
const FULL: usize = 1024;

/// So many events may wait to be written before more work is begun.
const MOST: usize = 8192;

/// Takes the events of a run.
pub struct Scribe {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<Written>>>,
}

/// How the writing went, in words that have been shown.
#[derive(Debug)]
pub struct Written {
    pub journal: Result<(), String>,
    pub reporters: Vec<String>,
}

/// What is told when the journal cannot be written.
type OnFailure = Box<dyn FnOnce(String) + Send>;

#[derive(Default)]
struct Desk {
    inbox: Mutex<Inbox>,
    come: Condvar,
    /// Events were taken, or nobody takes them any more.
    taken: Condvar,
    on_failure: Mutex<Option<OnFailure>>,
}

#[derive(Default)]
struct Inbox {
    events: Vec<Event>,
    notices: Vec<String>,
    /// Nobody looks until it is woken.
    sleeps: bool,
    /// Something should be told now.
    urgent: bool,
    /// Nothing more comes, and how the journal is to end.
    over: Option<End>,
    /// The thread that writes has ended.
    deserted: bool,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.notices.is_empty()
    }
}

impl Scribe {
    /// Without a journal, events go to the reporters alone.
    pub fn start(journal: Option<Journal>, reporters: Reporters) -> io::Result<Scribe> {
        let desk = Arc::new(Desk::default());
        let own = Arc::clone(&desk);
        let thread = thread::Builder::new().name("scribe".to_owned());
        let thread = thread.spawn(move || {
            let _leaves = Leaves(&own);
            own.serve(journal, reporters)
        })?;
        Ok(Scribe { desk, thread: Mutex::new(Some(thread)) })
    }

    /// What to do, once, when the journal cannot be written. Nothing more is told to the reporters then.
    pub fn on_failure(&self, told: impl FnOnce(String) + Send + 'static) {
        *self.desk.on_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(told));
    }

    /// Waits while more has been told than could be written: calls that cost nothing would run away from their journal.
    /// Not to be called with a lock held that the scribe's thread may take, as that of the run is.
    pub fn keep_pace(&self) {
        let mut inbox = self.desk.lock();
        while inbox.events.len() >= MOST && !inbox.deserted {
            self.desk.come.notify_one();
            inbox = self.desk.taken.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes an event; never waits.
    pub fn send(&self, event: Event) {
        let mut inbox = self.desk.lock();
        inbox.urgent |= event.kind.is_urgent();
        inbox.events.push(event);
        self.desk.wake(inbox);
    }

    /// A word that is no fact of the run, for whoever looks at it now.
    pub fn notice(&self, text: &str) {
        let mut inbox = self.desk.lock();
        inbox.urgent = true;
        inbox.notices.push(text.to_owned());
        self.desk.wake(inbox);
    }

    /// Says that nothing more comes: what has come is written.
    pub fn close(&self, end: End) {
        let mut inbox = self.desk.lock();
        inbox.over.get_or_insert(end);
        self.desk.wake(inbox);
    }

    /// Waits until all is written, and on the disk unless [`Scribe::close`] has said otherwise.
    pub fn finish(&self) -> Written {
        self.close(End::default());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let written = thread.and_then(|thread| thread.join().ok());
        written.unwrap_or_else(|| {
            let mistake = "the thread that writes the journal stopped by a mistake of its own".to_owned();
            Written { journal: Err(mistake), reporters: Vec::new() }
        })
    }
}

impl std::fmt::Debug for Scribe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scribe").finish_non_exhaustive()
    }
}

/// Nobody waits for the thread that writes once it has ended, by a mistake or not.
struct Leaves<'a>(&'a Desk);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.lock().deserted = true;
        self.0.taken.notify_all();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread if it sleeps, or gathers and should not.
    fn wake(&self, inbox: MutexGuard<'_, Inbox>) {
        if inbox.sleeps || inbox.urgent || inbox.over.is_some() || inbox.events.len() == FULL {
            self.come.notify_one();
        }
    }

    /// Waits until there is something, and a little longer for what else comes.
    fn gather(&self) -> Inbox {
        let mut inbox = self.lock();
        while inbox.is_empty() && inbox.over.is_none() {
            inbox.sleeps = true;
            inbox = self.come.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        inbox.sleeps = false;
        let until = Instant::now() + GATHER;
        while !inbox.urgent && inbox.over.is_none() && inbox.events.len() < FULL {
            let Some(left) = until.checked_duration_since(Instant::now()) else { break };
            inbox = self.come.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        // room for somewhat more: to move events is dearer than to have room for them
        let room = inbox.events.len() * 3 / 2;
        let next = Inbox { events: Vec::with_capacity(room), over: inbox.over, ..Inbox::default() };
        self.taken.notify_all();
        replace(&mut *inbox, next)
    }

    fn serve(&self, journal: Option<Journal>, reporters: Reporters) -> Written {
        let mut journal = journal.map(Ok);
        let end = loop {
            let Inbox { events, notices, over, .. } = self.gather();
            self.tell(&mut journal, &reporters, events);
            notices.iter().for_each(|text| reporters.notice(text));
            // what came in the meantime is taken before the end
            if let Some(end) = over.filter(|_| self.lock().is_empty()) {
                break end;
            }
        };
        let kept = match journal {
            Some(Ok(journal)) => journal.finish(end).inspect_err(|words| reporters.notice(words)),
            Some(Err(words)) => Err(words),
            None => Ok(()),
        };
        Written { journal: kept, reporters: reporters.finish() }
    }

    /// Nothing is shown that is not in the journal.
    fn tell(&self, journal: &mut Option<Result<Journal, String>>, reporters: &Reporters, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let batch = Batch::new(events);
        match journal {
            Some(Err(_)) => return,
            Some(Ok(open)) => {
                if let Err(words) = open.append(&batch.lines) {
                    reporters.notice(&words);
                    let told = self.on_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                    *journal = Some(Err(words.clone()));
                    if let Some(told) = told {
                        told(words);
                    }
                    return;
                }
            }
            None => {}
        }
        reporters.send(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;

    fn event() -> Event {
        Event { ms: 0, kind: EventKind::CallKept { call: "call".into() } }
    }

    #[test]
    fn who_is_far_ahead_of_the_journal_goes_on_once_it_has_caught_up() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal"), 0).unwrap();
        let scribe = Scribe::start(Some(journal), Reporters::start(Vec::new()).unwrap()).unwrap();
        // not by `send`, which would wake the one who writes
        scribe.desk.lock().events.extend((0..MOST).map(|_| event()));
        scribe.keep_pace();
        assert!(scribe.desk.lock().events.len() < MOST);
        assert_eq!(scribe.finish().journal, Ok(()));
    }

    #[test]
    fn what_comes_after_the_end_was_said_does_not_take_it_back() {
        let desk = Desk::default();
        desk.lock().over = Some(End::Written);
        for _ in 0..2 {
            desk.lock().events.push(event());
            assert_eq!(desk.gather().over, Some(End::Written));
        }
    }

    #[test]
    fn nobody_waits_for_a_thread_that_has_ended() {
        let scribe = Scribe::start(None, Reporters::start(Vec::new()).unwrap()).unwrap();
        scribe.finish();
        scribe.desk.lock().events.extend((0..MOST).map(|_| event()));
        scribe.keep_pace();
    }
}
