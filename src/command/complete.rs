//! `deco complete`: what could stand under the cursor of a command line, for the scripts of `deco completions`. Runs nothing,
//! changes nothing, and says nothing of what is wrong: where there is no answer, there is none.

mod calls;
mod line;
mod position;
mod values;

use clap::{Arg, Command, CommandFactory};

use crate::cli::{Cli, CompleteArgs};

use super::{Exit, print};
use line::Line;
use position::{Position, Wanted};

/// Candidates that are given at most.
const MOST: usize = 1_000;

/// One way in which the word under the cursor could go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word, as the program is to get it.
    pub word: String,
    pub about: String,
}

/// What could stand under the cursor.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Words(Vec<Candidate>),
    /// Names of files and folders, which the shell knows best how to complete.
    Files,
    Folders,
}

pub fn run(args: &CompleteArgs) -> Exit {
    let mut out = String::new();
    match &args.line {
        Some(text) => {
            let line = Line::read(text, args.cursor.unwrap_or(usize::MAX));
            let replaced = args.replaced.as_deref().unwrap_or_default();
            let answer = answer(&line.words(), &line.typed(), &line.behind());
            write(&mut out, answer, |candidate| line.reply(replaced, &candidate.word));
        }
        None => {
            let words: Vec<String> =
                args.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            let cursor = args.cursor.unwrap_or(usize::MAX).min(words.len().saturating_sub(1));
            let (before, rest) = words.split_at(cursor);
            let (typed, behind) = rest.split_first().map_or(("", rest), |(typed, behind)| (&**typed, behind));
            write(&mut out, answer(before, typed, behind), |Candidate { word, about }| {
                match about.is_empty() {
                    true => Some(word),
                    false => Some(format!("{word}\t{about}")),
                }
            });
        }
    }
    print(out.as_bytes())
}

/// What kind of answer it is, and then a line for each candidate.
fn write(out: &mut String, answer: Answer, line: impl Fn(Candidate) -> Option<String>) {
    let (kind, words) = match answer {
        Answer::Files => ("files", Vec::new()),
        Answer::Folders => ("folders", Vec::new()),
        Answer::Words(words) => ("words", words),
    };
    let is_line = |candidate: &Candidate| !candidate.word.contains(char::is_control);
    let lines = words.into_iter().filter(is_line).filter_map(line);
    for line in [kind.to_owned()].into_iter().chain(lines) {
        out.push_str(&line);
        out.push('\n');
    }
}

/// What could stand in the place of `typed`, between these words of a command line, the program's name not among them.
fn answer(before: &[String], typed: &str, behind: &[String]) -> Answer {
    let mut deco = Cli::command();
    deco.build();
    let position = Position::behind(&deco, before);
    let mut whole = position.clone();
    [typed].into_iter().chain(behind.iter().map(String::as_str)).for_each(|word| whole.take(word));
    let (before, mut answer) = match position.wanted(typed) {
        Wanted::Nothing => (String::new(), Answer::Words(Vec::new())),
        Wanted::Verb => (String::new(), Answer::Words(verbs(position.command))),
        Wanted::Option => (String::new(), Answer::Words(options(&position, typed))),
        Wanted::Value { of, before } => {
            let typed = typed.strip_prefix(&before).unwrap_or_default();
            (before, values::of(&whole, of, typed))
        }
    };
    if let Answer::Words(candidates) = &mut answer {
        candidates.iter_mut().for_each(|candidate| candidate.word.insert_str(0, &before));
        candidates.retain(|candidate| candidate.word.starts_with(typed));
        candidates.truncate(MOST);
    }
    answer
}

fn verbs(command: &Command) -> Vec<Candidate> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown
        .map(|verb| Candidate { word: verb.get_name().to_owned(), about: first_line(verb.get_about()) })
        .collect()
}

/// The options that are not given yet, or may be again.
fn options(position: &Position<'_>, typed: &str) -> Vec<Candidate> {
    let is_open = |arg: &&Arg| !arg.is_hide_set() && (!position.is_given(arg) || is_repeated(arg));
    let open = position.command.get_arguments().filter(is_open);
    let words = open.flat_map(|arg| {
        let about = first_line(arg.get_help());
        let long = arg.get_long().map(|long| format!("--{long}"));
        let short = arg.get_short().filter(|_| typed == "-").map(|short| format!("-{short}"));
        long.into_iter().chain(short).map(move |word| Candidate { word, about: about.clone() })
    });
    words.collect()
}

fn is_repeated(arg: &Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::Append)
}

fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}
