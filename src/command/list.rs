//! `deco list`: the tasks with their variables, descriptions and tags; or the runs of `deco map`.

use crate::cli::SubjectArgs;
use crate::shell;
use crate::state::CommandRun;
use crate::value::excerpt;

use super::{Exit, open, past, print, wrong};

/// Characters of a command line that are shown.
const SHOWN: usize = 100;

pub fn run(args: &SubjectArgs) -> Exit {
    if args.map {
        let runs = past::all_of_map(args.manifest.directory.as_deref(), &args.state);
        return runs.map_or_else(wrong, |runs| print(runs.iter().map(line).collect::<String>().as_bytes()));
    }
    let manifest = match open::manifest(&args.manifest) {
        Ok(manifest) => manifest,
        Err(exit) => return exit,
    };
    let rows: Vec<(String, String)> = manifest.tasks.iter().map(row).collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines =
        rows.iter().map(|(name, about)| format!("{name:width$}  {about}").trim_end().to_owned() + "\n");
    print(lines.collect::<String>().as_bytes())
}

fn row(task: &crate::manifest::Task) -> (String, String) {
    let variables: Vec<&str> = task.variable_names().map(|name| name.as_str()).collect();
    let name = match variables[..] {
        [] => task.name.to_string(),
        _ => format!("{}[{}]", task.name, variables.join(",")),
    };
    let tags: Vec<String> = task.tags.iter().map(|tag| format!("#{tag}")).collect();
    let about = task.description.iter().cloned().chain(tags).collect::<Vec<_>>().join(" ");
    (name, about)
}

/// The run's id and the beginning of its command line, on one line.
fn line(run: &CommandRun) -> String {
    let words = shell::words(&run.words).replace(char::is_control, "\u{fffd}");
    format!("{}  {}\n", run.folder.id, excerpt(&words, SHOWN))
}
