//! Files of a state: none is opened that could make the program wait, and none that exists is replaced.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use super::{
    StateError,
    error::{at, damaged},
};

/// The longest file that is read as a whole; no file of a state but its database is as long.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// True if something has this name, even if it cannot be followed.
pub(super) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Refuses a pipe, a device or a directory in the place of a file; `None` if nothing is there.
pub(super) fn expect_regular(path: &Path) -> Result<Option<Metadata>, StateError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(_) => Err(StateError::NotAFile(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound && !exists(path) => Ok(None),
        Err(error) => Err(at("read", path)(error)),
    }
}

/// Reads a file that must be there.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, StateError> {
    read_if_there(path)?.ok_or_else(|| StateError::Missing(path.to_owned()))
}

/// Reads a file; `None` if it does not exist.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    let Some(metadata) = expect_regular(path)? else { return Ok(None) };
    let length = metadata.len();
    if length > FILE_BYTES {
        let reason = format!("it has {length} bytes, more than any file of a state");
        return Err(damaged(path, &reason));
    }
    fs::read(path).map(Some).map_err(at("read", path))
}

/// The first bytes of a file, at most `count`, and the length of the file; `None` if it does not exist.
pub(super) fn read_beginning(
    path: &Path,
    count: usize,
) -> Result<Option<(Vec<u8>, u64)>, StateError> {
    let Some(metadata) = expect_regular(path)? else { return Ok(None) };
    let mut first = Vec::new();
    let file = File::open(path).map_err(at("open", path))?;
    file.take(count as u64).read_to_end(&mut first).map_err(at("read", path))?;
    Ok(Some((first, metadata.len())))
}

/// Opens a file that only its owner can read; it is made if it does not exist.
pub(super) fn open_private(path: &Path) -> Result<File, StateError> {
    expect_regular(path)?;
    let mut options = private();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(at("open", path))
}

/// Makes an empty file that only its owner can read.
pub(super) fn create(path: &Path) -> Result<File, StateError> {
    private().create_new(true).write(true).open(path).map_err(at("make", path))
}

/// Writes a new file, flushed to the disk when this returns.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let mut file = create(path)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(at("write", path))
}

/// Flushes a file to the disk.
pub(super) fn flush(path: &Path) -> Result<(), StateError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(at("write", path))
}

/// Gives a file or directory another name, which must be free.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StateError> {
    if exists(to) {
        return Err(at("make", to)(io::Error::from(ErrorKind::AlreadyExists)));
    }
    fs::rename(from, to).map_err(at("rename", from))
}

/// Makes a directory that only its owner can enter, if it does not exist.
pub(super) fn make_directory(path: &Path) -> Result<(), StateError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(at("make", path))
}

/// The paths of everything in a directory, in order; empty if it does not exist.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, StateError> {
    if !exists(directory) {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).map_err(at("read", directory))?;
    let paths: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(at("read", directory))?;
    paths.sort();
    Ok(paths)
}

/// The name of a file, as far as it is text.
pub(super) fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Flushes a directory, so that a new name survives; on Unix that is done as for a file.
pub(super) fn flush_directory(directory: &Path) -> Result<(), StateError> {
    if cfg!(unix) { flush(directory) } else { Ok(()) }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
