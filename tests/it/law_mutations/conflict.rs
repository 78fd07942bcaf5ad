//! The contract's two rules, pair by pair: which calls that nothing orders are in conflict, and where.

use crate::law::json::Seg;

use super::body::{Deed, Done};
use super::model::Program;
use super::place::overlap;
use super::serial::Unfit;

type Access = (Vec<Seg>, Deed);

/// The places of a conflict between two calls, the first of which comes first in call order.
pub fn places(program: &Program, first: &Done, second: &Done) -> Result<Vec<Vec<Seg>>, Unfit> {
    let mut places = Vec::new();
    for one in first.accesses.iter().filter(|(_, deed)| *deed != Deed::Read) {
        for other in &second.accesses {
            if overlap(&one.0, &other.0)
                && !is_covered(program, one, other)
                && collide(first, one, second, other)?
            {
                places.extend([one.0.clone(), other.0.clone()]);
            }
        }
    }
    Ok(places)
}

fn collide(first: &Done, one: &Access, second: &Done, other: &Access) -> Result<bool, Unfit> {
    Ok(match (&one.1, &other.1) {
        // by who looks just there, or at what holds it
        (Deed::Made, Deed::Read) => other.0.len() <= one.0.len(),
        (Deed::Made, _) | (_, Deed::Made) => false,
        (_, Deed::Read) => true,
        (Deed::Append, Deed::Append) => one.0.len() != other.0.len(),
        (Deed::Write(a), Deed::Write(b)) => {
            let equal = one.0 == other.0 && a == b;
            if equal && !(wrote_once(first, &one.0) && wrote_once(second, &other.0)) {
                return Err(Unfit("whether writes that were overwritten count"));
            }
            !(equal && is_blind(first, &one.0) && is_blind(second, &other.0))
        }
        _ => true,
    })
}

fn wrote_once(done: &Done, path: &[Seg]) -> bool {
    let writes = |(place, deed): &&Access| *deed != Deed::Read && overlap(place, path);
    done.accesses.iter().filter(writes).count() == 1
}

fn is_blind(done: &Done, path: &[Seg]) -> bool {
    !done.accesses.iter().any(|(place, deed)| *deed == Deed::Read && overlap(place, path))
}

/// Whether `[documents]` lifts the conflict.
fn is_covered(program: &Program, one: &Access, other: &Access) -> bool {
    let keys = |path: &[Seg]| -> Vec<String> {
        path.iter()
            .map(|seg| match seg {
                Seg::Key(key) => key.clone(),
                Seg::Append => "[]".to_owned(),
            })
            .collect()
    };
    let merge = |path: &[Seg]| {
        let keys = keys(path);
        let below: Vec<&str> = keys[1..].iter().map(String::as_str).collect();
        program.merge_at(&keys[0], &below)
    };
    let document = &keys(&one.0)[0];
    // nothing covers what is taken away
    let merged = merge(&one.0).filter(|_| one.1 != Deed::Write(None) && other.1 != Deed::Write(None));
    program.rules_of(document).is_some_and(|rules| rules.last)
        // a rule covers the places that it names, not who looks at what holds them
        || merged.is_some() && merged == merge(&other.0)
}
