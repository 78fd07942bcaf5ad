//! What a manifest says, validated and owned: tasks, documents, sync points, settings, each with its place in the
//! text for messages. Knows nothing of calls: a `for` is still an expression here.

pub mod adhoc;
mod amount;
mod attempts;
mod braces;
mod calls;
pub mod check;
mod data;
mod documents;
mod fills;
pub mod load;
mod names;
pub mod pattern;
mod place;
mod pools;
pub mod raw;
mod reader;
mod run;
pub mod settings;
mod sharing;
mod sync;
mod syntax;
mod target;
mod task;
#[cfg(test)]
mod tests;
mod variables;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::change::Merge;
use crate::diagnostic::{Source, Span};
use crate::expr::{EvalError, Expression, Reference, Scope, Template};
use crate::name::{Name, TaskName};
use crate::path::Segment;
use crate::shell::{Direct, ShellText};
use crate::value::Value;
use pattern::{CallPattern, PartPattern};

/// A whole manifest.
#[derive(Debug)]
pub struct Manifest {
    pub source: Arc<Source>,
    /// The folder that relative paths start from: absolute.
    pub dir: Arc<Path>,
    pub settings: Settings,
    /// In the manifest's order; no two names differ by case alone.
    pub pools: Vec<Pool>,
    /// `[data]` first, then `[load]`, each in the manifest's order.
    pub documents: IndexMap<Name, Document>,
    pub tasks: Vec<Task>,
    pub syncs: Vec<Sync>,
    /// `[documents]`: how a document may be shared by calls that do not wait for each other.
    pub sharing: IndexMap<Name, Sharing>,
}

/// `[documents.NAME]`.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    /// `on-conflict = "last"`: of two changes of a place the later in call order stands.
    pub last_wins: bool,
    /// `merge`: places below the document, [`Segment::Any`] for `*`, and how changes there combine.
    pub merges: Vec<(Vec<Segment>, Merge)>,
}

/// A document that the manifest gives.
#[derive(Clone, Debug)]
pub struct Document {
    pub value: Value,
    /// Its name in the manifest.
    pub span: Span,
}

/// `[settings]`.
#[derive(Debug)]
pub struct Settings {
    pub name: Option<String>,
    pub jobs: Option<Jobs>,
    pub output: Option<PathBuf>,
    pub select: Select,
    pub keep_going: bool,
    /// The time limit of the whole run, more than nothing.
    pub run_timeout: Option<Duration>,
    /// How long finalizers may take after the first signal.
    pub finalizer_timeout: Duration,
    /// Variables of the environment whose values never reach anything that is written or shown.
    pub secrets: Vec<Sourced<String>>,
    /// Later wins: dotenv of settings, the process's own, env of settings.
    pub env: Vec<(String, String)>,
    pub dotenv: Vec<(String, String)>,
}

/// How many slots a run has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jobs {
    Count(usize),
    /// Of the CPUs that this process may use; at least one slot comes of it.
    Percent(f64),
}

/// `[pools]`: a named capacity that calls take from.
#[derive(Clone, Debug)]
pub struct Pool {
    pub name: Name,
    pub kind: PoolKind,
    /// Its name in the manifest.
    pub span: Span,
}

/// What a pool holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// So many pieces, or bytes; at least one.
    Count(u64),
    /// Named items, at least one and all different: `$DECO_POOL_<NAME>` tells a call which it has.
    Indexed(Vec<String>),
    /// So many in each stretch of time, both more than nothing; what was taken is not given back.
    Rate { amount: u64, per: Duration },
}

impl PoolKind {
    /// The most that one call may take.
    pub fn most(&self) -> u64 {
        match self {
            PoolKind::Count(amount) | PoolKind::Rate { amount, .. } => *amount,
            PoolKind::Indexed(items) => items.len() as u64,
        }
    }
}

/// Which documents the answer holds.
#[derive(Debug)]
pub enum Select {
    /// All that tasks change.
    Changed,
    Documents(Vec<Sourced<Name>>),
    /// Names made from expressions over the documents.
    Computed(Vec<(String, Sourced<Expression>)>),
}

/// Something parsed from a string of the manifest, and where that string stands.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    pub value: T,
    pub place: Place,
}

/// Where a string's characters stand in the manifest's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The whole string, quotes included.
    pub span: Span,
    /// For each byte of the string's value, and for its end, the byte of the source; shared. Empty for a text that
    /// deco made: any part of it is the whole span.
    pub offsets: Arc<[u32]>,
}

impl Place {
    /// The source's span of a span inside the string's value.
    pub fn inner(&self, span: Span) -> Span {
        if self.offsets.is_empty() {
            return self.span.clone();
        }
        let at = |index: usize| self.offsets.get(index).map_or(self.span.end, |&offset| offset as usize);
        at(span.start)..at(span.end).max(at(span.start))
    }
}

/// `[tasks.NAME]`.
#[derive(Debug)]
pub struct Task {
    pub name: TaskName,
    /// The name in its table's header.
    pub span: Span,
    pub description: Option<String>,
    pub tags: Vec<String>,
    /// `for`, outermost first.
    pub variables: Vec<Variable>,
    /// `include`: each a whole binding, values in the variables' order.
    pub include: Vec<(Vec<Value>, Span)>,
    /// `exclude`: bindings to leave out, by the names given.
    pub exclude: Vec<Vec<(Name, Value)>>,
    /// `key`: expressions that name a call.
    pub key: Option<Vec<Sourced<Expression>>>,
    /// `if`.
    pub condition: Option<Sourced<Expression>>,
    pub when: When,
    pub run: Run,
    pub stdin: Option<Sourced<Template>>,
    pub env: Vec<(String, Sourced<Template>)>,
    pub dotenv: Option<Sourced<Template>>,
    pub dir: Option<Sourced<Template>>,
    pub result: ResultFormat,
    pub ok_exit: Vec<i32>,
    pub fills: Vec<Fill>,
    pub reads: Vec<Sourced<Reference>>,
    /// Documents, or places in them, that a call may change.
    pub mutates: Vec<Sourced<Reference>>,
    pub default: Option<DefaultValue>,
    pub after: Vec<Sourced<Target>>,
    pub timeout: Option<Duration>,
    pub grace: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// The wait before the first retry; the later ones are longer.
    pub retry_delay: Duration,
    pub retry_on: RetryOn,
    /// Slots that a call takes, as the manifest says: a constant is at least 1.
    pub cpus: Amount,
    pub uses: Vec<Use>,
    pub allow_failure: bool,
    /// Whether a resumed run may take over how a call ended.
    pub resume: bool,
}

/// `when`: a task that is not for success is a finalizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    #[default]
    Success,
    Failure,
    Always,
}

impl Sharing {
    /// The merge rule for a place below the document, and how many segments its pattern has: of a place itself, or for
    /// `union` also of an element or member of it.
    pub fn rule(&self, place: &[Segment]) -> Option<(Merge, usize)> {
        let covers = |pattern: &[Segment], merge: Merge| {
            let long_enough =
                pattern.len() == place.len() || (merge == Merge::Union && pattern.len() + 1 == place.len());
            // `*` is any key: what is appended meets nothing
            let is_key = |segment: &Segment| *segment != Segment::Append;
            let fits = |(wanted, segment): (&Segment, &Segment)| {
                wanted == segment || (*wanted == Segment::Any && is_key(segment))
            };
            long_enough && pattern.iter().zip(place).all(fits)
        };
        let found = self.merges.iter().find(|(pattern, merge)| covers(pattern, *merge));
        found.map(|(pattern, merge)| (*merge, pattern.len()))
    }
}

impl When {
    /// Whether the task waits for others to have ended in any way, and is never blocked.
    pub fn is_finalizer(self) -> bool {
        self != When::Success
    }
}

/// `retry-on`: which failures are worth a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryOn {
    Any,
    /// These exit codes, and whether the time limit is one.
    These {
        codes: Vec<i32>,
        timeout: bool,
    },
}

/// How much of something a call takes, in whole pieces or bytes.
#[derive(Clone, Debug)]
pub enum Amount {
    Constant(u64),
    /// Over the variables, documents and `attempt`; [`Amount::of_value`] says what its value means.
    Expression(Sourced<Expression>),
}

/// One entry of `uses`. A constant is no more than the pool's [`PoolKind::most`].
#[derive(Clone, Debug)]
pub struct Use {
    pub pool: Name,
    pub amount: Amount,
    /// The amount in the manifest.
    pub span: Span,
}

/// One entry of `for`: one name, or several that are bound together.
#[derive(Debug)]
pub struct Variable {
    pub names: Vec<Name>,
    pub items: Items,
    /// The entry in the manifest: its key and value.
    pub span: Span,
}

/// What a variable goes over.
#[derive(Debug)]
pub enum Items {
    /// An array in the manifest, each item with its place.
    Given(Vec<(Value, Span)>),
    Expression(Sourced<Expression>),
}

/// What a call runs.
#[derive(Debug)]
pub enum Run {
    /// Text for a shell: the shell's words, then the text by reference. Also a `#!` script of a shell. `direct`: the same
    /// without the shell.
    Shell { shell: Vec<String>, text: Sourced<Template>, compiled: ShellText, direct: Option<Direct> },
    /// A program and its arguments.
    Program { words: Vec<Sourced<Template>>, span: Span },
    /// A `#!` script for another interpreter: the interpreter's words, and the whole text.
    Script { interpreter: Vec<String>, text: Sourced<Template> },
    /// `call`: a Python function in a process that stays.
    Function {
        /// A file, if it ends with `.py`, or a module.
        origin: String,
        /// A name, which may have dots.
        function: String,
        arguments: Vec<Argument>,
        /// The interpreter.
        python: Option<Sourced<Template>>,
        span: Span,
    },
    /// `worker`: a program that speaks the protocol of workers, and what it is sent for a call.
    Worker { words: Vec<Sourced<Template>>, request: DefaultValue, span: Span },
}

/// An argument of `call`. It is passed by reference where it is a place and nothing else:
/// [`Expression::sole_reference`].
#[derive(Debug)]
pub struct Argument {
    pub name: Option<String>,
    pub value: Sourced<Expression>,
}

impl Run {
    /// What is run, as the manifest says it: for people.
    pub fn text(&self) -> String {
        self.known(None)
    }

    /// As [`Run::text`], with those values in their places that are known.
    pub fn known(&self, scope: Option<&dyn Scope>) -> String {
        let known = |text: &Sourced<Template>| text.value.known(scope);
        match self {
            Run::Shell { text, .. } | Run::Script { text, .. } => known(text),
            Run::Program { words, .. } | Run::Worker { words, .. } => {
                words.iter().map(known).collect::<Vec<_>>().join(" ")
            }
            Run::Function { origin, function, arguments, .. } => {
                let arguments: Vec<&str> = arguments.iter().map(|one| one.value.value.source()).collect();
                format!("{origin}:{function}({})", arguments.join(", "))
            }
        }
    }

    /// Whether a worker makes its calls.
    pub fn is_sent(&self) -> bool {
        matches!(self, Run::Function { .. } | Run::Worker { .. })
    }

    /// The expressions and templates of a call that is sent to a process that stays: arguments; interpreter, program and
    /// request.
    pub fn sent(&self) -> (&[Argument], Vec<&Sourced<Template>>) {
        match self {
            Run::Function { arguments, python, .. } => (arguments, python.iter().collect()),
            Run::Worker { words, request, .. } => (&[], words.iter().chain(request.templates()).collect()),
            Run::Shell { .. } | Run::Program { .. } | Run::Script { .. } => (&[], Vec::new()),
        }
    }
}

/// `result`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultFormat {
    pub format: Format,
    /// Read from the file named by `$DECO_RESULT` instead of standard output.
    pub from_file: bool,
}

/// How bytes become a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    Lines,
    Ndjson,
    Csv,
    Tsv,
    Base64,
    None,
}

/// One place that a call fills.
#[derive(Debug)]
pub struct Fill {
    /// The place's last step is `[]`.
    pub append: bool,
    pub place: Sourced<Reference>,
    /// What is filled; absent: the result.
    pub value: Option<Sourced<Expression>>,
}

/// `default`: a value in which strings may be templates.
#[derive(Debug)]
pub enum DefaultValue {
    Constant(Value),
    Template(Sourced<Template>),
    /// An array, some of whose items are no constants.
    Array(Vec<DefaultValue>),
    /// A table, some of whose values are no constants.
    Object(Vec<(String, DefaultValue)>),
}

impl DefaultValue {
    /// The templates, in the order of the text.
    pub fn templates(&self) -> Vec<&Sourced<Template>> {
        match self {
            DefaultValue::Constant(_) => Vec::new(),
            DefaultValue::Template(template) => vec![template],
            DefaultValue::Array(items) => items.iter().flat_map(DefaultValue::templates).collect(),
            DefaultValue::Object(entries) => {
                entries.iter().flat_map(|(_, value)| value.templates()).collect()
            }
        }
    }

    /// The value; a string that is exactly one `${{ }}` gives the native value.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match self {
            DefaultValue::Constant(value) => Ok(value.clone()),
            DefaultValue::Template(template) => template.value.native(scope),
            DefaultValue::Array(items) => {
                let items: Result<_, _> = items.iter().map(|item| item.eval(scope)).collect();
                items.map(Value::array)
            }
            DefaultValue::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((key.as_str(), value.eval(scope)?)));
                entries.collect::<Result<Vec<_>, _>>().map(Value::object)
            }
        }
    }
}

/// What `after` and `waits-for` may name. Texts inside a call's brackets may be templates.
#[derive(Debug)]
pub enum Target {
    /// A task, all its calls.
    Task(TaskName),
    /// All calls of several tasks: a glob of names or tags as written, and those that it matches, at least one.
    Tasks(String, Vec<TaskName>),
    /// One call by its key's texts; each a template over the waiting call's variables.
    Call(TaskName, Vec<Template>),
    /// Calls by some parts of their keys, or by globs: the patterns of the tasks that it may name, at least one.
    Calls(Vec<CallPattern>),
    /// Calls with this tag.
    Tag(String),
    Sync(TaskName),
    /// The calls that fill a place.
    Place(Reference),
}

impl Target {
    /// The templates in a call's brackets.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Target::Call(_, parts) => parts.iter().collect(),
            // each task's pattern has the same templates
            Target::Calls(patterns) => {
                let parts = patterns.iter().take(1).flat_map(|pattern| &pattern.parts);
                parts.map(|(_, part)| PartPattern::template(part)).collect()
            }
            Target::Task(_) | Target::Tasks(..) | Target::Tag(_) | Target::Sync(_) | Target::Place(_) => {
                Vec::new()
            }
        }
    }
}

/// `[sync.NAME]`.
#[derive(Debug)]
pub struct Sync {
    pub name: TaskName,
    pub span: Span,
    pub waits_for: Vec<Sourced<Target>>,
    pub check: Option<Sourced<Expression>>,
    pub write: Option<PathBuf>,
}

impl Task {
    /// The variables' names in order, each once.
    pub fn variable_names(&self) -> impl Iterator<Item = &Name> {
        self.variables.iter().flat_map(|variable| &variable.names)
    }

    /// The documents that its calls fill or mutate, in the order of the text; some more than once.
    pub fn changed_documents(&self) -> impl Iterator<Item = Name> {
        let filled = self.fills.iter().map(|fill| &fill.place.value);
        let mutated = self.mutates.iter().map(|place| &place.value);
        filled.chain(mutated).filter_map(|place| place.document.clone().ok())
    }

    /// Whether its calls may change something in the document.
    pub fn changes(&self, document: &str) -> bool {
        self.changed_documents().any(|name| name.as_str() == document)
    }

    /// Whether its calls mutate the document, or a place in it.
    pub fn mutates(&self, document: &str) -> bool {
        self.mutates.iter().any(|place| *place.value.root == *document)
    }

    /// Whether standard output is read as the result. Where nothing is filled, only a form that can be wrong is.
    pub fn reads_stdout(&self) -> bool {
        let ResultFormat { format, from_file } = &self.result;
        let is_for_nothing =
            self.fills.is_empty() && matches!(format, Format::Text | Format::Lines | Format::Base64);
        !from_file && *format != Format::None && !is_for_nothing && !self.run.is_sent()
    }

    /// What an attempt takes: slots, then from pools.
    pub fn amounts(&self) -> impl Iterator<Item = &Amount> {
        std::iter::once(&self.cpus).chain(self.uses.iter().map(|wanted| &wanted.amount))
    }
}
