//! deco: a job-graph runner. Concurrent tasks and the keyed outputs that they fill, declared in a manifest,
//! become a plan of calls and joins, run as processes in parallel, answered as one JSON document.
//!
//! The modules stand on floors; a file imports only files above it in this list.

// floor 0: words; no input or output
pub mod spread;
pub mod value;
pub mod mask;
pub mod name;
pub mod path;
pub mod outcome;
pub mod change;
pub mod event;
pub mod diagnostic;
pub mod fault;

// floor 1: text in
pub mod expr;
pub mod shell;
pub mod manifest;

// floor 2: the graph
pub mod plan;

// floor 3: four siblings
pub mod schedule;
pub mod store;
pub mod exec;
pub mod state;
pub mod report;

// floor 4: where they meet
pub mod scribe;
pub mod prepare;
pub mod harvest;
pub mod interrupt;
pub mod output;
pub mod finish;
pub mod run;

// floor 5: the outside
pub mod cli;
pub mod command;
