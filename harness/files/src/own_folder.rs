//! Folders that a user names for something that must not be mixed up with anything else.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a folder is not taken.
#[derive(Debug)]
pub enum OwnFolderError {
    /// There is something in it already.
    NotEmpty,
    /// It is something else.
    NoFolder,
    /// It cannot be made, or be the user's alone.
    Io(io::Error),
}

impl From<io::Error> for OwnFolderError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Makes a folder, or takes an empty one, and keeps other users out of it (mode 0700). Returns its absolute path.
///
/// # Errors
/// If it has something in it, or cannot be made.
pub fn own_folder(path: &Path) -> Result<PathBuf, OwnFolderError> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => return Err(OwnFolderError::NoFolder),
        Ok(_) => {
            if fs::read_dir(path)?.next().is_some() {
                return Err(OwnFolderError::NotEmpty);
            }
            // Only the owner can do this.
            fs::set_permissions(path, Permissions::from_mode(0o700))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|parent| *parent != Path::new(""));
            parent.map_or(Ok(()), fs::create_dir_all)?;
            make_private(path)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(path.canonicalize()?)
}

/// Makes a folder of mode 0700, which must not exist.
///
/// # Errors
/// If it exists, or cannot be made.
pub fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_is_made_for_its_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        assert_eq!(own_folder(&path).unwrap(), path.canonicalize().unwrap());
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn empty_folder_is_taken_and_closed_to_others() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        own_folder(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn folder_with_other_things_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("notes"), "").unwrap();
        let refused = |path: &Path| own_folder(path).unwrap_err();
        assert!(matches!(refused(parent.path()), OwnFolderError::NotEmpty));
        assert!(matches!(refused(&parent.path().join("notes")), OwnFolderError::NoFolder));
        assert!(matches!(refused(&parent.path().join("notes/a")), OwnFolderError::Io(_)));
    }
}
