//! The calls of a model: their bindings, the places they read and fill, and which needs which.

use super::super::json::{Json, Seg};
use super::super::model::{After, Bound, Found, Items, Manifest, Place, Step, Task};
use super::Unfit;

pub type Binding = Vec<(String, Json)>;

/// One call, or, for a task without calls, what stands for its place in the order.
pub struct Call {
    pub task: usize,
    pub binding: Vec<(String, Json)>,
    pub reads: Vec<Vec<Seg>>,
    pub fills: Vec<Vec<Seg>>,
    /// Its task has no calls.
    pub is_nothing: bool,
}

/// A place as far as it is known before the run.
pub struct Known {
    pub exact: Vec<Seg>,
    /// Further places whose values say where it goes on.
    pub others: Vec<Vec<Seg>>,
}

pub struct Calls {
    /// By task, then in key order.
    pub all: Vec<Call>,
    /// For each call those that it waits for.
    pub needs: Vec<Vec<usize>>,
}

impl Calls {
    pub fn expand(model: &Manifest) -> Result<Calls, Unfit> {
        let mut all = Vec::new();
        for (index, task) in model.tasks.iter().enumerate() {
            if names_unknown(model, task) {
                return Err(Unfit("no such document"));
            }
            let bindings = bindings(model, task).ok_or(Unfit("no such item"))?;
            let texts =
                |binding: &Binding| binding.iter().map(|(_, value)| value.to_text()).collect::<Vec<_>>();
            let mut keys: Vec<_> = bindings.iter().map(texts).collect();
            keys.sort();
            if keys.windows(2).any(|two| two[0] == two[1]) {
                return Err(Unfit("equal keys"));
            }
            for binding in &bindings {
                all.push(call(model, index, binding)?);
            }
            if bindings.is_empty() {
                all.push(no_call(model, index)?);
            }
        }
        let comes_after = comes_after(model, &all)?;
        let needs: Vec<Vec<usize>> = (0..all.len())
            .map(|reader| (0..all.len()).filter(|&other| needs(&all, &comes_after, reader, other)).collect())
            .collect();
        refuse_conflicts(&all, &closure(&needs))?;
        Ok(Calls { all, needs })
    }
}

fn names_unknown(model: &Manifest, task: &Task) -> bool {
    let expanded = task.places_expanded().into_iter();
    let mut places = task.places_read().into_iter().map(|(place, _)| place).chain(expanded);
    places.any(|place| !is_document(model, &place.document))
}

fn call(model: &Manifest, task: usize, binding: &[(String, Json)]) -> Result<Call, Unfit> {
    let mut call =
        Call { task, binding: binding.to_vec(), reads: Vec::new(), fills: Vec::new(), is_nothing: false };
    for read in &model.tasks[task].reads {
        let known = known(model, &call, &read.place).ok_or(Unfit("no such key"))?;
        call.reads.push(known.exact);
        call.reads.extend(known.others);
    }
    call.reads.extend(reads_of_expansion(&model.tasks[task]));
    for (place, _) in model.tasks[task].fills() {
        call.fills.push(known(model, &call, &place).ok_or(Unfit("no such key"))?.exact);
    }
    Ok(call)
}

fn no_call(model: &Manifest, task: usize) -> Result<Call, Unfit> {
    let fills = model.tasks[task].fills();
    let parts: Option<Vec<_>> = fills.iter().map(|(place, _)| Some(constant_part(place)?.0)).collect();
    let fills = parts.ok_or(Unfit("a path without variables"))?;
    let reads = reads_of_expansion(&model.tasks[task]);
    Ok(Call { task, binding: Vec::new(), reads, fills, is_nothing: true })
}

/// What the task's variables go over, as far as that is the same for all calls.
pub fn reads_of_expansion(task: &Task) -> Vec<Vec<Seg>> {
    let reads = task.places_expanded().into_iter().map(|place| {
        let known = place.steps.iter().map_while(|step| match step {
            Step::Field(name) => Some(Seg::Key(name.clone())),
            Step::Constant(value) => Some(Seg::Key(value.to_text())),
            _ => None,
        });
        std::iter::once(Seg::Key(place.document.clone())).chain(known).collect()
    });
    reads.collect()
}

fn needs(all: &[Call], comes_after: &[Vec<bool>], reader: usize, other: usize) -> bool {
    let reads_it =
        all[reader].reads.iter().any(|read| all[other].fills.iter().any(|fill| may_overlap(read, fill)));
    comes_after[reader][other] || reads_it && !comes_after[other][reader]
}

/// Which call comes after which by `after`, directly or through others.
fn comes_after(model: &Manifest, all: &[Call]) -> Result<Vec<Vec<bool>>, Unfit> {
    let mut edges = vec![Vec::new(); all.len()];
    for (index, call) in all.iter().enumerate() {
        for after in &model.tasks[call.task].after {
            let (After::Task(name) | After::SameKey(name)) = after;
            let targets: Vec<usize> = (0..all.len())
                .filter(|&at| model.tasks[all[at].task].name == *name)
                .filter(|&at| matches!(after, After::Task(_)) || same_key(&all[at], call))
                .collect();
            if targets.is_empty() || call.is_nothing || targets.iter().any(|&at| all[at].is_nothing) {
                return Err(Unfit("after a task without calls"));
            }
            edges[index].extend(targets);
        }
    }
    Ok(closure(&edges))
}

fn same_key(a: &Call, b: &Call) -> bool {
    let texts = |call: &Call| call.binding.iter().map(|(_, value)| value.to_text()).collect::<Vec<_>>();
    texts(a) == texts(b)
}

/// Unordered calls that change overlapping places, unless both append.
fn refuse_conflicts(all: &[Call], reach: &[Vec<bool>]) -> Result<(), Unfit> {
    let both_append = |a: &[Seg], b: &[Seg]| a == b && a.last() == Some(&Seg::Append);
    for (index, call) in all.iter().enumerate() {
        for (other_index, other) in all.iter().enumerate().take(index + 1) {
            let ordered = reach[index][other_index] || reach[other_index][index];
            for (at, fill) in call.fills.iter().enumerate() {
                for (other_at, other_fill) in other.fills.iter().enumerate() {
                    let is_itself = index == other_index && at == other_at;
                    let free = call.is_nothing || other.is_nothing;
                    let overlap = may_overlap(fill, other_fill) && !both_append(fill, other_fill);
                    if overlap && !free && !is_itself && (!ordered || index == other_index) {
                        return Err(Unfit("unordered calls fill one place"));
                    }
                }
            }
        }
    }
    Ok(())
}

/// From edges, everything that can be reached.
pub fn closure(edges: &[Vec<usize>]) -> Vec<Vec<bool>> {
    let count = edges.len();
    let mut reach = vec![vec![false; count]; count];
    for (from, targets) in edges.iter().enumerate() {
        targets.iter().for_each(|&to| reach[from][to] = true);
    }
    for through in 0..count {
        for from in 0..count {
            if reach[from][through] {
                let further = reach[through].clone();
                reach[from].iter_mut().zip(further).for_each(|(to, further)| *to |= further);
            }
        }
    }
    reach
}

pub fn may_overlap(a: &[Seg], b: &[Seg]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b || *a == Seg::Append || *b == Seg::Append)
}

/// Whether every call of the task finds a filler or given data there.
pub fn is_filled(model: &Manifest, reader: &Task, place: &Place) -> bool {
    let Ok(calls) = Calls::expand(model) else { return false };
    let Some(bindings) = bindings(model, reader) else { return false };
    let data = Json::Object(model.data.clone());
    bindings.into_iter().all(|binding| {
        let reader = Call { task: 0, binding, reads: Vec::new(), fills: Vec::new(), is_nothing: false };
        known(model, &reader, place).is_some_and(|known| {
            let overlaps = |call: &Call| call.fills.iter().any(|fill| may_overlap(fill, &known.exact));
            let is_below = |call: &Call| call.fills.iter().any(|fill| fill.len() < known.exact.len());
            let fills = |call: &Call| overlaps(call) && !(call.is_nothing && is_below(call));
            data.at(&known.exact).is_some() || calls.all.iter().any(fills)
        })
    })
}

/// All bindings of a task's variables in key order; `None`: an item that cannot be looked up.
pub fn bindings(model: &Manifest, task: &Task) -> Option<Vec<Binding>> {
    if let Some(Found::Nothing) = task.found {
        return Some(Vec::new());
    }
    let mut bindings = vec![Vec::new()];
    for variable in &task.variables {
        let mut longer = Vec::new();
        for binding in &bindings {
            for item in items(model, task, &variable.items, binding)? {
                let mut next = binding.clone();
                next.push((variable.name.clone(), item));
                longer.push(next);
            }
        }
        bindings = longer;
    }
    let leaves_out = |left: &Binding, binding: &Binding| {
        left.iter().all(|(name, value)| bound_value(binding, name).is_some_and(|bound| bound == value))
    };
    bindings.retain(|binding| !task.exclude.iter().any(|left| leaves_out(left, binding)));
    let names = || task.variables.iter().map(|variable| variable.name.clone());
    bindings.extend(task.include.iter().map(|values| names().zip(values.iter().cloned()).collect()));
    Some(bindings)
}

fn items(model: &Manifest, task: &Task, items: &Items, binding: &[(String, Json)]) -> Option<Vec<Json>> {
    match items {
        Items::Given(values) => Some(values.clone()),
        Items::Document(name) => members(data(model, name)?),
        Items::Filled(place) => members(filled(model, task, place, binding)?),
        Items::Range(start, bound) => {
            let end = match bound {
                Bound::Constant(end) => *end,
                Bound::Shifted(name, by) => bound_value(binding, name)?.as_int()? + by,
                Bound::Filled(place, by) => filled(model, task, place, binding)?.as_int()? + by,
            };
            Some((*start..end).map(Json::int).collect())
        }
        Items::Lookup(document, name) => {
            match data(model, document)?.get(&bound_value(binding, name)?.to_text())? {
                Json::Array(values) => Some(values.clone()),
                _ => None,
            }
        }
    }
}

/// What a `for` goes over: the items of an array, the keys of an object.
fn members(value: &Json) -> Option<Vec<Json>> {
    match value {
        Json::Array(values) => Some(values.clone()),
        Json::Object(members) => Some(members.iter().map(|(key, _)| Json::text(key)).collect()),
        _ => None,
    }
}

/// What stands at a place when the task is expanded.
fn filled<'a>(
    model: &Manifest,
    task: &'a Task,
    place: &Place,
    binding: &[(String, Json)],
) -> Option<&'a Json> {
    let Some(Found::Documents(documents)) = &task.found else { return None };
    let call =
        Call { task: 0, binding: binding.to_vec(), reads: Vec::new(), fills: Vec::new(), is_nothing: false };
    documents.at(&known(model, &call, place)?.exact)
}

fn is_document(model: &Manifest, name: &str) -> bool {
    let fills_it = |task: &Task| task.fills().iter().any(|(place, _)| place.document == name);
    data(model, name).is_some() || model.tasks.iter().any(fills_it)
}

fn data<'a>(model: &'a Manifest, name: &str) -> Option<&'a Json> {
    model.data.iter().find(|(given, _)| given == name).map(|(_, value)| value)
}

fn bound_value<'a>(binding: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    binding.iter().find(|(bound, _)| bound == name).map(|(_, value)| value)
}

/// The place as far as constants, variables and given documents tell.
pub fn known(model: &Manifest, call: &Call, place: &Place) -> Option<Known> {
    let mut path = Known { exact: vec![Seg::Key(place.document.clone())], others: Vec::new() };
    for step in &place.steps {
        if let Step::Dynamic(inner) = step {
            let inner = known(model, call, inner)?;
            path.others.push(inner.exact);
            path.others.extend(inner.others);
            break;
        }
        path.exact.push(seg(model, call, step)?);
    }
    Some(path)
}

/// One step of a place; `Dynamic` is not for here.
pub fn seg(model: &Manifest, call: &Call, step: &Step) -> Option<Seg> {
    let variable = |name: &str| bound_value(&call.binding, name);
    Some(Seg::Key(match step {
        Step::Field(name) => name.clone(),
        Step::Constant(value) => value.to_text(),
        Step::Variable(name) => variable(name)?.to_text(),
        Step::Shifted(name, by) => (variable(name)?.as_int()? + by).to_string(),
        Step::Lookup(document, name) => data(model, document)?.get(&variable(name)?.to_text())?.to_text(),
        Step::Append => return Some(Seg::Append),
        Step::Dynamic(_) => return None,
    }))
}

/// The path before the first step that differs from call to call, and the empty container that stands there;
/// `None`: no step does.
pub fn constant_part(place: &Place) -> Option<(Vec<Seg>, Json)> {
    let mut path = vec![Seg::Key(place.document.clone())];
    for step in &place.steps {
        match step {
            Step::Field(name) => path.push(Seg::Key(name.clone())),
            Step::Constant(value) => path.push(Seg::Key(value.to_text())),
            Step::Append => return Some((path, Json::Array(Vec::new()))),
            _ => return Some((path, Json::empty())),
        }
    }
    None
}
