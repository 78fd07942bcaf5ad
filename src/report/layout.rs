//! Places for the nodes of a small graph that flows from left to right: layers by the longest way, an order within each layer
//! that crosses few edges, and heights near those of the neighbours. The same graph always gets the same places. Knows
//! sizes, not what is drawn.

/// A graph to be laid out: nodes by their index, edges from what comes first.
#[derive(Debug)]
pub struct Graph {
    /// Width and height.
    pub sizes: Vec<(f64, f64)>,
    pub edges: Vec<(usize, usize)>,
}

/// Where things are.
#[derive(Debug)]
pub struct Layout {
    /// Centres.
    pub nodes: Vec<(f64, f64)>,
    /// For each edge, the points that it goes through, from the right of the one to the left of the other. One that goes
    /// back against the flow has just its ends, from left to right.
    pub edges: Vec<Vec<(f64, f64)>>,
    /// Whether the edge goes back.
    pub is_back: Vec<bool>,
    pub width: f64,
    pub height: f64,
}

const GAP_X: f64 = 56.0;
const GAP_Y: f64 = 22.0;
const MARGIN: f64 = 20.0;

/// So often the order of layers, and then the heights, are improved.
const SWEEPS: usize = 8;

/// Lays the graph out.
pub fn layout(graph: &Graph) -> Layout {
    let is_back = back_edges(graph);
    let layers = layers(graph, &is_back);
    let mut grid = Grid::new(graph, &is_back, &layers);
    grid.order();
    grid.place(graph)
}

/// The edges that a walk in the order of the nodes finds to lead back to where it came through.
fn back_edges(graph: &Graph) -> Vec<bool> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); graph.sizes.len()];
    for (edge, &(from, _)) in graph.edges.iter().enumerate() {
        out[from].push(edge);
    }
    let mut is_back = vec![false; graph.edges.len()];
    // 0: not seen, 1: on the way, 2: done
    let mut state = vec![0_u8; graph.sizes.len()];
    for start in 0..graph.sizes.len() {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut way = vec![(start, 0)];
        while let Some((node, next)) = way.last_mut() {
            let Some(&edge) = out[*node].get(*next) else {
                state[*node] = 2;
                way.pop();
                continue;
            };
            *next += 1;
            let to = graph.edges[edge].1;
            match state[to] {
                0 => {
                    state[to] = 1;
                    way.push((to, 0));
                }
                1 => is_back[edge] = true,
                _ => {}
            }
        }
    }
    is_back
}

/// The layer of each node: as far to the left as what comes before allows, but beginnings next to what they feed.
fn layers(graph: &Graph, is_back: &[bool]) -> Vec<usize> {
    let count = graph.sizes.len();
    let forward = || graph.edges.iter().zip(is_back).filter(|(_, back)| !**back).map(|(edge, _)| *edge);
    let mut waiting = vec![0; count];
    forward().for_each(|(_, to)| waiting[to] += 1);
    let starts: Vec<usize> = (0..count).filter(|&node| waiting[node] == 0).collect();
    let mut layers = vec![0; count];
    let mut open = starts.clone();
    while let Some(node) = open.pop() {
        for (_, to) in forward().filter(|(from, _)| *from == node) {
            layers[to] = layers[to].max(layers[node] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                open.push(to);
            }
        }
    }
    for start in starts {
        let nearest = forward().filter(|(from, _)| *from == start).map(|(_, to)| layers[to]).min();
        layers[start] = nearest.map_or(0, |nearest| nearest - 1);
    }
    layers
}

/// Layers of cells: nodes, and points of edges that pass through.
struct Grid {
    /// Of each layer, its cells in order.
    layers: Vec<Vec<usize>>,
    /// Neighbours of each cell in the layers before and after.
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// Of each edge, its cells; nothing for one that goes back.
    ways: Vec<Vec<usize>>,
}

impl Grid {
    /// The first cells are the nodes.
    fn new(graph: &Graph, is_back: &[bool], of: &[usize]) -> Grid {
        let count = of.iter().max().map_or(0, |last| last + 1);
        let mut grid =
            Grid { layers: vec![Vec::new(); count], before: Vec::new(), after: Vec::new(), ways: Vec::new() };
        for &layer in of {
            grid.cell(layer);
        }
        for (&(from, to), &back) in graph.edges.iter().zip(is_back) {
            if back {
                grid.ways.push(Vec::new());
                continue;
            }
            let mut way = vec![from];
            way.extend((of[from] + 1..of[to]).map(|layer| grid.cell(layer)));
            way.push(to);
            for pair in way.windows(2) {
                grid.after[pair[0]].push(pair[1]);
                grid.before[pair[1]].push(pair[0]);
            }
            grid.ways.push(way);
        }
        grid
    }

    fn cell(&mut self, layer: usize) -> usize {
        let cell = self.before.len();
        self.layers[layer].push(cell);
        self.before.push(Vec::new());
        self.after.push(Vec::new());
        cell
    }

    /// Sorts layers by where their neighbours stand, forth and back.
    fn order(&mut self) {
        let mut positions = vec![0.0; self.before.len()];
        let note = |layer: &[usize], positions: &mut Vec<f64>| {
            layer.iter().enumerate().for_each(|(at, &cell)| positions[cell] = at as f64);
        };
        self.layers.iter().for_each(|layer| note(layer, &mut positions));
        for sweep in 0..SWEEPS {
            let is_forth = sweep % 2 == 0;
            let neighbours = if is_forth { &self.before } else { &self.after };
            for at in 0..self.layers.len() {
                let at = if is_forth { at } else { self.layers.len() - 1 - at };
                let layer = &mut self.layers[at];
                let wish = |cell: usize| {
                    let beside = neighbours[cell].iter().map(|&other| positions[other]);
                    mean(beside).unwrap_or(positions[cell])
                };
                layer.sort_by(|&a, &b| wish(a).total_cmp(&wish(b)));
                note(layer, &mut positions);
            }
        }
    }

    fn place(&self, graph: &Graph) -> Layout {
        let size = |cell: usize| graph.sizes.get(cell).copied().unwrap_or((0.0, 4.0));
        let mut xs = Vec::new();
        let mut width = MARGIN;
        for layer in &self.layers {
            let widest = layer.iter().map(|&cell| size(cell).0).fold(0.0, f64::max);
            xs.push(width + widest / 2.0);
            width += widest + GAP_X;
        }
        let ys = self.heights(&size);
        let mut centres = vec![(0.0, 0.0); self.before.len()];
        for (layer, &x) in self.layers.iter().zip(&xs) {
            layer.iter().for_each(|&cell| centres[cell] = (x, ys[cell]));
        }
        let height =
            centres.iter().enumerate().map(|(cell, (_, y))| y + size(cell).1 / 2.0).fold(0.0, f64::max);
        let edge = |(way, &(from, to)): (&Vec<usize>, &(usize, usize))| {
            let mut points: Vec<(f64, f64)> = way.iter().map(|&cell| centres[cell]).collect();
            if points.is_empty() {
                points = vec![centres[from], centres[to]];
            }
            let last = points.len() - 1;
            points[0].0 += size(from).0 / 2.0;
            points[last].0 -= size(to).0 / 2.0;
            points
        };
        Layout {
            edges: self.ways.iter().zip(&graph.edges).map(edge).collect(),
            is_back: self.ways.iter().map(Vec::is_empty).collect(),
            nodes: centres[..graph.sizes.len()].to_vec(),
            width: width - GAP_X + MARGIN,
            height: height + MARGIN,
        }
    }

    /// Begins with cells one below the other, and lets each go where its neighbours are as far as there is room.
    fn heights(&self, size: &impl Fn(usize) -> (f64, f64)) -> Vec<f64> {
        let mut ys = vec![0.0; self.before.len()];
        for layer in &self.layers {
            let mut y = 0.0;
            for &cell in layer {
                ys[cell] = y + size(cell).1 / 2.0;
                y += size(cell).1 + GAP_Y;
            }
        }
        for _ in 0..SWEEPS {
            for layer in &self.layers {
                let wishes: Vec<f64> = layer
                    .iter()
                    .map(|&cell| {
                        let beside = self.before[cell].iter().chain(&self.after[cell]);
                        mean(beside.map(|&other| ys[other])).unwrap_or(ys[cell])
                    })
                    .collect();
                settle(layer, &wishes, size, &mut ys);
            }
        }
        let top = (0..ys.len()).map(|cell| ys[cell] - size(cell).1 / 2.0).fold(f64::INFINITY, f64::min);
        ys.iter().map(|y| y - top + MARGIN).collect()
    }
}

/// Gives each cell of a layer its wish, moved as little as the order and the gaps ask for.
fn settle(layer: &[usize], wishes: &[f64], size: &impl Fn(usize) -> (f64, f64), ys: &mut [f64]) {
    let room = |a: usize, b: usize| (size(a).1 + size(b).1) / 2.0 + GAP_Y;
    let mut down: Vec<f64> = wishes.to_vec();
    for at in 1..layer.len() {
        down[at] = down[at].max(down[at - 1] + room(layer[at - 1], layer[at]));
    }
    let mut up: Vec<f64> = wishes.to_vec();
    for at in (1..layer.len()).rev() {
        up[at - 1] = up[at - 1].min(up[at] - room(layer[at - 1], layer[at]));
    }
    for (at, &cell) in layer.iter().enumerate() {
        ys[cell] = (down[at] + up[at]) / 2.0;
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(nodes: usize, edges: &[(usize, usize)]) -> Layout {
        layout(&Graph { sizes: vec![(80.0, 30.0); nodes], edges: edges.to_vec() })
    }

    #[test]
    fn what_waits_stands_to_the_right_and_nothing_overlaps() {
        let laid = laid_out(6, &[(0, 2), (1, 2), (2, 3), (2, 4), (0, 5), (4, 5)]);
        let (x, y) = (|node: usize| laid.nodes[node].0, |node: usize| laid.nodes[node].1);
        assert!(x(0) < x(2) && x(1) < x(2) && x(2) < x(3) && x(4) < x(5));
        for (a, b) in [(0, 1), (3, 4)] {
            assert!(x(a) == x(b) && (y(a) - y(b)).abs() >= 30.0);
        }
        assert_eq!(laid.edges[4].len(), 4, "a long edge has points in the layers between");
        let inside = |&(x, y): &(f64, f64)| x >= 40.0 && x < laid.width && y >= 15.0 && y < laid.height;
        assert!(laid.nodes.iter().all(inside));
    }

    #[test]
    fn a_circle_and_a_loop_go_back() {
        let laid = laid_out(3, &[(0, 1), (1, 0), (1, 2), (2, 2)]);
        assert_eq!(laid.is_back, [false, true, false, true]);
    }

    #[test]
    fn nothing_and_much_can_be_laid_out() {
        assert!(laid_out(0, &[]).nodes.is_empty());
        let edges: Vec<_> =
            (0..400).flat_map(|from| [(from, (from * 7 + 1) % 400), (from, (from + 9) % 400)]).collect();
        assert!(laid_out(400, &edges).nodes.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
    }
}
