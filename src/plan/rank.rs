//! The longest path still to go from each node, told from what each call takes. Knows neither where that is known from
//! nor what has ended.

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;

use super::{Node, Plan};

/// For each node, by its index, what the longest path takes that begins with it. Only calls take anything.
pub fn longest_paths(plan: &Plan, takes: impl Fn(NodeIndex) -> f32) -> Vec<f32> {
    let graph = &plan.graph;
    let own = |node: NodeIndex| if matches!(graph[node], Node::Call(_)) { takes(node) } else { 0.0 };
    if graph.edge_count() == 0 {
        return graph.node_indices().map(own).collect();
    }
    // of what comes after each node, the longest; once all of that is known, with the node's own
    let mut paths = vec![0.0_f32; graph.node_count()];
    let after = |node| graph.neighbors_directed(node, Outgoing).count() as u32;
    let mut unknown: Vec<u32> = graph.node_indices().map(after).collect();
    let mut open: Vec<NodeIndex> = graph.node_indices().filter(|node| unknown[node.index()] == 0).collect();
    while let Some(node) = open.pop() {
        paths[node.index()] += own(node);
        let path = paths[node.index()];
        for before in graph.neighbors_directed(node, Incoming) {
            let (longest, unknown) = (&mut paths[before.index()], &mut unknown[before.index()]);
            *longest = longest.max(path);
            *unknown -= 1;
            if *unknown == 0 {
                open.push(before);
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{grow, plan};

    /// The longest path from each call, by its address.
    fn check(plan: &Plan, takes: impl Fn(&str) -> f32, expected: &[(&str, f32)]) {
        let paths = longest_paths(plan, |node| takes(&plan.node_name(node)));
        let found: Vec<_> =
            plan.calls().map(|call| (plan.address_text(call), paths[plan.node_of(call).index()])).collect();
        let found: Vec<_> = found.iter().map(|(address, path)| (address.as_str(), *path)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn calls_that_nothing_waits_for_take_what_they_take() {
        let plan = plan("[tasks.t]\nfor = { i = 'range(3)' }\nrun = 'true'");
        let takes = |name: &str| if name == "t[1]" { 5.0 } else { 2.0 };
        check(&plan, takes, &[("t[0]", 2.0), ("t[1]", 5.0), ("t[2]", 2.0)]);
    }

    #[test]
    fn the_longer_side_of_a_diamond_counts() {
        let plan = plan(
            "
            [tasks.top]
            run = 'true'
            [tasks.left]
            run = 'echo ${{ top }}'
            [tasks.right]
            run = 'echo ${{ top }}'
            [tasks.bottom]
            run = 'echo ${{ left }} ${{ right }}'",
        );
        let takes = |name: &str| match name {
            "left" => 7.0,
            "right" => 3.0,
            _ => 1.0,
        };
        check(&plan, takes, &[("top", 9.0), ("left", 8.0), ("right", 4.0), ("bottom", 1.0)]);
    }

    #[test]
    fn joins_and_sync_points_take_nothing() {
        let plan = plan(
            "
            [tasks.a]
            for = { i = 'range(2)' }
            run = 'true'
            [tasks.b]
            for = { i = 'range(2)' }
            run = 'echo ${{ a }}'
            [tasks.c]
            run = 'true'
            after = ['point']
            [sync.point]
            waits-for = ['b']",
        );
        let expected = [("a[0]", 3.0), ("a[1]", 3.0), ("b[0]", 2.0), ("b[1]", 2.0), ("c", 1.0)];
        check(&plan, |_| 1.0, &expected);
    }

    #[test]
    fn calls_that_are_found_later_count_once_they_are_there() {
        let mut plan = plan(
            "
            [tasks.list]
            run = 'true'
            result = 'lines'
            [tasks.each]
            for = { x = 'list' }
            run = 'true'
            [tasks.all]
            run = 'echo ${{ each }}'",
        );
        check(&plan, |_| 1.0, &[("list", 2.0), ("all", 1.0)]);
        grow(&mut plan, "each", "list", r#"["u", "v"]"#).unwrap();
        check(&plan, |_| 1.0, &[("list", 2.0), ("all", 1.0), ("each[u]", 2.0), ("each[v]", 2.0)]);
    }
}
