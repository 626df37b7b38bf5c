//! Facts about the certificates of a PKI.

mod extensions;
mod validity;

use std::time::{Duration, SystemTime};

use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::x509::{X509, X509Ref};
use scep::certificate::{is_issued_by, is_self_issued, serial_number};
use scep::client::CaCertificates;
use scep::clock::{moment_text, system_time};
use scep::key_usage::KeyUsage;
use scep::name::to_text;
use serde::Serialize;

pub(crate) use self::extensions::Extensions;
pub(crate) use self::validity::Validity;

scep::named! {
    /// What a certificate is for.
    Role, "role" {
        /// A CA whose certificate names itself as the issuer.
        RootCa = "root CA";
        /// A CA with another issuer.
        Ca = "CA";
        /// An RA for both purposes, or without a key usage that restricts it.
        Ra = "RA, signs and is enciphered to";
        /// An RA that signs replies.
        SigningRa = "RA, signs replies";
        /// An RA that requests are enciphered to.
        EncryptionRa = "RA, requests are enciphered to it";
        /// Neither a CA nor an RA that could do something.
        Other = "neither a CA nor an RA by its key usage";
    }
}

/// A certificate and what it shows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facts {
    /// Its place among the certificates that came, from 1.
    pub position: usize,
    pub role: Role,
    pub subject: String,
    pub issuer: String,
    /// The places of the certificates that issued it, itself among them if it is self-signed.
    pub issued_by: Vec<usize>,
    pub serial: String,
    pub not_before: String,
    pub not_after: String,
    /// Whole days until its end; negative after it.
    pub days_left: i64,
    /// In words for a reader of the JSON document.
    pub validity: Validity,
    pub key: String,
    pub signature: String,
    #[serde(flatten)]
    pub extensions: Extensions,
    pub sha256: String,
    pub sha1: String,
    pub md5: String,
    #[serde(skip)]
    pub certificate: X509,
}

impl Facts {
    /// The facts about certificates in the order received. A CA's are those that Sceplab's client takes for it.
    pub(crate) fn of_all(certificates: &[X509], now: SystemTime) -> Vec<Self> {
        let issuers = |one: &X509| {
            let all = certificates.iter().enumerate();
            all.filter(|(_, ca)| is_issued_by(one, ca)).map(|(index, _)| index + 1).collect()
        };
        let ca = CaCertificates::sort(certificates.to_vec()).map(|sorted| sorted.ca);
        let ca = ca.unwrap_or_default();
        let all = certificates.iter().enumerate();
        all.map(|(index, one)| {
            let role = role(one, ca.contains(one));
            Self::of(index + 1, one, role, issuers(one), now)
        })
        .collect()
    }

    fn of(position: usize, one: &X509, role: Role, issued_by: Vec<usize>, now: SystemTime) -> Self {
        let end = system_time(one.not_after()).ok();
        let begin = system_time(one.not_before()).ok();
        let written = |time: Option<SystemTime>| time.map(moment_text).unwrap_or_default();
        Self {
            position,
            role,
            subject: to_text(one.subject_name()),
            issuer: to_text(one.issuer_name()),
            issued_by,
            serial: serial_number(one).unwrap_or_default(),
            not_before: written(begin),
            not_after: written(end),
            days_left: end.map(|end| days_until(end, now)).unwrap_or_default(),
            validity: Validity::of(one, now),
            key: key(one),
            signature: signature(one),
            extensions: Extensions::of(one),
            sha256: fingerprint(one, MessageDigest::sha256()),
            sha1: fingerprint(one, MessageDigest::sha1()),
            md5: fingerprint(one, MessageDigest::md5()),
            certificate: one.clone(),
        }
    }

    /// True for the certificate of a CA.
    pub(crate) fn is_ca(&self) -> bool {
        matches!(self.role, Role::RootCa | Role::Ca)
    }

    /// True if it names this use of its key; without a key usage it names none.
    pub(crate) fn names(&self, usage: KeyUsage) -> bool {
        KeyUsage::of(&self.certificate).is_some_and(|named| named.contains(usage))
    }

    /// True for an RSA key.
    pub(crate) fn is_rsa(&self) -> bool {
        self.certificate.public_key().is_ok_and(|key| key.id() == Id::RSA)
    }

    /// True if a digest for which collisions are known is in its signature.
    pub(crate) fn has_weak_digest(&self) -> bool {
        let algorithm = self.certificate.signature_algorithm().object().nid();
        let digest = algorithm.signature_algorithms().map(|both| both.digest);
        digest.is_some_and(|digest| [Nid::MD5, Nid::SHA1].contains(&digest))
    }

    /// The last moment of its validity, if it can be read.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        system_time(self.certificate.not_after()).ok()
    }

    /// The certificate in a sentence: its place and its subject.
    pub(crate) fn named(&self) -> String {
        format!("certificate {} (`{}`)", self.position, self.subject)
    }
}

fn role(certificate: &X509Ref, is_ca: bool) -> Role {
    if is_ca {
        return if is_self_issued(certificate) { Role::RootCa } else { Role::Ca };
    }
    let Some(usage) = KeyUsage::of(certificate) else { return Role::Ra };
    let signs = usage.contains(KeyUsage::DIGITAL_SIGNATURE);
    match (signs, usage.contains(KeyUsage::KEY_ENCIPHERMENT)) {
        (true, true) => Role::Ra,
        (true, false) => Role::SigningRa,
        (false, true) => Role::EncryptionRa,
        (false, false) => Role::Other,
    }
}

const DAY: u64 = 86_400;

fn days_until(end: SystemTime, now: SystemTime) -> i64 {
    let days = |time: Duration| i64::try_from(time.as_secs() / DAY).unwrap_or(i64::MAX);
    match end.duration_since(now) {
        Ok(left) => days(left),
        Err(past) => -days(past.duration()) - 1,
    }
}

/// Kind and size of the key: `RSA, 2048 bits`, `EC on prime256v1`.
fn key(certificate: &X509Ref) -> String {
    let Ok(key) = certificate.public_key() else { return "of an unknown kind".to_owned() };
    let curve = key.ec_key().ok().and_then(|key| key.group().curve_name());
    match (key.id(), curve) {
        (Id::RSA, _) => format!("RSA, {} bits", key.bits()),
        (Id::RSA_PSS, _) => format!("RSA-PSS, {} bits", key.bits()),
        (Id::EC, Some(curve)) => format!("EC on {}", name(curve)),
        (Id::EC, None) => "EC on a curve without a name".to_owned(),
        (Id::ED25519, _) => "Ed25519".to_owned(),
        (Id::ED448, _) => "Ed448".to_owned(),
        (Id::DSA, _) => format!("DSA, {} bits", key.bits()),
        (other, _) => format!("of the kind {}, {} bits", other.as_raw(), key.bits()),
    }
}

fn name(nid: Nid) -> &'static str {
    nid.short_name().unwrap_or("an unknown curve")
}

fn signature(certificate: &X509Ref) -> String {
    certificate.signature_algorithm().object().to_string()
}

/// The fingerprint in capital hexadecimal digits with colons, as most devices show it.
fn fingerprint(certificate: &X509Ref, digest: MessageDigest) -> String {
    let of = |der: Vec<u8>| hash(digest, &der).ok();
    let octets = certificate.to_der().ok().and_then(of);
    let octets = octets.as_deref().unwrap_or_default().iter();
    octets.map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_negative_after_the_end() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10 * DAY);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(days_until(at(10 * DAY + 1), now), 0);
        assert_eq!(days_until(at(12 * DAY - 1), now), 1);
        assert_eq!(days_until(at(10 * DAY - 1), now), -1);
    }
}
