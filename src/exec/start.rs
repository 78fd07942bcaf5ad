//! Starting the process of an attempt: its pipes, its command, and a few more tries where the hindrance passes by itself.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use super::{Attempt, Groups, program, refusal};

/// Pauses before further tries.
const PAUSES_MS: &[u64] = &[1, 2, 5, 10, 30, 60];

/// A process that runs, and our ends of its pipes.
pub(super) struct Started {
    pub pid: Pid,
    /// By which its end is seen, if the system gives one at once.
    pub descriptor: Option<OwnedFd>,
    /// None if there is nothing to read.
    pub stdin: Option<OwnedFd>,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// Starts the process. `Err`: why not, in words.
pub(super) fn start(attempt: &Attempt, groups: &Groups) -> Result<Started, String> {
    start_with(attempt, groups, &[])
}

/// The same, with descriptors besides the first three, each with the number that it gets. No number may be that of a
/// descriptor here.
pub(super) fn start_with(
    attempt: &Attempt,
    groups: &Groups,
    further: &[(OwnedFd, i32)],
) -> Result<Started, String> {
    if let Some(argv) = &attempt.shortcut
        && let Ok(program) = program::find(attempt, argv)
        && let Ok(started) = spawn(attempt, argv, &program, groups, further)
    {
        return Ok(started);
    }
    let program = program::find(attempt, &attempt.argv)?;
    let mut pauses = PAUSES_MS.iter();
    loop {
        match (spawn(attempt, &attempt.argv, &program, groups, further), pauses.next()) {
            (Ok(started), _) => return Ok(started),
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

#[cfg(target_os = "linux")]
fn spawn(
    attempt: &Attempt,
    words: &[OsString],
    program: &Path,
    groups: &Groups,
    further: &[(OwnedFd, i32)],
) -> io::Result<Started> {
    use super::block::Block;
    use super::spawn::{Pointers, Program, spawn};
    use std::ffi::CString;
    use std::os::fd::AsFd;

    thread_local! {
        static COMMAND: RefCell<(Pointers, Block)> = RefCell::default();
    }
    let own_stdin = if attempt.stdin.is_empty() { None } else { Some(pipe()?) };
    let (stdout, stdout_end) = pipe()?;
    let (stderr, stderr_end) = pipe()?;
    let path = CString::new(program.as_os_str().as_bytes())?;
    let dir = CString::new(attempt.dir.as_os_str().as_bytes())?;
    let (pid, descriptor) = COMMAND.with_borrow_mut(|(argv, env)| {
        argv.clear();
        words.iter().try_for_each(|word| argv.push(&[word.as_bytes()]))?;
        argv.seal();
        spawn(&Program {
            path: &path,
            dir: &dir,
            argv,
            env: env.write(&attempt.env)?,
            stdin: match &own_stdin {
                Some((read, _)) => read.as_fd(),
                None => nothing_to_read()?,
            },
            stdout: stdout_end.as_fd(),
            stderr: stderr_end.as_fd(),
            further,
            announced: groups.place(attempt.slot),
        })
    })?;
    Ok(Started { pid, descriptor, stdin: own_stdin.map(|(_, write)| write), stdout, stderr })
}

/// A pipe that no program inherits: its reading end, its writing end.
#[cfg(target_os = "linux")]
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// The null device, opened once.
#[cfg(target_os = "linux")]
fn nothing_to_read() -> io::Result<std::os::fd::BorrowedFd<'static>> {
    use std::os::fd::AsFd;
    use std::sync::OnceLock;

    static NULL: OnceLock<std::fs::File> = OnceLock::new();
    if let Some(known) = NULL.get() {
        return Ok(known.as_fd());
    }
    let opened = std::fs::File::open("/dev/null")?;
    Ok(NULL.get_or_init(|| opened).as_fd())
}

#[cfg(not(target_os = "linux"))]
fn spawn(
    attempt: &Attempt,
    words: &[OsString],
    program: &Path,
    _groups: &Groups,
    further: &[(OwnedFd, i32)],
) -> io::Result<Started> {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    if !further.is_empty() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "workers need Linux"));
    }

    let mut command = Command::new(program);
    let name = words.first().map_or(program.as_os_str(), |name| name.as_os_str());
    let mut child = command
        .arg0(name)
        .args(words.iter().skip(1))
        .env_clear()
        .envs(attempt.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&attempt.dir)
        .process_group(0)
        .stdin(if attempt.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let missing = || io::Error::other("a pipe is missing");
    Ok(Started {
        pid: Pid::from_child(&child),
        descriptor: None,
        stdin: child.stdin.take().map(OwnedFd::from),
        stdout: child.stdout.take().map(OwnedFd::from).ok_or_else(missing)?,
        stderr: child.stderr.take().map(OwnedFd::from).ok_or_else(missing)?,
    })
}
