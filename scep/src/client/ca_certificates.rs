//! The CA's certificates and their purposes (RFC 8894 §2.1.2, §2.2, §4.2).

use std::time::SystemTime;

use openssl::{
    hash::MessageDigest,
    pkey::{HasPublic, PKeyRef},
    x509::{X509, X509Ref},
};

use super::{Refusal, Stage};
use crate::{
    certificate::{allows, invalidity, is_ca, is_issued_by, is_self_issued},
    certs_only,
    http::HttpResponse,
    key_usage::KeyUsage,
    name::to_text,
};

/// The contents of a GetCACert response: at least one CA certificate, and those of its RA.
#[derive(Clone, Debug)]
pub struct CaCertificates {
    /// The CA certificates: self-signed ones first, then the others, each in the order received.
    pub ca: Vec<X509>,
    /// The RA certificates, in the order received.
    pub ra: Vec<X509>,
}

impl CaCertificates {
    /// Reads a response by its body; its content type is used in error messages only.
    ///
    /// # Errors
    /// Fails if the body is neither a certificate nor a certs-only message, or has no CA certificate.
    pub fn read(response: &HttpResponse) -> Result<Self, Refusal> {
        let certificates = match X509::from_der(&response.body) {
            Ok(certificate) => vec![certificate],
            Err(_) => {
                certs_only::decode(&response.body)
                    .map_err(|error| unreadable(response, &error.to_string()))?
                    .certificates
            }
        };
        Self::sort(certificates)
    }

    /// Sorts certificates into those of CAs and of RAs. A certificate is a CA's if it says so, or if it is the only one and
    /// self-issued.
    ///
    /// # Errors
    /// Fails if there is no CA certificate among them.
    pub fn sort(certificates: Vec<X509>) -> Result<Self, Refusal> {
        let alone = certificates.len() == 1;
        let (mut ca, ra): (Vec<_>, Vec<_>) =
            certificates.into_iter().partition(|one| is_ca(one) || (alone && is_self_issued(one)));
        if ca.is_empty() {
            let text = "the response has no CA certificate";
            return Err(Refusal::unacceptable(Stage::GetCaCert, text));
        }
        ca.sort_by_key(|one| !is_self_issued(one));
        Ok(Self { ca, ra })
    }

    /// The certificate to encipher requests to: an RA's with keyEncipherment, or else the issuing CA's.
    pub fn recipient(&self) -> &X509Ref {
        self.ra
            .iter()
            .find(|one| allows(one, KeyUsage::KEY_ENCIPHERMENT))
            .map_or_else(|| self.issuer(), AsRef::as_ref)
    }

    /// The certificates that may sign replies: the RA's with digitalSignature and every CA's.
    pub fn signers(&self) -> Vec<&X509Ref> {
        let ra = self.ra.iter().filter(|one| allows(one, KeyUsage::DIGITAL_SIGNATURE));
        ra.chain(&self.ca).map(AsRef::as_ref).collect()
    }

    /// The issuing CA: the CA that has issued no other CA certificate here.
    pub fn issuer(&self) -> &X509Ref {
        let issued_another = |candidate: &X509| {
            self.ca.iter().any(|other| !is_self_issued(other) && is_issued_by(other, candidate))
        };
        self.ca.iter().find(|one| !issued_another(one)).unwrap_or(&self.ca[0])
    }

    /// The CA with this SHA-256 fingerprint, the CAs below it, and their RAs (RFC 8894 §2.2).
    ///
    /// All other certificates are dropped, because nothing shows that they belong to this CA.
    pub(super) fn trusted_by_fingerprint(self, fingerprint: &[u8]) -> Result<Self, Refusal> {
        let is_the_one = |one: &X509| {
            one.digest(MessageDigest::sha256()).is_ok_and(|digest| *digest == *fingerprint)
        };
        let (mut trusted, mut others): (Vec<_>, Vec<_>) = self.ca.into_iter().partition(is_the_one);
        if trusted.is_empty() {
            let text = "no CA certificate has the configured fingerprint";
            return Err(Refusal::unacceptable(Stage::GetCaCert, text));
        }
        let issued_by_one_of =
            |trusted: &[X509], one: &X509| trusted.iter().any(|ca| is_issued_by(one, ca));
        while let Some(at) = others.iter().position(|one| issued_by_one_of(&trusted, one)) {
            trusted.push(others.remove(at));
        }
        let mut ra = self.ra;
        ra.retain(|one| issued_by_one_of(&trusted, one));
        Ok(Self { ca: trusted, ra })
    }

    /// Checks that each certificate is signed by the CA it names, if that CA is among them, and that the recipient and the
    /// issuer are valid now (RFC 8894 §2.2).
    pub(super) fn check(&self, now: SystemTime) -> Result<(), Refusal> {
        for certificate in self.ca.iter().chain(&self.ra) {
            self.check_signature(certificate)?;
        }
        if !self.ra.is_empty() && !allows(self.recipient(), KeyUsage::KEY_ENCIPHERMENT) {
            let text = "neither an RA certificate nor the CA's allows keyEncipherment";
            return Err(Refusal::unacceptable(Stage::RaChoice, text));
        }
        check_validity(self.recipient(), now)?;
        check_validity(self.issuer(), now)
    }

    fn check_signature(&self, certificate: &X509Ref) -> Result<(), Refusal> {
        if self.ca.iter().any(|ca| is_issued_by(certificate, ca)) {
            return Ok(());
        }
        let subject = to_text(certificate.subject_name());
        match (is_ca(certificate), is_self_issued(certificate)) {
            // A chain may end below its root.
            (true, false) => Ok(()),
            (_, true) => {
                let text =
                    format!("the signature of the CA certificate `{subject}` does not verify");
                Err(Refusal::unacceptable(Stage::GetCaCert, text))
            }
            (false, false) => {
                let text = format!("the RA certificate `{subject}` is not issued by the CA");
                Err(Refusal::unacceptable(Stage::RaChoice, text))
            }
        }
    }

    /// The issued certificate: it has the requested key and is issued by this CA (RFC 8894 §3.3.2.1).
    ///
    /// # Errors
    /// Fails if no certificate has the key, or the one that has it is issued by another CA.
    pub fn issued<T: HasPublic>(
        &self,
        certificates: &[X509],
        key: &PKeyRef<T>,
    ) -> Result<X509, Refusal> {
        let refusal = |text| Refusal::unacceptable(Stage::Certificate, text);
        let carries_key =
            |one: &&X509| one.public_key().is_ok_and(|certified| certified.public_eq(key));
        let issued = certificates.iter().find(carries_key).ok_or_else(|| {
            refusal(match certificates {
                [] => "the reply holds no certificate".to_owned(),
                [other, ..] => format!(
                    "the certificate `{}` does not carry the requested key",
                    to_text(other.subject_name())
                ),
            })
        })?;
        if !self.ca.iter().any(|ca| is_issued_by(issued, ca)) {
            let stranger = to_text(issued.issuer_name());
            return Err(refusal(format!("the certificate's issuer `{stranger}` is not this CA")));
        }
        Ok(issued.clone())
    }
}

fn unreadable(response: &HttpResponse, error: &str) -> Refusal {
    let kind = response.content_type.as_deref().unwrap_or("no content type");
    let text = format!("neither a certificate nor a certs-only message ({kind}): {error}");
    Refusal::unacceptable(Stage::GetCaCert, text)
}

fn check_validity(certificate: &X509Ref, now: SystemTime) -> Result<(), Refusal> {
    let Some(reason) = invalidity(certificate, now) else { return Ok(()) };
    let subject = to_text(certificate.subject_name());
    let text = format!("the certificate `{subject}` {reason}");
    Err(Refusal::unacceptable(Stage::RaChoice, text))
}
