//! Signer certificates that a correct client would not use.

use std::time::{Duration, SystemTime};

use openssl::bn::{BigNum, MsbOption};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::KeyUsage;
use openssl::x509::{X509, X509NameRef};
use scep::clock::{asn1_time, later};
use scep::identity::Identity;

/// Validity of such a certificate.
const VALIDITY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Issues a certificate for `key` at `now`, signed with `issuer_key`.
pub(super) fn issued_by(
    subject: &X509NameRef,
    key: &PKey<Private>,
    issuer: &X509NameRef,
    issuer_key: &PKey<Private>,
    has_key_usage: bool,
    now: SystemTime,
) -> Result<Identity, scep::Error> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    builder.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    builder.set_not_before(asn1_time(now)?.as_ref())?;
    builder.set_not_after(asn1_time(later(now, VALIDITY))?.as_ref())?;
    if has_key_usage {
        let usage = KeyUsage::new().critical().digital_signature().key_encipherment().build()?;
        builder.append_extension(usage)?;
    }
    builder.sign(issuer_key, MessageDigest::sha256())?;
    Ok(Identity { certificate: builder.build(), key: key.clone() })
}
