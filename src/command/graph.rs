//! `deco graph`: the plan as Graphviz dot, Mermaid or JSON, where joins are small dark nodes; and as an SVG of its shape.

use std::fmt::Write;

use petgraph::graph::NodeIndex;

use crate::cli::{GraphArgs, GraphFormat};
use crate::plan::{Node, Plan, shape};
use crate::report::drawing;
use crate::value::Value;

use super::{Exit, open, print};

pub fn run(args: &GraphArgs) -> Exit {
    let opened = match open::plan(&args.manifest) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let text = match args.format {
        GraphFormat::Dot => dot(&opened.plan),
        GraphFormat::Mermaid => mermaid(&opened.plan),
        GraphFormat::Json => json(&opened.plan),
        GraphFormat::Svg => drawing::svg(&shape::of(&opened.plan, |_| true)),
    };
    print(text.as_bytes())
}

fn dot(plan: &Plan) -> String {
    let mut text = String::from("digraph deco {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for node in plan.graph.node_indices() {
        let label = escaped(&plan.node_name(node), "\\\"");
        let shape = match plan.graph[node] {
            Node::Call(_) => "shape=box",
            Node::Join(_) => "shape=point, width=0.12, xlabel",
            Node::Sync(_) => "shape=octagon",
            Node::Expansion(_) => "shape=box3d",
        };
        let _ = match plan.graph[node] {
            Node::Join(_) => writeln!(text, "  n{} [{shape}=\"{label}\"];", node.index()),
            _ => writeln!(text, "  n{} [{shape}, label=\"{label}\"];", node.index()),
        };
    }
    for (from, to) in edges(plan) {
        let _ = writeln!(text, "  n{} -> n{};", from.index(), to.index());
    }
    text + "}\n"
}

fn mermaid(plan: &Plan) -> String {
    let mut text = String::from("flowchart LR\n");
    for node in plan.graph.node_indices() {
        let label = escaped(&plan.node_name(node), "#quot;");
        let _ = match plan.graph[node] {
            Node::Call(_) => writeln!(text, "  n{}[\"{label}\"]", node.index()),
            Node::Join(_) => writeln!(text, "  n{}((\"{label}\"))", node.index()),
            Node::Sync(_) => writeln!(text, "  n{}{{{{\"{label}\"}}}}", node.index()),
            Node::Expansion(_) => writeln!(text, "  n{}[[\"{label}\"]]", node.index()),
        };
    }
    for (from, to) in edges(plan) {
        let _ = writeln!(text, "  n{} --> n{}", from.index(), to.index());
    }
    text
}

fn json(plan: &Plan) -> String {
    let nodes = plan.graph.node_indices().map(|node| {
        let kind = match plan.graph[node] {
            Node::Call(_) => "call",
            Node::Join(_) => "join",
            Node::Sync(_) => "sync",
            Node::Expansion(_) => "expansion",
        };
        let id = Value::from(i128::try_from(node.index()).unwrap_or(0));
        Value::object([("id", id), ("kind", Value::from(kind)), ("name", Value::from(plan.node_name(node)))])
    });
    let number = |node: NodeIndex| Value::from(i128::try_from(node.index()).unwrap_or(0));
    let edges = edges(plan).map(|(from, to)| Value::object([("from", number(from)), ("to", number(to))]));
    let graph =
        Value::object([("nodes", Value::array(nodes.collect())), ("edges", Value::array(edges.collect()))]);
    graph.to_pretty_json() + "\n"
}

fn edges(plan: &Plan) -> impl Iterator<Item = (NodeIndex, NodeIndex)> + '_ {
    plan.graph.edge_indices().filter_map(|edge| plan.graph.edge_endpoints(edge))
}

/// A label's text: one line, quotes as the format writes them.
fn escaped(text: &str, quote: &str) -> String {
    text.replace('\\', "\\\\").replace('"', quote).replace('\n', " ")
}
