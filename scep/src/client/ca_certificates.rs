//! The CA's certificates, and which of them is for what (RFC 8894 §2.1.2, §2.2, §4.2).

use std::{
    cmp::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};

use der::Decode;
use openssl::{
    asn1::Asn1Time,
    hash::MessageDigest,
    pkey::{HasPublic, PKeyRef},
    x509::{X509, X509Ref},
};

use super::{Refusal, Stage};
use x509_cert::{
    certificate::{CertificateInner, Raw},
    ext::pkix::BasicConstraints,
};

use crate::{certs_only, http::HttpResponse, key_usage::KeyUsage, name::to_text};

const EXCHANGE: &str = "GetCACert";

/// What a GetCACert response held: at least one CA certificate, and those of its RA.
#[derive(Clone, Debug)]
pub struct CaCertificates {
    /// The CA certificates: self-signed ones first, then the others, each in the order received.
    pub ca: Vec<X509>,
    /// The RA certificates, in the order received.
    pub ra: Vec<X509>,
}

impl CaCertificates {
    /// Reads a response by what it holds; the content type only serves the words of an error.
    ///
    /// # Errors
    /// When it is neither a certificate nor a certs-only message, or has no CA certificate.
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

    /// A certificate is a CA's when it says so, or when it is alone and signed by itself.
    fn sort(certificates: Vec<X509>) -> Result<Self, Refusal> {
        let alone = certificates.len() == 1;
        let (mut ca, ra): (Vec<_>, Vec<_>) =
            certificates.into_iter().partition(|one| is_ca(one) || (alone && is_self_issued(one)));
        if ca.is_empty() {
            let text = "there is no CA certificate among them";
            return Err(Refusal::unacceptable(Stage::GetCaCert, EXCHANGE, text));
        }
        ca.sort_by_key(|one| !is_self_issued(one));
        Ok(Self { ca, ra })
    }

    /// The certificate that requests are enciphered to: an RA's with keyEncipherment, or else the issuing CA's.
    pub fn recipient(&self) -> &X509Ref {
        self.ra
            .iter()
            .find(|one| allows(one, KeyUsage::KEY_ENCIPHERMENT))
            .map_or_else(|| self.issuer(), AsRef::as_ref)
    }

    /// The certificates whose keys may sign replies: the RA's with digitalSignature and every CA's.
    pub fn signers(&self) -> Vec<&X509Ref> {
        let ra = self.ra.iter().filter(|one| allows(one, KeyUsage::DIGITAL_SIGNATURE));
        ra.chain(&self.ca).map(AsRef::as_ref).collect()
    }

    /// The CA that issues: the one that no other CA certificate was issued by.
    pub fn issuer(&self) -> &X509Ref {
        let issued_another = |candidate: &X509| {
            self.ca.iter().any(|other| !is_self_issued(other) && is_issued_by(other, candidate))
        };
        self.ca.iter().find(|one| !issued_another(one)).unwrap_or(&self.ca[0])
    }

    /// Checks that a CA certificate has the expected fingerprint, that every other certificate is signed by a CA's, and
    /// that the ones to be used are valid now (RFC 8894 §2.2).
    pub(super) fn check(&self, fingerprint: Option<&[u8]>, now: SystemTime) -> Result<(), Refusal> {
        if let Some(expected) = fingerprint {
            self.check_fingerprint(expected)?;
        }
        for certificate in self.ca.iter().chain(&self.ra) {
            self.check_signature(certificate)?;
        }
        if !self.ra.is_empty() && !allows(self.recipient(), KeyUsage::KEY_ENCIPHERMENT) {
            let text = "neither an RA certificate nor the CA's allows keyEncipherment";
            return Err(Refusal::unacceptable(Stage::RaChoice, EXCHANGE, text));
        }
        check_validity(self.recipient(), now)?;
        check_validity(self.issuer(), now)
    }

    fn check_fingerprint(&self, expected: &[u8]) -> Result<(), Refusal> {
        let has_it = |one: &X509| {
            one.digest(MessageDigest::sha256()).is_ok_and(|digest| *digest == *expected)
        };
        if self.ca.iter().any(has_it) {
            return Ok(());
        }
        let text = "no CA certificate has the configured fingerprint";
        Err(Refusal::unacceptable(Stage::GetCaCert, EXCHANGE, text))
    }

    fn check_signature(&self, certificate: &X509Ref) -> Result<(), Refusal> {
        let subject = to_text(certificate.subject_name());
        if !is_self_issued(certificate) && !self.ca.iter().any(|ca| is_issued_by(certificate, ca)) {
            // A chain may end below its root, so that only an RA must find its issuer here.
            if is_ca(certificate) {
                return Ok(());
            }
            let text = format!("the RA certificate `{subject}` is not issued by the CA");
            return Err(Refusal::unacceptable(Stage::RaChoice, EXCHANGE, text));
        }
        Ok(())
    }

    /// The issued certificate: the one that carries the requested key, issued by this CA (RFC 8894 §3.3.2.1).
    pub(super) fn issued<T: HasPublic>(
        &self,
        certificates: &[X509],
        key: &PKeyRef<T>,
    ) -> Result<X509, Refusal> {
        let refusal = |text| Refusal::unacceptable(Stage::Certificate, "PKIOperation", text);
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
    Refusal::unacceptable(Stage::GetCaCert, EXCHANGE, text)
}

/// A key usage that is absent restricts nothing (RFC 5280 §4.2.1.3).
fn allows(certificate: &X509Ref, usage: KeyUsage) -> bool {
    KeyUsage::of(certificate).is_none_or(|allowed| allowed.contains(usage))
}

/// Whether a certificate is a CA's, by its basic constraints or, where it has none, by keyCertSign.
fn is_ca(certificate: &X509Ref) -> bool {
    KeyUsage::of(certificate).is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN))
        || has_ca_flag(certificate)
}

/// Read with the profile that takes any serial number, for real CAs have issued ones that RFC 5280 forbids.
fn has_ca_flag(certificate: &X509Ref) -> bool {
    let parsed =
        certificate.to_der().ok().and_then(|der| CertificateInner::<Raw>::from_der(&der).ok());
    let constraints = parsed
        .and_then(|one| one.tbs_certificate().get_extension::<BasicConstraints>().ok().flatten());
    constraints.is_some_and(|(_, constraints)| constraints.ca)
}

fn is_self_issued(certificate: &X509Ref) -> bool {
    let (subject, issuer) = (certificate.subject_name(), certificate.issuer_name());
    subject.try_cmp(issuer).is_ok_and(Ordering::is_eq)
}

fn is_issued_by(certificate: &X509Ref, issuer: &X509Ref) -> bool {
    let names_match =
        certificate.issuer_name().try_cmp(issuer.subject_name()).is_ok_and(Ordering::is_eq);
    names_match && issuer.public_key().is_ok_and(|key| certificate.verify(&key).unwrap_or(false))
}

fn check_validity(certificate: &X509Ref, now: SystemTime) -> Result<(), Refusal> {
    let subject = to_text(certificate.subject_name());
    let refusal = |text| Refusal::unacceptable(Stage::RaChoice, EXCHANGE, text);
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let now = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Asn1Time::from_unix(seconds).ok())
        .ok_or_else(|| refusal("the time is out of range".to_owned()))?;
    if certificate.not_after() < now.as_ref() {
        let end = certificate.not_after();
        return Err(refusal(format!("the certificate `{subject}` expired on {end}")));
    }
    if certificate.not_before() > now.as_ref() {
        let start = certificate.not_before();
        return Err(refusal(format!("the certificate `{subject}` is not valid before {start}")));
    }
    Ok(())
}
