//! `deco man`: manual pages, made from what `--help` says. Tells of exit codes, files and variables beside.

use std::io::{self, IsTerminal, stdout};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::{Cli, ManArgs};
use crate::diagnostic::nearest;
use crate::output;

use super::{Exit, broken, complain, print, wrong};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the library writes before each part of a page; once is enough.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Terms, each with what is to be said of it.
type Terms = &'static [(&'static str, &'static str)];

const EXITS: Terms = &[
    ("0", "Done."),
    ("1", "A call failed, a check did not hold, or calls were in conflict."),
    ("2", "The command line or the manifest is wrong; nothing ran."),
    ("3", "deco itself could not go on, for example because the disk is full."),
    ("128+N", "As the shell sees it: deco was ended by signal N and died of it."),
];

const VARIABLES: Terms = &[
    ("DECO_STATE_DIR", "As `--state-dir`, where that is not given."),
    ("XDG_STATE_HOME", "`deco map` keeps its runs in `deco/map` in this folder, else in `~/.local/state`."),
    (
        "NO_COLOR",
        "No colours. `CLICOLOR=0` does the same; `CLICOLOR_FORCE=1` gives colours to whatever reads.",
    ),
    ("CI", "No bar. So does `TERM=dumb`."),
    (
        "GITHUB_ACTIONS",
        "If `true`, failures are annotated, and `GITHUB_STEP_SUMMARY` names a file for a summary.",
    ),
];

const FILES: Terms = &[
    ("deco.toml", "The manifest, here or in the nearest folder above that has one."),
    (
        ".deco/",
        "Beside the manifest, the state of its runs: journals, logs, answers, and how long calls took.",
    ),
];

pub fn run(args: &ManArgs) -> Exit {
    let mut deco = Cli::command().disable_help_subcommand(true);
    deco.build();
    if let Some(folder) = &args.dir {
        return write_all(&deco, folder);
    }
    let page = match &args.verb {
        None => page(&deco),
        Some(verb) => match visible(&deco).find(|command| command.get_name() == verb) {
            Some(command) => page(command),
            None => return wrong(unknown(&deco, verb)),
        },
    };
    if stdout().is_terminal() {
        return wrong("the page is text for `man`: `deco man run | man -l -` shows it");
    }
    page.map_or_else(broken, |page| print(page.as_bytes()))
}

fn visible(deco: &Command) -> impl Iterator<Item = &Command> {
    deco.get_subcommands().filter(|command| !command.is_hide_set())
}

fn unknown(deco: &Command, verb: &str) -> String {
    let near = nearest(verb, visible(deco).map(Command::get_name));
    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    format!("there is no command `deco {verb}`{hint}")
}

fn write_all(deco: &Command, folder: &Path) -> Exit {
    let commands: Vec<&Command> = [deco].into_iter().chain(visible(deco)).collect();
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        commands.iter().try_for_each(|command| {
            let page = page(command)?;
            let file = folder.join(format!("{}.1", name(command)));
            output::write_file(&file, |out| out.write_all(page.as_bytes()))
        })
    });
    match written {
        Ok(()) => {
            complain(format_args!("wrote {} pages to `{}`", commands.len(), folder.display()));
            Exit::Done
        }
        Err(error) => broken(format_args!("cannot write pages to `{}`: {error}", folder.display())),
    }
}

/// The page's name: `deco-run`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command) -> io::Result<String> {
    let man = Man::new(command.clone());
    let is_whole = command.get_name() == "deco";
    let mut out = Vec::new();
    man.render_name_section(&mut out)?;
    let mut own = Roff::new();
    synopsis(&mut own, command);
    description(&mut own, command);
    own.to_writer(&mut out)?;
    man.render_options_section(&mut out)?;
    if is_whole {
        man.render_subcommands_section(&mut out)?;
    }
    let mut own = Roff::new();
    if is_whole || ["run", "map"].contains(&command.get_name()) {
        terms(&mut own, "EXIT STATUS", EXITS);
        terms(&mut own, "ENVIRONMENT", VARIABLES);
    }
    if is_whole || command.get_name() == "run" {
        terms(&mut own, "FILES", FILES);
    }
    if !is_whole {
        own.control("SH", ["SEE ALSO"]).text([bold("deco"), roman("(1)")]);
    }
    own.to_writer(&mut out)?;
    let title = name(command).to_uppercase();
    let title = format!("{PREAMBLE}.TH {title} 1 \"\" \"deco {VERSION}\" \"User Commands\"\n");
    let body = String::from_utf8_lossy(&out).replace(PREAMBLE, "").replace(".SH SUBCOMMANDS", ".SH COMMANDS");
    Ok(title + &plain(&bold_where_quoted(&body)))
}

/// How the command is written, as `--help` has it.
fn synopsis(roff: &mut Roff, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let rest = usage.strip_prefix(name).unwrap_or(usage);
    roff.control("SH", ["SYNOPSIS"]).text([bold(name), roman(rest)]);
}

/// What the long help says beyond the line that stands under NAME.
fn description(roff: &mut Roff, command: &Command) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let mut paragraphs = long.split("\n\n").skip(1).peekable();
    roff.control("SH", ["DESCRIPTION"]);
    if paragraphs.peek().is_none() {
        roff.text([roman(about.trim_end_matches('.').to_owned() + ".")]);
    }
    for (at, paragraph) in paragraphs.enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(paragraph)]);
    }
}

fn terms(roff: &mut Roff, heading: &str, terms: Terms) {
    roff.control("SH", [heading]);
    for (term, text) in terms {
        roff.control("TP", []).text([bold(*term)]).text([roman(*text)]);
    }
}

/// What stands in backquotes becomes bold: a manual page shows a backquote as an opening quotation mark.
fn bold_where_quoted(page: &str) -> String {
    let lines = page.lines().map(|line| {
        let parts: Vec<&str> = line.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return line.to_owned();
        }
        let styled = parts.iter().enumerate().map(|(at, part)| match at % 2 {
            0 => (*part).to_owned(),
            _ => format!("\\fB{part}\\fR"),
        });
        styled.collect()
    });
    lines.flat_map(|line: String| [line, "\n".to_owned()]).collect()
}

/// Characters beyond ASCII by their numbers: not every reader of pages takes UTF-8.
fn plain(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    for character in page.chars() {
        match character.is_ascii() {
            true => out.push(character),
            false => out.push_str(&format!("\\[u{:04X}]", u32::from(character))),
        }
    }
    out
}
