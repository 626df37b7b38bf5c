//! Facts about an X.509 certificate: its use, its issuer, its validity and its fingerprint.

use std::{
    cmp::Ordering,
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use der::Decode;
use openssl::{asn1::Asn1Time, error::ErrorStack, sha::sha256, x509::X509Ref};
use x509_cert::{
    certificate::{CertificateInner, Raw},
    ext::pkix::BasicConstraints,
};

use crate::{Error, key_usage::KeyUsage};

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

/// True if the certificate names `issuer` as its issuer and the key of `issuer` verifies its signature.
pub fn is_issued_by(certificate: &X509Ref, issuer: &X509Ref) -> bool {
    let names_match =
        certificate.issuer_name().try_cmp(issuer.subject_name()).is_ok_and(Ordering::is_eq);
    names_match && issuer.public_key().is_ok_and(|key| certificate.verify(&key).unwrap_or(false))
}

/// The serial number, as OpenSSL writes it: two capital hexadecimal digits for each byte.
///
/// # Errors
/// Fails if OpenSSL is out of memory.
pub fn serial_number(certificate: &X509Ref) -> Result<String, ErrorStack> {
    Ok(certificate.serial_number().to_bn()?.to_hex_str()?.to_string())
}

/// The SHA-256 fingerprint of a certificate; written in lower-case hexadecimal, and read with colons and blanks as well.
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
pub struct Fingerprint([u8; 32]);

/// The error for a text that is no SHA-256 fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 fingerprint has 64 hexadecimal digits")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// The fingerprint of a certificate.
    ///
    /// # Errors
    /// Fails if OpenSSL is out of memory.
    pub fn of(certificate: &X509Ref) -> Result<Self, ErrorStack> {
        Ok(Self(sha256(&certificate.to_der()?)))
    }

    /// The octets of the fingerprint.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b':' | b' ')).collect();
        let mut octets = [0; 32];
        hex::decode_to_slice(digits, &mut octets).map_err(|_| NotAFingerprint)?;
        Ok(Self(octets))
    }
}

/// The reason, in words, why the certificate is not valid at `now`.
pub(crate) fn invalidity(certificate: &X509Ref, now: SystemTime) -> Option<String> {
    let now = match asn1_time(now) {
        Ok(now) => now,
        Err(error) => return Some(format!("cannot be checked: {error}")),
    };
    let (start, end) = (certificate.not_before(), certificate.not_after());
    if end < now.as_ref() {
        return Some(format!("expired on {end}"));
    }
    (start > now.as_ref()).then(|| format!("is not valid before {start}"))
}

pub(crate) fn asn1_time(time: SystemTime) -> Result<Asn1Time, Error> {
    const OUT_OF_RANGE: Error = Error::Misuse("the time is out of range");
    let since_epoch = time.duration_since(UNIX_EPOCH).map_err(|_| OUT_OF_RANGE)?;
    let seconds = since_epoch.as_secs().try_into().map_err(|_| OUT_OF_RANGE)?;
    Ok(Asn1Time::from_unix(seconds)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_is_read_with_colons_and_blanks_and_written_without() {
        let text = "AB:cd".to_owned() + &" 01".repeat(30);
        let fingerprint: Fingerprint = text.parse().unwrap();
        assert_eq!(fingerprint.octets()[..3], [0xab, 0xcd, 1]);
        assert_eq!(fingerprint.to_string(), "abcd".to_owned() + &"01".repeat(30));
        for wrong in ["", "ab", &"+1".repeat(32), &"é".repeat(32), &"0".repeat(63)] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NotAFingerprint), "{wrong}");
        }
    }
}
