//! How many files this process may have open, and so how many attempts it can make at a time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What one attempt has open at most: both ends of three pipes, its process, two logs, the slot's two folders, what is
/// written, read or removed for it, and the pipes of a worker that waits for its next call.
const PER_ATTEMPT: u64 = 22;

/// What a run opens beside: the journal, the past durations, its reports, pipes for signals and for the watchdog.
const BESIDE: u64 = 32;

/// Surely more than is open when a run begins.
const AMPLE: u64 = 1024;

/// How many attempts there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// As many as were asked for.
    Enough,
    /// Fewer, at least one; and how many files the system allows.
    For { attempts: usize, files: u64 },
    /// Not even one; and how many files one would need.
    None { files: u64, needed: u64 },
}

/// Makes room for so many attempts at a time. The limit that a user may raise is raised as far as it is needed; calls
/// inherit it.
pub fn make_room(attempts: usize) -> Room {
    let limits = getrlimit(Resource::Nofile);
    let attempts = attempts as u64;
    let allows = |limit: Option<u64>, files: u64| limit.is_none_or(|limit| limit >= files);
    if allows(limits.current, attempts.saturating_mul(PER_ATTEMPT).saturating_add(BESIDE + AMPLE)) {
        return Room::Enough;
    }
    let beside = open_now() + BESIDE;
    let needed = attempts.saturating_mul(PER_ATTEMPT).saturating_add(beside);
    if !allows(limits.current, needed) {
        let most = limits.maximum.map_or(needed, |most| most.min(needed));
        let raised = Rlimit { current: Some(most), maximum: limits.maximum };
        // where it cannot be raised, there is less room
        let _ = setrlimit(Resource::Nofile, raised);
    }
    room(getrlimit(Resource::Nofile).current, beside, attempts)
}

/// What fits into a limit, if so many files are open besides.
fn room(limit: Option<u64>, beside: u64, attempts: u64) -> Room {
    let Some(files) = limit else { return Room::Enough };
    match files.saturating_sub(beside) / PER_ATTEMPT {
        0 => Room::None { files, needed: beside + PER_ATTEMPT },
        fits if fits >= attempts => Room::Enough,
        fits => Room::For { attempts: usize::try_from(fits).unwrap_or(usize::MAX), files },
    }
}

/// How many files are open; a guess where the system does not tell.
fn open_now() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(8, |entries| entries.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_told_and_at_least_one_must() {
        assert_eq!(room(None, 30, 1_000_000), Room::Enough);
        assert_eq!(room(Some(30 + 10 * PER_ATTEMPT), 30, 10), Room::Enough);
        assert_eq!(
            room(Some(29 + 10 * PER_ATTEMPT), 30, 10),
            Room::For { attempts: 9, files: 29 + 10 * PER_ATTEMPT }
        );
        assert_eq!(room(Some(30), 30, 1), Room::None { files: 30, needed: 30 + PER_ATTEMPT });
    }
}
