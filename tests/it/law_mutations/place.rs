//! Values changed at a place as Python would change them. `None`: Python would raise.

use crate::law::json::{Json, Seg};

pub fn key(text: &str) -> Seg {
    Seg::Key(text.to_owned())
}

/// Whether two known places are one, or one in the other. An appended element is none that an index names.
pub fn overlap(a: &[Seg], b: &[Seg]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

/// `root[a][b] = value`, with `setdefault` on the way.
pub fn set(root: &mut Json, path: &[Seg], value: Json) -> Option<()> {
    *slot(root, path, &Json::empty())? = value;
    Some(())
}

/// `root[a].setdefault(b, []).append(value)`.
pub fn append(root: &mut Json, path: &[Seg], value: Json) -> Option<()> {
    match slot(root, path, &Json::Array(Vec::new()))? {
        Json::Array(items) => items.push(value),
        _ => return None,
    }
    Some(())
}

/// `root[a].setdefault(b, empty)`.
pub fn ensure(root: &mut Json, path: &[Seg], empty: &Json) -> Option<()> {
    slot(root, path, empty).map(|_| ())
}

/// `del root[a][b]`, of an object or an array.
pub fn delete(root: &mut Json, path: &[Seg]) -> Option<()> {
    let (last, above) = path.split_last()?;
    let Seg::Key(last) = last else { return None };
    root.at(path)?;
    match slot(root, above, &Json::Null)? {
        Json::Object(members) => members.retain(|(name, _)| name != last),
        Json::Array(items) => drop(items.remove(last.parse().ok()?)),
        _ => return None,
    }
    Some(())
}

/// What stands at the place; if nothing does, `made` is put there.
fn slot<'a>(root: &'a mut Json, path: &[Seg], made: &Json) -> Option<&'a mut Json> {
    let Some((Seg::Key(first), rest)) = path.split_first() else {
        return path.is_empty().then_some(root);
    };
    let next = match root {
        Json::Object(members) => {
            let at = members.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
                let new = if rest.is_empty() { made.clone() } else { Json::empty() };
                members.push((first.clone(), new));
                members.len() - 1
            });
            &mut members[at].1
        }
        Json::Array(items) => items.get_mut(first.parse::<usize>().ok()?)?,
        _ => return None,
    };
    slot(next, rest, made)
}
