//! What differs between two values, as changes: what an edited file tells.

use crate::law::json::{Json, Seg};

use super::body::Change;
use super::model::Place;
use super::place::key;
use super::serial::Unfit;

/// What differs in the documents that may be mutated. Unfit is what a file cannot tell: that members stand in another order.
pub fn difference(mutates: &[Place], before: &Json, after: &Json) -> Result<Vec<Change>, Unfit> {
    let mut changes = Vec::new();
    let mut documents: Vec<&String> = mutates.iter().map(|place| &place.document).collect();
    documents.sort();
    documents.dedup();
    for document in documents {
        let path = vec![key(document)];
        compare(&path, before.at(&path), after.at(&path), &mut changes);
    }
    let mut made = before.clone();
    let applied = changes.iter().all(|change| change.apply(&mut made).is_some());
    if applied && made == *after { Ok(changes) } else { Err(Unfit("a difference that a file does not tell")) }
}

fn compare(path: &[Seg], before: Option<&Json>, after: Option<&Json>, changes: &mut Vec<Change>) {
    match (before, after) {
        (Some(_), None) => changes.push(Change::Delete(path.to_vec())),
        (None, Some(Json::Object(new))) => {
            changes.push(Change::Ensure(path.to_vec(), Json::empty()));
            members(path, &[], new, changes);
        }
        (None, Some(Json::Array(new))) => {
            changes.push(Change::Ensure(path.to_vec(), Json::Array(Vec::new())));
            changes.extend(new.iter().map(|item| Change::Append(path.to_vec(), item.clone())));
        }
        (Some(Json::Object(old)), Some(Json::Object(new))) => members(path, old, new, changes),
        (Some(Json::Array(old)), Some(Json::Array(new))) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&below(path, &at.to_string()), Some(old), Some(new), changes);
            }
        }
        (Some(Json::Array(old)), Some(Json::Array(new))) if new.starts_with(old) => {
            changes.extend(new[old.len()..].iter().map(|item| Change::Append(path.to_vec(), item.clone())));
        }
        (before, Some(new)) if before != Some(new) => changes.push(Change::Set(path.to_vec(), new.clone())),
        _ => {}
    }
}

fn members(path: &[Seg], old: &[(String, Json)], new: &[(String, Json)], changes: &mut Vec<Change>) {
    let value = |members: &[(String, Json)], name: &str| {
        members.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    };
    for (name, gone) in old.iter().filter(|(name, _)| value(new, name).is_none()) {
        compare(&below(path, name), Some(gone), None, changes);
    }
    for (name, new) in new {
        compare(&below(path, name), value(old, name).as_ref(), Some(new), changes);
    }
}

fn below(path: &[Seg], name: &str) -> Vec<Seg> {
    [path, &[key(name)]].concat()
}
