//! The innermost policy: issue.

use super::{Enrolment, Site, Verdict};
use crate::{refusal::Refusal, state::IssuedRecord};

/// Issues the certificate and keeps it.
pub(crate) fn issue(site: &Site, enrolment: &Enrolment<'_>) -> Result<Verdict, Refusal> {
    let csr = enrolment.csr;
    let profile = site.profiles.select(csr.key_usage());
    let number = site.store.take_number();
    let certificate = site.authority.issue(profile, csr, number, enrolment.now)?;
    site.store.add_issued(IssuedRecord {
        number,
        transaction_id: enrolment.transaction_id.clone(),
        requester: enrolment.requester.to_owned(),
        certificate: certificate.clone(),
    })?;
    Ok(Verdict::Issued(certificate))
}
