//! Rows of the database as records. A row that does not agree with the certificate or request in it is refused.

use std::{sync::Arc, time::SystemTime};

use openssl::{error::ErrorStack, sha::sha256, x509::X509};
use rusqlite::{Connection, Params, Row};
use scep::{attribute::TransactionId, name, request::Csr, secret::Secret};

use super::database::{Moment, QueryError};
use crate::{
    authority::{Succession, serial_text, subject_of},
    profile::unix_time,
    record::{IssuedRecord, Origin, PendingRecord, Revocation, RevocationReason},
};

/// The beginning of each query for [`issued`].
pub(crate) const ISSUED: &str = "SELECT number, transaction_id, requester, request, answers, revoked_at, der, serial, \
     subject, not_before, not_after, revocation_reason FROM certificate";

/// The beginning of each query for [`request`].
pub(crate) const REQUEST: &str = "SELECT number, transaction_id, requester, request, denied, der, subject, asked_at, ca FROM request";

/// The issued certificate in a row.
pub(crate) fn issued(row: &Row<'_>, authorities: &Succession) -> Result<IssuedRecord, QueryError> {
    let number = row.get(0)?;
    let unlike =
        |what: &str| QueryError::Damaged(format!("in `certificate`, number {number}: {what}"));
    let der = row.get_ref(6)?.as_blob().map_err(|_| unlike("its `der` is no blob"))?;
    let certificate = X509::from_der(der).map_err(|_| unlike("its `der` holds no certificate"))?;
    if !authorities.has_signed(&certificate) {
        return Err(unlike("this CA did not sign it"));
    }
    let columns: Columns = (row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?);
    if columns != columns_of(&certificate)? {
        return Err(unlike("its columns are not those of the certificate in it"));
    }
    let (origin, answers) = (origin(row)?, row.get(4)?);
    let reason = row.get::<_, Option<String>>(11)?;
    let reason = reason.map_or(Ok(RevocationReason::Unspecified), |reason| reason.parse());
    let reason = reason.map_err(|_| unlike("its reason of revocation is not known"))?;
    let revoked = row.get::<_, Option<Moment>>(5)?;
    let revoked = revoked.map(|at| Revocation { at: at.into(), reason });
    Ok(IssuedRecord { number, origin, answers, revoked, certificate })
}

/// Adds an issued certificate.
pub(crate) fn insert_issued(
    connection: &Connection,
    record: &IssuedRecord,
) -> Result<(), QueryError> {
    let (serial, subject, not_before, not_after) = columns_of(&record.certificate)?;
    let der = record.certificate.to_der().map_err(|error| unreadable(&error))?;
    let Origin { transaction_id, requester, request } = &record.origin;
    connection
        .prepare_cached("INSERT INTO certificate VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute((
            record.number,
            serial,
            subject,
            not_before,
            not_after,
            transaction_id.as_str(),
            requester,
            request,
            record.answers,
            record.revoked.map(|it| Moment::from(it.at)),
            record.revoked.map(|it| it.reason.as_str()),
            der,
        ))?;
    connection
        .prepare_cached(
            "UPDATE ca SET issued = issued + 1, next_certificate = max(next_certificate, ? + 1)",
        )?
        .execute([record.number])?;
    Ok(())
}

/// The request in a row.
pub(crate) fn request(row: &Row<'_>) -> Result<PendingRecord, QueryError> {
    let number = row.get(0)?;
    let unlike = |what: &str| QueryError::Damaged(format!("in `request`, number {number}: {what}"));
    let der = row.get_ref(5)?.as_blob().map_err(|_| unlike("its `der` is no blob"))?;
    let csr = Csr::from_der(der).map_err(|_| unlike("its `der` holds no certification request"))?;
    // Whatever its version: a personality may have accepted it.
    csr.verify_signature().map_err(|error| unlike(&error.to_string()))?;
    if row.get::<_, String>(6)? != name::to_text(csr.subject()) {
        return Err(unlike("its subject is not that of the request in it"));
    }
    let (origin, denied, csr) = (origin(row)?, row.get(4)?, Arc::new(csr));
    let (asked, ca) = (row.get::<_, Moment>(7)?.into(), row.get(8)?);
    Ok(PendingRecord { number, origin, denied, asked, ca, csr })
}

/// Adds a request; it replaces one in the same transaction.
pub(crate) fn insert_request(
    connection: &Connection,
    record: &PendingRecord,
) -> Result<(), QueryError> {
    let Origin { transaction_id, requester, request } = &record.origin;
    let subject = name::to_text(record.csr.subject());
    connection
        .prepare_cached("INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute((
            record.number,
            transaction_id.as_str(),
            subject,
            requester,
            request,
            record.denied,
            Moment::from(record.asked),
            record.ca,
            &record.csr.der,
        ))?;
    connection
        .prepare_cached("UPDATE ca SET next_request = max(next_request, ? + 1)")?
        .execute([record.number])?;
    Ok(())
}

/// When and how a challenge password came into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordOrigin {
    /// The CA made it at this time.
    Made(SystemTime),
    /// The owner gave it, at this time at first.
    Given(SystemTime),
}

/// Adds a challenge password, as its digest. One that is known stays as it is.
pub(crate) fn insert_challenge(
    connection: &Connection,
    password: &Secret,
    origin: PasswordOrigin,
    used: Option<SystemTime>,
) -> Result<(), QueryError> {
    let (made, given) = match origin {
        PasswordOrigin::Made(at) => (Some(at), None),
        PasswordOrigin::Given(at) => (None, Some(at)),
    };
    connection.prepare_cached("INSERT OR IGNORE INTO challenge VALUES (?, ?, ?, ?)")?.execute((
        digest_of(password),
        made.map(Moment::from),
        used.map(Moment::from),
        given.map(Moment::from),
    ))?;
    Ok(())
}

/// The SHA-256 digest of a challenge password, in hexadecimal. The time of a search for it says nothing about the password.
pub(crate) fn digest_of(password: &Secret) -> String {
    hex::encode(sha256(password.expose().as_bytes()))
}

/// The records in the rows of a query.
pub(crate) fn all<T>(
    connection: &Connection,
    query: &str,
    values: impl Params,
    record: impl Fn(&Row<'_>) -> Result<T, QueryError>,
) -> Result<Vec<T>, QueryError> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(values)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

/// The record in the first row of a query.
pub(crate) fn first<T>(
    connection: &Connection,
    query: &str,
    values: impl Params,
    record: impl Fn(&Row<'_>) -> Result<T, QueryError>,
) -> Result<Option<T>, QueryError> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(record).transpose()
}

/// The columns that repeat what is in a certificate: serial number, subject, begin and end of its validity.
type Columns = (String, String, Moment, Moment);

fn columns_of(certificate: &X509) -> Result<Columns, QueryError> {
    let time = |time| unix_time(time).map(Moment::from).map_err(|error| unreadable(&error));
    let validity = (time(certificate.not_before())?, time(certificate.not_after())?);
    Ok((serial_text(certificate), subject_of(certificate), validity.0, validity.1))
}

fn origin(row: &Row<'_>) -> Result<Origin, QueryError> {
    let transaction_id = TransactionId::new(row.get::<_, String>(1)?);
    Ok(Origin { transaction_id, requester: row.get(2)?, request: row.get(3)? })
}

fn unreadable(error: &ErrorStack) -> QueryError {
    QueryError::Damaged(format!("a certificate cannot be read ({})", scep::reasons(error)))
}
