//! What all that a call depends on comes to: equal for two attempts that a run may take for the same. What a call is
//! given by the machine or by chance (slot, pools, attempt, folders of its own, inherited variables) does not count, nor
//! how it is scheduled.

use std::sync::OnceLock;

use blake3::Hash;

use crate::event::Fingerprint;
use crate::exec::worker::{Argument, Kind};
use crate::exec::{self, Attempt, Environment};
use crate::expr::{Expression, Reference, Step};
use crate::manifest::{Fill, Task};
use crate::plan::scope::World;
use crate::value::Value;

use super::versions::is_small;
use super::{CallScope, Kept, Sent, Setting, Work, private_folder, result_file};

/// Begins every fingerprint; another one where what counts is another.
const VERSION: &[u8] = b"deco call 7";

/// How much room for parts is kept from one call to the next.
const MOST_KEPT: usize = 64 * 1024;

/// What is the same for all calls of a task, worked out for the first of them.
#[derive(Debug)]
pub struct Fingerprints {
    tasks: Vec<OnceLock<Hash>>,
}

impl Fingerprints {
    /// For so many tasks.
    pub fn new(tasks: usize) -> Fingerprints {
        Fingerprints { tasks: (0..tasks).map(|_| OnceLock::new()).collect() }
    }

    /// The fingerprint of a call of the `task`-th task.
    pub fn of(
        &self,
        task: (usize, &Task),
        scope: &CallScope,
        setting: &Setting,
        work: &Work,
        kept: &mut Kept,
    ) -> Fingerprint {
        let (index, task) = task;
        let constant = || of_task(task, scope.world(), setting);
        let of_task = match self.tasks.get(index) {
            Some(known) => *known.get_or_init(constant),
            None => constant(),
        };
        let parts = &mut kept.parts;
        parts.bytes.clear();
        parts.call(task, &of_task, scope, setting, work);
        let hash = blake3::hash(&parts.bytes);
        parts.bytes.shrink_to(MOST_KEPT);
        Fingerprint(hash)
    }
}

/// What a list of parts is of: a byte, so that few blocks are hashed.
#[derive(Clone, Copy)]
enum Of {
    Settings,
    Fills,
    Fill,
    Mutates,
    Reads,
    Variables,
    Key,
    Files,
    Argv,
    FolderAndInput,
    Environment,
    Worker,
    Folder,
    Function,
    Source,
    Request,
    Call,
    Named,
    Part,
    Document,
    Place,
    Told,
    Default,
}

/// Parts that are told apart: each with its length before it.
#[derive(Debug, Default)]
pub(super) struct Parts {
    bytes: Vec<u8>,
    /// A value's JSON while it is added.
    json: String,
}

impl Parts {
    fn add(&mut self, part: &[u8]) {
        self.count(part.len());
        self.bytes.extend_from_slice(part);
    }

    /// A number, in as few bytes as it takes: the last of them is the one below 128.
    fn count(&mut self, mut count: usize) {
        while count >= 128 {
            self.bytes.push(128 | (count % 128) as u8);
            count /= 128;
        }
        self.bytes.push(count as u8);
    }

    fn value(&mut self, value: &Value) {
        let mut json = std::mem::take(&mut self.json);
        json.clear();
        value.write_json(&mut json);
        self.add(json.as_bytes());
        json.shrink_to(MOST_KEPT);
        self.json = json;
    }

    /// A value that many calls may see: a small one as it is, any other by a hash that is worked out once for all of them.
    fn shared(&mut self, value: &Value, setting: &Setting) {
        if is_small(value) {
            // the length neither of a hash nor of nothing
            self.bytes.push(1);
            return self.value(value);
        }
        self.add(setting.versions.hash(value).as_bytes());
    }

    /// Begins a list of so many parts of a kind.
    fn begin(&mut self, kind: Of, count: usize) {
        self.bytes.push(kind as u8);
        self.count(count);
    }

    fn call(&mut self, task: &Task, of_task: &Hash, scope: &CallScope, setting: &Setting, work: &Work) {
        let variables = scope.variables();
        self.begin(Of::Variables, variables.len());
        variables.iter().for_each(|(_, value)| self.value(value));
        self.begin(Of::Key, 1);
        self.add(scope.address().as_bytes());
        let files = scope.files_made();
        self.begin(Of::Files, files.len());
        files.iter().for_each(|(_, content)| self.add(content.as_bytes()));
        let own = Own { scope, files: &files };
        match work {
            Work::Process(attempt) => {
                self.add(of_task.as_bytes());
                self.process(attempt, &own, setting);
            }
            Work::Request(sent) => {
                let common = sent.common.hash.get_or_init(|| of_common(of_task, sent, &own, setting));
                self.add(common.as_bytes());
                self.request(sent, setting);
            }
        }
        self.read(scope, setting);
        self.files(task, scope);
        if let Some(Ok(default)) = scope.default_value(task) {
            self.begin(Of::Default, 1);
            self.value(&default);
        }
    }

    /// What stands at each place that the call may look at.
    fn read(&mut self, scope: &CallScope, setting: &Setting) {
        for (document, view) in scope.views() {
            self.begin(Of::Document, view.places.len());
            self.add(document.as_bytes());
            for (keys, value) in &view.places {
                self.begin(Of::Place, keys.len());
                keys.iter().for_each(|key| self.add(key.as_bytes()));
                match value {
                    Some(value) => self.shared(value, setting),
                    None => self.add(b""),
                }
            }
        }
    }

    /// What files tell the expressions of what it fills, which shows in nothing that is rendered. Where a name of a file
    /// comes of the result, it cannot be known before the call.
    fn files(&mut self, task: &Task, scope: &CallScope) {
        for fill in &task.fills {
            let value = fill.value.iter().map(|value| &value.value);
            let steps = fill.place.value.computed().map(|step| &**step);
            let told: Vec<_> = value.chain(steps).flat_map(|asking| asking.told_by_files(scope)).collect();
            if !told.is_empty() {
                self.begin(Of::Told, told.len());
                told.iter().for_each(|value| self.value(value));
            }
        }
    }

    fn process(&mut self, attempt: &Attempt, own: &Own<'_>, setting: &Setting) {
        self.begin(Of::Argv, attempt.argv.len());
        attempt.argv.iter().for_each(|word| self.add(&own.without_paths(word.as_encoded_bytes())));
        self.begin(Of::FolderAndInput, 2);
        self.add(attempt.dir.as_os_str().as_encoded_bytes());
        self.add(&own.without_paths(&attempt.stdin));
        self.environment(&attempt.env, own, setting);
    }

    fn request(&mut self, sent: &Sent, setting: &Setting) {
        match &sent.request.work {
            exec::worker::Work::Request(value) => {
                self.begin(Of::Request, 1);
                self.shared(value, setting);
            }
            exec::worker::Work::Call { args, named, .. } => {
                self.begin(Of::Call, args.len());
                args.iter().for_each(|argument| self.argument(argument, setting));
                self.begin(Of::Named, named.len());
                for (name, argument) in named {
                    self.add(name.as_bytes());
                    self.argument(argument, setting);
                }
            }
        }
    }

    fn kind(&mut self, kind: &Kind, own: &Own<'_>, setting: &Setting) {
        self.begin(Of::Worker, kind.argv.len());
        kind.argv.iter().for_each(|word| self.add(&own.without_paths(word.as_encoded_bytes())));
        self.begin(Of::Folder, 1);
        self.add(kind.dir.as_os_str().as_encoded_bytes());
        self.environment(&kind.env, own, setting);
    }

    fn argument(&mut self, argument: &Argument, setting: &Setting) {
        match argument {
            Argument::Value(value) | Argument::Lent { value, .. } => self.shared(value, setting),
            Argument::Part { version, path, .. } => {
                self.begin(Of::Part, path.len());
                path.iter().for_each(|key| self.add(key.as_bytes()));
                self.shared(&version.value, setting);
            }
        }
    }

    fn environment(&mut self, env: &Environment, own: &Own<'_>, setting: &Setting) {
        let declared = &env.basis.declared;
        self.begin(Of::Environment, declared.len());
        for (name, value) in declared {
            self.add(name.as_bytes());
            // the journal is no place for what a secret's value could be guessed from
            let value = if setting.secrets.names(name) { &[] } else { value.as_encoded_bytes() };
            self.add(&own.without_paths(value));
        }
    }
}

/// The files that a call has of its own: their paths hold its slot.
struct Own<'a> {
    scope: &'a CallScope,
    files: &'a [(String, blake3::Hash)],
}

impl Own<'_> {
    /// The bytes with each path of a file of the call's own replaced by its number.
    fn without_paths<'b>(&self, bytes: &'b [u8]) -> std::borrow::Cow<'b, [u8]> {
        let folder = self.scope.folder().as_os_str().as_encoded_bytes();
        if folder.is_empty() || !contains(bytes, folder) {
            return bytes.into();
        }
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        for (number, (path, _)) in self.files.iter().enumerate() {
            text = text.replace(path, &format!("<file {number}>"));
        }
        text = text.replace(&*result_file(self.scope).to_string_lossy(), "<result>");
        text = text.replace(&*private_folder(self.scope).to_string_lossy(), "<tmp>");
        text.into_bytes().into()
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.len() >= part.len() && bytes.windows(part.len()).any(|window| window == part)
}

/// What is the same for all calls that the worker makes of the task.
fn of_common(of_task: &Hash, sent: &Sent, own: &Own<'_>, setting: &Setting) -> Hash {
    let mut parts = Parts::default();
    parts.add(of_task.as_bytes());
    parts.kind(&sent.common.kind, own, setting);
    parts.begin(Of::Function, 1);
    parts.add(sent.common.function.as_bytes());
    parts.begin(Of::Source, usize::from(sent.common.source.is_some()));
    sent.common.source.iter().for_each(|source| parts.add(source.as_bytes()));
    blake3::hash(&parts.bytes)
}

fn of_task(task: &Task, world: &World, setting: &Setting) -> Hash {
    let mut parts = Parts::default();
    parts.add(VERSION);
    parts.add(format!("{:?} {:?} {}", task.result, task.ok_exit, task.allow_failure).as_bytes());
    parts.begin(Of::Settings, setting.declared.len());
    for (name, value) in &setting.declared {
        parts.add(name.as_bytes());
        parts.add(if setting.secrets.names(name) { &[] } else { value.as_bytes() });
    }
    parts.begin(Of::Variables, task.variable_names().count());
    task.variable_names().for_each(|name| parts.add(name.as_str().as_bytes()));
    parts.begin(Of::Fills, task.fills.len());
    for fill in &task.fills {
        of_fill(&mut parts, fill, (world, setting));
    }
    for (kind, places) in [(Of::Mutates, &task.mutates), (Of::Reads, &task.reads)] {
        parts.begin(kind, places.len());
        places.iter().for_each(|place| of_place(&mut parts, &place.value, (world, setting)));
    }
    parts.begin(Of::Default, usize::from(task.default.is_some()));
    blake3::hash(&parts.bytes)
}

fn of_fill(parts: &mut Parts, fill: &Fill, known: (&World, &Setting)) {
    of_place(parts, &fill.place.value, known);
    parts.add(&[u8::from(fill.append)]);
    match &fill.value {
        Some(value) => of_expression(parts, &value.value, known),
        None => parts.add(b"result"),
    }
}

fn of_place(parts: &mut Parts, place: &Reference, known: (&World, &Setting)) {
    parts.begin(Of::Fill, place.steps.len());
    parts.add(place.root.as_bytes());
    for step in &place.steps {
        match step {
            Step::Key(key) => parts.add(key.as_bytes()),
            Step::Computed(index) => of_expression(parts, index, known),
        }
    }
}

fn of_expression(parts: &mut Parts, expression: &Expression, known: (&World, &Setting)) {
    parts.add(expression.source().as_bytes());
    expression.references().iter().for_each(|asked| constant(parts, asked, known));
}

/// What no task changes counts where what is filled is made of it: it shows in nothing that is rendered. Of the environment
/// only a variable that is named, and no secret.
fn constant(parts: &mut Parts, asked: &Reference, (world, setting): (&World, &Setting)) {
    let keys = asked.steps.iter().map_while(|step| match step {
        Step::Key(key) => Some(key),
        Step::Computed(_) => None,
    });
    let value = match &*asked.root {
        "env" => keys.clone().next().filter(|name| !setting.secrets.names(name)).map(|_| &world.env),
        root => world.constant(root),
    };
    if let Some(value) = value.and_then(|value| value.look(keys)) {
        parts.value(&value);
    }
}
