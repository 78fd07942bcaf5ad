//! `deco.toml.example` is what it says: a manifest as it stands, one with every commented key, and complete.

use std::sync::Arc;

use deco::diagnostic::{Diagnostics, Source};
use deco::manifest::{Manifest, check, raw};
use deco::report::diagnostics::{Look, draw};

const EXAMPLE: &str = include_str!("../deco.toml.example");

/// The example with the `#` of `#key = …` taken away; `# prose` stays.
fn uncommented() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(code) if !code.starts_with([' ', '!']) => code,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn parse(text: String) -> Manifest {
    let folder = tempfile::tempdir().unwrap();
    let files = [("samples.json", "{}"), ("rows.csv", "id\n1\n"), ("settings.env", "A=1\n")];
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let source = Arc::new(Source { name: "deco.toml.example".to_owned(), text });
    let (manifest, list) = check::parse(source.clone(), folder.path(), &[]);
    let drawn = draw(&Diagnostics { source, list }, Look::Plain);
    assert!(drawn.is_empty(), "{drawn}");
    manifest.unwrap()
}

#[test]
fn it_is_a_manifest_as_it_stands() {
    assert_eq!(parse(EXAMPLE.to_owned()).tasks.len(), 5);
}

#[test]
fn every_commented_key_is_accepted() {
    let manifest = parse(uncommented());
    assert_eq!(manifest.tasks.len(), 9);
    assert_eq!(manifest.sharing.len(), 1);
    assert_eq!(manifest.pools.len(), 4);
    assert_eq!(manifest.documents.len(), 4);
}

#[test]
fn no_key_is_left_out() {
    let table: toml::Table = uncommented().parse().unwrap();
    let whole = toml::Value::Table(table);
    let tables = |path: &[&str]| -> Vec<toml::Table> {
        let at = path.iter().try_fold(&whole, |value, key| value.get(key));
        vec![at.and_then(toml::Value::as_table).unwrap().clone()]
    };
    let tasks: Vec<toml::Table> =
        whole["tasks"].as_table().unwrap().values().map(|task| task.as_table().unwrap().clone()).collect();
    let cases = [
        ("", raw::names::<raw::Root>(), tables(&[])),
        ("settings", raw::names::<raw::Settings>(), tables(&["settings"])),
        ("tasks", raw::names::<raw::Task>(), tasks),
        ("documents", raw::names::<raw::Document>(), tables(&["documents", "tally"])),
        ("sync", raw::names::<raw::Sync>(), tables(&["sync", "day"])),
        ("rate", raw::names::<raw::Rate>(), tables(&["pools", "api"])),
    ];
    for (name, keys, tables) in cases {
        let missing: Vec<&&str> =
            keys.iter().filter(|key| tables.iter().all(|table| !table.contains_key(**key))).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}
