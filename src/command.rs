//! The verbs, one file each; what they share is how a manifest is opened and how deco exits.

mod answer;
mod append;
mod begin;
mod carry;
mod check;
mod clean;
mod clearing;
mod complete;
mod completions;
mod conclude;
mod delete;
mod get;
mod explain;
mod graph;
mod init;
mod inside;
mod list;
mod log;
mod man;
mod map;
mod open;
mod outputs;
mod pace;
mod past;
mod plan;
mod report;
mod reports;
mod run;
mod schema;
mod secrets;
mod set;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::{Cli, Verb};

/// How deco exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: a call failed, a check did not hold, or calls were in conflict.
    Failed,
    /// 2: the command line or the manifest is wrong; nothing ran.
    Wrong,
    /// 3: deco itself could not go on.
    Broken,
    /// Ended by a signal: deco dies of it.
    Signal(i32),
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Exit {
    match cli.verb {
        Verb::Run(args) => run::run(&args),
        Verb::Map(args) => map::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Plan(args) => plan::run(&args),
        Verb::Graph(args) => graph::run(&args),
        Verb::Clean(args) => clean::run(&args),
        Verb::List(args) => list::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Log(args) => log::run(&args),
        Verb::Get(args) => get::run(&args),
        Verb::Report(args) => report::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Set(args) => set::run(&args),
        Verb::Append(args) => append::run(&args),
        Verb::Delete(args) => delete::run(&args),
        Verb::Completions { shell } => completions::run(shell),
        Verb::Complete(args) => complete::run(&args),
        Verb::Man(args) => man::run(&args),
    }
}

impl Exit {
    /// Ends the process so.
    pub fn code(self) -> ExitCode {
        match self {
            Exit::Done => ExitCode::SUCCESS,
            Exit::Failed => ExitCode::from(1),
            Exit::Wrong => ExitCode::from(2),
            Exit::Broken => ExitCode::from(3),
            Exit::Signal(signal) => crate::interrupt::die_of(signal),
        }
    }
}

/// Says one error on standard error, as every verb does.
fn complain(message: impl std::fmt::Display) {
    // a closed standard error leaves nobody to tell
    let _ = writeln!(io::stderr().lock(), "deco: {message}");
}

/// Says what is wrong with the command line.
fn wrong(message: impl std::fmt::Display) -> Exit {
    complain(message);
    Exit::Wrong
}

/// Says why deco cannot go on.
fn broken(message: impl std::fmt::Display) -> Exit {
    complain(message);
    Exit::Broken
}

/// Writes to standard output.
fn print(bytes: &[u8]) -> Exit {
    print_by(|out| out.write_all(bytes))
}

/// Lets `write` write to standard output. A reader that has closed it has seen enough; anything else is an error.
fn print_by(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Exit {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            complain(format_args!("cannot write to standard output: {error}"));
            Exit::Broken
        }
    }
}
