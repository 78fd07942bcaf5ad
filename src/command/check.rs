//! `deco check`: all that is wrong with a manifest, as text and as a graph.

use crate::cli::ManifestArgs;

use super::{Exit, open};

pub fn run(args: &ManifestArgs) -> Exit {
    match open::plan(args) {
        Ok(_) => Exit::Done,
        Err(exit) => exit,
    }
}
