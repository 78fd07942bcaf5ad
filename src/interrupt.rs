//! Signals that ask the run to end, told to a function on a thread of its own; and the death by one of them that
//! lets the calling shell see 128+N. Does not know what is done about a signal.

use std::io;
use std::process;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

/// Ends the watch when dropped. Signals that come later are swallowed until [`die_of`] or the process's end.
#[derive(Debug)]
pub struct Guard {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// Calls `on_signal` with each SIGINT, SIGTERM and SIGHUP that comes, and how many have come by then (from 1).
/// One that the process was started to ignore (`nohup`, a shell's background job) stays ignored.
pub fn watch(mut on_signal: impl FnMut(i32, usize) + Send + 'static) -> io::Result<Guard> {
    let ignored = ignored_signals();
    if ignored & mask(SIGCHLD) != 0 {
        // some starters leave it so, and then nobody can learn how a process ended: any handler brings that back
        flag::register(SIGCHLD, Arc::default())?;
    }
    let watched = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & mask(*signal) == 0);
    let mut signals = Signals::new(watched)?;
    let handle = signals.handle();
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for (before, signal) in signals.forever().enumerate() {
            on_signal(signal, before + 1);
        }
    })?;
    Ok(Guard { handle, thread: Some(thread) })
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
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
    std::fs::read_to_string("/proc/self/status").map_or(0, |status| parse_ignored(&status))
}

fn parse_ignored(status: &str) -> u64 {
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
        let ignored = parse_ignored("Name:\tx\nSigIgn:\t0000000000001001\n");
        assert_eq!(ignored & mask(SIGHUP), 1);
        assert_eq!(ignored & mask(SIGINT), 0);
        assert_eq!(parse_ignored("Name:\tx\n"), 0);
    }

    /// Not a test by itself: what the tests below run in a process of its own, since signals are the process's.
    #[test]
    fn in_a_process_of_its_own() {
        let Ok(script) = env::var("DECO_TEST_SIGNALS") else { return };
        let (tell, told) = mpsc::channel();
        let guard = watch(move |signal, nth| tell.send((signal, nth)).unwrap()).unwrap();
        assert!(Command::new("true").status().unwrap().success());
        for (before, signal) in script.split(' ').map(|word| word.parse().unwrap()).enumerate() {
            signal_hook::low_level::raise(signal).unwrap();
            if ignored_signals() & mask(signal) == 0 {
                assert_eq!(told.recv().unwrap(), (signal, before + 1));
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
        assert_eq!(raised("", "2 15 1 2").signal(), Some(SIGTERM));
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
