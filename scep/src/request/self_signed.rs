//! The certificate that a client without one signs its request with (RFC 8894 §2.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openssl::{
    asn1::{Asn1Integer, Asn1Time},
    bn::BigNum,
    error::ErrorStack,
    pkey::{PKey, Private},
    x509::{X509Builder, X509NameRef, extension::KeyUsage},
};

use crate::{Error, algorithm::Digest, attribute::TransactionId, identity::Identity};

/// How long the certificate is valid; it serves for one transaction, which a pending request can draw out.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Makes the self-signed certificate for a request: subject and key of the request, and the key usages
/// `digitalSignature` and `keyEncipherment` that RFC 8894 §2.3 demands, for it signs the request and receives the reply.
///
/// Its serial number is the transaction id of the key, as strongSwan makes it.
///
/// # Errors
/// When `now` is out of range or OpenSSL cannot sign.
pub fn self_signed(
    subject: &X509NameRef,
    key: &PKey<Private>,
    digest: Digest,
    now: SystemTime,
) -> Result<Identity, Error> {
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(subject)?;
    builder.set_pubkey(key)?;
    let serial = serial(key)?;
    builder.set_serial_number(&serial)?;
    builder.set_not_before(asn1_time(now)?.as_ref())?;
    builder.set_not_after(asn1_time(now + VALIDITY)?.as_ref())?;
    let usage = KeyUsage::new().critical().digital_signature().key_encipherment().build()?;
    builder.append_extension(usage)?;
    builder.sign(key, digest.openssl())?;
    Ok(Identity { certificate: builder.build(), key: key.clone() })
}

fn serial(key: &PKey<Private>) -> Result<Asn1Integer, ErrorStack> {
    let id = TransactionId::from_public_key(key)?;
    let mut number = BigNum::from_hex_str(id.as_str())?;
    // A serial number of 20 octets must not have its highest bit set (RFC 5280 §4.1.2.2).
    if number.is_bit_set(159) {
        number.clear_bit(159)?;
    }
    number.to_asn1_integer()
}

fn asn1_time(time: SystemTime) -> Result<Asn1Time, Error> {
    const OUT_OF_RANGE: Error = Error::Misuse("the time is out of range");
    let since_epoch = time.duration_since(UNIX_EPOCH).map_err(|_| OUT_OF_RANGE)?;
    let seconds = since_epoch.as_secs().try_into().map_err(|_| OUT_OF_RANGE)?;
    Ok(Asn1Time::from_unix(seconds)?)
}
