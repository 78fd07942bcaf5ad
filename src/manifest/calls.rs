//! `call` and `worker`: what is run in a process that stays, a Python function or any program that speaks the protocol of
//! workers. Parses; knows nothing of processes.

use toml::de::DeValue;

use super::reader::{Node, Reader, at_span};
use super::{Argument, DefaultValue, Run, Sourced, fills};
use crate::diagnostic::Diagnostic;
use crate::expr::{CallText, Template};
use crate::value::Value;

const FORMS: &str =
    "write `\"file.py:function(argument, name=argument)\"` or `\"package.module:function(…)\"`";

/// `call`, for the interpreter that `python` names.
pub fn function<'a>(
    reader: &Reader<'a>,
    node: &'a Node<'a>,
    python: Option<Sourced<Template>>,
) -> Option<Run> {
    let text = reader.string(node)?;
    if let Some(at) = text.value.find("${{") {
        let diagnostic = Diagnostic::error("the arguments of `call` are expressions, without `${{ }}`");
        reader.report(diagnostic.at(text.place.inner(at..at + 3), "").help(FORMS));
        return None;
    }
    let Some(colon) = colon(&text.value) else {
        let diagnostic = Diagnostic::error("`call` names a file or module, a function and its arguments");
        reader.report(diagnostic.at(node.span(), "").help(FORMS));
        return None;
    };
    let origin = text.value[..colon].trim();
    if origin.is_empty() {
        let diagnostic = Diagnostic::error("the file or module of the function is missing");
        reader.report(diagnostic.at(text.place.inner(0..colon + 1), "").help(FORMS));
        return None;
    }
    match CallText::parse(&text.value, colon + 1) {
        Ok(call) => {
            let arguments = call.arguments.into_iter().map(|(name, expression)| {
                let place = text.place.clone();
                Argument { name, value: Sourced { value: expression, place } }
            });
            let (arguments, origin) = (arguments.collect(), origin.to_owned());
            Some(Run::Function { origin, function: call.function, arguments, python, span: node.span() })
        }
        Err(error) => {
            let span = text.place.inner(error.span.clone());
            reader.report(at_span(error, span));
            None
        }
    }
}

/// Where the `:` stands before the function: behind it a name, which may have dots, and `(`.
fn colon(text: &str) -> Option<usize> {
    text.match_indices(':').map(|(at, _)| at).find(|&at| {
        let rest = text[at + 1..].trim_start();
        let name = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        name.len() < rest.len() && name.trim_start().starts_with('(')
    })
}

/// `worker`, with what `request` sends for a call.
pub fn worker<'a>(reader: &Reader<'a>, node: &'a Node<'a>, request: Option<&'a Node<'a>>) -> Option<Run> {
    let items = reader.array(node, "an array of strings", "for example `[\"node\", \"worker.js\"]`")?;
    if items.first().is_none_or(|first| matches!(first.get_ref(), DeValue::String(text) if text.is_empty())) {
        let diagnostic = Diagnostic::error("`worker` names no program").at(node.span(), "");
        reader.report(diagnostic.help("for example `[\"node\", \"worker.js\"]`"));
        return None;
    }
    let words = items.iter().filter_map(|item| reader.template(item)).collect();
    let request = match request {
        Some(node) => fills::default_value(reader, node)?,
        None => DefaultValue::Constant(Value::Null),
    };
    Some(Run::Worker { words, request, span: node.span() })
}
