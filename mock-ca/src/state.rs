//! The state of a CA across restarts, in a directory of small files.
//!
//! ```text
//! state.json               the version of the format and the personality; written last when a state is made
//! lock                     locked while a server runs
//! ca.key, ca.pem           the CA's key and certificate; next-ca.*, ra-signing.*, ra-encryption.* likewise
//! issued/0000000002.json   each issued certificate, with its transaction and the time of its revocation
//! pending/0000000001.json  each request that waits, or was denied
//! challenges.json          one-time challenge passwords, used and unused
//! ```
//!
//! Every file is written under another name, flushed to the disk and renamed. So a file with its own name is complete,
//! whenever the machine stops. A state with a damaged file is refused, and the error names the file.

mod atomic;
mod authority;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    authority::Authority,
    personality::PersonalityName,
    record::{IssuedRecord, PendingRecord},
};

/// The reason why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A file or directory cannot be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// The failed operation, such as `write`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Another server uses the directory.
    #[error("`{}` is in use by another server", .0.display())]
    Locked(PathBuf),
    /// The directory contains something else than a state.
    #[error("`{}` is no state directory: it contains `{found}` and no `state.json`", path.display())]
    NotAState {
        /// The directory.
        path: PathBuf,
        /// An entry of the directory.
        found: String,
    },
    /// The state is that of an older version of this program, with another format.
    #[error("`{}` holds the state of an older version, which this version cannot read: give another directory", .0.display())]
    Outdated(PathBuf),
    /// A file is not as it was written.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The mistake in it.
        reason: String,
    },
    /// The state belongs to another CA than that of the settings.
    #[error("`{}` holds a CA with the {what} `{stored}`, not `{asked}`", path.display())]
    OtherCa {
        /// The directory.
        path: PathBuf,
        /// The property that differs.
        what: &'static str,
        /// The value in the state.
        stored: String,
        /// The value in the settings.
        asked: String,
    },
}

/// A state directory, locked for as long as this value lives.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

const STATE: &str = "state.json";
/// The file of the first version of this program.
const FIRST_STATE: &str = "state";
const LOCK: &str = "lock";
const ISSUED: &str = "issued";
const PENDING: &str = "pending";
const CHALLENGES: &str = "challenges.json";
const VERSION: u32 = 2;

/// The longest file that is read; no file of a state is as long.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

impl StateDirectory {
    /// Opens and locks a directory; it is made if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        refuse_foreign(path)?;
        let directories = [path.to_owned(), path.join(ISSUED), path.join(PENDING)];
        for directory in &directories {
            atomic::make_directory(directory).map_err(at("make", directory))?;
        }
        let lock_path = path.join(LOCK);
        let lock = atomic::open_private(&lock_path).map_err(at("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(at("lock", &lock_path)(source)),
        }
        for directory in &directories {
            atomic::remove_unfinished(directory).map_err(at("clean", directory))?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The personality of the state; `None` in a new directory.
    pub(crate) fn personality(&self) -> Result<Option<PersonalityName>, StateError> {
        let path = self.path.join(STATE);
        let Some(kind) = read_if_there::<Kind>(&path)? else { return Ok(None) };
        if kind.version != VERSION {
            return Err(damaged(&path, &format!("version {} is not known", kind.version)));
        }
        Ok(Some(kind.personality))
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
        write_json(&self.path, STATE, &Kind { version: VERSION, personality })
    }

    /// Writes an issued certificate, flushed to the disk when this returns.
    pub(crate) fn write_issued(&self, record: &IssuedRecord) -> Result<(), StateError> {
        write_json(&self.path.join(ISSUED), &file_name(record.number), record)
    }

    /// Writes a request that waits or was denied.
    pub(crate) fn write_pending(&self, record: &PendingRecord) -> Result<(), StateError> {
        write_json(&self.path.join(PENDING), &file_name(record.number), record)
    }

    /// Removes a request that waits no longer.
    pub(crate) fn remove_pending(&self, number: u32) -> Result<(), StateError> {
        let directory = self.path.join(PENDING);
        let path = directory.join(file_name(number));
        atomic::remove(&directory, &path).map_err(at("remove", &path))
    }

    /// Reads all issued certificates, in order.
    pub(crate) fn read_issued(&self) -> Result<Vec<IssuedRecord>, StateError> {
        self.read_records(ISSUED, |record: &mut IssuedRecord, number| record.number = number)
    }

    /// Reads all requests that wait or were denied, in order.
    pub(crate) fn read_pending(&self) -> Result<Vec<PendingRecord>, StateError> {
        self.read_records(PENDING, |record: &mut PendingRecord, number| record.number = number)
    }

    /// Writes the list of challenge passwords.
    pub(crate) fn write_challenges(&self, list: &impl Serialize) -> Result<(), StateError> {
        write_json(&self.path, CHALLENGES, list)
    }

    /// Reads the list of challenge passwords.
    pub(crate) fn read_challenges<T: Default + DeserializeOwned>(&self) -> Result<T, StateError> {
        Ok(read_if_there(&self.path.join(CHALLENGES))?.unwrap_or_default())
    }

    /// Refuses a state that belongs to another CA than that of the settings.
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

    /// The error that an issued certificate is not as it was written.
    pub(crate) fn damaged_issued(&self, number: u32, reason: &str) -> StateError {
        damaged(&self.path.join(ISSUED).join(file_name(number)), &reason)
    }

    /// Reads all records of a directory, each with the number of its file.
    fn read_records<T: DeserializeOwned>(
        &self,
        directory: &str,
        set_number: impl Fn(&mut T, u32),
    ) -> Result<Vec<T>, StateError> {
        let directory = self.path.join(directory);
        let mut records = Vec::new();
        for path in sorted_files(&directory)? {
            let number =
                number_of(&path).ok_or_else(|| damaged(&path, &"not a file of a state"))?;
            let mut record: T = read_json(&path)?;
            set_number(&mut record, number);
            records.push(record);
        }
        Ok(records)
    }
}

/// The content of `state.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    version: u32,
    personality: PersonalityName,
}

/// Refuses a directory that is used for something else.
fn refuse_foreign(path: &Path) -> Result<(), StateError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    if path.join(STATE).exists() {
        return Ok(());
    }
    if path.join(FIRST_STATE).exists() && path.join(LOCK).exists() {
        return Err(StateError::Outdated(path.to_owned()));
    }
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ours = [LOCK, ISSUED, PENDING];
    // These exist before any key. A `ca.key` without them belongs to another CA.
    let is_begun = ours.iter().all(|name| path.join(name).exists());
    let foreign = names.into_iter().find(|name| {
        let is_of_a_beginning = authority::is_file(name) || atomic::is_unfinished(name);
        !(ours.contains(&name.as_str()) || is_begun && is_of_a_beginning)
    });
    foreign.map_or(Ok(()), |found| Err(StateError::NotAState { path: path.to_owned(), found }))
}

fn sorted_files(directory: &Path) -> Result<Vec<PathBuf>, StateError> {
    let entries = fs::read_dir(directory).map_err(at("read", directory))?;
    let paths: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(at("read", directory))?;
    paths.sort();
    Ok(paths)
}

fn read_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    path.exists().then(|| read_json(path)).transpose()
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    // The parser quotes what it read, which may be a password.
    let unlike = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        damaged(path, &format!("unexpected content at line {line}, column {column}"))
    };
    serde_json::from_slice(&read(path)?).map_err(unlike)
}

fn write_json(directory: &Path, name: &str, content: &impl Serialize) -> Result<(), StateError> {
    let encoded = serde_json::to_vec_pretty(content).map_err(io::Error::from);
    write(directory, name, &encoded.map_err(at("encode", &directory.join(name)))?)
}

fn read(path: &Path) -> Result<Vec<u8>, StateError> {
    let length = fs::metadata(path).map_err(at("read", path))?.len();
    if length > FILE_BYTES {
        return Err(damaged(
            path,
            &format!("it has {length} bytes, more than any file of a state"),
        ));
    }
    fs::read(path).map_err(at("read", path))
}

fn write(directory: &Path, name: &str, content: &[u8]) -> Result<(), StateError> {
    let path = directory.join(name);
    atomic::replace(directory, name, content).map_err(at("write", &path))
}

fn file_name(number: u32) -> String {
    format!("{number:010}.json")
}

fn number_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let number = name.strip_suffix(".json")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { doing, path, source }
}

fn damaged(path: &Path, reason: &impl ToString) -> StateError {
    StateError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}
