//! What documents are after some calls: their changes one after the other in call order, merged places by their rule.

use crate::law::json::{Json, Seg};

use super::body::Change;
use super::model::{Merge, Program};
use super::place;
use super::serial::{Call, Run, Unfit, document, fill, given};

/// All documents after these calls, which stand in call order.
pub fn replay(run: &Run<'_>, calls: &[usize]) -> Result<Json, Unfit> {
    let mut store = given(run.program);
    for &at in calls {
        let call = &run.calls[at];
        let Some(done) = &call.done else { return Err(Unfit("a call that was not made")) };
        let mut merged: Vec<Vec<Seg>> = Vec::new();
        for change in &done.changes {
            match rule(run.program, change.path()) {
                None => change.apply(&mut store).ok_or(Unfit("a change that does not fit"))?,
                Some((depth, rule)) => {
                    let path = change.path()[..=depth].to_vec();
                    check_whole(change, depth, rule)?;
                    if !merged.contains(&path) {
                        merge(&mut store, call, &path, rule)?;
                        merged.push(path);
                    }
                }
            }
        }
        fill(run.program, &mut store, call, done)?;
    }
    Ok(store)
}

/// The rule that covers the place, and how many of its keys it names.
pub fn rule(program: &Program, path: &[Seg]) -> Option<(usize, Merge)> {
    let keys: Vec<&str> = path[1..]
        .iter()
        .map(|seg| match seg {
            Seg::Key(key) => key.as_str(),
            Seg::Append => "[]",
        })
        .collect();
    program.merge_at(document(path), &keys)
}

/// A number is merged whole, a collection may be added to.
fn check_whole(change: &Change, depth: usize, rule: Merge) -> Result<(), Unfit> {
    let is_whole = change.path().len() == depth + 1 && matches!(change, Change::Set(..));
    if is_whole || rule == Merge::Union && !matches!(change, Change::Delete(_)) {
        Ok(())
    } else {
        Err(Unfit("a change inside a number, or of a merged place"))
    }
}

/// Combines what the call left at the place with what stands there.
fn merge(store: &mut Json, call: &Call, path: &[Seg], rule: Merge) -> Result<(), Unfit> {
    let wrote =
        call.done.as_ref().and_then(|done| done.end.as_ref()?.at(path)).ok_or(Unfit("nothing merged"))?;
    let (seen, stands) = (call.view.at(path), store.at(path));
    let number = |value: Option<&Json>| match value {
        None => Ok(0),
        Some(value) => value.as_int().ok_or(Unfit("no number to merge")),
    };
    let value = match (rule, stands) {
        (Merge::Sum, _) => Json::int(number(stands)? + number(Some(wrote))? - number(seen)?),
        (Merge::Min | Merge::Max, None) => wrote.clone(),
        (Merge::Min, Some(_)) => Json::int(number(stands)?.min(number(Some(wrote))?)),
        (Merge::Max, Some(_)) => Json::int(number(stands)?.max(number(Some(wrote))?)),
        (Merge::Union, stands) => union(seen, stands, wrote)?,
    };
    place::set(store, path, value).ok_or(Unfit("a merged place that does not fit"))
}

fn union(seen: Option<&Json>, stands: Option<&Json>, wrote: &Json) -> Result<Json, Unfit> {
    let nothing = Json::Array(Vec::new());
    let (Json::Array(stands), Json::Array(wrote)) = (stands.unwrap_or(&nothing), wrote) else {
        return Err(Unfit("no union"));
    };
    if let Some(Json::Array(seen)) = seen
        && seen.iter().any(|item| !wrote.contains(item))
    {
        return Err(Unfit("a union that takes away"));
    }
    let mut items = stands.clone();
    for item in wrote {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    Ok(Json::Array(items))
}
