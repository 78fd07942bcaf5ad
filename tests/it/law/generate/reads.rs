//! What a task reads of what earlier ones fill: by key, by a part of the key, the whole, below a result, or at a place
//! that another result names.

use super::super::json::Json;
use super::super::model::{Form, Place, Read, Slot, Step, Task, Value, Variable};
use super::super::serial;
use super::Draft;

impl Draft<'_> {
    /// One more read for the task, if there is something to read.
    pub(super) fn read(&mut self, reader: &Task) -> Option<Read> {
        let writer = self.some_task(|task| !task.fills().is_empty())?;
        let (fill, value) = self.random.pick(&writer.fills()).clone();
        let mut place = self.reachable(reader, &writer, &fill)?;
        let mut is_whole = place.steps.len() == fill.steps.len();
        if self.random.percent(35) {
            place.steps.truncate(self.random.below(place.steps.len() + 1));
            is_whole = place.steps.len() == fill.steps.len();
        } else if self.random.percent(20) {
            self.make_dynamic(reader, &mut place);
        }
        if is_whole && matches!(value, Value::Result) && fill.steps.last() != Some(&Step::Append) {
            self.go_below(&writer, &mut place);
        }
        let form = self.form(reader, &place);
        let slots = [Slot::Stdin, Slot::Stdin, Slot::Argument, Slot::Inside, Slot::Environment];
        Some(Read { place, form, slot: *self.random.pick(&slots) })
    }

    /// What an `if` asks: a given boolean by key, or whether a number that a task fills is 0.
    pub(super) fn condition(&mut self, reader: &Task) -> Option<Read> {
        if let (Some(first), true) = (reader.variables.first(), self.random.percent(50)) {
            let keys = self.texts_of(reader, first)?;
            let given = keys.into_iter().map(|key| (key, Json::Bool(self.random.percent(60)))).collect();
            let document = self.name("on");
            self.model.data.push((document.clone(), Json::Object(given)));
            let place = Place { document, steps: vec![Step::Variable(first.name.clone())] };
            return Some(Read { place, form: Form::Bare, slot: Slot::If });
        }
        let place = self.number_of_a_result(reader)?;
        Some(Read { place, form: Form::IsZero, slot: Slot::If })
    }

    /// A place of 0, 1 or 2 in what a task fills.
    pub(super) fn number_of_a_result(&mut self, reader: &Task) -> Option<Place> {
        let teller = self.some_task(|task| {
            task.shape == super::Shape::Json
                && !task.shaky
                && matches!(task.fills().first(), Some((_, Value::Result)))
        })?;
        let (fill, _) = teller.fills().remove(0);
        let mut place = self.reachable(reader, &teller, &fill)?;
        let is_sure = place.steps.len() == fill.steps.len() && serial::is_filled(&self.model, reader, &place);
        place.steps.push(Step::Field("m".to_owned()));
        is_sure.then_some(place)
    }

    /// The writer's place with the reader's variables where they go over the same, else with one binding's values.
    pub(super) fn reachable(&mut self, reader: &Task, writer: &Task, fill: &Place) -> Option<Place> {
        let bindings = serial::bindings(&self.model, writer)?;
        let binding = if bindings.is_empty() { Vec::new() } else { self.random.pick(&bindings).clone() };
        let by_key = reader.variables == writer.variables && self.random.percent(80);
        let mut steps = Vec::new();
        for step in &fill.steps {
            match step {
                Step::Append => break,
                Step::Variable(_) if by_key => steps.push(step.clone()),
                Step::Variable(name) => {
                    let Some((_, value)) = binding.iter().find(|(bound, _)| bound == name) else { break };
                    let axis = writer.variables.iter().find(|variable| variable.name == *name);
                    steps.push(self.same_axis(reader, axis?).unwrap_or(Step::Constant(value.clone())));
                }
                other => steps.push(other.clone()),
            }
        }
        Some(Place { document: fill.document.clone(), steps })
    }

    fn same_axis(&mut self, reader: &Task, axis: &Variable) -> Option<Step> {
        let same: Vec<&Variable> = reader.variables.iter().filter(|v| v.items == axis.items).collect();
        (!same.is_empty() && self.random.percent(75))
            .then(|| Step::Variable(self.random.pick(&same).name.clone()))
    }

    /// Lets what a task fills say where in the document.
    fn make_dynamic(&mut self, reader: &Task, place: &mut Place) {
        let Some(at) = place
            .steps
            .iter()
            .position(|step| matches!(step, Step::Variable(_) | Step::Constant(Json::Number(_))))
        else {
            return;
        };
        if let Some(inner) = self.number_of_a_result(reader) {
            place.steps[at] = Step::Dynamic(Box::new(inner));
        }
    }

    fn go_below(&mut self, writer: &Task, place: &mut Place) {
        if writer.shape.places().is_empty() || self.random.percent(50) {
            return;
        }
        let below = self.random.pick(writer.shape.places());
        for key in serial::part(below) {
            place.steps.push(match key.parse() {
                Ok(index) => Step::Constant(Json::int(index)),
                Err(_) if key == "s" => Step::Constant(Json::text("s")),
                Err(_) => Step::Field(key),
            });
        }
    }

    /// A plain form where something stands in every call's place, else mostly one that takes the hole.
    fn form(&mut self, reader: &Task, place: &Place) -> Form {
        let is_sure = serial::is_filled(&self.model, reader, place)
            && !place.steps.iter().any(|step| matches!(step, Step::Dynamic(_)));
        if is_sure {
            *self.random.pick(&[
                Form::Bare,
                Form::Bare,
                Form::Bare,
                Form::ToJson,
                Form::Length,
                Form::Default,
                Form::Defined,
            ])
        } else {
            *self.random.pick(&[Form::Default, Form::Defined])
        }
    }
}
