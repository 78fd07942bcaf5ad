//! The command line: clap's types, nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::report::{Color, Progress};

/// Runs a graph of concurrent tasks and assembles their keyed results into one JSON document.
#[derive(Debug, Parser)]
#[command(name = "deco", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the tasks of a manifest and print the documents that they fill
    Run(Box<RunArgs>),
    /// Run one command for each key, without a manifest, and print the results by key
    Map(Box<MapArgs>),
    /// Say all that is wrong with a manifest; run nothing
    Check(ManifestArgs),
    /// Show what would run, and what waits for what; run nothing
    Plan(PlanArgs),
    /// Draw the plan
    Graph(GraphArgs),
    /// Remove what deco knows of the runs of a manifest
    Clean(CleanArgs),
    /// List the tasks with their descriptions and tags
    List(ListArgs),
    /// Say what a call waits for and why, what it runs, and how its last run ended
    Explain(ExplainArgs),
    /// Show what calls of a past run printed
    Log(LogArgs),
    /// Print a value of the last run's answer; inside a call, what stands at a place of a document
    Get(GetArgs),
    /// Make a report of a past run: one HTML page
    Report(ReportArgs),
    /// Write a manifest to start from
    Init(InitArgs),
    /// Print the JSON Schema of manifests, for editors, or of events
    Schema(SchemaArgs),
    /// Inside a call: write a value at a place of a document that the task mutates
    Set(ChangeArgs),
    /// Inside a call: add an element at the end of an array
    Append(ChangeArgs),
    /// Inside a call: take out what stands at a place
    Delete(DeleteArgs),
    /// Print a completion script for a shell
    Completions { shell: Shell },
}

/// Which manifest, and what the command line puts over it.
#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The manifest; `-` is standard input [default: deco.toml here or in a parent]
    pub manifest: Option<PathBuf>,

    /// Begin in this folder
    #[arg(short = 'C', long, value_name = "DIR")]
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
    #[arg(long, value_name = "DIR", env = "DECO_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Which manifest's runs, and which of them.
#[derive(Debug, Args)]
pub struct PastArgs {
    /// The manifest; `-` for one from standard input [default: deco.toml here or in a parent]
    #[arg(short = 'f', long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,

    /// Not of a manifest: of `deco map`, as it was run in this folder
    #[arg(long, conflicts_with = "manifest")]
    pub map: bool,

    /// Begin in this folder
    #[arg(short = 'C', long, value_name = "DIR")]
    pub directory: Option<PathBuf>,

    #[command(flatten)]
    pub state: StateArgs,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,

    /// List the runs of `deco map` that began in this folder, not tasks
    #[arg(long, conflicts_with_all = ["manifest", "set", "set_text"])]
    pub map: bool,

    #[command(flatten)]
    pub state: StateArgs,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The calls: `task`, `task[key]`, `tag:name`, `document[key]`
    #[arg(value_name = "ADDRESS")]
    pub address: String,

    #[command(flatten)]
    pub manifest: ManifestArgs,

    /// Calls of the last run of `deco map` in this folder, not of a manifest
    #[arg(long, conflicts_with_all = ["manifest", "set", "set_text"])]
    pub map: bool,

    #[command(flatten)]
    pub state: StateArgs,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Only of these calls
    #[arg(value_name = "ADDRESS")]
    pub addresses: Vec<String>,

    /// Of this run [default: the last]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,

    #[command(flatten)]
    pub past: PastArgs,

    /// Only calls that failed
    #[arg(long)]
    pub failed: bool,

    /// Only standard output
    #[arg(long, conflicts_with = "stderr")]
    pub stdout: bool,

    /// Only standard error
    #[arg(long)]
    pub stderr: bool,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run [default: the last]
    pub run: Option<String>,

    #[command(flatten)]
    pub past: PastArgs,

    /// Write the page to a file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write JUnit XML to a file, not the page
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write a trace to a file, not the page
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// What is made of a run's events at its end.
#[derive(Debug, Args)]
pub struct ReportFiles {
    /// Write JUnit XML to a file: a case for each call
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write a trace to a file, which Perfetto and Chrome show
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Write one HTML page to a file: what failed, results by key, a timeline, each call
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,

    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Show what would run; run nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Print only this document; may be repeated
    #[arg(long, value_name = "DOC")]
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
    #[arg(short, long, overrides_with = "no_keep_going")]
    pub keep_going: bool,

    /// Start nothing new after a failure (the default; overrides the manifest)
    #[arg(long)]
    pub no_keep_going: bool,

    /// After a failure, also end the calls that run
    #[arg(long, conflicts_with = "keep_going")]
    pub fail_fast: bool,

    /// Keep going after a failure, but start nothing new after this many
    #[arg(long, value_name = "N", conflicts_with = "fail_fast", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_failures: Option<u32>,

    /// Write the answer to a file, as a whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Print the answer on one line
    #[arg(long)]
    pub compact: bool,

    /// Go on with the last run, if it did not come to a good end, or with the run named: what had ended does not run again
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub resume: Option<String>,

    /// Do not wait for another run of this manifest
    #[arg(long)]
    pub no_wait: bool,

    /// How to show progress
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub progress: Progress,

    /// Write what happens to a file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    #[command(flatten)]
    pub reports: ReportFiles,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Also say what succeeds
    #[arg(short, long)]
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
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub result: String,

    /// Print an array of the results; a key may then be given twice
    #[arg(long)]
    pub list: bool,

    /// Print a line {"key": …, "result": …} as each call succeeds, not one answer at the end
    #[arg(long)]
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
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_name = "COMMAND [::: KEY…]")]
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
pub struct CleanArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,

    #[command(flatten)]
    pub state: StateArgs,
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
pub struct InitArgs {
    /// Where to put deco.toml
    #[arg(default_value = ".")]
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

#[derive(Debug, Args)]
pub struct GetArgs {
    /// The place: `state.x`, `state[0].n`, `state["any key"]`
    pub path: String,

    /// Print this JSON value where nothing stands
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    pub default: Option<String>,

    /// Print a text as it is, without quotes
    #[arg(long)]
    pub text: bool,

    /// Outside a call: the answer of this run [default: the last]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,

    #[command(flatten)]
    pub past: PastArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Svg,
    Json,
}
