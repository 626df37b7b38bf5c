//! The socket of a served device. The permissions of its file say who may use the device.

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
    /// Only the user who serves the device.
    #[default]
    #[value(name = "600")]
    User,
    /// This user and their group.
    #[value(name = "660")]
    Group,
}

/// A listening socket; its file is removed with it.
pub(super) struct Served {
    pub(super) listener: UnixListener,
    path: PathBuf,
    inode: Option<u64>,
}

impl Served {
    /// Listens at `path`, and replaces the socket of a device that has ended.
    ///
    /// # Errors
    /// If `path` is another file or the socket of a running device, or the socket cannot be made.
    pub(super) fn at(path: &Path, mode: Mode) -> Result<Self, CommandError> {
        remove_stale_socket(path)?;
        let listener = listen(path, mode).map_err(|error| not_made(path, &error))?;
        let inode = fs::symlink_metadata(path).ok().map(|file| file.ino());
        Ok(Self { listener, path: path.to_owned(), inode })
    }
}

impl Drop for Served {
    /// Removes the file, unless another device has replaced it.
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).ok().map(|file| file.ino()) == self.inode {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn remove_stale_socket(path: &Path) -> Result<(), CommandError> {
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    let shown = path.display();
    if !file.file_type().is_socket() {
        let other = format!("`{shown}` exists and is not a socket; it is not replaced");
        return Err(Exit::Lab.because(other));
    }
    match net::UnixStream::connect(path) {
        Ok(_) => Err(Exit::Lab.because(format!(
            "a device is already served at `{shown}`; `sceplab dut --attach {shown}` opens a session"
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

/// Makes the socket; its file gets its permissions before its name, so that no other user can connect in between.
fn listen(path: &Path, mode: Mode) -> io::Result<UnixListener> {
    // Fails if the path is too long to connect to.
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
/// If no device is served there, or the user may not use it.
pub(super) async fn connect(path: &Path) -> Result<UnixStream, CommandError> {
    let shown = path.display();
    UnixStream::connect(path).await.map_err(|error| {
        Exit::Lab.because(match error.kind() {
            ErrorKind::NotFound => format!(
                "no device is served at `{shown}`: there is no such file; `sceplab dut --serve {shown}` serves one"
            ),
            ErrorKind::ConnectionRefused => format!(
                "no device is served at `{shown}` any more: it was killed, and its socket is left"
            ),
            ErrorKind::PermissionDenied => format!(
                "you may not use the device at `{shown}`: {error}; serve it with `--mode 660` to allow the group of its socket"
            ),
            _ => format!("the device at `{shown}` cannot be reached: {error}"),
        })
    })
}
