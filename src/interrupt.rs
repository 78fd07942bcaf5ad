//! Signals that ask the run to end, to stop or to go on, told to a function on a thread of its own; and the death by one of
//! them that lets the calling shell see 128+N. Does not know what is done about a signal.

use std::fs;
use std::io;
use std::iter;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

/// Ends the watch when dropped. Signals that come later do what they do to any process: nobody waits for the end of a run
/// whose answer nobody reads.
#[derive(Debug)]
pub struct Guard {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// By SIGINT, SIGTERM or SIGHUP; how many of them have come by now (from 1).
    End {
        signal: i32,
        nth: usize,
    },
    /// As Ctrl-Z does.
    Stop,
    Continue,
}

/// Calls `on_wish` for each signal that comes. One that the process was started to ignore (`nohup`, a shell's background
/// job) stays ignored.
pub fn watch(mut on_wish: impl FnMut(Wish) + Send + 'static) -> io::Result<Guard> {
    let ignored = ignored_signals();
    if ignored & mask(SIGCHLD) != 0 {
        // some starters leave it so, and then nobody can learn how a process ended: any handler brings that back
        flag::register(SIGCHLD, Arc::default())?;
    }
    let all = [SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT];
    let watched = all.into_iter().filter(|signal| ignored & mask(*signal) == 0);
    let is_over = Arc::new(AtomicBool::new(false));
    for signal in watched.clone() {
        flag::register_conditional_default(signal, is_over.clone())?;
    }
    let mut signals = Signals::new(watched)?;
    let handle = signals.handle();
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut nth = 0;
        for signal in signals.forever() {
            on_wish(match signal {
                SIGTSTP => Wish::Stop,
                SIGCONT => Wish::Continue,
                _ => {
                    nth += 1;
                    Wish::End { signal, nth }
                }
            });
        }
    })?;
    Ok(Guard { handle, thread: Some(thread), is_over })
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Stops this process, until somebody lets it go on.
pub fn stop() {
    let _ = emulate_default_handler(SIGTSTP);
}

/// Whether somebody would let this process go on if it stopped: a shell with job control, which has put it into a group of
/// its own. Nobody would, where the system itself lets SIGTSTP stop nothing, or does not tell by /proc who started whom.
pub fn can_be_stopped() -> bool {
    let Some(own) = Kinship::of("self") else { return false };
    let mut ancestors = iter::successors(Some(own), |process| Kinship::of(&process.parent.to_string()));
    ancestors.find(|process| process.group != own.group).is_some_and(|starter| starter.session == own.session)
}

/// Where a process stands among others. What is outside this process's PID namespace has the number 0 there: a container
/// may be entered with the session of who enters it.
#[derive(Clone, Copy)]
struct Kinship {
    parent: u32,
    group: u32,
    session: u32,
}

impl Kinship {
    /// Of the process that has this name in /proc. None once it has ended.
    fn of(process: &str) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{process}/stat")).ok()?)
    }

    /// Reads `PID (NAME) STATE PARENT GROUP SESSION …`, in which the name may hold anything, half a character too.
    fn parse(stat: &[u8]) -> Option<Self> {
        let stat = String::from_utf8_lossy(stat);
        let (_, fields) = stat.rsplit_once(')')?;
        let mut numbers = fields.split_whitespace().skip(1).map_while(|field| field.parse().ok());
        Some(Self { parent: numbers.next()?, group: numbers.next()?, session: numbers.next()? })
    }
}

/// Ends this process by the signal's default action.
pub fn die_of(signal: i32) -> ! {
    let _ = emulate_default_handler(signal);
    process::exit(128 + signal)
}

fn mask(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The signals that this process ignores, a bit each; none where the system does not tell.
fn ignored_signals() -> u64 {
    fs::read("/proc/self/status").map_or(0, |status| parse_ignored(&status))
}

fn parse_ignored(status: &[u8]) -> u64 {
    let status = String::from_utf8_lossy(status);
    let field = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    field.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let ignored = parse_ignored(b"Name:\t\xc3\nSigIgn:\t0000000000001001\n");
        assert_eq!(ignored & mask(SIGHUP), 1);
        assert_eq!(ignored & mask(SIGINT), 0);
        assert_eq!(parse_ignored(b"Name:\tx\n"), 0);
    }

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let kinship = Kinship::parse(b"7 (a) R 1 2 3 (\xc3) S 4 5 0 34816 7 4194304\n").unwrap();
        assert_eq!((kinship.parent, kinship.group, kinship.session), (4, 5, 0));
        assert!(Kinship::parse(b"").is_none());
    }

    /// Not a test by itself: what the tests below run in a process of its own, since signals are the process's.
    #[test]
    fn in_a_process_of_its_own() {
        let Ok(script) = env::var("DECO_TEST_SIGNALS") else { return };
        let (tell, told) = mpsc::channel();
        let guard = watch(move |wish| tell.send(wish).unwrap()).unwrap();
        assert!(Command::new("true").status().unwrap().success());
        let mut ends = 0;
        for signal in script.split(' ').map(|word| word.parse().unwrap()) {
            signal_hook::low_level::raise(signal).unwrap();
            if ignored_signals() & mask(signal) == 0 {
                ends += usize::from(![SIGTSTP, SIGCONT].contains(&signal));
                let expected = match signal {
                    SIGTSTP => Wish::Stop,
                    SIGCONT => Wish::Continue,
                    _ => Wish::End { signal, nth: ends },
                };
                assert_eq!(told.recv().unwrap(), expected);
            }
        }
        drop(guard);
        assert!(told.recv().is_err(), "nothing is told after the guard is gone");
        die_of(SIGTERM)
    }

    #[track_caller]
    fn raised(prefix: &str, signals: &str) -> ExitStatus {
        let script = format!("{prefix} exec \"$0\" --exact interrupt::tests::in_a_process_of_its_own");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(env::current_exe().unwrap()).env("DECO_TEST_SIGNALS", signals);
        command.output().unwrap().status
    }

    #[test]
    fn signals_are_told_and_counted_and_one_is_died_of() {
        assert_eq!(raised("", "2 20 15 18 1 2").signal(), Some(SIGTERM));
    }

    #[test]
    fn ends_of_processes_are_learnt_though_the_starter_ignored_them() {
        assert_eq!(raised("trap '' CHLD;", "2").signal(), Some(SIGTERM));
    }

    #[test]
    fn what_was_ignored_at_the_start_stays_ignored() {
        assert_eq!(raised("trap '' HUP;", "1").signal(), Some(SIGTERM));
    }
}
