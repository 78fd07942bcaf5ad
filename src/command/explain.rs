//! `deco explain`: of the calls that an address names, what each waits for and why, what waits for it, what it runs, and
//! how its last run ended.

use std::fmt::Write;
use std::time::Duration;

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;

use crate::cli::ExplainArgs;
use crate::diagnostic::{Source, Span};
use crate::manifest::{Task, When};
use crate::outcome::{Outcome, in_words};
use crate::plan::cause::cause;
use crate::plan::select::{self, Named};
use crate::plan::{Node, Plan, Reader};
use crate::report::find;
use crate::report::record::{Call, Record, task_of};
use crate::state::RunFolder;

use super::{Exit, begin, broken, open, past, print, reports, wrong};

/// Calls that are explained, and calls that one waits for, before the rest is counted.
const SHOWN: usize = 3;

pub fn run(args: &ExplainArgs) -> Exit {
    if args.subject.map {
        return of_map(args).map_or_else(|exit| exit, |text| print(text.as_bytes()));
    }
    let opened = match open::plan(&args.subject.manifest) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let plan = &opened.plan;
    let named = match select::named(plan, &args.address) {
        Ok(named) => named,
        Err(message) => return wrong(message),
    };
    let run = begin::state(&plan.manifest, &args.subject.state).find(None).ok();
    let record = run.as_ref().and_then(|run| reports::record(run).ok());
    let explaining = Explaining { plan, address: &args.address, run: run.as_ref(), record: record.as_ref() };
    print(opened.secrets.given().mask_text(&explaining.all(&named)).as_bytes())
}

/// Calls of a run of `deco map`, told from its journal alone: none waits for another.
fn of_map(args: &ExplainArgs) -> Result<String, Exit> {
    let run =
        past::of_map(args.subject.manifest.directory.as_deref(), &args.subject.state, None).map_err(wrong)?;
    let record = reports::record(&run).map_err(broken)?;
    let calls = find::named(&record, &args.address).map_err(wrong)?;
    let task = record.shape.tasks.first().map_or("", |task| &task.runs);
    let explained = calls.iter().map(|(address, call)| {
        let command = call.attempts.last().map_or(task, |attempt| &attempt.command);
        format!("{address}\n  waits for nothing\n{}{}", runs(command), last_run(&run, Some(call)))
    });
    Ok(few(explained))
}

/// The first of the explanations, and how many more there are.
fn few(mut all: impl ExactSizeIterator<Item = String>) -> String {
    let shown: Vec<String> = all.by_ref().take(SHOWN).collect();
    let more = match all.len() {
        0 => String::new(),
        more => format!("\nand {more} more; name one by its key to see it\n"),
    };
    shown.join("\n") + &more
}

fn runs(command: &str) -> String {
    format!("  runs: {}\n", command.trim_end().replace('\n', "\n        "))
}

fn last_run(run: &RunFolder, call: Option<&Call>) -> String {
    let Some(call) = call else { return format!("  was no part of the last run ({})\n", run.id) };
    let Some(end) = &call.end else {
        return format!("  its end in the last run ({}) was not told\n", run.id);
    };
    let took = end.took_ms.map(|took| format!(" after {}", in_words(Duration::from_millis(took))));
    format!("  in the last run ({}): {}{}\n", run.id, end.outcome, took.unwrap_or_default())
}

struct Explaining<'a> {
    plan: &'a Plan,
    /// What is asked for.
    address: &'a str,
    run: Option<&'a RunFolder>,
    /// What became of the last run.
    record: Option<&'a Record>,
}

impl Explaining<'_> {
    fn all(&self, named: &Named) -> String {
        let expansions = named.unexpanded.iter().filter_map(|&task| self.plan.expansion_of(task));
        let calls = named.calls.iter().map(|&call| self.plan.node_of(call));
        let nodes: Vec<NodeIndex> = expansions.chain(calls).collect();
        few(nodes.iter().map(|&node| self.node(node)))
    }

    fn node(&self, node: NodeIndex) -> String {
        let task = match self.plan.graph[node] {
            Node::Call(call) => self.plan.task(call),
            Node::Expansion(task) => &self.plan.manifest.tasks[task.0 as usize],
            Node::Join(_) | Node::Sync(_) => return String::new(),
        };
        let name = self.plan.node_name(node);
        let mut out = match self.plan.graph[node] {
            Node::Expansion(_) => format!("{name}: its calls are found while the run goes on\n"),
            _ => format!("{name}\n"),
        };
        if let Some(description) = &task.description {
            let _ = writeln!(out, "  {description}");
        }
        out.push_str(&self.waits(node, task));
        out.push_str(&self.waited_for(node));
        let call = self.record.and_then(|record| record.calls.get(&name));
        let command = call.and_then(|call| call.attempts.last()).map(|attempt| attempt.command.clone());
        let command = command.filter(|command| !command.is_empty());
        let command = command.unwrap_or_else(|| self.command(node, task));
        out.push_str(&runs(&command));
        out.push_str(&match (self.run, self.record) {
            (Some(run), Some(record)) if matches!(self.plan.graph[node], Node::Expansion(_)) => {
                self.found_in(record, run, task.name.as_str())
            }
            // it goes on, or was killed
            (Some(run), Some(Record { status: None, .. })) if call.is_none() => {
                format!("  has not begun in the last run ({})\n", run.id)
            }
            (Some(run), Some(_)) => last_run(run, call),
            _ => "  has not run yet\n".to_owned(),
        });
        out
    }

    /// How the calls ended that the last run found for a task.
    fn found_in(&self, record: &Record, run: &RunFolder, task: &str) -> String {
        let mut found = find::named(record, self.address).unwrap_or_default();
        found.retain(|(address, _)| task_of(address) == task);
        if found.is_empty() {
            return last_run(run, None);
        }
        let more = found.len().saturating_sub(SHOWN);
        let shown = found.into_iter().take(SHOWN);
        let mut out: String =
            shown.map(|(address, call)| format!("  {address}\n  {}", last_run(run, Some(call)))).collect();
        if more > 0 {
            let _ = writeln!(out, "  and {more} more");
        }
        out
    }

    /// What the node waits for, each with the line that makes it wait.
    fn waits(&self, node: NodeIndex, task: &Task) -> String {
        let mut before: Vec<NodeIndex> = self.plan.graph.neighbors_directed(node, Incoming).collect();
        before.sort_unstable();
        let when = match (task.when, before.is_empty()) {
            (When::Success, false) => "",
            (When::Success, true) => "  waits for nothing\n",
            (When::Always, true) => "  runs at the end, however the run ends\n",
            (When::Failure, true) => "  runs at the end, if something failed\n",
            (When::Always, false) => "  runs however those end for which it waits\n",
            (When::Failure, false) => "  runs if one of those failed for which it waits\n",
        };
        let mut out = when.to_owned();
        for before in before {
            let (span, why) = cause(self.plan, node, before);
            let _ = writeln!(out, "  waits for {}: it {}", self.thing(before), words(&why));
            out.push_str(&quoted(&self.plan.manifest.source, &span));
            if task.when == When::Success {
                out.push_str(&self.hindrances(before));
            }
        }
        out
    }

    /// A node as one that is waited for: of a join, the calls that it gathers.
    fn thing(&self, node: NodeIndex) -> String {
        let name = self.plan.node_name(node);
        match self.plan.graph[node] {
            Node::Join(_) => {
                let (names, count) = self.names(node, Incoming);
                let calls = if count == 1 { "call" } else { "calls" };
                format!("the {name} ({count} {calls}: {names})")
            }
            Node::Expansion(_) => format!("the calls of {name}, which are found while the run goes on"),
            Node::Call(_) | Node::Sync(_) => name.into(),
        }
    }

    fn names(&self, node: NodeIndex, direction: petgraph::Direction) -> (String, usize) {
        let mut nodes: Vec<NodeIndex> = self.plan.graph.neighbors_directed(node, direction).collect();
        nodes.sort_unstable();
        let names: Vec<String> =
            nodes.iter().take(SHOWN).map(|&node| self.plan.node_name(node).into()).collect();
        let more = if nodes.len() > SHOWN { ", …" } else { "" };
        (names.join(", ") + more, nodes.len())
    }

    /// What of it did not come to a good end in the last run, so that who waits for it could not run.
    fn hindrances(&self, before: NodeIndex) -> String {
        let gathered = match self.plan.graph[before] {
            Node::Join(_) => self.plan.graph.neighbors_directed(before, Incoming).collect(),
            _ => vec![before],
        };
        let ended = gathered.into_iter().filter_map(|node| {
            let name = self.plan.node_name(node);
            let end = self.record?.calls.get(&name)?.end.as_ref()?;
            let is_fine = matches!(end.outcome, Outcome::Succeeded | Outcome::Failed { forgiven: true, .. });
            (!is_fine).then(|| format!("      in the last run, {name}: {}\n", end.outcome))
        });
        ended.take(SHOWN).collect()
    }

    /// Who waits for the node.
    fn waited_for(&self, node: NodeIndex) -> String {
        let mut out = String::new();
        let mut after: Vec<NodeIndex> = self.plan.graph.neighbors_directed(node, Outgoing).collect();
        after.sort_unstable();
        for after in after {
            let _ = match self.plan.graph[after] {
                Node::Join(_) => {
                    let name = self.plan.node_name(after);
                    writeln!(out, "  is waited for by {}, through the {name}", self.names(after, Outgoing).0)
                }
                _ => writeln!(out, "  is waited for by {}", self.plan.node_name(after)),
            };
        }
        out
    }

    /// The command as far as it can be known before a run.
    fn command(&self, node: NodeIndex, task: &Task) -> String {
        let scope = self.plan.call_at(node).map(|call| self.plan.before(Reader::Call(call)));
        task.run.known(scope.as_ref().map(|scope| scope as _))
    }
}

/// `reads …, which is filled by` without what would follow.
fn words(why: &str) -> &str {
    why.trim_end_matches(", which is filled by").trim_end_matches(" the check of")
}

/// The line of a span, and what of it is meant.
fn quoted(source: &Source, span: &Span) -> String {
    let (Some(before), Some(inside)) = (source.text.get(..span.start), source.text.get(span.clone())) else {
        return String::new();
    };
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = source.text[start..].lines().next().unwrap_or_default();
    let number = 1 + before.matches('\n').count();
    let indent: usize = before[start..].chars().count();
    let width = inside.lines().next().unwrap_or_default().chars().count().max(1);
    let place = format!("{}:{number}", source.name);
    let marked = " ".repeat(place.chars().count() + 2 + indent) + &"^".repeat(width);
    format!("      {place}: {line}\n      {marked}\n")
}
