//! A task's operations as plain Python on dicts and lists: the script that edits the documents' files. Written so that the
//! same lines can stand in a function that is given the documents as arguments.

use crate::law::json::quote;

use super::model::{Expr, Fails, Op, Place, Prints, Step, Task, What};

const HELP: &str = r#"
def step(here, key):
    return int(key) if isinstance(here, list) else key

def look(here, *keys):
    try:
        for key in keys:
            here = here[step(here, key)]
        return here
    except (KeyError, IndexError, TypeError, ValueError):
        return 0

def down(here, keys, last):
    for at, key in enumerate(keys):
        key = step(here, key)
        if isinstance(here, dict):
            here.setdefault(key, last if at == len(keys) - 1 else {})
        here = here[key]
    return here

def put(here, *keys_and_value):
    *keys, last, value = keys_and_value
    here = down(here, keys, {})
    here[step(here, last)] = value

def push(here, *keys_and_value):
    *keys, value = keys_and_value
    down(here, keys, []).append(value)

def drop(here, *keys):
    here = down(here, keys[:-1], {})
    del here[step(here, keys[-1])]
"#;

/// A whole script: reads the files, does what the task does, writes them back.
pub fn script(task: &Task) -> String {
    let mut lines = vec!["import json, os, sys".to_owned(), HELP.to_owned()];
    lines.push("key = json.loads(os.environ['DECO_KEY'])".to_owned());
    for (at, (name, _)) in task.variables.iter().enumerate() {
        lines.push(format!("{name} = key[{at}]"));
    }
    for (at, _) in task.templates().enumerate() {
        lines.push(format!("x{at} = json.loads(sys.argv[{}])", at + 1));
    }
    let mut documents: Vec<&str> = task.mutates.iter().map(|place| &*place.document).collect();
    documents.dedup();
    for name in &documents {
        lines.push(format!("{name} = json.load(open(os.environ['DECO_DOC_{}']))", name.to_uppercase()));
    }
    let write_back = documents
        .iter()
        .map(|name| format!("json.dump({name}, open(os.environ['DECO_DOC_{}'], 'w'))", name.to_uppercase()));
    let write_back: Vec<String> = write_back.collect();
    let fails = write_back.join("; ") + "; print('[13]'); sys.exit(4)";
    lines.extend(operations(task, &format!("if os.environ['DECO_ATTEMPT'] == '1': {fails}")));
    lines.extend(write_back);
    if let (Fails::For(value), Some((name, _))) = (&task.fails, task.variables.first()) {
        lines.push(format!("if {name} == {}: sys.exit(3)", value.compact()));
    }
    let registers = task.body.iter().filter(|op| matches!(op.what, What::Template(_) | What::Get(_))).count();
    let read: String = (0..registers).map(|at| format!(", x{at}")).collect();
    lines.push(match &task.prints {
        Prints::Constant(value) => format!("print({})", quote(&value.compact())),
        Prints::Everything => format!("print(json.dumps([key{read}]))"),
    });
    lines.join("\n") + "\n"
}

/// The operations, a line each; `fails` stands where the first attempt ends.
fn operations(task: &Task, fails: &str) -> Vec<String> {
    let mut register = task.templates().count();
    let mut lines = Vec::new();
    for (at, op) in task.body.iter().enumerate() {
        if task.fails == Fails::AtFirst(at) {
            lines.push(fails.to_owned());
        }
        lines.extend(operation(op, task, &mut register));
    }
    lines
}

fn operation(op: &Op, task: &Task, register: &mut usize) -> Option<String> {
    let line = match &op.what {
        What::Template(_) => return None,
        What::Get(place) => {
            let at = *register;
            *register += 1;
            format!("x{at} = look({})", arguments(place))
        }
        What::Set(place, value) => format!("put({}, {})", arguments(place), expr(value, task)),
        What::Append(place, value) => format!("push({}, {})", arguments(place), expr(value, task)),
        What::Delete(place) => format!("drop({})", arguments(place)),
    };
    Some(match op.guard {
        Some((register, true)) => format!("if x{register} % 2 == 0: {line}"),
        Some((register, false)) => format!("if x{register} % 2 != 0: {line}"),
        None => line,
    })
}

fn arguments(place: &Place) -> String {
    let steps = place.steps.iter().map(|step| match step {
        Step::Key(key) => format!(", {}", quote(key)),
        Step::Variable(name) => format!(", str({name})"),
        Step::Shifted(name, by) => format!(", str({name} + {by})"),
        Step::Register(at) => format!(", str(x{at})"),
    });
    format!("{}{}", place.document, steps.collect::<String>())
}

fn expr(value: &Expr, task: &Task) -> String {
    match value {
        Expr::Constant(value) => format!("json.loads({})", quote(&value.compact())),
        Expr::Key => task.variables.first().map(|(name, _)| name.clone()).unwrap_or_default(),
        Expr::Register(at) => format!("x{at}"),
        Expr::Plus(at, by) => format!("x{at} + {by}"),
    }
}
