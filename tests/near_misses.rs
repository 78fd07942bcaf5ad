//! No manifest panics the parser: arbitrary bytes, and manifests that are nearly right.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use deco::diagnostic::{Diagnostics, Source};
use deco::manifest::check;
use deco::report::diagnostics::{Look, draw};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Parses and draws; gives back how many diagnostics there are.
fn survives(text: String) -> usize {
    let source = Arc::new(Source { name: "deco.toml".to_owned(), text });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let (manifest, list) = check::parse(source.clone(), &folder, &[]);
    let starts: Vec<usize> =
        list.iter().map(|one| one.labels.first().map_or(0, |label| label.span.start)).collect();
    assert!(starts.is_sorted(), "not in the order of the places: {starts:?}");
    let count = list.len();
    let diagnostics = Diagnostics { source, list };
    assert_eq!(manifest.is_none(), diagnostics.has_errors());
    draw(&diagnostics, Look::Plain);
    count
}

/// Manifests to start from: the example, and those of the golden files.
fn seeds() -> &'static [String] {
    static SEEDS: OnceLock<Vec<String>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let golden = std::fs::read_dir(root.join("tests/diagnostics")).unwrap();
        let golden = golden.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            golden.filter(|file| file.extension().is_some_and(|end| end == "toml")).collect();
        files.sort();
        // the example stands for as many as the golden files together
        let count = files.len();
        files.extend(std::iter::repeat_n(root.join("deco.toml.example"), count));
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    })
}

/// A small harm to a list of tokens or lines.
#[derive(Clone, Debug)]
enum Harm {
    Delete(Index),
    Duplicate(Index),
    Swap(Index, Index),
    Replace(Index, String),
}

fn harm() -> impl Strategy<Value = Harm> {
    let word = prop_oneof![
        Just("\"".to_owned()),
        Just("${{".to_owned()),
        Just("}}".to_owned()),
        Just("[".to_owned()),
        Just("'''".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("\\".to_owned()),
        Just("#!".to_owned()),
        Just("\r\n".to_owned()),
        Just("é".to_owned()),
        "\\PC{0,8}",
    ];
    prop_oneof![
        any::<Index>().prop_map(Harm::Delete),
        any::<Index>().prop_map(Harm::Duplicate),
        any::<(Index, Index)>().prop_map(|(a, b)| Harm::Swap(a, b)),
        (any::<Index>(), word).prop_map(|(at, word)| Harm::Replace(at, word)),
    ]
}

fn apply(mut parts: Vec<String>, harms: &[Harm]) -> String {
    for harm in harms {
        let count = parts.len();
        if count == 0 {
            break;
        }
        match harm {
            Harm::Delete(at) => drop(parts.remove(at.index(count))),
            Harm::Duplicate(at) => parts.insert(at.index(count), parts[at.index(count)].clone()),
            Harm::Swap(a, b) => parts.swap(a.index(count), b.index(count)),
            Harm::Replace(at, word) => parts[at.index(count)].clone_from(word),
        }
    }
    parts.concat()
}

/// Words, single signs, white space.
fn tokens(text: &str) -> Vec<String> {
    let class = |c: char| match c {
        _ if c.is_alphanumeric() || c == '_' || c == '-' => 0,
        ' ' => 1,
        _ => 2,
    };
    let mut tokens: Vec<String> = Vec::new();
    for c in text.chars() {
        match tokens.last_mut() {
            Some(last) if class(c) < 2 && last.chars().next_back().is_some_and(|l| class(l) == class(c)) => {
                last.push(c);
            }
            _ => tokens.push(c.to_string()),
        }
    }
    tokens
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        survives(String::from_utf8_lossy(&bytes).into_owned());
    }

    #[test]
    fn arbitrary_toml_like_text_is_survived(text in "[a-z\\[\\]{}=\".,'# \n\\\\$0-9]{0,200}") {
        survives(text);
    }

    #[test]
    fn manifests_with_harmed_tokens_are_survived(seed in any::<Index>(), harms in vec(harm(), 1..6)) {
        survives(apply(tokens(seed.get(seeds()).as_str()), &harms));
    }

    #[test]
    fn manifests_with_harmed_lines_are_survived(seed in any::<Index>(), harms in vec(harm(), 1..6)) {
        let lines = seed.get(seeds()).split_inclusive('\n').map(str::to_owned).collect();
        survives(apply(lines, &harms));
    }

    #[test]
    fn any_value_under_any_key_is_survived(
        table in prop_oneof![Just("settings"), Just("tasks.a"), Just("sync.s"), Just("defaults"), Just("load"), Just("data"), Just("pools"), Just("pools.x")],
        key in "(jobs|shell|select|env|dotenv|for|key|include|exclude|if|run|result|ok-exit|fills|reads|default|after|stdin|dir|timeout|grace|tags|waits-for|check|write|output|when|retries|retry-delay|retry-on|cpus|uses|amount|per|run-timeout|finalizer-timeout|secrets|x)",
        value in prop_oneof![
            Just("1".to_owned()), Just("-1".to_owned()), Just("1.5".to_owned()), Just("true".to_owned()),
            Just("[]".to_owned()), Just("{}".to_owned()), Just("\"\"".to_owned()), Just("[[]]".to_owned()),
            Just("[{}]".to_owned()), Just("2026-01-01".to_owned()), Just("nan".to_owned()), Just("{ a = { b = [1] } }".to_owned()),
            Just("99999999999999999999999999999".to_owned()), Just("\"timeout\"".to_owned()), Just("\"1s\"".to_owned()),
            Just("\"always\"".to_owned()), Just("[\"a\", \"a\"]".to_owned()), Just("{ amount = 1, per = \"1s\" }".to_owned()),
            "\"[0-9.]{0,24} ?[KkMGTPi]{0,3}B?\"", "\\{ [ax] = [0-9]{1,22} \\}", "\\{ [ax] = \"[0-9a-zGiB*+. ]{0,8}\" \\}",
            "\"[ -!#-\\[\\]-~]{0,12}\"", "\\['[ -&(-~]{0,12}'\\]", "\\{ '[ -&(-~]{0,6}' = '[ -&(-~]{0,6}' \\}",
        ],
    ) {
        survives(format!("[{table}]\n{key} = {value}\n[tasks.b]\nrun = \"true\"\n"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_target_is_survived(
        target in "(a|b|a\\*|\\*|\\?|tag:|tag:\\*)?(\\[)?(x=|y=|[ab1*?,=]|\"|\\$\\{\\{ x \\}\\}|é|\\]){0,6}(\\])?",
        key in "(after|waits-for)",
    ) {
        let target = target.replace('"', "\\\"");
        let (task, sync) = match key.as_str() {
            "after" => (format!("after = [\"{target}\"]"), "a".to_owned()),
            _ => (String::new(), target),
        };
        survives(format!(
            "[tasks.a]\nrun = \"true\"\nfor = {{ x = [1], y = [2] }}\ntags = [\"t\"]\n\
             [tasks.b]\nfor = {{ x = [1] }}\nrun = \"true\"\n{task}\n[sync.s]\nwaits-for = [\"{sync}\"]\n"
        ));
    }
}

#[test]
fn a_right_manifest_has_nothing_to_say() {
    assert_eq!(survives("[tasks.a]\nrun = \"true\"\n".to_owned()), 0);
}
