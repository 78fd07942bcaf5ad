//! Events out: to the screen, to files. Each reporter has its own thread behind a channel, so that the run never
//! waits for a slow screen. Makes nothing happen and knows nothing of plans or processes.

mod alive;
mod bar;
mod board;
mod canvas;
pub mod diagnostics;
pub mod drawing;
mod events;
pub mod find;
mod fold;
pub mod github;
pub mod html;
pub mod junit;
mod layout;
mod lines;
mod live;
mod plain;
mod progress;
pub mod record;
mod results;
mod rows;
mod shown;
mod summary;
mod tally;
mod terminal;
pub mod trace;

use std::io::{self, Stderr, stderr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anstyle::Style;

use crate::event::Event;
use fold::Fold;
use github::Github;
use shown::Shown;

pub use board::Board;
pub use canvas::Curtain;
pub use events::Events;
pub use lines::{Again, Detail, Lines};
pub use live::{Live, Voice};
pub use results::Results;
pub use terminal::{Color, Terminal};

/// Takes the events of a run in order, on a thread of its own. An `Err` says what could not be written; the reporter
/// is then given no more events.
pub trait Reporter: Send {
    fn event(&mut self, event: &Event) -> Result<(), String>;

    /// Events that come together; by default one after the other.
    fn batch(&mut self, batch: &Batch) -> Result<(), String> {
        batch.events.iter().try_for_each(|event| self.event(event))
    }

    /// Told before all else: how it is woken when no event comes.
    fn begin(&mut self, _wake: Wake) {}

    /// A word that is no fact of the run, for whoever looks at it now.
    fn notice(&mut self, _text: &str) {}

    /// Whole lines for whoever looks now, to be shown as they are.
    fn show(&mut self, _text: &str) {}

    /// For now there is nothing more to come: what is held back can go out.
    fn idle(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// How long to wait at most until `idle` is called once more, though nothing came; `None`: for ever.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// There is nothing more to come at all.
    fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// How the progress of a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// A bar where the terminal can show one and nobody asked for details, else lines.
    #[default]
    Auto,
    /// A bar; lines where standard error is no terminal, which could not take it back.
    Bar,
    Plain,
    /// Failures only.
    None,
}

/// What is shown of what calls print, while the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Logs {
    /// All that a call has printed, when it has ended.
    Group,
    /// Each line as it comes, the call's address before it.
    Prefix,
    /// Each line as it comes.
    Stream,
    /// The last lines of calls that failed.
    Failed,
    /// Nothing, not even of calls that failed.
    None,
}

impl Logs {
    /// Whether the last lines of a failed call are still to be shown with its failure.
    fn leaves_last_words(self, fold: Fold) -> bool {
        match self {
            Logs::Failed => true,
            // in a fold nobody sees them
            Logs::Group => fold != Fold::Nobody,
            Logs::Prefix | Logs::Stream | Logs::None => false,
        }
    }
}

/// What the screen shows, and how.
#[derive(Debug)]
pub struct Options {
    pub progress: Progress,
    pub detail: Detail,
    /// `None`: what suits whoever reads along.
    pub logs: Option<Logs>,
    pub terminal: Terminal,
    /// Who tells GitHub, if it reads along.
    pub github: Option<Github<Stderr>>,
    pub again: Again,
    /// What is before standard error.
    pub curtain: Curtain,
    /// Where the folders of the runs are, as the screen is to name it.
    pub runs: PathBuf,
    /// How many calls run at a time.
    pub slots: usize,
}

/// The reporter for standard error, and what it wants to see of calls while they run.
pub fn screen(options: Options) -> (Box<dyn Reporter>, Option<Arc<Live>>) {
    let Options { progress, detail, logs, terminal, github, again, curtain, runs, slots } = options;
    let wanted = match progress {
        Progress::Auto => terminal.bar && detail == Detail::Normal,
        Progress::Bar => terminal.is_terminal && detail != Detail::Failures,
        Progress::Plain | Progress::None => false,
    };
    let detail = if progress == Progress::None { Detail::Failures } else { detail };
    let fold = Fold::of(&terminal);
    // who reads a log of CI cannot ask for more afterwards, and there it can be folded
    let is_folded = fold != Fold::Nobody && detail != Detail::Failures;
    let logs = logs.unwrap_or(if is_folded { Logs::Group } else { Logs::Failed });
    let lines = Lines::new(detail, terminal.color, again).with_runs(runs.clone());
    let lines = lines.with_last_words(logs.leaves_last_words(fold));
    let board = wanted.then(|| Arc::new(Board::new(slots)));
    let name = if terminal.color { Style::new().bold() } else { Style::new() };
    let live = Live::new(board.clone(), logs, name, runs.clone());
    let screen: Box<dyn Reporter> = if let Some(board) = board {
        let look = rows::Look { color: terminal.color, unicode: terminal.unicode };
        let eyes =
            progress::Eyes { size: canvas::Size::of_stderr, now: Instant::now, is_lent: Terminal::is_lent };
        Box::new(progress::Bar::new(lines, curtain, look, eyes, board))
    } else {
        let plain = plain::Plain::new(lines, stderr(), Instant::now);
        Box::new(plain.without_commands(terminal.github))
    };
    (Box::new(Shown::new(screen, live.clone(), (fold, name), github, runs)), live)
}

/// Wakes a reporter when no event comes: it is idle once more.
#[derive(Clone, Debug)]
pub struct Wake(Sender<Message>);

impl Wake {
    pub fn wake(&self) {
        let _ = self.0.send(Message::Look);
    }
}

/// Events that come together, and the lines that they are in a journal.
#[derive(Debug)]
pub struct Batch {
    pub events: Vec<Event>,
    pub lines: String,
}

impl Batch {
    pub fn new(events: Vec<Event>) -> Batch {
        let mut lines = String::with_capacity(events.len() * 256);
        events.iter().for_each(|event| event.write_line(&mut lines));
        Batch { events, lines }
    }
}

/// The reporters of a run, each on its thread.
#[derive(Debug)]
pub struct Reporters {
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    inbox: Sender<Message>,
    thread: JoinHandle<Result<(), String>>,
}

#[derive(Clone, Debug)]
enum Message {
    Batch(Arc<Batch>),
    Notice(Arc<str>),
    /// There is something else to look at.
    Look,
    /// Said rather than told by hanging up: the reporters hold senders to each other.
    End,
}

impl Reporters {
    /// Starts the reporters. They are ended in this order, so one that shows notices belongs last.
    pub fn start(reporters: Vec<Box<dyn Reporter>>) -> io::Result<Reporters> {
        let (senders, inboxes): (Vec<_>, Vec<_>) = reporters.iter().map(|_| channel()).unzip();
        let mut running = Vec::new();
        for (at, (mut reporter, inbox)) in reporters.into_iter().zip(inboxes).enumerate() {
            reporter.begin(Wake(senders[at].clone()));
            let others = senders.iter().enumerate().filter(|(other, _)| *other != at);
            let others = others.map(|(_, sender)| sender.clone()).collect();
            let desk = Desk { reporter, others, failed: None };
            let thread = thread::Builder::new().name("reporter".to_owned()).spawn(|| desk.serve(inbox))?;
            running.push(Running { inbox: senders[at].clone(), thread });
        }
        Ok(Reporters { running })
    }

    /// Hands events to every reporter; never waits.
    pub fn send(&self, batch: Batch) {
        self.tell_all(&Message::Batch(Arc::new(batch)));
    }

    /// Shows a word that is no fact of the run.
    pub fn notice(&self, text: &str) {
        self.tell_all(&Message::Notice(text.into()));
    }

    /// Waits until all is written. What could not be, in words that have been shown as a notice already.
    pub fn finish(self) -> Vec<String> {
        let mut failures = Vec::new();
        for Running { inbox, thread } in self.running {
            let _ = inbox.send(Message::End);
            match thread.join() {
                Ok(outcome) => failures.extend(outcome.err()),
                Err(_) => failures.push("a reporter stopped by a mistake of its own".to_owned()),
            }
        }
        failures
    }

    fn tell_all(&self, message: &Message) {
        for Running { inbox, .. } in &self.running {
            let _ = inbox.send(message.clone());
        }
    }
}

/// A reporter on its thread.
struct Desk {
    reporter: Box<dyn Reporter>,
    others: Vec<Sender<Message>>,
    failed: Option<String>,
}

impl Desk {
    fn serve(mut self, inbox: Receiver<Message>) -> Result<(), String> {
        loop {
            match self.next(&inbox) {
                Message::Batch(batch) => self.attempt(|reporter| reporter.batch(&batch)),
                Message::Notice(text) => self.reporter.notice(&text),
                // it is idle before the next one is waited for
                Message::Look => {}
                Message::End => break,
            }
        }
        self.attempt(|reporter| reporter.finish());
        self.failed.map_or(Ok(()), Err)
    }

    /// Waits for a message; whenever there is none, the reporter may write what it holds back.
    fn next(&mut self, inbox: &Receiver<Message>) -> Message {
        loop {
            match inbox.try_recv() {
                Ok(message) => return message,
                Err(TryRecvError::Empty) => self.attempt(|reporter| reporter.idle()),
                Err(TryRecvError::Disconnected) => return Message::End,
            }
            match self.reporter.patience().filter(|_| self.failed.is_none()) {
                None => return inbox.recv().unwrap_or(Message::End),
                Some(patience) => match inbox.recv_timeout(patience) {
                    Ok(message) => return message,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Message::End,
                },
            }
        }
    }

    /// Lets the reporter write, unless it has failed before; the others tell the user that it fails now.
    fn attempt(&mut self, write: impl FnOnce(&mut dyn Reporter) -> Result<(), String>) {
        if self.failed.is_some() {
            return;
        }
        if let Err(words) = write(&mut *self.reporter) {
            for other in &self.others {
                let _ = other.send(Message::Notice(words.as_str().into()));
            }
            self.failed = Some(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::event::EventKind;

    /// Writes down what it is given; waits for `gate` first, fails at an event of this number.
    struct Recorder {
        seen: Arc<Mutex<Vec<String>>>,
        gate: Option<Receiver<()>>,
        fails_at: Option<i32>,
    }

    impl Reporter for Recorder {
        fn event(&mut self, event: &Event) -> Result<(), String> {
            if let Some(gate) = self.gate.take() {
                gate.recv().unwrap();
            }
            let EventKind::Interrupted { signal } = event.kind else { return Ok(()) };
            self.note(format!("event {signal}"));
            if self.fails_at == Some(signal) { Err("no room".to_owned()) } else { Ok(()) }
        }

        fn notice(&mut self, text: &str) {
            self.note(format!("notice {text}"));
        }

        fn finish(&mut self) -> Result<(), String> {
            self.note("finish".to_owned());
            Ok(())
        }
    }

    impl Recorder {
        fn note(&self, text: String) {
            self.seen.lock().unwrap().push(text);
        }
    }

    fn recorder(fails_at: Option<i32>) -> (Box<Recorder>, Arc<Mutex<Vec<String>>>) {
        let seen = Arc::<Mutex<Vec<String>>>::default();
        (Box::new(Recorder { seen: Arc::clone(&seen), gate: None, fails_at }), seen)
    }

    fn event(signal: i32) -> Event {
        Event { ms: 0, kind: EventKind::Interrupted { signal } }
    }

    #[test]
    fn events_come_in_order_and_none_is_lost() {
        let (one, seen) = recorder(None);
        let reporters = Reporters::start(vec![one]).unwrap();
        (0..1000).for_each(|n| reporters.send(Batch::new(vec![event(n)])));
        reporters.notice("done");
        assert!(reporters.finish().is_empty());
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1002);
        assert_eq!((seen[0].as_str(), seen[999].as_str()), ("event 0", "event 999"));
        assert_eq!(seen[1000..], ["notice done", "finish"]);
    }

    #[test]
    fn the_run_does_not_wait_for_a_slow_reporter() {
        let (mut slow, seen) = recorder(None);
        let (open, gate) = channel();
        slow.gate = Some(gate);
        let reporters = Reporters::start(vec![slow]).unwrap();
        (0..1000).for_each(|n| reporters.send(Batch::new(vec![event(n)])));
        assert!(seen.lock().unwrap().is_empty());
        open.send(()).unwrap();
        reporters.finish();
        assert_eq!(seen.lock().unwrap().len(), 1001);
    }

    #[test]
    fn a_reporter_that_fails_is_told_of_once_and_left_alone() {
        let (bad, of_bad) = recorder(Some(2));
        let (good, of_good) = recorder(None);
        let reporters = Reporters::start(vec![bad, good]).unwrap();
        (1..=4).for_each(|n| reporters.send(Batch::new(vec![event(n)])));
        assert_eq!(reporters.finish(), ["no room"]);
        assert_eq!(*of_bad.lock().unwrap(), ["event 1", "event 2"]);
        let mut told = of_good.lock().unwrap().clone();
        told.retain(|line| line != "notice no room");
        assert_eq!(told, ["event 1", "event 2", "event 3", "event 4", "finish"]);
        assert_eq!(of_good.lock().unwrap().len(), 6);
    }
}
