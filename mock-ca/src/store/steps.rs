//! The steps of questions and changes, each within a transaction of the database.

use std::{sync::Arc, time::SystemTime};

use rusqlite::{Connection, Row};
use scep::attribute::TransactionId;

use crate::{
    authority::Succession,
    record::Origin,
    refusal::Refusal,
    state::{
        Moment, QueryError,
        rows::{self, ISSUED, REQUEST},
    },
    transaction::Transaction,
};

/// The state of a transaction. It belongs to its first requester, and a request that is held is newer than a certificate.
pub(super) fn transaction(
    connection: &Connection,
    authorities: &Succession,
    id: &TransactionId,
) -> Result<Option<Transaction>, QueryError> {
    let Some(owner) = owner(connection, id)? else { return Ok(None) };
    let values = (id.as_str(), owner.as_str());
    let held = format!("{REQUEST} WHERE transaction_id = ? AND requester = ?");
    if let Some(held) = rows::first(connection, &held, values, rows::request)? {
        return Ok(Some(Transaction::Held(Arc::new(held))));
    }
    let issued =
        format!("{ISSUED} WHERE transaction_id = ? AND requester = ? ORDER BY number DESC LIMIT 1");
    let issued = rows::first(connection, &issued, values, |row| rows::issued(row, authorities))?;
    Ok(issued.map(|issued| Transaction::Issued(Arc::new(issued))))
}

/// The requester that began a transaction.
fn owner(connection: &Connection, id: &TransactionId) -> Result<Option<String>, QueryError> {
    let requester = |row: &Row<'_>| Ok(row.get(0)?);
    for table in ["certificate", "request"] {
        let query = format!(
            "SELECT requester FROM {table} WHERE transaction_id = ? ORDER BY number LIMIT 1"
        );
        if let Some(owner) = rows::first(connection, &query, [id.as_str()], requester)? {
            return Ok(Some(owner));
        }
    }
    Ok(None)
}

/// Removes the request that is held in the same transaction; returns its number.
pub(super) fn remove_held(
    connection: &Connection,
    origin: &Origin,
) -> Result<Option<u32>, QueryError> {
    let query = "DELETE FROM request WHERE transaction_id = ? AND requester = ? RETURNING number";
    let values = (origin.transaction_id.as_str(), &origin.requester);
    rows::first(connection, query, values, |row| Ok(row.get(0)?))
}

/// The number for a further request that waits, unless too many wait.
pub(super) fn next_place(
    connection: &Connection,
    limit: usize,
) -> Result<Result<u32, Refusal>, QueryError> {
    let count = "SELECT count(*) FROM request WHERE denied = 0";
    let waiting: u32 = connection.prepare_cached(count)?.query_row([], |row| row.get(0))?;
    if usize::try_from(waiting).is_ok_and(|waiting| waiting >= limit) {
        return Ok(Err(Refusal::TooManyPending(limit)));
    }
    let next: i64 = connection
        .prepare_cached("SELECT next_request FROM ca")?
        .query_row([], |row| row.get(0))?;
    Ok(u32::try_from(next).map_err(|_| Refusal::NoNumberLeft))
}

/// Notes a challenge password as used. It is not used twice, because its claim is held meanwhile.
pub(super) fn use_challenge(
    connection: &Connection,
    challenge: Option<&str>,
    now: SystemTime,
) -> Result<(), QueryError> {
    let Some(challenge) = challenge else { return Ok(()) };
    let query = "UPDATE challenge SET used_at = ? WHERE sha256 = ? AND used_at IS NULL";
    let changed = connection.prepare_cached(query)?.execute((Moment::from(now), challenge))?;
    match changed {
        1 => Ok(()),
        _ => Err(QueryError::Damaged("an unused challenge password has gone".to_owned())),
    }
}
