//! What `deco run` and `deco map` have in common: a plan carried through to its answer. Does not know where the plan comes
//! from.

use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tempfile::TempDir;

use crate::cli::HowArgs;
use crate::event::{Event, EventKind};
use crate::exec::files::{self, Room};
use crate::exec::watchdog::Watchdog;
use crate::finish::NoAnswer;
use crate::interrupt::{self, Guard, Wish};
use crate::manifest::{Jobs, Manifest, Settings};
use crate::name::Name;
use crate::plan::Plan;
use crate::prepare::documents::Texts;
use crate::prepare::{Folders, PythonWorker, Setting, Sources, Versions};
use crate::report::github::{self, Github};
use crate::report::{self, Again, Color, Curtain, Detail, Events, Live, Reporter, Reporters, Terminal};
use crate::run::{Options, Ran, Running};
use crate::scribe::Scribe;
use crate::state::journal::{End, append_last};
use crate::state::logs::Logs;
use crate::state::{Lock, RunFolder, State};
use crate::value::{Layout, Value};

use super::begin::{self, Begun};
use super::clearing::Clearing;
use super::conclude::{self, Asked};
use super::open::{self, Opened};
use super::pace::{Pace, Reading};
use super::{Exit, broken, complain, outputs, reports, wrong};

/// What a run has around it.
pub struct Stage<'a> {
    pub how: &'a HowArgs,
    pub state: State,
    pub color: Color,
    pub again: Again,
    /// What is before standard error.
    pub curtain: Curtain,
    /// Reporters beside those that the options ask for.
    pub also: Vec<Box<dyn Reporter>>,
}

/// Runs a plan to its end and gives the answer: all that `run` and `map` have in common.
pub fn carry_through(
    stage: Stage<'_>,
    opened: Opened,
    options: Options,
    asked: Asked<'_>,
) -> Result<Exit, Exit> {
    conclude::check(&asked.to)?;
    reports::check(&stage.how.reports).map_err(wrong)?;
    outputs::check(stage.how, &asked.to, &opened.plan.manifest).map_err(wrong)?;
    let options = Options { jobs: width(options.jobs, &opened.plan)?, ..options };
    let (how, color) = (stage.how, stage.color);
    let layout = if how.compact { Layout::Compact } else { Layout::Pretty };
    let carried = carry_out(stage, opened, options, asked.only.as_deref())?;
    // the process is about to end, and its memory with it
    let ran = ManuallyDrop::new(carried.ran);
    let exit = conclude::conclude(&ran, carried.answer, &carried.folder, &asked, layout, color);
    carried.clearing.end();
    if exit == Exit::Done {
        let event = Event { ms: carried.ms, kind: EventKind::AnswerGiven };
        // without it the run would only be resumed with nothing left to do
        let _ = append_last(&carried.folder.journal(), &event);
    }
    let reported = reports::write(&how.reports, &carried.folder).map_err(broken);
    let _ = carried.forgetting.map(JoinHandle::join);
    Ok(if carried.all_written && reported.is_ok() { exit } else { Exit::Broken })
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

fn slots(jobs: Option<Jobs>) -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    jobs.map_or(cpus, |jobs| jobs.count(cpus))
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

/// A run that has ended.
struct Carried {
    ran: Ran,
    answer: Option<Result<Value, NoAnswer>>,
    /// Whether every report could be written.
    all_written: bool,
    folder: RunFolder,
    /// Milliseconds that it took.
    ms: u64,
    clearing: Clearing,
    /// Old runs are being removed.
    forgetting: Option<JoinHandle<()>>,
    /// The state is ours until the answer is given.
    _lock: Lock,
}

/// Runs to the end, and makes the answer of these documents, or as the settings say.
fn carry_out(
    stage: Stage<'_>,
    opened: Opened,
    options: Options,
    only: Option<&[Name]>,
) -> Result<Carried, Exit> {
    let began = Instant::now();
    let (how, state) = (stage.how, stage.state.clone());
    let curtain = stage.curtain.clone();
    let (reporters, live) = reporters(stage, &opened.plan, options.jobs)?;
    let Begun { lock, folder, journal, resume } = begin::begin(&opened.plan.manifest, &state, how)?;
    let reading = Reading::begin(state.durations(), opened.plan.call_count());
    let scratch = scratch()?;
    let settings = &opened.plan.manifest.settings;
    let setting = Setting {
        run_id: folder.id.clone(),
        env: Arc::new(opened.env),
        declared: settings.dotenv.iter().chain(&settings.env).cloned().collect(),
        folders: Arc::new(Folders::new(scratch.path().to_owned(), options.jobs)),
        texts: Texts::default(),
        versions: Versions::default(),
        python: PythonWorker::new(state.folder().join("python")),
        sources: Sources::default(),
        secrets: opened.secrets,
        logs: Logs::new(folder.logs()),
        live,
        terminal: std::fs::File::open("/dev/tty").is_ok(),
    };
    let scribe = Scribe::start(Some(journal), reporters);
    let scribe = Arc::new(scribe.map_err(|error| broken(format_args!("cannot start a thread: {error}")))?);
    let running = Running::new(opened.plan, options, setting, scribe.clone(), resume);
    let running = Arc::new(running.map_err(|error| broken(format_args!("cannot open a pipe: {error}")))?);
    let guard = obey_signals(&running, curtain)?;
    let start_watchdog = || Watchdog::start(running.groups(), Some(lock.as_fd()), &folder.id, scratch.path());
    let (watchdog, pace) = make_ready(&running, &scribe, reading, start_watchdog);
    let watchdog = watchdog.inspect_err(|error| {
        scribe.notice(&format!("cannot start a watchdog ({error}): should deco be killed, its calls go on"));
    });
    let forgetting = forget_old_runs(state.clone(), folder.clone());
    running.run();
    let clearing = Clearing::begin(&running, &folder.id, scratch, watchdog.ok());
    drop(guard);
    let keeping = pace.keep(&running);
    // the answer is made while the journal is written to its end, and given only if that succeeds
    scribe.close(if running.is_complete() { End::Written } else { End::Synced });
    let answer = running.answer(only);
    let written = scribe.finish();
    if let Some(words) = keeping.end().filter(|_| written.journal.is_ok()) {
        complain(words);
    }
    let running =
        Arc::into_inner(running).ok_or_else(|| broken("the run is still held; please report it"))?;
    let mut ran = running.into_ran();
    ran.broken = ran.broken.or(written.journal.err());
    let ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    Ok(Carried {
        ran,
        answer,
        all_written: written.reporters.is_empty(),
        folder,
        ms,
        clearing,
        forgetting,
        _lock: lock,
    })
}

/// Starts the watchdog, then the first workers, and meanwhile tells the run what is known of past ones; and lets it hear when
/// its journal cannot be written.
fn make_ready(
    running: &Arc<Running>,
    scribe: &Scribe,
    reading: Reading,
    start_watchdog: impl Fn() -> io::Result<Watchdog> + Sync,
) -> (io::Result<Watchdog>, Pace) {
    let start = || {
        let watchdog = start_watchdog();
        running.begin_workers();
        watchdog
    };
    let (watchdog, pace) = thread::scope(|threads| {
        let starting = thread::Builder::new().name("starting".to_owned()).spawn_scoped(threads, start);
        let (pace, past) = reading.end(scribe);
        running.expect(past);
        let watchdog = starting.map(|thread| thread.join().unwrap_or_else(|_| Err(ErrorKind::Other.into())));
        (watchdog.unwrap_or_else(|_| start()), pace)
    });
    let stopped = Arc::downgrade(running);
    scribe.on_failure(move |message| {
        if let Some(running) = stopped.upgrade() {
            running.broken(message);
        }
    });
    (watchdog, pace)
}

/// Removes old runs while this one goes on. Without a thread they are forgotten with the next run.
fn forget_old_runs(state: State, this: RunFolder) -> Option<JoinHandle<()>> {
    let thread = thread::Builder::new().name("old runs".to_owned());
    thread.spawn(move || state.forget_older_than(&this)).ok()
}

/// A folder for what calls are given in files and leave behind; only its owner may look at that.
fn scratch() -> Result<TempDir, Exit> {
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let scratch = tempfile::Builder::new().prefix("deco-").permissions(private).tempdir();
    scratch.map_err(|error| {
        broken(format_args!(
            "cannot make a folder for temporary files: {error}; the variable `TMPDIR` says where they go"
        ))
    })
}

/// Lets signals end, stop and continue the run, until what is given back is dropped.
fn obey_signals(running: &Arc<Running>, curtain: Curtain) -> Result<Guard, Exit> {
    let watched = running.clone();
    let guard = interrupt::watch(move |wish| match wish {
        Wish::End { signal, nth } => watched.interrupt(signal, nth),
        Wish::Stop if interrupt::can_be_stopped() => watched.stop(|| curtain.clear_for(interrupt::stop)),
        Wish::Stop => {}
        Wish::Continue => watched.go_on(),
    });
    guard.map_err(|error| broken(format_args!("cannot watch for signals: {error}")))
}

fn reporters(stage: Stage<'_>, plan: &Plan, slots: usize) -> Result<(Reporters, Option<Arc<Live>>), Exit> {
    let Stage { how, state, color, again, curtain, also: mut reporters } = stage;
    if let Some(file) = &how.events {
        if file == Path::new("-") {
            return Err(wrong(
                "`--events -`: standard output carries only the answer; name a file, or `/dev/stderr`",
            ));
        }
        let events = Events::create(file).map_err(|error| conclude::unwritable(file, &error))?;
        reporters.push(Box::new(events));
    }
    let detail = match (how.quiet, how.verbose) {
        (true, _) => Detail::Failures,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    let terminal = Terminal::of_stderr(color);
    let github = terminal.github.then(|| {
        let summary = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty());
        Github::new(lines_of_tasks(&plan.manifest), std::io::stderr(), summary.map(PathBuf::from))
    });
    let (screen, live) = report::screen(report::Options {
        progress: how.progress,
        detail,
        logs: how.logs,
        terminal,
        github,
        again,
        curtain,
        runs: from_here(&state.folder().join("runs")),
        slots,
    });
    reporters.push(screen);
    let started = Reporters::start(reporters);
    Ok((started.map_err(|error| broken(format_args!("cannot start a thread: {error}")))?, live))
}

/// Where the tasks stand that a file declares.
fn lines_of_tasks(manifest: &Manifest) -> github::Lines {
    let Some(file) = open::file_of(manifest) else { return github::Lines::default() };
    let breaks: Vec<usize> = manifest.source.text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |at: usize| 1 + breaks.partition_point(|&before| before < at);
    let of_tasks = manifest.tasks.iter().map(|task| (task.name.to_string(), line(task.span.start)));
    github::Lines { file, of_tasks: of_tasks.collect() }
}

/// The path as it is named from the current folder, if that is shorter.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).to_owned()
}
