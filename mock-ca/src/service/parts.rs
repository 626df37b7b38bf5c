//! Limits for the parts of a message: each part alone may make work, or stay in the memory of the server.

use der::{Any, Decode, oid::AssociatedOid};
use scep::{
    message::Message,
    request::Csr,
    server::{Body, Request},
};
use x509_cert::ext::pkix::SubjectAltName;

use super::Service;
use crate::refusal::{PartCount, Refusal};

impl Service {
    /// Refuses a message with a part that is larger than the limits allow.
    pub(super) fn expect_small_parts(
        &self,
        request: &Request,
        message: &Message,
    ) -> Result<(), Refusal> {
        let limits = &self.settings.limits.parts;
        let id = request.header.transaction_id.as_str();
        expect("characters in the transactionID", id.chars().count(), limits.transaction_id)?;
        expect("certificates in the message", message.certificates().len(), limits.certificates)?;
        match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => self.expect_small_csr(csr),
            Body::CertPoll(_) | Body::GetCert(_) | Body::GetCrl(_) => Ok(()),
        }
    }

    fn expect_small_csr(&self, csr: &Csr) -> Result<(), Refusal> {
        let limits = &self.settings.limits.parts;
        let subject = csr.subject().to_der()?.len();
        expect("bytes in the subject", subject, limits.subject_bytes)?;
        let names = csr.subject().entries().count();
        expect("attributes in the subject", names, limits.subject_attributes)?;
        expect("attributes in the request", csr.attribute_count, limits.attributes)?;
        expect("extensions in the request", csr.extensions.len(), limits.extensions)?;
        expect("names in the subjectAltName", alternative_names(csr), limits.alternative_names)
    }
}

fn expect(part: &'static str, count: usize, limit: usize) -> Result<(), Refusal> {
    let is_small = count <= limit;
    is_small.then_some(()).ok_or(Refusal::TooLarge(PartCount { part, count, limit }))
}

/// The number of names in all subjectAltName extensions; one that cannot be read has none.
fn alternative_names(csr: &Csr) -> usize {
    let extensions = csr.extensions.iter().filter(|one| one.extn_id == SubjectAltName::OID);
    let names = extensions.map(|one| Vec::<Any>::from_der(one.extn_value.as_bytes()));
    names.map(|names| names.map_or(0, |names| names.len())).sum()
}
