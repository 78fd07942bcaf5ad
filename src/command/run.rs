//! `deco run`: opens and plans a manifest, chooses what of it is to run, and has it carried through.

use std::path::{Path, PathBuf};

use crate::cli::{ManifestArgs, RunArgs, SelectionArgs};
use crate::finish;
use crate::mask::Masker;
use crate::name::Name;
use crate::plan::{Plan, select};
use crate::report::Curtain;
use crate::run::Options;
use crate::shell;
use crate::value::excerpt;

use super::carry::{Stage, carry_through, options};
use super::conclude::{Asked, To};
use super::{Exit, begin, open, wrong};

/// So much is shown of a value that the command line sets: it is told of each call that failed.
const LONGEST_SET: usize = 200;

pub fn run(args: &RunArgs) -> Exit {
    match try_run(args) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &RunArgs) -> Result<Exit, Exit> {
    let opened = open::plan(&args.manifest)?;
    let plan = &opened.plan;
    let how = &args.how;
    known_addresses(&args.selection.task, plan)?;
    known_addresses(&args.selection.skip, plan)?;
    let options = Options {
        wanted: wanted(&args.selection).map(<[String]>::to_vec),
        skipped: args.selection.skip.clone(),
        ..options(how, &plan.manifest.settings)?
    };
    let only = selected(args, plan)?;
    if args.dry_run {
        return Ok(super::plan::show(plan, wanted(&args.selection), how.verbose));
    }
    let state = begin::state(&plan.manifest, &how.state);
    let to = output(args, plan).map_or(To::StandardOutput, To::File);
    let asked = Asked { only, to, selection: Some(&args.selection), alone: None };
    let (color, curtain) = (args.manifest.color, Curtain::of_stderr());
    let stage = Stage {
        how,
        state,
        color,
        again: again(args, opened.secrets.given()).into(),
        curtain,
        also: Vec::new(),
    };
    carry_through(stage, opened, options, asked)
}

/// The addresses that `-t` gives; `None`: all calls.
pub fn wanted(selection: &SelectionArgs) -> Option<&[String]> {
    (!selection.task.is_empty()).then_some(&selection.task)
}

/// Refuses an address that names nothing.
pub fn known_addresses(addresses: &[String], plan: &Plan) -> Result<(), Exit> {
    addresses.iter().try_for_each(|address| select::named(plan, address).map(drop)).map_err(wrong)
}

/// Which documents the answer holds, where the command line says so.
fn selected(args: &RunArgs, plan: &Plan) -> Result<Option<Vec<Name>>, Exit> {
    if args.select.is_empty() {
        return Ok(wanted(&args.selection).map(|addresses| finish::filled_by(plan, addresses)));
    }
    let names = args.select.iter().map(|text| {
        let name = Name::new(text).map_err(|why| wrong(format_args!("`--select {text}`: {why}")))?;
        if !plan.world.is_document(text) {
            let filled =
                plan.manifest.tasks.iter().flat_map(|task| &task.fills).map(|fill| &*fill.place.value.root);
            let known = plan.manifest.documents.keys().map(Name::as_str).chain(filled);
            let near = crate::diagnostic::nearest(text, known);
            let hint = near.map_or("; `deco list` shows the tasks".to_owned(), |near| {
                format!("; did you mean `{near}`?")
            });
            return Err(wrong(format_args!("`--select {text}`: there is no document `{text}`{hint}")));
        }
        Ok(name)
    });
    names.collect::<Result<Vec<_>, _>>().map(Some)
}

/// The file that the answer goes to, `None` for standard output; with `-t` only one that the command line names.
fn output(args: &RunArgs, plan: &Plan) -> Option<PathBuf> {
    let own = plan.manifest.settings.output.as_ref().filter(|_| args.selection.task.is_empty());
    let asked = args.how.output.clone().or_else(|| own.map(|file| plan.manifest.dir.join(file)));
    asked.filter(|file| file != Path::new("-"))
}

/// The command that runs a part of this manifest again, up to `-t`, without secrets.
fn again(args: &RunArgs, secrets: &Masker) -> String {
    let ManifestArgs { manifest, directory, set, set_text, .. } = &args.manifest;
    let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
    let file = |path: &PathBuf| match shown(path) {
        // not an option
        file if file.starts_with('-') && file != "-" => format!("./{file}"),
        file => file,
    };
    let mut words = vec!["deco".to_owned(), "run".to_owned()];
    let mut give = |option: &str, values: Vec<String>| {
        words.extend(values.into_iter().flat_map(|value| [option.to_owned(), value]));
    };
    give("-C", directory.iter().map(shown).collect());
    give("--set", set.iter().map(|set| excerpt(&secrets.mask_text(set), LONGEST_SET)).collect());
    give("--set-text", set_text.iter().map(|set| excerpt(&secrets.mask_text(set), LONGEST_SET)).collect());
    give("--state-dir", args.how.state.told().into_iter().map(shown).collect());
    words.extend(manifest.iter().map(file));
    let words: Vec<_> = words.iter().map(|word| shell::quoted(word)).collect();
    secrets.mask_text(&words.join(" ")).into_owned()
}
