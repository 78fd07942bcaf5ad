//! Whether a call's environment leaves its shell nothing to do but to start one program.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::exec::Basis;
use crate::value::Text;

/// How one program is started that a shell would start.
#[derive(Clone, Debug)]
pub enum Way {
    /// By the shell: only that knows what to say to it.
    Shell,
    /// By itself, with its folder in PWD where that is not told yet.
    Direct { folder: Option<Text> },
}

/// An answer of [`way`], and what was asked.
struct Asked {
    shell: OsString,
    program: OsString,
    basis: Arc<Basis>,
    dir: Arc<Path>,
    way: Way,
}

thread_local! {
    /// The last answer: most calls ask the same.
    static LAST: RefCell<Option<Asked>> = const { RefCell::new(None) };
    /// The last answer for a shell and a PATH, which needs a look at files: calls with variables of their own ask the same.
    static SHELL: RefCell<Option<(OsString, OsString, bool)>> = const { RefCell::new(None) };
}

/// Whether starting the program directly in this folder comes to the same, but for PWD. What deco tells a call alone is
/// nothing to a shell.
pub fn way(shell: &OsStr, program: &OsStr, basis: &Arc<Basis>, dir: &Arc<Path>) -> Way {
    LAST.with_borrow_mut(|last| match last {
        Some(asked)
            if Arc::ptr_eq(&asked.basis, basis)
                && asked.dir.as_os_str() == dir.as_os_str()
                && asked.shell == shell
                && asked.program == program =>
        {
            asked.way.clone()
        }
        _ => {
            let is_open = leaves_nothing_else(shell, program, basis);
            let way = if is_open { folder(basis, dir) } else { Way::Shell };
            let (shell, program) = (shell.to_owned(), program.to_owned());
            *last = Some(Asked { shell, program, basis: basis.clone(), dir: dir.clone(), way: way.clone() });
            way
        }
    })
}

fn leaves_nothing_else(shell: &OsStr, program: &OsStr, basis: &Basis) -> bool {
    let speaks = |name: &OsStr| {
        let name = name.as_bytes();
        matches!(name, b"ENV" | b"BASH_ENV" | b"SHELLOPTS" | b"BASHOPTS") || name.starts_with(b"BASH_FUNC_")
    };
    if basis.names().any(speaks) {
        return false;
    }
    let Some(path) = basis.get("PATH") else { return false };
    // bash expands `~` there, and dash reads `%` in ways of its own
    let is_named = !program.as_bytes().contains(&b'/');
    if is_named && path.as_bytes().iter().any(|byte| matches!(byte, b'~' | b'%')) {
        return false;
    }
    SHELL.with_borrow_mut(|last| match last {
        Some((known, at, is_plain)) if known == shell && at == path => *is_plain,
        _ => {
            let is_plain = is_plain_shell(shell, path);
            *last = Some((shell.to_owned(), path.to_owned(), is_plain));
            is_plain
        }
    })
}

/// Whether the shell is there, and is no program of many names, which may take others of its names for builtins.
fn is_plain_shell(shell: &OsStr, path: &OsStr) -> bool {
    // an entry that is relative depends on the call's folder; then the shell itself shall look
    let mut folders =
        path.as_bytes().split(|byte| *byte == b':').map(|folder| Path::new(OsStr::from_bytes(folder)));
    if folders.clone().any(|folder| !folder.is_absolute()) {
        return false;
    }
    let place = if shell.as_bytes().starts_with(b"/") {
        Some(Path::new(shell).to_owned())
    } else {
        folders.find_map(|folder| Some(folder.join(shell)).filter(|place| place.is_file()))
    };
    let Some(real) = place.and_then(|place| place.canonicalize().ok()) else { return false };
    let name = real.file_name().and_then(OsStr::to_str).unwrap_or_default();
    ["sh", "dash", "bash", "ksh", "mksh", "lksh"].iter().any(|known| name.starts_with(known))
}

/// The program is told its folder as a shell does it: by PWD.
fn folder(basis: &Basis, dir: &Path) -> Way {
    use std::path::Component;

    let is_direct = dir.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let told = basis.told().any(|(name, _)| name == "PWD");
    let (true, false, Some(text)) = (is_direct && dir.is_absolute(), told, dir.to_str()) else {
        return Way::Shell;
    };
    let is_known = basis.get("PWD") == Some(dir.as_os_str());
    Way::Direct { folder: (!is_known).then(|| text.into()) }
}
