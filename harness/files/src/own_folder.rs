//! Folders that a user names for what no other user may read.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

/// Why a folder is not taken.
#[derive(Debug, Error)]
pub enum OwnFolderError {
    /// There is something in it already.
    #[error("it is not empty")]
    NotEmpty,
    /// It is something else.
    #[error("it is not a folder")]
    NoFolder,
    /// It cannot be made, or be the user's alone.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Makes a folder, or takes an empty one, and keeps other users out of it; returns its path without links.
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

/// Makes a folder in such a folder, of this name or, if that is taken, with a number behind it: `name-2`.
///
/// # Errors
/// If it cannot be made.
pub fn own_subfolder(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let mut path = parent.join(name);
    let mut number = 1_u64;
    loop {
        match make_private(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                path = parent.join(format!("{name}-{number}"));
            }
            Err(error) => return Err(error),
        }
    }
}

/// True if both paths name the same folder, or one lies in the other. Neither needs to exist.
pub fn overlap(one: &Path, other: &Path) -> bool {
    let (one, other) = (resolved(one), resolved(other));
    one.starts_with(&other) || other.starts_with(&one)
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    let Some((part, mut resolved)) = existing else { return path };
    for name in path.strip_prefix(part).unwrap_or(Path::new("")).components() {
        match name {
            Component::ParentDir => drop(resolved.pop()),
            name => resolved.push(name),
        }
    }
    resolved
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
        let folder = own_folder(&parent.path().join("a/b")).unwrap();
        let inside = own_subfolder(&folder, "c").unwrap();
        assert_eq!((mode(&folder), mode(&inside)), (0o700, 0o700));
        assert_eq!(inside, folder.join("c"));
        assert_eq!(own_subfolder(&folder, "c").unwrap(), folder.join("c-2"));
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
    fn folders_overlap_whatever_their_spelling() {
        let parent = tempfile::tempdir().unwrap();
        let at = |path: &str| parent.path().join(path);
        fs::create_dir(at("a")).unwrap();
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        for (one, other, expected) in [
            ("a", "a", true),
            ("a", "a/b/c", true),
            ("link/b", "a", true),
            ("new/../a", "a/b", true),
            ("new", "new/b", true),
            ("a", "ab", false),
            ("a/b", "a/c", false),
        ] {
            assert_eq!(overlap(&at(one), &at(other)), expected, "{one} {other}");
            assert_eq!(overlap(&at(other), &at(one)), expected, "{other} {one}");
        }
    }

    #[test]
    fn folder_with_other_things_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("notes"), "").unwrap();
        assert!(matches!(own_folder(parent.path()), Err(OwnFolderError::NotEmpty)));
        let notes = parent.path().join("notes");
        assert!(matches!(own_folder(&notes), Err(OwnFolderError::NoFolder)));
        assert!(matches!(own_folder(&notes.join("a")), Err(OwnFolderError::Io(_))));
    }
}
