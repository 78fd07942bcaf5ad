//! One process started as Linux does it fastest: a clone that shares this process's memory until it executes its program,
//! while the calling thread waits. Nothing is copied, however much memory deco holds; glibc's own way makes a hundred more
//! system calls. Nearly all unsafe code of deco (the rest is in `output/closed.rs`): what stands here may be read in one sitting.
//!
//! Between clone and exec the child runs in our memory, on a stack of its own. So it allocates nothing, takes no lock,
//! and makes system calls alone; every signal is blocked, and no handler of ours is left when they are unblocked.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::process::Pid;

/// What the process is made of.
pub(super) struct Program<'a> {
    /// Relative to `dir`, if it is not absolute.
    pub path: &'a CStr,
    pub dir: &'a CStr,
    pub argv: &'a Pointers,
    pub env: &'a Pointers,
    pub stdin: BorrowedFd<'a>,
    pub stdout: BorrowedFd<'a>,
    pub stderr: BorrowedFd<'a>,
    /// Further descriptors and the numbers that they get; no number is that of one of ours.
    pub further: &'a [(OwnedFd, c_int)],
    /// The file and the offset at which the process writes its own id before it executes the program.
    pub announced: Option<(BorrowedFd<'a>, u64)>,
}

/// C strings one after the other, as `execve` takes them. Kept from call to call, so that nothing is allocated.
#[derive(Default)]
pub(super) struct Pointers {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    pointers: Vec<*const c_char>,
}

impl Pointers {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
        self.pointers.clear();
    }

    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Keeps only so many strings from the beginning.
    pub fn truncate(&mut self, count: usize) {
        if let Some(&end) = self.starts.get(count) {
            self.bytes.truncate(end);
            self.starts.truncate(count);
        }
    }

    /// Appends a string made of these parts. `Err` if one holds a NUL byte.
    pub fn push(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.starts.push(self.bytes.len());
        for part in parts {
            if part.contains(&0) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            self.bytes.extend_from_slice(part);
        }
        self.bytes.push(0);
        Ok(())
    }

    /// Says that all strings are there; before, they may still move.
    pub fn seal(&mut self) {
        let base = self.bytes.as_ptr().cast::<c_char>();
        self.pointers.clear();
        // within one allocation, since each start is below its length
        self.pointers.extend(self.starts.iter().map(|&start| base.wrapping_add(start)));
        self.pointers.push(ptr::null());
    }
}

/// The child's stack; it needs a few hundred bytes.
const STACK: usize = 32 * 1024;

thread_local! {
    /// One for each thread is enough: the thread waits while its child uses it.
    static CHILD_STACK: RefCell<Vec<MaybeUninit<u128>>> =
        RefCell::new(vec![MaybeUninit::uninit(); STACK / size_of::<u128>()]);
}

/// Both strings of pointers must be sealed. The process leads a group of its own. `Err`: no process was made, or it could
/// not become the program. The descriptor of the process is missing on Linux before 5.2.
pub(super) fn spawn(program: &Program<'_>) -> io::Result<(Pid, Option<OwnedFd>)> {
    let mut task = Task { program, failed: 0 };
    let mut descriptor: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let argument = (&raw mut task).cast::<c_void>();
    let blocked = Blocked::all()?;
    let pid = CHILD_STACK.with_borrow_mut(|stack| {
        // SAFETY: the end of the allocation, aligned to 16 bytes as every `u128` is; stacks grow down from it. The kernel
        // holds this thread until the child has executed its program or is gone, so stack, task and program outlive their
        // use, and nobody else touches them meanwhile. The further argument is where CLONE_PIDFD puts its descriptor.
        unsafe {
            libc::clone(child, stack.as_mut_ptr_range().end.cast(), flags, argument, &raw mut descriptor)
        }
    });
    let error = io::Error::last_os_error();
    drop(blocked);
    // SAFETY: the child wrote it, if it did, before this thread went on; the compiler cannot see that
    let failed = unsafe { ptr::read_volatile(&raw const task.failed) };
    let Some(pid) = Pid::from_raw(pid).filter(|_| pid > 0) else { return Err(error) };
    // SAFETY: the system has opened it for us alone. Where no process was made it may have left a number that is not open
    let descriptor = (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) });
    match failed {
        0 => Ok((pid, descriptor)),
        failed => {
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            Err(io::Error::from_raw_os_error(failed))
        }
    }
}

/// What the child gets by its argument.
struct Task<'a> {
    program: &'a Program<'a>,
    /// The number of the error, if the program could not be executed.
    failed: c_int,
}

/// Every signal is kept from this thread until this is dropped: the child begins with the same mask.
struct Blocked(libc::sigset_t);

impl Blocked {
    fn all() -> io::Result<Blocked> {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: both are written by the calls before they are read; `sigfillset` cannot fail on a valid pointer, and
        // `before` counts as written only where the second call succeeded
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            match libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) {
                0 => Ok(Blocked(before.assume_init())),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: a mask that the system gave us
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, ptr::null_mut()) };
    }
}

/// The child's whole life in our memory.
extern "C" fn child(argument: *mut c_void) -> c_int {
    let task = argument.cast::<Task<'_>>();
    // SAFETY: the pointer that `spawn` gave, whose thread waits
    unsafe {
        let failed = become_program((*task).program);
        ptr::write_volatile(&raw mut (*task).failed, failed);
        libc::_exit(127)
    }
}

/// Returns the number of the error only if the program cannot be executed.
///
/// # Safety
/// Only in a child of `clone`, with all signals blocked: what this changes is the child's own (descriptors, dispositions,
/// mask, folder and group are not shared by its flags).
unsafe fn become_program(program: &Program<'_>) -> c_int {
    // SAFETY: system calls on descriptors and C strings that the waiting thread keeps alive
    unsafe {
        libc::setpgid(0, 0);
        if let Some((file, offset)) = program.announced {
            let pid = libc::getpid();
            let bytes = (&raw const pid).cast();
            libc::pwrite(file.as_raw_fd(), bytes, size_of::<c_int>(), offset as libc::off_t);
        }
        // ours are never among the first three, which the runtime keeps open; so the copies are not close-on-exec
        for (source, target) in [(program.stdin, 0), (program.stdout, 1), (program.stderr, 2)] {
            if libc::dup2(source.as_raw_fd(), target) < 0 {
                return errno();
            }
        }
        for (source, target) in program.further {
            if libc::dup2(source.as_raw_fd(), *target) < 0 {
                return errno();
            }
        }
        if libc::chdir(program.dir.as_ptr()) < 0 {
            return errno();
        }
        restore_signals();
        libc::execve(program.path.as_ptr(), program.argv.pointers.as_ptr(), program.env.pointers.as_ptr());
        errno()
    }
}

/// Leaves no handler of ours, then lets signals come. What was ignored stays so, but for SIGPIPE, which Rust ignores.
///
/// # Safety
/// As for `become_program`.
unsafe fn restore_signals() {
    const CAUGHT: &[c_int] = &[
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGCHLD,
        libc::SIGTSTP,
        libc::SIGCONT,
        libc::SIGWINCH,
        libc::SIGSEGV,
        libc::SIGBUS,
    ];
    // SAFETY: zeroed structures are valid ones (the default action, an empty mask); `known` is read only once it is written
    unsafe {
        let default: libc::sigaction = MaybeUninit::zeroed().assume_init();
        let mut known: libc::sigaction = MaybeUninit::zeroed().assume_init();
        for &signal in CAUGHT {
            let told = libc::sigaction(signal, ptr::null(), &mut known) == 0;
            if told && known.sa_sigaction != libc::SIG_IGN && known.sa_sigaction != libc::SIG_DFL {
                libc::sigaction(signal, &default, ptr::null_mut());
            }
        }
        libc::sigaction(libc::SIGPIPE, &default, ptr::null_mut());
        libc::sigprocmask(libc::SIG_SETMASK, &default.sa_mask, ptr::null_mut());
    }
}

/// # Safety
/// The thread's own place for it, which the child shares while the thread waits.
unsafe fn errno() -> c_int {
    // SAFETY: always a valid pointer
    unsafe { *libc::__errno_location() }
}
