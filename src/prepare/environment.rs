//! The environment of a call, and the files that its variables name.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use smol_str::SmolStrBuilder;

use crate::exec::{Basis, Environment};
use crate::expr::key_text;
use crate::manifest::Task;
use crate::manifest::settings::read_dotenv;
use crate::name::Name;
use crate::outcome::Failure;
use crate::value::{Text, Value};

use super::{CallScope, Hindrance, Kept, Own, Setting, documents, private_folder, result_file};

/// Variables that deco tells.
type Given = Vec<(Text, OsString)>;

/// The call's variables.
pub fn environment(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
    own: &Own,
    kept: &mut Kept,
) -> Result<Environment, Hindrance> {
    let basis = match &kept.basis {
        Some(known) => known.clone(),
        None => Arc::new(basis(scope, setting, task, own)?),
    };
    if is_constant(task) {
        kept.basis = Some(basis.clone());
    }
    Ok(Environment { basis, own: given_to_call(scope, setting, task)? })
}

/// Whether nothing in what the task says of variables is asked of the call. A dotenv file is read for each.
pub fn is_constant(task: &Task) -> bool {
    task.dotenv.is_none() && task.env.iter().all(|(_, text)| text.value.slots().next().is_none())
}

/// What is the same for all calls of the task that go through the slot, as far as what the task says is.
pub fn basis(scope: &CallScope, setting: &Setting, task: &Task, own: &Own) -> Result<Basis, Hindrance> {
    let declared = declared(scope, setting, task)?;
    let given = given_to_slot(scope, setting, own);
    let basis = Basis { inherited: setting.env.clone(), declared, given };
    without_nul(basis.told())?;
    Ok(basis)
}

fn without_nul<'v>(mut variables: impl Iterator<Item = (&'v str, &'v OsStr)>) -> Result<(), Hindrance> {
    match variables.find(|(_, value)| value.as_encoded_bytes().contains(&0)) {
        Some((name, _)) => Err(Hindrance::Failed(Failure::CannotStart {
            message: format!("the variable `{name}` holds a NUL byte"),
        })),
        None => Ok(()),
    }
}

/// What the task says.
fn declared(scope: &CallScope, setting: &Setting, task: &Task) -> Result<Vec<(String, OsString)>, Hindrance> {
    let mut entries = Vec::new();
    let mut set = |name: &str, value: String| {
        setting.secrets.learn(name, value.as_bytes());
        entries.push((name.to_owned(), value.into()));
    };
    if let Some(file) = &task.dotenv {
        let file = scope.render(file)?;
        let variables = read_dotenv(&scope.dir().join(&file)).map_err(|why| {
            Hindrance::Failed(Failure::CannotStart {
                message: format!("cannot read `{file}`: {}", why.message),
            })
        })?;
        variables.into_iter().for_each(|(name, value)| set(&name, value));
    }
    for (name, value) in &task.env {
        set(name, scope.render(value)?);
    }
    Ok(entries)
}

/// What deco tells all calls of the task that go through the slot.
fn given_to_slot(scope: &CallScope, setting: &Setting, own: &Own) -> Given {
    let mut entries = Vec::with_capacity(12);
    let mut set = |name: Text, value: String| entries.push((name, value.into()));
    let place = &own.place;
    set("DECO_TASK".into(), place.task.to_string());
    set("DECO_ATTEMPT".into(), place.attempt.to_string());
    set("DECO_SLOT".into(), place.slot.to_string());
    set("DECO_CPUS".into(), place.cpus.to_string());
    place.pools.iter().for_each(|(name, value)| set(name.clone().into(), value.clone()));
    set("DECO_RUN_ID".into(), setting.run_id.clone());
    set("DECO_TMPDIR".into(), private_folder(scope).to_string_lossy().into_owned());
    set("DECO_RESULT".into(), result_file(scope).to_string_lossy().into_owned());
    if setting.env.contains_key(OsStr::new(documents::CHANGES)) {
        // this run stands in a call of another, whose documents are not these calls'
        set(documents::CHANGES.into(), String::new());
    }
    entries
}

/// The key as a JSON array.
fn key(parts: &[Value]) -> String {
    let mut json = String::with_capacity(32);
    json.push('[');
    for (at, part) in parts.iter().enumerate() {
        json.push_str(if at > 0 { "," } else { "" });
        part.write_json(&mut json);
    }
    json + "]"
}

/// What deco tells the call alone.
pub fn given_to_call(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
) -> Result<Vec<(Text, Text)>, Hindrance> {
    let mut entries = Vec::with_capacity(2 + scope.variables().len());
    let mut set = |name: Text, value: Text| entries.push((name, value));
    set("DECO_CALL".into(), scope.address());
    set("DECO_KEY".into(), key(scope.key()).into());
    for (name, value) in scope.variables() {
        if let Some(text) = key_text(value) {
            set(variable(name), text);
        }
    }
    let documents = documents::hand_out(scope, &setting.texts, task)?;
    documents.into_iter().for_each(|(name, value)| set(name.into(), value.into()));
    without_nul(entries.iter().map(|(name, value)| (name.as_str(), OsStr::new(value.as_str()))))?;
    Ok(entries)
}

/// The variable that holds one of `for`.
fn variable(name: &Name) -> Text {
    let mut text = SmolStrBuilder::new();
    text.push_str("DECO_VAR_");
    // a name is ASCII
    name.as_str().chars().for_each(|letter| text.push(letter.to_ascii_uppercase()));
    text.finish()
}
