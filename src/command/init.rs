//! `deco init`: a manifest to start from, with what it needs beside it, that runs as it is. Replaces nothing.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::{InitArgs, Template};
use crate::shell;

use super::{Exit, broken, complain, wrong};

/// A file's name, and what stands in it.
type File = (&'static str, &'static str);

pub fn run(args: &InitArgs) -> Exit {
    let here = args.directory == Path::new(".");
    let path = |name: &str| if here { PathBuf::from(name) } else { args.directory.join(name) };
    let files: Vec<(PathBuf, &str)> =
        files(args.template).iter().map(|(name, text)| (path(name), *text)).collect();
    if let Some((file, _)) = files.iter().find(|(file, _)| file.symlink_metadata().is_ok()) {
        return wrong(there_already(file));
    }
    for (file, text) in &files {
        match write(&args.directory, file, text) {
            Ok(()) => {}
            // somebody was faster
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return wrong(there_already(file)),
            Err(error) => return broken(format_args!("cannot write `{}`: {error}", file.display())),
        }
    }
    let names: Vec<String> = files.iter().map(|(file, _)| format!("`{}`", file.display())).collect();
    complain(format_args!("wrote {}; `{}` runs it", names.join(" and "), command(&args.directory)));
    Exit::Done
}

fn files(template: Option<Template>) -> &'static [File] {
    match template {
        None => &[("deco.toml", include_str!("init/start.toml"))],
        Some(Template::Ci) => &[("deco.toml", include_str!("init/ci.toml"))],
        Some(Template::MapReduce) => &[("deco.toml", include_str!("init/map-reduce.toml"))],
        Some(Template::Pipeline) => &[("deco.toml", include_str!("init/pipeline.toml"))],
        Some(Template::Python) => {
            &[("deco.toml", include_str!("init/python.toml")), ("work.py", include_str!("init/work.py"))]
        }
    }
}

fn there_already(file: &Path) -> String {
    format!("`{}` is there already; nothing was changed", file.display())
}

fn write(folder: &Path, file: &Path, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    OpenOptions::new().write(true).create_new(true).open(file)?.write_all(text.as_bytes())
}

/// How the manifest is run from here.
fn command(folder: &Path) -> String {
    match folder == Path::new(".") {
        true => "deco run".to_owned(),
        false => format!("deco run -C {}", shell::quoted(&folder.to_string_lossy())),
    }
}
