//! The environment of a call, and the files that its variables name.

use std::ffi::{OsStr, OsString};

use crate::exec::Environment;
use crate::manifest::Task;
use crate::manifest::settings::read_dotenv;
use crate::outcome::Failure;
use crate::value::Value;

use super::{CallScope, Hindrance, Own, Setting, documents, private_folder, result_file};

/// The call's variables.
pub fn environment(
    scope: &CallScope,
    setting: &Setting,
    task: &Task,
    own: &Own,
) -> Result<Environment, Hindrance> {
    let declared = declared(scope, setting, task)?;
    let given = given(scope, setting, task, own)?;
    let env = Environment { inherited: setting.env.clone(), declared, given };
    let own = env.declared.iter().chain(&env.given);
    match own.into_iter().find(|(_, value)| value.as_encoded_bytes().contains(&0)) {
        Some((name, _)) => Err(Hindrance::Failed(Failure::CannotStart {
            message: format!("the variable `{name}` holds a NUL byte"),
        })),
        None => Ok(env),
    }
}

type Entries = Vec<(String, OsString)>;

/// What the task says.
fn declared(scope: &CallScope, setting: &Setting, task: &Task) -> Result<Entries, Hindrance> {
    let mut entries = Entries::new();
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

/// What deco tells every call.
fn given(scope: &CallScope, setting: &Setting, task: &Task, own: &Own) -> Result<Entries, Hindrance> {
    let mut entries = Entries::with_capacity(12);
    let mut set = |name: &str, value: String| entries.push((name.to_owned(), value.into()));
    set("DECO_TASK", task.name.to_string());
    set("DECO_CALL", scope.address());
    set("DECO_KEY", Value::array(scope.key().to_vec()).to_json());
    for (name, value) in scope.variables() {
        if matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            set(&format!("DECO_VAR_{}", name.as_str().to_uppercase()), value.to_text());
        }
    }
    set("DECO_ATTEMPT", own.attempt.to_string());
    set("DECO_SLOT", own.slot.to_string());
    set("DECO_CPUS", own.cpus.to_string());
    own.pools.iter().for_each(|(name, value)| set(name, value.clone()));
    set("DECO_RUN_ID", setting.run_id.clone());
    set("DECO_TMPDIR", private_folder(scope).to_string_lossy().into_owned());
    set("DECO_RESULT", result_file(scope).to_string_lossy().into_owned());
    let documents = documents::hand_out(scope, &setting.texts, task)?;
    if documents.is_empty() && setting.env.contains_key(OsStr::new(documents::CHANGES)) {
        // this run stands in a call of another, whose documents are not this call's
        set(documents::CHANGES, String::new());
    }
    documents.into_iter().for_each(|(name, value)| set(&name, value));
    Ok(entries)
}
