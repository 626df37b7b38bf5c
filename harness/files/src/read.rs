//! Reading that is bounded, and of which the caller knows if it can wait.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::inputs;

/// Why a file was not read.
#[derive(Debug)]
pub enum ReadError {
    /// It is a folder.
    Folder,
    /// It is a pipe, a socket or a device.
    NotRegular,
    /// It is longer than the limit, in bytes.
    TooLong(u64),
    /// The operating system reports an error.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("it is a folder"),
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::TooLong(limit) => write!(f, "it is longer than {limit} bytes"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The bytes of a regular file; anything else is refused, and waits for nothing.
///
/// # Errors
/// If it is no regular file, is longer than `limit` bytes, or cannot be read.
pub fn regular(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    // Without the flag, opening a pipe waits for a writer; a regular file is read as without it.
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(ReadError::Folder);
    }
    if !metadata.is_file() {
        return Err(ReadError::NotRegular);
    }
    inputs::note(path, &metadata);
    bounded(file, limit)
}

/// The bytes of a file, which may be a pipe such as `/dev/stdin`: waits for its writers, so call it where a signal can end that.
///
/// # Errors
/// If it is longer than `limit` bytes, or cannot be read.
pub fn stream(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path)?;
    inputs::note(path, &file.metadata()?);
    bounded(file, limit)
}

fn bounded(file: File, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(ReadError::TooLong(limit)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn pipe_in_place_of_regular_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
        assert!(matches!(regular(&pipe, 10), Err(ReadError::NotRegular)));
        assert!(matches!(regular(folder.path(), 10), Err(ReadError::Folder)));
        assert!(matches!(regular(Path::new("/dev/zero"), 10), Err(ReadError::NotRegular)));
    }

    #[test]
    fn longer_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "0123456789").unwrap();
        assert_eq!(regular(&file, 10).unwrap(), b"0123456789");
        assert!(matches!(regular(&file, 9), Err(ReadError::TooLong(9))));
        assert!(matches!(stream(Path::new("/dev/zero"), 9), Err(ReadError::TooLong(9))));
    }
}
