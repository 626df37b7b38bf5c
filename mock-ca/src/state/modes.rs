//! Permissions of a state: as with the keys of OpenSSH, a secret that others can read is refused.

use std::path::Path;

use super::{StateError, files};

/// What other users must not be able to do.
#[derive(Clone, Copy)]
pub(super) struct Forbidden {
    bits: u32,
    what: &'static str,
    mend: &'static str,
}

/// For a directory.
pub(super) const ENTRIES: Forbidden =
    Forbidden { bits: 0o022, what: "replace its files", mend: "go-w" };

/// For a file that is no secret.
pub(super) const CHANGES: Forbidden = Forbidden { bits: 0o022, what: "change it", mend: "go-w" };

/// For a secret.
pub(super) const ANYTHING: Forbidden =
    Forbidden { bits: 0o077, what: "read or change it", mend: "go=" };

impl Forbidden {
    /// Refuses a file or directory that exists and gives others these permissions.
    pub(super) fn expect(self, path: &Path) -> Result<(), StateError> {
        if !files::exists(path) {
            return Ok(());
        }
        let mode = mode_of(path)?;
        if mode & self.bits == 0 {
            return Ok(());
        }
        let (what, mend) = (self.what, self.mend);
        Err(StateError::TooOpen { path: path.to_owned(), mode, what, mend })
    }
}

#[cfg(unix)]
fn mode_of(path: &Path) -> Result<u32, StateError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = path.metadata().map_err(super::error::at("read", path))?;
    Ok(metadata.permissions().mode() & 0o7777)
}

/// Where there are no modes, none is too open.
#[cfg(not(unix))]
fn mode_of(_path: &Path) -> Result<u32, StateError> {
    Ok(0)
}
