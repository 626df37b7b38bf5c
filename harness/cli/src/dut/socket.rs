//! The socket of a served device's console: a file, whose permissions say who may use the device.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fs, os::unix::net};

use clap::ValueEnum;
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

/// A socket that is listened at; its file goes with it.
pub(super) struct Served {
    pub(super) listener: UnixListener,
    path: PathBuf,
    inode: Option<u64>,
}

impl Served {
    /// Listens at `path`; what a device that is gone left there is replaced.
    ///
    /// # Errors
    /// When something else is there, or the socket cannot be made.
    pub(super) fn at(path: &Path, mode: Mode) -> Result<Self, CommandError> {
        make_room(path)?;
        let listener = listen(path, mode).map_err(|error| not_made(path, &error))?;
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

fn make_room(path: &Path) -> Result<(), CommandError> {
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    let shown = path.display();
    if !file.file_type().is_socket() {
        let other = format!("`{shown}` is there and no socket; it is left alone");
        return Err(Exit::Lab.because(other));
    }
    match net::UnixStream::connect(path) {
        Ok(_) => Err(Exit::Lab.because(format!(
            "a device is served at `{shown}` already; `sceplab dut --attach {shown}` uses it"
        ))),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| not_made(path, &error))
        }
        Err(error) => Err(not_made(path, &error)),
    }
}

fn not_made(path: &Path, error: &io::Error) -> CommandError {
    let help = match error.kind() {
        ErrorKind::InvalidInput => "; a shorter path helps",
        _ => "",
    };
    Exit::Lab.because(format!("the socket `{}` cannot be made: {error}{help}", path.display()))
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
///
/// # Errors
/// When no device is served there, or it may not be used.
pub(super) async fn connect(path: &Path) -> Result<UnixStream, CommandError> {
    let shown = path.display();
    UnixStream::connect(path).await.map_err(|error| {
        Exit::Lab.because(match error.kind() {
            ErrorKind::NotFound => format!(
                "no device is served at `{shown}`: there is no such file; `sceplab dut --serve {shown}` makes it"
            ),
            ErrorKind::ConnectionRefused => format!(
                "no device is served at `{shown}` any more: it ended without a word, and left the socket behind"
            ),
            ErrorKind::PermissionDenied => format!(
                "the device at `{shown}` may not be used: {error}; `--mode 660` lets the group of the socket in"
            ),
            _ => format!("the device at `{shown}` cannot be reached: {error}"),
        })
    })
}
