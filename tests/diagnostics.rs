//! Golden files: each `tests/diagnostics/CLASS-NAME.toml` is a wrong manifest, the `.stderr` beside it what deco says.
//! `DECO_BLESS=1 cargo test --test diagnostics` writes what it says now.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deco::diagnostic::{Diagnostics, Severity, Source};
use deco::manifest::check;
use deco::plan::Plan;
use deco::plan::scope::World;
use deco::report::diagnostics::{Look, draw};
use deco::value::Value;

/// The classes that each have at least three files.
const CLASSES: &[&str] = &[
    "key",
    "type",
    "name",
    "path",
    "expression",
    "cycle",
    "conflict",
    "shell",
    "for",
    "duplicate",
    "file",
    "toml",
    "pool",
    "retry",
    "finalizer",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn manifests() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|file| file.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}

fn class(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap().split('-').next().unwrap()
}

/// What deco says of a manifest.
fn said(file: &Path) -> String {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let source = Arc::new(Source { name, text: fs::read_to_string(file).unwrap() });
    let (manifest, mut list) = check::parse(source.clone(), &folder(), &[]);
    let has_errors = list.iter().any(|one| one.severity == Severity::Error);
    assert_eq!(manifest.is_none(), has_errors, "{}", file.display());
    if let Some(manifest) = manifest.map(Arc::new) {
        let world = World::new(manifest.clone(), Value::empty_object());
        list.extend(Plan::build(manifest, Arc::new(world)).err().into_iter().flatten());
    }
    draw(&Diagnostics { source, list }, Look::Plain)
}

#[test]
fn wrong_manifests_are_explained() {
    let bless = std::env::var_os("DECO_BLESS").is_some();
    let mut differing = Vec::new();
    for file in manifests() {
        let golden = file.with_extension("stderr");
        let said = said(&file);
        if said.is_empty() {
            differing.push(format!("{}: nothing is wrong", file.display()));
            continue;
        }
        if bless {
            fs::write(&golden, said).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != said {
            differing.push(format!("{}\n{said}", file.display()));
        }
    }
    assert!(
        differing.is_empty(),
        "these are explained in other words than their .stderr:\n{}",
        differing.join("\n")
    );
}

#[test]
fn every_class_has_three_files() {
    let files = manifests();
    for wanted in CLASSES {
        let count = files.iter().filter(|file| class(file) == *wanted).count();
        assert!(count >= 3, "{wanted}: {count}");
    }
}
