//! `deco list`: the tasks with their variables, descriptions and tags.

use crate::cli::ManifestArgs;

use super::{Exit, open, print};

pub fn run(args: &ManifestArgs) -> Exit {
    let manifest = match open::manifest(args) {
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
