//! `deco delete`: inside a call, takes out what stands at a place of a document.

use crate::change::lines::Line;
use crate::cli::DeleteArgs;

use super::{Exit, inside};

pub fn run(args: &DeleteArgs) -> Exit {
    let path = inside::path(&args.path);
    let line = path.and_then(|path| match path.is_append() {
        true => Err(format!("`{path}` is no place to delete: name the element by its position")),
        false => Ok(Line::Delete(path)),
    });
    inside::change(line)
}
