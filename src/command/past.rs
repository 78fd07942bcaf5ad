//! Runs that are over, or go on elsewhere: found as the command line names them. Their manifest need not be right any more.

use std::path::{Path, PathBuf};

use crate::cli::{PastArgs, StateArgs};
use crate::state::{CommandRun, RunFolder};

use super::{begin, open};

/// The run of this id, or of one that begins so; without one the last.
pub fn run(args: &PastArgs, id: Option<&str>) -> Result<RunFolder, String> {
    let directory = args.directory.as_deref();
    if args.map {
        return of_map(directory, &args.state, id);
    }
    let of_manifest = || {
        let found = open::find(args.manifest.as_deref(), directory)?;
        begin::state_of(&found.name, &found.dir, &args.state).find(id)
    };
    of_manifest().map_err(|message| match all_of_map(directory, &args.state) {
        Ok(runs) if !runs.is_empty() => format!("{message}; `--map` looks at the runs of `deco map`"),
        _ => message,
    })
}

/// The same, of the runs of `deco map` that began in the folder.
pub fn of_map(directory: Option<&Path>, state: &StateArgs, id: Option<&str>) -> Result<RunFolder, String> {
    begin::shelf(state)?.find(&folder(directory)?, id)
}

/// The runs of `deco map` that began in the folder, the oldest first.
pub fn all_of_map(directory: Option<&Path>, state: &StateArgs) -> Result<Vec<CommandRun>, String> {
    Ok(begin::shelf(state)?.runs(&folder(directory)?))
}

/// The folder as a program in it is told its name.
pub fn folder(directory: Option<&Path>) -> Result<PathBuf, String> {
    let here = std::env::current_dir().map_err(|error| format!("cannot tell the current folder: {error}"))?;
    let Some(directory) = directory else { return Ok(here) };
    let folder = here.join(directory);
    std::fs::canonicalize(&folder).map_err(|_| format!("there is no folder `{}`", folder.display()))
}
