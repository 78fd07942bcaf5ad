//! One task's table, with what `[defaults]` gives where the task says nothing. Names are looked up later, when all of
//! them are known.

use std::time::Duration;

use toml::de::DeValue;

use super::reader::{Entry, Known, Node, Reader, Section};
use super::{Amount, Format, ResultFormat, RetryOn, Run, Sourced, Task};
use super::{attempts, calls, fills, raw, run, settings, variables};
use crate::diagnostic::{Diagnostic, Span};
use crate::expr::{Reference, Template};
use crate::name::TaskName;

const GRACE: Duration = Duration::from_secs(5);
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A task of which the `after` is still text.
pub struct Draft {
    pub task: Task,
    pub after: Vec<Sourced<String>>,
    /// Whether anything says what the task runs, right or wrong.
    pub runs: bool,
}

/// A task's keys, those of `[defaults]` included.
struct Fields<'a> {
    own: Section<'a>,
    defaults: &'a Section<'a>,
}

impl<'a> Fields<'a> {
    fn entry(&self, key: &str) -> Option<Entry<'a>> {
        self.own.entry(key).or_else(|| self.defaults.entry(key))
    }

    fn get(&self, key: &str) -> Option<&'a Node<'a>> {
        self.entry(key).map(|entry| entry.node)
    }

    /// What says what the task runs: its own key before one of `[defaults]`.
    fn way(&self) -> Option<Entry<'a>> {
        let found = |section: &Section<'a>| WAYS.iter().find_map(|key| section.entry(key));
        found(&self.own).or_else(|| found(self.defaults))
    }
}

/// The table of a task or of `[defaults]`, with its keys checked.
pub fn table<'a>(reader: &Reader<'a>, node: &'a Node<'a>, called: &'static str) -> Option<Section<'a>> {
    if let (DeValue::String(_), "a task") = (node.get_ref(), called) {
        return reader.mismatch(node, "a table", "write `{ run = \"…\" }`");
    }
    reader.known_table(node, &known(called))
}

fn known(called: &'static str) -> Known {
    Known { table: called, keys: raw::names::<raw::Task>(), not_yet: raw::not_yet::TASK }
}

/// Reads a task; `shell` is that of `[settings]`.
pub fn read<'a>(
    reader: &Reader<'a>,
    name: &TaskName,
    span: &Span,
    own: Section<'a>,
    defaults: &'a Section<'a>,
    shell: &[Sourced<String>],
) -> Draft {
    let fields = Fields { own, defaults };
    let variables = fields.get("for").map(|node| variables::variables(reader, node)).unwrap_or_default();
    let bound = fields.get("for").is_none() || !variables.is_empty();
    let key = fields.get("key").and_then(|node| variables::key(reader, node));
    let include = fields.get("include").filter(|_| bound);
    let exclude = fields.get("exclude").filter(|_| bound);
    let fills = match fields.get("fills") {
        Some(node) => fills::fills(reader, node),
        // its changes are what comes of it
        None if fields.get("mutates").is_some() => Vec::new(),
        None => fills::default_fills(reader, name, span, &variables, key.as_ref().map(Vec::len)),
    };
    let task = Task {
        description: text(reader, &fields, "description"),
        tags: tags(reader, &fields),
        include: include.map(|node| variables::include(reader, node, &variables)).unwrap_or_default(),
        exclude: exclude.map(|node| variables::exclude(reader, node, &variables)).unwrap_or_default(),
        condition: fields.get("if").and_then(|node| reader.expression(node)),
        when: fields.get("when").and_then(|node| attempts::when(reader, node)).unwrap_or_default(),
        run: what_runs(reader, &fields, shell),
        stdin: template(reader, &fields, "stdin"),
        env: env(reader, &fields),
        dotenv: template(reader, &fields, "dotenv"),
        dir: template(reader, &fields, "dir"),
        result: fields.get("result").and_then(|node| fills::result(reader, node)).unwrap_or(TEXT),
        ok_exit: fields
            .get("ok-exit")
            .and_then(|node| fills::ok_exit(reader, node))
            .unwrap_or_else(|| vec![0]),
        reads: fields.get("reads").map(|node| fills::places(reader, node)).unwrap_or_default(),
        mutates: fields.get("mutates").map(|node| fills::mutates(reader, node)).unwrap_or_default(),
        default: fields.get("default").and_then(|node| fills::default_value(reader, node)),
        after: Vec::new(),
        timeout: fields.get("timeout").and_then(|node| reader.duration(node, false)),
        grace: fields.get("grace").and_then(|node| reader.duration(node, true)).unwrap_or(GRACE),
        retries: fields.get("retries").and_then(|node| attempts::retries(reader, node)).unwrap_or(0),
        retry_delay: fields
            .get("retry-delay")
            .and_then(|node| reader.duration(node, true))
            .unwrap_or(RETRY_DELAY),
        retry_on: fields
            .get("retry-on")
            .and_then(|node| attempts::retry_on(reader, node))
            .unwrap_or(RetryOn::Any),
        cpus: fields.get("cpus").and_then(|node| attempts::cpus(reader, node)).unwrap_or(Amount::Constant(1)),
        uses: fields.get("uses").and_then(|node| attempts::uses(reader, node)).unwrap_or_default(),
        allow_failure: fields.get("allow-failure").and_then(|node| reader.boolean(node)).unwrap_or(false),
        resume: fields.get("resume").and_then(|node| reader.boolean(node)).unwrap_or(true),
        name: name.clone(),
        span: span.clone(),
        variables,
        key,
        fills,
    };
    check_retries(reader, &fields);
    check_ways(reader, &fields);
    check_files(reader, &task);
    let after = fields.get("after").and_then(|node| reader.strings(node)).unwrap_or_default();
    let runs = WAYS.iter().any(|key| fields.get(key).is_some());
    Draft { task, after, runs }
}

/// The keys that say what a task runs.
const WAYS: [&str; 3] = ["run", "call", "worker"];

const TEXT: ResultFormat = ResultFormat { format: Format::Text, from_file: false };

fn text(reader: &Reader<'_>, fields: &Fields<'_>, key: &str) -> Option<String> {
    fields.get(key).and_then(|node| reader.string(node)).map(|text| text.value)
}

fn template(reader: &Reader<'_>, fields: &Fields<'_>, key: &str) -> Option<Sourced<Template>> {
    fields.get(key).and_then(|node| reader.template(node))
}

fn tags(reader: &Reader<'_>, fields: &Fields<'_>) -> Vec<String> {
    let texts = fields.get("tags").and_then(|node| reader.strings(node)).unwrap_or_default();
    for text in &texts {
        if text.value.is_empty() || text.value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            let diagnostic = Diagnostic::error(format!("`{}` is no tag", text.value));
            reader.report(diagnostic.at(text.place.span.clone(), "").help("a tag is one word"));
        }
    }
    texts.into_iter().map(|text| text.value).collect()
}

/// The variables of `[defaults]`, then the task's own: those of one name stand once, as the task gives them.
fn env<'a>(reader: &Reader<'a>, fields: &Fields<'a>) -> Vec<(String, Sourced<Template>)> {
    let table = |section: &Section<'a>| {
        section.get("env").and_then(|node| {
            reader.table_or(node, "a table of variables", "write `env = { NAME = \"value\" }`")
        })
    };
    let own = table(&fields.own).unwrap_or_default();
    let mut entries = table(fields.defaults).unwrap_or_default().entries;
    entries.retain(|entry| own.get(entry.name()).is_none());
    entries.extend(own.entries);
    let variables = entries.into_iter().filter_map(|entry| {
        settings::check_variable(reader, entry);
        Some((entry.name().to_owned(), reader.template(entry.node)?))
    });
    variables.collect()
}

/// What the task runs, else what `[defaults]` says; an empty program stands where there is an error.
fn what_runs(reader: &Reader<'_>, fields: &Fields<'_>, shell: &[Sourced<String>]) -> Run {
    let own = settings::shell(reader, &fields.own).or_else(|| settings::shell(reader, fields.defaults));
    let shell = own.as_deref().unwrap_or(shell);
    let run = fields.way().and_then(|entry| match entry.name() {
        "call" => calls::function(reader, entry.node, template(reader, fields, "python")),
        "worker" => calls::worker(reader, entry.node, fields.get("request")),
        _ => run::run(reader, entry.node, shell),
    });
    run.unwrap_or(Run::Program { words: Vec::new(), span: 0..0 })
}

/// Reports keys that mean nothing beside the way in which the task runs.
fn check_ways(reader: &Reader<'_>, fields: &Fields<'_>) {
    let Some(way) = fields.way() else { return };
    let (useless, why): (&[&str], &str) = match way.name() {
        "call" => (
            &["result", "stdin", "shell", "request"],
            "the function takes its arguments, and what it returns is the result",
        ),
        "worker" => (
            &["result", "stdin", "shell", "python"],
            "the worker is sent its `request`, and what it answers is the result",
        ),
        _ => (&["python", "request"], "`python` goes with `call`, `request` with `worker`"),
    };
    for entry in useless.iter().filter_map(|key| fields.own.entry(key)) {
        let message = format!("`{}` means nothing beside `{}`", entry.name(), way.name());
        let diagnostic = Diagnostic::error(message).at(entry.key.span(), "take it out");
        reader.report(diagnostic.at(way.key.span(), "this is what runs").help(why));
    }
}

/// Reports two documents whose files would have one name.
fn check_files(reader: &Reader<'_>, task: &Task) {
    let places: Vec<_> = task.mutates.iter().chain(&task.reads).collect();
    for (at, place) in places.iter().enumerate() {
        let same = |other: &&&Sourced<Reference>| {
            other.value.root != place.value.root && other.value.root.eq_ignore_ascii_case(&place.value.root)
        };
        if let Some(other) = places[..at].iter().find(same) {
            let (one, two) = (&other.value.root, &place.value.root);
            let diagnostic = Diagnostic::error(format!("documents `{one}` and `{two}` differ by case alone"))
                .at(place.place.span.clone(), "this document")
                .at(other.place.span.clone(), "the other");
            reader.report(
                diagnostic.help(format!("rename one: both would be `$DECO_DOC_{}`", two.to_uppercase())),
            );
        }
    }
}

/// Warns of a task that says how it is retried, and is not.
fn check_retries(reader: &Reader<'_>, fields: &Fields<'_>) {
    if fields.get("retries").is_some() {
        return;
    }
    for key in ["retry-delay", "retry-on"] {
        if let Some(entry) = fields.own.entry(key) {
            let diagnostic = Diagnostic::warning(format!("`{key}` does nothing without `retries`"));
            reader.report(diagnostic.at(entry.key.span(), "").help("add `retries = 3`, or take this out"));
        }
    }
}

/// Whether a key that there is not stands for one that says what runs: that is reported already.
fn is_meant_to_run(key: &str) -> bool {
    let known = known("a task");
    !known.keys.contains(&key) && known.meant(key).is_some_and(|meant| WAYS.contains(&meant))
}

/// Reports a task that says nothing about what it runs, or more than one thing.
pub fn check_runs(reader: &Reader<'_>, draft: &Draft, own: &Section<'_>) {
    let ways: Vec<&Entry<'_>> = own.entries.iter().filter(|entry| WAYS.contains(&entry.name())).collect();
    if let [first, second, ..] = ways.as_slice() {
        let message =
            format!("task `{}` has both `{}` and `{}`", draft.task.name, first.name(), second.name());
        let diagnostic = Diagnostic::error(message).at(second.key.span(), "a task has one of them");
        reader.report(diagnostic.at(first.key.span(), "the other"));
    } else if !draft.runs && !own.entries.iter().any(|entry| is_meant_to_run(entry.name())) {
        let message = format!("task `{}` runs nothing", draft.task.name);
        let diagnostic = Diagnostic::error(message).at(draft.task.span.clone(), "this task has no `run`");
        reader.report(diagnostic.help("add `run = \"command\"` or `run = [\"program\", \"argument\"]`"));
    }
}
