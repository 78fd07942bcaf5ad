//! `deco man`: a page for each verb that `mandoc` takes, with all that `--help` says.

use std::process::Command;

use clap::CommandFactory;
use deco::cli::Cli;

use crate::sandbox::Sandbox;

/// The page as a reader sees it.
fn shown(sandbox: &Sandbox, page: &str) -> String {
    let mandoc = |args: &[&str]| {
        let output = Command::new("mandoc").args(args).arg(page).current_dir(sandbox.path("")).output();
        output.expect("mandoc is there")
    };
    let lint = mandoc(&["-T", "lint", "-W", "error"]);
    assert!(lint.status.success(), "{page}: {}", String::from_utf8_lossy(&lint.stdout));
    let shown = String::from_utf8(mandoc(&["-T", "utf8", "-O", "width=100"]).stdout).unwrap();
    // bold is a character, a backspace and the character again
    let mut plain = String::new();
    for character in shown.chars() {
        match character {
            '\u{8}' => drop(plain.pop()),
            _ => plain.push(character),
        }
    }
    plain
}

#[test]
fn there_is_a_page_for_each_verb_with_all_its_options() {
    let sandbox = Sandbox::new();
    sandbox.deco(["man", "--dir", "a/man1"]).run().code(0).stdout_is("").stderr_has("pages to `a/man1`");
    for verb in Cli::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let page = shown(&sandbox, &format!("a/man1/deco-{}.1", verb.get_name()));
        let longs = verb.get_arguments().filter_map(clap::Arg::get_long).map(|long| format!("--{long}"));
        let headings = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"].map(str::to_owned);
        for part in longs.chain(headings).chain([format!("deco {}", verb.get_name())]) {
            assert!(page.contains(&part), "no `{part}` in\n{page}");
        }
        assert!(!page.contains('`') && !page.contains("\\["), "{page}");
    }
    let page = shown(&sandbox, "a/man1/deco.1");
    for part in ["COMMANDS", "deco-run(1)", "EXIT STATUS", "DECO_STATE_DIR", ".deco/"] {
        assert!(page.contains(part), "no `{part}` in\n{page}");
    }
    let page = shown(&sandbox, "a/man1/deco-map.1");
    assert!(page.contains("deco map [OPTIONS] COMMAND [::: KEY…]"), "{page}");
}

#[test]
fn one_page_is_printed() {
    let sandbox = Sandbox::new();
    let page = sandbox.deco(["man", "run"]).run().code(0).stdout;
    sandbox.deco(["man", "--dir", "."]).run().code(0);
    assert_eq!(page, sandbox.read("deco-run.1"));
    assert!(page.contains(".TH DECO-RUN 1 \"\" \"deco "), "{page}");
    sandbox.deco(["man"]).run().code(0).stdout_is(&sandbox.read("deco.1"));
    sandbox.deco(["man", "rum"]).run().code(2).stderr_has("no command `deco rum`; did you mean `run`?");
    sandbox.deco(["man", "--dir", "deco.1"]).run().code(3).stderr_has("cannot write pages to `deco.1`");
}
