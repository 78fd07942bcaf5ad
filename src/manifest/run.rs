//! `run`: shell text, a program with its arguments, or a `#!` script. Compiles shell text, so that a value at a place
//! where no shell would keep it whole is an error here.

use toml::de::DeValue;

use super::reader::{Node, Reader};
use super::{Place, Run, Sourced};
use crate::diagnostic::Diagnostic;
use crate::expr::{Landing, Part, Template};
use crate::shell::{Direct, Piece, Remark, ShellText, is_shell};

/// Reads `run`; `shell` is what runs plain text.
pub fn run<'a>(reader: &Reader<'a>, node: &'a Node<'a>, shell: &[Sourced<String>]) -> Option<Run> {
    match node.get_ref() {
        DeValue::String(text) if text.trim().is_empty() => nothing(reader, node),
        DeValue::String(text) if text.contains('\0') => no_nul(reader, node),
        DeValue::String(text) => {
            let first = text.lines().next().unwrap_or_default();
            let template = reader.template(node)?;
            match first.strip_prefix("#!") {
                Some(interpreter) => script(reader, node, interpreter, template),
                None => shell_text(reader, shell, template),
            }
        }
        DeValue::Array(_) => program(reader, node),
        _ => reader.mismatch(
            node,
            "shell text or an array",
            "for example `\"wc -l < data.txt\"` or `[\"wc\", \"-l\", \"data.txt\"]`",
        ),
    }
}

fn nothing(reader: &Reader<'_>, node: &Node<'_>) -> Option<Run> {
    let diagnostic = Diagnostic::error("`run` runs nothing").at(node.span(), "");
    reader.report(diagnostic.help("write a command, or `true` for a task that only gathers"));
    None
}

/// What a program is given ends at the first NUL.
fn no_nul(reader: &Reader<'_>, node: &Node<'_>) -> Option<Run> {
    let diagnostic = Diagnostic::error("a command cannot hold a NUL character").at(node.span(), "");
    reader.report(diagnostic.help("give it by `stdin`"));
    None
}

fn program<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Run> {
    let items = reader.array(node, "an array of strings", "")?;
    if items.first().is_none_or(|first| matches!(first.get_ref(), DeValue::String(text) if text.is_empty())) {
        return nothing(reader, node);
    }
    for item in items.iter() {
        if let DeValue::String(text) = item.get_ref()
            && text.contains('\0')
        {
            return no_nul(reader, item);
        }
    }
    let words = items.iter().filter_map(|item| reader.template(item)).collect();
    Some(Run::Program { words, span: node.span() })
}

/// What runs text where nothing else is said.
pub fn default_shell() -> Vec<String> {
    ["sh", "-eu", "-c"].map(str::to_owned).to_vec()
}

/// Text for the task's shell. A program that is no shell takes values only as `tojson` or `raw` make them.
fn shell_text(reader: &Reader<'_>, shell: &[Sourced<String>], text: Sourced<Template>) -> Option<Run> {
    let words = match shell {
        [] => default_shell(),
        words => words.iter().map(|word| word.value.clone()).collect(),
    };
    if words.first().is_some_and(|program| is_shell(program)) {
        return compiled(reader, words, text);
    }
    check_foreign(reader, &text, &words);
    let span = text.place.span.clone();
    let fixed = shell.iter().map(|word| {
        let value = Template { parts: vec![Part::Literal(word.value.clone())] };
        Sourced { value, place: word.place.clone() }
    });
    Some(Run::Program { words: fixed.chain([text]).collect(), span })
}

/// Text for a shell that deco understands; its remarks are reported.
pub fn compiled(reader: &Reader<'_>, shell: Vec<String>, text: Sourced<Template>) -> Option<Run> {
    let pieces: Vec<Piece<'_>> = text.value.parts.iter().map(piece).collect();
    match ShellText::compile(&pieces) {
        Ok(compiled) => {
            let cautions = compiled.cautions().iter();
            cautions.for_each(|remark| reader.report(remarked(Diagnostic::warning, remark, &text)));
            let direct = Direct::of(&shell, &compiled);
            Some(Run::Shell { shell, text, compiled, direct })
        }
        Err(remarks) => {
            remarks.iter().for_each(|remark| reader.report(remarked(Diagnostic::error, remark, &text)));
            None
        }
    }
}

fn piece(part: &Part) -> Piece<'_> {
    match part {
        Part::Literal(text) => Piece::Literal(text),
        Part::Slot(slot) => Piece::Value(slot.landing),
    }
}

fn remarked(new: fn(String) -> Diagnostic, remark: &Remark, text: &Sourced<Template>) -> Diagnostic {
    let slot = text.value.slots().nth(remark.value);
    let span = slot.map_or(text.place.span.clone(), |slot| text.place.inner(slot.span.clone()));
    new(remark.message.clone()).at(span, "").help(remark.help.clone())
}

/// `#!` text: for a shell, the first line's words and `-c`; for another interpreter, a file that it is given.
fn script<'a>(
    reader: &Reader<'a>,
    node: &'a Node<'a>,
    interpreter: &str,
    text: Sourced<Template>,
) -> Option<Run> {
    let mut words: Vec<String> = interpreter.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() || interpreter.contains("${{") {
        let diagnostic =
            Diagnostic::error("`#!` names no interpreter").at(first_line(&text.place, interpreter), "");
        reader.report(diagnostic.help("for example `#!/usr/bin/env python3`, in plain text"));
        return None;
    }
    if text.value.parts.iter().all(|part| matches!(part, Part::Literal(text) if text.lines().count() < 2)) {
        return nothing(reader, node);
    }
    if program_of(&words).is_some_and(is_shell) {
        words.push("-c".to_owned());
        return compiled(reader, words, text);
    }
    check_foreign(reader, &text, &words);
    Some(Run::Script { interpreter: words, text })
}

fn first_line(place: &Place, interpreter: &str) -> crate::diagnostic::Span {
    place.inner(0..2 + interpreter.len())
}

/// The program that a `#!` line runs: behind `env`, its first word that is neither an option nor an assignment.
fn program_of(words: &[String]) -> Option<&str> {
    let first = words.first()?;
    if first.rsplit('/').next() != Some("env") {
        return Some(first);
    }
    words[1..].iter().map(String::as_str).find(|word| !word.starts_with('-') && !word.contains('='))
}

/// Whether the outermost filter of an expression is `tojson`.
fn is_json(expression: &str) -> bool {
    let filter = expression.rsplit_once('|').map_or("", |(_, filter)| filter.trim());
    filter == "tojson" || (filter.starts_with("tojson(") && filter.ends_with(')'))
}

/// In text that deco does not understand, a value must say how it is written.
fn check_foreign(reader: &Reader<'_>, text: &Sourced<Template>, interpreter: &[String]) {
    let program = program_of(interpreter).unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    for slot in
        text.value.slots().filter(|slot| slot.landing != Landing::Raw && !is_json(slot.expression.source()))
    {
        let message = format!("deco cannot quote a value for `{program}`");
        let help = "write `| tojson` for a literal, `| raw` to paste it, or read it from stdin or `$DECO_VAR_<NAME>`";
        let span = text.place.inner(slot.span.clone());
        reader.report(Diagnostic::error(message).at(span, "how is it to be written?").help(help));
    }
}
