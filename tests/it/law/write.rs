//! The model as a manifest's text.

use super::json::{Json, quote};
use super::model::{
    After, Bound, DEFAULT_TEXT, Fills, Form, Items, Manifest, Place, Read, Slot, Step, Task, Value,
};

/// The whole `deco.toml`.
pub fn manifest(model: &Manifest) -> String {
    let mut out = String::new();
    if !model.data.is_empty() {
        out.push_str("[data]\n");
    }
    for (name, value) in &model.data {
        out.push_str(&format!("{name} = {}\n", toml(value)));
    }
    for task in &model.tasks {
        out.push_str(&format!("\n[tasks.{}]\n", task.name));
        for (key, value) in keys(task) {
            out.push_str(&format!("{key} = {value}\n"));
        }
    }
    out
}

fn keys(task: &Task) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    if !task.variables.is_empty() {
        let entry = |v: &super::model::Variable| format!("{} = {}", v.name, items(&v.items));
        keys.push(("for", format!("{{ {} }}", join(task.variables.iter().map(entry)))));
    }
    let names = || task.variables.iter().map(|variable| &variable.name);
    if !task.include.is_empty() {
        let binding = |values: &Vec<Json>| table(names().zip(values.iter()));
        keys.push(("include", format!("[{}]", join(task.include.iter().map(binding)))));
    }
    if !task.exclude.is_empty() {
        let binding = |pairs: &Vec<(String, Json)>| table(pairs.iter().map(|(name, value)| (name, value)));
        keys.push(("exclude", format!("[{}]", join(task.exclude.iter().map(binding)))));
    }
    let condition = task.reads.iter().find(|read| read.slot == Slot::If);
    keys.extend(condition.map(|read| ("if", quote(&bare(read)))));
    keys.push(("run", run(task)));
    let stdin = reads(task, Slot::Stdin);
    if !stdin.is_empty() {
        keys.push(("stdin", quote(&stdin)));
    }
    let seen = reads(task, Slot::Environment);
    if !seen.is_empty() {
        keys.push(("env", format!("{{ LAW_SEEN = {} }}", quote(&seen))));
    }
    keys.push(("result", quote(task.shape.result())));
    keys.extend(fills(task).map(|fills| ("fills", fills)));
    if !task.after.is_empty() {
        keys.push((
            "after",
            format!("[{}]", join(task.after.iter().map(|after| quote(&target(after, task))))),
        ));
    }
    if task.allow_failure {
        keys.push(("allow-failure", "true".to_owned()));
    }
    keys.extend(task.default.iter().map(|value| ("default", toml(value))));
    keys
}

fn table<'a, 'b>(pairs: impl Iterator<Item = (&'a String, &'b Json)>) -> String {
    format!("{{ {} }}", join(pairs.map(|(name, value)| format!("{name} = {}", toml(value)))))
}

/// The command: the key's parts first, then what it reads.
fn run(task: &Task) -> String {
    let shape =
        if task.shaky { format!("shaky-{}", task.shape.word()) } else { task.shape.word().to_owned() };
    let slots = task.variables.iter().map(|v| (format!("${{{{ {} }}}}", v.name), false));
    let slots = slots.chain(task.reads.iter().filter_map(|read| match read.slot {
        Slot::Argument => Some((expression(read), false)),
        Slot::Inside => Some((format!("<{}>", expression(read)), true)),
        Slot::Stdin | Slot::Environment | Slot::If => None,
    }));
    let slots: Vec<(String, bool)> = slots.collect();
    if !task.shell {
        let words = ["sh", "law.sh", &shape].map(quote).into_iter();
        return format!("[{}]", join(words.chain(slots.iter().map(|(text, _)| quote(text)))));
    }
    let words =
        slots.iter().map(|(text, inside)| if *inside { format!(" '{text}'") } else { format!(" {text}") });
    quote(&format!("sh law.sh {shape}{}", words.collect::<String>()))
}

/// All that is read in this slot, one after the other.
fn reads(task: &Task, slot: Slot) -> String {
    task.reads.iter().filter(|read| read.slot == slot).map(|read| format!("{};", expression(read))).collect()
}

fn expression(read: &Read) -> String {
    format!("${{{{ {} }}}}", bare(read))
}

fn bare(read: &Read) -> String {
    let place = place(&read.place);
    match read.form {
        Form::Bare => place,
        Form::Length => format!("{place} | length"),
        Form::ToJson => format!("{place} | tojson"),
        Form::Default => format!("{place} | default({})", quote(DEFAULT_TEXT)),
        Form::Defined => format!("{place} is defined"),
        Form::IsZero => format!("{place} == 0"),
    }
}

pub fn place(place: &Place) -> String {
    let steps: String = place.steps.iter().map(step).collect();
    format!("{}{steps}", place.document)
}

fn step(step: &Step) -> String {
    match step {
        Step::Field(name) => format!(".{name}"),
        Step::Constant(value) => format!("[{}]", value.compact()),
        Step::Variable(name) => format!("[{name}]"),
        Step::Shifted(name, by) if *by < 0 => format!("[{name} - {}]", -by),
        Step::Shifted(name, by) => format!("[{name} + {by}]"),
        Step::Lookup(document, name) => format!("[{document}[{name}]]"),
        Step::Dynamic(inner) => format!("[{}]", place(inner)),
        Step::Append => "[]".to_owned(),
    }
}

fn items(items: &Items) -> String {
    match items {
        Items::Given(values) => format!("[{}]", join(values.iter().map(toml))),
        Items::Document(name) => quote(name),
        Items::Range(0, Bound::Constant(end)) => quote(&format!("range({end})")),
        Items::Range(start, Bound::Constant(end)) => quote(&format!("range({start}, {end})")),
        Items::Range(start, Bound::Shifted(name, by)) => quote(&format!("range({start}, {name} + {by})")),
        Items::Range(start, Bound::Filled(at, by)) => quote(&format!("range({start}, {} + {by})", place(at))),
        Items::Filled(at) => quote(&place(at)),
        Items::Lookup(document, name) => quote(&format!("{document}[{name}]")),
    }
}

fn fills(task: &Task) -> Option<String> {
    let value = |value: &Value| match value {
        Value::Result => "result".to_owned(),
        Value::Part(part) => format!("result{part}"),
        Value::Exit => "exit".to_owned(),
    };
    let entry = |(at, what): &(Place, Value)| format!("{} = {}", quote(&place(at)), quote(&value(what)));
    match &task.fills {
        Fills::Default => None,
        Fills::Nothing => Some("false".to_owned()),
        Fills::Path(at) => Some(quote(&place(at))),
        Fills::Table(entries) => Some(format!("{{ {} }}", join(entries.iter().map(entry)))),
    }
}

fn target(after: &After, task: &Task) -> String {
    match after {
        After::Task(name) => name.clone(),
        After::SameKey(name) => {
            let parts: Vec<String> =
                task.variables.iter().map(|v| format!("${{{{ {} }}}}", v.name)).collect();
            format!("{name}[{}]", parts.join(","))
        }
    }
}

/// A value as TOML writes it; null only as a template's value.
pub fn toml(value: &Json) -> String {
    match value {
        Json::Null => quote("${{ none }}"),
        Json::Array(items) => format!("[{}]", join(items.iter().map(toml))),
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::Object(members) => {
            format!(
                "{{ {} }}",
                join(members.iter().map(|(key, value)| format!("{} = {}", quote(key), toml(value))))
            )
        }
        flat => flat.compact(),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
