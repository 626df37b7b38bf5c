//! Failures of queries, and the words for them.

use std::path::Path;

use rusqlite::ErrorCode;

use super::super::{StateError, error::damaged};

/// The reason why a query or a change was not carried out.
#[derive(Clone, Debug)]
pub(crate) enum QueryError {
    /// SQLite refused it.
    Refused {
        /// The kind of failure, if SQLite names one.
        code: Option<ErrorCode>,
        /// The reason.
        reason: String,
    },
    /// A row is not as it was written.
    Damaged(String),
    /// A record has no room in memory.
    NoMemory,
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            _ => Self::Refused { code: error.sqlite_error_code(), reason: error.to_string() },
        }
    }
}

impl QueryError {
    /// The same as an error about this database.
    pub(in crate::state) fn about(self, path: &Path) -> StateError {
        let (code, reason) = match self {
            Self::Damaged(reason) => return damaged(path, &reason),
            Self::NoMemory => return StateError::NoMemory,
            Self::Refused { code, reason } => (code, reason),
        };
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StateError::DatabaseLocked(path.to_owned())
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(path, &reason),
            _ => StateError::Database { path: path.to_owned(), reason },
        }
    }
}
