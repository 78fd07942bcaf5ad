//! Opens a manifest as the command line names it: found, read, checked, planned; says what is wrong.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::cli::ManifestArgs;
use crate::diagnostic::{Diagnostic, Diagnostics, Source, nearest};
use crate::exec::Variables;
use crate::manifest::{Manifest, Select, check};
use crate::mask::Secrets;
use crate::path::Path as Place;
use crate::plan::scope::World;
use crate::plan::{Plan, reads};
use crate::report::{Color, Terminal, diagnostics};
use crate::value::Value;

use super::{Exit, complain, secrets};

/// A manifest that is right, its plan, and the environment that calls inherit.
pub struct Opened {
    pub plan: Plan,
    pub env: Variables,
    pub secrets: Secrets,
}

/// Opens and plans; on error all has been said.
pub fn plan(args: &ManifestArgs) -> Result<Opened, Exit> {
    planned(manifest(args)?, args.color)
}

/// Plans; on error all has been said.
pub fn planned(manifest: Arc<Manifest>, color: Color) -> Result<Opened, Exit> {
    let env = environment(&manifest);
    let secrets = secrets::of(&manifest);
    show(&manifest.source, secrets::too_short(&manifest, &env), color);
    let world = World::new(manifest.clone(), as_value(&env));
    let plan = Plan::build(manifest.clone(), Arc::new(world));
    let plan = plan.and_then(|plan| secrets::refuse_in_keys(plan, secrets.given()));
    let plan = plan.map_err(|mut list| {
        list.iter_mut().for_each(|one| secrets::hide(secrets.given(), one));
        show(&manifest.source, list, color);
        Exit::Wrong
    })?;
    Ok(Opened { plan, env, secrets })
}

/// Opens and checks; warnings and errors have been said.
pub fn manifest(args: &ManifestArgs) -> Result<Arc<Manifest>, Exit> {
    let (source, dir) = read(args).map_err(|message| {
        complain(message);
        Exit::Wrong
    })?;
    let overrides = overrides(args).map_err(|message| {
        complain(message);
        Exit::Wrong
    })?;
    let (manifest, found) = check::parse(source.clone(), &dir, &overrides);
    show(&source, found, args.color);
    let manifest = manifest.ok_or(Exit::Wrong)?;
    refuse_unread(&manifest, &overrides).map_err(|message| {
        complain(message);
        Exit::Wrong
    })?;
    Ok(Arc::new(manifest))
}

/// Opens and checks without a word. `None`: there is none that is right, or its text would have to be waited for.
pub fn quietly(args: &ManifestArgs) -> Option<Manifest> {
    let Found { name, dir, file } = find(args.manifest.as_deref(), args.directory.as_deref()).ok()?;
    let text = text(&file.filter(|file| file.is_file())?, &name).ok()?;
    check::parse(Arc::new(Source { name, text }), &dir, &overrides(args).ok()?).0
}

/// What is known of a manifest before anything has run.
pub fn world(manifest: Arc<Manifest>) -> World {
    let env = as_value(&environment(&manifest));
    World::new(manifest, env)
}

/// Draws what is wrong on standard error.
pub fn show(source: &Arc<Source>, list: Vec<Diagnostic>, color: Color) {
    if list.is_empty() {
        return;
    }
    let look =
        if Terminal::of_stderr(color).color { diagnostics::Look::Colour } else { diagnostics::Look::Plain };
    let drawn = diagnostics::draw(&Diagnostics { source: source.clone(), list }, look);
    let _ = io::stderr().lock().write_all(drawn.as_bytes());
}

/// Where a manifest is.
pub struct Found {
    /// As messages call it.
    pub name: String,
    /// The folder that its paths start from: absolute.
    pub dir: PathBuf,
    /// `None`: standard input.
    pub file: Option<PathBuf>,
}

/// Finds the manifest that the command line names.
pub fn find(manifest: Option<&Path>, directory: Option<&Path>) -> Result<Found, String> {
    let here = std::env::current_dir().map_err(|error| format!("cannot tell the current folder: {error}"))?;
    let start = directory.map_or(here.clone(), |directory| here.join(directory));
    if !start.is_dir() {
        return Err(format!("there is no folder `{}`", start.display()));
    }
    match manifest {
        Some(file) if file == Path::new("-") => {
            Ok(Found { name: "<stdin>".to_owned(), dir: start, file: None })
        }
        Some(file) if start.join(file).is_dir() => {
            Err(format!("`{}` is a folder; name the manifest in it, or use `-C {0}`", file.display()))
        }
        Some(file) => found(start.join(file), file.display().to_string()),
        None => {
            let found_file =
                start.ancestors().map(|folder| folder.join("deco.toml")).find(|file| file.is_file());
            let file = found_file.ok_or_else(|| {
                format!(
                    "there is no `deco.toml` in `{}` or a folder above it; `deco init` writes one to start from",
                    start.display()
                )
            })?;
            let name = match file.parent() == Some(&start) {
                true => "deco.toml".to_owned(),
                false => file.display().to_string(),
            };
            found(file, name)
        }
    }
}

fn found(file: PathBuf, name: String) -> Result<Found, String> {
    let folder = std::path::absolute(&file).ok().and_then(|file| file.parent().map(Path::to_owned));
    let dir = folder.ok_or_else(|| format!("the manifest `{name}` stands in no folder"))?;
    Ok(Found { name, dir, file: Some(file) })
}

/// The file that a manifest stands in: none if it came by standard input, or was made of a command line.
pub fn file_of(manifest: &Manifest) -> Option<PathBuf> {
    let file = manifest.dir.join(Path::new(&manifest.source.name).file_name()?);
    file.is_file().then_some(file)
}

/// The manifest's text, and the folder that its paths start from.
fn read(args: &ManifestArgs) -> Result<(Arc<Source>, PathBuf), String> {
    let Found { name, dir, file } = find(args.manifest.as_deref(), args.directory.as_deref())?;
    let text = match file {
        Some(file) => text(&file, &name)?,
        None => {
            let mut text = String::new();
            let read = io::stdin().lock().read_to_string(&mut text);
            read.map_err(|error| format!("cannot read the manifest from standard input: {error}"))?;
            with_plain_ends(text)
        }
    };
    Ok((Arc::new(Source { name, text }), dir))
}

fn text(file: &Path, name: &str) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if name.contains(['.', '/']) => format!("there is no manifest `{name}`"),
        io::ErrorKind::NotFound => {
            format!("there is no manifest `{name}`; a task is chosen by `-t {name}`")
        }
        _ => format!("cannot read the manifest `{name}`: {error}"),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
        format!("the manifest `{name}` is not UTF-8 (line {line})")
    })?;
    Ok(with_plain_ends(text))
}

/// The text with each line's end a newline alone: in the lines of a `run`, a carriage return would be a part of the command.
fn with_plain_ends(text: String) -> String {
    if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text }
}

/// `--set` and `--set-text`, in that order.
fn overrides(args: &ManifestArgs) -> Result<Vec<(Place, Value)>, String> {
    let json = args.set.iter().map(|text| {
        let (place, value) = split(text, "--set", "JSON")?;
        let value = Value::parse(value.as_bytes()).map_err(|error| {
            format!("`--set {text}`: the value is no JSON: {error}; for a text, use `--set-text`")
        })?;
        Ok((place, value))
    });
    let texts = args.set_text.iter().map(|text| {
        let (place, value) = split(text, "--set-text", "TEXT")?;
        Ok((place, Value::from(value)))
    });
    json.chain(texts).collect()
}

/// Refuses a value for a document that nothing asks for: a slip of the pen, that would pass silently.
fn refuse_unread(manifest: &Manifest, overrides: &[(Place, Value)]) -> Result<(), String> {
    let used = used_documents(manifest);
    let unread = overrides.iter().find(|(place, _)| !used.contains(place.document.as_str()));
    unread.map_or(Ok(()), |(place, _)| {
        let near = nearest(place.document.as_str(), used.iter().copied());
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        Err(format!("`--set {place}`: no task asks for a document `{}`{hint}", place.document))
    })
}

fn used_documents(manifest: &Manifest) -> FxHashSet<&str> {
    let tasks = manifest.tasks.iter();
    let reads =
        tasks.clone().flat_map(|task| reads::of_task(task).into_iter().chain(reads::of_expansion(task)));
    let checks = manifest.syncs.iter().flat_map(reads::of_sync);
    let read = reads.chain(checks).map(|read| &*read.reference.root);
    let filled = tasks.flat_map(|task| &task.fills).map(|fill| &*fill.place.value.root);
    let selected: Vec<&str> = match &manifest.settings.select {
        Select::Changed => Vec::new(),
        Select::Documents(names) => names.iter().map(|name| name.value.as_str()).collect(),
        Select::Computed(made) => {
            made.iter().flat_map(|(_, made)| made.value.references()).map(|read| &*read.root).collect()
        }
    };
    read.chain(filled).chain(selected).collect()
}

fn split<'a>(text: &'a str, flag: &str, what: &str) -> Result<(Place, &'a str), String> {
    let (place, value) =
        text.split_once('=').ok_or_else(|| format!("`{flag} {text}`: write `{flag} PATH={what}`"))?;
    let place = place.parse().map_err(|error| format!("`{flag} {text}`: {error}"))?;
    Ok((place, value))
}

/// What calls inherit: the settings' dotenv, the process's own variables without those that deco gives a call, the
/// settings' `env`.
fn environment(manifest: &Manifest) -> Variables {
    let settings = &manifest.settings;
    let pairs = |pairs: &[(String, String)]| -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    };
    let own = std::env::vars_os().filter(|(name, _)| !is_given_to_calls(&name.to_string_lossy()));
    let mut env = Variables::new();
    env.extend(pairs(&settings.dotenv));
    env.extend(own);
    env.extend(pairs(&settings.env));
    env
}

/// Whether deco sets this variable for each call, so that one from outside (a run inside a run) must not leak in.
fn is_given_to_calls(name: &str) -> bool {
    const EXACT: &[&str] = &[
        "DECO_TASK",
        "DECO_CALL",
        "DECO_KEY",
        "DECO_ATTEMPT",
        "DECO_SLOT",
        "DECO_CPUS",
        "DECO_RUN_ID",
        "DECO_RESULT",
        "DECO_TMPDIR",
    ];
    EXACT.contains(&name)
        || ["DECO_VAR_", "DECO_DOC_", "DECO_POOL_"].iter().any(|prefix| name.starts_with(prefix))
}

/// `env` in expressions; what is not UTF-8 is left out.
fn as_value(env: &Variables) -> Value {
    let texts = env.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
    Value::object(texts.map(|(name, value)| (name, Value::from(value))))
}
