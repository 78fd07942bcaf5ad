//! The program: parse the command line, do the verb, exit with its code. Or be the watchdog of another.

use std::process::ExitCode;

use clap::Parser;
use deco::cli::Cli;
use deco::command;
use deco::exec::watchdog;

fn main() -> ExitCode {
    if watchdog::stand(std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    command::run(Cli::parse()).code()
}
