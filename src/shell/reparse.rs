//! Commands that parse their arguments, or what they read, as a program again: there a value is no longer data.
//! A table of well-known programs; what a program not named here does is not known.

use super::Remark;
use super::word::Word;

/// What a program takes for program text.
enum Reader {
    /// The argument after an option with this letter; without one, what it reads.
    Option(char),
    /// The arguments after the host, joined; without any, what it reads.
    AfterHost,
    /// All its arguments, where it is the command itself.
    Arguments,
    /// The first argument that is no option, where it is the command itself.
    FirstArgument,
    /// The part before `=` of each argument, where it is the command itself.
    Names,
}

fn reader(program: &str) -> Option<Reader> {
    if super::is_shell(program) {
        return Some(Reader::Option('c'));
    }
    if let Some(version) = program.strip_prefix("python")
        && version.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        return Some(Reader::Option('c'));
    }
    Some(match program {
        "su" | "runuser" | "script" | "fish" | "csh" | "tcsh" => Reader::Option('c'),
        "perl" | "ruby" | "node" | "lua" | "Rscript" => Reader::Option('e'),
        "php" => Reader::Option('r'),
        "ssh" | "rsh" => Reader::AfterHost,
        "eval" | "let" | "watch" => Reader::Arguments,
        "trap" | "awk" | "gawk" | "mawk" | "nawk" => Reader::FirstArgument,
        "unset" | "read" => Reader::Names,
        _ if is_declaration(program) => Reader::Names,
        _ => return None,
    })
}

/// Commands whose arguments are assignments.
pub(super) fn is_declaration(program: &str) -> bool {
    ["declare", "typeset", "local", "export", "readonly"].contains(&program)
}

pub(super) fn caution(value: usize, reader: &str) -> Remark {
    let help = match reader {
        "ssh" | "rsh" => {
            "give it by `stdin`, or quote it for the far shell: deco protects one level of shell".to_owned()
        }
        "eval" | "trap" | "watch" => "assign the value to a variable, and name that one there".to_owned(),
        _ => format!(
            "hand it over beside the text, as an argument, or let the text read `$DECO_VAR_<NAME>`: \
             `{reader}` gets it unquoted"
        ),
    };
    Remark { value, message: format!("`{reader}` parses this text again, and the value with it"), help }
}

/// The cautions for a simple command.
pub(super) fn cautions(words: &[Word]) -> Vec<Remark> {
    let Some(head) = head(words) else { return Vec::new() };
    let mut cautions = Vec::new();
    for (at, word) in words.iter().enumerate().skip(head) {
        let name = word.program();
        let rest = words.get(at + 1..).unwrap_or_default();
        let program = match reader(name) {
            Some(Reader::Option(letter)) => option_text(rest, letter, name),
            Some(Reader::AfterHost) => after_host(rest),
            Some(Reader::Arguments) if at == head => rest,
            Some(Reader::FirstArgument) if at == head => first_argument(rest),
            Some(Reader::Names) if at == head => {
                cautions.extend(rest.iter().flat_map(Word::values_in_name).map(named));
                continue;
            }
            _ => continue,
        };
        cautions.extend(program.iter().flat_map(|word| &word.values).map(|(value, _)| caution(*value, name)));
    }
    cautions
}

fn named(value: usize) -> Remark {
    Remark {
        value,
        message: "the value stands for the name of a variable, which some shells evaluate".to_owned(),
        help: "write the name itself, or make sure that the value is a name".to_owned(),
    }
}

/// The program that takes what this command reads for its text.
pub(super) fn reader_of_input(words: &[Word]) -> Option<String> {
    let head = head(words)?;
    (head..words.len()).find_map(|at| {
        let name = words.get(at)?.program();
        let rest = words.get(at + 1..).unwrap_or_default();
        let reads = match reader(name)? {
            Reader::Option(letter) => reads_its_text(rest, letter, name),
            Reader::AfterHost => after_host(rest).is_empty(),
            _ => false,
        };
        reads.then(|| name.to_owned())
    })
}

/// The cautions for `command <<< word`.
pub(super) fn cautions_for_input(words: &[Word], input: &Word) -> Vec<Remark> {
    let Some(reader) = reader_of_input(words) else { return Vec::new() };
    input.values.iter().map(|(value, _)| caution(*value, &reader)).collect()
}

/// Where the command's own name stands: after assignments, `command` and `builtin`.
fn head(words: &[Word]) -> Option<usize> {
    words.iter().position(|word| {
        !word.is_assignment() && !["command", "builtin", "exec"].contains(&word.text.as_str())
    })
}

/// The word after an option that holds the letter, such as `-c` or `-euc`.
fn option_text<'a>(words: &'a [Word], letter: char, program: &str) -> &'a [Word] {
    let anywhere = matches!(program, "su" | "runuser" | "script");
    let mut takes_name = false;
    for (at, word) in words.iter().enumerate() {
        let is_short = word.is_option() && !word.text.starts_with("--");
        if is_short && word.text.contains(letter) || word.text == "--command" {
            return words.get(at + 1..at + 2).unwrap_or_default();
        }
        if !(anywhere || takes_name || word.is_option()) {
            break;
        }
        takes_name = is_short && word.text.ends_with(['o', 'O']);
    }
    &[]
}

/// Whether it has neither a program text nor a file to run.
fn reads_its_text(words: &[Word], letter: char, program: &str) -> bool {
    let text_given = !option_text(words, letter, program).is_empty();
    let by_request = words.iter().any(|word| word.text == "-s" || word.text == "-");
    let file = words.iter().any(|word| !word.is_option() && word.text != "-");
    !text_given && (by_request || !file)
}

/// What the far shell gets: all after the host.
fn after_host(words: &[Word]) -> &[Word] {
    const WITH_ARGUMENT: &str = "BbcDEeFIiJLlmOopQRSWw";
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if !word.is_option() {
            return words.get(at + 1..).unwrap_or_default();
        }
        let takes = word.text.len() == 2 && word.text.ends_with(|c| WITH_ARGUMENT.contains(c));
        at += 1 + usize::from(takes);
    }
    &[]
}

fn first_argument(words: &[Word]) -> &[Word] {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match word.text.as_str() {
            // awk: the program is in a file
            "-f" => return &[],
            "-v" | "-F" => at += 2,
            _ if word.is_option() => at += 1,
            _ => return words.get(at..at + 1).unwrap_or_default(),
        }
    }
    &[]
}
