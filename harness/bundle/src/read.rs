//! Opens bundles. A bundle comes from somebody else, so nothing in it is trusted: what is read is limited, and nothing leads out of it.

mod links;

use std::fs;
use std::path::{Path, PathBuf};

use files::regular;
use recording::{IndexError, Recording, versioned};
use thiserror::Error;

use crate::index::{FileEntry, FileKind, Index, KeyEntry};
use crate::key::{Key, identity};
use crate::layout::{
    FORMAT, INDEX, LONGEST_INDEX, LONGEST_KEY, MESSAGES, MOST_CHECKS, MOST_FILE_BYTES, MOST_FILES,
    VERSION, is_inside,
};

/// Limit of folders that are listed.
const MOST_FOLDERS: usize = 10_000;

/// A bundle, or a plain folder of saved messages.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The folder.
    pub folder: PathBuf,
    /// What it is of. That of a plain folder of messages has only an id.
    pub index: Index,
    /// The messages, as far as they are there.
    pub recording: Recording,
    /// The keys, in the order of the index.
    pub keys: Vec<Key>,
    /// Files, logs and reports, in the order of the index.
    pub files: Vec<BundledFile>,
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledFile {
    /// Path in the bundle.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Its content; what is no UTF-8 is replaced.
    pub text: String,
}

/// Why a bundle is not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder has no index and no messages.
    #[error(
        "`{folder}` is no bundle: it has no `{INDEX}`, and no `index.json` of saved messages; `--bundle DIR` makes bundles, each in a folder of its own in DIR"
    )]
    NoBundle {
        /// Path of the folder.
        folder: String,
    },
    /// The folder has bundles in it.
    #[error("`{folder}` {}", one_of(.count.to_owned(), .first))]
    Several {
        /// Path of the folder.
        folder: String,
        /// How many there are.
        count: usize,
        /// Path of the first.
        first: String,
    },
    /// It is no folder, or a part of it cannot be read.
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable {
        /// Path of the part.
        path: String,
        /// Reason.
        reason: String,
    },
    /// The index is not that of a bundle.
    #[error("`{file}` is not the index of a bundle: {reason}")]
    NoIndex {
        /// Path of the index.
        file: String,
        /// Reason.
        reason: String,
    },
    /// A later version of Sceplab has written it.
    #[error(
        "`{file}` has version {version} of the format, and this `sceplab` knows version {VERSION}: use the one that wrote it, {sceplab}"
    )]
    Version {
        /// Path of the index.
        file: String,
        /// The version of the format.
        version: u64,
        /// The version of the program.
        sceplab: String,
    },
    /// The index names a file outside of the folder.
    #[error(
        "`{file}` names `{named}`, which is no path in the bundle: the bundle was changed by somebody, or is damaged"
    )]
    Outside {
        /// Path of the index.
        file: String,
        /// The path in it.
        named: String,
    },
    /// A part is a link, or no regular file.
    #[error(
        "`{path}` is {what}, and a bundle has only files and folders: it could lead out of the bundle"
    )]
    Special {
        /// Path of the part.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// There is too much.
    #[error("`{path}` is more than a bundle has: {limit}")]
    TooMuch {
        /// Path of the part, or of the bundle.
        path: String,
        /// The limit in words.
        limit: String,
    },
    /// The messages cannot be read.
    #[error("the messages of the bundle cannot be read: {0}")]
    Messages(recording::ReadError),
}

fn one_of(count: usize, first: &str) -> String {
    match count {
        1 => format!("has a bundle in it: name that, `{first}`"),
        count => format!("has {count} bundles in it: name one of them, such as `{first}`"),
    }
}

/// The bundles in this folder: itself, or those in it, in the order of their names.
///
/// # Errors
/// If the folder cannot be read.
pub fn bundles_in(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let has_index = |folder: &PathBuf| folder.join(INDEX).is_file();
    if has_index(&folder.to_owned()) {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let entries = entries.flatten().take(MOST_FOLDERS).map(|entry| entry.path());
    // One that a killed run did not complete begins with a dot.
    let is_complete = |folder: &PathBuf| {
        folder.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
    };
    let mut folders: Vec<PathBuf> =
        entries.filter(|folder| is_complete(folder) && has_index(folder)).collect();
    folders.sort();
    Ok(folders)
}

/// Opens a bundle, or a plain folder of saved messages as a bundle without keys.
///
/// # Errors
/// If the folder is neither, or a part of it is missing, broken, too long or leads out of it.
pub fn open(folder: &Path) -> Result<Bundle, OpenError> {
    match bundles_in(folder)?.as_slice() {
        [only] if only == folder => {}
        [] => return messages_alone(folder),
        [first, others @ ..] => {
            return Err(OpenError::Several {
                folder: shown(folder),
                count: others.len() + 1,
                first: shown(first),
            });
        }
    }
    links::refuse(folder)?;
    let file = folder.join(INDEX);
    let bytes = regular(&file, LONGEST_INDEX).map_err(|error| unreadable(&file, &error))?;
    let index = index_of(&shown(&file), &bytes)?;
    let mut left = MOST_FILE_BYTES;
    let files = index.files.iter().map(|entry| text(folder, entry, &mut left));
    let files = files.collect::<Result<_, _>>()?;
    let keys = index.keys.iter().map(|entry| key(folder, entry)).collect::<Result<_, _>>()?;
    let recording = messages(folder)?;
    Ok(Bundle { folder: folder.to_owned(), index, recording, keys, files })
}

impl Bundle {
    /// The first file of a kind.
    pub fn file(&self, kind: FileKind) -> Option<&BundledFile> {
        self.files.iter().find(|file| file.kind == kind)
    }
}

/// Reads an index; `file` is its path in errors.
///
/// # Errors
/// If it is not the index of a bundle, is of a later version, or names a path that leaves the folder.
pub fn index_of(file: &str, bytes: &[u8]) -> Result<Index, OpenError> {
    let no_index = |reason: String| OpenError::NoIndex { file: file.to_owned(), reason };
    let index = versioned::<Index>(bytes, FORMAT, VERSION).map_err(|error| match error {
        IndexError::NotOfFormat(reason) => no_index(reason),
        IndexError::OtherVersion { version, sceplab } => {
            OpenError::Version { file: file.to_owned(), version, sceplab }
        }
    })?;
    if index.files.len() > MOST_FILES || index.keys.len() > MOST_FILES {
        return Err(no_index(format!("it names more than {MOST_FILES} files or keys")));
    }
    if index.checks.len() > MOST_CHECKS {
        return Err(no_index(format!("it has more than {MOST_CHECKS} checks")));
    }
    let files = index.files.iter().map(|entry| &entry.path);
    let mut paths = files.chain(index.keys.iter().map(|entry| &entry.path));
    match paths.find(|path| !is_inside(path)) {
        Some(named) => Err(OpenError::Outside {
            file: file.to_owned(),
            named: named.escape_debug().to_string(),
        }),
        None => Ok(index),
    }
}

/// A plain folder of saved messages.
fn messages_alone(folder: &Path) -> Result<Bundle, OpenError> {
    let folders = recording::folders_in(folder).map_err(OpenError::Messages)?;
    if folders != [folder] {
        return Err(OpenError::NoBundle { folder: shown(folder) });
    }
    links::refuse(folder)?;
    let recording = recording::read(folder).map_err(OpenError::Messages)?;
    let mut index = Index::new(&recording.of);
    index.taken_out.push("it has only messages: no keys, files or verdict".to_owned());
    let (keys, files) = (Vec::new(), Vec::new());
    Ok(Bundle { folder: folder.to_owned(), index, recording, keys, files })
}

/// The messages of a bundle. Each bundle has a folder for them, which may have none.
fn messages(folder: &Path) -> Result<Recording, OpenError> {
    recording::read(&folder.join(MESSAGES)).map_err(OpenError::Messages)
}

fn text(folder: &Path, entry: &FileEntry, left: &mut u64) -> Result<BundledFile, OpenError> {
    let path = folder.join(&entry.path);
    let bytes = regular(&path, *left).map_err(|error| match error {
        files::ReadError::TooLong(_) => too_much(
            &path,
            format!("all its files together have {} MiB at most", MOST_FILE_BYTES >> 20),
        ),
        error => unreadable(&path, &error),
    })?;
    *left -= bytes.len() as u64;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(BundledFile { path: entry.path.clone(), kind: entry.kind, text })
}

fn key(folder: &Path, entry: &KeyEntry) -> Result<Key, OpenError> {
    let path = folder.join(&entry.path);
    let bytes = regular(&path, LONGEST_KEY).map_err(|error| unreadable(&path, &error))?;
    let identity = identity(&bytes).map_err(|reason| OpenError::Unreadable {
        path: shown(&path),
        reason: reason.to_owned(),
    })?;
    Ok(Key { pki: entry.pki.clone(), role: entry.role, identity })
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> OpenError {
    OpenError::Unreadable { path: shown(path), reason: error.to_string() }
}

fn too_much(path: &Path, limit: String) -> OpenError {
    OpenError::TooMuch { path: shown(path), limit }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
