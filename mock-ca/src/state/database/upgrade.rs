//! The upgrade of a database of version 3, in one transaction: what was cut short has changed nothing.

use std::{path::Path, time::SystemTime};

use super::{
    BUSY_TIMEOUT, Moment, QueryError, StateError, connect,
    schema::{self, Tables},
};

/// The version before this one.
pub(super) const VERSION_3: u32 = 3;

/// Makes room for the tables of this version. No table refers to another.
const SET_ASIDE: &str = "
DROP INDEX certificate_transaction;
DROP INDEX certificate_subject;
DROP INDEX certificate_revoked;
DROP INDEX request_waiting;
ALTER TABLE ca RENAME TO old_ca;
ALTER TABLE identity RENAME TO old_identity;
ALTER TABLE certificate RENAME TO old_certificate;
ALTER TABLE request RENAME TO old_request;
ALTER TABLE challenge RENAME TO old_challenge;
";

/// What version 3 did not note counts as of now: when a request came, and when a password of the command line was given.
const COPIES: [&str; 5] = [
    "INSERT INTO ca SELECT * FROM old_ca WHERE ?1 NOTNULL",
    "INSERT INTO identity SELECT * FROM old_identity WHERE ?1 NOTNULL",
    "INSERT INTO certificate SELECT number, serial, subject, not_before, not_after, transaction_id, requester, request, \
     answers, revoked_at, NULL, der FROM old_certificate WHERE ?1 NOTNULL",
    "INSERT INTO request SELECT number, transaction_id, subject, requester, request, denied, ?1, 1, der FROM old_request",
    "INSERT INTO challenge SELECT sha256, made_at, used_at, CASE WHEN made_at IS NULL THEN ?1 END FROM old_challenge",
];

const CLEAN_UP: &str = "
DROP TABLE old_ca;
DROP TABLE old_identity;
DROP TABLE old_certificate;
DROP TABLE old_request;
DROP TABLE old_challenge;
";

/// Gives a database of version 3 the tables of this version.
pub(in crate::state) fn upgrade(path: &Path, now: SystemTime) -> Result<(), StateError> {
    let upgraded = || {
        let mut connection = connect(path, BUSY_TIMEOUT)?;
        schema::expect(&connection, Tables::Version3)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(SET_ASIDE)?;
        schema::create(&transaction)?;
        for copy in COPIES {
            transaction.execute(copy, [Moment::from(now)])?;
        }
        transaction.execute_batch(CLEAN_UP)?;
        transaction.commit()?;
        Ok(())
    };
    upgraded().map_err(|error: QueryError| error.about(path))
}
