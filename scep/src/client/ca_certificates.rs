//! The CA's certificates and their purposes (RFC 8894 §2.1.2, §2.2, §4.2).

use std::cmp::Ordering;

use openssl::{
    pkey::{HasPublic, PKeyRef},
    x509::{X509, X509Ref},
};

use super::{Reason, Refusal, Stage};
use crate::{
    Error,
    certificate::{Fingerprint, NotIssued, allows, is_ca, is_issued_by, is_self_issued, issuance},
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
                    .map_err(|error| unreadable(response, &error))?
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
            return Err(Refusal::unacceptable(Stage::GetCaCert, no_ca(&ra)));
        }
        ca.sort_by_key(|one| !is_self_issued(one));
        Ok(Self { ca, ra })
    }

    /// The certificates that may sign replies: the RA's with digitalSignature and every CA's.
    pub fn signers(&self) -> Vec<&X509Ref> {
        let ra = self.ra.iter().filter(|one| allows(one, KeyUsage::DIGITAL_SIGNATURE));
        ra.chain(&self.ca).map(AsRef::as_ref).collect()
    }

    /// The CA with this fingerprint, of SHA-256 or SHA-1 by its length, the CAs below it, and their RAs (RFC 8894 §2.2).
    ///
    /// All other certificates are dropped, because nothing shows that they belong to this CA.
    ///
    /// # Errors
    /// If no CA certificate has the fingerprint; the text has those that came.
    pub fn trusted_by_fingerprint(self, fingerprint: &[u8]) -> Result<Self, Refusal> {
        let length = fingerprint.len();
        let is_the_one = |one: &X509| {
            Fingerprint::of_length(length, one).is_ok_and(|its| its.octets() == fingerprint)
        };
        let (mut trusted, mut others): (Vec<_>, Vec<_>) = self.ca.into_iter().partition(is_the_one);
        if trusted.is_empty() {
            let text = match self.ra.iter().find(|one| is_the_one(one)) {
                Some(ra) => format!(
                    "the configured fingerprint is that of `{}`, which is an RA's certificate and no CA's; {}",
                    to_text(ra.subject_name()),
                    fingerprints(length, &others)
                ),
                None => format!(
                    "no CA certificate has the configured fingerprint {}; {}",
                    hex::encode(fingerprint),
                    fingerprints(length, &others)
                ),
            };
            return Err(Refusal::unacceptable(Stage::GetCaCert, text));
        }
        let issued_by_one_of =
            |trusted: &[X509], one: &X509| trusted.iter().any(|ca| is_issued_by(one, ca));
        // Each certificate is compared once with each CA, because a server may send many that look alike.
        let mut next = 0;
        while let Some(ca) = trusted.get(next).cloned() {
            let (issued, rest) = others.into_iter().partition(|one| is_issued_by(one, &ca));
            trusted.extend::<Vec<_>>(issued);
            (others, next) = (rest, next + 1);
        }
        let mut ra = self.ra;
        ra.retain(|one| issued_by_one_of(&trusted, one));
        Ok(Self { ca: trusted, ra })
    }

    /// Drops certificates that no CA here has issued, such as an RA's of another CA, because nothing shows that they belong to
    /// this CA. The caller has made sure that others remain.
    pub(super) fn drop_strangers(&mut self) {
        let all = self.clone();
        self.ca.retain(|one| all.is_vouched_for(one));
        self.ra.retain(|one| all.is_vouched_for(one));
    }

    /// The reason why none of the CAs here has issued the certificate.
    fn not_issued(&self, certificate: &X509Ref) -> String {
        let reasons = self.ca.iter().filter_map(|ca| issuance(certificate, ca).err());
        let told = reasons.reduce(|one, other| match one {
            NotIssued::OtherIssuer { .. } => other,
            one => one,
        });
        match told {
            None | Some(NotIssued::OtherIssuer { .. }) => {
                format!(
                    "the certificate's issuer `{}` is not this CA",
                    to_text(certificate.issuer_name())
                )
            }
            Some(reason) => format!("the certificate is not issued by this CA: {reason}"),
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
            return Err(refusal(self.not_issued(issued)));
        }
        Ok(issued.clone())
    }
}

/// The reason why there is no CA certificate among these.
fn no_ca(others: &[X509]) -> String {
    let [first, ..] = others else { return "the response has no certificate".to_owned() };
    let is_issuer =
        |one: &&X509| is_self_issued(one) || others.iter().any(|other| names_issuer(other, one));
    let Some(likely) = others.iter().find(is_issuer) else {
        let subject = to_text(first.subject_name());
        return format!(
            "the response has no CA certificate, but {} such as that of `{subject}`",
            count(others)
        );
    };
    let subject = to_text(likely.subject_name());
    if likely.version() < 2 {
        return format!(
            "the response has no CA certificate: that of `{subject}` has version {}, and only version 3 says that it is a CA's",
            likely.version() + 1
        );
    }
    format!(
        "the response has no CA certificate: that of `{subject}` has neither the basic constraint CA nor the key usage keyCertSign"
    )
}

fn count(certificates: &[X509]) -> String {
    match certificates.len() {
        1 => "1 other".to_owned(),
        several => format!("{several} others"),
    }
}

/// True if the issuer of `certificate` has the name of the other.
fn names_issuer(certificate: &X509Ref, other: &X509Ref) -> bool {
    certificate.issuer_name().try_cmp(other.subject_name()).is_ok_and(Ordering::is_eq)
}

/// The fingerprints of this length in octets that came, in words.
fn fingerprints(length: usize, certificates: &[X509]) -> String {
    const NAMED: usize = 4;
    let named = certificates.iter().take(NAMED).filter_map(|one| {
        let fingerprint = Fingerprint::of_length(length, one).ok()?;
        Some(format!("that of `{}` is {fingerprint}", to_text(one.subject_name())))
    });
    named.collect::<Vec<_>>().join(", ")
}

fn unreadable(response: &HttpResponse, error: &Error) -> Refusal {
    let kind = response.content_type.as_deref().unwrap_or("no content type");
    let reason = match error {
        Error::Foreign { .. } => Reason::NoCertificates { came: response.came() },
        error => Reason::Unacceptable(format!(
            "neither a certificate nor a certs-only message ({kind}): {error}"
        )),
    };
    Refusal::new(Stage::GetCaCert, reason)
}
