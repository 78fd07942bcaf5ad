//! The house stands on floors: a module imports only modules above it in the list of `src/lib.rs`.

use std::fs;
use std::path::Path;

/// The modules in order, with the floor of each.
fn floors() -> Vec<(String, usize)> {
    let mut floor = 0;
    let mut modules = Vec::new();
    for line in fs::read_to_string("src/lib.rs").unwrap().lines() {
        if let Some(number) = line.strip_prefix("// floor ") {
            floor = number[..1].parse().unwrap();
        } else if let Some(name) = line.strip_prefix("pub mod ") {
            modules.push((name.trim_end_matches(';').to_owned(), floor));
        }
    }
    modules
}

/// The top-level modules that a text imports from: `use crate::a`, `use crate::{a, b::c}` and `crate::a::…` in code.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            None => found.push(word(part)),
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (at, character) in list.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_ascii_lowercase() => {
                            found.push(word(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_imports_only_upwards() {
    let floors = floors();
    assert!(floors.len() > 15, "the list of modules was not found: {floors:?}");
    let place = |name: &str| floors.iter().position(|(known, _)| known == name);
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix("src").unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = place(module) else { continue };
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let Some(other) = place(&import) else { continue };
            let siblings = floors[own].1 == 3 && floors[other].1 == 3 && own != other;
            if other > own || siblings {
                wrong.push(format!("{} imports {import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn imports_are_seen_in_every_form() {
    let text = "use crate::a;\nuse crate::{b, c::{D, e}, f};\nfn g() { crate::h::i() }";
    assert_eq!(imports(text), ["a", "b", "c", "f", "h"]);
}
