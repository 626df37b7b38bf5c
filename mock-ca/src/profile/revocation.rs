//! The revocation list (RFC 5280 §5).

use std::time::{Duration, SystemTime};

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    x509::{X509Crl, X509Ref},
};
use scep::identity::Identity;
use time::OffsetDateTime;

use super::{
    calendar,
    certificate::{signature_algorithm, signed},
    der::{
        big_integer, context_constructed, context_primitive, integer, octet_string, oid, sequence,
        whole,
    },
    validity::certificate_time,
};

const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
const CRL_NUMBER: &str = "2.5.29.20";

/// So long after it was made a list is to be replaced.
const LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// A list of these certificates, each with the time of its revocation, signed by `ca` at `now`.
pub(crate) fn revocation_list<'a>(
    ca: &Identity,
    revoked: impl IntoIterator<Item = (&'a X509Ref, SystemTime)>,
    now: SystemTime,
) -> Result<X509Crl, ErrorStack> {
    let entries: Result<Vec<_>, _> =
        revoked.into_iter().map(|(certificate, at)| entry(certificate, at)).collect();
    let to_be_signed = signed_part(ca, &entries?, calendar(now))?;
    X509Crl::from_der(&signed(to_be_signed, &ca.key)?)
}

/// The `TBSCertList`.
fn signed_part(
    ca: &Identity,
    entries: &[Vec<u8>],
    now: OffsetDateTime,
) -> Result<Vec<u8>, ErrorStack> {
    // An empty list of entries is to be left out (RFC 5280 §5.1.2.6).
    let entries = if entries.is_empty() { Vec::new() } else { sequence(entries) };
    Ok(sequence(&[
        integer(1),
        signature_algorithm(),
        ca.certificate.subject_name().to_der()?,
        whole(&certificate_time(now)),
        whole(&certificate_time(now + LIFETIME)),
        entries,
        context_constructed(0, &extensions(ca, now)),
    ]))
}

fn entry(certificate: &X509Ref, at: SystemTime) -> Result<Vec<u8>, ErrorStack> {
    let serial: BigNum = certificate.serial_number().to_bn()?;
    Ok(sequence(&[big_integer(&serial.to_vec()), whole(&certificate_time(calendar(at)))]))
}

fn extensions(ca: &Identity, now: OffsetDateTime) -> Vec<u8> {
    let key = ca.certificate.subject_key_id();
    let key = key.map(|identifier| {
        let value = sequence(&[context_primitive(0, identifier.as_slice())]);
        sequence(&[oid(AUTHORITY_KEY_IDENTIFIER), octet_string(&value)])
    });
    // The seconds of the clock rise from list to list, and need no counter that lasts.
    let number = big_integer(&now.unix_timestamp().to_be_bytes());
    let number = sequence(&[oid(CRL_NUMBER), octet_string(&number)]);
    sequence(&key.into_iter().chain([number]).collect::<Vec<_>>())
}
