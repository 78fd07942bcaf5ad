//! Random models. Tasks are drafted so that each reads what earlier ones fill, then their places are shuffled;
//! what turns out to be wrong or open in the contract is thrown away and drafted again.

mod items;
mod reads;
mod waves;

use super::command::{SHAPES, Shape};
use super::json::Json;
use super::model::{After, Bound, Fills, Items, Manifest, Place, Slot, Step, Task, Value, Variable};
use super::random::Random;
use super::serial::{self, Answer};

/// A model and what it must give.
#[derive(Clone)]
pub struct Case {
    pub seed: u64,
    pub model: Manifest,
    pub answer: Answer,
}

/// The most calls of one model: small ones find the same mistakes and are fast.
const MOST_CALLS: usize = 25;

/// The model of a seed.
pub fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    loop {
        let model = Draft::new(&mut random).model();
        if let (2.., Some((model, answer))) = (model.tasks.len(), fit(&model)) {
            return Case { seed, model, answer };
        }
    }
}

/// The model with its calls known and what it gives, if it is of use.
fn fit(model: &Manifest) -> Option<(Manifest, Answer)> {
    let model = serial::resolve(model).ok()?;
    let count = serial::count_calls(&model).ok()?;
    if count > MOST_CALLS {
        return None;
    }
    let answer = serial::run(&model).ok()?;
    Some((model, answer))
}

/// A task of the simplest kind.
fn task_over(name: String, variables: Vec<Variable>) -> Task {
    Task {
        name,
        variables,
        include: Vec::new(),
        exclude: Vec::new(),
        found: None,
        shape: Shape::Text,
        shaky: false,
        allow_failure: false,
        default: None,
        shell: false,
        reads: Vec::new(),
        fills: Fills::Default,
        after: Vec::new(),
    }
}

/// A model while it is made.
struct Draft<'a> {
    random: &'a mut Random,
    model: Manifest,
    /// What variables go over; several tasks take the same, so that one can read the other by key.
    axes: Vec<Items>,
    /// Documents that further tasks may fill below a name of their own.
    shared: Vec<String>,
    /// Places that further tasks may append to.
    logs: Vec<Place>,
    names: usize,
}

impl<'a> Draft<'a> {
    fn new(random: &'a mut Random) -> Draft<'a> {
        let keep_going = random.percent(12);
        let model = Manifest { data: Vec::new(), tasks: Vec::new(), keep_going };
        let mut draft =
            Draft { random, model, axes: Vec::new(), shared: Vec::new(), logs: Vec::new(), names: 0 };
        for _ in 0..draft.random.between(1, 3) {
            let axis = draft.axis();
            draft.axes.push(axis);
        }
        draft
    }

    fn model(mut self) -> Manifest {
        let count = self.random.between(2, 6);
        for _ in 0..40 {
            if self.model.tasks.len() >= count {
                break;
            }
            let before = self.model.clone();
            self.more();
            self.model = fit(&self.model).map_or(before, |(model, _)| model);
        }
        if self.random.percent(60) {
            self.random.shuffle(&mut self.model.tasks);
        }
        self.model
    }

    fn more(&mut self) {
        match self.random.weighted(&[62, 4, 4, 4, 7, 6, 10, 4]) {
            0 => self.fan_out(),
            1 => self.steps(),
            2 => self.grid_of_steps(),
            3 => self.two_that_feed_each_other(),
            4 => self.overwrite(),
            5 => self.fill_late(),
            6 => self.waves(),
            _ => self.two_that_may_feed_each_other(),
        }
    }

    /// A name that nothing has: tasks and documents share the numbers.
    fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    fn task_name(&mut self) -> String {
        let stem = *self.random.pick(&["t", "t", "a-", "Z_", "_b"]);
        self.name(stem)
    }

    fn add(&mut self, name: String, variables: Vec<Variable>, shape: Shape, fills: Fills) {
        let shell = self.random.percent(50);
        self.model.tasks.push(Task { shell, shape, fills, ..task_over(name, variables) });
    }

    /// The most common task: over some variables, reading what stands, filling a place of its own.
    fn fan_out(&mut self) {
        let name = self.task_name();
        let variables = self.variables();
        let shape = *self.random.pick(&SHAPES);
        let mut task = Task {
            shape,
            shaky: self.random.percent(15),
            shell: self.random.percent(50),
            ..task_over(name, variables)
        };
        self.make_holes(&mut task);
        if self.find(&mut task).is_none() {
            return;
        }
        for _ in 0..self.random.weighted(&[15, 45, 25, 15]) {
            task.reads.extend(self.read(&task));
        }
        if self.random.percent(15) {
            task.reads.extend(self.condition(&task));
        }
        task.fills = self.fills(&task);
        task.after = self.after(&task);
        task.allow_failure = (task.shaky && !self.model.keep_going) || self.random.percent(10);
        let takes_default = matches!(task.fills, Fills::Default | Fills::Path(_));
        let has_holes = task.allow_failure || task.reads.iter().any(|read| read.slot == Slot::If);
        if has_holes && takes_default && self.random.percent(50) {
            task.default = Some(self.default(shape));
        }
        self.model.tasks.push(task);
    }

    fn default(&mut self, shape: Shape) -> Json {
        if shape == Shape::Json {
            return Json::Object(vec![
                ("z".to_owned(), Json::int(0)),
                ("m".to_owned(), Json::int(1)),
                ("v".to_owned(), Json::Array(vec![Json::Bool(false), Json::empty()])),
                ("s".to_owned(), Json::text("none")),
            ]);
        }
        self.random.pick(&[Json::Null, Json::text("it's \"none\""), Json::int(-7)]).clone()
    }

    fn fills(&mut self, task: &Task) -> Fills {
        match self.random.weighted(&[30, 25, 15, 15, 12, 3]) {
            0 => Fills::Default,
            1 => {
                let document = self.name("d");
                Fills::Path(self.nested(document, task))
            }
            2 => Fills::Path(self.in_shared(task)),
            3 => Fills::Path(self.log(task)),
            4 if task.shape == Shape::Json => self.table(task),
            4 => Fills::Default,
            _ => Fills::Nothing,
        }
    }

    /// A place with all variables in it, in any order, and names before and after them.
    fn nested(&mut self, document: String, task: &Task) -> Place {
        let mut steps: Vec<Step> = task.variables.iter().map(|v| Step::Variable(v.name.clone())).collect();
        self.random.shuffle(&mut steps);
        for _ in 0..self.random.below(3) {
            let at = self.random.below(steps.len() + 1);
            let constant = self.constant();
            steps.insert(at, constant);
        }
        Place { document, steps }
    }

    fn constant(&mut self) -> Step {
        match self.random.below(3) {
            0 => Step::Field((*self.random.pick(&["north", "b_1", "_c"])).to_owned()),
            1 => Step::Constant(Json::int(self.random.below(3) as i64)),
            _ => Step::Constant(self.odd_text()),
        }
    }

    /// A place in a document that other tasks fill too, each below a name of its own.
    fn in_shared(&mut self, task: &Task) -> Place {
        if self.shared.is_empty() || self.random.percent(30) {
            let document = self.name("s");
            self.shared.push(document);
        }
        let document = self.random.pick(&self.shared).clone();
        let mut place = self.nested(document, task);
        let prefix = self.name("p");
        place.steps.insert(0, Step::Field(prefix));
        place
    }

    /// A place to append to.
    fn log(&mut self, task: &Task) -> Place {
        if !self.logs.is_empty() && self.random.percent(65) {
            return self.random.pick(&self.logs).clone();
        }
        let document = self.name("log");
        let mut steps = Vec::new();
        match (self.random.below(4), task.variables.first()) {
            (0, Some(first)) => steps.push(Step::Variable(first.name.clone())),
            (1, _) => steps.push(self.constant()),
            _ => {}
        }
        steps.push(Step::Append);
        let place = Place { document, steps };
        if !matches!(place.steps[0], Step::Variable(_)) {
            self.logs.push(place.clone());
        }
        place
    }

    /// Several places from one result.
    fn table(&mut self, task: &Task) -> Fills {
        let one = self.name("d");
        let one = self.nested(one, task);
        let mut entries = Vec::new();
        for (field, value) in [("a", Value::Part(".v[1]")), ("e", Value::Exit), ("b", Value::Part(".z"))] {
            if self.random.percent(60) {
                let mut place = one.clone();
                place.steps.push(Step::Field(field.to_owned()));
                entries.push((place, value));
            }
        }
        let other = self.name("d");
        let value = if self.random.percent(50) { Value::Result } else { Value::Part("[\"s\"]") };
        entries.push((self.nested(other, task), value));
        if self.random.percent(40) {
            entries.push((self.log(task), Value::Part(".m")));
        }
        self.random.shuffle(&mut entries);
        Fills::Table(entries)
    }

    fn after(&mut self, task: &Task) -> Vec<After> {
        if self.model.tasks.is_empty() || !self.random.percent(15) {
            return Vec::new();
        }
        let earlier = self.random.pick(&self.model.tasks);
        let same = !task.variables.is_empty() && earlier.variables == task.variables;
        vec![if same { After::SameKey(earlier.name.clone()) } else { After::Task(earlier.name.clone()) }]
    }

    /// `r[i]` from `r[i - 1]`, or downwards, or along a chain that a given document tells.
    fn steps(&mut self) {
        let document = self.name("r");
        let end = self.random.between(3, 5) as i64;
        let (given, last, step) = match self.random.below(3) {
            0 => (0, 1, Step::Shifted("i".to_owned(), -1)),
            1 => (end, 0, Step::Shifted("i".to_owned(), 1)),
            _ => (0, 1, self.chain(end)),
        };
        self.model.data.push((document.clone(), Json::Object(vec![(given.to_string(), Json::int(7))])));
        let told =
            (last == 1).then(|| self.number_of_a_result(&task_over(String::new(), Vec::new()))).flatten();
        let bound = told.map_or(Bound::Constant(end), |place| Bound::Filled(place, end - 2));
        let items = Items::Range(last, bound);
        let fills = Place { document: document.clone(), steps: vec![Step::Variable("i".to_owned())] };
        let name = self.task_name();
        self.add(name, vec![Variable { name: "i".to_owned(), items }], Shape::Text, Fills::Path(fills));
        self.reads_also(Place { document, steps: vec![step] });
    }

    /// A document that names for each of 1 to `end` the one before, in a shuffled order that begins at 0.
    fn chain(&mut self, end: i64) -> Step {
        let mut order: Vec<i64> = (1..end).collect();
        self.random.shuffle(&mut order);
        let before = std::iter::once(0).chain(order.iter().copied());
        let links =
            order.iter().zip(before).map(|(at, before)| (at.to_string(), Json::int(before))).collect();
        let document = self.name("links");
        self.model.data.push((document.clone(), Json::Object(links)));
        Step::Lookup(document, "i".to_owned())
    }

    /// `state[step][i]` from the whole of `state[step - 1]`.
    fn grid_of_steps(&mut self) {
        let document = self.name("state");
        let base = Json::Object(vec![("0".to_owned(), Json::Object(vec![("x".to_owned(), Json::int(1))]))]);
        self.model.data.push((document.clone(), base));
        let end = self.random.between(2, 4) as i64;
        let variables = vec![
            Variable { name: "step".to_owned(), items: Items::Range(1, Bound::Constant(end)) },
            Variable { name: "x".to_owned(), items: self.random.pick(&self.axes).clone() },
        ];
        let steps = vec![Step::Variable("step".to_owned()), Step::Variable("x".to_owned())];
        let name = self.task_name();
        self.add(name, variables, Shape::Number, Fills::Path(Place { document: document.clone(), steps }));
        self.reads_also(Place { document, steps: vec![Step::Shifted("step".to_owned(), -1)] });
    }

    /// `ping[i]` from `pong[i - 1]`, `pong[i]` from `ping[i]`.
    fn two_that_feed_each_other(&mut self) {
        let (ping, pong) = (self.name("ping"), self.name("pong"));
        self.model.data.push((pong.clone(), Json::Object(vec![("0".to_owned(), Json::text("serve"))])));
        let items = Items::Range(1, Bound::Constant(self.random.between(3, 4) as i64));
        let variables = vec![Variable { name: "i".to_owned(), items }];
        let at = |document: &str, step: Step| Place { document: document.to_owned(), steps: vec![step] };
        let here = Step::Variable("i".to_owned());
        for (fills, reads) in [
            (at(&ping, here.clone()), at(&pong, Step::Shifted("i".to_owned(), -1))),
            (at(&pong, here.clone()), at(&ping, here.clone())),
        ] {
            let name = self.task_name();
            self.add(name, variables.clone(), Shape::Text, Fills::Path(fills));
            self.reads_also(reads);
        }
    }

    /// A task that fills the very places of another, after it and perhaps after one of its readers.
    fn overwrite(&mut self) {
        let Some(first) = self.some_task(|task| matches!(task.fills, Fills::Default | Fills::Path(_))) else {
            return;
        };
        let (mut place, _) = first.fills().remove(0);
        if first.shaky || place.steps.last() == Some(&Step::Append) {
            return;
        }
        if first.shape == Shape::Json && self.random.percent(40) {
            place.steps.push(Step::Field("late".to_owned()));
        }
        let mut after = vec![After::SameKey(first.name.clone())];
        if first.variables.is_empty() || self.random.percent(50) {
            after = vec![After::Task(first.name.clone())];
        }
        let reads_it = |task: &Task| task.reads.iter().any(|read| read.place.document == place.document);
        after.extend(self.some_task(reads_it).map(|reader| After::Task(reader.name)));
        let name = self.task_name();
        self.add(name, first.variables, Shape::Text, Fills::Path(place));
        self.last().after = after;
    }

    /// A task that comes after one that reads a whole document, and fills a further place of it.
    fn fill_late(&mut self) {
        let reads_whole = |task: &Task| task.reads.iter().any(|read| read.place.steps.is_empty());
        let Some(reader) = self.some_task(reads_whole) else { return };
        let Some(read) = reader.reads.iter().find(|read| read.place.steps.is_empty()) else { return };
        let variables = if self.random.percent(50) { self.variables() } else { Vec::new() };
        let mut steps = vec![Step::Field(self.name("late"))];
        steps.extend(variables.iter().map(|variable| Step::Variable(variable.name.clone())));
        let place = Place { document: read.place.document.clone(), steps };
        let name = self.task_name();
        self.add(name, variables, Shape::Text, Fills::Path(place));
        self.last().after = vec![After::Task(reader.name)];
    }

    fn some_task(&mut self, fits: impl Fn(&Task) -> bool) -> Option<Task> {
        let fitting: Vec<&Task> = self.model.tasks.iter().filter(|task| fits(task)).collect();
        (!fitting.is_empty()).then(|| (*self.random.pick(&fitting)).clone())
    }

    fn reads_also(&mut self, place: Place) {
        let slot = *self.random.pick(&[Slot::Stdin, Slot::Argument, Slot::Inside, Slot::Environment]);
        self.last().reads.push(super::model::Read { place, form: super::model::Form::Bare, slot });
    }

    fn last(&mut self) -> &mut Task {
        self.model.tasks.last_mut().expect("a task was added")
    }
}
