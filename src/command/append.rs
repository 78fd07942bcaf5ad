//! `deco append`: inside a call, adds an element at the end of an array in a document.

use crate::change::lines::Line;
use crate::cli::ChangeArgs;
use crate::path::Segment;

use super::{Exit, inside};

pub fn run(args: &ChangeArgs) -> Exit {
    let line = inside::path(&args.path).and_then(|mut path| {
        // `log[]` says no more than `log` here
        path.segments.pop_if(|last| *last == Segment::Append);
        let value = inside::value(&args.value, args.text)?;
        Ok(Line::Append(path, value))
    });
    inside::change(line)
}
