//! Starting the process of an attempt: its command, with a few more tries where the hindrance passes by itself.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

use super::{Attempt, program, refusal};

/// Pauses before further tries.
const PAUSES_MS: &[u64] = &[1, 2, 5, 10, 30, 60];

/// Starts the process, its pipes open. `Err`: why not, in words.
pub(super) fn spawn(attempt: &Attempt) -> Result<Child, String> {
    let program = program::find(attempt)?;
    let mut command = command(attempt, &program);
    let mut pauses = PAUSES_MS.iter();
    loop {
        match (command.spawn(), pauses.next()) {
            (Ok(child), _) => return Ok(child),
            (Err(error), Some(pause)) if passes(&error) => thread::sleep(Duration::from_millis(*pause)),
            (Err(error), _) => return Err(refusal::words(attempt, &program, &error)),
        }
    }
}

/// Whether the hindrance may be gone in a moment: another thread's child still holds the file open for writing, or
/// there are too many processes just now.
fn passes(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::TXTBSY | Errno::AGAIN))
}

fn command(attempt: &Attempt, program: &Path) -> Command {
    let mut command = Command::new(program);
    let (name, arguments) = attempt
        .argv
        .split_first()
        .map_or((program.as_os_str(), &[][..]), |(name, rest)| (name.as_os_str(), rest));
    command
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(attempt.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&attempt.dir)
        .process_group(0)
        .stdin(if attempt.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
