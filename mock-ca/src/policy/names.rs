//! One certificate a name, as scepserver's depot has it.

use std::time::Duration;

use openssl::error::ErrorStack;
use time::OffsetDateTime;

use super::{Enrolment, Policy};
use crate::{profile::calendar, refusal::Refusal};

/// Refuses a name that has a certificate valid for longer than `window`, or is about to get one; a window of zero
/// refuses none.
pub(super) fn unique(window: Duration, next: Policy) -> Policy {
    if window.is_zero() {
        return next;
    }
    Box::new(move |site, enrolment| {
        let (name, until) = name_until(enrolment, window)?;
        // Held until the certificate is in the store.
        let _claim = site.store.claim_name(name, until).ok_or_else(|| duplicate(enrolment))?;
        next(site, enrolment)
    })
}

/// The same for a request that issues nothing yet, and so claims nothing: its copy must not meet it.
pub(super) fn untaken(window: Duration, next: Policy) -> Policy {
    if window.is_zero() {
        return next;
    }
    Box::new(move |site, enrolment| {
        let (name, until) = name_until(enrolment, window)?;
        if site.store.is_name_taken(&name, until) {
            return Err(duplicate(enrolment));
        }
        next(site, enrolment)
    })
}

fn name_until(
    enrolment: &Enrolment<'_>,
    window: Duration,
) -> Result<(Vec<u8>, OffsetDateTime), ErrorStack> {
    Ok((enrolment.csr.subject().to_der()?, calendar(enrolment.now) + window))
}

fn duplicate(enrolment: &Enrolment<'_>) -> Refusal {
    Refusal::DuplicateName(scep::name::to_text(enrolment.csr.subject()))
}
