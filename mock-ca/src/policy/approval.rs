//! Waiting for a person's decision.

use std::sync::Arc;

use scep::request::Csr;

use super::{Policy, Verdict};
use crate::state::PendingRecord;

/// Lets every request wait.
pub(super) fn hold() -> Policy {
    Box::new(|site, enrolment| {
        let csr = Csr::from_der(enrolment.csr.to_der()).map(Arc::new)?;
        site.store.hold(|number| PendingRecord {
            number,
            transaction_id: enrolment.transaction_id.clone(),
            requester: enrolment.requester.to_owned(),
            denied: false,
            csr,
        })?;
        Ok(Verdict::Pending)
    })
}
