//! Text that a shell would only turn into one program and its arguments: found here, so that the program can be started
//! without the shell. Knows words and names of shells, nothing of files and environments.

use super::lexer::{Place, Slot};
use super::{Argument, Segment, ShellText};

/// One simple command of plain words.
#[derive(Debug)]
pub struct Direct {
    words: Vec<Word>,
}

#[derive(Debug)]
enum Word {
    Plain(String),
    /// The next value, alone: one word, or those of a list.
    Value,
}

/// What a first word can mean to one of the shells other than a program: builtins, reserved words, and the names that are
/// builtins of some of them.
const OWN_WORDS: &[&str] = &[
    ".",
    ":",
    "[",
    "alias",
    "array",
    "ash",
    "autoload",
    "bg",
    "bind",
    "bindkey",
    "break",
    "builtin",
    "bye",
    "caller",
    "case",
    "cat",
    "cd",
    "chdir",
    "chmod",
    "cmp",
    "command",
    "compadd",
    "comparguments",
    "compcall",
    "compctl",
    "compdescribe",
    "compfiles",
    "compgen",
    "compgroups",
    "complete",
    "compopt",
    "compquote",
    "compset",
    "comptags",
    "comptry",
    "compvalues",
    "continue",
    "coproc",
    "cp",
    "cut",
    "declare",
    "dirname",
    "dirs",
    "disable",
    "disown",
    "do",
    "done",
    "echo",
    "echotc",
    "echoti",
    "elif",
    "else",
    "emulate",
    "enable",
    "end",
    "env",
    "enum",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "expr",
    "false",
    "fc",
    "fds",
    "fg",
    "fi",
    "float",
    "for",
    "foreach",
    "function",
    "functions",
    "getconf",
    "getopts",
    "glob",
    "global",
    "hash",
    "hashinfo",
    "head",
    "help",
    "hist",
    "history",
    "id",
    "if",
    "in",
    "integer",
    "jobid",
    "jobs",
    "kill",
    "let",
    "limit",
    "ln",
    "local",
    "log",
    "logname",
    "logout",
    "mapfile",
    "mkdir",
    "mknod",
    "mkfifo",
    "mv",
    "namespace",
    "nameref",
    "newgrp",
    "nocorrect",
    "noglob",
    "nohup",
    "paste",
    "pids",
    "poll",
    "popd",
    "print",
    "printenv",
    "printf",
    "private",
    "pushd",
    "pushln",
    "pwd",
    "r",
    "read",
    "readarray",
    "readonly",
    "realpath",
    "redirect",
    "rehash",
    "rename",
    "repeat",
    "return",
    "rm",
    "rmdir",
    "sched",
    "select",
    "set",
    "setopt",
    "sh",
    "shift",
    "shopt",
    "sleep",
    "source",
    "stat",
    "stop",
    "suspend",
    "sync",
    "tee",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "true",
    "ttyctl",
    "tty",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "uname",
    "unfunction",
    "unhash",
    "unlimit",
    "unset",
    "unsetopt",
    "until",
    "vared",
    "vmstate",
    "vpath",
    "vmap",
    "wait",
    "wc",
    "whence",
    "where",
    "which",
    "while",
    "whoami",
    "yes",
    "zcompile",
    "zformat",
    "zle",
    "zmodload",
    "zparseopts",
    "zregexparse",
    "zstyle",
];

impl Direct {
    /// `None`: the text needs its shell, or that shell may do something else first, as zsh does.
    pub fn of(shell: &[String], text: &ShellText) -> Option<Direct> {
        if !only_runs_text(shell) {
            return None;
        }
        let words = words(&text.segments)?;
        let Some(Word::Plain(first)) = words.first() else { return None };
        let begins = first.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.'));
        (begins && first != ".." && !OWN_WORDS.contains(&first.as_str())).then_some(Direct { words })
    }

    /// The program and its arguments for these values.
    pub fn argv(&self, values: &[Argument]) -> Vec<String> {
        let mut values = values.iter();
        let mut argv = Vec::with_capacity(self.words.len());
        for word in &self.words {
            match word {
                Word::Plain(text) => argv.push(text.clone()),
                Word::Value => match values.next() {
                    Some(Argument::One(text)) => argv.push(text.clone()),
                    Some(Argument::Many(items)) => argv.extend(items.iter().cloned()),
                    None => {}
                },
            }
        }
        argv
    }
}

/// Whether this shell, with these options, does nothing but run the text that it is given: it reads no file before, says
/// nothing of its own, and is one program for all names.
fn only_runs_text(shell: &[String]) -> bool {
    const SHELLS: [&str; 7] = ["sh", "dash", "bash", "ksh", "ksh93", "mksh", "lksh"];
    let [program, options @ .., last] = shell else { return false };
    // a relative path would be looked for from the call's folder
    let name = program.rsplit('/').next().unwrap_or_default();
    if !SHELLS.contains(&name) || (name.len() < program.len() && !program.starts_with('/')) {
        return false;
    }
    let cluster = |option: &str, allowed: &str| {
        option.strip_prefix('-').is_some_and(|letters| letters.chars().all(|c| allowed.contains(c)))
    };
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let takes_name = option.ends_with('o') && cluster(option, "efuCo");
        let is_named = |name: &String| {
            matches!(name.as_str(), "errexit" | "nounset" | "pipefail" | "noglob" | "noclobber")
        };
        let known = if takes_name { options.next().is_some_and(is_named) } else { cluster(option, "efuC") };
        if !known || option.len() < 2 {
            return false;
        }
    }
    last.ends_with('c') && cluster(last, "efuCc")
}

/// Words between blanks, each of plain characters, or one value that stands bare.
fn words(segments: &[Segment]) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    // whether what comes next would belong to the word before
    let mut is_open = false;
    let mut after_value = false;
    for (at, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Literal(text) => {
                let text =
                    if at + 1 == segments.len() { text.trim_end_matches([' ', '\t', '\n']) } else { text };
                if after_value && !text.is_empty() && !text.starts_with([' ', '\t']) {
                    return None;
                }
                let mut parts = text.split([' ', '\t']).filter(|part| !part.is_empty());
                if !parts.clone().all(is_plain) {
                    return None;
                }
                words.extend(parts.by_ref().map(|part| Word::Plain(part.to_owned())));
                is_open = if text.is_empty() { is_open } else { !text.ends_with([' ', '\t']) };
                after_value = after_value && text.is_empty();
            }
            Segment::Reference(Slot { place: Place::Bare, integer: false, after_dollar: false })
            | Segment::References
                if !is_open && !after_value =>
            {
                words.push(Word::Value);
                (is_open, after_value) = (true, true);
            }
            Segment::Reference(_) | Segment::References | Segment::Pasted => return None,
        }
    }
    Some(words)
}

fn is_plain(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:,+@%".contains(c))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, pieces};
    use super::*;

    fn direct(shell: &str, text: &str, values: &[Argument]) -> Option<String> {
        let shell: Vec<String> = shell.split(' ').map(str::to_owned).collect();
        let compiled = ShellText::compile(&pieces(text)).ok()?;
        Some(Direct::of(&shell, &compiled)?.argv(values).join("|"))
    }

    #[test]
    fn plain_words_need_no_shell() {
        let values = [one("a b"), Argument::Many(vec!["$x".into(), "".into()])];
        for (text, expected) in [
            ("/bin/true", "/bin/true"),
            (" prog\t-x --y-z 1,2 a:b@c+d%e ../f \n", "prog|-x|--y-z|1,2|a:b@c+d%e|../f"),
            ("prog § ¤", "prog|a b|$x|"),
            ("./prog §\t¤ z\n", "./prog|a b|$x||z"),
        ] {
            assert_eq!(direct("sh -eu -c", text, &values).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn all_else_is_for_the_shell() {
        for text in [
            "echo k",
            "true",
            "exec f",
            "time f",
            "if f",
            ". f",
            ": f",
            ".. f",
            "-f",
            "%1",
            "f ;",
            "f; g",
            "f\ng",
            "f&",
            "f | g",
            "f > g",
            "x=1 f",
            "f x=~",
            "f *",
            "f a?",
            "f [a]",
            "f {a,b}",
            "f $x",
            "f 'a'",
            "f \"a\"",
            "f \\a",
            "f `g`",
            "f # a",
            "f !",
            "f ~",
            "f §x",
            "f x§",
            "f §§",
            "f \"§\"",
            "f ¤¤",
            "f ¶",
            "§",
            "§ f",
            "f ü",
            "",
            "#!/bin/sh\nf",
        ] {
            assert_eq!(direct("sh -eu -c", text, &[one("a"), one("b")]), None, "{text}");
        }
    }

    #[test]
    fn only_shells_that_do_nothing_else_are_skipped() {
        for shell in ["sh -c", "/bin/dash -euc", "bash -euo pipefail -c", "ksh -e -o nounset -c"] {
            assert!(direct(shell, "f", &[]).is_some(), "{shell}");
        }
        for shell in [
            "zsh -c",
            "busybox sh -c",
            "ash -c",
            "rbash -c",
            "./sh -c",
            "sh",
            "sh -x -c",
            "bash -lc",
            "bash -ic",
            "bash --login -c",
            "bash -o xtrace -c",
            "sh -n -c",
            "sh - -c",
            "bash -o -c",
            "env -i sh -c",
            "bash -rc",
        ] {
            assert!(direct(shell, "f", &[]).is_none(), "{shell}");
        }
    }
}
