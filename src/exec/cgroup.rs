//! A control group around a run, where the system lets us make one below our own (Linux, version 2): no process can leave it
//! by itself, whatever its session, its environment or its user. A net below the others, so every failure means only that
//! there is none.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, getppid};

/// How often it is tried to remove a group whose processes are still ending, and how long is waited between.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// A group that has been made around a process, our parent.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
    /// Whom it was made around.
    process: Pid,
}

impl Cgroup {
    /// Makes a group below that of our parent and moves the parent there, if it is still this one. What it starts from then
    /// on is in there as well; we are not.
    pub fn around(process: Pid, name: &str) -> io::Result<Cgroup> {
        let path = own(process)?.join(name);
        fs::create_dir(&path)?;
        let group = Cgroup { path, process };
        // came with Linux 5.14
        let is_able = group.path.join("cgroup.kill").exists() && getppid() == Some(process);
        let moved = if is_able { group.take(process) } else { Err(ErrorKind::Unsupported.into()) };
        moved.inspect_err(|_| drop(fs::remove_dir(&group.path))).map(|()| group)
    }

    fn take(&self, process: Pid) -> io::Result<()> {
        put(&self.path, process)
    }

    /// Kills all that is in there but our parent.
    pub fn kill(self) {
        let spared = getppid() != Some(self.process) || self.release(self.process).is_ok();
        if spared && fs::write(self.path.join("cgroup.kill"), "1").is_ok() {
            self.remove();
        }
    }

    /// Lets what is in there go on in the group above.
    pub fn dissolve(self) {
        let processes = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        for process in processes.lines().filter_map(|id| Pid::from_raw(id.parse().ok()?)) {
            // one that has ended is not in the way
            let _ = self.release(process);
        }
        self.remove();
    }

    fn release(&self, process: Pid) -> io::Result<()> {
        put(self.path.parent().unwrap_or(Path::new("/")), process)
    }

    fn remove(&self) {
        for _ in 0..TRIES {
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() == ErrorKind::ResourceBusy => thread::sleep(PAUSE),
                _ => return,
            }
        }
    }
}

fn put(group: &Path, process: Pid) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), process.to_string())
}

/// The folder of the group that a process is in.
fn own(process: Pid) -> io::Result<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup"))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    place(&groups, &mounts).ok_or_else(|| ErrorKind::Unsupported.into())
}

/// Where the group of version 2 stands that `/proc/…/cgroup` names, by `/proc/…/mountinfo`.
fn place(groups: &str, mounts: &str) -> Option<PathBuf> {
    let group = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = group.strip_prefix(root).ok().filter(|_| kind.starts_with("cgroup2 "))?;
        // one above our view of the groups is not ours to change
        (!below.starts_with("..")).then(|| Path::new(point).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_stands_where_its_file_system_is_mounted() {
        let check = |groups, mounts, expected: Option<&str>| {
            assert_eq!(place(groups, mounts), expected.map(PathBuf::from), "{groups} {mounts}");
        };
        let plain = "24 1 0:21 / /proc rw - proc proc rw\n30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        check("0::/user.slice/a.scope\n", plain, Some("/sys/fs/cgroup/user.slice/a.scope"));
        check("1:cpu:/x\n0::/\n", plain, Some("/sys/fs/cgroup/"));
        check("1:cpu:/x\n", plain, None);
        check("0::/../other\n", plain, None);
        check("0::/a\n", "30 1 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", None);
        let inner = "30 1 0:26 /box /cg rw - cgroup2 cgroup2 rw\n";
        check("0::/box/in\n", inner, Some("/cg/in"));
        check("0::/elsewhere\n", inner, None);
    }
}
