//! Files that a call was to write, or was given to change, as it has left them. Does not know what should stand in them.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

/// What the file holds, up to so many bytes and one more, by which a longer one is told. What is no file is an error: a named
/// pipe in its place would be waited for for ever.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let opened: OwnedFd = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let file = File::from(opened);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
