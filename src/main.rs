//! The program: parse the command line, do the verb, exit with its code.

use std::process::ExitCode;

use clap::Parser;
use deco::cli::Cli;
use deco::command;

fn main() -> ExitCode {
    command::run(Cli::parse()).code()
}
