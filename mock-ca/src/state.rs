//! What a CA keeps across restarts, in a directory of small files.
//!
//! ```text
//! state                    the format's version and the personality; written last when a state is made
//! lock                     locked while a server runs
//! ca.key, ca.pem           the CA's key and certificate; next-ca.*, ra-signing.*, ra-encryption.* likewise
//! issued/0000000002.pem    each certificate issued, with its transaction, and when it was revoked
//! pending/0000000001.pem   each request that waits, or was denied
//! challenges               one-time challenge passwords, used and unused
//! ```
//!
//! Every file is written under another name, flushed to the disk and renamed, and so is complete under its own name,
//! whenever the machine stops. A damaged file is never guessed at: the state is refused, with the file's name.

mod atomic;
mod authority;
mod record;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{
    authority::{Authority, Identities},
    personality::{Personality, PersonalityName},
};

pub(crate) use record::{IssuedRecord, PendingRecord};

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A file or directory cannot be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried, such as `write`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another server uses it.
    #[error("`{}` is in use by another server", .0.display())]
    Locked(PathBuf),
    /// The directory has something in it that is no state.
    #[error("`{}` is no state directory: it has `{found}` in it and no file `state`", path.display())]
    NotAState {
        /// The directory.
        path: PathBuf,
        /// What is in it.
        found: String,
    },
    /// A file is not what was written.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state belongs to a CA that is not the one asked for.
    #[error("`{}` holds a CA with the {what} `{stored}`, not `{asked}`", path.display())]
    OtherCa {
        /// The directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the state says.
        stored: String,
        /// What was asked for.
        asked: String,
    },
}

/// A state directory, locked for as long as this value lives.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

const STATE: &str = "state";
const LOCK: &str = "lock";
const ISSUED: &str = "issued";
const PENDING: &str = "pending";
const CHALLENGES: &str = "challenges";
const HEADER: &str = "sceplab-state 1";

/// More than any file of a state has.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

impl StateDirectory {
    /// Opens a directory, made if it is not there, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        for directory in [path.to_owned(), path.join(ISSUED), path.join(PENDING)] {
            if directory == path {
                refuse_foreign(path)?;
            }
            atomic::make_directory(&directory).map_err(at("make", &directory))?;
        }
        let lock_path = path.join(LOCK);
        let lock = atomic::open_private(&lock_path).map_err(at("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(at("lock", &lock_path)(source)),
        }
        for directory in [path.to_owned(), path.join(ISSUED), path.join(PENDING)] {
            atomic::remove_unfinished(&directory).map_err(at("clean", &directory))?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The personality the state was made for, `None` in a new directory.
    pub(crate) fn personality(&self) -> Result<Option<PersonalityName>, StateError> {
        let path = self.path.join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        let text = read_text(&path)?;
        let (header, name) = text.trim_end().split_once('\n').unwrap_or((text.trim_end(), ""));
        if header != HEADER {
            return Err(damaged(&path, &format!("it does not begin with `{HEADER}`")));
        }
        let name = name.strip_prefix("personality: ").unwrap_or(name);
        name.parse().map(Some).map_err(|error| damaged(&path, &error))
    }

    /// Writes a new CA; the state exists from the moment this returns.
    pub(crate) fn write_authority(
        &self,
        personality: PersonalityName,
        authority: &Authority,
    ) -> Result<(), StateError> {
        for (name, content) in authority::files(authority).map_err(at("encode", &self.path))? {
            write(&self.path, &name, &content)?;
        }
        let state = format!("{HEADER}\npersonality: {personality}\n");
        write(&self.path, STATE, state.as_bytes())
    }

    /// Reads the CA's keys and certificates.
    pub(crate) fn read_authority(
        &self,
        personality: &Personality,
    ) -> Result<Identities, StateError> {
        authority::read(&self.path, personality)
    }

    /// Writes an issued certificate, flushed to the disk when this returns.
    pub(crate) fn write_issued(&self, record: &IssuedRecord) -> Result<(), StateError> {
        let directory = self.path.join(ISSUED);
        write(&directory, &file_name(record.number), record.to_text().as_bytes())
    }

    /// Writes a request that waits or was denied.
    pub(crate) fn write_pending(&self, record: &PendingRecord) -> Result<(), StateError> {
        let directory = self.path.join(PENDING);
        write(&directory, &file_name(record.number), record.to_text().as_bytes())
    }

    /// Removes a request that waits no longer.
    pub(crate) fn remove_pending(&self, number: u32) -> Result<(), StateError> {
        let directory = self.path.join(PENDING);
        let path = directory.join(file_name(number));
        atomic::remove(&directory, &path).map_err(at("remove", &path))
    }

    /// Reads all issued certificates, in order.
    pub(crate) fn read_issued(&self) -> Result<Vec<IssuedRecord>, StateError> {
        self.read_records(ISSUED, IssuedRecord::from_text)
    }

    /// Reads all requests that wait or were denied, in order.
    pub(crate) fn read_pending(&self) -> Result<Vec<PendingRecord>, StateError> {
        self.read_records(PENDING, PendingRecord::from_text)
    }

    /// Writes the list of challenge passwords.
    pub(crate) fn write_challenges(&self, text: &str) -> Result<(), StateError> {
        write(&self.path, CHALLENGES, text.as_bytes())
    }

    /// Reads the list of challenge passwords with the function that understands it.
    pub(crate) fn read_challenges<T: Default>(
        &self,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, StateError> {
        let path = self.path.join(CHALLENGES);
        if !path.exists() {
            return Ok(T::default());
        }
        read(&read_text(&path)?).map_err(|reason| damaged(&path, &reason))
    }

    /// Complains when the state belongs to another CA than the one asked for.
    pub(crate) fn expect(
        &self,
        what: &'static str,
        stored: &str,
        asked: &str,
    ) -> Result<(), StateError> {
        if stored == asked {
            return Ok(());
        }
        let (stored, asked) = (stored.to_owned(), asked.to_owned());
        Err(StateError::OtherCa { path: self.path.clone(), what, stored, asked })
    }

    /// A complaint that a file is not what was written.
    pub(crate) fn damaged_issued(&self, number: u32, reason: &str) -> StateError {
        damaged(&self.path.join(ISSUED).join(file_name(number)), &reason)
    }

    fn read_records<T>(
        &self,
        directory: &str,
        read: impl Fn(u32, &str) -> Result<T, String>,
    ) -> Result<Vec<T>, StateError> {
        let directory = self.path.join(directory);
        let mut records = Vec::new();
        for path in sorted_files(&directory)? {
            let number =
                number_of(&path).ok_or_else(|| damaged(&path, &"not a file of a state"))?;
            let record = read(number, &read_text(&path)?);
            records.push(record.map_err(|reason| damaged(&path, &reason))?);
        }
        Ok(records)
    }
}

/// Refuses a directory that somebody uses for something else.
fn refuse_foreign(path: &Path) -> Result<(), StateError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    if path.join(STATE).exists() {
        return Ok(());
    }
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ours = [LOCK, ISSUED, PENDING];
    // These are there before any key is. A `ca.key` without them is that of somebody's own CA.
    let is_begun = ours.iter().all(|name| path.join(name).exists());
    let foreign = names.into_iter().find(|name| {
        let is_of_a_beginning = authority::is_file(name) || atomic::is_unfinished(name);
        !(ours.contains(&name.as_str()) || is_begun && is_of_a_beginning)
    });
    foreign.map_or(Ok(()), |found| Err(StateError::NotAState { path: path.to_owned(), found }))
}

fn sorted_files(directory: &Path) -> Result<Vec<PathBuf>, StateError> {
    let entries = fs::read_dir(directory).map_err(at("read", directory))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(at("read", directory))?;
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path) -> Result<String, StateError> {
    let length = fs::metadata(path).map_err(at("read", path))?.len();
    if length > FILE_BYTES {
        return Err(damaged(path, &format!("it has {length} bytes")));
    }
    let bytes = fs::read(path).map_err(at("read", path))?;
    String::from_utf8(bytes).map_err(|_| damaged(path, &"it is not UTF-8"))
}

fn write(directory: &Path, name: &str, content: &[u8]) -> Result<(), StateError> {
    let path = directory.join(name);
    atomic::replace(directory, name, content).map_err(at("write", &path))
}

fn file_name(number: u32) -> String {
    format!("{number:010}.pem")
}

fn number_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let number = name.strip_suffix(".pem")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { doing, path, source }
}

fn damaged(path: &Path, reason: &impl ToString) -> StateError {
    StateError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}
