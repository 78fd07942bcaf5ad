//! The program as a manifest's text, and the scripts of those tasks that edit files.

use crate::law::json::{Json, quote};
use crate::law::write::toml;

use super::model::{After, Expr, Fails, Form, Items, Merge, Place, Prints, Program, Rules, Step, Task, What};
use super::python;

/// The whole `deco.toml`.
pub fn manifest(program: &Program) -> String {
    let mut out = String::new();
    if !program.data.is_empty() {
        out.push_str("[data]\n");
    }
    for (name, value) in &program.data {
        out.push_str(&format!("{name} = {}\n", toml(value)));
    }
    program.rules.iter().for_each(|rules| out.push_str(&rules_text(rules)));
    for task in &program.tasks {
        out.push_str(&format!("\n[tasks.{}]\n", task.name));
        for (key, value) in keys(task) {
            out.push_str(&format!("{key} = {value}\n"));
        }
    }
    out
}

/// Further files, by name.
pub fn files(program: &Program) -> Vec<(String, String)> {
    let scripts = program.tasks.iter().filter(|task| task.form != Form::Commands);
    scripts.map(|task| (format!("{}.py", task.name), python::text(task))).collect()
}

fn rules_text(rules: &Rules) -> String {
    let mut out = format!("\n[documents.{}]\n", rules.document);
    if rules.last {
        out.push_str("on-conflict = \"last\"\n");
    }
    let word = |merge: &Merge| match merge {
        Merge::Sum => "sum",
        Merge::Min => "min",
        Merge::Max => "max",
        Merge::Union => "union",
    };
    if !rules.merge.is_empty() {
        let entries = rules.merge.iter();
        let entries =
            entries.map(|(keys, merge)| format!("{} = {}", quote(&keys.join(".")), quote(word(merge))));
        out.push_str(&format!("merge = {{ {} }}\n", join(entries)));
    }
    out
}

fn keys(task: &Task) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    if !task.variables.is_empty() {
        let entry = |(name, items): &(String, Items)| match items {
            Items::Given(values) => format!("{name} = {}", toml(&Json::Array(values.clone()))),
            Items::Changed(place) => format!("{name} = {}", quote(&expression(place))),
        };
        keys.push(("for", format!("{{ {} }}", join(task.variables.iter().map(entry)))));
    }
    if let (Some(value), Some((name, _))) = (&task.skips, task.variables.first()) {
        keys.push(("if", quote(&format!("{name} != {}", value.compact()))));
    }
    match task.form {
        Form::Function => keys.push(("call", quote(&python::call(task)))),
        Form::Commands | Form::File => keys.push(("run", run(task))),
    }
    for (key, places) in [("mutates", &task.mutates), ("reads", &task.looks_at)] {
        if !places.is_empty() {
            keys.push((key, format!("[{}]", join(places.iter().map(|place| quote(&expression(place)))))));
        }
    }
    if let Some(place) = &task.fills {
        keys.extend((task.form != Form::Function).then(|| ("result", quote("json"))));
        keys.push(("fills", quote(&expression(place))));
    }
    if !task.after.is_empty() {
        keys.push((
            "after",
            format!("[{}]", join(task.after.iter().map(|after| quote(&target(after, task))))),
        ));
    }
    match task.fails {
        Fails::Never => {}
        Fails::AtFirst(_) => {
            keys.extend([("retries", "1".to_owned()), ("retry-delay", quote("1ms"))]);
            keys.extend((task.form != Form::Function).then(|| ("retry-on", "[4]".to_owned())));
        }
        Fails::For(_) => keys.push(("allow-failure", "true".to_owned())),
    }
    keys.extend(task.default.iter().map(|value| ("default", toml(value))));
    keys
}

fn target(after: &After, task: &Task) -> String {
    match after {
        After::Task(name) => name.clone(),
        After::SameKey(name) => {
            let parts = task.variables.iter().map(|(name, _)| format!("${{{{ {name} }}}}"));
            format!("{name}[{}]", parts.collect::<Vec<_>>().join(","))
        }
    }
}

/// A place as an expression, `fills` and `mutates` have it.
pub fn expression(place: &Place) -> String {
    let steps = place.steps.iter().map(|step| match step {
        Step::Key(key) => format!("[{}]", quote(key)),
        Step::Variable(name) => format!("[{name}]"),
        Step::Shifted(name, by) if *by < 0 => format!("[{name} - {}]", -by),
        Step::Shifted(name, by) => format!("[{name} + {by}]"),
        // only operations have such a place
        Step::Register(at) => format!("[x{at}]"),
    });
    format!("{}{}", place.document, steps.collect::<String>())
}

fn template(place: &Place) -> String {
    format!("${{{{ {} | default(0) | tojson }}}}", expression(place))
}

fn run(task: &Task) -> String {
    if task.form == Form::File {
        let script = format!("{}.py", task.name);
        let words = ["python3", "-S", "-E", &script].map(str::to_owned).into_iter();
        return format!("[{}]", join(words.chain(task.templates().map(template)).map(|word| quote(&word))));
    }
    format!("'''\n{}'''", script(task))
}

/// The operations, each a `deco` of its own.
fn script(task: &Task) -> String {
    let mut lines = vec![":".to_owned()];
    let mut register = 0;
    for place in task.templates() {
        lines.push(format!("x{register}={}", template(place)));
        register += 1;
    }
    let fails_at = match task.fails {
        Fails::AtFirst(at) => Some(at),
        _ => None,
    };
    for (at, op) in task.body.iter().enumerate() {
        if fails_at == Some(at) {
            lines.push("if [ \"$DECO_ATTEMPT\" = 1 ]; then echo '[13]'; exit 4; fi".to_owned());
        }
        let mut line = operation(&op.what, task, &mut register);
        if let Some((register, even)) = op.guard {
            let test = if even { "eq" } else { "ne" };
            line = format!("if [ $((x{register} % 2)) -{test} 0 ]; then {line}; fi");
        }
        lines.push(line);
    }
    if let (Fails::For(value), Some((name, _))) = (&task.fails, task.variables.first()) {
        lines.push(format!("if [ \"{}\" = {} ]; then exit 3; fi", variable(name), value.to_text()));
    }
    if task.dawdles {
        let first = match task.variables.first() {
            Some((_, Items::Given(values))) => values.first().map(Json::to_text),
            _ => None,
        };
        let name = task.variables.first().map(|(name, _)| variable(name)).unwrap_or_default();
        lines.extend(first.map(|first| format!("if [ \"{name}\" = {first} ]; then sleep 0.03; fi")));
    }
    if task.fills.is_some() {
        lines.push(printed(task, register));
    }
    lines.retain(|line| !line.is_empty());
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn printed(task: &Task, registers: usize) -> String {
    match &task.prints {
        Prints::Constant(value) => format!("printf '%s' '{}'", value.compact()),
        Prints::Everything => {
            let words: String = (0..registers).map(|at| format!(" \"$x{at}\"")).collect();
            format!("printf '[%s{}]' \"$DECO_KEY\"{words}", ",%s".repeat(registers))
        }
    }
}

fn operation(what: &What, task: &Task, register: &mut usize) -> String {
    match what {
        What::Template(_) => String::new(),
        What::Get(place) => {
            let at = *register;
            *register += 1;
            format!("x{at}=$(\"$LAW_DECO\" get {} --default 0)", word(place))
        }
        What::Set(place, value) => format!("\"$LAW_DECO\" set {} {}", word(place), argument(value, task)),
        What::Append(place, value) => {
            format!("\"$LAW_DECO\" append {} {}", word(place), argument(value, task))
        }
        What::Delete(place) => format!("\"$LAW_DECO\" delete {}", word(place)),
    }
}

/// A place as a word for the shell.
fn word(place: &Place) -> String {
    let steps = place.steps.iter().map(|step| match step {
        Step::Key(key) if key.contains(' ') => format!("[\\\"{key}\\\"]"),
        Step::Key(key) if key.parse::<u32>().is_ok() => format!("[{key}]"),
        Step::Key(key) => format!(".{key}"),
        Step::Variable(name) => format!("[{}]", variable(name)),
        Step::Shifted(name, by) => format!("[$(({} + {by}))]", variable(name)),
        Step::Register(at) => format!("[$x{at}]"),
    });
    format!("\"{}{}\"", place.document, steps.collect::<String>())
}

fn variable(name: &str) -> String {
    format!("$DECO_VAR_{}", name.to_uppercase())
}

fn argument(value: &Expr, task: &Task) -> String {
    match value {
        Expr::Constant(value) => format!("'{}'", value.compact()),
        Expr::Key => {
            task.variables.first().map_or_else(String::new, |(name, _)| format!("${{{{ {name} | tojson }}}}"))
        }
        Expr::Register(at) => format!("\"$x{at}\""),
        Expr::Plus(at, by) => format!("$((x{at} + {by}))"),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
