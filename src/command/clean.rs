//! `deco clean`: removes the state of a manifest.

use crate::cli::CleanArgs;
use crate::state::Locking;

use super::{Exit, begin, broken, complain, open};

pub fn run(args: &CleanArgs) -> Exit {
    match open::manifest(&args.manifest) {
        Err(exit) => exit,
        Ok(manifest) => {
            let state = begin::state(&manifest, &args.state);
            let removed = remove(&state, &manifest.source.name);
            removed.map_or_else(broken, |()| Exit::Done)
        }
    }
}

fn remove(state: &crate::state::State, manifest: &str) -> Result<(), String> {
    if !state.folder().exists() {
        complain(format_args!("nothing is kept of runs of `{manifest}`"));
        return Ok(());
    }
    let runs = state.runs().len();
    let locking = Locking { run: "clean", manifest, wait: false, within: None, on_wait: &|_| () };
    let _lock = state.lock(&locking)?;
    state.remove()?;
    let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    complain(format_args!("removed what was kept of {runs} of `{manifest}`"));
    Ok(())
}
