//! Reports: what people and programs are shown of a run and of a manifest.

pub mod diagnostics;
