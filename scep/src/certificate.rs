//! Facts about an X.509 certificate: its use, its issuer, its validity and its fingerprint.

use std::{
    cmp::Ordering,
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use der::Decode;
use openssl::{
    asn1::Asn1TimeRef,
    error::ErrorStack,
    sha::{sha1, sha256},
    x509::X509Ref,
};
use x509_cert::{
    certificate::{CertificateInner, Raw},
    ext::pkix::BasicConstraints,
};

use crate::{
    clock::{apart, asn1_time},
    key_usage::KeyUsage,
    name::to_text,
};

/// True if the key of the certificate may be used so; an absent key usage restricts nothing (RFC 5280 §4.2.1.3).
pub fn allows(certificate: &X509Ref, usage: KeyUsage) -> bool {
    KeyUsage::of(certificate).is_none_or(|allowed| allowed.contains(usage))
}

/// True for the certificate of a CA: its basic constraints or its key usage, keyCertSign, say so.
pub fn is_ca(certificate: &X509Ref) -> bool {
    KeyUsage::of(certificate).is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN))
        || has_ca_flag(certificate)
}

/// Reads the certificate with the profile that accepts any serial number, because real CAs use some that RFC 5280 forbids.
fn has_ca_flag(certificate: &X509Ref) -> bool {
    let parsed =
        certificate.to_der().ok().and_then(|der| CertificateInner::<Raw>::from_der(&der).ok());
    let constraints = parsed
        .and_then(|one| one.tbs_certificate().get_extension::<BasicConstraints>().ok().flatten());
    constraints.is_some_and(|(_, constraints)| constraints.ca)
}

/// True if subject and issuer are the same name; the signature is not checked.
pub fn is_self_issued(certificate: &X509Ref) -> bool {
    let (subject, issuer) = (certificate.subject_name(), certificate.issuer_name());
    subject.try_cmp(issuer).is_ok_and(Ordering::is_eq)
}

/// True if the certificate says that another key than its own has signed it (RFC 5280 §4.2.1.1), as the new certificate of a CA does that
/// the old key of the same name has signed.
pub(crate) fn names_another_key(certificate: &X509Ref) -> bool {
    let keys = certificate.authority_key_id().zip(certificate.subject_key_id());
    keys.is_some_and(|(signer, own)| signer.as_slice() != own.as_slice())
}

/// True if the certificate names `issuer` as its issuer and the key of `issuer` verifies its signature.
pub fn is_issued_by(certificate: &X509Ref, issuer: &X509Ref) -> bool {
    issuance(certificate, issuer).is_ok()
}

/// The reason why a certificate is not issued by a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotIssued {
    /// The certificate names another issuer.
    #[error("its issuer is `{actual}`, not `{wanted}`")]
    OtherIssuer {
        /// The issuer that the certificate names.
        actual: String,
        /// The name of the CA.
        wanted: String,
    },
    /// The CA's key is of a kind that OpenSSL does not know.
    #[error("the key of `{0}` cannot be read")]
    Key(String),
    /// The signature algorithm is unknown.
    #[error("its signature algorithm `{0}` is not known")]
    Algorithm(String),
    /// The signature is not one by the CA's key.
    #[error("its issuer is `{0}`, but its signature does not verify with the key of that CA")]
    Signature(String),
}

/// Checks that the certificate names `issuer` as its issuer, and that the key of `issuer` verifies its signature.
///
/// # Errors
/// Fails with the first of these that does not hold.
pub fn issuance(certificate: &X509Ref, issuer: &X509Ref) -> Result<(), NotIssued> {
    let (actual, wanted) = (certificate.issuer_name(), issuer.subject_name());
    if !actual.try_cmp(wanted).is_ok_and(Ordering::is_eq) {
        let (actual, wanted) = (to_text(actual), to_text(wanted));
        return Err(NotIssued::OtherIssuer { actual, wanted });
    }
    let key = issuer.public_key().map_err(|_| NotIssued::Key(to_text(wanted)))?;
    let algorithm = certificate.signature_algorithm().object();
    if algorithm.nid().signature_algorithms().is_none() {
        return Err(NotIssued::Algorithm(algorithm.to_string()));
    }
    if certificate.verify(&key).unwrap_or(false) {
        return Ok(());
    }
    Err(NotIssued::Signature(to_text(wanted)))
}

/// The serial number, as OpenSSL writes it: two capital hexadecimal digits for each byte.
///
/// # Errors
/// Fails if OpenSSL is out of memory.
pub fn serial_number(certificate: &X509Ref) -> Result<String, ErrorStack> {
    Ok(certificate.serial_number().to_bn()?.to_hex_str()?.to_string())
}

/// The fingerprint of a certificate, by SHA-256 or SHA-1; written in lower-case hexadecimal, and read with colons and blanks as well.
/// `FromStr` reads one of SHA-256 alone, [`Fingerprint::of_either_digest`] both.
///
/// # Examples
/// ```
/// use scep::certificate::Fingerprint;
///
/// let fingerprint: Fingerprint = "AB:".repeat(32).parse()?;
/// assert_eq!(fingerprint.to_string(), "ab".repeat(32));
/// # Ok::<(), scep::certificate::NotAFingerprint>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<u8>);

/// The error for a text that is no SHA-256 fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 fingerprint has 64 hexadecimal digits; one of SHA-1 has 40, one of MD5 32")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The fingerprint of a certificate.
    ///
    /// # Errors
    /// Fails if OpenSSL is out of memory.
    pub fn of(certificate: &X509Ref) -> Result<Self, ErrorStack> {
        Ok(Self(sha256(&certificate.to_der()?).to_vec()))
    }

    /// The fingerprint of a certificate by the digest that this one was made with.
    ///
    /// # Errors
    /// Fails if OpenSSL is out of memory.
    pub fn of_same_digest(&self, certificate: &X509Ref) -> Result<Self, ErrorStack> {
        Self::of_length(self.0.len(), certificate)
    }

    /// Reads a fingerprint of SHA-256 or SHA-1, which its length tells.
    ///
    /// # Errors
    /// If the text is none.
    pub fn of_either_digest(text: &str) -> Result<Self, NotAFingerprint> {
        octets(text)
            .filter(|octets| matches!(octets.len(), SHA256_LENGTH | SHA1_LENGTH))
            .map(Self)
            .ok_or(NotAFingerprint)
    }

    /// The fingerprint with so many octets: by SHA-1 if that is its length, or else by SHA-256.
    pub(crate) fn of_length(length: usize, certificate: &X509Ref) -> Result<Self, ErrorStack> {
        let der = certificate.to_der()?;
        Ok(Self(match length {
            SHA1_LENGTH => sha1(&der).to_vec(),
            _ => sha256(&der).to_vec(),
        }))
    }

    /// The octets of the fingerprint.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        octets(text).filter(|octets| octets.len() == SHA256_LENGTH).map(Self).ok_or(NotAFingerprint)
    }
}

/// The lengths of fingerprints, in octets.
const SHA256_LENGTH: usize = 32;
const SHA1_LENGTH: usize = 20;

/// The octets of a text in hexadecimal, with colons and blanks or without.
fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b':' | b' ')).collect();
    hex::decode(digits).ok()
}

/// True if `now` is in the validity period of the certificate.
pub fn is_valid(certificate: &X509Ref, now: SystemTime) -> bool {
    invalidity(certificate, now).is_none()
}

/// The reason, in words, why the certificate is not valid at `now`.
pub fn invalidity(certificate: &X509Ref, now: SystemTime) -> Option<String> {
    let now = match asn1_time(now) {
        Ok(now) => now,
        Err(error) => return Some(format!("cannot be checked: {error}")),
    };
    let (start, end) = (certificate.not_before(), certificate.not_after());
    let now = now.as_ref();
    // OpenSSL compares a date that it cannot read as if it were equal to any other.
    if [start, end].into_iter().any(|date| date.compare(now).is_err()) {
        return Some("has dates that cannot be read".to_owned());
    }
    if end < now {
        let past = since(end, now);
        return Some(format!("expired on {end}, {past} before the time here, {now}"));
    }
    (start > now).then(|| {
        let ahead = since(now, start);
        format!("is not valid before {start}, which is {ahead} after the time here, {now}")
    })
}

/// The time from `earlier` to `later`, in words.
fn since(earlier: &Asn1TimeRef, later: &Asn1TimeRef) -> String {
    let Ok(difference) = earlier.diff(later) else { return "some time".to_owned() };
    let seconds = i64::from(difference.days) * 86_400 + i64::from(difference.secs);
    apart(Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use openssl::{asn1::Asn1Time, hash::MessageDigest, pkey::PKey, rsa::Rsa, x509::X509};

    use super::*;

    /// A certificate of which the end of the validity period is replaced by other characters.
    fn ends_at(characters: &[u8; 13]) -> X509 {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_str("20200101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str("20491231235959Z").unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let mut der = builder.build().to_der().unwrap();
        let end = der.windows(13).position(|found| found == b"491231235959Z").unwrap();
        der[end..end + 13].copy_from_slice(characters);
        X509::from_der(&der).unwrap()
    }

    #[test]
    fn certificate_with_unreadable_date_is_not_valid() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(invalidity(&ends_at(b"491231235959Z"), now), None);
        for unreadable in [b"491331235959Z", b"4912312359599", b"hello, world!"] {
            let reason = invalidity(&ends_at(unreadable), now);
            assert_eq!(reason.as_deref(), Some("has dates that cannot be read"), "{unreadable:?}");
        }
    }

    #[test]
    fn fingerprint_is_read_with_colons_and_blanks_and_written_without() {
        let text = "AB:cd".to_owned() + &" 01".repeat(30);
        let fingerprint: Fingerprint = text.parse().unwrap();
        assert_eq!(fingerprint.octets()[..3], [0xab, 0xcd, 1]);
        assert_eq!(fingerprint.to_string(), "abcd".to_owned() + &"01".repeat(30));
        for wrong in ["", "ab", &"+1".repeat(32), &"é".repeat(32), &"0".repeat(63)] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NotAFingerprint), "{wrong}");
            assert_eq!(Fingerprint::of_either_digest(wrong), Err(NotAFingerprint), "{wrong}");
        }
        let sha1 = "01".repeat(20);
        assert_eq!(sha1.parse::<Fingerprint>(), Err(NotAFingerprint));
        let sha1 = Fingerprint::of_either_digest(&sha1).unwrap();
        let certificate = ends_at(b"491231235959Z");
        assert_eq!(sha1.of_same_digest(&certificate).unwrap().octets().len(), 20);
        let sha256 = fingerprint.of_same_digest(&certificate).unwrap();
        assert_eq!(sha256, Fingerprint::of(&certificate).unwrap());
    }
}
