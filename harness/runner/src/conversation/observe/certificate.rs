//! Facts of certificates and revocation lists.

use openssl::asn1::Asn1Time;
use openssl::x509::{CrlStatus, X509, X509Crl, X509Ref};
use scep::certificate::is_issued_by;
use scep::key_usage::KeyUsage;

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
    let position = certificates.iter().position(is_it)?;
    let found = &certificates[position];
    seen.set(Fact::Issued, "present");
    seen.set(Fact::IssuedPosition, position + 1);
    if let Some(requested) = &transaction.requested {
        let order = found.subject_name().try_cmp(&requested.subject);
        let is_same = order.is_ok_and(std::cmp::Ordering::is_eq);
        seen.set(Fact::IssuedSubject, if is_same { "requested" } else { "other" });
    }
    if let Some(authority) = authority {
        let is_ours = authority.certificates.ca.iter().any(|ca| is_issued_by(found, ca));
        seen.set(Fact::IssuedIssuer, if is_ours { "CA" } else { "other" });
    }
    seen.set(Fact::IssuedKeyUsage, usages(found));
    seen.set(Fact::IssuedValidity, validity(found));
    if let Ok(difference) = found.not_before().diff(found.not_after()) {
        seen.set(Fact::IssuedDays, difference.days);
    }
    if let Some(names) = found.subject_alt_names() {
        let names: Vec<&str> = names.iter().filter_map(|name| name.dnsname()).collect();
        seen.set(Fact::IssuedNames, names.join(" "));
    }
    seen.set(Fact::IssuedSerial, serial_of(found));
    seen.set(Fact::IssuedVersion, found.version() + 1);
    Some(found.clone())
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

/// Validity of the certificate at the current time.
pub(super) fn validity(certificate: &X509Ref) -> &'static str {
    let Ok(now) = Asn1Time::days_from_now(0) else { return "valid" };
    if certificate.not_after() < now.as_ref() {
        "expired"
    } else if certificate.not_before() > now.as_ref() {
        "not yet valid"
    } else {
        "valid"
    }
}

/// True if both certificates have the same bytes.
pub(super) fn is_same(one: &X509Ref, other: &X509Ref) -> bool {
    matches!((one.to_der(), other.to_der()), (Ok(one), Ok(other)) if one == other)
}
