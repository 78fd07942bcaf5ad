//! `[pools]`: counts, sizes, items and rates; and what `uses` may take from them.

use std::time::Duration;

use indexmap::IndexSet;
use toml::de::DeValue;

use super::reader::{Entry, Known, Node, Reader, Section, listed, no_name};
use super::{Amount, Pool, PoolKind, Sourced, Task, amount, raw};
use crate::diagnostic::{Diagnostic, Span};
use crate::name::Name;

const FORMS: &str = "for example `4`, \"8GiB\", `[\"0\", \"1\"]` for items with names, or `{ amount = 5, per = \"1s\" }` for a rate";

/// The pools of a manifest.
pub struct Pools {
    pub known: Vec<Pool>,
    /// Those that are wrong themselves: nothing more is said about them.
    suspected: Vec<String>,
}

pub fn read<'a>(reader: &Reader<'a>, root: &Section<'a>) -> Pools {
    let mut pools = Pools { known: Vec::new(), suspected: Vec::new() };
    for entry in reader.section(root, "pools").entries {
        match pool(reader, entry) {
            Some(pool) => pools.add(reader, pool),
            None => pools.suspected.push(entry.name().to_owned()),
        }
    }
    pools
}

impl Pools {
    /// Names that differ by case alone would share `$DECO_POOL_<NAME>`.
    fn add(&mut self, reader: &Reader<'_>, pool: Pool) {
        let same = |other: &&Pool| other.name.as_str().eq_ignore_ascii_case(pool.name.as_str());
        if let Some(first) = self.known.iter().find(same) {
            let message = format!("pools `{}` and `{}` differ by case alone", first.name, pool.name);
            let variable = format!("both would be `$DECO_POOL_{}`", pool.name.as_str().to_uppercase());
            let diagnostic = Diagnostic::error(message).at(pool.span.clone(), "this pool");
            reader.report(
                diagnostic.at(first.span.clone(), "the other").help(format!("rename one: {variable}")),
            );
        }
        self.known.push(pool);
    }

    /// Reports what a task takes from no pool, and more than a pool ever holds.
    pub fn check_uses(&self, reader: &Reader<'_>, task: &Task) {
        for wanted in &task.uses {
            let name = wanted.pool.as_str();
            match self.known.iter().find(|pool| pool.name == wanted.pool) {
                Some(pool) => check_amount(reader, pool, &wanted.amount, &wanted.span),
                None if self.suspected.iter().any(|suspected| suspected == name) => {}
                None => reader.report(self.unknown(name).at(wanted.span.clone(), "")),
            }
        }
    }

    fn unknown(&self, name: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error(format!("there is no pool `{name}`"));
        let known = self.known.iter().map(|pool| pool.name.as_str());
        match crate::diagnostic::nearest(name, known) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if self.known.is_empty() => {
                diagnostic.help(format!("declare it: `[pools]` and under it `{name} = 4`"))
            }
            None => diagnostic
                .help(format!("the pools are {}", listed(self.known.iter().map(|pool| pool.name.as_str())))),
        }
    }
}

fn check_amount(reader: &Reader<'_>, pool: &Pool, amount: &Amount, span: &Span) {
    let Amount::Constant(wanted) = amount else { return };
    if *wanted > pool.kind.most() {
        let message = format!("this is more than pool `{}` ever holds", pool.name);
        let diagnostic = Diagnostic::error(message).at(span.clone(), "no call could start");
        let diagnostic = diagnostic.at(pool.span.clone(), "this pool");
        reader.report(diagnostic.help("take less, or make the pool larger"));
    }
}

fn pool<'a>(reader: &Reader<'a>, entry: Entry<'a>) -> Option<Pool> {
    let span = entry.key.span();
    let name = Name::new(entry.name());
    let name =
        name.map_err(|message| reader.report(no_name(message, span.clone(), "a pool's name stands here")));
    let kind = kind(reader, entry.node);
    Some(Pool { name: name.ok()?, kind: kind?, span })
}

fn kind<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<PoolKind> {
    match node.get_ref() {
        DeValue::Integer(_) | DeValue::String(_) => capacity(reader, node).map(PoolKind::Count),
        DeValue::Array(_) => items(reader, node).map(PoolKind::Indexed),
        DeValue::Table(_) => rate(reader, node),
        _ => reader.mismatch(node, "a pool", FORMS),
    }
}

/// An amount of at least one.
fn capacity<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<u64> {
    let amount = amount::constant(reader, node)?;
    if amount == 0 {
        let diagnostic = Diagnostic::error("a pool of nothing lets no call start").at(node.span(), "");
        reader.report(diagnostic.help("give it at least 1, or leave it out"));
        return None;
    }
    Some(amount)
}

fn items<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Vec<String>> {
    let texts = reader.strings(node)?;
    if reader.array(node, "an array of strings", "")?.is_empty() {
        let diagnostic = Diagnostic::error("a pool of nothing lets no call start").at(node.span(), "");
        reader.report(diagnostic.help("name at least one item, or leave the pool out"));
        return None;
    }
    let mut items = IndexSet::new();
    for text in &texts {
        check_item(reader, text);
        if let (at, false) = items.insert_full(text.value.clone()) {
            let diagnostic = Diagnostic::error(format!("`{}` is in this pool twice", text.value));
            let diagnostic = diagnostic.at(text.place.span.clone(), "the second time");
            reader.report(
                diagnostic
                    .at(texts[at].place.span.clone(), "the first time")
                    .help("an item is given to one call at a time: take one out"),
            );
        }
    }
    Some(items.into_iter().collect())
}

/// A call finds its items in one variable, with commas between them.
fn check_item(reader: &Reader<'_>, text: &Sourced<String>) {
    let special = |c: char| c == ',' || c.is_control();
    if text.value.is_empty() || text.value.contains(special) {
        let diagnostic = Diagnostic::error(format!("{:?} is no item of a pool", text.value));
        let help = "an item is a text of at least one character, without commas: a call finds its items in one variable";
        reader.report(diagnostic.at(text.place.span.clone(), "").help(help));
    }
}

fn rate<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<PoolKind> {
    let known = Known { table: "a rate", keys: raw::names::<raw::Rate>(), not_yet: &[] };
    let table = reader.known_table(node, &known)?;
    let missing = known.keys.iter().find(|key| table.get(key).is_none());
    let all_known = table.entries.iter().all(|entry| known.keys.contains(&entry.name()));
    if let Some(key) = missing.filter(|_| all_known) {
        let diagnostic = Diagnostic::error(format!("this rate has no `{key}`")).at(node.span(), "");
        reader.report(diagnostic.help("for example `{ amount = 5, per = \"1s\" }`"));
    }
    let amount = table.get("amount").and_then(|node| capacity(reader, node));
    let per = table.get("per").and_then(|node| per(reader, node));
    Some(PoolKind::Rate { amount: amount?, per: per? })
}

fn per<'a>(reader: &Reader<'a>, node: &'a Node<'a>) -> Option<Duration> {
    let time = reader.duration(node, true)?;
    if time.is_zero() {
        let diagnostic =
            Diagnostic::error("a rate needs a time that is more than nothing").at(node.span(), "");
        reader.report(diagnostic.help("for example `per = \"1s\"`"));
        return None;
    }
    Some(time)
}
