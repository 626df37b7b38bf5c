//! The folder that a user names for messages.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use files::{OwnFolderError, own_folder, own_subfolder};
use parking_lot::Mutex;
use scep::clock::Clock;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::complaints::Complaints;
use crate::name::file_name;
use crate::recorder::{Recorder, Saving};

/// A folder for messages, of its user alone. Clones share the recorders and their complaints.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    complaints: Complaints,
    /// Those of the recorders that still record, or did when this was last looked at.
    recorders: Arc<Mutex<Vec<Arc<Saving>>>>,
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
        Ok(Self {
            path,
            complaints: Complaints::default(),
            recorders: Arc::default(),
            parts: Arc::default(),
        })
    }

    /// Makes a folder in it for the scenario, case or cell of that id; none if it cannot be made, which becomes a complaint.
    pub fn part(&self, id: &str) -> Option<Part> {
        // The same may run again, and two ids may have the same name.
        match own_subfolder(&self.path, &file_name(id)) {
            Ok(path) => {
                self.parts.lock().insert(id.to_owned(), path.clone());
                Some(Part { path, of: id.to_owned() })
            }
            Err(error) => {
                let folder = self.path.display();
                self.complaints.add(format!(
                    "the messages of `{id}` are not saved, because `{folder}` cannot have a folder for them: {error}"
                ));
                None
            }
        }
    }

    /// The newest folder in it for the scenario, case or cell of that id, if there is one. Waits until all is saved that was exchanged.
    pub fn newest(&self, id: &str) -> Option<PathBuf> {
        self.flush();
        self.parts.lock().get(id).cloned()
    }

    /// Forgets the newest folder in it for the scenario, case or cell of that id, in which nothing must be saved any more. The returned
    /// function waits until all is saved, and removes it.
    pub fn discarding(&self, id: &str) -> impl FnOnce() + Send + use<> {
        let (path, folder) = (self.parts.lock().remove(id), self.clone());
        move || {
            folder.flush();
            // What cannot be removed does no harm.
            let _ = path.map(fs::remove_dir_all);
        }
    }

    /// Saves in a folder of its own what the scenario, case or cell of that id exchanges from now on, with the times of that clock; none
    /// if the folder cannot be made, which becomes a complaint.
    pub fn recorder(&self, id: &str, clock: Clock) -> Option<Recorder> {
        self.part(id).map(|part| self.open(part, clock))
    }

    /// Saves in the folder itself, for a command without scenarios.
    ///
    /// # Errors
    /// Which folder cannot be written, and why.
    pub fn whole(&self, of: &str, clock: Clock) -> Result<Recorder, String> {
        let recorder = self.open(Part { path: self.path.clone(), of: of.to_owned() }, clock);
        // Nothing was done yet, so nothing is lost if the command does not begin.
        self.complaints().pop().map_or(Ok(recorder), Err)
    }

    /// Waits until all is saved that was exchanged, and takes the complaints so far: which folders are incomplete, and why.
    pub fn complaints(&self) -> Vec<String> {
        self.flush();
        self.complaints.take()
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn flush(&self) {
        let mut recorders = self.recorders.lock();
        recorders.iter().for_each(|one| one.flush());
        recorders.retain(is_used);
    }

    fn open(&self, part: Part, clock: Clock) -> Recorder {
        let recorder = part.open(clock, self.complaints.clone());
        let mut recorders = self.recorders.lock();
        recorders.retain(is_used);
        recorders.extend(recorder.saving());
        recorder
    }
}

/// True if a recorder still has it.
fn is_used(saving: &Arc<Saving>) -> bool {
    Arc::strong_count(saving) > 1
}

impl PartialEq for Folder {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Folder {}

impl Part {
    /// Saves in the folder from now on, with the times of that clock. The recorder has the complaints.
    pub fn recorder(&self, clock: Clock) -> Recorder {
        self.clone().open(clock, Complaints::default())
    }

    fn open(self, clock: Clock, complaints: Complaints) -> Recorder {
        Recorder::open(self.path, self.of, clock, complaints)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn part_has_the_name_of_its_id() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = Folder::begin(&path).unwrap();
        let part = folder.part("scep/linux-pki").unwrap();
        assert_eq!(part.path, path.canonicalize().unwrap().join("scep-linux-pki"));
        let again = folder.part("scep/linux-pki").unwrap();
        assert_eq!(again.path, path.canonicalize().unwrap().join("scep-linux-pki-2"));
        assert_eq!(folder.newest("scep/linux-pki"), Some(again.path.clone()));
        folder.discarding("scep/linux-pki")();
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

    #[test]
    fn folder_that_cannot_have_another_part_complains_and_records_no_more() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a");
        let folder = Folder::begin(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        assert!(folder.recorder("scep/linux-pki", Clock::system()).is_none());
        let complaints = folder.complaints();
        let start = "the messages of `scep/linux-pki` are not saved, because `";
        assert!(complaints[0].starts_with(start), "{complaints:?}");
        assert!(folder.whole("serve", Clock::system()).is_err());
    }
}
