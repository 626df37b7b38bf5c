//! Everything the CA remembers, in memory and, where there is a state directory, on disk.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use openssl::{error::ErrorStack, hash::MessageDigest, x509::X509Ref};
use scep::attribute::TransactionId;
use time::OffsetDateTime;

use crate::{
    authority::Authority,
    hexadecimal,
    profile::{PublicKeyInfo, unix_time},
    refusal::Refusal,
    state::{IssuedRecord, PendingRecord, StateDirectory, StateError},
};

/// What the CA remembers: certificates issued, requests pending, and the names taken.
pub(crate) struct Store {
    records: Mutex<Records>,
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
    next_issued: u32,
    next_held: u32,
}

/// Which subjects, in DER, have a certificate, or are about to get one.
#[derive(Default)]
struct Names {
    valid_until: HashMap<Vec<u8>, OffsetDateTime>,
    claimed: HashSet<Vec<u8>>,
}

/// What became of a transaction.
#[derive(Clone)]
pub(crate) enum Transaction {
    /// It waits for a decision, or was denied.
    Held(Arc<PendingRecord>),
    /// It got its certificate.
    Issued(Arc<IssuedRecord>),
}

impl Store {
    /// An empty store, or what the directory holds.
    pub(crate) fn open(
        directory: Option<Arc<StateDirectory>>,
        authority: &Authority,
        first_number: u32,
        pending_limit: usize,
    ) -> Result<Self, StateError> {
        let mut records = Records { next_issued: first_number, ..Records::default() };
        if let Some(directory) = &directory {
            records.read(directory, authority)?;
        }
        Ok(Self { records: Mutex::new(records), directory, pending_limit })
    }

    /// The number of the next certificate, taken by the caller.
    pub(crate) fn take_number(&self) -> u32 {
        let mut records = self.lock();
        let number = records.next_issued;
        records.next_issued += 1;
        number
    }

    /// Keeps an issued certificate; when this returns, a crash no longer loses it.
    pub(crate) fn add_issued(&self, record: IssuedRecord) -> Result<(), StateError> {
        if let Some(directory) = &self.directory {
            directory.write_issued(&record)?;
        }
        self.lock().add_issued(Arc::new(record));
        Ok(())
    }

    /// Lets a request wait for a decision.
    pub(crate) fn hold(&self, make: impl FnOnce(u32) -> PendingRecord) -> Result<(), Refusal> {
        let number = {
            let mut records = self.lock();
            if records.held.iter().filter(|held| !held.denied).count() >= self.pending_limit {
                return Err(Refusal::TooManyPending(self.pending_limit));
            }
            records.next_held += 1;
            records.next_held
        };
        let record = make(number);
        if let Some(directory) = &self.directory {
            directory.write_pending(&record)?;
        }
        self.lock().add_held(Arc::new(record));
        Ok(())
    }

    /// What became of a transaction, if it is known.
    pub(crate) fn transaction(&self, id: &TransactionId) -> Option<Transaction> {
        self.lock().transactions.get(id).cloned()
    }

    /// The requests that wait, oldest first.
    pub(crate) fn pending(&self) -> Vec<Arc<PendingRecord>> {
        self.lock().held.iter().filter(|held| !held.denied).cloned().collect()
    }

    /// The certificates issued, oldest first.
    pub(crate) fn issued(&self) -> Vec<Arc<IssuedRecord>> {
        self.lock().issued.clone()
    }

    /// Notes that a request was denied.
    pub(crate) fn deny(&self, denied: PendingRecord) -> Result<(), StateError> {
        if let Some(directory) = &self.directory {
            directory.write_pending(&denied)?;
        }
        let mut records = self.lock();
        records.held.retain(|held| held.number != denied.number);
        records.add_held(Arc::new(denied));
        Ok(())
    }

    /// Forgets a request that got its certificate.
    pub(crate) fn release(&self, number: u32) -> Result<(), StateError> {
        self.lock().held.retain(|held| held.number != number);
        self.directory.as_ref().map_or(Ok(()), |directory| directory.remove_pending(number))
    }

    /// Claims a name until the claim is dropped; `None` when it has a certificate valid beyond `until`, or is claimed.
    pub(crate) fn claim_name(&self, name: Vec<u8>, until: OffsetDateTime) -> Option<NameClaim<'_>> {
        let mut records = self.lock();
        let names = &mut records.names;
        let taken = names.valid_until.get(&name).is_some_and(|end| *end > until);
        if taken || !names.claimed.insert(name.clone()) {
            return None;
        }
        Some(NameClaim { store: self, name })
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // Each change is made in one step under the lock, so a panic elsewhere leaves nothing half done.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn read(
        &mut self,
        directory: &StateDirectory,
        authority: &Authority,
    ) -> Result<(), StateError> {
        for record in directory.read_pending()? {
            self.next_held = self.next_held.max(record.number);
            self.add_held(Arc::new(record));
        }
        for record in directory.read_issued()? {
            if !authority.has_signed(&record.certificate) {
                return Err(directory.damaged_issued(record.number, "this CA did not sign it"));
            }
            self.next_issued = self.next_issued.max(record.number.saturating_add(1));
            self.forget_held(&record, directory)?;
            self.add_issued(Arc::new(record));
        }
        Ok(())
    }

    /// The machine may have stopped between the certificate's being written and its request's being removed.
    fn forget_held(
        &mut self,
        issued: &IssuedRecord,
        directory: &StateDirectory,
    ) -> Result<(), StateError> {
        match self.transactions.get(&issued.transaction_id) {
            Some(Transaction::Held(held)) if is_of(issued, held) => {
                let number = held.number;
                self.held.retain(|held| held.number != number);
                directory.remove_pending(number)
            }
            _ => Ok(()),
        }
    }

    fn add_issued(&mut self, record: Arc<IssuedRecord>) {
        let subject = record.certificate.subject_name().to_der();
        if let (Ok(name), Ok(end)) = (subject, unix_time(record.certificate.not_after())) {
            let latest = self.names.valid_until.entry(name).or_insert(end);
            *latest = end.max(*latest);
        }
        let transaction = Transaction::Issued(Arc::clone(&record));
        self.transactions.insert(record.transaction_id.clone(), transaction);
        self.issued.push(record);
    }

    fn add_held(&mut self, record: Arc<PendingRecord>) {
        let transaction = Transaction::Held(Arc::clone(&record));
        self.transactions.insert(record.transaction_id.clone(), transaction);
        self.held.push(record);
        self.held.sort_by_key(|held| held.number);
    }
}

/// A name that nobody else gets a certificate for meanwhile.
pub(crate) struct NameClaim<'a> {
    store: &'a Store,
    name: Vec<u8>,
}

impl Drop for NameClaim<'_> {
    fn drop(&mut self) {
        self.store.lock().names.claimed.remove(&self.name);
    }
}

/// The digest by which the signer of a request is known again.
pub(crate) fn requester_of(signer: &X509Ref) -> Result<String, ErrorStack> {
    let certificate = signer.to_der()?;
    let key = match PublicKeyInfo::of_certificate(&certificate) {
        Some(key) => key,
        None => PublicKeyInfo::of_key(&*signer.public_key()?)?,
    };
    let digest = openssl::hash::hash(MessageDigest::sha256(), key.whole())?;
    Ok(hexadecimal::lower(&digest))
}

fn is_of(issued: &IssuedRecord, held: &PendingRecord) -> bool {
    let certified = issued.certificate.public_key();
    issued.requester == held.requester
        && certified.is_ok_and(|key| key.public_eq(held.csr.public_key()))
}
