//! `deco map`: one command for each key, without a manifest. Makes the manifest of its one task, and goes on as `deco run`.

mod keys;
mod placeholders;

use std::io::stdout;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{MapArgs, StateArgs};
use crate::diagnostic::{Source, Span};
use crate::expr::Expression;
use crate::manifest::adhoc::{self, Command, Only};
use crate::manifest::{Items, Manifest, Sourced, Variable};
use crate::name::{Name, TaskName};
use crate::path::Path as Place;
use crate::report::{Again, Curtain, Reporter, Results};
use crate::shell;
use crate::state::{Shelf, State};
use crate::value::{Text, Value};

use super::carry::{Stage, carry_through, options};
use super::conclude::{Asked, To};
use super::{Exit, begin, broken, complain, open, wrong};
use keys::{Group, Line};
use placeholders::{Piece, Placeholders};

/// The task, and the document that it fills.
const NAME: &str = "map";

pub fn run(args: &MapArgs) -> Exit {
    match try_run(args) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &MapArgs) -> Result<Exit, Exit> {
    let dir = std::env::current_dir();
    let dir = dir.map_err(|error| broken(format_args!("cannot tell the current folder: {error}")))?;
    let line = Line::parse(&args.words).map_err(wrong)?;
    // first what can be wrong with the command, which nobody has to type keys for
    let (source, command, asked) = command(&line).map_err(wrong)?;
    let result =
        args.result.parse().map_err(|why| wrong(format_args!("`--result {}`: {why}", args.result)))?;
    let timeout = args.timeout.as_deref().map(duration).transpose().map_err(wrong)?;
    let shelf = begin::shelf(&args.how.state).map_err(broken)?;
    let groups = line.read(args.null).map_err(wrong)?;
    if line.reads_stdin() && groups.iter().any(|group| group.len() == 0) && !args.how.quiet {
        complain("standard input holds no key; `::: KEY…` gives them behind the command");
    }
    if !args.list {
        keys::refuse_twice(&groups).map_err(wrong)?;
    }
    let curtain = Curtain::of_stderr();
    let also = results(args, &groups, &curtain);
    let (variables, key) = variables(groups, &asked, args.list).map_err(wrong)?;
    let name = TaskName::new(NAME).map_err(broken)?;
    let only =
        Only { name, command, variables, key, list: args.list, result, timeout, retries: args.retries };
    let (manifest, found) = adhoc::manifest(source.clone(), &dir, only);
    open::show(&source, found, args.color);
    let state = shelf.state(&args.words, &dir);
    start(args, manifest.ok_or(Exit::Wrong)?, (shelf, state), curtain, also)
}

fn start(
    args: &MapArgs,
    manifest: Manifest,
    (shelf, state): (Shelf, State),
    curtain: Curtain,
    also: Vec<Box<dyn Reporter>>,
) -> Result<Exit, Exit> {
    let options = options(&args.how, &manifest.settings)?;
    let opened = open::planned(Arc::new(manifest), args.color)?;
    let to = match args.how.output.clone().filter(|file| file != Path::new("-")) {
        Some(file) => To::File(file),
        None if args.ndjson => To::Nowhere,
        None => To::StandardOutput,
    };
    let again = Again::Whole {
        words: "the same command line with `--resume` behind `deco map`",
        log: log(&args.how.state),
    };
    let empty = if args.list { Value::array(Vec::new()) } else { Value::empty_object() };
    let alone = Some((Name::new(NAME).map_err(broken)?, empty));
    shelf.forget_others(&state);
    let stage = Stage { how: &args.how, state, color: args.color, again, curtain, also };
    carry_through(stage, opened, options, Asked { only: None, to, selection: None, alone })
}

/// The command that shows what calls of this run printed, up to `--run`.
fn log(state: &StateArgs) -> String {
    let folder = state.folder().map(|folder| folder.to_string_lossy());
    let folder = folder.map(|folder| format!(" --state-dir {}", shell::quoted(&folder)));
    format!("deco log --map{}", folder.unwrap_or_default())
}

/// The command, as messages show it and as the task runs it, and what it asks for of keys.
fn command(line: &Line) -> Result<(Arc<Source>, Command, Placeholders), String> {
    let numbers: Vec<String> = (0..line.groups()).map(number_variable).collect();
    let mut asked = Placeholders::new(line.sources(), format!("{} + 1", numbers.join(" + ")));
    let text = line.command.join(" ");
    let command = match line.command.as_slice() {
        [text] => Command::Shell(Sourced { value: asked.shell(text)?, place: adhoc::verbatim(0, text) }),
        words => {
            let mut start = 0;
            let words = asked.program(words)?.into_iter().enumerate().map(|(at, value)| {
                let word = words.get(at).map_or("", String::as_str);
                let place = adhoc::verbatim(start.min(text.len()), word);
                start += word.len() + 1;
                Sourced { value, place }
            });
            Command::Program(words.collect())
        }
    };
    Ok((Arc::new(Source { name: "deco map".to_owned(), text }), command, asked))
}

/// Of a group: how many calls come before those of one of its rows.
fn number_variable(group: usize) -> String {
    format!("number{}", group + 1)
}

/// The variables of the task, one for each group of linked sources: its keys, what is asked for of them, and the row's
/// number if that is asked for. And the key of a call, where the variables are not it.
fn variables(
    groups: Vec<Group>,
    asked: &Placeholders,
    list: bool,
) -> Result<(Vec<Variable>, Option<Vec<Expression>>), String> {
    let numbered = asked.numbered || list;
    let mut calls = 1usize;
    let mut strides = vec![1; groups.len()];
    for (at, group) in groups.iter().enumerate().rev() {
        strides[at] = calls;
        calls = calls
            .checked_mul(group.len())
            .filter(|&calls| u32::try_from(calls).is_ok())
            .ok_or("each key of one source with each of the others makes more calls than deco can plan")?;
    }
    let sources = asked.pieces.len();
    let mut pieces = asked.pieces.iter().enumerate();
    let mut variables = Vec::with_capacity(groups.len());
    for (at, group) in groups.into_iter().enumerate() {
        let columns: Vec<_> = group.columns.iter().zip(pieces.by_ref()).collect();
        let stride = numbered.then_some(strides[at]);
        variables.push(variable(at, &columns, stride)?);
    }
    let is_plain = !numbered && asked.pieces.iter().all(|pieces| pieces.len() == 1);
    let keys = (0..sources).map(|source| Piece::Whole.variable(source));
    let key = keys.chain(list.then(|| asked.number.clone()));
    let key = key.map(|text| Expression::parse(&text).map_err(|error| error.message));
    Ok((variables, (!is_plain).then(|| key.collect::<Result<_, _>>()).transpose()?))
}

/// A column of keys, and its source with what is asked for of them.
type Column<'a> = (&'a Vec<Text>, (usize, &'a Vec<Piece>));

fn variable(group: usize, columns: &[Column<'_>], stride: Option<usize>) -> Result<Variable, String> {
    let of_column = |&(_, (source, pieces)): &Column<'_>| {
        pieces.iter().map(move |piece| piece.variable(source)).collect::<Vec<_>>()
    };
    let names = columns.iter().flat_map(of_column).chain(stride.map(|_| number_variable(group)));
    let names = names.map(|name| Name::new(&name)).collect::<Result<Vec<_>, _>>()?;
    let rows = columns.first().map_or(0, |(keys, _)| keys.len());
    let nowhere: Span = 0..0;
    let items = (0..rows).map(|row| {
        let of_key = |&(keys, (_, pieces)): &Column<'_>| {
            pieces.iter().map(move |piece| Value::String(piece.of(&keys[row]))).collect::<Vec<_>>()
        };
        let number = stride.map(|stride| Value::from((row * stride) as i128));
        let mut values: Vec<Value> = columns.iter().flat_map(of_key).chain(number).collect();
        let value = if names.len() == 1 { values.pop().unwrap_or_default() } else { Value::array(values) };
        (value, nowhere.clone())
    });
    let items = Items::Given(items.collect());
    Ok(Variable { names, items, span: nowhere })
}

/// `--ndjson`: what shows each result as it comes.
fn results(args: &MapArgs, groups: &[Group], curtain: &Curtain) -> Vec<Box<dyn Reporter>> {
    if !args.ndjson {
        return Vec::new();
    }
    let columns: Vec<Vec<Vec<Text>>> = match args.list {
        true => groups.iter().map(|group| group.columns.clone()).collect(),
        false => Vec::new(),
    };
    let is_list = args.list;
    let key = move |call: &str, place: &Place| {
        let keys: Vec<Value> = match is_list {
            true => keys_of(&columns, call),
            false => place.keys().cloned().map(Value::String).collect(),
        };
        if keys.len() == 1 { keys.into_iter().next().unwrap_or_default() } else { Value::array(keys) }
    };
    vec![Box::new(Results::new(curtain.before(stdout()), key))]
}

/// The keys of a call of a list, by the number at the end of its address.
fn keys_of(groups: &[Vec<Vec<Text>>], call: &str) -> Vec<Value> {
    let number = call.trim_end_matches(']').rsplit([',', '[']).next().and_then(|text| text.parse().ok());
    let mut rest = number.and_then(|number: usize| number.checked_sub(1)).unwrap_or(0);
    let mut keys = Vec::new();
    for columns in groups.iter().rev() {
        let rows = columns.first().map_or(1, Vec::len).max(1);
        let row = rest % rows;
        rest /= rows;
        keys.extend(columns.iter().rev().filter_map(|column| column.get(row).cloned().map(Value::String)));
    }
    keys.reverse();
    keys
}

/// `30s`, `5m`, or seconds alone, as GNU parallel has them.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let time = seconds.or_else(|| humantime::parse_duration(text).ok());
    time.filter(|time| !time.is_zero()).ok_or_else(|| {
        format!("`--timeout {text}`: no length of time above nothing; for example `30s`, `5m` or `1h 30m`")
    })
}
