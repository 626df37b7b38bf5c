//! The thread that makes all changes: those that wait are committed together, and answered when the commit is durable.

use std::{
    io, iter,
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, TransactionBehavior};

use super::{super::next_number::NextNumber, QueryError, in_savepoint};

/// The most changes in one commit.
const TOGETHER: usize = 256;

/// The way to the thread; the thread ends after the last change when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which owns the connection.
    pub(super) fn start(connection: Connection, number: NextNumber) -> io::Result<Self> {
        let (jobs, waiting) = channel();
        let thread = thread::Builder::new().name("state-writer".to_owned());
        let thread = thread.spawn(move || write_all(connection, &waiting, number))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Makes a change; when this returns, it is durable or was not made.
    pub(super) fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (answer, answered) = sync_channel(1);
        let job = Change { make: Some(change), outcome: Err(ended()), answer };
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(Box::new(job)));
        if !matches!(sent, Some(Ok(()))) {
            return Err(ended());
        }
        answered.recv().unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, that was printed then.
            let _ = thread.join();
        }
    }
}

fn ended() -> QueryError {
    QueryError::Refused { code: None, reason: "the thread that writes has ended".to_owned() }
}

/// A change that waits for the thread.
trait Job: Send {
    /// Makes the change, or leaves everything as it was. The error is that which undid the whole transaction, with all changes before.
    fn apply(&mut self, connection: &Connection) -> Result<(), QueryError>;

    /// Tells the caller the outcome, which is that of the commit if that failed.
    fn finish(self: Box<Self>, committed: Result<(), QueryError>);
}

struct Change<F, T> {
    make: Option<F>,
    outcome: Result<T, QueryError>,
    answer: SyncSender<Result<T, QueryError>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, QueryError> + Send> Job for Change<F, T> {
    fn apply(&mut self, connection: &Connection) -> Result<(), QueryError> {
        if let Some(change) = self.make.take() {
            self.outcome = in_savepoint(connection, change);
        }
        match &self.outcome {
            Err(error) if connection.is_autocommit() => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), QueryError>) {
        // If the caller has gone, nobody asks.
        let _ = self.answer.send(committed.and(self.outcome));
    }
}

/// Makes changes until the sender is dropped.
fn write_all(mut connection: Connection, waiting: &Receiver<Box<dyn Job>>, mut number: NextNumber) {
    while let Ok(first) = waiting.recv() {
        let mut jobs: Vec<_> = iter::once(first).chain(waiting.try_iter().take(TOGETHER)).collect();
        let committed = commit_together(&mut connection, &mut jobs);
        if committed.is_ok() {
            number.follow(&connection);
        }
        for job in jobs {
            job.finish(committed.clone());
        }
    }
}

fn commit_together(
    connection: &mut Connection,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), QueryError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in jobs {
        // Further changes would be committed one by one, although their outcome is that of the commit.
        job.apply(&transaction)?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::UNIX_EPOCH};

    use super::*;
    use crate::{
        personality::PersonalityName,
        state::database::{BUSY_TIMEOUT, connect, create},
    };

    /// The number of requests that another connection sees.
    fn seen(path: &Path) -> u32 {
        let connection = connect(path, BUSY_TIMEOUT).unwrap();
        connection.query_row("SELECT next_request FROM ca", [], |row| row.get(0)).unwrap()
    }

    fn count(connection: &Connection) -> Result<(), QueryError> {
        Ok(connection.execute("UPDATE ca SET next_request = next_request + 1", []).map(drop)?)
    }

    #[test]
    fn waiting_changes_are_committed_together_and_answered_when_others_see_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        create(&path, PersonalityName::Linux, UNIX_EPOCH, |_| Ok(())).unwrap();
        let connection = connect(&path, BUSY_TIMEOUT).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        let (jobs, waiting) = channel::<Box<dyn Job>>();
        let mut answers = Vec::new();
        for fails in [false, true, false, false] {
            let (answer, answered) = sync_channel(1);
            let path = path.clone();
            let change = move |connection: &Connection| {
                count(connection)?;
                if fails {
                    return Err(QueryError::Damaged("on purpose".to_owned()));
                }
                Ok(seen(&path))
            };
            jobs.send(Box::new(Change { make: Some(change), outcome: Err(ended()), answer }))
                .unwrap();
            answers.push(answered);
        }
        drop(jobs);
        write_all(connection, &waiting, NextNumber::open(directory.path()).unwrap());
        let outcomes: Vec<_> = answers.iter().map(|answer| answer.recv().unwrap()).collect();
        // During each change, nothing of the others is committed; the failed one is undone alone.
        assert!(matches!(outcomes[..], [Ok(1), Err(QueryError::Damaged(_)), Ok(1), Ok(1)]));
        assert_eq!(seen(&path), 4);
    }

    #[test]
    fn full_disk_undoes_every_change_of_the_commit_and_the_next_one_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        create(&path, PersonalityName::Linux, UNIX_EPOCH, |_| Ok(())).unwrap();
        let connection = connect(&path, BUSY_TIMEOUT).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", pages + 8).unwrap();
        let (jobs, waiting) = channel::<Box<dyn Job>>();
        let mut answers = Vec::new();
        for fills in [false, true, false] {
            let (answer, answered) = sync_channel(1);
            let change = move |connection: &Connection| {
                if fills {
                    let large = "INSERT INTO identity VALUES ('x', hex(zeroblob(100000)), '')";
                    connection.execute(large, [])?;
                }
                count(connection)
            };
            jobs.send(Box::new(Change { make: Some(change), outcome: Err(ended()), answer }))
                .unwrap();
            answers.push(answered);
        }
        let (sender, receiver) = sync_channel(1);
        let next = Change { make: Some(count), outcome: Err(ended()), answer: sender };
        let writer = thread::spawn(move || {
            write_all(connection, &waiting, NextNumber::open(directory.path()).unwrap());
            (seen(&path), directory)
        });
        for answer in answers {
            let error = answer.recv().unwrap().unwrap_err();
            let code = Some(rusqlite::ErrorCode::DiskFull);
            assert!(
                matches!(&error, QueryError::Refused { code: of, .. } if *of == code),
                "{error:?}"
            );
        }
        jobs.send(Box::new(next)).unwrap();
        receiver.recv().unwrap().unwrap();
        drop(jobs);
        let (seen, _directory) = writer.join().unwrap();
        assert_eq!(seen, 2);
    }

    #[test]
    fn failed_commit_is_the_outcome_of_every_change_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        create(&path, PersonalityName::Linux, UNIX_EPOCH, |_| Ok(())).unwrap();
        let number = NextNumber::open(directory.path()).unwrap();
        let other = connect(&path, BUSY_TIMEOUT).unwrap();
        let connection = connect(&path, std::time::Duration::ZERO).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let writer = Writer::start(connection, number).unwrap();
        let error = writer.write(count).unwrap_err();
        assert!(matches!(error, QueryError::Refused { code: Some(_), .. }), "{error:?}");
        other.execute_batch("ROLLBACK").unwrap();
        writer.write(count).unwrap();
        assert_eq!(seen(&path), 2);
    }
}
