//! A folder of its own for a test, and `deco` run in it: what it is given, and what must come out. Nothing waits
//! without a bound: where two processes are to meet and do not, the test fails.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::window::Window;

/// How long a run may take at the very most.
const PATIENCE: Duration = Duration::from_secs(60);

/// `sh meet MINE THEIRS` says that it is here and waits for the other; `sh await FILE…` waits for files.
/// Both end with 9 if nothing comes within ten seconds.
const AWAIT: &str = r#"
for file; do
    turns=0
    until [ -e "$file" ]; do
        turns=$((turns + 1))
        if [ $turns -gt 1000 ]; then echo "$file never came" >&2; exit 9; fi
        sleep 0.01
    done
done
"#;
const MEET: &str = "here=$1; shift; : > \"$here\"; exec sh \"${0%meet}await\" \"$@\"";

/// A temporary folder, with `meet` and `await` in it.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        let sandbox = Sandbox { dir: tempfile::tempdir().expect("a temporary folder") };
        sandbox.file("await", AWAIT).file("meet", MEET)
    }

    /// Writes a file; folders on its way are made.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Sandbox {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
        fs::write(path, content).expect("a file can be written");
        self
    }

    /// Writes `deco.toml`.
    pub fn manifest(self, text: &str) -> Sandbox {
        self.file("deco.toml", text)
    }

    /// Makes a named pipe.
    pub fn fifo(self, name: &str) -> Sandbox {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, self.path(name), mode).expect("a pipe can be made");
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("`{name}`: {error}"))
    }

    /// Holds the reading end of a named pipe, to see when everyone who opened it for writing is gone.
    pub fn drain(&self, fifo: &str) -> Drain {
        let path = self.path(fifo);
        // an own writer, so that nobody's `open` waits, and none that comes late is missed
        let own = fs::OpenOptions::new().read(true).write(true).open(&path).expect("a named pipe");
        let reader = fs::File::open(path).expect("a named pipe");
        Drain { all: all_of(reader), own }
    }

    /// `deco` with these arguments, in this folder and in an environment of nothing but PATH and HOME.
    pub fn deco<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Deco {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deco"));
        command.args(args).current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        for kept in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        Deco { command, stdin: Vec::new(), stderr: Stdio::piped() }
    }

    /// `deco run` with these arguments, to its end.
    #[track_caller]
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        self.deco(std::iter::once("run").chain(args)).run()
    }
}

/// The end of a named pipe that a test holds.
pub struct Drain {
    all: Receiver<Vec<u8>>,
    own: fs::File,
}

impl Drain {
    /// Nobody else has the pipe open any more.
    #[track_caller]
    pub fn end(self) {
        drop(self.own);
        self.all.recv_timeout(Duration::from_secs(10)).expect("everyone who holds the pipe ends");
    }
}

/// A run to be.
pub struct Deco {
    command: Command,
    stdin: Vec<u8>,
    stderr: Stdio,
}

impl Deco {
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Deco {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, input: &str) -> Deco {
        self.stdin = input.into();
        self
    }

    /// Standard error goes there; what deco says is then not in the output.
    pub fn stderr(self, to: impl Into<Stdio>) -> Deco {
        Deco { stderr: to.into(), ..self }
    }

    /// Starts in a process group of its own, as a shell does that can stop it.
    pub fn in_own_group(mut self) -> Deco {
        self.command.process_group(0);
        self
    }

    /// Starts in another folder.
    pub fn dir(mut self, dir: &Path) -> Deco {
        self.command.current_dir(dir);
        self
    }

    #[track_caller]
    pub fn run(self) -> Output {
        self.spawn().end()
    }

    /// Starts it and leaves it running.
    pub fn spawn(mut self) -> Running {
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(self.stderr);
        let mut child = piped.spawn().expect("deco can be started");
        // what is given to deco is its alone
        drop(self.command);
        let mut stdin = child.stdin.take().expect("a pipe");
        // an end before all is read is no failure
        std::thread::spawn(move || stdin.write_all(&self.stdin));
        let stdout = all_of(child.stdout.take().expect("a pipe"));
        let stderr = child.stderr.take().map_or_else(|| channel().1, all_of);
        Running { child, stdout, stderr }
    }

    /// Starts it with its standard error in a window.
    pub fn spawn_in(mut self, window: &Window) -> Running {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(window.terminal());
        let mut child = self.command.spawn().expect("deco can be started");
        // the command holds the terminal, too
        drop(self.command);
        let stdout = all_of(child.stdout.take().expect("a pipe"));
        Running { child, stdout, stderr: window.all() }
    }
}

/// The state letter of a process; `None` once it has ended, reaped or not.
pub fn state_of(pid: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).ok()?;
    stat.rsplit(") ").next()?.chars().next().filter(|state| !"ZX".contains(*state))
}

fn all_of(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        sender.send(bytes)
    });
    receiver
}

/// A run that goes on.
pub struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

impl Running {
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("deco runs");
    }

    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits until the file is there.
    #[track_caller]
    pub fn wait_for(&mut self, file: &Path) {
        self.wait_until(&file.display().to_string(), || file.exists());
    }

    /// Waits until something, in words, has come.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, has_come: impl Fn() -> bool) {
        for _ in 0..2000 {
            if has_come() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        panic!("{what} never came; deco said:\n{}", self.said());
    }

    /// Kills it as soon as it is time; whether it had not ended before.
    pub fn kill_once(&mut self, is_time: impl Fn() -> bool) -> bool {
        while !is_time() {
            if self.child.try_wait().expect("deco was started").is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let _ = self.child.kill();
        self.child.wait().expect("deco was started").signal().is_some()
    }

    #[track_caller]
    pub fn end(mut self) -> Output {
        let Ok(stdout) = self.stdout.recv_timeout(PATIENCE) else {
            let _ = self.child.kill();
            panic!("deco did not end; it said:\n{}", self.said());
        };
        let stderr = self.said();
        let status = self.child.wait().expect("deco ends");
        Output { status, stdout: String::from_utf8(stdout).expect("the answer is UTF-8"), stderr }
    }

    fn said(&self) -> String {
        let bytes = self.stderr.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// What came out.
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// It ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Output {
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.status, self.told());
        self
    }

    /// It was ended by this signal.
    #[track_caller]
    pub fn died_of(self, signal: i32) -> Output {
        assert_eq!(self.status.signal(), Some(signal), "{}\n{}", self.status, self.told());
        self
    }

    #[track_caller]
    pub fn stdout_is(self, expected: &str) -> Output {
        assert_eq!(self.stdout, expected, "\n{}", self.told());
        self
    }

    /// Standard output is this JSON as `--compact` writes it, however it is laid out.
    #[track_caller]
    pub fn answer_is(self, compact: &str) -> Output {
        let answer: serde_json::Value = match serde_json::from_str(&self.stdout) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}\n{}", self.told()),
        };
        assert_eq!(answer.to_string(), compact, "\n{}", self.told());
        self
    }

    #[track_caller]
    pub fn stdout_has(self, part: &str) -> Output {
        assert!(self.stdout.contains(part), "no `{part}` in\n{}", self.told());
        self
    }

    #[track_caller]
    pub fn stderr_has(self, part: &str) -> Output {
        assert!(self.stderr.contains(part), "no `{part}` in\n{}", self.told());
        self
    }

    #[track_caller]
    pub fn stderr_lacks(self, part: &str) -> Output {
        assert!(!self.stderr.contains(part), "`{part}` in\n{}", self.told());
        self
    }

    fn told(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr)
    }
}
