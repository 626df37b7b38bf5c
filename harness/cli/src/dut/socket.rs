//! The socket of a served device's console: a file, whose permissions say who may use the device.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fs, os::unix::net};

use clap::ValueEnum;
use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};

use crate::exit::{CommandError, Exit};

/// Who may use the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// The user who serves it.
    #[default]
    #[value(name = "600")]
    User,
    /// His group as well.
    #[value(name = "660")]
    Group,
}

/// Why a socket is of no use.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    #[error("a device is served at `{0}` already; `sceplab dut --attach {0}` uses it")]
    Served(PathBuf),
    #[error("`{0}` is there and no socket; it is left alone")]
    NoSocket(PathBuf),
    #[error("the socket `{path}` cannot be made: {error}{help}")]
    NotMade { path: PathBuf, error: io::Error, help: &'static str },
    #[error(
        "no device is served at `{0}`: there is no such file; `sceplab dut --serve {0}` makes it"
    )]
    Absent(PathBuf),
    #[error(
        "no device is served at `{0}` any more: it ended without a word, and left the socket behind"
    )]
    Stale(PathBuf),
    #[error(
        "the device at `{path}` may not be used: {error}; `--mode 660` lets the group of the socket in"
    )]
    Forbidden { path: PathBuf, error: io::Error },
    #[error("the device at `{path}` cannot be reached: {error}")]
    NotReached { path: PathBuf, error: io::Error },
}

impl From<SocketError> for CommandError {
    fn from(error: SocketError) -> Self {
        Exit::Lab.because(error)
    }
}

/// A socket that is listened at; its file goes with it.
pub(super) struct Served {
    pub(super) listener: UnixListener,
    path: PathBuf,
    inode: Option<u64>,
}

impl Served {
    /// Listens at `path`; what a device that is gone left there is replaced.
    pub(super) fn at(path: &Path, mode: Mode) -> Result<Self, SocketError> {
        make_room(path)?;
        let listener = listen(path, mode).map_err(|error| SocketError::NotMade {
            path: path.to_owned(),
            help: match error.kind() {
                ErrorKind::InvalidInput => "; a shorter path helps",
                _ => "",
            },
            error,
        })?;
        let inode = fs::symlink_metadata(path).ok().map(|file| file.ino());
        Ok(Self { listener, path: path.to_owned(), inode })
    }
}

impl Drop for Served {
    /// A file that another device has put there meanwhile stays.
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).ok().map(|file| file.ino()) == self.inode {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn make_room(path: &Path) -> Result<(), SocketError> {
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    if !file.file_type().is_socket() {
        return Err(SocketError::NoSocket(path.to_owned()));
    }
    let not_made = |error| SocketError::NotMade { path: path.to_owned(), error, help: "" };
    match net::UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Served(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(not_made)
        }
        Err(error) => Err(not_made(error)),
    }
}

/// The file has its permissions before it has its name, so that nobody comes in between.
fn listen(path: &Path, mode: Mode) -> io::Result<UnixListener> {
    // A name that nobody could connect to is not given.
    net::SocketAddr::from_pathname(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let making =
        tempfile::Builder::new().prefix(".").make_in(folder.unwrap_or(Path::new(".")), |at| {
            let listener = net::UnixListener::bind(at)?;
            let mode = if mode == Mode::Group { 0o660 } else { 0o600 };
            fs::set_permissions(at, fs::Permissions::from_mode(mode))?;
            Ok(listener)
        })?;
    let (listener, file) = making.into_parts();
    file.persist_noclobber(path)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Connects to the device that is served at `path`.
pub(super) async fn connect(path: &Path) -> Result<UnixStream, SocketError> {
    let path = path.to_owned();
    UnixStream::connect(&path).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => SocketError::Absent(path),
        ErrorKind::ConnectionRefused => SocketError::Stale(path),
        ErrorKind::PermissionDenied => SocketError::Forbidden { path, error },
        _ => SocketError::NotReached { path, error },
    })
}
