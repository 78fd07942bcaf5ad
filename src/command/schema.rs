//! `deco schema`: the JSON Schema of manifests, or of events.

use crate::cli::{SchemaArgs, SchemaOf};
use crate::event;
use crate::manifest::raw;

use super::{Exit, print};

pub fn run(args: &SchemaArgs) -> Exit {
    let schema = match args.of {
        SchemaOf::Manifest => raw::schema(),
        SchemaOf::Events => event::schema(),
    };
    print(format!("{schema:#}\n").as_bytes())
}
