//! Keys and certificates of CAs and RAs.

use std::{sync::OnceLock, time::UNIX_EPOCH};

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    pkey::{HasPublic, PKey, PKeyRef, Private},
    rand::rand_bytes,
    rsa::Rsa,
    x509::{
        X509, X509Builder, X509NameRef,
        extension::{BasicConstraints, KeyUsage},
    },
};
use scep::{http::CA_CERTIFICATE, identity::Identity, name};

use super::now;

/// A CA with an elliptic-curve key, as the response to GetCACert.
pub fn elliptic_curve_ca() -> (Option<String>, Vec<u8>) {
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    (Some(CA_CERTIFICATE.to_owned()), certificate.der().to_vec())
}

/// The validity of a certificate: the days from the tests' time to its start and to its end.
pub type Days = (i64, i64);

/// A self-signed CA certificate with a new key.
pub fn ca(subject: &str, days: Days) -> Identity {
    renewed_ca(subject, &rsa_key(), days)
}

/// A self-signed CA certificate with this key.
pub fn renewed_ca(subject: &str, key: &PKey<Private>, days: Days) -> Identity {
    let name = name::parse(subject).unwrap();
    let certificate = certificate_in(days, &name, key, &name, key, |builder| {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    });
    Identity { certificate, key: key.clone() }
}

/// A CA certificate that another CA has issued.
pub fn subordinate_ca(root: &Identity, subject: &str, days: Days) -> Identity {
    let key = rsa_key();
    let (name, issuer) = (name::parse(subject).unwrap(), root.certificate.subject_name());
    let certificate = certificate_in(days, &name, &key, issuer, &root.key, |builder| {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    });
    Identity { certificate, key }
}

/// An RA certificate for these uses.
pub fn ra_for(ca: &Identity, usage: &KeyUsage, days: Days) -> Identity {
    ra_with_key(ca, &rsa_key(), usage, days)
}

/// An RA certificate for this key.
pub fn ra_with_key(ca: &Identity, key: &PKey<Private>, usage: &KeyUsage, days: Days) -> Identity {
    let (name, issuer) = (name::parse("CN=RA").unwrap(), ca.certificate.subject_name());
    let certificate = certificate_in(days, &name, key, issuer, &ca.key, |builder| {
        builder.append_extension(usage.build().unwrap()).unwrap();
    });
    Identity { certificate, key: key.clone() }
}

pub(super) fn rsa_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

pub(super) fn stranger() -> Identity {
    static STRANGER: OnceLock<Identity> = OnceLock::new();
    STRANGER.get_or_init(|| authority("CN=Stranger", 365)).clone()
}

pub(super) fn authority(subject: &str, days: u64) -> Identity {
    authority_of(subject, days, rsa_key())
}

pub(super) fn authority_of(subject: &str, days: u64, key: PKey<Private>) -> Identity {
    let name = name::parse(subject).unwrap();
    let certificate = certificate(&name, &key, &name, &key, days, |builder| {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    });
    Identity { certificate, key }
}

pub(super) fn ra(ca: &Identity, signs: bool, days: u64) -> Identity {
    let key = rsa_key();
    let name = name::parse("CN=HOST-MSCEP-RA").unwrap();
    let issuer = ca.certificate.subject_name();
    let certificate = certificate(&name, &key, issuer, &ca.key, days, |builder| {
        let mut usage = KeyUsage::new();
        let usage = if signs { usage.digital_signature() } else { usage.key_encipherment() };
        builder.append_extension(usage.critical().build().unwrap()).unwrap();
    });
    Identity { certificate, key }
}

pub(super) fn certificate<T: HasPublic>(
    subject: &X509NameRef,
    key: &PKeyRef<T>,
    issuer: &X509NameRef,
    issuer_key: &PKeyRef<Private>,
    days: u64,
    extend: impl FnOnce(&mut X509Builder),
) -> X509 {
    let days = (-1, i64::try_from(days).unwrap());
    certificate_in(days, subject, key, issuer, issuer_key, extend)
}

/// A certificate whose validity ends a minute before the day.
fn certificate_in<T: HasPublic>(
    (from, to): Days,
    subject: &X509NameRef,
    key: &PKeyRef<T>,
    issuer: &X509NameRef,
    issuer_key: &PKeyRef<Private>,
    extend: impl FnOnce(&mut X509Builder),
) -> X509 {
    const DAY: i64 = 86_400;
    let today = now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let today = i64::try_from(today).unwrap();
    let (start, end) = (today + from * DAY, today + to * DAY - 60);
    let mut serial = [0; 8];
    rand_bytes(&mut serial).unwrap();
    let serial = BigNum::from_slice(&serial).unwrap().to_asn1_integer().unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(start).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(end).unwrap()).unwrap();
    extend(&mut builder);
    builder.sign(issuer_key, MessageDigest::sha256()).unwrap();
    X509::from_der(&builder.build().to_der().unwrap()).unwrap()
}
