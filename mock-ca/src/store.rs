//! Everything the CA remembers, in memory and, where there is a state directory, on disk.

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

/// What the CA remembers: certificates issued, requests pending, and the names taken.
pub(crate) struct Store {
    records: Mutex<Records>,
    /// Held while a request is added to those that wait.
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
    /// The next numbers; beyond 32 bits when none is left.
    next_issued: u64,
    next_held: u64,
}

/// Which subjects, in DER, have a certificate, or are about to get one.
#[derive(Default)]
struct Names {
    valid_until: HashMap<Vec<u8>, OffsetDateTime>,
    claimed: HashSet<Vec<u8>>,
}

impl Store {
    /// An empty store, or what the directory holds.
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

    /// The number of the next certificate, taken by the caller.
    pub(crate) fn take_number(&self) -> Result<u32, Refusal> {
        take(&mut self.records.lock().next_issued)
    }

    /// Keeps an issued certificate, which ends its transaction's wait; when this returns, a crash no longer loses it.
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

    /// Lets a request wait for a decision, unless it waits already, or has been decided about meanwhile.
    pub(crate) fn hold(
        &self,
        origin: &Origin,
        csr: Arc<Csr>,
        now: SystemTime,
    ) -> Result<Transaction, Refusal> {
        // One after the other, so that the copies of a request find the first of them.
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

    /// What became of a transaction, if it is known.
    pub(crate) fn transaction(&self, id: &TransactionId) -> Option<Transaction> {
        self.records.lock().transactions.get(id).cloned()
    }

    /// The requests that wait, oldest first.
    pub(crate) fn pending(&self) -> Vec<Arc<PendingRecord>> {
        self.records.lock().held.iter().filter(|held| !held.denied).cloned().collect()
    }

    /// The certificates issued, oldest first.
    pub(crate) fn issued(&self) -> Vec<Arc<IssuedRecord>> {
        self.records.lock().issued.clone()
    }

    /// Notes that a certificate is revoked.
    pub(crate) fn revoke(&self, record: &IssuedRecord, at: SystemTime) -> Result<(), StateError> {
        let revoked = IssuedRecord { revoked: Some(at), ..record.clone() };
        self.keep(|directory| directory.write_issued(&revoked))?;
        self.records.lock().replace_issued(Arc::new(revoked));
        Ok(())
    }

    /// Notes that a request was denied.
    pub(crate) fn deny(&self, denied: PendingRecord) -> Result<(), StateError> {
        self.keep(|directory| directory.write_pending(&denied))?;
        self.records.lock().add_held(Arc::new(denied));
        Ok(())
    }

    /// Whether a name has a certificate valid beyond `until`.
    pub(crate) fn is_name_taken(&self, name: &[u8], until: OffsetDateTime) -> bool {
        self.records.lock().names.is_taken(name, until)
    }

    /// Claims a name until the claim is dropped; `None` when it has a certificate valid beyond `until`, or is claimed.
    pub(crate) fn claim_name(&self, name: Vec<u8>, until: OffsetDateTime) -> Option<NameClaim<'_>> {
        let mut records = self.records.lock();
        let names = &mut records.names;
        if names.is_taken(&name, until) || !names.claimed.insert(name.clone()) {
            return None;
        }
        Some(NameClaim { store: self, name })
    }

    /// Removes the file of a request that waits no longer. The certificate that took its place says so, too, and so a
    /// file that cannot be removed does no harm.
    fn remove_pending(&self, number: Option<u32>) {
        if let (Some(directory), Some(number)) = (&self.directory, number) {
            let _ = directory.remove_pending(number);
        }
    }

    /// Writes what is to last to the directory, if there is one.
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
        // Whatever is held is newer than what was issued in its transaction.
        for record in directory.read_pending()? {
            self.next_held = self.next_held.max(u64::from(record.number) + 1);
            if answered.contains(&record.number) {
                // The machine stopped between the certificate's being written and its request's being removed.
                directory.remove_pending(record.number)?;
            } else {
                self.add_held(Arc::new(record));
            }
        }
        // The number of a request is not given again, or a certificate would seem to answer two.
        let answered = answered.into_iter().map(|number| u64::from(number) + 1).max();
        self.next_held = self.next_held.max(answered.unwrap_or_default());
        Ok(())
    }

    /// The number of what is held in the same transaction.
    fn held_of(&self, origin: &Origin) -> Option<u32> {
        let held = self.held.iter().find(|held| held.origin.shares_transaction_with(origin));
        held.map(|held| held.number)
    }

    /// The number of a further request that waits, if one may.
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

    /// Takes the place of the record of the same number.
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

    /// Takes the place of what is held under the same id.
    fn add_held(&mut self, record: Arc<PendingRecord>) {
        self.held.retain(|held| !held.origin.shares_transaction_with(&record.origin));
        self.note(Transaction::Held(Arc::clone(&record)));
        self.held.push(record);
        self.held.sort_by_key(|held| held.number);
    }

    /// Whoever used a transaction id first keeps it.
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

/// The next number, if there is one.
fn take(next: &mut u64) -> Result<u32, Refusal> {
    let number = u32::try_from(*next).map_err(|_| Refusal::NoNumberLeft)?;
    *next += 1;
    Ok(number)
}

/// A name that nobody else gets a certificate for meanwhile.
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
