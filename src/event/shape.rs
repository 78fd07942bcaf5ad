//! The plan as a whole, small however many calls it has: tasks with their number of calls, joins that gather from and feed the
//! same tasks as one. Plain data; `plan/shape.rs` makes it, reports draw it.

use schemars::JsonSchema;
use serde::Serialize;

/// What a run is made of. Sync points are named `sync.NAME` among those that wait and are waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Shape {
    pub tasks: Vec<TaskShape>,
    pub joins: Vec<JoinShape>,
    /// Who waits for whom without a join between.
    pub edges: Vec<EdgeShape>,
}

/// A task of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaskShape {
    pub task: String,
    /// Names of the key's parts.
    pub variables: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What it runs, as the manifest says it; the beginning if that is long.
    pub runs: String,
    /// The line of the manifest on which it begins, from 1.
    pub line: usize,
    /// Absent while they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<usize>,
}

/// Joins that gather from the same tasks and feed the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JoinShape {
    /// Of the first.
    pub join: String,
    /// How many.
    pub joins: usize,
    pub gathers: Vec<String>,
    /// How many ends they wait for, all together.
    pub calls: usize,
    pub feeds: Vec<String>,
}

/// Who waits for whom, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EdgeShape {
    pub from: String,
    pub to: String,
    pub edges: usize,
}
