//! Whether every name in an expression or template stands for something: a document, a variable, a word of its scope.
//! Looks at names only, never at values; `target.rs` does the same for `after` and `waits-for`.

use indexmap::IndexMap;

use super::braces;
use super::place::made_at;
use super::reader::{Reader, listed};
use super::{
    Amount, DefaultValue, Document, Fill, Items, Place, Run, Select, Settings, Sourced, Sync, Task, When,
};
use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::expr::{Expression, Reference, Step, Template};
use crate::name::Name;

/// The words of a scope besides documents and variables.
const CALL: &[&str] = &["env", "key", "task", "attempt"];
const FINALIZER: &[&str] = &["env", "key", "task", "attempt", "run", "calls"];
const FILLS: &[&str] = &["env", "key", "task", "attempt", "result", "exit"];
const FINALIZER_FILLS: &[&str] = &["env", "key", "task", "attempt", "run", "calls", "result", "exit"];
const TARGET: &[&str] = &["env", "key", "task"];
const PLANNING: &[&str] = &["env", "task"];
const OUTSIDE: &[&str] = &["env"];

/// Every document that the manifest knows, and where it comes from.
pub struct Documents<'m> {
    known: IndexMap<&'m str, Origin<'m>>,
    tasks: &'m [Task],
    /// Those that stand in a text which is wrong: nothing more is said about them.
    suspected: Vec<String>,
}

/// Where a document is given, and what fills it first.
#[derive(Default)]
struct Origin<'m> {
    given: Option<Span>,
    filled: Option<(&'m Task, Span)>,
}

impl<'m> Documents<'m> {
    /// Those that are given, then those that tasks fill.
    pub fn new(
        given: &'m IndexMap<Name, Document>,
        tasks: &'m [Task],
        suspected: Vec<String>,
    ) -> Documents<'m> {
        let origin = |document: &Document| Origin { given: Some(document.span.clone()), filled: None };
        let mut known: IndexMap<&str, Origin<'_>> =
            given.iter().map(|(name, document)| (name.as_str(), origin(document))).collect();
        for task in tasks {
            for fill in &task.fills {
                let at = fill.place.place.inner(fill.place.value.span.clone());
                let origin = known.entry(fill.place.value.root.as_ref()).or_default();
                origin.filled.get_or_insert((task, at));
            }
            for place in &task.mutates {
                let at = place.place.inner(place.value.span.clone());
                let origin = known.entry(place.value.root.as_ref()).or_default();
                origin.filled.get_or_insert((task, at));
            }
        }
        Documents { known, tasks, suspected }
    }

    pub fn names(&self) -> impl Iterator<Item = &'m str> {
        self.known.keys().copied()
    }

    /// Whether there is such a document, or may be once what is wrong is right.
    pub fn has(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.suspected.iter().any(|suspected| suspected == name)
    }

    /// The task whose results the name would stand for, if they were kept there.
    fn task(&self, name: &str) -> Option<&'m Task> {
        let would = |task: &&Task| task.name.default_document().is_ok_and(|own| own.as_str() == name);
        self.tasks.iter().find(would)
    }
}

/// For a name that is a task's and no document's.
fn no_document_of(task: &Task) -> Diagnostic {
    let filled = task.fills.iter().map(|fill| &fill.place.value.root);
    let mutated = task.mutates.iter().map(|place| &place.value.root);
    let help = match (task.fills.is_empty(), task.mutates.is_empty()) {
        (false, _) => format!("what it gives is in {}", listed(filled)),
        (true, false) => format!(
            "it has `mutates`: what it changes is in {}, and with `fills` its result would be kept as well",
            listed(mutated)
        ),
        (true, true) => "with `fills = false` nothing of its result is kept".to_owned(),
    };
    Diagnostic::error(format!("the task `{}` fills no document of its name", task.name)).help(help)
}

/// Where expressions stand, and what they may name there.
struct Scope<'s> {
    reader: &'s Reader<'s>,
    documents: &'s Documents<'s>,
    variables: Vec<&'s str>,
    /// Variables of the task that are bound only after this place.
    later: Vec<&'s str>,
    words: &'static [&'static str],
    /// Whether the expressions stand in `for`, where a list was perhaps meant.
    lists: bool,
    /// Of the task in which the expressions stand, if it is one.
    when: Option<When>,
}

impl<'s> Scope<'s> {
    /// Outside of tasks: documents and the environment.
    fn outside(reader: &'s Reader<'s>, documents: &'s Documents<'s>) -> Scope<'s> {
        Scope {
            reader,
            documents,
            variables: Vec::new(),
            later: Vec::new(),
            words: OUTSIDE,
            lists: false,
            when: None,
        }
    }
}

/// Reports the names of a task that stand for nothing.
pub fn check_task(reader: &Reader<'_>, task: &Task, documents: &Documents<'_>) {
    let when = Some(task.when);
    let scope = |variables, words| Scope { variables, words, when, ..Scope::outside(reader, documents) };
    let mut bound = Vec::new();
    for variable in &task.variables {
        if let Items::Expression(items) = &variable.items {
            let all = task.variable_names().map(Name::as_str);
            let later = all.filter(|name| !bound.contains(name)).collect();
            Scope { later, lists: true, ..scope(bound.clone(), OUTSIDE) }.expression(items);
        }
        bound.extend(variable.names.iter().map(Name::as_str));
    }
    let planning = scope(bound.clone(), PLANNING);
    task.key.iter().flatten().for_each(|part| planning.expression(part));
    let (call, fills) = match task.when.is_finalizer() {
        true => (FINALIZER, FINALIZER_FILLS),
        false => (CALL, FILLS),
    };
    check_call(&scope(bound.clone(), call), task);
    check_after(&scope(bound.clone(), TARGET), task);
    let fills = scope(bound, fills);
    task.fills.iter().for_each(|fill| fills.fill(fill));
}

fn check_call(scope: &Scope<'_>, task: &Task) {
    task.condition.iter().for_each(|condition| scope.expression(condition));
    match &task.run {
        Run::Shell { text, .. } | Run::Script { text, .. } => {
            scope.template(text);
            scope.braces(text);
        }
        Run::Program { words, .. } => words.iter().for_each(|word| scope.template(word)),
        Run::Function { .. } | Run::Worker { .. } => {
            let (arguments, templates) = task.run.sent();
            arguments.iter().for_each(|argument| scope.expression(&argument.value));
            templates.into_iter().for_each(|template| scope.template(template));
        }
    }
    let templates = [&task.stdin, &task.dotenv, &task.dir].into_iter().flatten();
    templates.chain(task.env.iter().map(|(_, value)| value)).for_each(|template| scope.template(template));
    task.reads.iter().chain(&task.mutates).for_each(|place| scope.read(place));
    let default = task.default.iter().flat_map(DefaultValue::templates);
    default.for_each(|template| scope.template(template));
    for amount in task.amounts() {
        if let Amount::Expression(expression) = amount {
            scope.expression(expression);
        }
    }
}

/// What a call waits for is known before it runs.
fn check_after(scope: &Scope<'_>, task: &Task) {
    for target in &task.after {
        let place = made_at(target.place.span.clone());
        target.value.templates().into_iter().for_each(|part| scope.slots(part, &place));
    }
}

/// Reports the names of a sync point's `check` that stand for nothing, and templates in its `waits-for`.
pub fn check_sync(reader: &Reader<'_>, sync: &Sync, documents: &Documents<'_>) {
    let scope = Scope::outside(reader, documents);
    sync.check.iter().for_each(|check| scope.expression(check));
    for target in &sync.waits_for {
        if target.value.templates().iter().any(|part| part.slots().next().is_some()) {
            let diagnostic =
                Diagnostic::error("a sync point has no variables").at(target.place.span.clone(), "");
            reader.report(diagnostic.help("name the whole task, or one call by its key's texts"));
        }
    }
}

/// Reports the documents and names of `select` that stand for nothing.
pub fn check_settings(reader: &Reader<'_>, settings: &Settings, documents: &Documents<'_>) {
    match &settings.select {
        Select::Changed => {}
        Select::Documents(names) => names.iter().for_each(|name| {
            if !documents.has(name.value.as_str()) {
                let diagnostic = Diagnostic::error(format!("there is no document `{}`", name.value));
                let diagnostic = diagnostic.at(name.place.span.clone(), "unknown document");
                reader.report(diagnostic.nearest(name.value.as_str(), documents.names()));
            }
        }),
        Select::Computed(expressions) => {
            let scope = Scope::outside(reader, documents);
            expressions.iter().for_each(|(_, expression)| scope.expression(expression));
        }
    }
}

/// Reports a task whose name is also that of a document that it does not fill.
pub fn check_shared(reader: &Reader<'_>, task: &Task, documents: &Documents<'_>) {
    let name = task.name.as_str();
    let fills_it = task.fills.iter().any(|fill| fill.place.value.root == name);
    let Some(origin) = documents.known.get(name).filter(|_| !fills_it) else { return };
    let filled = origin.filled.as_ref().map(|(_, at)| at.clone());
    let Some(other) = origin.given.clone().or(filled) else { return };
    let message = format!("task `{name}` has the name of a document that it does not fill");
    let diagnostic = Diagnostic::error(message).at(task.span.clone(), "this task").at(other, "this document");
    reader.report(diagnostic.help("rename one of them"));
}

impl Scope<'_> {
    fn expression(&self, expression: &Sourced<Expression>) {
        self.references(expression.value.references(), &expression.place);
    }

    fn template(&self, template: &Sourced<Template>) {
        self.slots(&template.value, &template.place);
    }

    /// Warns of `{{ name }}` without `$`, as Jinja and just write it, where the name stands for something.
    fn braces(&self, text: &Sourced<Template>) {
        for (span, name) in braces::names(&text.value) {
            if self.variables.contains(&name) || self.documents.has(name) {
                let span = text.place.inner(span);
                let written = self.reader.text.get(span.clone()).unwrap_or_default();
                let diagnostic = Diagnostic::warning(format!("`{written}` is plain text"));
                let help = format!("write `${{{{ {name} }}}}` for the value of `{name}`");
                self.reader.report(diagnostic.at(span, "").help(help));
            }
        }
    }

    fn slots(&self, template: &Template, place: &Place) {
        template.slots().for_each(|slot| self.references(slot.expression.references(), place));
    }

    fn references(&self, references: &[Reference], place: &Place) {
        references.iter().for_each(|reference| self.root(reference, place));
    }

    /// A place to fill: its document need not be known, the names in its brackets do.
    fn fill(&self, fill: &Fill) {
        self.steps(&fill.place);
        fill.value.iter().for_each(|value| self.expression(value));
    }

    /// A place to read: its document is one, whatever the variables are called.
    fn read(&self, read: &Sourced<Reference>) {
        let root = read.value.root.as_ref();
        if !self.documents.has(root) {
            let span = read.place.inner(read.value.span.start..read.value.span.start + root.len());
            let unknown = || {
                let diagnostic = Diagnostic::error(format!("there is no document `{root}`"));
                diagnostic.nearest(root, self.documents.names())
            };
            let diagnostic = self.documents.task(root).map_or_else(unknown, no_document_of);
            self.reader.report(diagnostic.at(span, "unknown document"));
        }
        self.steps(read);
    }

    fn steps(&self, place: &Sourced<Reference>) {
        for step in &place.value.steps {
            if let Step::Computed(index) = step {
                self.references(index.references(), &place.place);
            }
        }
    }

    fn root(&self, reference: &Reference, place: &Place) {
        let root = reference.root.as_ref();
        if self.variables.contains(&root) || self.words.contains(&root) || self.documents.has(root) {
            return self.member_of_run(reference, place);
        }
        let span = place.inner(reference.span.start..reference.span.start + root.len());
        let diagnostic = match self.dashed(span.start) {
            Some((written, meant)) => Diagnostic::error(format!("nothing is called `{root}`"))
                .help(format!("`-` is a minus here: the document of `{written}` is `{meant}`")),
            None => self.unknown(root),
        };
        self.reader.report(diagnostic.at(span, "unknown name"));
    }

    /// A name with `-` that begins here, and the document that is called so with `_`.
    fn dashed(&self, start: usize) -> Option<(&str, String)> {
        let rest = self.reader.text.get(start..)?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        let written = rest[..end].trim_end_matches('-');
        let meant = written.replace('-', "_");
        (meant != written && self.documents.has(&meant)).then_some((written, meant))
    }

    /// Of `run` there is the status alone.
    fn member_of_run(&self, reference: &Reference, place: &Place) {
        if let ("run", Some(Step::Key(member))) = (reference.root.as_ref(), reference.steps.first())
            && &**member != "status"
        {
            let span = place.inner(reference.span.clone());
            let message = format!("there is no `run.{member}`");
            self.reader.report(Diagnostic::error(message).at(span, "").help("write `run.status`"));
        }
    }

    /// `run` and `calls` where they are not known.
    fn too_early(&self, root: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error(format!("`{root}` is known in finalizers only"));
        match self.when {
            Some(When::Success) => {
                diagnostic.help("add `when = \"always\"` or `when = \"failure\"` to this task")
            }
            Some(When::Failure | When::Always) => Diagnostic::error(format!("`{root}` is not known yet here"))
                .help("which calls a finalizer has, and what they wait for, is known earlier: name it in what they run"),
            None => diagnostic.help("a finalizer is a task with `when = \"always\"` or `when = \"failure\"`"),
        }
    }

    fn unknown(&self, root: &str) -> Diagnostic {
        match root {
            later if self.later.contains(&later) => {
                let help = "a variable may use those that stand before it; move it up";
                return Diagnostic::error(format!("variable `{root}` is not bound yet")).help(help);
            }
            "result" | "exit" => {
                let help = "another task reads a result by the document that it fills";
                return Diagnostic::error(format!("`{root}` is known in `fills` only")).help(help);
            }
            "run" | "calls" => return self.too_early(root),
            "key" | "task" | "attempt" => {
                return Diagnostic::error(format!("`{root}` is not known here")).help("it belongs to a call");
            }
            _ => {}
        }
        if let Some(task) = self.documents.task(root) {
            return no_document_of(task);
        }
        let diagnostic = Diagnostic::error(format!("nothing is called `{root}`"));
        let variables = self.variables.iter().copied();
        let words = self.words.iter().copied();
        match nearest(root, variables.chain(self.documents.names()).chain(words)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(self.known()),
        }
    }

    /// What could be named here, for a name that is near to nothing.
    fn known(&self) -> String {
        let names = self.variables.iter().copied().chain(self.documents.names());
        let names: Vec<&str> = names.take(12).collect();
        match names.as_slice() {
            names if self.lists => {
                let known = match names {
                    [] => String::new(),
                    names => format!("known here are {}; ", listed(names)),
                };
                format!(
                    "{known}a list stands in brackets: `[\"a\", \"b\"]`; names of files are `glob('*.txt')`"
                )
            }
            [] => "there are no documents: give some in `[data]` or `[load]`; a text stands in quotes"
                .to_owned(),
            names => format!("known here are {}; a text stands in quotes", listed(names)),
        }
    }
}
