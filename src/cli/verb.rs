//! The verbs, and what each does in words: `-h` shows the first line, `--help` and the manual page the rest.

use clap::Subcommand;
use clap_complete::Shell;

use super::{
    ChangeArgs, CompleteArgs, DeleteArgs, ExplainArgs, GetArgs, GraphArgs, InitArgs, LogArgs, ManArgs,
    ManifestArgs, MapArgs, PlanArgs, ReportArgs, RunArgs, SchemaArgs, SubjectArgs,
};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the tasks of a manifest and print the documents that they fill
    ///
    /// A call waits for those that fill what it reads, as the manifest tells. All others run at the same time, up to the
    /// number of jobs. A run gives what the serial program would give that makes one call after the other, or it stops
    /// with an error that names the two calls in conflict.
    ///
    /// Standard output carries only the answer, one JSON object of documents; all else goes to standard error. What
    /// happens is kept in `.deco` beside the manifest, so that a run that did not come to a good end can go on by
    /// `--resume`, and so that one can look back by `deco log` and `deco report`.
    Run(Box<RunArgs>),

    /// Run one command for each key, without a manifest, and print the results by key
    ///
    /// The command is one word, which is text for `sh -eu -c`, or several, which are a program and its arguments. In it
    /// `{}` is the key, `{.}` the key without its extension, `{/}` what stands behind its last slash, `{//}` its folder,
    /// `{/.}` its name without folder and extension, `{#}` the number of the call, and `{2}` the key of the second
    /// source. Without any of these the key is put at the end. A key is never parsed as shell text.
    ///
    /// Keys are the words behind `:::`, the lines of the files behind `::::`, or else the lines of standard input. A
    /// further `:::` or `::::` is a source whose keys are nested in each of those before; `:::+` and `::::+` link a
    /// source to the one before, first with first, second with second.
    ///
    /// Standard output carries one JSON object, the results by key in the order of the keys. With `--map`, `deco log`,
    /// `deco get`, `deco report` and `deco explain` look at runs that began in the current folder.
    #[command(override_usage = "deco map [OPTIONS] COMMAND [::: KEY…]")]
    Map(Box<MapArgs>),

    /// Say all that is wrong with a manifest; run nothing
    ///
    /// Makes the plan too: unknown keys and names, places that nothing fills, circles and conflicts are found as far as
    /// they can be known before a run. All mistakes are shown at once, each on the manifest's own text. Exits with 2 if
    /// there are any, and prints nothing if there are none.
    Check(ManifestArgs),

    /// Show what would run, and what waits for what; run nothing
    ///
    /// Shows the tasks with their calls, and behind an arrow what they wait for, in the order in which results are put
    /// together; then the sync points.
    Plan(PlanArgs),

    /// Draw the plan
    ///
    /// Calls, joins and sync points are nodes. `svg` is a picture, with one box for all calls of a task, that needs no
    /// other program; `dot` is for Graphviz, `mermaid` for Markdown pages, `json` for programs.
    Graph(GraphArgs),

    /// Remove what deco knows of the runs of a manifest
    ///
    /// Removes their journals, logs and answers, and how long calls took; with `--map` those of `deco map` in this folder.
    /// Refused, with exit code 3, while such a run goes on.
    Clean(SubjectArgs),

    /// List the tasks with their descriptions and tags
    ///
    /// Shows each task with its variables. Looks at the manifest alone and makes no plan.
    List(SubjectArgs),

    /// Say what a call waits for and why, what it runs, and how its last run ended
    ///
    /// Shows of each call that the address names the line that makes it wait, the path that it reads, the calls that
    /// fill it and which of them failed; then who waits for it, its command as it ran last, and how that ended.
    Explain(ExplainArgs),

    /// Show what calls of a past run printed
    ///
    /// Shows outputs whole, however long they were: those of the last attempts of calls that have ended. Of one call,
    /// its standard output and then its standard error; of several, each with a line before it, in the order in which
    /// they began.
    Log(LogArgs),

    /// Print a value of the last run's answer; inside a call, what stands at a place of a document
    ///
    /// Outside a call, prints a value of the answer that a run gave. Where nothing stands there, exits with 1, or
    /// prints what `--default` gives.
    ///
    /// Inside a call of a task with `mutates` or `reads`, prints what stands at a place of a document as the call sees
    /// it, its own changes included, and notes that the call looked there.
    Get(GetArgs),

    /// Make a report of a past run: one HTML page
    ///
    /// The page needs no network: it shows what failed and why, results by key, a timeline, the plan, and each call with
    /// its command, attempts and output.
    Report(ReportArgs),

    /// Write a manifest to start from
    ///
    /// It runs as it is, in an empty folder, and its comments tell what does what. The folder is made if it is not there.
    /// Where one of the files is there already, nothing is written.
    Init(InitArgs),

    /// Print the JSON Schema of manifests, for editors, or of events
    ///
    /// Editors that know JSON Schema complete and check a manifest by it: save it, and begin the manifest with
    /// `#:schema ./deco.schema.json`.
    Schema(SchemaArgs),

    /// Inside a call: write a value at a place of a document that the task mutates
    ///
    /// The change lands when the call has succeeded, in the order of the serial program.
    Set(ChangeArgs),

    /// Inside a call: add an element at the end of an array
    ///
    /// The change lands when the call has succeeded, in the order of the serial program.
    Append(ChangeArgs),

    /// Inside a call: take out what stands at a place
    ///
    /// The change lands when the call has succeeded, in the order of the serial program.
    Delete(DeleteArgs),

    /// Print a completion script for a shell
    ///
    /// In bash, fish and zsh the script completes commands and options, names of tasks, addresses of calls, documents and
    /// ids of runs, as the manifest has them that the command line names. Put the script where the shell looks for it:
    /// `~/.local/share/bash-completion/completions/deco`, `~/.config/fish/completions/deco.fish`, or as `_deco` into a
    /// folder of zsh's `$fpath`.
    Completions {
        /// For this shell
        shell: Shell,
    },

    /// Print what could stand under the cursor, for the scripts of `deco completions`
    #[command(hide = true)]
    Complete(CompleteArgs),

    /// Print a manual page, or write all of them to a folder
    ///
    /// `deco man run | man -l -` shows the page of `deco run`. Written to a folder that `man` knows, such as
    /// `~/.local/share/man/man1`, the pages are called `deco`, `deco-run` and so on.
    Man(ManArgs),
}
