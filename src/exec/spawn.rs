//! One process started as Linux does it fastest: a clone that shares this process's memory until it executes its program,
//! while the calling thread waits. Nothing is copied, however much memory deco holds; glibc's own way makes a hundred more
//! system calls. Nearly all unsafe code of deco (the rest is in `table.rs` beside it and in `output/closed.rs`): what stands here may be
//! read in one sitting.
//!
//! Between clone and exec the child runs in our memory, on a stack of its own. So it allocates nothing, takes no lock,
//! and makes system calls alone; every signal is blocked, but for one whose handler only stores a number (SIGCHLD) and those
//! that tell of a thread's own mistake, and no handler of ours is left when they are unblocked.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::Pid;

/// What the process is made of.
pub(super) struct Program<'a> {
    /// Relative to the folder, if it is not absolute.
    pub path: &'a CStr,
    /// `None`: where this process is.
    pub dir: Option<&'a CStr>,
    pub argv: &'a Pointers,
    pub env: &'a Pointers,
    pub stdin: BorrowedFd<'a>,
    pub stdout: BorrowedFd<'a>,
    pub stderr: BorrowedFd<'a>,
    /// Further descriptors and the numbers that they get; no number is that of a descriptor which is still to be copied.
    pub further: &'a [(OwnedFd, c_int)],
    /// Where the system writes the id of the process before that does anything.
    pub announced: Option<&'a AtomicI32>,
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
    /// Whether this thread takes no signals at any time.
    static IS_DEAF: Cell<bool> = const { Cell::new(false) };
}

/// Both strings of pointers must be sealed. The process leads a group of its own. `Err`: no process was made, or it could
/// not become the program. The descriptor of the process is missing on Linux before 5.2.
pub(super) fn spawn(program: &Program<'_>) -> io::Result<(Pid, Option<OwnedFd>)> {
    let mut task = Task { program, caught: caught(), failed: 0 };
    let mut descriptor: c_int = -1;
    let announces = if program.announced.is_some() { libc::CLONE_CHILD_SETTID } else { 0 };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | announces | libc::SIGCHLD;
    let announced = program.announced.map_or(ptr::null_mut(), AtomicI32::as_ptr);
    let argument = (&raw mut task).cast::<c_void>();
    let no_tls = ptr::null_mut::<c_void>();
    let blocked = if IS_DEAF.get() { None } else { Some(Blocked::all()?) };
    let pid = CHILD_STACK.with_borrow_mut(|stack| {
        // SAFETY: the end of the allocation, aligned to 16 bytes as every `u128` is; stacks grow down from it. The kernel
        // holds this thread until the child has executed its program or is gone, so stack, task and program outlive their
        // use, and nobody else touches them meanwhile. The further arguments are where CLONE_PIDFD puts its descriptor, one that
        // is not looked at, and where CLONE_CHILD_SETTID puts the id: a cell that may be written at any time.
        unsafe {
            let end = stack.as_mut_ptr_range().end.cast();
            libc::clone(child, end, flags, argument, &raw mut descriptor, no_tls, announced)
        }
    });
    let error = io::Error::last_os_error();
    drop(blocked);
    // SAFETY: the child wrote it, if it did, before this thread went on; the compiler cannot see that
    let failed = unsafe { ptr::read_volatile(&raw const task.failed) };
    // -1 is no id that could be asked about
    let Some(pid) = Some(pid).filter(|&pid| pid > 0).and_then(Pid::from_raw) else { return Err(error) };
    // SAFETY: the system has opened it for us alone. Where no process was made it may have left a number that is not open
    let descriptor = (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) });
    match failed {
        0 => Ok((pid, descriptor)),
        failed => {
            // its id may soon be another process's
            program.announced.iter().for_each(|place| place.store(0, Ordering::Release));
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            Err(io::Error::from_raw_os_error(failed))
        }
    }
}

/// What the child gets by its argument.
struct Task<'a> {
    program: &'a Program<'a>,
    /// The signals whose handlers it may have from us.
    caught: &'static [c_int],
    /// The number of the error, if the program could not be executed.
    failed: c_int,
}

/// Keeps signals from the calling thread for as long as it lives, so that it need not keep them off each time that it
/// starts a process. But for those that a thread's own mistake raises, of which Rust's runtime tells in words, and for the
/// one by which children tell of their end: the thread that keeps it off is not told, another one is woken instead.
pub(super) fn take_no_signals() {
    let Ok(blocked) = Blocked::all() else { return };
    let mut taken = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is made by the first call; the next add to it, the last takes it from this thread's mask
    let is_done = unsafe {
        libc::sigemptyset(taken.as_mut_ptr());
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGCHLD] {
            libc::sigaddset(taken.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, taken.as_ptr(), ptr::null_mut()) == 0
    };
    if is_done {
        std::mem::forget(blocked);
        IS_DEAF.set(true);
    }
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
        let failed = become_program((*task).program, (*task).caught);
        ptr::write_volatile(&raw mut (*task).failed, failed);
        libc::_exit(127)
    }
}

/// Returns the number of the error only if the program cannot be executed.
///
/// # Safety
/// Only in a child of `clone`, with signals blocked as the module says: what this changes is the child's own (descriptors, dispositions,
/// mask, folder and group are not shared by its flags).
unsafe fn become_program(program: &Program<'_>, caught: &[c_int]) -> c_int {
    // SAFETY: system calls on descriptors and C strings that the waiting thread keeps alive
    unsafe {
        libc::setpgid(0, 0);
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
        if let Some(dir) = program.dir
            && libc::chdir(dir.as_ptr()) < 0
        {
            return errno();
        }
        restore_signals(caught);
        libc::execve(program.path.as_ptr(), program.argv.pointers.as_ptr(), program.env.pointers.as_ptr());
        errno()
    }
}

/// Leaves no handler of ours, then lets signals come.
///
/// # Safety
/// As for `become_program`.
unsafe fn restore_signals(caught: &[c_int]) {
    // SAFETY: a zeroed structure is a valid one: the default action, an empty mask
    unsafe {
        let default: libc::sigaction = MaybeUninit::zeroed().assume_init();
        for &signal in caught {
            libc::sigaction(signal, &default, ptr::null_mut());
        }
        libc::sigprocmask(libc::SIG_SETMASK, &default.sa_mask, ptr::null_mut());
    }
}

/// The signals for which deco has a handler, which a process must not run; and SIGPIPE, which Rust ignores. Asked once, at
/// the first start: deco begins to handle signals before that. Rust's own handlers, of faults, do no
/// harm, nor does that of SIGXFSZ, since nothing is written on the way to the program.
fn caught() -> &'static [c_int] {
    const MAY_BE: [c_int; 8] = [
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGCHLD,
        libc::SIGTSTP,
        libc::SIGCONT,
        libc::SIGWINCH,
    ];
    static CAUGHT: OnceLock<Vec<c_int>> = OnceLock::new();
    let is_handled = |&signal: &c_int| {
        let mut known = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a question that writes to `known`, which is a valid structure whether it does or not
        let action = unsafe {
            libc::sigaction(signal, ptr::null(), known.as_mut_ptr());
            known.assume_init().sa_sigaction
        };
        ![libc::SIG_DFL, libc::SIG_IGN].contains(&action)
    };
    CAUGHT.get_or_init(|| MAY_BE.into_iter().filter(is_handled).chain([libc::SIGPIPE]).collect())
}

/// # Safety
/// The thread's own place for it, which the child shares while the thread waits.
unsafe fn errno() -> c_int {
    // SAFETY: always a valid pointer
    unsafe { *libc::__errno_location() }
}
