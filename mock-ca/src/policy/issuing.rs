//! The innermost policy: issue.

use super::{Enrolment, Site, Verdict};
use crate::refusal::Refusal;

/// Issues the certificate and keeps it.
pub(super) fn issue(site: &Site, enrolment: &Enrolment<'_>) -> Result<Verdict, Refusal> {
    let csr = enrolment.csr;
    let profile = site.profiles.select(csr.key_usage());
    let number = site.store.take_number()?;
    let certificate = site.authority.issue(profile, csr, number, enrolment.now)?;
    site.store.add_issued(number, enrolment.origin, &certificate)?;
    Ok(Verdict::Issued(certificate))
}
