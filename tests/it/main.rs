//! Tests of the program as a user meets it: each makes a folder with a manifest, runs `deco` there and looks at what
//! came out. One binary, one file a topic.

mod law;
mod sandbox;
