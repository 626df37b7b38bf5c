//! Reads a recording again.

use std::fs;
use std::path::{Path, PathBuf};

use files::regular;
use thiserror::Error;

use crate::exchange::{Exchange, Gap, Reply, Request};
use crate::index::{Entry, FILE, FORMAT, Index, ReplyEntry, RequestEntry, VERSION, time_of};
use crate::message::{FirstLine, Head, Kind, head};
use crate::versioned::{IndexError, versioned};
use crate::writer::{MOST_BYTES, MOST_EXCHANGES};

/// Limit of the index in bytes.
const LONGEST_INDEX: u64 = 64 << 20;

/// Limit of folders that are listed.
const MOST_FOLDERS: usize = 100_000;

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// What was recorded: the id of a scenario, or a command.
    pub of: String,
    /// The exchanges in the order in which they ended.
    pub exchanges: Vec<Exchange>,
    /// The number of exchanges that were not saved because there were too many.
    pub left_out: u64,
}

/// Why a recording was not read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("`{file}` cannot be read: {reason}")]
    File {
        /// Path of the file.
        file: String,
        /// Reason.
        reason: String,
    },
    /// The index is not that of a recording.
    #[error("`{file}` is not the index of saved messages: {reason}")]
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
}

/// The folders with recordings in this one: itself, or those in it, in the order of their names.
///
/// # Errors
/// If the folder cannot be read.
pub fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let has_index = |folder: &PathBuf| folder.join(FILE).is_file();
    if has_index(&folder.to_owned()) {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let entries = entries.flatten().take(MOST_FOLDERS).map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(has_index).collect();
    folders.sort();
    Ok(folders)
}

/// The recording in a folder.
///
/// # Errors
/// If the folder has no index, or a file cannot be read.
pub fn read(folder: &Path) -> Result<Recording, ReadError> {
    let index = read_index(folder)?;
    let mut reading = Reading { folder, left: MOST_BYTES };
    let exchanges = index.exchanges.into_iter().map(|entry| reading.exchange(entry));
    let exchanges = exchanges.collect::<Result<_, _>>()?;
    let left_out = index.left_out.map_or(0, |left_out| left_out.exchanges);
    Ok(Recording { of: index.of, exchanges, left_out })
}

fn read_index(folder: &Path) -> Result<Index, ReadError> {
    let path = folder.join(FILE);
    let file = path.display().to_string();
    let bytes = regular(&path, LONGEST_INDEX).map_err(|error| unreadable(&path, &error))?;
    let index = versioned::<Index>(&bytes, FORMAT, VERSION).map_err(|error| match error {
        IndexError::NotOfFormat(reason) => ReadError::NoIndex { file: file.clone(), reason },
        IndexError::OtherVersion { version, sceplab } => {
            ReadError::Version { file: file.clone(), version, sceplab }
        }
    })?;
    if index.exchanges.len() as u64 > MOST_EXCHANGES {
        let reason = format!("it has more than {MOST_EXCHANGES} exchanges");
        return Err(ReadError::NoIndex { file, reason });
    }
    Ok(index)
}

/// Reads the files of a folder.
struct Reading<'a> {
    folder: &'a Path,
    /// The number of bytes that may still be read.
    left: u64,
}

impl Reading<'_> {
    fn exchange(&mut self, entry: Entry) -> Result<Exchange, ReadError> {
        let at = self.time(&entry.at)?;
        let replied_at = entry.replied_at.map(|text| self.time(&text)).transpose()?;
        let is_unanswered = entry.request.is_some() && entry.reply.is_none();
        let mut gaps: Vec<Gap> = entry.gaps.into_iter().map(Gap::Other).collect();
        // The last sentence about an exchange without a reply says why there is none.
        if is_unanswered && let Some(Gap::Other(words)) = gaps.pop() {
            gaps.push(Gap::Unanswered(words));
        }
        Ok(Exchange {
            connection: entry.connection,
            pki: entry.pki,
            seen_by: Some(entry.seen_by),
            client: entry.client,
            server: entry.server,
            at: Some(at),
            replied_at,
            request: entry.request.map(|it| self.request(it)).transpose()?,
            reply: entry.reply.map(|it| self.reply(&it)).transpose()?,
            gaps,
        })
    }

    fn request(&mut self, entry: RequestEntry) -> Result<Request, ReadError> {
        let Head { bytes, fields, .. } = self.head(Kind::Request, &entry.head)?;
        let body = self.body(entry.body.as_deref())?;
        let RequestEntry { method, target, extent, .. } = entry;
        Ok(Request { head: bytes, method, target, fields, body, extent })
    }

    fn reply(&mut self, entry: &ReplyEntry) -> Result<Reply, ReadError> {
        let Head { bytes, fields, .. } = self.head(Kind::Reply, &entry.head)?;
        let body = self.body(entry.body.as_deref())?;
        Ok(Reply { head: bytes, status: entry.status, fields, body, extent: entry.extent })
    }

    fn head(&mut self, kind: Kind, file: &str) -> Result<Head, ReadError> {
        let bytes = self.file(file)?;
        let foreign = |bytes| Head { bytes, line: FirstLine::None, fields: Vec::new() };
        Ok(head(kind, &bytes).unwrap_or_else(|| foreign(bytes)))
    }

    fn body(&mut self, file: Option<&str>) -> Result<Vec<u8>, ReadError> {
        file.map_or_else(|| Ok(Vec::new()), |file| self.file(file))
    }

    fn file(&mut self, name: &str) -> Result<Vec<u8>, ReadError> {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
        if name.starts_with('.') || !name.chars().all(is_plain) {
            let reason = "the index names a file that is not in this folder".to_owned();
            return Err(self.no_index(reason));
        }
        let path = self.folder.join(name);
        let bytes = regular(&path, self.left).map_err(|error| unreadable(&path, &error))?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }

    fn time(&self, text: &str) -> Result<std::time::SystemTime, ReadError> {
        time_of(text).ok_or_else(|| self.no_index("it has a time that is none".to_owned()))
    }

    fn no_index(&self, reason: String) -> ReadError {
        ReadError::NoIndex { file: self.folder.join(FILE).display().to_string(), reason }
    }
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> ReadError {
    ReadError::File { file: path.display().to_string(), reason: error.to_string() }
}
