//! The manifest's keys, each once: mirrors of its tables that the JSON Schema is derived from and that the reader asks
//! which keys there are. Nothing is ever read into them.

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value as Json};

/// What the contract has and this version does not: refused by name, never ignored.
pub mod not_yet {
    pub const ROOT: &[&str] = &[];
    pub const TASK: &[&str] = &["inputs", "outputs", "cache"];
}

/// A deco manifest: tasks that run concurrently, and the documents that they read and fill.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
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
    /// How documents may be shared by calls that do not wait for each other, by name.
    pub documents: Option<BTreeMap<String, Document>>,
    /// The tasks, by name.
    pub tasks: BTreeMap<String, Task>,
    /// Explicit sync points, by name.
    pub sync: Option<BTreeMap<String, Sync>>,
}

/// How the run as a whole goes.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
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
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Jobs {
    Count(#[schemars(range(min = 1))] u32),
    Share(#[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?%$"))] String),
}

/// Names of documents, or names and the expressions that make them.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Select {
    Documents(Vec<String>),
    Expressions(BTreeMap<String, String>),
}

/// A declared piece of work: one call for each binding of its `for` variables.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Task {
    /// What the task is for; shown by `deco list`.
    pub description: Option<String>,
    /// Variables and what they go over: an array, or an expression that gives a list, an object or a number range.
    #[serde(rename = "for")]
    pub variables: Option<BTreeMap<String, Items>>,
    /// Expressions that name a call where a variable holds an object or a list.
    #[schemars(length(min = 1))]
    pub key: Option<Vec<String>>,
    /// Further bindings, each giving every variable.
    pub include: Option<Vec<Map<String, Json>>>,
    /// Bindings to leave out, by the variables named.
    pub exclude: Option<Vec<Map<String, Json>>>,
    /// An expression that gives a boolean; false: the call is skipped.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    /// `failure` and `always` make a finalizer: it runs when what it waits for has ended in any way.
    pub when: Option<When>,
    /// Shell text, a program with its arguments, or a script that begins with `#!`.
    pub run: Option<Run>,
    /// A Python function with its arguments, called in a process that stays: `file.py:function(a, b=c)` or
    /// `package.module:function(a)`.
    pub call: Option<String>,
    /// The interpreter for `call`; a template.
    pub python: Option<String>,
    /// A program that stays and speaks the protocol of workers, with its arguments; templates.
    #[schemars(length(min = 1))]
    pub worker: Option<Vec<String>>,
    /// What the worker is sent for a call: any value, in which strings are templates.
    pub request: Option<Json>,
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
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Items {
    Given(Vec<Json>),
    Expression(String),
}

/// When a task's calls run.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    Success,
    Failure,
    Always,
}

/// An exit code, or "timeout".
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum RetryOn {
    Code(u8),
    Timeout(#[schemars(extend("const" = "timeout"))] String),
}

/// A count of slots, or an expression.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Cpus {
    Count(#[schemars(range(min = 1))] u64),
    Expression(String),
}

/// An amount: a number, or a size such as "2GiB" or an expression.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    Number(u64),
    Text(String),
}

/// A number, or a size such as "2GiB".
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Size {
    Number(#[schemars(range(min = 1))] u64),
    Text(#[schemars(regex(pattern = r"^\s*[0-9]+(\.[0-9]*)?\s*([kKMGTP]?B|[KMGTP]iB)?\s*$"))] String),
}

/// A capacity: a count or size, items by name, or a rate.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Pool {
    Count(Size),
    Indexed(#[schemars(length(min = 1))] Vec<String>),
    Rate(Rate),
}

/// So much in each stretch of time.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// How much may be taken in that time.
    pub amount: Size,
    /// The time, such as "1s".
    pub per: String,
}

/// Text for the shell (or a `#!` script), or a program and its arguments.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Run {
    Text(String),
    Program(#[schemars(length(min = 1))] Vec<String>),
}

/// A format, or a format and where the result is read from.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum ResultKind {
    Format(Format),
    From(ResultFrom),
}

/// How bytes become a value.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResultFrom {
    /// How the bytes become a value; `text` if absent.
    pub format: Option<Format>,
    /// Where the bytes are: `stdout` (as if absent) or the file named by `$DECO_RESULT`.
    pub from: Option<Origin>,
}

/// Where the bytes of a result are.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Stdout,
    File,
}

/// A place, places with the expressions that fill them, or false.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Fills {
    Place(String),
    Places(BTreeMap<String, String>),
    Nothing(#[schemars(extend("const" = false))] bool),
}

/// How a document may be shared.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    /// What is done where two calls change one place and neither waits for the other: `last` takes the later in call order.
    pub on_conflict: Option<OnConflict>,
    /// How such changes combine: a rule for the document itself, or places in it (`*` for any key) and their rules.
    pub merge: Option<Merge>,
}

/// What is done with changes in conflict.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    Last,
}

/// A rule, or places and rules.
#[derive(JsonSchema, Deserialize)]
#[serde(untagged)]
pub enum Merge {
    Whole(Rule),
    Places(BTreeMap<String, Rule>),
}

/// How changes combine.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    Sum,
    Min,
    Max,
    Union,
}

/// An explicit, named sync point.
#[derive(JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
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
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Root>();
    schema.insert("title".to_owned(), "deco manifest".into());
    schema.to_value()
}

/// The names by which a mirror would be read, in their order: the keys of a table, or the words of an enum of words.
pub fn names<T: Deserialize<'static>>() -> &'static [&'static str] {
    let mut names = &[][..];
    // it always fails: nothing is read
    let _ = T::deserialize(Asked(&mut names));
    names
}

/// Takes what it is asked for, and gives nothing.
struct Asked<'n>(&'n mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("there is nothing to read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = keys;
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = words;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_and_the_reader_share_the_keys() {
        let task = names::<Task>();
        for key in ["for", "if", "ok-exit", "allow-failure"] {
            assert!(task.contains(&key), "{key} in {task:?}");
        }
        let schema = schema();
        let keys =
            |table: &Json| table["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&schema), names::<Root>());
        assert_eq!(keys(&schema["definitions"]["Task"]), task);
        assert_eq!(names::<Sync>(), ["waits-for", "check", "write"]);
        assert_eq!(names::<Origin>(), ["stdout", "file"]);
        assert_eq!(names::<Format>().len(), 8);
    }

    #[test]
    fn what_is_not_yet_supported_is_no_key() {
        let tables = [(names::<Root>(), not_yet::ROOT), (names::<Task>(), not_yet::TASK)];
        for (known, later) in tables {
            assert!(later.iter().all(|key| !known.contains(key)));
        }
    }

    #[test]
    fn the_schema_is_closed() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["definitions"]["Task"]["additionalProperties"], false);
    }
}
