//! The shape of a plan as an SVG: tasks as boxes, one for all calls of a task; joins as dots, sync points as octagons. Colours
//! follow the reader's light or dark, or the page that it is put into.

use std::fmt::Write;

use super::layout::{Graph, Layout, layout};
use crate::event::shape::{JoinShape, Shape, TaskShape};

/// A letter's width, about.
const LETTER: f64 = 7.6;

const STYLE: &str = "
.deco-graph { --ink: #1f2328; --soft: #656d76; --line: #9aa4af; --box: #ffffff; --join: #0a62c4; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  .deco-graph { --ink: #e6edf3; --soft: #9aa4af; --line: #6e7681; --box: #161b22; --join: #4a9eff; }
}
.deco-graph text { fill: var(--ink); text-anchor: middle; }
.deco-graph .count { fill: var(--soft); font-size: 11px; }
.deco-graph .box { fill: var(--box); stroke: var(--line); }
.deco-graph .later { stroke-dasharray: 4 3; }
.deco-graph .dot { fill: var(--join); }
.deco-graph .sync .box { stroke: var(--join); stroke-width: 2; }
.deco-graph .edge { fill: none; stroke: var(--line); stroke-width: 1.3; }
.deco-graph .many { stroke-width: 2.6; }
.deco-graph .back { stroke-dasharray: 4 3; }
.deco-graph .head { fill: var(--line); }
";

/// What stands at a place.
enum Thing<'a> {
    Task(&'a TaskShape),
    Sync(&'a str),
    Join(&'a JoinShape),
}

/// The drawing, a whole document.
pub fn svg(shape: &Shape) -> String {
    let (things, edges) = things(shape);
    let graph = Graph {
        sizes: things.iter().map(Thing::size).collect(),
        edges: edges.iter().map(|&(from, to, _)| (from, to)).collect(),
    };
    let laid = layout(&graph);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"deco-graph\" role=\"img\" aria-label=\"the plan\" \
         width=\"{0:.0}\" height=\"{1:.0}\" viewBox=\"0 0 {0:.0} {1:.0}\">\n<style>{STYLE}</style>\n\
         <defs><marker id=\"deco-head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"head\" \
         d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
        laid.width.max(1.0),
        laid.height.max(1.0) + if laid.is_back.contains(&true) { 24.0 } else { 0.0 },
    );
    for (index, &(_, to, calls)) in edges.iter().enumerate() {
        edge(&mut out, &laid, index, calls, matches!(things[to], Thing::Join(_)));
    }
    things.iter().zip(&laid.nodes).for_each(|(thing, &centre)| thing.draw(centre, &mut out));
    out + "</svg>\n"
}

/// Nodes, and edges between them with the number of calls behind each.
fn things(shape: &Shape) -> (Vec<Thing<'_>>, Vec<(usize, usize, usize)>) {
    let mut things: Vec<Thing<'_>> = shape.tasks.iter().map(Thing::Task).collect();
    let mut names: Vec<&str> = shape.tasks.iter().map(|task| task.task.as_str()).collect();
    let joined = shape.joins.iter().flat_map(|join| join.gathers.iter().chain(&join.feeds));
    let linked = shape.edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
    for name in joined.chain(linked) {
        if !names.contains(&name.as_str()) {
            names.push(name);
            things.push(Thing::Sync(name.strip_prefix("sync.").unwrap_or(name)));
        }
    }
    let place = |name: &String| names.iter().position(|known| known == name);
    let mut edges = Vec::new();
    for join in &shape.joins {
        let at = things.len();
        things.push(Thing::Join(join));
        edges.extend(join.gathers.iter().filter_map(place).map(|from| (from, at, join.calls)));
        edges.extend(join.feeds.iter().filter_map(place).map(|to| (at, to, join.joins)));
    }
    for edge in &shape.edges {
        if let (Some(from), Some(to)) = (place(&edge.from), place(&edge.to)) {
            edges.push((from, to, edge.edges));
        }
    }
    (things, edges)
}

impl Thing<'_> {
    fn size(&self) -> (f64, f64) {
        let wide = |text: &str| 26.0 + LETTER * text.chars().count() as f64;
        match self {
            Thing::Task(task) => {
                (wide(&task.task).max(if task.calls.is_some() { 84.0 } else { 110.0 }), 40.0)
            }
            Thing::Sync(name) => (wide(name) + 12.0, 34.0),
            Thing::Join(_) => (14.0, 30.0),
        }
    }

    fn draw(&self, (x, y): (f64, f64), out: &mut String) {
        let (width, height) = self.size();
        let (left, top) = (x - width / 2.0, y - height / 2.0);
        let _ = match self {
            Thing::Task(task) => {
                let name = escaped(&task.task);
                let title =
                    task.description.as_deref().map_or(String::new(), |text| format!(": {}", escaped(text)));
                let (count, class) = match task.calls {
                    None => ("found in the run".to_owned(), "box later"),
                    Some(1) => ("1 call".to_owned(), "box"),
                    Some(calls) => (format!("{calls} calls"), "box"),
                };
                let _ = write!(out, "<g class=\"task\" data-task=\"{name}\"><title>{name}{title}</title>");
                if task.calls != Some(1) {
                    rect(out, class, (left + 5.0, top + 5.0), (width, height));
                }
                rect(out, class, (left, top), (width, height));
                text(out, "name", (x, y - 2.0), &name);
                text(out, "count", (x, y + 13.0), &count);
                writeln!(out, "</g>")
            }
            Thing::Sync(name) => {
                let name = escaped(name);
                let (right, bottom, cut) = (left + width, top + height, 9.0);
                writeln!(
                    out,
                    "<g class=\"sync\"><title>sync point {name}</title><path class=\"box\" d=\"M{:.1} {top:.1}H{:.1}L\
                     {right:.1} {:.1}V{:.1}L{:.1} {bottom:.1}H{:.1}L{left:.1} {:.1}V{:.1}z\"/><text x=\"{x:.1}\" \
                     y=\"{:.1}\">{name}</text></g>",
                    left + cut,
                    right - cut,
                    top + cut,
                    bottom - cut,
                    right - cut,
                    left + cut,
                    bottom - cut,
                    top + cut,
                    y + 4.5
                )
            }
            Thing::Join(join) => {
                let name = escaped(&join.join);
                let more =
                    if join.joins > 1 { format!(" and {} more", join.joins - 1) } else { String::new() };
                let calls = join.calls;
                let count = if join.joins > 1 { format!("×{}", join.joins) } else { String::new() };
                writeln!(
                    out,
                    "<g class=\"join\"><title>{name}{more}: {calls} calls are waited for</title><circle class=\"dot\" \
                     cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/><text class=\"count\" x=\"{x:.1}\" y=\"{:.1}\">{count}</text></g>",
                    y - 11.0
                )
            }
        };
    }
}

fn rect(out: &mut String, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\"/>"
    );
}

fn text(out: &mut String, class: &str, (x, y): (f64, f64), words: &str) {
    let _ = write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}

fn edge(out: &mut String, laid: &Layout, index: usize, calls: usize, into_join: bool) {
    let points = &laid.edges[index];
    let (Some(&(x, y)), Some(&(end_x, end_y))) = (points.first(), points.last()) else { return };
    let mut path = format!("M{x:.1} {y:.1}");
    if laid.is_back[index] {
        let low = y.max(end_y) + 44.0;
        let _ = write!(path, "C{:.1} {low:.1} {:.1} {low:.1} {end_x:.1} {end_y:.1}", x + 40.0, end_x - 40.0);
    } else {
        for pair in points.windows(2) {
            let ((x, y), (next_x, next_y)) = (pair[0], pair[1]);
            let middle = f64::midpoint(x, next_x);
            let _ = write!(path, "C{middle:.1} {y:.1} {middle:.1} {next_y:.1} {next_x:.1} {next_y:.1}");
        }
    }
    let many = if calls > 1 { " many" } else { "" };
    let back = if laid.is_back[index] { " back" } else { "" };
    let head = if into_join { "" } else { " marker-end=\"url(#deco-head)\"" };
    let _ = writeln!(out, "<path class=\"edge{many}{back}\" d=\"{path}\"{head}/>");
}

/// Text for an element or an attribute.
fn escaped(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
