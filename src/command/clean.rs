//! `deco clean`: removes the state of a manifest, or those of `deco map` in a folder.

use crate::cli::SubjectArgs;
use crate::state::{Locking, State, WhileHeld};

use super::{Exit, begin, broken, complain, open, past};

pub fn run(args: &SubjectArgs) -> Exit {
    if args.map {
        return of_map(args).map_or_else(broken, |()| Exit::Done);
    }
    match open::manifest(&args.manifest) {
        Err(exit) => exit,
        Ok(manifest) => {
            let state = begin::state(&manifest, &args.state);
            let removed = remove(&[state], &manifest.source.name);
            removed.map_or_else(broken, |()| Exit::Done)
        }
    }
}

fn of_map(args: &SubjectArgs) -> Result<(), String> {
    let folder = past::folder(args.manifest.directory.as_deref())?;
    let states: Vec<State> = begin::shelf(&args.state)?.states(&folder).map(|(state, _)| state).collect();
    remove(&states, "deco map")
}

/// Removes the states of what messages call `whose`.
fn remove(states: &[State], whose: &str) -> Result<(), String> {
    let mut runs = 0;
    let mut is_any = false;
    for state in states.iter().filter(|state| state.folder().exists()) {
        let while_held =
            WhileHeld::Refuse { remedy: "nothing of it was removed; clean up once it has ended" };
        let locking = Locking { run: "clean", manifest: whose, within: None, while_held };
        let _lock = state.lock(&locking)?;
        runs += state.runs().len();
        state.remove()?;
        is_any = true;
    }
    if !is_any {
        complain(format_args!("nothing is kept of runs of `{whose}`"));
        return Ok(());
    }
    let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    complain(format_args!("removed what was kept of {runs} of `{whose}`"));
    Ok(())
}
