//! The one door through which the state is written, so that each of its writes can be made to fail in a test.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Error, ffi};

use crate::fault::full_disk;

/// A folder that only its owner may look into, and those above it.
pub(super) fn create_private_folder(path: &Path) -> io::Result<()> {
    full_disk()?;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    full_disk()?;
    File::options().append(true).create(true).open(path)
}

/// A file that must not be there yet.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    full_disk()?;
    File::options().append(true).create_new(true).open(path)
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    full_disk()?;
    fs::write(path, bytes)
}

/// What `write` writes, and nothing else: all of it, or what was there before.
pub(super) fn fill(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    full_disk()?;
    let new = path.with_extension("new");
    let mut file = BufWriter::new(File::create(&new)?);
    write(&mut file)?;
    file.flush()?;
    full_disk()?;
    fs::rename(new, path)
}

pub(super) fn append(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    full_disk()?;
    file.write_all(bytes)
}

/// Cuts off what comes after so many bytes.
pub(super) fn shorten(file: &File, length: u64) -> io::Result<()> {
    full_disk()?;
    file.set_len(length)
}

/// Puts these bytes in the place of what the file holds.
pub(super) fn replace(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    full_disk()?;
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)
}

pub(super) fn sync(file: &File) -> io::Result<()> {
    full_disk()?;
    file.sync_data()
}

/// A database, made if it is not there. It is not waited for, and nothing is brought to the disk: what it holds is advice,
/// or can be made again.
pub(super) fn open_database(path: &Path) -> Result<Connection, Error> {
    full_disk().map_err(|_| Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None))?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "synchronous", "off")?;
    Ok(connection)
}
