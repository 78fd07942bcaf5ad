//! Runs that are over, or go on elsewhere: found as the command line names them. Their manifest need not be right any more.

use crate::cli::PastArgs;
use crate::state::{RunFolder, State};

use super::{begin, open};

/// The run of this id, or of one that begins so; without one the last.
pub fn run(args: &PastArgs, id: Option<&str>) -> Result<RunFolder, String> {
    state(args)?.find(id)
}

fn state(args: &PastArgs) -> Result<State, String> {
    let found = open::find(args.manifest.as_deref(), args.directory.as_deref())?;
    Ok(begin::state_of(&found.name, &found.dir, &args.state))
}
