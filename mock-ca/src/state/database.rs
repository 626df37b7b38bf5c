//! The database of a CA: in a file, or in memory if nothing is to be kept.
//!
//! A change of a file is made by one thread, which commits all changes that wait at once and answers when the commit is
//! durable. Questions are answered by the callers' own threads, each with a connection of its own.

mod failure;
mod header;
mod moment;
mod readers;
mod schema;
mod upgrade;
mod writer;

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{StateError, error::at, next_number::NextNumber};
use crate::personality::PersonalityName;
use readers::Readers;
use writer::Writer;

pub(super) use header::{expect_ours, expect_private};
pub(super) use upgrade::upgrade;

pub(crate) use failure::QueryError;
pub(crate) use moment::Moment;

/// The name of its file in the directory of a state.
pub(super) const DATABASE: &str = "state.db";

/// The time for which a change waits for a program that has locked the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The same time while a database is opened: as long as another program may take to close it.
const OPEN_TIMEOUT: Duration = Duration::from_millis(200);

/// The memory of a page of 4,096 bytes, with what SQLite keeps beside it.
const PAGE_BYTES: usize = 4_608;

/// The tables of a CA.
#[derive(Debug)]
pub(crate) struct Database {
    access: Access,
    /// The path in errors.
    path: PathBuf,
    /// Dropped last, so that the next server finds no open connection.
    _lock: Option<File>,
}

#[derive(Debug)]
enum Access {
    Memory { connection: Mutex<Connection>, pages: u32 },
    File { writer: Writer, readers: Readers },
}

impl Database {
    /// A new database in memory, made at `now`, for records that need no more than so many bytes.
    pub(crate) fn in_memory(
        personality: PersonalityName,
        bytes: usize,
        now: SystemTime,
    ) -> Result<Self, StateError> {
        let path = PathBuf::from(":memory:");
        let open = || {
            let connection = Connection::open_in_memory()?;
            schema::create(&connection)?;
            add_ca(&connection, personality, now)?;
            Ok::<_, QueryError>(connection)
        };
        let connection = open().map_err(|error| error.about(&path))?;
        let pages = u32::try_from(bytes / PAGE_BYTES).unwrap_or(u32::MAX);
        let access = Access::Memory { connection: Mutex::new(connection), pages };
        Ok(Self { access, path, _lock: None })
    }

    /// Opens the database of a state directory, which is kept locked.
    pub(in crate::state) fn open(
        path: &Path,
        number: NextNumber,
        lock: File,
    ) -> Result<Self, StateError> {
        let connection = open_existing(path)?;
        expect_new_numbers(&connection, &number, path)?;
        let writer = Writer::start(connection, number).map_err(at("write", path))?;
        let readers = Readers::new(path.to_owned());
        let access = Access::File { writer, readers };
        Ok(Self { access, path: path.to_owned(), _lock: Some(lock) })
    }

    /// The number of pages that records may occupy; `None` if they are on disk.
    pub(crate) fn pages(&self) -> Option<u32> {
        match self.access {
            Access::Memory { pages, .. } => Some(pages),
            Access::File { .. } => None,
        }
    }

    /// Answers a question.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, QueryError>,
    ) -> Result<T, StateError> {
        let answer = match &self.access {
            Access::Memory { connection, .. } => query(&connection.lock()),
            Access::File { readers, .. } => readers.read(query),
        };
        answer.map_err(|error| error.about(&self.path))
    }

    /// Makes a change, as a whole or not at all. When this returns, a crash does not undo it.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, StateError> {
        let outcome = match &self.access {
            Access::Memory { connection, .. } => in_savepoint(&connection.lock(), change),
            Access::File { writer, .. } => writer.write(change),
        };
        outcome.map_err(|error| error.about(&self.path))
    }

    /// The time at which the CA was made.
    pub(crate) fn created_at(&self) -> Result<SystemTime, StateError> {
        self.read(|connection| {
            let query = "SELECT created_at FROM ca";
            let created: Moment = connection.query_row(query, [], |row| row.get(0))?;
            Ok(created.into())
        })
    }

    /// The files with the CA's certificates, each with its fingerprint.
    pub(in crate::state) fn identities(&self) -> Result<Vec<(String, String)>, StateError> {
        self.read(|connection| Ok(identities(connection)?))
    }

    /// The error that a row is not as it was written.
    pub(crate) fn damaged(&self, reason: &str) -> StateError {
        QueryError::Damaged(reason.to_owned()).about(&self.path)
    }
}

/// Makes a new database in a file that does not exist, with the content that `fill` writes. When this returns, the file is
/// whole and durable.
pub(super) fn create(
    path: &Path,
    personality: PersonalityName,
    now: SystemTime,
    fill: impl FnOnce(&Connection) -> Result<(), StateError>,
) -> Result<(), StateError> {
    super::files::create(path)?;
    let about = |error: rusqlite::Error| QueryError::from(error).about(path);
    let mut connection = connect(path, BUSY_TIMEOUT).map_err(about)?;
    schema::create(&connection).map_err(about)?;
    let transaction = connection.transaction().map_err(about)?;
    add_ca(&transaction, personality, now).map_err(about)?;
    fill(&transaction)?;
    transaction.commit().map_err(about)?;
    connection.close().map_err(|(_, error)| about(error))
}

/// Writes a copy of a database, as it is between two changes, to a file that does not exist.
pub(super) fn copy(path: &Path, to: &Path) -> Result<(), StateError> {
    expect_ours(path)?;
    expect_private(path)?;
    super::files::create(to)?;
    let about = |error: rusqlite::Error| QueryError::from(error).about(path);
    let connection = connect(path, BUSY_TIMEOUT).map_err(about)?;
    let target = to.to_str().ok_or_else(|| {
        at("write", to)(std::io::Error::other("the name of the directory is not UTF-8"))
    })?;
    connection.execute("VACUUM INTO ?", [target]).map_err(about)?;
    super::files::flush(to)
}

/// True if a database is of the version before, which must be upgraded.
pub(super) fn is_of_version_3(path: &Path) -> Result<bool, StateError> {
    Ok(expect_ours(path)? == upgrade::VERSION_3)
}

/// The CA in a database.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) personality: PersonalityName,
    /// The files with the CA's certificates, each with its fingerprint.
    pub(super) identities: Vec<(String, String)>,
}

/// Reads which CA a database belongs to.
pub(super) fn describe(path: &Path) -> Result<Description, StateError> {
    let connection = open_existing(path)?;
    let read = || {
        let name: String =
            connection.query_row("SELECT personality FROM ca", [], |row| row.get(0))?;
        let known = PersonalityName::ALL.iter().copied().find(|known| known.as_str() == name);
        let unknown = || format!("the personality `{}` is not known", name.escape_debug());
        let personality = known.ok_or_else(|| QueryError::Damaged(unknown()))?;
        Ok(Description { personality, identities: identities(&connection)? })
    };
    read().map_err(|error: QueryError| error.about(path))
}

fn identities(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut query = connection.prepare("SELECT file, sha256 FROM identity")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Opens a database of this program, and makes sure that it can be written.
fn open_existing(path: &Path) -> Result<Connection, StateError> {
    expect_ours(path)?;
    let open = || {
        let mut connection = connect(path, OPEN_TIMEOUT)?;
        schema::expect(&connection, schema::Tables::Current)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // Nobody else may write: two servers would give out the same number.
        connection.transaction_with_behavior(TransactionBehavior::Immediate)?.rollback()?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    };
    open().map_err(|error: QueryError| error.about(path))
}

fn connect(path: &Path, timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(timeout)?;
    // A commit is durable when it returns.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

fn add_ca(
    connection: &Connection,
    personality: PersonalityName,
    now: SystemTime,
) -> rusqlite::Result<()> {
    let values = (personality.as_str(), Moment::from(now));
    connection.execute("INSERT INTO ca VALUES (1, ?, ?, 0, 1, 0)", values).map(drop)
}

/// Refuses a database that is older than the file with the number of the next certificate.
fn expect_new_numbers(
    connection: &Connection,
    number: &NextNumber,
    path: &Path,
) -> Result<(), StateError> {
    let next: Result<u32, _> =
        connection.query_row("SELECT next_certificate FROM ca", [], |row| row.get(0));
    let next = next.map_err(|error| QueryError::from(error).about(path))?.into();
    let written = number.written();
    if next >= written {
        return Ok(());
    }
    Err(StateError::Repeats { path: path.to_owned(), issued: written - 1, next })
}

/// Makes a change within a transaction, or undoes it if it fails. If the disk is full or broken, SQLite may undo the whole transaction
/// instead.
fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, QueryError>,
) -> Result<T, QueryError> {
    connection.prepare_cached("SAVEPOINT change")?.execute([])?;
    let outcome = change(connection);
    if outcome.is_err() {
        if connection.is_autocommit() {
            return outcome;
        }
        connection.prepare_cached("ROLLBACK TO change")?.execute([])?;
    }
    connection.prepare_cached("RELEASE change")?.execute([])?;
    outcome
}
