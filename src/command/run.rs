//! `deco run`: plans, runs, writes the answer.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::cli::{HowArgs, RunArgs, SelectionArgs};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, EventKind, RunStatus};
use crate::exec::files::{self, Room};
use crate::exec::orphans;
use crate::exec::watchdog::Watchdog;
use crate::finish::{self, NoAnswer};
use crate::harvest::contains_secret;
use crate::interrupt::{self, Wish};
use crate::manifest::{Jobs, Settings};
use crate::mask::Masker;
use crate::name::Name;
use crate::output;
use crate::plan::{Plan, conflict, select};
use crate::prepare::documents::Texts;
use crate::prepare::{Folders, PythonWorker, Setting, Versions};
use crate::report::{self, Again, Color, Detail, Events, Reporter, Reporters, Terminal};
use crate::run::{Options, Ran, Running};
use crate::scribe::Scribe;
use crate::state::journal::append_last;
use crate::state::logs::Logs;
use crate::state::{Lock, RunFolder, State};
use crate::store::Clash;
use crate::value::{Layout, Value};

use super::begin::{self, Begun};
use super::open::{self, Opened};
use super::pace::Pace;
use super::{Exit, broken, complain, print_by, reports, secrets};

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
    let stage = Stage { how, state, color: args.manifest.color, again: again(args).into(), also: Vec::new() };
    carry_through(stage, opened, options, asked)
}

/// What a run has around it.
pub struct Stage<'a> {
    pub how: &'a HowArgs,
    pub state: State,
    pub color: Color,
    pub again: Again,
    /// Reporters beside those that the options ask for.
    pub also: Vec<Box<dyn Reporter>>,
}

/// What is to become of the answer.
pub struct Asked<'a> {
    /// The documents; `None`: as the settings say.
    pub only: Option<Vec<Name>>,
    pub to: To,
    pub selection: Option<&'a SelectionArgs>,
    /// The answer is this document itself, not an object of documents.
    pub alone: Option<Name>,
}

/// Where the answer goes.
pub enum To {
    StandardOutput,
    File(PathBuf),
    /// It has been shown already, piece by piece.
    Nowhere,
}

/// Runs a plan to its end and gives the answer: all that `run` and `map` have in common.
pub fn carry_through(
    stage: Stage<'_>,
    opened: Opened,
    options: Options,
    asked: Asked<'_>,
) -> Result<Exit, Exit> {
    check_output(match &asked.to {
        To::File(file) => Some(file),
        To::StandardOutput | To::Nowhere => None,
    })?;
    reports::check(&stage.how.reports).map_err(wrong)?;
    let options = Options { jobs: width(options.jobs, &opened.plan)?, ..options };
    let (how, color) = (stage.how, stage.color);
    let layout = if how.compact { Layout::Compact } else { Layout::Pretty };
    let carried = carry_out(stage, opened, options)?;
    let exit = conclude(&carried, &asked, layout, color);
    if exit == Exit::Done {
        let event = Event { ms: carried.ms, kind: EventKind::AnswerGiven };
        // without it the run would only be resumed with nothing left to do
        let _ = append_last(&carried.folder.journal(), &event);
    }
    let reported = reports::write(&how.reports, &carried.folder).map_err(broken);
    Ok(if carried.all_written && reported.is_ok() { exit } else { Exit::Broken })
}

pub fn wrong(message: impl std::fmt::Display) -> Exit {
    complain(message);
    Exit::Wrong
}

/// How the run goes, all of it.
pub fn options(how: &HowArgs, settings: &Settings) -> Result<Options, Exit> {
    let asked = how.jobs.as_deref().map(str::parse::<Jobs>).transpose();
    let asked =
        asked.map_err(|why| wrong(format_args!("`--jobs {}`: {why}", how.jobs.as_deref().unwrap_or(""))))?;
    let goes_on = how.keep_going || how.max_failures.is_some();
    let keep_going = goes_on || (settings.keep_going && !how.no_keep_going && !how.fail_fast);
    Ok(Options {
        jobs: slots(asked.or(settings.jobs)),
        keep_going,
        fail_fast: how.fail_fast,
        max_failures: how.max_failures.map(|most| most as usize),
        wanted: None,
        skipped: Vec::new(),
    })
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

fn slots(jobs: Option<Jobs>) -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    match jobs {
        None => cpus,
        Some(Jobs::Count(count)) => count.max(1),
        Some(Jobs::Percent(percent)) => ((cpus as f64 * percent / 100.0).floor() as usize).max(1),
    }
}

/// How many calls run at a time: as many as were asked for, unless the system allows fewer open files.
fn width(jobs: usize, plan: &Plan) -> Result<usize, Exit> {
    match files::make_room(plan.most_at_a_time(jobs)) {
        Room::Enough => Ok(jobs),
        Room::For { attempts, files } => {
            complain(format_args!(
                "the system allows {files} open files (see `ulimit -n`), too few for {jobs} calls at a time: `--jobs` is lowered to {attempts}"
            ));
            Ok(attempts)
        }
        Room::None { files, needed } => Err(broken(format_args!(
            "the system allows {files} open files, and a single call needs {needed} (see `ulimit -n`)"
        ))),
    }
}

/// The file that the answer goes to, `None` for standard output; with `-t` only one that the command line names.
fn output(args: &RunArgs, plan: &Plan) -> Option<PathBuf> {
    let own = plan.manifest.settings.output.as_ref().filter(|_| args.selection.task.is_empty());
    let asked = args.how.output.clone().or_else(|| own.map(|file| plan.manifest.dir.join(file)));
    asked.filter(|file| file != Path::new("-"))
}

/// Whether the answer could be written, found before anything runs.
fn check_output(output: Option<&Path>) -> Result<(), Exit> {
    let Some(file) = output else {
        return match output::standard_output_was_closed() {
            true => {
                Err(broken("standard output is closed: the answer would be lost; `-o` names a file for it"))
            }
            false => Ok(()),
        };
    };
    output::check_writable(file).map_err(|error| {
        let words = format!("cannot write `{}`: {error}", file.display());
        match error.kind() {
            ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                broken(words)
            }
            _ => wrong(words),
        }
    })
}

/// A run that has ended.
struct Carried {
    ran: Ran,
    /// Whether every report could be written.
    all_written: bool,
    folder: RunFolder,
    /// Milliseconds that it took.
    ms: u64,
    /// The state is ours until the answer is given.
    _lock: Lock,
}

/// Runs to the end.
fn carry_out(stage: Stage<'_>, opened: Opened, options: Options) -> Result<Carried, Exit> {
    let began = Instant::now();
    let (how, state) = (stage.how, stage.state.clone());
    let reporters = reporters(stage)?;
    let Begun { lock, folder, journal, resume } = begin::begin(&opened.plan.manifest, &state, how)?;
    // only its owner may look at what calls read and write
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let scratch = tempfile::Builder::new().prefix("deco-").permissions(private).tempdir();
    let scratch =
        scratch.map_err(|error| broken(format_args!("cannot make a folder for temporary files: {error}")))?;
    let settings = &opened.plan.manifest.settings;
    let setting = Setting {
        run_id: folder.id.clone(),
        env: Arc::new(opened.env),
        declared: settings.dotenv.iter().chain(&settings.env).cloned().collect(),
        folders: Folders::new(scratch.path().to_owned(), options.jobs),
        texts: Texts::default(),
        versions: Versions::default(),
        python: PythonWorker::new(state.folder().join("python")),
        secrets: opened.secrets,
        logs: Logs::new(folder.logs()),
        terminal: std::fs::File::open("/dev/tty").is_ok(),
    };
    let scribe = Scribe::start(Some(journal), reporters);
    let scribe = Arc::new(scribe.map_err(|error| broken(format_args!("cannot start a thread: {error}")))?);
    let (pace, past) = Pace::read(state.durations(), opened.plan.call_count(), &scribe);
    let running = Running::new(opened.plan, options, setting, scribe.clone(), resume, past);
    let running = Arc::new(running.map_err(|error| broken(format_args!("cannot open a pipe: {error}")))?);
    let stopped = Arc::downgrade(&running);
    scribe.on_failure(move |message| {
        if let Some(running) = stopped.upgrade() {
            running.broken(message);
        }
    });
    let watched = running.clone();
    let guard = interrupt::watch(move |wish| match wish {
        Wish::End { signal, nth } => watched.interrupt(signal, nth),
        Wish::Stop if interrupt::can_be_stopped() => watched.stop(interrupt::stop),
        Wish::Stop => {}
        Wish::Continue => watched.go_on(),
    });
    let guard = guard.map_err(|error| broken(format_args!("cannot watch for signals: {error}")))?;
    let watchdog = Watchdog::start(running.groups(), Some(lock.as_fd()), &folder.id, scratch.path());
    if let Err(error) = &watchdog {
        scribe.notice(&format!("cannot start a watchdog ({error}): should deco be killed, its calls go on"));
    }
    running.run();
    let is_cut_off = running.is_cut_off();
    if is_cut_off {
        orphans::end(folder.id.as_ref());
    }
    drop(guard);
    let keeping = pace.keep(running.clone());
    let written = scribe.finish();
    drop(scratch);
    match watchdog {
        Ok(watchdog) if is_cut_off => watchdog.clear_up(),
        Ok(watchdog) => watchdog.dismiss(),
        Err(_) => {}
    }
    if let Some(words) = keeping.end().filter(|_| written.journal.is_ok()) {
        complain(words);
    }
    let running =
        Arc::into_inner(running).ok_or_else(|| broken("the run is still held; please report it"))?;
    let mut ran = running.into_ran();
    ran.broken = ran.broken.or(written.journal.err());
    let ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    Ok(Carried { ran, all_written: written.reporters.is_empty(), folder, ms, _lock: lock })
}

fn reporters(stage: Stage<'_>) -> Result<Reporters, Exit> {
    let Stage { how, state, color, again, also: mut reporters } = stage;
    if let Some(file) = &how.events {
        if file == Path::new("-") {
            return Err(wrong(
                "`--events -`: standard output carries only the answer; name a file, or `/dev/stderr`",
            ));
        }
        let events = Events::create(file);
        let events =
            events.map_err(|error| broken(format_args!("cannot write `{}`: {error}", file.display())))?;
        reporters.push(Box::new(events));
    }
    let detail = match (how.quiet, how.verbose) {
        (true, _) => Detail::Failures,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    let terminal = Terminal::of_stderr(color);
    reporters.push(report::screen(report::Options {
        progress: how.progress,
        detail,
        terminal,
        again,
        runs: from_here(&state.folder().join("runs")),
    }));
    Reporters::start(reporters).map_err(|error| broken(format_args!("cannot start a thread: {error}")))
}

/// The path as it is named from the current folder, if that is shorter.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).to_owned()
}

/// The command that runs a part of this manifest again, up to `-t`.
fn again(args: &RunArgs) -> String {
    let directory = args.manifest.directory.iter().map(|folder| format!("-C {}", quoted(folder)));
    let manifest = args.manifest.manifest.iter().map(|file| quoted(file));
    ["deco run".to_owned()].into_iter().chain(directory).chain(manifest).collect::<Vec<_>>().join(" ")
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+:@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn conclude(carried: &Carried, asked: &Asked<'_>, layout: Layout, color: Color) -> Exit {
    let ran = &carried.ran;
    let plan = &ran.plan;
    if ran.broken.is_some() {
        return Exit::Broken;
    }
    if let Some(signal) = ran.signal {
        return Exit::Signal(signal);
    }
    if let Some(clash) = &ran.clash {
        return in_conflict(ran, clash, color);
    }
    if ran.status == RunStatus::Succeeded
        && let Some(message) = asked.selection.and_then(|selection| named_nothing(selection, plan))
    {
        return failed(&ran.secrets, &message);
    }
    let whole = ran.status == RunStatus::Succeeded;
    if !whole && !ran.keeps_going {
        return Exit::Failed;
    }
    let answer = match finish::answer(plan, &ran.store, asked.only.as_deref()) {
        Ok(answer) => answer,
        Err(NoAnswer::Clash(clash)) => return in_conflict(ran, &clash, color),
        Err(NoAnswer::Expression { name, message }) => {
            return failed(&ran.secrets, &format!("`{name}` of `select` cannot be made: {message}"));
        }
    };
    if let Some(variable) = ran.secrets.find_in(&answer) {
        return failed(&ran.secrets, &contains_secret("the answer", variable));
    }
    if let Err(message) = carried.folder.keep_answer(|out| finish::write(&answer, layout, out)) {
        return broken(message);
    }
    let answer = match &asked.alone {
        None => answer,
        Some(name) => answer.get(name.as_str()).cloned().unwrap_or_default(),
    };
    let written = match &asked.to {
        To::Nowhere => Exit::Done,
        To::StandardOutput => print_by(|out| finish::write(&answer, layout, out)),
        To::File(file) if whole => write(file, &answer, layout),
        To::File(file) => write(&finish::partial_file(file), &answer, layout),
    };
    if written == Exit::Done && !whole { Exit::Failed } else { written }
}

fn failed(secrets: &Masker, message: &str) -> Exit {
    complain(secrets.mask_message(message));
    Exit::Failed
}

fn write(file: &Path, answer: &Value, layout: Layout) -> Exit {
    match output::write_file(file, |out| finish::write(answer, layout, out)) {
        Ok(()) => Exit::Done,
        Err(error) => broken(format_args!("cannot write `{}`: {error}", file.display())),
    }
}

/// An address that could only be looked up once the run had found the calls, and that names none of them.
fn named_nothing(selection: &SelectionArgs, plan: &Plan) -> Option<String> {
    let addresses = selection.task.iter().chain(&selection.skip);
    addresses.filter_map(|address| select::named(plan, address).err()).next()
}

/// Draws the conflict on the manifest's text, as planning does.
fn in_conflict(ran: &Ran, clash: &Clash, color: Color) -> Exit {
    let plan = &ran.plan;
    let mut diagnostic = match clash {
        Clash::Unordered { first, second, path, by_reading } => {
            conflict::found(plan, *first, *second, path, *by_reading)
        }
        Clash::Misfit { call, path, message } => {
            let address = plan.address(*call);
            let error =
                Diagnostic::error(format!("what `{address}` changes at `{path}` does not fit: {message}"));
            error.at(plan.task(*call).span.clone(), "")
        }
    };
    secrets::hide(&ran.secrets, &mut diagnostic);
    open::show(&plan.manifest.source, vec![diagnostic], color);
    Exit::Failed
}
