//! The worker for Python functions: its modules, and the command that runs them.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

const START: &str = include_str!("../python/start.py");
const MODULES: &[(&str, &str)] = &[
    ("__init__.py", include_str!("../python/__init__.py")),
    ("c_code.py", include_str!("../python/c_code.py")),
    ("dicts.py", include_str!("../python/dicts.py")),
    ("documents.py", include_str!("../python/documents.py")),
    ("lists.py", include_str!("../python/lists.py")),
    ("record.py", include_str!("../python/record.py")),
    ("say.py", include_str!("../python/say.py")),
    ("worker.py", include_str!("../python/worker.py")),
];

/// Puts the worker into a folder, unless it is there; Python keeps what it compiled beside it. The arguments for an
/// interpreter to run it.
pub fn install(folder: &Path) -> io::Result<Vec<OsString>> {
    let package = folder.join("deco_worker");
    std::fs::create_dir_all(&package)?;
    for (name, text) in MODULES {
        put(&package, name, text)?;
    }
    put(folder, "start.py", START)?;
    Ok(vec![folder.join("start.py").into()])
}

/// A file that another run reads at the same time is never half there.
fn put(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let file = folder.join(name);
    if std::fs::read(&file).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    let mut new = NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut new, text.as_bytes())?;
    new.persist(file)?;
    Ok(())
}
