//! A folder for each slot, for what the slot's call keeps to itself: `tmp`, which the call may use as it likes, and beside
//! it the result file and files that templates make. Made once; what a call leaves is removed after it, which costs the
//! many calls that leave nothing only a look.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The folders of a run's slots.
#[derive(Debug)]
pub struct Folders {
    root: PathBuf,
    /// By slot, counted from 1; `None`: has no folder yet.
    slots: Vec<Mutex<Option<Slot>>>,
}

/// A slot's folder, open so that it can be looked into at once.
#[derive(Debug)]
struct Slot {
    own: File,
    tmp: File,
}

impl Folders {
    /// Folders below `root` for so many slots.
    pub fn new(root: PathBuf, slots: usize) -> Folders {
        Folders { root, slots: (0..slots).map(|_| Mutex::default()).collect() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the folder of a slot stands.
    pub fn path(&self, slot: u32) -> PathBuf {
        self.root.join(slot.to_string())
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
            *known = Some(Slot { own: File::open(&path)?, tmp: File::open(&tmp)? });
        }
        Ok(())
    }

    /// Removes what the slot's call has left.
    pub fn tidy(&self, slot: u32) {
        let mut known = self.lock(slot);
        let is_tidy = match known.as_deref() {
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

    fn lock(&self, slot: u32) -> Option<MutexGuard<'_, Option<Slot>>> {
        let place = (slot as usize).checked_sub(1)?;
        self.slots.get(place).map(|known| known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Slot {
    fn is_tidy(&self) -> bool {
        holds(&self.own, &[c"tmp"]) && holds(&self.tmp, &[])
    }
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
    fn a_slot_beyond_the_room_has_a_folder_as_well() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path().to_owned(), 1);
        folders.make(7).unwrap();
        assert!(folders.path(7).join("tmp").is_dir());
        folders.tidy(7);
        assert!(!folders.path(7).exists());
    }
}
