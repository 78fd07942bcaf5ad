//! The program: parse the command line, do the verb, exit with its code. Or be the watchdog of another.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use deco::cli::{Cli, slips};
use deco::command;
use deco::exec::watchdog;
use signal_hook::consts::SIGXFSZ;

fn main() -> ExitCode {
    if watchdog::stand(std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    // a file that may grow no further (`ulimit -f`) is then an error of writing like a full disk, and no sudden death
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let verb = std::env::args_os().nth(1).unwrap_or_default();
        slips::explained(error, &verb.to_string_lossy()).exit()
    });
    command::run(cli).code()
}
