//! Waiting for a person's decision.

use std::sync::Arc;

use scep::request::Csr;

use super::{Policy, Verdict};

/// Lets every request wait.
pub(super) fn hold() -> Policy {
    Box::new(|site, enrolment| {
        let csr = Csr::from_der(enrolment.csr.to_der()).map(Arc::new)?;
        Verdict::of(&site.store.hold(enrolment.origin, csr, enrolment.now)?)
    })
}
