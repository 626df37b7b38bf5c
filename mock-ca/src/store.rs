//! The memory of the CA, and its copy on disk if there is a state directory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

use openssl::x509::X509;
use parking_lot::Mutex;
use scep::{attribute::TransactionId, request::Csr};
use time::OffsetDateTime;

use crate::{
    authority::Authority,
    profile::unix_time,
    record::{IssuedRecord, Origin, PendingRecord},
    refusal::Refusal,
    state::{StateDirectory, StateError},
    transaction::Transaction,
};

/// The issued certificates, the requests that wait, and the subjects that are taken.
pub(crate) struct Store {
    records: Mutex<Records>,
    /// Locked while a request is added to those that wait.
    holding: Mutex<()>,
    directory: Option<Arc<StateDirectory>>,
    pending_limit: usize,
}

#[derive(Default)]
struct Records {
    issued: Vec<Arc<IssuedRecord>>,
    /// Waiting and denied, in the order of arrival.
    held: Vec<Arc<PendingRecord>>,
    transactions: HashMap<TransactionId, Transaction>,
    names: Names,
    /// The next numbers; beyond 32 bits if none is left.
    next_issued: u64,
    next_held: u64,
}

/// The subjects, in DER, that have a certificate or are about to get one.
#[derive(Default)]
struct Names {
    valid_until: HashMap<Vec<u8>, OffsetDateTime>,
    claimed: HashSet<Vec<u8>>,
}

impl Store {
    /// Opens a store with the content of `directory`; the store is empty if there is no directory.
    pub(crate) fn open(
        directory: Option<Arc<StateDirectory>>,
        authority: &Authority,
        first_number: u32,
        pending_limit: usize,
    ) -> Result<Self, StateError> {
        let (next_issued, next_held) = (first_number.into(), 1);
        let mut records = Records { next_issued, next_held, ..Records::default() };
        if let Some(directory) = &directory {
            records.read(directory, authority)?;
        }
        let (records, holding) = (Mutex::new(records), Mutex::default());
        Ok(Self { records, holding, directory, pending_limit })
    }

    /// The number of the next certificate, which belongs to the caller from now on.
    pub(crate) fn take_number(&self) -> Result<u32, Refusal> {
        take(&mut self.records.lock().next_issued)
    }

    /// Stores an issued certificate; its transaction no longer waits. When this returns, a crash does not lose it.
    pub(crate) fn add_issued(
        &self,
        number: u32,
        origin: &Origin,
        certificate: &X509,
    ) -> Result<(), StateError> {
        let answers = self.records.lock().held_of(origin);
        let (origin, certificate) = (origin.clone(), certificate.clone());
        let record = IssuedRecord { number, origin, answers, revoked: None, certificate };
        self.keep(|directory| directory.write_issued(&record))?;
        self.records.lock().add_issued(Arc::new(record));
        self.remove_pending(answers);
        Ok(())
    }

    /// Lets a request wait for approval, unless it waits already, or has been decided meanwhile.
    pub(crate) fn hold(
        &self,
        origin: &Origin,
        csr: Arc<Csr>,
        now: SystemTime,
    ) -> Result<Transaction, Refusal> {
        // One after the other, so that copies of a request find the first one.
        let _alone = self.holding.lock();
        if let Some(known) = self.transaction(&origin.transaction_id)
            && known.is_repeated_by(origin, now)?
        {
            return Ok(known);
        }
        let number = self.records.lock().make_place(self.pending_limit)?;
        let record = PendingRecord { number, origin: origin.clone(), denied: false, csr };
        self.keep(|directory| directory.write_pending(&record))?;
        let (record, denied) = (Arc::new(record), self.records.lock().held_of(origin));
        self.records.lock().add_held(Arc::clone(&record));
        self.remove_pending(denied);
        Ok(Transaction::Held(record))
    }

    /// The state of a transaction, if it is known.
    pub(crate) fn transaction(&self, id: &TransactionId) -> Option<Transaction> {
        self.records.lock().transactions.get(id).cloned()
    }

    /// The requests that wait, oldest first.
    pub(crate) fn pending(&self) -> Vec<Arc<PendingRecord>> {
        self.records.lock().held.iter().filter(|held| !held.denied).cloned().collect()
    }

    /// The issued certificates, oldest first.
    pub(crate) fn issued(&self) -> Vec<Arc<IssuedRecord>> {
        self.records.lock().issued.clone()
    }

    /// Stores the revocation of a certificate.
    pub(crate) fn revoke(&self, record: &IssuedRecord, at: SystemTime) -> Result<(), StateError> {
        let revoked = IssuedRecord { revoked: Some(at), ..record.clone() };
        self.keep(|directory| directory.write_issued(&revoked))?;
        self.records.lock().replace_issued(Arc::new(revoked));
        Ok(())
    }

    /// Stores the denial of a request.
    pub(crate) fn deny(&self, denied: PendingRecord) -> Result<(), StateError> {
        self.keep(|directory| directory.write_pending(&denied))?;
        self.records.lock().add_held(Arc::new(denied));
        Ok(())
    }

    /// True if a subject has a certificate that is valid after `until`.
    pub(crate) fn is_name_taken(&self, name: &[u8], until: OffsetDateTime) -> bool {
        self.records.lock().names.is_taken(name, until)
    }

    /// Claims a subject until the claim is dropped; `None` if it has a certificate that is valid after `until`, or is claimed.
    pub(crate) fn claim_name(&self, name: Vec<u8>, until: OffsetDateTime) -> Option<NameClaim<'_>> {
        let mut records = self.records.lock();
        let names = &mut records.names;
        if names.is_taken(&name, until) || !names.claimed.insert(name.clone()) {
            return None;
        }
        Some(NameClaim { store: self, name })
    }

    /// Removes the file of a request that no longer waits. If that fails, it does no harm, because the certificate's file names
    /// the request.
    fn remove_pending(&self, number: Option<u32>) {
        if let (Some(directory), Some(number)) = (&self.directory, number) {
            let _ = directory.remove_pending(number);
        }
    }

    /// Writes to the directory, if there is one.
    fn keep(
        &self,
        write: impl FnOnce(&StateDirectory) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.directory.as_deref().map_or(Ok(()), write)
    }
}

impl Records {
    fn read(
        &mut self,
        directory: &StateDirectory,
        authority: &Authority,
    ) -> Result<(), StateError> {
        let mut answered = HashSet::new();
        for record in directory.read_issued()? {
            if !authority.has_signed(&record.certificate) {
                return Err(directory.damaged_issued(record.number, "this CA did not sign it"));
            }
            self.next_issued = self.next_issued.max(u64::from(record.number) + 1);
            answered.extend(record.answers);
            self.add_issued(Arc::new(record));
        }
        // A request that is held is newer than a certificate in the same transaction.
        for record in directory.read_pending()? {
            self.next_held = self.next_held.max(u64::from(record.number) + 1);
            if answered.contains(&record.number) {
                // The machine stopped after the certificate was written and before its request was removed.
                directory.remove_pending(record.number)?;
            } else {
                self.add_held(Arc::new(record));
            }
        }
        // The number of a request is not used again, because a certificate would then seem to answer two requests.
        let answered = answered.into_iter().map(|number| u64::from(number) + 1).max();
        self.next_held = self.next_held.max(answered.unwrap_or_default());
        Ok(())
    }

    /// The number of the request that is held in the same transaction.
    fn held_of(&self, origin: &Origin) -> Option<u32> {
        let held = self.held.iter().find(|held| held.origin.shares_transaction_with(origin));
        held.map(|held| held.number)
    }

    /// The number for a further request that waits, unless too many wait.
    fn make_place(&mut self, limit: usize) -> Result<u32, Refusal> {
        if self.held.iter().filter(|held| !held.denied).count() >= limit {
            return Err(Refusal::TooManyPending(limit));
        }
        take(&mut self.next_held)
    }

    fn add_issued(&mut self, record: Arc<IssuedRecord>) {
        let subject = record.certificate.subject_name().to_der();
        if let (Ok(name), Ok(end)) = (subject, unix_time(record.certificate.not_after())) {
            let latest = self.names.valid_until.entry(name).or_insert(end);
            *latest = end.max(*latest);
        }
        self.held.retain(|held| Some(held.number) != record.answers);
        self.note(Transaction::Issued(Arc::clone(&record)));
        self.issued.push(record);
    }

    /// Replaces the record with the same number.
    fn replace_issued(&mut self, record: Arc<IssuedRecord>) {
        let is_same = |one: &Arc<IssuedRecord>| one.number == record.number;
        if let Some(known) = self.transactions.get_mut(&record.origin.transaction_id)
            && matches!(known, Transaction::Issued(one) if is_same(one))
        {
            *known = Transaction::Issued(Arc::clone(&record));
        }
        if let Some(known) = self.issued.iter_mut().find(|one| is_same(one)) {
            *known = record;
        }
    }

    /// Adds a request; it replaces one in the same transaction.
    fn add_held(&mut self, record: Arc<PendingRecord>) {
        self.held.retain(|held| !held.origin.shares_transaction_with(&record.origin));
        self.note(Transaction::Held(Arc::clone(&record)));
        self.held.push(record);
        self.held.sort_by_key(|held| held.number);
    }

    /// Remembers a transaction, unless another requester has used its id before.
    fn note(&mut self, transaction: Transaction) {
        let origin = transaction.origin();
        let id = origin.transaction_id.clone();
        let known = self.transactions.get(&id);
        if known.is_none_or(|known| known.origin().shares_transaction_with(origin)) {
            self.transactions.insert(id, transaction);
        }
    }
}

impl Names {
    fn is_taken(&self, name: &[u8], until: OffsetDateTime) -> bool {
        self.valid_until.get(name).is_some_and(|end| *end > until)
    }
}

/// Takes the next number, if there is one.
fn take(next: &mut u64) -> Result<u32, Refusal> {
    let number = u32::try_from(*next).map_err(|_| Refusal::NoNumberLeft)?;
    *next += 1;
    Ok(number)
}

/// A claimed subject, for which no other request gets a certificate meanwhile.
pub(crate) struct NameClaim<'a> {
    store: &'a Store,
    name: Vec<u8>,
}

impl Drop for NameClaim<'_> {
    fn drop(&mut self) {
        self.store.records.lock().names.claimed.remove(&self.name);
    }
}

#[cfg(test)]
mod tests;
