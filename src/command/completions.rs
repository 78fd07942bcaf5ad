//! `deco completions`: a script that teaches a shell deco's command line. Those of bash, fish and zsh ask deco itself
//! (`deco complete`) and only know how their shell takes an answer.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::cli::Cli;

use super::{Exit, print};

pub fn run(shell: Shell) -> Exit {
    let asking = match shell {
        Shell::Bash => include_str!("completions/deco.bash"),
        Shell::Fish => include_str!("completions/deco.fish"),
        Shell::Zsh => include_str!("completions/deco.zsh"),
        _ => {
            let mut script = Vec::new();
            generate(shell, &mut Cli::command(), "deco", &mut script);
            return print(&script);
        }
    };
    print(asking.as_bytes())
}
