//! The manifest's keys, each once: mirrors of its tables that the JSON Schema is derived from and that the reader asks
//! which keys there are. Nothing is ever read into them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value as Json};

/// What the contract has and this version does not: refused by name, never ignored.
pub mod not_yet {
    pub const ROOT: &[&str] = &["documents"];
    pub const TASK: &[&str] = &["call", "worker", "request", "python", "inputs", "outputs", "cache"];
}

/// A deco manifest: tasks that run concurrently, and the documents that they read and fill.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Root {
    /// How the run as a whole goes.
    pub settings: Option<Settings>,
    /// Keys of tasks, for every task that does not give them itself.
    pub defaults: Option<Task>,
    /// Named capacities that calls take from by `uses`.
    pub pools: Option<BTreeMap<String, Pool>>,
    /// Documents given here: a name and a value.
    pub data: Option<Map<String, Json>>,
    /// Documents read from files: a name and a path that ends with .json, .toml, .yaml, .yml, .csv, .tsv, .ndjson or .txt.
    pub load: Option<BTreeMap<String, String>>,
    /// The tasks, by name.
    pub tasks: BTreeMap<String, Task>,
    /// Explicit sync points, by name.
    pub sync: Option<BTreeMap<String, Sync>>,
}

/// How the run as a whole goes.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// What the run is called in messages and reports.
    pub name: Option<String>,
    /// How many calls run at a time: a count, or a share of the CPUs such as "50%".
    pub jobs: Option<Jobs>,
    /// The shell that runs `run = "text"`, as a program and its arguments.
    #[schemars(length(min = 1))]
    pub shell: Option<Vec<String>>,
    /// The file that the answer is written to, instead of standard output.
    pub output: Option<String>,
    /// Which documents the answer holds, or a table of names and expressions.
    pub select: Option<Select>,
    /// Whether calls that do not depend on a failed one still run.
    pub keep_going: Option<bool>,
    /// The time limit of the whole run, such as "1h".
    pub run_timeout: Option<String>,
    /// How long finalizers may take after the first signal; "10s" if absent.
    pub finalizer_timeout: Option<String>,
    /// Names of variables whose values are never written or shown.
    #[schemars(inner(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$")))]
    pub secrets: Option<Vec<String>>,
    /// Variables for the environment of every call.
    pub env: Option<BTreeMap<String, String>>,
    /// A file of variables for the environment of every call; the process's own win.
    pub dotenv: Option<String>,
}

/// A count, or a share of the CPUs such as "50%".
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Jobs {
    Count(#[schemars(range(min = 1))] u32),
    Share(#[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?%$"))] String),
}

/// Names of documents, or names and the expressions that make them.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Select {
    Documents(Vec<String>),
    Expressions(BTreeMap<String, String>),
}

/// A declared piece of work: one call for each binding of its `for` variables.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Task {
    /// What the task is for; shown by `deco list`.
    pub description: Option<String>,
    /// Variables and what they go over: an array, or an expression that gives a list, an object or a number range.
    #[schemars(rename = "for")]
    pub variables: Option<BTreeMap<String, Items>>,
    /// Expressions that name a call where a variable holds an object or a list.
    #[schemars(length(min = 1))]
    pub key: Option<Vec<String>>,
    /// Further bindings, each giving every variable.
    pub include: Option<Vec<Map<String, Json>>>,
    /// Bindings to leave out, by the variables named.
    pub exclude: Option<Vec<Map<String, Json>>>,
    /// An expression that gives a boolean; false: the call is skipped.
    #[schemars(rename = "if")]
    pub condition: Option<String>,
    /// `failure` and `always` make a finalizer: it runs when what it waits for has ended in any way.
    pub when: Option<When>,
    /// Shell text, a program with its arguments, or a script that begins with `#!`.
    pub run: Option<Run>,
    /// How standard output becomes the result.
    pub result: Option<ResultKind>,
    /// Exit codes that are no failure.
    #[schemars(length(min = 1), inner(range(max = 255)))]
    pub ok_exit: Option<Vec<u8>>,
    /// The place that the result fills, a table of places and expressions over `result`, or false.
    pub fills: Option<Fills>,
    /// Documents or places that the call looks at by itself, through `$DECO_DOC_…`.
    pub reads: Option<Vec<String>>,
    /// Documents or places that the call may change: by `deco set` and its like, in `$DECO_DOC_…`, or as arguments.
    pub mutates: Option<Vec<String>>,
    /// What is filled when the call is skipped, or fails with `allow-failure`.
    pub default: Option<Json>,
    /// Tasks, calls or sync points to wait for where no data says so.
    pub after: Option<Vec<String>>,
    /// What the call reads as standard input; a template.
    pub stdin: Option<String>,
    /// Variables for the call's environment; templates.
    pub env: Option<BTreeMap<String, String>>,
    /// The folder that the call runs in; a template.
    pub dir: Option<String>,
    /// The shell that runs `run = "text"`, as a program and its arguments.
    #[schemars(length(min = 1))]
    pub shell: Option<Vec<String>>,
    /// A file of variables for the call's environment; a template.
    pub dotenv: Option<String>,
    /// The time limit of one attempt, such as "10m" or "1h 30m".
    pub timeout: Option<String>,
    /// The time between SIGTERM and SIGKILL when a call is ended.
    pub grace: Option<String>,
    /// How many further attempts a failed call has.
    pub retries: Option<u32>,
    /// The wait before the first retry, such as "1s"; the later ones are longer.
    pub retry_delay: Option<String>,
    /// Exit codes, and "timeout", that are worth a retry; every failure if absent.
    #[schemars(length(min = 1))]
    pub retry_on: Option<Vec<RetryOn>>,
    /// How many slots a call takes: a count, or an expression.
    pub cpus: Option<Cpus>,
    /// What a call takes from pools: a name, and an amount, a size such as "2GiB" or an expression.
    pub uses: Option<BTreeMap<String, Amount>>,
    /// Whether the run goes on, and succeeds, when a call of this task fails.
    pub allow_failure: Option<bool>,
    /// Whether a resumed run takes over the end of a call that had ended; false: it runs in every run.
    pub resume: Option<bool>,
    /// Words to select tasks by.
    pub tags: Option<Vec<String>>,
}

/// An array of items, or an expression.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Items {
    Given(Vec<Json>),
    Expression(String),
}

/// When a task's calls run.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum When {
    Success,
    Failure,
    Always,
}

/// An exit code, or "timeout".
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum RetryOn {
    Code(u8),
    Timeout(#[schemars(extend("const" = "timeout"))] String),
}

/// A count of slots, or an expression.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Cpus {
    Count(#[schemars(range(min = 1))] u64),
    Expression(String),
}

/// An amount: a number, or a size such as "2GiB" or an expression.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Amount {
    Number(u64),
    Text(String),
}

/// A number, or a size such as "2GiB".
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Size {
    Number(#[schemars(range(min = 1))] u64),
    Text(#[schemars(regex(pattern = r"^\s*[0-9]+(\.[0-9]*)?\s*([kKMGTP]?B|[KMGTP]iB)?\s*$"))] String),
}

/// A capacity: a count or size, items by name, or a rate.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Pool {
    Count(Size),
    Indexed(#[schemars(length(min = 1))] Vec<String>),
    Rate(Rate),
}

/// So much in each stretch of time.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// How much may be taken in that time.
    pub amount: Size,
    /// The time, such as "1s".
    pub per: String,
}

/// Text for the shell (or a `#!` script), or a program and its arguments.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Run {
    Text(String),
    Program(#[schemars(length(min = 1))] Vec<String>),
}

/// A format, or a format and where the result is read from.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum ResultKind {
    Format(Format),
    From(ResultFrom),
}

/// How bytes become a value.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
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

/// A format, and the file named by `$DECO_RESULT`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResultFrom {
    /// How the bytes become a value; `text` if absent.
    pub format: Option<Format>,
    /// Where the bytes are: `stdout` (as if absent) or the file named by `$DECO_RESULT`.
    pub from: Option<Origin>,
}

/// Where the bytes of a result are.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Origin {
    Stdout,
    File,
}

/// A place, places with the expressions that fill them, or false.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum Fills {
    Place(String),
    Places(BTreeMap<String, String>),
    Nothing(#[schemars(extend("const" = false))] bool),
}

/// An explicit, named sync point.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sync {
    /// Tasks, calls, sync points or places to wait for.
    #[schemars(length(min = 1))]
    pub waits_for: Vec<String>,
    /// An expression that must give true, else the run fails here.
    pub check: Option<String>,
    /// A file that gets the documents that are waited for.
    pub write: Option<String>,
}

/// The JSON Schema of a manifest.
pub fn schema() -> Json {
    let mut schema = generator().into_root_schema_for::<Root>();
    schema.insert("title".to_owned(), "deco manifest".into());
    schema.to_value()
}

/// The keys of every table, and the words that some take.
pub struct Known {
    pub root: Vec<String>,
    pub settings: Vec<String>,
    pub task: Vec<String>,
    pub result: Vec<String>,
    pub sync: Vec<String>,
    pub rate: Vec<String>,
    pub whens: Vec<String>,
    pub formats: Vec<String>,
    pub origins: Vec<String>,
}

/// What the mirrors say, asked of the schema once.
pub fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| Known {
        root: keys::<Root>(),
        settings: keys::<Settings>(),
        task: keys::<Task>(),
        result: keys::<ResultFrom>(),
        sync: keys::<Sync>(),
        rate: keys::<Rate>(),
        whens: words::<When>(),
        formats: words::<Format>(),
        origins: words::<Origin>(),
    })
}

/// The keys of a mirrored table, in their order.
fn keys<T: JsonSchema>() -> Vec<String> {
    let schema = generator().into_root_schema_for::<T>();
    let properties = schema.get("properties").and_then(Json::as_object);
    properties.into_iter().flat_map(|known| known.keys().cloned()).collect()
}

/// The words of a mirrored enum of words, in their order.
fn words<T: JsonSchema>() -> Vec<String> {
    let schema = generator().into_root_schema_for::<T>();
    let alone = schema.get("enum").and_then(Json::as_array);
    let described = schema.get("oneOf").and_then(Json::as_array).into_iter().flatten();
    let described = described.filter_map(|one| one.get("const"));
    let words = alone.into_iter().flatten().chain(described);
    words.filter_map(Json::as_str).map(str::to_owned).collect()
}

fn generator() -> schemars::SchemaGenerator {
    SchemaSettings::draft07().into_generator()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_and_the_reader_share_the_keys() {
        let task = keys::<Task>();
        for key in ["for", "if", "ok-exit", "allow-failure"] {
            assert!(task.iter().any(|known| known == key), "{key} in {task:?}");
        }
        assert_eq!(keys::<Sync>(), ["waits-for", "check", "write"]);
        assert_eq!(words::<Origin>(), ["stdout", "file"]);
        assert_eq!(words::<Format>().len(), 8);
    }

    #[test]
    fn what_is_not_yet_supported_is_no_key() {
        let tables = [(keys::<Root>(), not_yet::ROOT), (keys::<Task>(), not_yet::TASK)];
        for (known, later) in tables {
            assert!(later.iter().all(|key| !known.iter().any(|known| known == key)));
        }
    }

    #[test]
    fn the_schema_is_closed() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["definitions"]["Task"]["additionalProperties"], false);
    }
}
