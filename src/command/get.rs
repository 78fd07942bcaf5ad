//! `deco get`: inside a call, prints what stands at a place of a document, the call's own changes included, and notes that the
//! call looked there; outside, a value of the last run's answer.

use std::fs::File;
use std::io::Read;

use crate::change::lines::{self, Line};
use crate::change::record::Recorder;
use crate::cli::{GetArgs, PastArgs};
use crate::name::Name;
use crate::path::Path;
use crate::prepare::documents::variable;
use crate::value::Value;

use super::{Exit, answer, complain, inside, print};

pub fn run(args: &GetArgs) -> Exit {
    let call = if is_of_a_run(args) { None } else { inside::Call::find().transpose() };
    let Some(call) = call else { return answer::run(args) };
    let found = call.and_then(|call| {
        let default = default(args)?;
        let path = inside::path(&args.path)?;
        Ok(look(&call, &path)?.or(default))
    });
    match found {
        Ok(Some(value)) => {
            let text = if args.text { value.to_text() } else { value.to_json() };
            print((text + "\n").as_bytes())
        }
        Ok(None) => {
            complain(format_args!(
                "nothing stands at `{}`; `--default` gives a value for that case",
                args.path
            ));
            Exit::Failed
        }
        Err(message) => {
            complain(message);
            Exit::Wrong
        }
    }
}

/// What is printed where nothing stands.
pub fn default(GetArgs { default, .. }: &GetArgs) -> Result<Option<Value>, String> {
    let parsed = |json: &String| {
        Value::parse(json.as_bytes()).map_err(|why| format!("what `--default` gives is no JSON: {why}"))
    };
    default.as_ref().map(parsed).transpose()
}

/// Whether the command line asks for the answer of a run, wherever it stands.
fn is_of_a_run(GetArgs { run, past, .. }: &GetArgs) -> bool {
    let PastArgs { manifest, map, directory, state } = past;
    run.is_some() || *map || manifest.is_some() || directory.is_some() || state.told().is_some()
}

/// What stands there for the call.
fn look(call: &inside::Call, path: &Path) -> Result<Option<Value>, String> {
    if path.is_append() {
        return Err(format!(
            "`{path}` is no place to look at: name the array, or the element by its position"
        ));
    }
    let declared: Vec<Path> = call.mutates.iter().chain(&call.reads).cloned().collect();
    if !declared.iter().any(|place| place.holds(path)) {
        return Err(inside::not_declared(path, "look at", &declared, "`reads`, or in `mutates`"));
    }
    let mut root = Some(document(path)?);
    if call.mutates.iter().any(|place| place.document == path.document) {
        let mut file = call.operations()?;
        apply_own(call, &mut file, &path.document, &mut root)?;
        inside::write(&file, &Line::Get(path.clone()))?;
    }
    Ok(root.and_then(|root| root.at(path.keys()).cloned()))
}

/// The document as the call's own file has it.
fn document(path: &Path) -> Result<Value, String> {
    let variable = variable(path.document.as_str());
    let file = std::env::var_os(&variable).ok_or_else(|| format!("`${variable}` is not set"))?;
    let bytes = std::fs::read(file).map_err(|why| format!("cannot read the file `${variable}`: {why}"))?;
    Value::parse(&bytes).map_err(|why| format!("the file `${variable}` is no JSON: {why}"))
}

/// Does to the document what the call has done so far.
fn apply_own(
    call: &inside::Call,
    file: &mut File,
    document: &Name,
    root: &mut Option<Value>,
) -> Result<(), String> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|why| format!("cannot read the list of the call's changes: {why}"))?;
    let lines =
        lines::parse(&bytes).map_err(|why| format!("the list of the call's changes is broken: {why}"))?;
    let own = call.mutates.iter().filter(|place| place.document == *document);
    let stands = |place: &Path| root.as_ref().and_then(|root| root.at(place.keys())).cloned();
    let mut recorder = Recorder::new(own.map(|place| (place.clone(), stands(place))).collect::<Vec<_>>());
    for line in lines.iter().filter(|line| line.path().document == *document) {
        line.feed(&mut recorder)
            .map_err(|misfit| format!("`deco {} {}`: {}", line.verb(), line.path(), misfit.0))?;
    }
    recorder.changes().iter().try_for_each(|change| change.apply(root, 0)).map_err(|misfit| misfit.0)
}
