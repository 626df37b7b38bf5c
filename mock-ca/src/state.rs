//! The state of a CA across restarts: a directory with a database, and the CA's keys and certificates as files of their own.
//!
//! ```text
//! state.db                 SQLite: certificates, requests, challenge passwords; `state.db-wal` and `state.db-shm` belong to it
//! ca.key, ca.pem           the CA's key and certificate; next-ca.*, ca-3.*, issuer-1.*, ra-signing.*, ra-encryption.* likewise
//! next-number              the number of the next certificate, by which an older `state.db` is noticed
//! lock                     locked while a server runs
//! ```
//!
//! Opening a state replaces nothing that exists. What is not wholly understood is refused, and the error names the file.

mod authority;
mod backup;
mod database;
mod error;
mod files;
mod layout;
mod modes;
mod next_number;
mod prepared;
pub(crate) mod rows;
mod version2;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{
    authority::Timeline,
    personality::{Personality, PersonalityName},
};
use database::{DATABASE, Description};
use error::at;
use layout::{Content, LOCK};
use next_number::{NEXT_NUMBER, NextNumber};

pub use backup::back_up;
pub(crate) use database::{Database, Moment, QueryError};
pub use error::StateError;

/// How often a lock is tried, and the pause after each try.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A state directory, which is locked.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    lock: File,
    /// The CA in the database; `None` in a new directory.
    stored: Option<Description>,
    /// What was done to the directory, in words.
    note: Option<String>,
}

impl StateDirectory {
    /// Opens and locks a directory; it is made if it does not exist. The state of an older version is taken over.
    pub(crate) fn open(path: &Path, now: SystemTime) -> Result<Self, StateError> {
        let database = path.join(DATABASE);
        if Content::of(path)? == Content::Current {
            database::expect_ours(&database)?;
        }
        files::make_directory(path)?;
        modes::ENTRIES.expect(path)?;
        let lock = lock(path)?;
        for name in [LOCK, NEXT_NUMBER] {
            modes::CHANGES.expect(&path.join(name))?;
        }
        let mut note = bring_up_to_date(path, now)?;
        // SQLite takes over what is in the files beside the database as soon as it opens it.
        database::expect_private(&database)?;
        if Content::of(path)? == Content::Current && database::is_of_version_3(&database)? {
            database::upgrade(&database, now)?;
            note = Some(format!(
                "`{}` was of an older version, and is now one that older versions of this program refuse",
                database.display()
            ));
        }
        let stored = match Content::of(path)? {
            Content::Current => Some(database::describe(&database)?),
            _ => None,
        };
        Ok(Self { path: path.to_owned(), lock, stored, note })
    }

    /// What was done to the directory, in words for the owner.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The personality of the state; `None` in a new directory.
    pub(crate) fn personality(&self) -> Option<PersonalityName> {
        self.stored.as_ref().map(|stored| stored.personality)
    }

    /// Reads the keys and certificates of the CA itself.
    pub(crate) fn read_timeline(&self, personality: &Personality) -> Result<Timeline, StateError> {
        let known = self.stored.as_ref().map(|stored| stored.identities.as_slice());
        let known = known.unwrap_or_default();
        let files: Vec<String> = known.iter().map(|(file, _)| file.clone()).collect();
        let timeline = authority::read(&self.path, &files)?;
        authority::expect(&self.path, personality, known)?;
        Ok(timeline)
    }

    /// Writes a new CA into a new directory; the state exists from the moment this returns.
    pub(crate) fn write_timeline(
        &self,
        personality: PersonalityName,
        timeline: &Timeline,
        now: SystemTime,
    ) -> Result<(), StateError> {
        prepared::prepare(&self.path, |unfinished| {
            authority::write(unfinished, timeline)?;
            let path = unfinished.join(DATABASE);
            database::create(&path, personality, now, |connection| {
                authority::insert(connection, timeline).map_err(|error| error.about(&path))
            })
        })?;
        prepared::publish(&self.path)
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

    /// Opens the database; the directory stays locked until that is dropped.
    pub(crate) fn into_database(self) -> Result<Database, StateError> {
        let number = NextNumber::open(&self.path)?;
        Database::open(&self.path.join(DATABASE), number, self.lock)
    }
}

/// Makes a changed timeline durable: the further files first, then the database, which says which of them count.
pub(crate) fn keep_timeline(
    directory: &Path,
    database: &Database,
    timeline: &Timeline,
) -> Result<(), StateError> {
    let known = database.identities()?;
    let kept = authority::write_further(directory, &known, timeline)?;
    database.write(move |connection| authority::replace(connection, &kept))
}

/// The keys of the CA and of its registration authority in a state directory, with their certificates; none if it is no such directory.
/// It is not locked: a server may use it at the same time.
///
/// # Errors
/// If the directory or a file in it cannot be read.
pub fn identities(directory: &Path) -> Result<Vec<scep::identity::Identity>, StateError> {
    authority::identities(directory)
}

/// Locks a directory.
///
/// A program that this process is just starting has the lock file of a CA that was closed open, too, until it runs. So a lock that is
/// held is tried again, for a fifth of a second in all.
fn lock(directory: &Path) -> Result<File, StateError> {
    let path = directory.join(LOCK);
    let lock = files::open_private(&path)?;
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(source)) => return Err(at("lock", &path)(source)),
        }
    }
    Err(StateError::Locked(directory.to_owned()))
}

/// Finishes what was cut short, and takes over the state of version 2; says in words if it did.
fn bring_up_to_date(path: &Path, now: SystemTime) -> Result<Option<String>, StateError> {
    prepared::discard(path, prepared::UNFINISHED)?;
    let mut note = None;
    if Content::of(path)? == Content::Version2 {
        // While `state.json` is there, the old files are the state, and a database of an earlier attempt may lack the newest.
        prepared::discard(path, prepared::COMPLETE)?;
        let taken = version2::take_over(path, now)?;
        let (shown, kept) = (path.display(), version2::KEPT);
        note = Some(format!(
            "`{shown}` held the state of an older version: {taken} are now in `{DATABASE}`, and the old files in `{kept}`"
        ));
        version2::set_aside(path)?;
    }
    if Content::of(path)? == Content::Prepared {
        version2::set_aside(path)?;
        prepared::publish(path)?;
    }
    Ok(note)
}
