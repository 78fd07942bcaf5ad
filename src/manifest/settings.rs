//! `[settings]`: how the run as a whole goes. Files that it names are read here.

use std::path::Path;
use std::time::Duration;

use toml::de::DeValue;

use super::load::{self, FormatError};
use super::raw;
use super::reader::{Entry, Known, Node, Reader, Section, no_name};
use super::{Jobs, Select, Settings, Sourced};
use crate::diagnostic::Diagnostic;
use crate::name::Name;

const FINALIZER_TIMEOUT: Duration = Duration::from_secs(10);

/// What `[settings]` says, and the shell for text that tasks run.
pub struct Read {
    pub settings: Settings,
    pub shell: Vec<Sourced<String>>,
}

/// Reads `[settings]`; absent keys have their defaults.
pub fn read<'a>(reader: &Reader<'a>, node: Option<&'a Node<'a>>, dir: &Path) -> Read {
    let known = Known { table: "`[settings]`", keys: raw::names::<raw::Settings>(), not_yet: &[] };
    let table = node.and_then(|node| reader.known_table(node, &known)).unwrap_or_default();
    let text = |key: &str| table.get(key).and_then(|node| reader.string(node)).map(|text| text.value);
    let settings = Settings {
        name: text("name"),
        jobs: table.get("jobs").and_then(|node| jobs(reader, node)),
        output: text("output").map(|file| dir.join(file)),
        select: table.get("select").and_then(|node| select(reader, node)).unwrap_or(Select::Changed),
        keep_going: table.get("keep-going").and_then(|node| reader.boolean(node)).unwrap_or(false),
        run_timeout: table.get("run-timeout").and_then(|node| reader.duration(node, false)),
        finalizer_timeout: table
            .get("finalizer-timeout")
            .and_then(|node| reader.duration(node, true))
            .unwrap_or(FINALIZER_TIMEOUT),
        secrets: table.get("secrets").map(|node| secrets(reader, node)).unwrap_or_default(),
        env: table.entry("env").map(|entry| env(reader, entry)).unwrap_or_default(),
        dotenv: table.get("dotenv").map(|node| dotenv(reader, node, dir)).unwrap_or_default(),
    };
    Read { settings, shell: shell(reader, &table).unwrap_or_default() }
}

/// The `shell` of `[settings]` or of a task: a program and its arguments, never empty.
pub fn shell<'a>(reader: &Reader<'a>, table: &Section<'a>) -> Option<Vec<Sourced<String>>> {
    let node = table.get("shell")?;
    let words = reader.strings(node)?;
    if words.first().is_none_or(|program| program.value.trim().is_empty()) {
        let diagnostic = Diagnostic::error("`shell` names no program").at(node.span(), "");
        reader.report(diagnostic.help("for example `shell = [\"bash\", \"-euo\", \"pipefail\", \"-c\"]`"));
        return None;
    }
    words.iter().for_each(|word| plain(reader, word, "`shell`"));
    Some(words)
}

fn jobs<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Jobs> {
    let jobs = match node.get_ref() {
        DeValue::Integer(count) => {
            let count = count.to_string().parse().ok();
            count.filter(|count| (1..=MOST_JOBS).contains(count)).map(Jobs::Count)
        }
        DeValue::String(text) => text.parse().ok(),
        _ => return reader.mismatch(node, "a count or a share of the CPUs", "for example `4` or \"50%\""),
    };
    if jobs.is_none() {
        let diagnostic =
            Diagnostic::error(format!("`jobs` is a count from 1 to {MOST_JOBS} or a share of the CPUs"))
                .at(node.span(), "");
        reader.report(diagnostic.help("for example `4` or \"50%\""));
    }
    jobs
}

/// So many calls at a time are more than any machine can run, and still cost little to get ready for.
const MOST_JOBS: usize = 100_000;

impl Jobs {
    /// How many calls at a time that is on a machine with so many CPUs.
    pub fn count(self, cpus: usize) -> usize {
        match self {
            Jobs::Count(count) => count,
            Jobs::Percent(percent) => ((cpus as f64 * percent / 100.0).floor() as usize).clamp(1, MOST_JOBS),
        }
    }
}

/// As the command line and the manifest write it: `4`, `50%`.
impl std::str::FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Jobs, String> {
        let wrong = || format!("`{text}` is neither a count from 1 nor a share of the CPUs such as `50%`");
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let Some(share) = text.strip_suffix('%') else {
            let count = text.parse().ok().filter(|&count| count > 0).ok_or_else(wrong)?;
            return match count {
                1..=MOST_JOBS => Ok(Jobs::Count(count)),
                _ => Err(format!("at most {MOST_JOBS} calls can run at a time")),
            };
        };
        let share = share.parse().ok().filter(|&percent: &f64| digits(share) && percent > 0.0);
        share.map(Jobs::Percent).ok_or_else(wrong)
    }
}

fn select<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Select> {
    let help = "write `[\"results\"]`, or a table such as `{ mean = \"results.mean\" }`";
    match node.get_ref() {
        DeValue::Array(_) => {
            let names = reader.strings(node)?;
            let names = names.into_iter().filter_map(|text| document_name(reader, text));
            Some(Select::Documents(names.collect()))
        }
        DeValue::Table(_) => {
            let entries = reader.table(node, "a table")?.entries;
            let computed = entries
                .iter()
                .filter_map(|entry| Some((entry.name().to_owned(), reader.expression(entry.node)?)));
            Some(Select::Computed(computed.collect()))
        }
        _ => reader.mismatch(node, "an array of documents or a table of expressions", help),
    }
}

fn document_name(reader: &Reader<'_>, text: Sourced<String>) -> Option<Sourced<Name>> {
    match Name::new(&text.value) {
        Ok(value) => Some(Sourced { value, place: text.place }),
        Err(message) => {
            let diagnostic = no_name(message, text.place.span, "a document's name stands here");
            reader.report(
                diagnostic.help("for a part of a document write a table: `{ mean = \"results.mean\" }`"),
            );
            None
        }
    }
}

/// `secrets`: names of variables, never values.
fn secrets<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Vec<Sourced<String>> {
    let names = reader.strings(node).unwrap_or_default();
    for name in &names {
        let mut chars = name.value.chars();
        let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !begins || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let diagnostic = Diagnostic::error("`secrets` lists names of environment variables");
            let diagnostic = diagnostic.at(name.place.span.clone(), "this is no such name");
            reader
                .report(diagnostic.help("write the variable's name, such as \"API_TOKEN\", never its value"));
        }
    }
    names
}

fn env<'a>(reader: &Reader<'a>, entry: Entry<'a>) -> Vec<(String, String)> {
    let table = reader
        .table_or(entry.node, "a table of variables", "write `env = { NAME = \"value\" }`")
        .unwrap_or_default();
    let variables = table.entries.iter().filter_map(|variable| {
        check_variable(reader, *variable);
        let text = reader.string(variable.node)?;
        plain(reader, &text, "the `env` of `[settings]`");
        Some((variable.name().to_owned(), text.value))
    });
    variables.collect()
}

/// Reports a name that no environment can hold.
pub fn check_variable(reader: &Reader<'_>, entry: Entry<'_>) {
    let name = entry.name();
    let span = entry.key.span();
    if name.is_empty() || name.contains(['=', '\0']) {
        let message = format!("`{name}` is no name for an environment variable");
        let help = "a name has at least one character, and no `=`";
        reader.report(Diagnostic::error(message).at(span, "").help(help));
    } else if let DeValue::String(text) = entry.node.get_ref()
        && text.contains('\0')
    {
        let message = "an environment variable cannot hold a NUL character";
        reader.report(Diagnostic::error(message).at(entry.node.span(), ""));
    }
}

/// Reports a template where only plain text can stand.
pub fn plain(reader: &Reader<'_>, text: &Sourced<String>, what: &str) {
    if let Some(at) = text.value.find("${{") {
        let diagnostic = Diagnostic::error(format!("`${{{{ }}}}` cannot stand in {what}"));
        let diagnostic = diagnostic.at(text.place.inner(at..at + 3), "plain text stands here");
        reader.report(diagnostic);
    }
}

fn dotenv<'a>(reader: &Reader<'a>, node: &'a Node<'a>, dir: &Path) -> Vec<(String, String)> {
    let Some(file) = reader.string(node) else { return Vec::new() };
    read_dotenv(&dir.join(&file.value)).unwrap_or_else(|why| {
        let diagnostic = Diagnostic::error(format!("cannot read `{}`: {}", file.value, why.message));
        let help = why.help.unwrap_or_default();
        reader.report(diagnostic.at(node.span(), "").help(help));
        Vec::new()
    })
}

/// The variables of a dotenv file in their order.
pub fn read_dotenv(file: &Path) -> Result<Vec<(String, String)>, FormatError> {
    let text = std::fs::read(file).map_err(|error| load::unreadable(&error))?;
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
    dotenvy::from_read_iter(text).collect::<Result<_, _>>().map_err(|error| dotenv_words(&error, text))
}

/// The line is told by its number: what stands in such a file may be a secret.
fn dotenv_words(error: &dotenvy::Error, text: &[u8]) -> FormatError {
    let message = match error {
        dotenvy::Error::Io(error) => return load::unreadable(error),
        dotenvy::Error::LineParse(line, _) => match line_number(text, line) {
            Some(number) => format!("line {number} is wrong"),
            None => "one of its lines is wrong".to_owned(),
        },
        _ => "it cannot be understood".to_owned(),
    };
    let help = "each line is `NAME=value`, empty, or a comment after `#`".to_owned();
    FormatError { message, help: Some(help) }
}

fn line_number(text: &[u8], wrong: &str) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?;
    let first = wrong.lines().next()?;
    // the parser reports the whole line or the value in it
    text.lines().position(|line| line.contains(first.trim())).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_a_count_or_a_share() {
        let check =
            |text: &str, expected: Option<Jobs>| assert_eq!(text.parse::<Jobs>().ok(), expected, "{text}");
        check("4", Some(Jobs::Count(4)));
        check("100001", None);
        assert_eq!(Jobs::Percent(1e300).count(2), MOST_JOBS);
        check("50%", Some(Jobs::Percent(50.0)));
        check("12.5%", Some(Jobs::Percent(12.5)));
        for wrong in ["0", "-1", "", "%", "0%", "-5%", "inf%", "1e3%", "4.0", "half"] {
            check(wrong, None);
        }
    }
}
