//! `deco completions`: a script that teaches a shell deco's command line.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::cli::Cli;

use super::{Exit, print};

pub fn run(shell: Shell) -> Exit {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "deco", &mut script);
    print(&script)
}
