//! Two calls that fill overlapping places, neither ordered before the other, would lose a result: found here where
//! both places are known and neither call has an `if`. The rest is found when the results come together.

use crate::diagnostic::Diagnostic;
use crate::manifest::Fill;
use crate::name::Name;
use crate::path::Path;

use super::writers::Overlap;
use super::{CallId, Plan, Reader, places};

/// Errors with the first such pair in call order, if there is one.
pub(super) fn check(plan: &mut Plan) -> Result<(), Vec<Diagnostic>> {
    let documents: Vec<Name> = plan.fillers.keys().cloned().collect();
    let mut pairs = Vec::new();
    for document in documents {
        let (overlaps, has_unknown) = plan.known_overlaps(&document);
        let count = overlaps.len();
        let certain: Vec<_> = overlaps.into_iter().filter(|overlap| is_certain(plan, overlap)).collect();
        let uncertain = has_unknown || certain.len() < count;
        // what the manifest allows is seen when the changes come together
        if !plan.manifest.sharing.contains_key(&document) {
            pairs.extend(certain.into_iter().map(|overlap| in_order(plan, overlap)));
        }
        if let Some(fillers) = plan.fillers.get_mut(&document) {
            fillers.nested = count > 0;
            fillers.uncertain = uncertain;
        }
    }
    first_unordered(plan, pairs)
        .map_or(Ok(()), |(first, second)| Err(vec![describe(plan, first, second, None)]))
}

/// Whether both changes are made in any case.
fn is_certain(plan: &Plan, overlap: &Overlap) -> bool {
    [overlap.outer, overlap.inner].iter().all(|&call| plan.task(call).condition.is_none())
}

fn in_order(plan: &Plan, overlap: Overlap) -> (CallId, CallId) {
    let Overlap { outer, inner } = overlap;
    if plan.order_of(outer) <= plan.order_of(inner) { (outer, inner) } else { (inner, outer) }
}

fn first_unordered(plan: &Plan, mut pairs: Vec<(CallId, CallId)>) -> Option<(CallId, CallId)> {
    pairs.sort_unstable_by_key(|&(first, second)| (plan.order_of(first), plan.order_of(second)));
    pairs.into_iter().find(|&(first, second)| first != second && !plan.is_ordered(first, second))
}

/// Two calls in conflict over a place, found in the run, and what to do. `by_reading`: the second looked at what the first
/// changed, rather than changing it too.
pub fn found(plan: &Plan, first: CallId, second: CallId, path: &Path, by_reading: bool) -> Diagnostic {
    let document = path.document.as_str();
    let mutates = |call| plan.task(call).mutates.iter().find(|place| *place.value.root == *document);
    let (Some(one), Some(other)) = (mutates(first), mutates(second)) else {
        return describe(plan, first, second, Some(&path.to_string()));
    };
    let (first, second) = (plan.address(first), plan.address(second));
    let message = match by_reading {
        true => {
            format!("`{second}` looked at `{path}`, which `{first}` changed, and neither waits for the other")
        }
        false => format!("`{first}` and `{second}` both changed `{path}`, and neither waits for the other"),
    };
    let error = Diagnostic::error(message).at(one.place.span.clone(), "may be changed by calls side by side");
    let error = match one.place.span == other.place.span {
        true => error,
        false => error.at(other.place.span.clone(), "and here"),
    };
    error.help(format!(
        "say how such changes combine in `[documents.{document}]`: {}`on-conflict = \"last\"`; or give each call a place \
         of its own",
        merge_in_words(path)
    ))
}

/// A rule for a place; what is appended needs none.
fn merge_in_words(path: &Path) -> String {
    if path.is_append() {
        return String::new();
    }
    let place = path.to_string();
    match place.strip_prefix(path.document.as_str()).unwrap_or_default().trim_start_matches('.') {
        "" => "`merge = \"sum\"` or ".to_owned(),
        name if Name::new(name).is_ok() => format!("`merge = {{ {name} = \"sum\" }}` or "),
        other => format!("`merge = {{ '{other}' = \"sum\" }}` or "),
    }
}

/// Two calls in conflict, the place, and what to do. `path`: the place as it turned out in the run.
pub fn describe(plan: &Plan, first: CallId, second: CallId, path: Option<&str>) -> Diagnostic {
    let found = overlapping_fills(plan, first, second, path.is_some());
    let place = path.or(found.as_ref().map(|(_, _, place)| &**place));
    let place = place.map_or(String::new(), |place| format!(" `{place}`"));
    let (one, other) = (plan.address(first), plan.address(second));
    let error =
        Diagnostic::error(format!("`{one}` and `{other}` both fill{place}, and neither waits for the other"));
    let Some((one, other, _)) = found else { return error };
    let error = error.at(one.place.place.span.clone(), format!("filled by `{}`", plan.address(first)));
    let error = if one.place.place.span == other.place.place.span {
        error
    } else {
        error.at(other.place.place.span.clone(), format!("filled by `{}`", plan.address(second)))
    };
    error.help("give each call a place of its own, append with `[]`, or order them with `after`")
}

fn overlapping_fills(
    plan: &Plan,
    first: CallId,
    second: CallId,
    may_be_unknown: bool,
) -> Option<(&Fill, &Fill, String)> {
    let path = |call: CallId, fill: &Fill| {
        places::fill_place(&fill.place.value, fill.append, &plan.before(Reader::Call(call)))
    };
    for one in &plan.task(first).fills {
        for other in &plan.task(second).fills {
            let (Some(a), Some(b)) = (path(first, one), path(second, other)) else { continue };
            let both_append = a.is_append() && b.is_append();
            if !both_append && (may_be_unknown || (a.is_known() && b.is_known())) && collide(&a, &b) {
                let inner = if a.segments.len() >= b.segments.len() { a } else { b };
                return Some((one, other, inner.to_string()));
            }
        }
    }
    None
}

/// Whether both places cannot be filled: one holds the other, or one makes an array where the other makes an object.
fn collide(one: &Path, other: &Path) -> bool {
    let container =
        |path: &Path| Path { segments: path.segments[..path.segments.len() - 1].to_vec(), ..path.clone() };
    let below = |append: &Path, other: &Path| append.is_append() && container(append).may_overlap(other);
    one.may_overlap(other) || below(one, other) || below(other, one)
}
