//! Facts of certificates and revocation lists.

use std::cmp::Ordering;
use std::time::SystemTime;

use openssl::asn1::Asn1TimeRef;
use openssl::x509::{CrlStatus, X509, X509Crl, X509Ref};
use scep::certificate::is_issued_by;
use scep::clock::asn1_time;
use scep::key_usage::KeyUsage;
use scep::{extension, key};

use super::Observation;
use crate::conversation::{Authority, Transaction, serial_of};
use model::scenario::scep::Fact;

/// Finds the requested certificate, by its key or its serial number.
pub(super) fn issued(
    seen: &mut Observation,
    certificates: &[X509],
    transaction: &Transaction,
    authority: Option<&Authority>,
) -> Option<X509> {
    let is_it = |one: &X509| match (&transaction.serial, &transaction.requested) {
        (Some(serial), _) => serial_of(one).eq_ignore_ascii_case(serial),
        (None, Some(requested)) => {
            one.public_key().is_ok_and(|certified| certified.public_eq(&requested.key))
        }
        (None, None) => false,
    };
    let Some(position) = certificates.iter().position(is_it) else {
        others(seen, certificates, transaction);
        return None;
    };
    let found = &certificates[position];
    seen.set(Fact::Issued, "present");
    seen.set(Fact::IssuedPosition, position + 1);
    if let Some(requested) = &transaction.requested {
        let order = found.subject_name().try_cmp(&requested.subject);
        let is_same = order.is_ok_and(Ordering::is_eq);
        seen.set(Fact::IssuedSubject, if is_same { "requested" } else { "other" });
    }
    if let Some(authority) = authority {
        let is_ours = authority.certificates.ca.iter().any(|ca| is_issued_by(found, ca));
        seen.set(Fact::IssuedIssuer, if is_ours { "CA" } else { "other" });
    }
    seen.set(Fact::IssuedKeyUsage, usages(found));
    seen.set(Fact::IssuedValidity, validity(found, seen.clock.now()));
    if let Ok(difference) = found.not_before().diff(found.not_after()) {
        seen.set(Fact::IssuedDays, difference.days);
    }
    if let Some(names) = found.subject_alt_names() {
        let names: Vec<&str> = names.iter().filter_map(|name| name.dnsname()).collect();
        seen.set(Fact::IssuedNames, names.join(" "));
    }
    contents(seen, found);
    seen.set(Fact::IssuedSerial, serial_of(found));
    seen.set(Fact::IssuedVersion, found.version() + 1);
    Some(found.clone())
}

/// Facts of the extensions that a request may ask for, and of the key.
fn contents(seen: &mut Observation, found: &X509Ref) {
    for extension in extension::of(found) {
        let fact = match extension.extn_id.to_string().as_str() {
            "2.5.29.17" => Fact::IssuedAlternativeNames,
            "2.5.29.37" => Fact::IssuedPurposes,
            "1.3.6.1.4.1.311.20.2" => Fact::IssuedTemplateName,
            "1.3.6.1.4.1.311.21.7" => Fact::IssuedTemplate,
            _ => continue,
        };
        if let Some(words) = extension::words(&extension) {
            seen.set(fact, words);
        }
    }
    if let Ok(key) = found.public_key() {
        seen.set(Fact::IssuedKey, key::words(&key));
    }
}

/// Says what came in place of the requested certificate.
fn others(seen: &mut Observation, certificates: &[X509], transaction: &Transaction) {
    let Some(first) = certificates.first() else { return };
    let wanted = match (&transaction.serial, &transaction.requested) {
        (Some(_), _) => "serial number",
        (None, Some(_)) => "key",
        (None, None) => return,
    };
    let (subject, serial) = (scep::name::to_text(first.subject_name()), serial_of(first));
    let first = format!("`{subject}` with the serial number {serial}");
    seen.detail(match certificates.len() {
        1 => format!("the certificate in the reply, {first}, does not have the requested {wanted}"),
        count => format!("none of the {count} certificates in the reply has the requested {wanted}; the first is {first}"),
    });
}

/// Facts of a reply to GetCRL.
pub(super) fn revocations(
    seen: &mut Observation,
    crls: &[X509Crl],
    issued: Option<&X509>,
    authority: Option<&Authority>,
) {
    seen.set(Fact::Crls, crls.len());
    let Some(crl) = crls.first() else { return };
    if let Some(authority) = authority {
        let is_signed_by =
            |ca: &X509| ca.public_key().is_ok_and(|key| crl.verify(&key).unwrap_or(false));
        let is_ours = authority.certificates.ca.iter().any(is_signed_by);
        seen.set(Fact::CrlIssuer, if is_ours { "CA" } else { "other" });
    }
    if let Some(issued) = issued {
        let lists = matches!(crl.get_by_cert(issued), CrlStatus::Revoked(_));
        seen.set(Fact::CrlLists, if lists { "yes" } else { "no" });
    }
}

/// Names of the certificate's key usages; `any` if it has no such extension.
pub(super) fn usages(certificate: &X509Ref) -> String {
    KeyUsage::of(certificate).map_or_else(|| "any".to_owned(), |usage| usage.names().join(", "))
}

/// Validity of the certificate at `now`.
pub(super) fn validity(certificate: &X509Ref, now: SystemTime) -> &'static str {
    let Ok(now) = asn1_time(now) else { return "valid" };
    let compare = |date: &Asn1TimeRef| date.compare(now.as_ref());
    match (compare(certificate.not_before()), compare(certificate.not_after())) {
        (Err(_), _) | (_, Err(_)) => "unreadable",
        (_, Ok(Ordering::Less)) => "expired",
        (Ok(Ordering::Greater), _) => "not yet valid",
        _ => "valid",
    }
}

/// True if both certificates have the same bytes.
pub(super) fn is_same(one: &X509Ref, other: &X509Ref) -> bool {
    matches!((one.to_der(), other.to_der()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use scep::clock::moment;

    use super::*;

    /// The certificate in DER, valid from the beginning of 2026 to the end of 2049.
    fn certificate() -> Vec<u8> {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        let date = |text| Asn1Time::from_str(text).unwrap();
        builder.set_not_before(&date("20260101000000Z")).unwrap();
        builder.set_not_after(&date("20491231235959Z")).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build().to_der().unwrap()
    }

    /// The validity in the middle of 2026, with another date in place of one.
    fn validity_with(date: &[u8; 13], other: &[u8; 13]) -> &'static str {
        let mut der = certificate();
        let at = der.windows(13).position(|bytes| bytes == date).unwrap();
        der[at..at + 13].copy_from_slice(other);
        let now = moment("2026-07-01T00:00Z").unwrap();
        validity(&X509::from_der(&der).unwrap(), now)
    }

    #[test]
    fn certificate_with_a_date_that_cannot_be_read_has_an_unreadable_validity() {
        let (begin, end) = (b"260101000000Z", b"491231235959Z");
        assert_eq!(validity_with(begin, begin), "valid");
        assert_eq!(validity_with(begin, b"269901000000Z"), "unreadable");
        assert_eq!(validity_with(end, b"49123123595xZ"), "unreadable");
        assert_eq!(validity_with(end, b"260102000000Z"), "expired");
        assert_eq!(validity_with(begin, b"490101000000Z"), "not yet valid");
    }
}
