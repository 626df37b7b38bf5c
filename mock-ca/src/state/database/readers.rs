//! Connections for questions, so that no question waits for another or for a change.

use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::{BUSY_TIMEOUT, QueryError, connect};

/// The number of connections that stay open while nobody asks.
const IDLE: usize = 4;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Answers a question about everything that is committed.
    pub(super) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, BUSY_TIMEOUT)?,
        };
        let answer = query(&connection);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        answer
    }
}
