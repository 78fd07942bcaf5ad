//! What verbs that look back take: which run, and what of it.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ManifestArgs, StateArgs};

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
    #[arg(short = 'C', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,

    #[command(flatten)]
    pub state: StateArgs,
}

/// A manifest with what is kept of it, or what is kept of `deco map`.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    #[command(flatten)]
    pub manifest: ManifestArgs,

    /// Not of a manifest: of `deco map`, as it was run in this folder
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
    pub subject: SubjectArgs,
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

    /// The answer of this run [default: the last]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,

    #[command(flatten)]
    pub past: PastArgs,
}
