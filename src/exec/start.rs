//! Starting the process of an attempt: its pipes, its command, and a few more tries where the hindrance passes by itself.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use super::{Attempt, Enders, Groups, program, refusal};

/// The pause before the second try; before each further one it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// A process that runs, and our ends of its pipes.
pub(super) struct Started {
    pub pid: Pid,
    /// By which its end is seen, if the system gives one at once.
    pub descriptor: Option<OwnedFd>,
    /// None if nothing is left to be written.
    pub stdin: Option<OwnedFd>,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    /// How many starts had begun when this one was done: those of them that are still under way may hold copies of the pipes.
    pub alongside: u64,
}

/// Starts the process. `Err`: why not, in words.
pub(super) fn start(attempt: &Attempt, enders: &Enders, groups: &Groups) -> Result<Started, String> {
    start_with(attempt, enders, groups, &[])
}

/// The same, with descriptors besides the first three, each with the number that it gets. No number may be that of a
/// descriptor here.
pub(super) fn start_with(
    attempt: &Attempt,
    enders: &Enders,
    groups: &Groups,
    further: &[(OwnedFd, i32)],
) -> Result<Started, String> {
    // not while the run is stopped: who stops it must find all groups
    let begin = |words: &[OsString], program: &Path| {
        let _running = groups.clock().running();
        let start = groups.starts().begin();
        let started = spawn(attempt, words, program, groups, further)?;
        drop(start);
        groups.enter(attempt.slot, started.pid);
        Ok(Started { alongside: groups.starts().count(), ..started })
    };
    if let Some(argv) = &attempt.shortcut
        && let Ok(program) = program::find(attempt, argv)
    {
        match persist(enders, || begin(argv, &program)) {
            Ok(started) => return Ok(started),
            // the shell would only meet the same
            Err(error) if tries(&error) > 1 => return Err(refusal::words(attempt, &program, &error)),
            Err(_) => {}
        }
    }
    let program = program::find(attempt, &attempt.argv)?;
    persist(enders, || begin(&attempt.argv, &program))
        .map_err(|error| refusal::words(attempt, &program, &error))
}

/// Tries again where the hindrance may pass by itself, until the run asks for the end.
fn persist<T>(enders: &Enders, mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let (mut made, mut pause) = (1, FIRST_PAUSE);
    loop {
        match start() {
            Err(error) if made < tries(&error) && enders.rest(pause) => (made, pause) = (made + 1, pause * 2),
            done => return done,
        }
    }
}

/// How often it is worth trying.
fn tries(error: &io::Error) -> u32 {
    match Errno::from_io_error(error) {
        // another thread's child still holds the file open for writing: half a second in all
        Some(Errno::TXTBSY) => 10,
        // the machine, or the user, has too much of it just now: sixteen seconds
        Some(Errno::AGAIN | Errno::NOMEM | Errno::NFILE) => 15,
        _ => 1,
    }
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
    let (given_stdin, our_stdin) = input(&attempt.stdin)?;
    let (stdout, stdout_end) = pipe()?;
    let (stderr, stderr_end) = pipe()?;
    let path = CString::new(program.as_os_str().as_bytes())?;
    let dir =
        if is_here(&attempt.dir) { None } else { Some(CString::new(attempt.dir.as_os_str().as_bytes())?) };
    let (pid, descriptor) = COMMAND.with_borrow_mut(|(argv, env)| {
        argv.clear();
        words.iter().try_for_each(|word| argv.push(&[word.as_bytes()]))?;
        argv.seal();
        spawn(&Program {
            path: &path,
            dir: dir.as_deref(),
            argv,
            env: env.write(&attempt.env)?,
            stdin: match &given_stdin {
                Some(pipe) => pipe.as_fd(),
                None => nothing_to_read()?,
            },
            stdout: stdout_end.as_fd(),
            stderr: stderr_end.as_fd(),
            further,
            announced: groups.place(attempt.slot),
        })
    })?;
    Ok(Started { pid, descriptor, stdin: our_stdin, stdout, stderr, alongside: 0 })
}

/// So many bytes go into any new pipe at once: a pipe holds at least a page.
#[cfg(target_os = "linux")]
const FITS: usize = 4096;

/// The end of a pipe from which a process reads these bytes, if there are any, and the end into which they are still to be
/// written: what is short is there before the process is.
#[cfg(target_os = "linux")]
fn input(bytes: &[u8]) -> io::Result<(Option<OwnedFd>, Option<OwnedFd>)> {
    if bytes.is_empty() {
        return Ok((None, None));
    }
    let (given, ours) = pipe()?;
    if bytes.len() > FITS {
        return Ok((Some(given), Some(ours)));
    }
    let written = rustix::io::retry_on_intr(|| rustix::io::write(&ours, bytes))?;
    if written < bytes.len() { Err(io::ErrorKind::WriteZero.into()) } else { Ok((Some(given), None)) }
}

/// Whether a process is in this folder from its start: deco never leaves its own.
#[cfg(target_os = "linux")]
fn is_here(dir: &Path) -> bool {
    static HERE: OnceLock<std::path::PathBuf> = OnceLock::new();
    // written alike: paths themselves are compared part by part
    HERE.get_or_init(|| std::env::current_dir().unwrap_or_default()).as_os_str() == dir.as_os_str()
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
        alongside: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::super::End;
    use super::*;

    /// What comes of it if the first tries fail so, and how many tries there were.
    fn persisted(enders: &Enders, errors: impl Iterator<Item = Errno>) -> (Result<(), Errno>, u32) {
        let (mut errors, mut made) = (errors, 0);
        let done = persist(enders, || {
            made += 1;
            errors.next().map_or(Ok(()), |error| Err(error.into()))
        });
        (done.map_err(|error| Errno::from_io_error(&error).unwrap()), made)
    }

    #[test]
    fn what_passes_is_waited_for_and_what_does_not_is_told_at_once() {
        let enders = Enders::new().unwrap();
        for passes in [Errno::AGAIN, Errno::NOMEM, Errno::NFILE, Errno::TXTBSY] {
            assert_eq!(persisted(&enders, repeat_n(passes, 6)), (Ok(()), 7));
        }
        assert_eq!(persisted(&enders, repeat_n(Errno::TXTBSY, 99)), (Err(Errno::TXTBSY), 10));
        for stays in [Errno::NOENT, Errno::TOOBIG, Errno::MFILE] {
            assert_eq!(persisted(&enders, repeat_n(stays, 99)), (Err(stays), 1));
        }
    }

    #[test]
    fn nothing_is_waited_for_once_the_run_is_to_end() {
        let enders = Enders::new().unwrap();
        enders.end_all(End::Gently(15));
        assert_eq!(persisted(&enders, repeat_n(Errno::AGAIN, 99)), (Err(Errno::AGAIN), 1));
    }
}
