//! `deco set`: inside a call, writes a value at a place of a document.

use crate::change::lines::Line;
use crate::cli::ChangeArgs;

use super::{Exit, inside};

pub fn run(args: &ChangeArgs) -> Exit {
    let line = inside::path(&args.path).and_then(|path| {
        let value = inside::value(&args.value, args.text)?;
        Ok(Line::Set(path, value))
    });
    inside::change(line)
}
