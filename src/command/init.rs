//! `deco init`: a manifest to start from, that runs as it is.

use std::fs::OpenOptions;
use std::io::{self, Write};

use crate::cli::InitArgs;

use super::{Exit, complain};

const START: &str = include_str!("init.toml");

pub fn run(args: &InitArgs) -> Exit {
    let file = args.directory.join("deco.toml");
    let written = std::fs::create_dir_all(&args.directory)
        .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&file))
        .and_then(|mut fresh| fresh.write_all(START.as_bytes()));
    match written {
        Ok(()) => {
            complain(format_args!("wrote `{}`; `deco run` runs it", file.display()));
            Exit::Done
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            complain(format_args!("`{}` is there already; nothing was changed", file.display()));
            Exit::Wrong
        }
        Err(error) => {
            complain(format_args!("cannot write `{}`: {error}", file.display()));
            Exit::Broken
        }
    }
}
