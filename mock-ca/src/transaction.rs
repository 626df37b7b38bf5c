//! What became of a transaction, and what a further message in it means.

use std::{sync::Arc, time::SystemTime};

use crate::{
    profile::{calendar, unix_time},
    record::{IssuedRecord, Origin, PendingRecord},
    refusal::Refusal,
};

/// What became of a transaction.
#[derive(Clone)]
pub(crate) enum Transaction {
    /// It waits for a decision, or was denied.
    Held(Arc<PendingRecord>),
    /// It got its certificate.
    Issued(Arc<IssuedRecord>),
}

impl Transaction {
    /// The request that began it, or the newest one.
    pub(crate) fn origin(&self) -> &Origin {
        match self {
            Self::Held(held) => &held.origin,
            Self::Issued(issued) => &issued.origin,
        }
    }

    /// Refuses whoever has another key than the requester.
    pub(crate) fn expect_requester(&self, requester: &str) -> Result<(), Refusal> {
        let is_theirs = self.origin().requester == requester;
        is_theirs.then_some(()).ok_or(Refusal::NotTheRequester)
    }

    /// Whether a request is the one of this transaction, sent again: some clients poll so. One that is not may begin the
    /// transaction anew, unless the first still waits.
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
