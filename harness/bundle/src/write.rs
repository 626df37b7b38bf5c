//! Writes bundles, each as a whole: it is made beside its place and renamed when it is complete.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use files::{OwnFolderError, Readers, create_new, make_private, own_folder};
use recording::{Recording, file_name};
use scep::clock::Clock;
use thiserror::Error;

use crate::index::{FileEntry, FileKind, Index, KeyEntry};
use crate::key::Key;
use crate::layout::{INDEX, KEYS, MESSAGES, is_inside};

/// The folder that a user names for bundles, of its user alone.
#[derive(Debug)]
pub struct Shelf(PathBuf);

/// Why no bundle is made.
#[derive(Debug, Error)]
pub enum ShelfError {
    /// There is something in the folder already.
    #[error(
        "`{0}` is not empty, and bundles are made in a folder of their own, so that none is mixed up with those of another run: name a new folder, or \
         remove this one"
    )]
    NotEmpty(String),
    /// It is something else.
    #[error("bundles cannot be made in `{0}`: it is not a folder")]
    NoFolder(String),
    /// It cannot be made, or be the user's alone.
    #[error("bundles cannot be made in `{0}`: {1}")]
    Io(String, io::Error),
    /// A bundle cannot be written.
    #[error(
        "the bundle of `{id}` cannot be written to `{folder}`: {reason}; nothing of it was left there"
    )]
    Unwritable {
        /// What it is of.
        id: String,
        /// The folder.
        folder: String,
        /// Reason.
        reason: String,
    },
}

/// A bundle to be written. Everything in it must have been masked.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it is of; its lists of files and keys are made from those below.
    pub index: Index,
    /// The messages.
    pub recording: Recording,
    /// The keys.
    pub keys: Vec<Key>,
    /// Paths, kinds and contents of the files.
    pub files: Vec<(FileEntry, String)>,
}

impl Shelf {
    /// Makes the folder, or takes an empty one, and keeps other users out of it.
    ///
    /// # Errors
    /// If it has something in it, or cannot be made.
    pub fn begin(path: &Path) -> Result<Self, ShelfError> {
        let shown = || path.display().to_string();
        own_folder(path).map(Self).map_err(|error| match error {
            OwnFolderError::NotEmpty => ShelfError::NotEmpty(shown()),
            OwnFolderError::NoFolder => ShelfError::NoFolder(shown()),
            OwnFolderError::Io(error) => ShelfError::Io(shown(), error),
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a bundle, and returns its folder. If that fails, nothing of it is left.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&self, draft: &Draft) -> Result<PathBuf, ShelfError> {
        self.write(draft).map_err(|error| ShelfError::Unwritable {
            id: draft.index.id.clone(),
            folder: self.0.display().to_string(),
            reason: error.to_string(),
        })
    }

    fn write(&self, draft: &Draft) -> io::Result<PathBuf> {
        let mut unfinished = tempfile::Builder::new();
        let private = Permissions::from_mode(0o700);
        let unfinished = unfinished.prefix(".sceplab-").suffix(".tmp").permissions(private);
        let unfinished = unfinished.tempdir_in(&self.0)?;
        draft.write(unfinished.path())?;
        sync(unfinished.path());
        let place = self.place(&draft.index.id)?;
        fs::rename(unfinished.path(), &place)?;
        // It has another name now, so there is nothing to remove.
        let _ = unfinished.keep();
        sync(&self.0);
        Ok(place)
    }

    /// A path that does not exist yet: two ids may have the same name.
    fn place(&self, id: &str) -> io::Result<PathBuf> {
        let name = file_name(id);
        let mut place = self.0.join(&name);
        let mut number = 1_u64;
        while place.try_exists()? {
            number += 1;
            place = self.0.join(format!("{name}-{number}"));
        }
        Ok(place)
    }
}

impl Draft {
    fn write(&self, folder: &Path) -> io::Result<()> {
        let mut index = Index { files: Vec::new(), keys: Vec::new(), ..self.index.clone() };
        for (entry, text) in &self.files {
            new_file(folder, &entry.path, text.as_bytes())?;
            index.files.push(entry.clone());
        }
        for (number, key) in (1..).zip(&self.keys) {
            let entry = entry_of(key, number);
            new_file(folder, &entry.path, &key.to_pem()?)?;
            index.keys.push(entry);
        }
        self.write_messages(&folder.join(MESSAGES))?;
        let mut text = serde_json::to_string_pretty(&index)?;
        text.push('\n');
        // Last, because a folder without it is no bundle.
        new_file(folder, INDEX, text.as_bytes())
    }

    fn write_messages(&self, folder: &Path) -> io::Result<()> {
        let messages = recording::Folder::begin(folder).map_err(io::Error::other)?;
        // The exchanges have their own times.
        let recorder = messages.whole(&self.recording.of, Clock::system());
        let recorder = recorder.map_err(io::Error::other)?;
        for exchange in &self.recording.exchanges {
            recorder.record(exchange.clone());
        }
        match recorder.finish().into_iter().next() {
            Some(complaint) => Err(io::Error::other(complaint)),
            None => Ok(()),
        }
    }
}

/// The entry of a key; its path says whose it is.
fn entry_of(key: &Key, number: usize) -> KeyEntry {
    let pki = key.pki.as_deref().map(|pki| format!("-{}", file_name(pki))).unwrap_or_default();
    let path = format!("{KEYS}/{number:02}{pki}-{}.pem", key.role);
    KeyEntry { path, pki: key.pki.clone(), role: key.role }
}

/// Writes a file for its owner alone, and makes its folders.
fn new_file(folder: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    if !is_inside(path) {
        return Err(io::Error::other(format!("`{path}` is no path in a bundle")));
    }
    let mut place = folder.to_owned();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        place.push(part);
        if parts.peek().is_none() {
            break;
        }
        match make_private(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    create_new(&place, bytes, Readers::Owner)
}

/// Flushes the names in a folder. Some file systems cannot.
fn sync(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

impl FileEntry {
    /// A file of that kind at that path.
    pub fn new(path: &str, kind: FileKind) -> Self {
        Self { path: path.to_owned(), kind }
    }
}

#[cfg(test)]
mod tests;
