//! One certificate a name, as scepserver's depot has it.

use std::time::Duration;

use super::Policy;
use crate::{profile::calendar, refusal::Refusal};

/// Refuses a name that has a certificate valid for longer than `window`; a window of zero refuses none.
pub(super) fn unique(window: Duration, next: Policy) -> Policy {
    if window.is_zero() {
        return next;
    }
    Box::new(move |site, enrolment| {
        let subject = enrolment.csr.subject();
        let until = calendar(enrolment.now) + window;
        let claim = site.store.claim_name(subject.to_der()?, until);
        // Held until the certificate is in the store.
        let _claim = claim.ok_or_else(|| Refusal::DuplicateName(scep::name::to_text(subject)))?;
        next(site, enrolment)
    })
}
