//! The certificates, requests and taken subjects of a CA, in its database.

mod check;
mod room;
mod steps;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use openssl::x509::X509;
use parking_lot::Mutex;
use scep::{attribute::TransactionId, request::Csr};
use time::OffsetDateTime;

use crate::{
    authority::Succession,
    profile::RevokedCertificate,
    record::{IssuedRecord, Origin, PendingRecord, Revocation},
    refusal::Refusal,
    settings::RenewalWindow,
    state::{
        Database, Moment, StateError,
        rows::{self, ISSUED, REQUEST},
    },
    transaction::Transaction,
};
use check::Checker;
use room::make_room;
use steps::{next_place, remove_held, transaction, use_challenge};

/// The issued certificates, the requests that wait, and the subjects that are taken.
pub(crate) struct Store {
    /// Dropped first, because it uses the database.
    checker: Option<Checker>,
    database: Arc<Database>,
    authorities: Arc<Succession>,
    /// The subjects, as text, that are about to get a certificate.
    claimed: Mutex<HashSet<String>>,
    /// The number of the next certificate; beyond 32 bits if none is left.
    next: AtomicU64,
    pending_limit: usize,
}

/// A request that waits, as its owner sees it.
pub(crate) struct Waiting {
    pub(crate) transaction_id: TransactionId,
    pub(crate) subject: String,
}

impl Store {
    /// Opens the store in a database, whose content is checked if it was on disk.
    pub(crate) fn open(
        database: Arc<Database>,
        authorities: Arc<Succession>,
        first_number: u32,
        pending_limit: usize,
    ) -> Result<Self, StateError> {
        let checker = (database.pages().is_none())
            .then(|| Checker::start(&database, &authorities))
            .transpose()?;
        let next: u32 = database.read(|connection| {
            Ok(connection.query_row("SELECT next_certificate FROM ca", [], |row| row.get(0))?)
        })?;
        let next = AtomicU64::new(next.max(first_number).into());
        let claimed = Mutex::default();
        Ok(Self { checker, database, authorities, claimed, next, pending_limit })
    }

    /// The number of the next certificate, which belongs to the caller from now on.
    pub(crate) fn take_number(&self) -> Result<u32, Refusal> {
        self.checker.as_ref().map_or(Ok(()), |checker| checker.expect_whole(&self.database))?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        u32::try_from(number).map_err(|_| Refusal::NoNumberLeft)
    }

    /// Stores an issued certificate; its transaction no longer waits, and its challenge password, given as the digest, is used.
    /// When this returns, a crash does not lose it.
    pub(crate) fn add_issued(
        &self,
        number: u32,
        origin: &Origin,
        certificate: &X509,
        challenge: Option<&str>,
        now: SystemTime,
    ) -> Result<(), StateError> {
        let (origin, certificate) = (origin.clone(), certificate.clone());
        let (challenge, pages) = (challenge.map(str::to_owned), self.database.pages());
        self.database.write(move |connection| {
            let answers = remove_held(connection, &origin)?;
            let record = IssuedRecord { number, origin, answers, revoked: None, certificate };
            rows::insert_issued(connection, &record)?;
            make_room(connection, pages)?;
            use_challenge(connection, challenge.as_deref(), now)
        })
    }

    /// Lets a request to the CA of this number wait for approval, unless it waits already, or has been decided meanwhile; its
    /// challenge password is then used.
    pub(crate) fn hold(
        &self,
        origin: &Origin,
        csr: Arc<Csr>,
        ca: u32,
        challenge: Option<&str>,
        now: SystemTime,
    ) -> Result<Transaction, Refusal> {
        let (origin, challenge) = (origin.clone(), challenge.map(str::to_owned));
        let (authorities, limit) = (Arc::clone(&self.authorities), self.pending_limit);
        // An eighth is left for the certificates of the requests that wait.
        let pages = self.database.pages().map(|pages| pages - pages / 8);
        // Copies of a request find the first one, because all changes are made one after the other.
        self.database.write(move |connection| {
            if let Some(known) = transaction(connection, &authorities, &origin.transaction_id)? {
                match known.is_repeated_by(&origin, now) {
                    Ok(false) => {}
                    Ok(true) => return Ok(Ok(known)),
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
            let number = match next_place(connection, limit)? {
                Ok(number) => number,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let record = PendingRecord { number, origin, denied: false, asked: now, ca, csr };
            rows::insert_request(connection, &record)?;
            make_room(connection, pages)?;
            use_challenge(connection, challenge.as_deref(), now)?;
            Ok(Ok(Transaction::Held(Arc::new(record))))
        })?
    }

    /// The state of a transaction, if it is known.
    pub(crate) fn transaction(
        &self,
        id: &TransactionId,
    ) -> Result<Option<Transaction>, StateError> {
        self.database.read(|connection| transaction(connection, &self.authorities, id))
    }

    /// The request that waits in a transaction, the oldest if there are several.
    pub(crate) fn waiting(&self, id: &TransactionId) -> Result<Option<PendingRecord>, StateError> {
        let query =
            format!("{REQUEST} WHERE transaction_id = ? AND denied = 0 ORDER BY number LIMIT 1");
        self.database
            .read(|connection| rows::first(connection, &query, [id.as_str()], rows::request))
    }

    /// The requests that wait and came no later than `asked`, oldest first, as many as `count` at most.
    pub(crate) fn waiting_until(
        &self,
        asked: SystemTime,
        count: u32,
    ) -> Result<Vec<PendingRecord>, StateError> {
        let query = format!("{REQUEST} WHERE denied = 0 AND asked_at <= ? ORDER BY number LIMIT ?");
        let values = (Moment::from(asked), count);
        self.database.read(|connection| rows::all(connection, &query, values, rows::request))
    }

    /// The time at which the oldest request came that waits.
    pub(crate) fn oldest_waiting(&self) -> Result<Option<SystemTime>, StateError> {
        let query = "SELECT min(asked_at) FROM request WHERE denied = 0";
        self.database.read(|connection| {
            let asked: Option<Moment> =
                connection.prepare_cached(query)?.query_row([], |row| row.get(0))?;
            Ok(asked.map(Into::into))
        })
    }

    /// The requests that wait, oldest first.
    pub(crate) fn pending(&self) -> Result<Vec<Waiting>, StateError> {
        let query = "SELECT transaction_id, subject FROM request WHERE denied = 0 ORDER BY number";
        let waiting = |row: &rusqlite::Row<'_>| {
            let transaction_id = TransactionId::new(row.get::<_, String>(0)?);
            Ok(Waiting { transaction_id, subject: row.get(1)? })
        };
        self.database.read(|connection| rows::all(connection, query, [], waiting))
    }

    /// The issued certificates, oldest first.
    pub(crate) fn issued(&self) -> Result<Vec<IssuedRecord>, StateError> {
        let query = format!("{ISSUED} ORDER BY number");
        self.database.read(|connection| {
            rows::all(connection, &query, [], |row| rows::issued(row, &self.authorities))
        })
    }

    /// The issued certificate with this serial number in hexadecimal, whatever its case and however many leading zeros it has.
    pub(crate) fn find(&self, serial: &str) -> Result<Option<IssuedRecord>, StateError> {
        let digits = serial.trim_start_matches('0').to_ascii_uppercase();
        let query = format!("{ISSUED} WHERE serial IN (?1, '0' || ?1)");
        self.database.read(|connection| {
            rows::first(connection, &query, [&digits], |row| rows::issued(row, &self.authorities))
        })
    }

    /// The revoked certificates, oldest first.
    pub(crate) fn revoked(&self) -> Result<Vec<RevokedCertificate>, StateError> {
        let query = format!("{ISSUED} WHERE revoked_at IS NOT NULL ORDER BY number");
        let records = self.database.read(|connection| {
            rows::all(connection, &query, [], |row| rows::issued(row, &self.authorities))
        })?;
        let revoked = records.into_iter();
        let revoked = revoked.filter_map(|IssuedRecord { certificate, revoked, .. }| {
            let Revocation { at, reason } = revoked?;
            Some(RevokedCertificate { certificate, at, reason: reason.code() })
        });
        Ok(revoked.collect())
    }

    /// Stores the revocation of a certificate.
    pub(crate) fn revoke(&self, number: u32, revocation: Revocation) -> Result<(), StateError> {
        let Revocation { at, reason } = revocation;
        self.database.write(move |connection| {
            let query =
                "UPDATE certificate SET revoked_at = ?, revocation_reason = ? WHERE number = ?";
            let values = (Moment::from(at), reason.as_str(), number);
            Ok(connection.execute(query, values).map(drop)?)
        })
    }

    /// Stores the denial of a request.
    pub(crate) fn deny(&self, number: u32) -> Result<(), StateError> {
        self.database.write(move |connection| {
            let query = "UPDATE request SET denied = 1 WHERE number = ?";
            Ok(connection.execute(query, [number]).map(drop)?)
        })
    }

    /// True if a subject has a certificate that may not be renewed yet.
    pub(crate) fn is_name_taken(
        &self,
        name: &str,
        window: RenewalWindow,
        now: OffsetDateTime,
    ) -> Result<bool, StateError> {
        self.database.read(|connection| {
            let query =
                "SELECT not_before, not_after FROM certificate WHERE subject = ? AND not_after > ?";
            let begin = |row: &rusqlite::Row<'_>| {
                let (from, until): (Moment, Moment) = (row.get(0)?, row.get(1)?);
                Ok(window.begin(from.into(), until.into()))
            };
            let begins = rows::all(connection, query, (name, Moment::from(now)), begin)?;
            Ok(begins.into_iter().any(|begin| now < begin))
        })
    }

    /// Claims a subject until the claim is dropped; `None` if it has a certificate that may not be renewed yet, or is claimed.
    pub(crate) fn claim_name(
        &self,
        name: String,
        window: RenewalWindow,
        now: OffsetDateTime,
    ) -> Result<Option<NameClaim<'_>>, StateError> {
        if !self.claimed.lock().insert(name.clone()) {
            return Ok(None);
        }
        // Only now, because a claim that has just been dropped has left a certificate.
        let claim = NameClaim { store: self, name };
        let is_taken = self.is_name_taken(&claim.name, window, now)?;
        Ok((!is_taken).then_some(claim))
    }
}

/// A claimed subject, for which no other request gets a certificate meanwhile.
pub(crate) struct NameClaim<'a> {
    store: &'a Store,
    name: String,
}

impl Drop for NameClaim<'_> {
    fn drop(&mut self) {
        self.store.claimed.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests;
