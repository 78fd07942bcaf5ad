//! Random programs over shared documents. What turns out to be wrong, or open in the contract, is thrown away and drafted
//! again.

mod body;
mod tasks;

use crate::law::json::Json;
use crate::law::random::Random;

use super::model::{Items, Merge, Place, Program, Rules, Step, Task};
use super::serial::{self, Answer};

/// A program and what it must give.
#[derive(Clone)]
pub struct Case {
    pub seed: u64,
    pub program: Program,
    pub answer: Answer,
}

/// Small programs find the same mistakes and are fast.
const MOST_CALLS: usize = 12;

/// The program of a seed.
pub fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let in_conflict = random.percent(40);
    loop {
        let program = Draft::new(&mut random).program();
        match fit(&program) {
            Some(answer) if matches!(answer, Answer::Conflicts(_)) == in_conflict => {
                return Case { seed, program, answer };
            }
            _ => {}
        }
    }
}

/// What the program gives, if it is of use.
pub fn fit(program: &Program) -> Option<Answer> {
    let mut run = serial::run(program).ok()?;
    let is_shared = program.tasks.iter().any(|task| !task.mutates.is_empty());
    (is_shared && run.calls.len() <= MOST_CALLS).then(|| run.answer().ok())?
}

/// A program while it is made.
struct Draft<'a> {
    random: &'a mut Random,
    program: Program,
    /// What variables go over; several tasks take the same.
    axes: Vec<Items>,
    names: usize,
    /// How much the calls get in each other's way, in per cent.
    strife: usize,
}

impl<'a> Draft<'a> {
    fn new(random: &'a mut Random) -> Draft<'a> {
        let strife = *random.pick(&[0, 0, 20, 50]);
        let mut draft = Draft { random, program: Program::default(), axes: Vec::new(), names: 0, strife };
        draft.axes = vec![draft.axis(), draft.axis()];
        draft.give("state", 75);
        if draft.random.percent(35) {
            draft.give("more", 60);
        } else {
            draft.give("more", 100);
        }
        draft.rules();
        draft
    }

    fn axis(&mut self) -> Items {
        let count = self.random.between(2, 4);
        let words = ["a", "b", "c", "d"];
        let numbers = self.random.percent(60);
        let value = |at: usize| if numbers { Json::int(at as i64) } else { Json::text(words[at]) };
        Items::Given((0..count).map(value).collect())
    }

    /// A document with a bit of everything, or one that nobody gives.
    fn give(&mut self, name: &str, chance: usize) {
        if !self.random.percent(chance) {
            return;
        }
        let number = |random: &mut Random| Json::int(random.below(5) as i64);
        let mut members: Vec<(&str, Json)> = vec![("n", number(self.random)), ("m", number(self.random))];
        members.push(("a", object(vec![("x", number(self.random)), ("y", number(self.random))])));
        members
            .push(("l", Json::Array((0..self.random.between(1, 3)).map(|_| number(self.random)).collect())));
        let cells = (0..4).flat_map(|at| {
            [
                (at.to_string(), Json::int(at + 1)),
                (["a", "b", "c", "d"][at as usize].to_owned(), Json::int(at)),
            ]
        });
        members.push(("cells", Json::Object(cells.collect())));
        members.push(("seen", Json::Array(vec![Json::text("z")])));
        self.random.shuffle(&mut members);
        let left_out = self.random.below(2);
        members.truncate(members.len() - left_out);
        self.program.data.push((name.to_owned(), object(members)));
    }

    fn rules(&mut self) {
        if !self.random.percent(30) {
            return;
        }
        let document = (*self.random.pick(&["state", "state", "more"])).to_owned();
        let last = self.random.percent(35);
        let mut merge = Vec::new();
        for (keys, rule) in [
            (vec!["n"], Merge::Sum),
            (vec!["m"], *self.random.pick(&[Merge::Min, Merge::Max])),
            (vec!["cells", "*"], Merge::Sum),
            (vec!["a", "x"], *self.random.pick(&[Merge::Sum, Merge::Max])),
            (vec!["seen"], Merge::Union),
        ] {
            if !last && self.random.percent(75) {
                merge.push((keys.into_iter().map(str::to_owned).collect(), rule));
            }
        }
        self.program.rules.push(Rules { document, last, merge });
    }

    fn program(mut self) -> Program {
        let count = self.random.between(2, 4);
        for _ in 0..20 {
            if self.program.tasks.len() >= count {
                break;
            }
            let before = self.program.clone();
            self.more();
            if serial::run(&self.program).is_err() {
                self.program = before;
            }
        }
        if self.random.percent(50) {
            self.random.shuffle(&mut self.program.tasks);
        }
        self.program
    }

    /// A name that nothing has.
    fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    fn axis_variables(&mut self) -> Vec<(String, Items)> {
        vec![("i".to_owned(), self.random.pick(&self.axes).clone())]
    }
}

fn object(members: Vec<(&str, Json)>) -> Json {
    Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn at(document: &str, keys: &[&str]) -> Place {
    let steps = keys.iter().map(|key| Step::Key((*key).to_owned())).collect();
    Place { document: document.to_owned(), steps }
}

fn first_value(task: &Task) -> Option<Json> {
    match task.variables.first() {
        Some((_, Items::Given(values))) => values.first().cloned(),
        _ => None,
    }
}
