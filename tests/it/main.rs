//! Tests of the program as a user meets it: each makes a folder with a manifest, runs `deco` there and looks at what
//! came out. One binary, one file a topic.

mod answer;
mod completions;
mod direct;
mod durations;
mod environment;
mod examples;
mod failures;
mod init;
mod interrupt;
mod mutations;
mod law;
mod law_mutations;
mod limits;
mod logs;
mod man;
mod map;
mod outputs;
mod past;
mod orphans;
mod python;
mod python_documents;
mod python_table;
mod workers;
mod results;
mod resume;
mod sandbox;
mod scheduling;
mod screen;
mod selection;
mod state;
mod window;
mod growing;
mod finalizers;
mod retries;
mod pools;
