//! Keys and certificates of the minimal CA.

use std::sync::LazyLock;
use std::time::SystemTime;

use openssl::asn1::{Asn1Object, Asn1OctetString};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Builder, X509Extension, X509NameRef};
use scep::clock::asn1_time;
use scep::identity::Identity;

use super::DAY;
use crate::toy_list::{sequence, tlv};

/// One key for all CAs, because making a key takes longer than all the rest.
pub(super) fn key() -> PKey<Private> {
    static KEY: LazyLock<PKey<Private>> =
        LazyLock::new(|| PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    KEY.clone()
}

/// The key of whoever is not the CA: of an attacker, and of the next CA.
pub(crate) fn stranger_key() -> PKey<Private> {
    static KEY: LazyLock<PKey<Private>> =
        LazyLock::new(|| PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    KEY.clone()
}

/// A self-signed CA of this name.
pub(crate) fn root(subject: &str, key: PKey<Private>, from: SystemTime, days: u32) -> Identity {
    let subject = scep::name::parse(subject).unwrap();
    let mut builder = builder(1, &subject, &subject, from, days);
    builder.set_pubkey(&key).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let usage = KeyUsage::new().key_cert_sign().crl_sign().build().unwrap();
    builder.append_extension(usage).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}

/// The extension with these distribution points (RFC 5280 §4.2.1.13).
pub(super) fn distribution_points(urls: &[String]) -> X509Extension {
    let point = |url: &String| {
        let name = tlv(0xa0, &tlv(0xa0, &tlv(0x86, url.as_bytes())));
        tlv(0x30, &name)
    };
    extension("2.5.29.31", &sequence(&urls.iter().map(point).collect::<Vec<_>>()))
}

pub(super) fn extension(oid: &str, value: &[u8]) -> X509Extension {
    let oid = Asn1Object::from_str(oid).unwrap();
    let value = Asn1OctetString::new_from_bytes(value).unwrap();
    X509Extension::new_from_der(&oid, false, &value).unwrap()
}

pub(super) fn builder(
    serial: u32,
    subject: &X509NameRef,
    issuer: &X509NameRef,
    now: SystemTime,
    days: u32,
) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_not_before(&asn1_time(now).unwrap()).unwrap();
    builder.set_not_after(&asn1_time(now + DAY * days).unwrap()).unwrap();
    builder
}
