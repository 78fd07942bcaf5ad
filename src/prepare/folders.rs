//! A folder for each slot, for what the slot's call keeps to itself: `tmp`, which the call may use as it likes, and beside
//! it the result file and files that templates make. Made once; what a call leaves is removed after it, which costs the
//! many calls that leave nothing only a look.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The folders of a run's slots.
#[derive(Debug)]
pub struct Folders {
    root: PathBuf,
    /// By slot, counted from 1: where it stands; `None`: is not there yet.
    slots: Vec<(Arc<Path>, Mutex<Option<Slot>>)>,
}

/// A slot's folder, open so that it can be looked into at once.
#[derive(Debug)]
struct Slot {
    own: File,
    tmp: File,
    /// When both last changed, if they were tidy then.
    tidy_since: Option<Times>,
}

/// When the folders of a slot last changed, in nanoseconds.
type Times = [i128; 2];

/// A change that is younger might not be told from the next one by its time: the clocks of file systems tick slowly.
const TICK: i128 = 100_000_000;

impl Folders {
    /// Folders below `root` for so many slots.
    pub fn new(root: PathBuf, slots: usize) -> Folders {
        let slots = (1..=slots).map(|slot| (root.join(slot.to_string()).into(), Mutex::default())).collect();
        Folders { root, slots }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the folder of a slot stands.
    pub fn path(&self, slot: u32) -> Arc<Path> {
        let known = self.slot(slot).map(|(path, _)| path.clone());
        known.unwrap_or_else(|| self.root.join(slot.to_string()).into())
    }

    /// Sees that the folder is there, and empty but for an empty `tmp`.
    pub fn make(&self, slot: u32) -> io::Result<()> {
        let mut known = self.lock(slot);
        if known.as_deref().is_some_and(Option::is_some) {
            return Ok(());
        }
        let path = self.path(slot);
        let tmp = path.join("tmp");
        fs::create_dir_all(&tmp)?;
        if let Some(known) = known.as_deref_mut() {
            *known = Some(Slot { own: File::open(&path)?, tmp: File::open(&tmp)?, tidy_since: None });
        }
        Ok(())
    }

    /// Removes what the slot's call has left.
    pub fn tidy(&self, slot: u32) {
        let mut known = self.lock(slot);
        let is_tidy = match known.as_deref_mut() {
            Some(Some(slot)) => slot.is_tidy(),
            Some(None) => true,
            None => false,
        };
        if !is_tidy {
            // what cannot be removed goes with the run's folder; it is no failure of the call
            let _ = fs::remove_dir_all(self.path(slot));
            if let Some(known) = known.as_deref_mut() {
                *known = None;
            }
        }
    }

    /// Removes all that is there, once no call runs. To be called before their place is removed: a folder that is removed
    /// while it is open costs some file systems more.
    pub fn remove(&self) {
        for (path, slot) in &self.slots {
            if slot.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
                // what cannot be removed goes, if it can, with the place of all of them
                let _ = fs::remove_dir_all(path);
            }
        }
    }

    fn lock(&self, slot: u32) -> Option<MutexGuard<'_, Option<Slot>>> {
        self.slot(slot).map(|(_, known)| known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn slot(&self, slot: u32) -> Option<&(Arc<Path>, Mutex<Option<Slot>>)> {
        self.slots.get((slot as usize).checked_sub(1)?)
    }
}

impl Slot {
    /// Looks into the folders only if they have changed, or may have.
    fn is_tidy(&mut self) -> bool {
        let times = self.changed();
        if times.is_some() && times == self.tidy_since {
            return true;
        }
        let is_tidy = holds(&self.own, &[c"tmp"]) && holds(&self.tmp, &[]);
        self.tidy_since = times.filter(|times| is_tidy && times.iter().all(is_told_apart));
        is_tidy
    }

    fn changed(&self) -> Option<Times> {
        Some([changed(&self.own)?, changed(&self.tmp)?])
    }
}

fn changed(folder: &File) -> Option<i128> {
    let known = rustix::fs::fstat(folder).ok()?;
    Some(i128::from(known.st_ctime) * 1_000_000_000 + i128::from(known.st_ctime_nsec))
}

/// Whether a change that comes now would have another time. A file system that keeps whole seconds cannot say.
fn is_told_apart(time: &i128) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos().cast_signed());
    time % 1_000_000_000 != 0 && now - time > TICK
}

/// Whether a folder holds just these entries; one that was removed holds nothing.
#[cfg(target_os = "linux")]
fn holds(folder: &File, expected: &[&CStr]) -> bool {
    use rustix::fs::{RawDir, SeekFrom, seek};
    use std::mem::MaybeUninit;

    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut found = 0;
    if seek(folder, SeekFrom::Start(0)).is_err() {
        return false;
    }
    let mut entries = RawDir::new(folder, &mut buffer);
    while let Some(entry) = entries.next() {
        let Ok(entry) = entry else { return false };
        match entry.file_name() {
            name if name == c"." || name == c".." => {}
            name if expected.contains(&name) => found += 1,
            _ => return false,
        }
    }
    found == expected.len()
}

/// Elsewhere each call has a folder made anew.
#[cfg(not(target_os = "linux"))]
fn holds(_folder: &File, _expected: &[&CStr]) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_leaves_is_gone_before_the_next_one() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path().to_owned(), 1);
        let own = folders.path(1);
        let leave: [&dyn Fn(); 5] = [
            &|| (),
            &|| fs::write(own.join("tmp/x"), "x").unwrap(),
            &|| fs::write(own.join("result"), "x").unwrap(),
            &|| fs::remove_dir(own.join("tmp")).unwrap(),
            &|| fs::remove_dir_all(&own).unwrap(),
        ];
        for left in leave {
            folders.make(1).unwrap();
            assert_eq!(fs::read_dir(&own).unwrap().count(), 1);
            assert_eq!(fs::read_dir(own.join("tmp")).unwrap().count(), 0);
            left();
            folders.tidy(1);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_left_after_many_tidy_calls_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path().to_owned(), 1);
        folders.make(1).unwrap();
        while folders.lock(1).unwrap().as_ref().unwrap().tidy_since.is_none() {
            folders.tidy(1);
        }
        let left = folders.path(1).join("tmp/x");
        fs::write(&left, "x").unwrap();
        folders.tidy(1);
        assert!(!left.exists());
    }

    #[test]
    fn a_slot_beyond_the_room_has_a_folder_as_well() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path().to_owned(), 1);
        folders.make(7).unwrap();
        assert!(folders.path(7).join("tmp").is_dir());
        folders.tidy(7);
        assert!(!folders.path(7).exists());
    }
}
