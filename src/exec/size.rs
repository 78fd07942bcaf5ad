//! Whether a command is short enough for the system to start it, found from lengths before it is tried: `execve` gives one
//! number for all causes, and a call that failed by it would be tried again.

use std::ffi::OsStr;

use rustix::process::{Resource, getrlimit};

use super::Attempt;

/// Commands with fewer bytes of arguments fit: the system takes at least twice as much beside the environment that deco
/// itself was started with.
const SURELY_FITS: usize = 64 * 1024;

/// `Err`: what is too long, in words. Where the limits are not known, only [`words`] tells.
pub(super) fn check(attempt: &Attempt) -> Result<(), String> {
    let arguments = attempt.argv.iter().map(|word| word.len());
    let variables = attempt.env.told().map(|(_, value)| value.len());
    if arguments.chain(variables).sum::<usize>() < SURELY_FITS || !cfg!(target_os = "linux") {
        return Ok(());
    }
    let is_too_long = longest(attempt).is_some_and(|(_, length)| length > longest_text())
        || total(attempt).into_iter().sum::<usize>() > longest_command();
    if is_too_long { Err(words(attempt)) } else { Ok(()) }
}

/// Why the system finds the command too long.
pub(super) fn words(attempt: &Attempt) -> String {
    let limit = longest_text();
    match longest(attempt).filter(|&(_, length)| cfg!(target_os = "linux") && length > limit) {
        Some((what, length)) => format!(
            "{what} is too long to start a program: it has {length} bytes, and the system takes {limit}; {REMEDY}"
        ),
        None => {
            let [arguments, environment] = total(attempt);
            format!(
                "the command line is too long to start a program: {arguments} bytes of arguments and {environment} of \
                 environment; {REMEDY}"
            )
        }
    }
}

const REMEDY: &str = "give long values by `stdin`, or in a file by `| file`";

/// The longest single text of the command, by its place, since it may be a secret.
fn longest(attempt: &Attempt) -> Option<(String, usize)> {
    let arguments = attempt.argv.iter().enumerate().map(|(at, word)| (word.len(), Err(at)));
    let variables = attempt.env.iter().map(|(name, value)| (name.len() + 1 + value.len(), Ok(name)));
    let (length, what) = arguments.chain(variables).max_by_key(|(length, _)| *length)?;
    let name = |name: &OsStr| format!("the variable `{}`", name.to_string_lossy());
    Some((what.map_or_else(|at| format!("argument {at} of the command"), name), length))
}

/// The bytes of the arguments and of the environment, as the system counts them: each text ends with a byte, and a pointer
/// leads to it.
fn total(attempt: &Attempt) -> [usize; 2] {
    const BESIDE: usize = 1 + size_of::<usize>();
    let arguments = attempt.argv.iter().map(|word| word.len() + BESIDE);
    let variables = attempt.env.iter().map(|(name, value)| name.len() + 1 + value.len() + BESIDE);
    [arguments.sum(), variables.sum()]
}

/// The most bytes of one argument or variable: 32 pages, with the byte that ends it.
fn longest_text() -> usize {
    32 * rustix::param::page_size() - 1
}

/// The most bytes of all of them: a quarter of the stack, within bounds.
fn longest_command() -> usize {
    let stack = getrlimit(Resource::Stack).current.and_then(|bytes| usize::try_from(bytes).ok());
    stack.map_or(usize::MAX, |bytes| bytes / 4).clamp(128 * 1024, 6 * 1024 * 1024)
}
