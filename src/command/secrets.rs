//! Secrets before the run: the values that they have, those that are none, and keys that could not be shown.

use std::borrow::Cow;
use std::ffi::OsStr;

use crate::diagnostic::Diagnostic;
use crate::exec::Variables;
use crate::harvest::contains_secret;
use crate::manifest::{Manifest, Sourced};
use crate::mask::{Masker, SHORTEST, Secrets, can_be_hidden};
use crate::plan::Plan;

/// The values that secret variables have, also those that another value of the variable wins over.
pub fn of(manifest: &Manifest) -> Secrets {
    let settings = &manifest.settings;
    let own: Vec<_> = std::env::vars_os().collect();
    let own = own.iter().filter_map(|(name, value)| Some((name.to_str()?, value.as_encoded_bytes())));
    let written = settings.dotenv.iter().chain(&settings.env);
    let written = written.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let variables = settings.secrets.iter().map(|name| name.value.clone()).collect();
    Secrets::new(variables, own.chain(written))
}

/// Warnings of values that are no secrets because they are too short.
pub fn too_short(manifest: &Manifest, env: &Variables) -> Vec<Diagnostic> {
    let is_short = |name: &str| {
        let value = env.get(OsStr::new(name)).map(|value| value.as_encoded_bytes());
        value.is_some_and(|value| !value.trim_ascii().is_empty() && !can_be_hidden(value))
    };
    let warning = |name: &Sourced<String>| {
        let message = format!("the value of `{}` is too short to be kept secret", name.value);
        let help = format!("a value of fewer than {SHORTEST} characters cannot be told from other text");
        Diagnostic::warning(message).at(name.place.span.clone(), "").help(help)
    };
    manifest.settings.secrets.iter().filter(|name| is_short(&name.value)).map(warning).collect()
}

/// Refuses keys that could not be shown: of calls, and of places that calls read.
pub fn refuse_in_keys(plan: Plan, masker: &Masker) -> Result<Plan, Vec<Diagnostic>> {
    if masker.is_empty() {
        return Ok(plan);
    }
    let mut wrong: Vec<Diagnostic> = Vec::new();
    for node in plan.graph.node_indices() {
        let Some(variable) = masker.find_in_text(&plan.node_name(node)) else { continue };
        let help = "keys are written and shown: take one that is no secret";
        let error = match plan.call_at(node).map(|call| plan.task(call)) {
            Some(task) => Diagnostic::error(contains_secret(&format!("a key of `{}`", task.name), variable))
                .at(task.span.clone(), ""),
            None => Diagnostic::error(contains_secret("a place that is read", variable)),
        };
        let error = error.help(help);
        if !wrong.contains(&error) {
            wrong.push(error);
        }
    }
    if wrong.is_empty() { Ok(plan) } else { Err(wrong) }
}

/// Messages may quote values; the manifest's own text that they are drawn on is the user's.
pub fn hide(masker: &Masker, diagnostic: &mut Diagnostic) {
    let labels = diagnostic.labels.iter_mut().map(|label| &mut label.text);
    for text in [&mut diagnostic.message].into_iter().chain(labels).chain(&mut diagnostic.help) {
        if let Cow::Owned(hidden) = masker.mask_message(text) {
            *text = hidden;
        }
    }
}
