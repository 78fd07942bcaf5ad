//! A task's operations as plain Python on dicts and lists: the script that edits the documents' files, or the function
//! that is given the documents as arguments.

use crate::law::json::quote;

use super::model::{Expr, Fails, Form, Op, Place, Prints, Step, Task, What};
use super::write::expression;

const HELP: &str = r#"
def step(here, key):
    return int(key) if isinstance(here, list) else key

def look(here, *keys):
    try:
        for key in keys:
            here = here[step(here, key)]
        return copy.deepcopy(here)
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

/// The task's file: a script, or a module with its function.
pub fn text(task: &Task) -> String {
    let lines = if task.form == Form::Function { function(task) } else { script(task) };
    format!("import copy, json, os, sys\n{HELP}\n{}\n", lines.join("\n"))
}

/// Reads the files, does what the task does, writes them back.
fn script(task: &Task) -> Vec<String> {
    let mut lines = vec!["key = json.loads(os.environ['DECO_KEY'])".to_owned()];
    lines.extend(bound(task));
    for (at, _) in task.templates().enumerate() {
        lines.push(format!("x{at} = json.loads(sys.argv[{}])", at + 1));
    }
    for name in documents(task) {
        lines.push(format!("{name} = json.load(open(os.environ['DECO_DOC_{}']))", name.to_uppercase()));
    }
    let write_back = documents(task)
        .into_iter()
        .map(|name| format!("json.dump({name}, open(os.environ['DECO_DOC_{}'], 'w'))", name.to_uppercase()));
    let write_back: Vec<String> = write_back.collect();
    let fails = write_back.join("; ") + "; print('[13]'); sys.exit(4)";
    lines.extend(operations(task, &format!("if os.environ['DECO_ATTEMPT'] == '1': {fails}")));
    lines.extend(write_back);
    lines.extend(failing(task).map(|condition| format!("if {condition}: sys.exit(3)")));
    lines.push(format!("print(json.dumps({}))", result(task)));
    lines
}

/// `def t1(state, key, attempt, x0)`.
fn function(task: &Task) -> Vec<String> {
    let mut lines = bound(task);
    lines.extend(operations(task, "if attempt == 1: raise ValueError('the first attempt')"));
    lines.extend(failing(task).map(|condition| format!("if {condition}: raise ValueError('this key')")));
    lines.push(format!("return {}", result(task)));
    let registers = (0..task.templates().count()).map(|at| format!(", x{at}"));
    let parameters = format!("{}, key, attempt{}", documents(task).join(", "), registers.collect::<String>());
    let head = format!("def {}({parameters}):", task.name);
    std::iter::once(head).chain(lines.into_iter().map(|line| format!("    {line}"))).collect()
}

/// What `call` says: the function and its arguments.
pub fn call(task: &Task) -> String {
    let templates = task.templates().map(|place| format!(", {} | default(0)", expression(place)));
    let documents = documents(task).join(", ");
    format!("{0}.py:{0}({documents}, key, attempt{1})", task.name, templates.collect::<String>())
}

/// The documents that it mutates.
fn documents(task: &Task) -> Vec<&str> {
    let mut documents: Vec<&str> = task.mutates.iter().map(|place| &*place.document).collect();
    documents.sort_unstable();
    documents.dedup();
    documents
}

fn bound(task: &Task) -> Vec<String> {
    let names = task.variables.iter().enumerate();
    names.map(|(at, (name, _))| format!("{name} = key[{at}]")).collect()
}

/// For which calls it fails in the end.
fn failing(task: &Task) -> Option<String> {
    match (&task.fails, task.variables.first()) {
        (Fails::For(value), Some((name, _))) => Some(format!("{name} == {}", value.compact())),
        _ => None,
    }
}

fn result(task: &Task) -> String {
    let registers = task.body.iter().filter(|op| matches!(op.what, What::Template(_) | What::Get(_))).count();
    let read: String = (0..registers).map(|at| format!(", x{at}")).collect();
    match &task.prints {
        Prints::Constant(value) => format!("json.loads({})", quote(&value.compact())),
        Prints::Everything => format!("[key{read}]"),
    }
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
