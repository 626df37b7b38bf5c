//! A certificate.

use openssl::{
    pkey::{HasPublic, Id, PKeyRef},
    x509::{X509, X509Ref},
};
use scep::{
    certificate::{Fingerprint, invalidity, is_ca, is_issued_by, is_self_issued, serial_number},
    extension,
    key_usage::KeyUsage,
    name::to_text,
    request::Extension,
};

use super::Reading;
use crate::{
    asn1::CERTIFICATE,
    explanation::{Field, Finding, Layer},
};

/// A certificate as a layer.
pub(crate) fn certificate(one: &X509, reading: &Reading<'_>) -> Layer {
    let subject = to_text(one.subject_name());
    let mut layer = Layer::new("Certificate", format!("{} of `{subject}`", kind(one)));
    layer.field("subject", &subject);
    layer.field("issuer", issuer(one));
    layer.field("serialNumber", serial_number(one).unwrap_or_default());
    let validity = format!("{} to {}", one.not_before(), one.not_after());
    let invalid = reading.at.and_then(|at| invalidity(one, at));
    let meaning = match (&invalid, reading.at) {
        (Some(reason), _) => reason,
        (None, Some(_)) => "valid",
        (None, None) => "not judged, because the time of the message is not known",
    };
    layer.fields.push(Field::new("validity", validity).meaning(meaning));
    layer.field(
        "key",
        one.public_key().map_or_else(|_| "unreadable".to_owned(), |key| key_words(&key)),
    );
    layer.field("signature", one.signature_algorithm().object().to_string());
    layer.fields.extend(extension::of(one).iter().map(extension_field));
    if let Ok(fingerprint) = Fingerprint::of(one) {
        layer.field("SHA-256", fingerprint.to_string());
    }
    if reading.knowledge.has_key_of(one) {
        layer.field("private key", "given");
    }
    if let Some(reason) = invalid {
        layer.findings.push(
            Finding::odd(format!("the certificate of `{subject}` {reason}"))
                .against_section("RFC 5280 §4.1.2.5"),
        );
    }
    if let Some(finding) = weak_key(one) {
        layer.findings.push(finding);
    }
    if let Ok(der) = one.to_der() {
        reading.annotate(&mut layer, &der, Some(&CERTIFICATE));
    }
    layer
}

/// What a certificate is for, in words.
fn kind(one: &X509Ref) -> &'static str {
    let has = |usage| KeyUsage::of(one).is_some_and(|its: KeyUsage| its.contains(usage));
    match (is_ca(one), is_self_issued(one)) {
        (true, true) => "a self-signed certificate of a CA,",
        (true, false) => "a certificate of a CA,",
        (false, true) => "a self-signed certificate,",
        _ if has(KeyUsage::KEY_ENCIPHERMENT) && has(KeyUsage::DIGITAL_SIGNATURE) => {
            "a certificate for signatures and encipherment,"
        }
        _ if has(KeyUsage::KEY_ENCIPHERMENT) => "a certificate for encipherment,",
        _ if has(KeyUsage::DIGITAL_SIGNATURE) => "a certificate for signatures,",
        _ => "a certificate,",
    }
}

fn issuer(one: &X509Ref) -> String {
    let issuer = to_text(one.issuer_name());
    match (is_self_issued(one), is_issued_by(one, one)) {
        (true, true) => format!("{issuer} (itself)"),
        (true, false) => format!("{issuer} (the same name, and another key)"),
        _ => issuer,
    }
}

/// An extension with its value.
pub(super) fn extension_field(one: &Extension) -> Field {
    let value = extension::words(one);
    let value = value.unwrap_or_else(|| {
        let octets = one.extn_value.as_bytes();
        let start = hex::encode(&octets[..octets.len().min(32)]);
        format!("{start}{}", if octets.len() > 32 { "…" } else { "" })
    });
    let critical = if one.critical { " (critical)" } else { "" };
    Field::new(format!("{}{critical}", extension::name(one)), value)
}

/// A key in words: `RSA, 2048 bits`.
pub(crate) fn key_words<T: HasPublic>(key: &PKeyRef<T>) -> String {
    let bits = key.bits();
    match key.id() {
        Id::RSA => format!("RSA, {bits} bits"),
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|key| key.group().curve_name());
            let curve =
                curve.and_then(|nid| nid.short_name().ok()).unwrap_or("of an unnamed curve");
            format!("EC, {curve}")
        }
        Id::ED25519 => "Ed25519".to_owned(),
        Id::DSA => format!("DSA, {bits} bits"),
        other => format!("of the type {} of OpenSSL", other.as_raw()),
    }
}

fn weak_key(one: &X509Ref) -> Option<Finding> {
    let key = one.public_key().ok().filter(|key| key.id() == Id::RSA && key.bits() < 2048)?;
    let words = format!("its RSA key has {} bits; many peers refuse fewer than 2048", key.bits());
    Some(Finding::odd(words).against_section("NIST SP 800-131A §3"))
}

/// A certificate in short: subject and serial number.
pub(crate) fn named(one: &X509Ref) -> String {
    format!("`{}` (serial {})", to_text(one.subject_name()), serial_number(one).unwrap_or_default())
}
