//! What the CA's owner decides: about requests that wait, and about certificates that are to serve no longer.

use std::{sync::Arc, time::SystemTime};

use openssl::x509::X509;
use scep::attribute::TransactionId;

use super::Ca;
use crate::{authority::serial_text, record::PendingRecord, refusal::Refusal, state::StateError};

/// Why a request was not decided about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// No such request waits.
    #[error("no request with the transaction id `{0}` waits for a decision")]
    NothingPending(TransactionId),
    /// The certificate could not be issued.
    #[error("the certificate could not be issued: {0}")]
    NotIssued(String),
    /// The decision could not be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why a certificate was not revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// This CA issued none with this serial number.
    #[error("no certificate with the serial number `{}` was issued", .0.escape_debug())]
    NotIssued(String),
    /// It is revoked already.
    #[error("the certificate with the serial number `{0}` is revoked already")]
    Already(String),
    /// The revocation could not be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Ca {
    /// Issues the certificate that a waiting request asks for.
    ///
    /// # Errors
    /// When no such request waits, its name has got a certificate meanwhile and may have one only, or the certificate
    /// cannot be issued or kept; the request then waits on.
    pub fn approve(&self, transaction_id: &TransactionId) -> Result<X509, DecisionError> {
        let _alone = self.deciding.lock();
        let held = self.held(transaction_id)?;
        self.service.issue(&held.csr, &held.origin, SystemTime::now()).map_err(|refusal| {
            match refusal {
                Refusal::State(error) => DecisionError::State(error),
                other => DecisionError::NotIssued(other.to_string()),
            }
        })
    }

    /// Refuses a waiting request.
    ///
    /// # Errors
    /// When no such request waits, or the decision cannot be kept.
    pub fn deny(&self, transaction_id: &TransactionId) -> Result<(), DecisionError> {
        let _alone = self.deciding.lock();
        let held = self.held(transaction_id)?;
        Ok(self.service.store.deny(PendingRecord { denied: true, ..(*held).clone() })?)
    }

    /// Revokes an issued certificate: its holder can renew it no longer, and the revocation list names it (RFC 8894
    /// §2.7). `serial` is written as [`Issued::serial`] is; colons, small letters and leading zeros make no difference.
    ///
    /// # Errors
    /// When no such certificate was issued, it is revoked already, or that cannot be kept.
    pub fn revoke(&self, serial: &str) -> Result<(), RevocationError> {
        let _alone = self.deciding.lock();
        let mut issued = self.service.store.issued().into_iter();
        let digits = |text: &str| text.replace(':', "").trim_start_matches('0').to_uppercase();
        let record = issued.find(|one| digits(&serial_text(&one.certificate)) == digits(serial));
        let record = record.ok_or_else(|| RevocationError::NotIssued(serial.to_owned()))?;
        if record.revoked.is_some() {
            return Err(RevocationError::Already(serial.to_owned()));
        }
        Ok(self.service.store.revoke(&record, SystemTime::now())?)
    }

    fn held(&self, id: &TransactionId) -> Result<Arc<PendingRecord>, DecisionError> {
        let pending = self.service.store.pending();
        let held = pending.into_iter().find(|record| record.origin.transaction_id == *id);
        held.ok_or_else(|| DecisionError::NothingPending(id.clone()))
    }
}
