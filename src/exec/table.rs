//! Numbers in memory that another process reads through a descriptor, a cell for each slot: so the system itself can write
//! a new process's id there before that process does anything, and taking it out costs no system call.
//! Knows nothing of what the numbers mean.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::slice;
use std::sync::atomic::AtomicI32;

#[derive(Debug)]
pub(super) struct Table {
    file: File,
    cells: &'static [AtomicI32],
}

impl Table {
    /// A table of so many cells, all 0. Its memory is never given back: a run has one, of a few pages.
    pub fn new(cells: usize) -> io::Result<Table> {
        let file = rustix::fs::memfd_create("deco-groups", rustix::fs::MemfdFlags::CLOEXEC)?;
        let file = File::from(file);
        let bytes = cells.max(1) * size_of::<AtomicI32>();
        file.set_len(bytes as u64)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at a place that the system chooses; nothing else is touched
        let start =
            unsafe { libc::mmap(ptr::null_mut(), bytes, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the mapping is of `bytes`, begins at a page, is zeroed, and stays. The file keeps its length, and who else
        // has it only reads; atomic cells may be read while they are written
        let cells = unsafe { slice::from_raw_parts(start.cast_const().cast::<AtomicI32>(), cells) };
        Ok(Table { file, cells })
    }

    /// What the other process is given.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The cell at this place, counted from 0.
    pub fn cell(&self, at: usize) -> Option<&AtomicI32> {
        self.cells.get(at)
    }
}
