//! Decisions of the CA's owner: approval, denial and revocation.

use openssl::x509::X509;
use scep::attribute::TransactionId;

use super::Ca;
use crate::{
    authority::serial_text,
    record::{PendingRecord, Revocation, RevocationReason},
    refusal::Refusal,
    state::StateError,
};

/// The reason why a request was not decided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// No request with this transaction id waits.
    #[error("no request with the transaction id `{0}` waits for a decision")]
    NothingPending(TransactionId),
    /// The certificate could not be issued.
    #[error("the certificate could not be issued: {0}")]
    NotIssued(String),
    /// The state could not be written.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The reason why a certificate was not revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// This CA issued no certificate with this serial number.
    #[error("no certificate with the serial number `{}` was issued", .0.escape_debug())]
    NotIssued(String),
    /// The certificate is revoked already.
    #[error("the certificate with the serial number `{0}` is revoked already")]
    Already(String),
    /// The state could not be written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Ca {
    /// Issues the certificate that a waiting request asks for.
    ///
    /// # Errors
    /// If no such request waits, its subject may have only one certificate and has it meanwhile, or the certificate cannot be
    /// issued or written to the state. The request then continues to wait.
    pub fn approve(&self, transaction_id: &TransactionId) -> Result<X509, DecisionError> {
        self.service.settle(self.clock().now())?;
        let _alone = self.service.deciding.lock();
        let held = self.held(transaction_id)?;
        let now = self.clock().now();
        let authority = self.service.authorities.numbered(held.ca, now);
        let issued = self.service.issue(&held.csr, &held.origin, &authority, None, now);
        issued.map_err(|refusal| match refusal {
            Refusal::State(error) => DecisionError::State(error),
            other => DecisionError::NotIssued(other.to_string()),
        })
    }

    /// Refuses a waiting request.
    ///
    /// # Errors
    /// If no such request waits, or the state cannot be written.
    pub fn deny(&self, transaction_id: &TransactionId) -> Result<(), DecisionError> {
        self.service.settle(self.clock().now())?;
        let _alone = self.service.deciding.lock();
        let held = self.held(transaction_id)?;
        Ok(self.service.store.deny(held.number)?)
    }

    /// Revokes an issued certificate: it can no longer be renewed, and the revocation list contains it (RFC 8894 §2.7).
    /// `serial` has the form of [`Issued::serial`](crate::Issued::serial); colons, small letters and leading zeros make no difference.
    /// The list of the CA that issued it is made anew, and has the reason.
    ///
    /// # Errors
    /// If no such certificate was issued, it is revoked already, or the state cannot be written.
    pub fn revoke(&self, serial: &str) -> Result<(), RevocationError> {
        self.revoke_for(serial, RevocationReason::Unspecified)
    }

    /// The same with a reason, which the revocation list has (RFC 5280 §5.3.1).
    ///
    /// # Errors
    /// The same as those of [`Ca::revoke`].
    pub fn revoke_for(
        &self,
        serial: &str,
        reason: RevocationReason,
    ) -> Result<(), RevocationError> {
        let _alone = self.service.deciding.lock();
        let record = self.service.store.find(&serial.replace(':', ""))?;
        let record = record.ok_or_else(|| RevocationError::NotIssued(serial.to_owned()))?;
        if record.revoked.is_some() {
            return Err(RevocationError::Already(serial_text(&record.certificate)));
        }
        let revocation = Revocation { at: self.clock().now(), reason };
        Ok(self.service.store.revoke(record.number, revocation)?)
    }

    fn held(&self, id: &TransactionId) -> Result<PendingRecord, DecisionError> {
        self.service.store.waiting(id)?.ok_or_else(|| DecisionError::NothingPending(id.clone()))
    }
}
