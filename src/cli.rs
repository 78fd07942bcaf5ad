//! The command line: clap's types, nothing else.

mod past;
pub mod slips;
mod verb;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, ValueEnum, ValueHint};

use crate::report::{Color, Logs, Progress};
pub use past::{ExplainArgs, GetArgs, LogArgs, PastArgs, ReportArgs, SubjectArgs};
pub use verb::Verb;

/// Headings of options.
const FAILURE: &str = "After a failure";
const ANSWER: &str = "The answer";
const TOLD: &str = "What is told of the run";

/// Runs a graph of concurrent tasks and assembles their keyed results into one JSON document.
///
/// A manifest, `deco.toml`, declares tasks and the keyed places that their results fill. Nobody writes what waits for
/// what: a task that mentions a document waits for all who fill the place that it reads. `deco init` writes a manifest
/// to start from and `deco run` runs it. `deco map` needs none: it runs one command for each key.
#[derive(Debug, Parser)]
#[command(name = "deco", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

/// Which manifest, and what the command line puts over it.
#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The manifest; `-` is standard input [default: deco.toml here or in a parent]
    pub manifest: Option<PathBuf>,

    /// Begin in this folder
    #[arg(short = 'C', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,

    /// Put a JSON value at a place of a document
    #[arg(long, value_name = "PATH=JSON")]
    pub set: Vec<String>,

    /// Put a text at a place of a document
    #[arg(long, value_name = "PATH=TEXT")]
    pub set_text: Vec<String>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
}

/// Which calls.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// Run only these and what they need: `task`, `task[key]`, `tag:name`, `document[key]`; may be repeated
    #[arg(short, long, value_name = "ADDRESS")]
    pub task: Vec<String>,

    /// Skip these, as if their `if` were false
    #[arg(long, value_name = "ADDRESS")]
    pub skip: Vec<String>,
}

/// Where deco keeps what it knows of runs.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Keep the state of runs in this folder [default: .deco beside the manifest; of `map`: in $XDG_STATE_HOME]
    // an empty one is none: so comes a variable that CI has no value for
    #[arg(long, value_name = "DIR", env = "DECO_STATE_DIR", value_hint = ValueHint::DirPath)]
    #[arg(value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub state_dir: Option<PathBuf>,
}

impl StateArgs {
    /// The folder, if it is one that the command line names and not the environment.
    pub fn told(&self) -> Option<&PathBuf> {
        self.folder().filter(|folder| std::env::var_os("DECO_STATE_DIR").is_none_or(|own| own != ***folder))
    }

    /// The folder, if one is named.
    pub fn folder(&self) -> Option<&PathBuf> {
        self.state_dir.as_ref().filter(|folder| !folder.as_os_str().is_empty())
    }
}

/// What is made of a run's events at its end.
#[derive(Debug, Args)]
pub struct ReportFiles {
    /// Write JUnit XML to a file: a case for each call
    #[arg(long, value_name = "FILE", help_heading = TOLD)]
    pub junit: Option<PathBuf>,

    /// Write a trace to a file, which Perfetto and Chrome show
    #[arg(long, value_name = "FILE", help_heading = TOLD)]
    pub trace: Option<PathBuf>,

    /// Write one HTML page to a file: what failed, results by key, a timeline, each call
    #[arg(long, value_name = "FILE", help_heading = TOLD)]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,

    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Show what would run; run nothing
    #[arg(short = 'n', long, conflicts_with = "resume")]
    pub dry_run: bool,

    /// Print only this document; may be repeated
    #[arg(long, value_name = "DOC", help_heading = ANSWER)]
    pub select: Vec<String>,

    #[command(flatten)]
    pub how: HowArgs,
}

/// How a run goes, and what is told of it.
#[derive(Debug, Args)]
pub struct HowArgs {
    #[command(flatten)]
    pub state: StateArgs,

    /// How many calls run at a time: a number, or a share of the CPUs such as 50%
    #[arg(short, long, value_name = "N|N%")]
    pub jobs: Option<String>,

    /// After a failure, run everything that does not depend on it
    #[arg(short, long, overrides_with = "no_keep_going", help_heading = FAILURE)]
    pub keep_going: bool,

    /// Start nothing new after a failure (the default; overrides the manifest)
    #[arg(long, help_heading = FAILURE)]
    pub no_keep_going: bool,

    /// After a failure, also end the calls that run
    #[arg(long, conflicts_with = "keep_going", help_heading = FAILURE)]
    pub fail_fast: bool,

    /// Keep going after a failure, but start nothing new after this many
    #[arg(long, value_name = "N", conflicts_with = "fail_fast", value_parser = clap::value_parser!(u32).range(1..), help_heading = FAILURE)]
    pub max_failures: Option<u32>,

    /// Write the answer to a file, as a whole or not at all
    #[arg(short, long, value_name = "FILE", help_heading = ANSWER)]
    pub output: Option<PathBuf>,

    /// Print the answer on one line
    #[arg(long, help_heading = ANSWER)]
    pub compact: bool,

    /// Go on with the last run, if it did not come to a good end, or with the run named: what had ended does not run again
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub resume: Option<String>,

    /// Do not wait for another run of this manifest
    #[arg(long)]
    pub no_wait: bool,

    /// How to show progress
    #[arg(long, value_name = "HOW", value_enum, default_value_t, help_heading = TOLD)]
    pub progress: Progress,

    /// What to show of what calls print, while the run goes on [default: failed; in logs of GitHub and GitLab: group]
    #[arg(long, value_name = "WHAT", value_enum, help_heading = TOLD)]
    pub logs: Option<Logs>,

    /// Write what happens to a file, as JSON lines
    #[arg(long, value_name = "FILE", help_heading = TOLD)]
    pub events: Option<PathBuf>,

    #[command(flatten)]
    pub reports: ReportFiles,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = TOLD)]
    pub quiet: bool,

    /// Also say what succeeds
    #[arg(short, long, help_heading = TOLD)]
    pub verbose: bool,
}

#[derive(Debug, Args)]
pub struct MapArgs {
    #[command(flatten)]
    pub how: HowArgs,

    /// Read keys that end with a NUL byte, not with a line
    #[arg(short = '0', long)]
    pub null: bool,

    /// How standard output becomes a result: text, json, lines, ndjson, csv, tsv, base64 or none
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = ANSWER)]
    pub result: String,

    /// Print an array of the results; a key may then be given twice
    #[arg(long, help_heading = ANSWER)]
    pub list: bool,

    /// Print a line {"key": …, "result": …} as each call succeeds, not one answer at the end
    #[arg(long, help_heading = ANSWER)]
    pub ndjson: bool,

    /// End an attempt that takes longer: 30s, 5m, or seconds
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,

    /// Try a failed call so many more times
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub retries: u32,

    /// When to use colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,

    /// One word: shell text; several: a program and its arguments. `{}` `{.}` `{/}` `{//}` `{/.}` `{#}` `{1}` stand for the
    /// key; without one of them it is put at the end. Then the keys: `::: KEY…`, `:::+ KEY…` (linked), `:::: FILE…`;
    /// without these, the lines of standard input
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments, value_name = "COMMAND [::: KEY…]")]
    pub words: Vec<String>,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,

    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Show one call a line, not tasks
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Debug, Args)]
pub struct GraphArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,

    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    pub format: GraphFormat,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what
    #[arg(default_value = "manifest")]
    pub of: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Manifest,
    /// A line of `--events`, and of a journal
    Events,
}

#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// The command line as bash has it
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub line: Option<String>,

    /// The end of the word under the cursor that bash will replace
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, requires = "line")]
    pub replaced: Option<String>,

    /// Characters of the line, or words, that stand before the cursor [default: all, and all but the last]
    #[arg(long, value_name = "N")]
    pub cursor: Option<usize>,

    /// The words of the command line behind `deco`, without quotes; of the one under the cursor what stands before it
    #[arg(last = true)]
    pub words: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Of this command: `run` [default: of deco itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub verb: Option<String>,

    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// What a new manifest starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// A linter, a matrix of tests, and a package once all is well
    Ci,
    /// One call for each part, and calls that put the parts together
    MapReduce,
    /// Steps for each sample, side by side, and a report
    Pipeline,
    /// Python functions, and the file that they stand in
    Python,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Start from this, not from a small example of everything
    #[arg(long, value_name = "NAME")]
    pub template: Option<Template>,

    /// Where to put deco.toml
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    pub directory: PathBuf,
}

#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// The place: `state.x`, `state[0].n`, `state["any key"]`
    pub path: String,

    /// A value as JSON; `-` reads it from standard input
    #[arg(allow_negative_numbers = true)]
    pub value: String,

    /// Take the value as a text, not as JSON
    #[arg(long)]
    pub text: bool,
}

#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The place: `state.x`, `state[0].n`, `state["any key"]`
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Svg,
    Json,
}
