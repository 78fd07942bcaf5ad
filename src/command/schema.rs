//! `deco schema`: the manifest's JSON Schema.

use crate::manifest::raw;

use super::{Exit, print};

pub fn run() -> Exit {
    print(format!("{:#}\n", raw::schema()).as_bytes())
}
