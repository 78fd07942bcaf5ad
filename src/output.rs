//! Files that deco writes for the user: replaced as a whole or left as they were. Pipes, devices and descriptors of this
//! process are written through, since there is nothing to replace.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::fault::full_disk;

mod closed;

pub use closed::standard_output_was_closed;

/// Where a name leads.
enum Target {
    /// A file, there or not, in a folder.
    File(PathBuf),
    /// Standard output under another name.
    StandardOutput,
    /// Another open descriptor, a pipe or a device.
    Stream(PathBuf),
}

/// Replaces a file as a whole with what `write` writes, or leaves it as it was.
pub fn write_file(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match target(file)? {
        Target::StandardOutput => {
            let mut out = io::stdout().lock();
            write(&mut out).and_then(|()| out.flush())
        }
        Target::Stream(stream) => write(&mut OpenOptions::new().append(true).open(stream)?),
        Target::File(file) => {
            let mut fresh = temporary(&file)?;
            full_disk().and_then(|()| write(&mut fresh))?;
            full_disk().and_then(|()| fresh.as_file().sync_all())?;
            full_disk()?;
            fresh.persist(&file).map(drop).map_err(|error| error.error)
        }
    }
    .map_err(plain)
}

/// Whether the file could be written, found before anything runs.
pub fn check_writable(file: &Path) -> io::Result<()> {
    match target(file)? {
        Target::StandardOutput if standard_output_was_closed() => Err(io::Error::other("it is closed")),
        Target::StandardOutput | Target::Stream(_) => Ok(()),
        Target::File(file) if file.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Target::File(file) => temporary(&file).map(drop).map_err(plain),
    }
}

/// The error without the name of the temporary file, which says nothing to a user.
fn plain(error: io::Error) -> io::Error {
    let cause =
        error.get_ref().and_then(|inner| inner.source()).and_then(|cause| cause.downcast_ref::<io::Error>());
    let code = error.raw_os_error().or_else(|| cause.and_then(io::Error::raw_os_error));
    code.map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error)
}

/// Follows links by hand: one that leads to a descriptor must not be replaced, nor what stands behind it.
fn target(file: &Path) -> io::Result<Target> {
    const LINKS: usize = 40;
    let mut file = std::path::absolute(file)?;
    for _ in 0..LINKS {
        let folder = fs::canonicalize(file.parent().unwrap_or(Path::new("/")))?;
        if folder.starts_with("/proc") || folder.starts_with("/dev/fd") {
            return Ok(match file.file_name().and_then(|name| name.to_str()) {
                Some("1") => Target::StandardOutput,
                _ => Target::Stream(file),
            });
        }
        match fs::symlink_metadata(&file) {
            Ok(known) if known.is_symlink() => file = folder.join(fs::read_link(&file)?),
            Ok(known) if !known.is_file() && !known.is_dir() => return Ok(Target::Stream(file)),
            _ => return Ok(Target::File(file)),
        }
    }
    Err(io::Error::other("too many links"))
}

fn temporary(file: &Path) -> io::Result<tempfile::NamedTempFile> {
    full_disk()?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut builder = tempfile::Builder::new();
    set_mode(&mut builder, file);
    builder.prefix(".deco-").tempfile_in(folder)
}

/// A file that is replaced keeps its permissions; a new one gets those of any new file.
#[cfg(unix)]
fn set_mode(builder: &mut tempfile::Builder<'_, '_>, file: &Path) {
    let kept = fs::metadata(file).map(|known| known.permissions());
    builder.permissions(kept.unwrap_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o666)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.json");
        write_file(&file, |out| out.write_all(b"one")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write_file(&file, |out| out.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        write_file(&link, |out| out.write_all(b"through")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"through");
    }

    #[test]
    fn what_cannot_be_written_is_told_without_temporary_names() {
        let folder = tempfile::tempdir().unwrap();
        let missing = check_writable(&folder.path().join("no/out.json")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(!missing.to_string().contains(".deco-"), "{missing}");
        assert_eq!(check_writable(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }
}
