//! Certificates to sign requests with, such as a client has no business with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::KeyUsage;
use openssl::x509::{X509, X509NameRef};
use scep::identity::Identity;

/// What is made of a signer's certificate.
pub(super) struct Shape<'a> {
    pub(super) subject: &'a X509NameRef,
    pub(super) issuer: &'a X509NameRef,
    /// Who signs it; its own key where this is left out.
    pub(super) issuer_key: Option<&'a PKey<Private>>,
    pub(super) has_key_usage: bool,
    /// Whether it ended an hour ago.
    pub(super) is_expired: bool,
}

/// A certificate of this shape for the key.
pub(super) fn identity(shape: &Shape<'_>, key: &PKey<Private>) -> Result<Identity, ErrorStack> {
    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR: Duration = Duration::from_secs(3_600);
    let now = SystemTime::now();
    let (start, end) =
        if shape.is_expired { (now - 30 * DAY, now - HOUR) } else { (now - HOUR, now + 30 * DAY) };
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_subject_name(shape.subject)?;
    builder.set_issuer_name(shape.issuer)?;
    builder.set_pubkey(key)?;
    let serial = random_serial()?;
    builder.set_serial_number(&serial)?;
    let (start, end) = (asn1_time(start)?, asn1_time(end)?);
    builder.set_not_before(&start)?;
    builder.set_not_after(&end)?;
    if shape.has_key_usage {
        let usage = KeyUsage::new().critical().digital_signature().key_encipherment().build()?;
        builder.append_extension(usage)?;
    }
    builder.sign(shape.issuer_key.unwrap_or(key), MessageDigest::sha256())?;
    Ok(Identity { certificate: builder.build(), key: key.clone() })
}

fn random_serial() -> Result<Asn1Integer, ErrorStack> {
    let mut octets = [0; 16];
    openssl::rand::rand_bytes(&mut octets)?;
    octets[0] = octets[0] & 0x7f | 0x40;
    BigNum::from_slice(&octets)?.to_asn1_integer()
}

fn asn1_time(time: SystemTime) -> Result<Asn1Time, ErrorStack> {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    Asn1Time::from_unix(seconds.try_into().unwrap_or(i64::MAX))
}
