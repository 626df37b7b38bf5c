//! The check that a database on disk has every certificate as it was issued. A server does not wait for more than the newest
//! of them; the others are checked while it serves.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use rusqlite::Connection;

use crate::{
    authority::Succession,
    state::{
        Database, QueryError, StateError,
        rows::{self, ISSUED, REQUEST},
    },
};

/// The number of certificates that are checked before a server starts: less than a tenth of a second.
const AT_ONCE: u32 = 1_000;

/// The number of certificates that are read at a time while a server serves.
const AT_A_TIME: u32 = 100;

/// The check of the older certificates, in a thread that ends with the server.
pub(super) struct Checker {
    found: Arc<OnceLock<String>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checker {
    /// Checks the numbers and the newest certificates, and begins to check the others.
    pub(super) fn start(
        database: &Arc<Database>,
        authorities: &Arc<Succession>,
    ) -> Result<Self, StateError> {
        Self::start_with(database, authorities, AT_ONCE)
    }

    fn start_with(
        database: &Arc<Database>,
        authorities: &Arc<Succession>,
        at_once: u32,
    ) -> Result<Self, StateError> {
        let oldest = database.read(|connection| {
            expect_numbers(connection)?;
            let newest = format!("{REQUEST} ORDER BY number DESC LIMIT ?");
            rows::all(connection, &newest, [at_once], |row| rows::request(row).map(drop))?;
            check_before(connection, authorities, i64::MAX, at_once)
        })?;
        let (found, stop) = (Arc::default(), Arc::default());
        let mut checker = Self { found, stop, thread: None };
        if let Some(oldest) = oldest {
            checker.thread = checker.continue_before(oldest, database, authorities);
        } else {
            database.read(expect_sound)?;
        }
        Ok(checker)
    }

    /// Refuses to continue if a certificate was found damaged.
    pub(super) fn expect_whole(&self, database: &Database) -> Result<(), StateError> {
        self.found.get().map_or(Ok(()), |reason| Err(database.damaged(reason)))
    }

    /// Starts the thread; without it, a certificate is checked when it is read.
    fn continue_before(
        &self,
        oldest: i64,
        database: &Arc<Database>,
        authorities: &Arc<Succession>,
    ) -> Option<JoinHandle<()>> {
        let (found, stop) = (Arc::clone(&self.found), Arc::clone(&self.stop));
        let (database, authorities) = (Arc::clone(database), Arc::clone(authorities));
        let check = move || {
            let mut before = Some(oldest);
            while let Some(number) = before
                && !stop.load(Ordering::Relaxed)
            {
                let checked = database
                    .read(|connection| check_before(connection, &authorities, number, AT_A_TIME));
                before = checked.unwrap_or_else(|error| {
                    let _ = found.set(match error {
                        StateError::Damaged { reason, .. } => reason,
                        other => other.to_string(),
                    });
                    None
                });
            }
        };
        Builder::new().name("state-check".to_owned()).spawn(check).ok()
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was printed then.
            let _ = thread.join();
        }
    }
}

/// Refuses a database that lacks certificates, or in which the next one would get a number that was used.
fn expect_numbers(connection: &Connection) -> Result<(), QueryError> {
    let query = "SELECT issued, next_certificate, (SELECT count(*) FROM certificate), \
         (SELECT ifnull(max(number), -1) FROM certificate) FROM ca";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let (issued, next, found, newest): (i64, i64, i64, i64) =
        connection.query_row(query, [], read)?;
    if issued != found {
        let reason = format!("{issued} certificates were issued, and it holds {found}");
        return Err(QueryError::Damaged(reason));
    }
    if next <= newest {
        let reason = format!("its next certificate would get the number {next}, which is used");
        return Err(QueryError::Damaged(reason));
    }
    Ok(())
}

/// Checks the newest certificates before a number; returns the number of the oldest checked, or `None` if none is left.
fn check_before(
    connection: &Connection,
    authorities: &Succession,
    number: i64,
    count: u32,
) -> Result<Option<i64>, QueryError> {
    let query = format!("{ISSUED} WHERE number < ? ORDER BY number DESC LIMIT ?");
    let checked = |row: &rusqlite::Row<'_>| rows::issued(row, authorities).map(|one| one.number);
    let numbers = rows::all(connection, &query, (number, count), checked)?;
    let is_last = numbers.len() < count as usize;
    Ok(numbers.last().filter(|_| !is_last).map(|number| i64::from(*number)))
}

/// Refuses a small database whose pages or indices are damaged.
fn expect_sound(connection: &Connection) -> Result<(), QueryError> {
    let reason: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if reason == "ok" { Ok(()) } else { Err(QueryError::Damaged(reason)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{authorities, issue, store};

    /// A store with three certificates, of which one is damaged.
    fn damaged(number: u32) -> (Arc<Database>, Arc<Succession>) {
        let authorities = authorities();
        let store = store(&authorities);
        (1..=3).for_each(|number| issue(&store, &authorities, number));
        let change = move |connection: &Connection| {
            let query = "UPDATE certificate SET subject = 'CN=b' WHERE number = ?";
            Ok(connection.execute(query, [number])?)
        };
        assert_eq!(store.database.write(change).unwrap(), 1);
        (Arc::clone(&store.database), authorities)
    }

    #[test]
    fn damaged_certificate_among_the_newest_is_refused_at_once() {
        let (database, authorities) = damaged(3);
        let error = Checker::start_with(&database, &authorities, 1).err().unwrap();
        assert!(error.to_string().contains("number 3"), "{error}");
    }

    #[test]
    fn damaged_certificate_among_the_older_ones_ends_the_issuing() {
        let (database, authorities) = damaged(1);
        let mut checker = Checker::start_with(&database, &authorities, 1).unwrap();
        checker.thread.take().unwrap().join().unwrap();
        let error = checker.expect_whole(&database).unwrap_err();
        assert!(error.to_string().contains("number 1: its columns are not"), "{error}");
    }

    #[test]
    fn whole_certificates_are_all_checked() {
        let (database, authorities) = damaged(1);
        let mend = "UPDATE certificate SET subject = 'CN = a'";
        database.write(move |connection| Ok(connection.execute(mend, [])?)).unwrap();
        let mut checker = Checker::start_with(&database, &authorities, 1).unwrap();
        checker.thread.take().unwrap().join().unwrap();
        checker.expect_whole(&database).unwrap();
    }
}
