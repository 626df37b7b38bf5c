//! The state of a transaction, and the meaning of a further message in it.

use std::{sync::Arc, time::SystemTime};

use crate::{
    profile::{calendar, unix_time},
    record::{IssuedRecord, Origin, PendingRecord},
    refusal::Refusal,
};

/// The state of a transaction.
#[derive(Clone)]
pub(crate) enum Transaction {
    /// The request waits for approval, or was denied.
    Held(Arc<PendingRecord>),
    /// The certificate was issued.
    Issued(Arc<IssuedRecord>),
}

impl Transaction {
    /// The newest request.
    pub(crate) fn origin(&self) -> &Origin {
        match self {
            Self::Held(held) => &held.origin,
            Self::Issued(issued) => &issued.origin,
        }
    }

    /// Refuses a sender with another key than the requester.
    pub(crate) fn expect_requester(&self, requester: &str) -> Result<(), Refusal> {
        let is_theirs = self.origin().requester == requester;
        is_theirs.then_some(()).ok_or(Refusal::NotTheRequester)
    }

    /// True if the request is that of this transaction, sent again, as some clients do to poll. Another request begins the
    /// transaction again, unless the first still waits.
    pub(crate) fn is_repeated_by(&self, origin: &Origin, now: SystemTime) -> Result<bool, Refusal> {
        self.expect_requester(&origin.requester)?;
        let is_same = self.origin() == origin;
        match self {
            Self::Held(held) if !held.denied && !is_same => Err(Refusal::AnotherRequestWaits),
            Self::Held(_) => Ok(is_same),
            Self::Issued(issued) => {
                let end = unix_time(issued.certificate.not_after());
                Ok(is_same && !end.is_ok_and(|end| end < calendar(now)))
            }
        }
    }
}
