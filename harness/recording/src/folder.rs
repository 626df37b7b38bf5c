//! The folder that a user names for messages.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use files::{OwnFolderError, make_private, own_folder};
use parking_lot::Mutex;
use scep::clock::Clock;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::name::file_name;
use crate::recorder::{Complaints, Recorder};

/// A folder for messages, of its user alone. Clones share the complaints.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    complaints: Complaints,
    /// The newest part of each id.
    parts: Arc<Mutex<BTreeMap<String, PathBuf>>>,
}

/// The folder of one scenario, case or cell in it, for a recorder in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    path: PathBuf,
    of: String,
}

/// Why a folder is not used for messages.
#[derive(Debug, Error)]
pub enum FolderError {
    /// There is something in it already.
    #[error(
        "`{0}` is not empty, and messages are saved in a folder of their own, so that none is mixed up with those of another run: name a new folder, or \
         remove this one"
    )]
    NotEmpty(String),
    /// It is something else.
    #[error("messages cannot be saved in `{0}`: it is not a folder")]
    NoFolder(String),
    /// It cannot be made, or be the user's alone.
    #[error("messages cannot be saved in `{0}`: {1}")]
    Io(String, io::Error),
}

impl Folder {
    /// Makes the folder, or takes an empty one, and keeps other users out of it.
    ///
    /// # Errors
    /// If it has something in it, or cannot be made.
    pub fn begin(path: &Path) -> Result<Self, FolderError> {
        let shown = || path.display().to_string();
        let path = own_folder(path).map_err(|error| match error {
            OwnFolderError::NotEmpty => FolderError::NotEmpty(shown()),
            OwnFolderError::NoFolder => FolderError::NoFolder(shown()),
            OwnFolderError::Io(error) => FolderError::Io(shown(), error),
        })?;
        Ok(Self { path, complaints: Complaints::default(), parts: Arc::default() })
    }

    /// Makes a folder in it for the scenario, case or cell of that id.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn part(&self, id: &str) -> io::Result<Part> {
        let name = file_name(id);
        let mut path = self.path.join(&name);
        let mut number = 1_u64;
        // The same may run again, and two ids may have the same name.
        loop {
            match make_private(&path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    number += 1;
                    path = self.path.join(format!("{name}-{number}"));
                }
                Err(error) => return Err(error),
            }
        }
        self.parts.lock().insert(id.to_owned(), path.clone());
        Ok(Part { path, of: id.to_owned() })
    }

    /// The newest folder in it for the scenario, case or cell of that id, if there is one.
    pub fn newest(&self, id: &str) -> Option<PathBuf> {
        self.parts.lock().get(id).cloned()
    }

    /// Removes the newest folder in it for the scenario, case or cell of that id; nothing must be saved there any more.
    pub fn discard(&self, id: &str) {
        let path = self.parts.lock().remove(id);
        // What cannot be removed does no harm.
        let _ = path.map(fs::remove_dir_all);
    }

    /// Saves in a folder of its own what the scenario, case or cell of that id exchanges from now on, with the times of that clock.
    ///
    /// # Errors
    /// Which folder cannot be written, and why.
    pub fn recorder(&self, id: &str, clock: Clock) -> Result<Recorder, String> {
        let part = self.part(id).map_err(|error| self.unwritable(error))?;
        part.open(clock, self.complaints.clone()).map_err(|error| self.unwritable(error))
    }

    /// Saves in the folder itself, for a command without scenarios.
    ///
    /// # Errors
    /// Which folder cannot be written, and why.
    pub fn whole(&self, of: &str, clock: Clock) -> Result<Recorder, String> {
        let part = Part { path: self.path.clone(), of: of.to_owned() };
        part.open(clock, self.complaints.clone()).map_err(|error| self.unwritable(error))
    }

    /// Takes the complaints so far: which folders are incomplete, and why.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.take()
    }

    fn unwritable(&self, error: io::Error) -> String {
        FolderError::Io(self.path.display().to_string(), error).to_string()
    }
}

impl PartialEq for Folder {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Folder {}

impl Part {
    /// Saves in the folder from now on, with the times of that clock.
    ///
    /// # Errors
    /// Which folder cannot be written, and why.
    pub fn recorder(&self, clock: Clock) -> Result<Recorder, String> {
        let recorder = self.open(clock, Complaints::default());
        recorder
            .map_err(|error| FolderError::Io(self.path.display().to_string(), error).to_string())
    }
}

impl Part {
    fn open(&self, clock: Clock, complaints: Complaints) -> io::Result<Recorder> {
        Recorder::open(self.path.clone(), self.of.clone(), clock, complaints)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn part_is_made_for_its_user_alone() {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = Folder::begin(&path).unwrap();
        let part = folder.part("scep/linux-pki").unwrap();
        assert_eq!((mode(&path), mode(&part.path)), (0o700, 0o700));
        assert_eq!(part.path, path.canonicalize().unwrap().join("scep-linux-pki"));
        let again = folder.part("scep/linux-pki").unwrap();
        assert_eq!(again.path, path.canonicalize().unwrap().join("scep-linux-pki-2"));
        assert_eq!(folder.newest("scep/linux-pki"), Some(again.path.clone()));
        folder.discard("scep/linux-pki");
        assert!(!again.path.exists() && part.path.exists());
        assert_eq!(folder.newest("scep/linux-pki"), None);
    }

    #[test]
    fn folder_that_is_not_taken_is_named() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("notes"), "").unwrap();
        let error = Folder::begin(parent.path()).unwrap_err();
        assert!(matches!(error, FolderError::NotEmpty(_)), "{error}");
        let error = Folder::begin(&parent.path().join("notes")).unwrap_err();
        assert!(matches!(error, FolderError::NoFolder(_)), "{error}");
        let error = Folder::begin(&parent.path().join("notes/a")).unwrap_err();
        assert!(matches!(error, FolderError::Io(..)), "{error}");
    }
}
