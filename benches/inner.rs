//! The inner parts by themselves, no process started: a manifest read, calls found, joins put in, an answer made.
//! Whole runs against other tools are timed by `compare.py`.

use std::hint::black_box;
use std::path::Path as FilePath;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use deco::change::Change;
use deco::diagnostic::Source;
use deco::finish;
use deco::manifest::{Manifest, check};
use deco::name::Name;
use deco::path::{Path, Segment};
use deco::plan::Plan;
use deco::plan::scope::World;
use deco::store::Store;
use deco::value::{Layout, Value};

const INDEPENDENT: &str = "[tasks.k]\nfor = { i = \"range(100000)\" }\nrun = \"/bin/true\"\n";

const LAYERS: &str = "[tasks.k]\nfor = { l = \"range(100)\", i = \"range(100)\" }\nrun = \"/bin/true\"\n\
    stdin = \"${{ k[l - 1] | default('') }}\"\n";

/// A manifest of many tasks, each with a template and a read of the task before.
fn many_tasks() -> String {
    let task = |i: usize| {
        let before = if i == 0 { "none".to_owned() } else { format!("t{} | length", i - 1) };
        format!(
            "[tasks.t{i}]\nfor = {{ x = \"range(3)\" }}\nrun = \"echo ${{{{ x }}}} ${{{{ {before} }}}}\"\n"
        )
    };
    (0..300).map(task).collect()
}

fn manifest(text: &str) -> Arc<Manifest> {
    let source = Arc::new(Source { name: "bench".to_owned(), text: text.to_owned() });
    let (manifest, found) = check::parse(source, FilePath::new("."), &[]);
    Arc::new(manifest.unwrap_or_else(|| panic!("a benchmark's manifest is wrong: {found:?}")))
}

fn plan(manifest: &Arc<Manifest>) -> Plan {
    let world = Arc::new(World::new(manifest.clone(), Value::Null));
    Plan::build(manifest.clone(), world).unwrap_or_else(|wrong| panic!("a benchmark has no plan: {wrong:?}"))
}

fn parse(bench: &mut Criterion) {
    let text = many_tasks();
    bench.bench_function("parse 300 tasks", |bench| bench.iter(|| manifest(black_box(&text))));
}

fn expand(bench: &mut Criterion) {
    let manifest = manifest(INDEPENDENT);
    assert_eq!(plan(&manifest).call_count(), 100_000);
    bench.bench_function("expand 100,000 calls", |bench| bench.iter(|| plan(black_box(&manifest))));
}

fn joins(bench: &mut Criterion) {
    let manifest = manifest(LAYERS);
    assert!(plan(&manifest).joins.len() >= 99);
    bench.bench_function("join 100 layers of 100", |bench| bench.iter(|| plan(black_box(&manifest))));
}

/// What each call would have left: a text at its key.
fn changes(plan: &Plan) -> Vec<Change> {
    let document: Name = Name::new("k").unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let path = |key: usize| Path {
        document: document.clone(),
        segments: vec![Segment::Key(key.to_string().as_str().into())],
    };
    (0..plan.call_count()).map(|key| Change::set(path(key), Value::from("k"))).collect()
}

fn assemble(bench: &mut Criterion) {
    let plan = plan(&manifest(INDEPENDENT));
    let changes = changes(&plan);
    bench.bench_function("assemble 100,000 results", |bench| {
        bench.iter_batched(|| changes.clone(), |changes| assembled(&plan, changes), BatchSize::LargeInput);
    });
}

fn assembled(plan: &Plan, changes: Vec<Change>) -> Vec<u8> {
    let mut store = Store::new(plan);
    for (call, change) in plan.calls().zip(changes) {
        store.record(plan, call, [change].into(), Vec::new());
    }
    let answer = finish::answer(plan, &store, None);
    let answer = answer.unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let mut text = Vec::new();
    answer.write_to(Layout::Compact, &mut text).unwrap_or_else(|wrong| panic!("{wrong}"));
    text
}

criterion_group! {
    name = inner;
    config = Criterion::default().sample_size(15);
    targets = parse, expand, joins, assemble
}
criterion_main!(inner);
