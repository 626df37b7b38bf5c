//! A certificate with something in it changed, signed anew.

use ::der::asn1::AnyRef;
use openssl::{
    bn::BigNum,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKeyRef, Private},
    sign::Signer,
    x509::{X509, X509Ref},
};
use scep::key_usage::KeyUsage;
use time::OffsetDateTime;

use super::{
    PublicKeyInfo,
    der::{
        self, big_integer, bit_string, boolean_true, context_constructed, elements, octet_string,
        oid, sequence, whole,
    },
    signature_algorithm,
};

const KEY_USAGE: &str = "2.5.29.15";

/// What is to be changed; the rest stays.
#[derive(Default)]
pub(crate) struct Alteration<'a> {
    pub(crate) serial: Option<BigNum>,
    /// The issuer's name, in DER.
    pub(crate) issuer: Option<&'a [u8]>,
    /// The first and the last second.
    pub(crate) validity: Option<(OffsetDateTime, OffsetDateTime)>,
    pub(crate) public_key: Option<&'a PublicKeyInfo>,
    pub(crate) key_usage: KeyUsageChange,
}

/// What becomes of the key usage.
#[derive(Clone, Copy, Default)]
pub(crate) enum KeyUsageChange {
    #[default]
    Keep,
    Replace(KeyUsage),
    Remove,
}

/// The certificate with these changes, signed with this key.
pub(crate) fn altered(
    certificate: &X509Ref,
    change: &Alteration<'_>,
    key: &PKeyRef<Private>,
) -> Result<X509, ErrorStack> {
    let encoded = certificate.to_der()?;
    // Only certificates that this crate wrote are altered, and it writes version 3 with extensions.
    let fields = fields(&encoded).unwrap_or_default();
    let to_be_signed = sequence(
        &fields
            .iter()
            .enumerate()
            .map(|(place, field)| changed(place, *field, change))
            .collect::<Vec<_>>(),
    );
    let mut signer = Signer::new(MessageDigest::sha256(), key)?;
    let signature = signer.sign_oneshot_to_vec(&to_be_signed)?;
    X509::from_der(&sequence(&[to_be_signed, signature_algorithm(), bit_string(&signature)]))
}

/// The fields of the `TBSCertificate` (RFC 5280 §4.1).
fn fields(certificate: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    elements(certificate)?.first()?.decode_as().ok()
}

fn changed(place: usize, field: AnyRef<'_>, change: &Alteration<'_>) -> Vec<u8> {
    let new = match place {
        1 => change.serial.as_ref().map(|serial| big_integer(&serial.to_vec())),
        2 => Some(signature_algorithm()),
        3 => change.issuer.map(<[u8]>::to_vec),
        4 => change.validity.map(|(start, end)| sequence(&[der::time(start), der::time(end)])),
        6 => change.public_key.map(|key| key.whole().to_vec()),
        7 => match change.key_usage {
            KeyUsageChange::Keep => None,
            KeyUsageChange::Replace(usage) => Some(with_key_usage(field, Some(usage))),
            KeyUsageChange::Remove => Some(with_key_usage(field, None)),
        },
        _ => None,
    };
    new.unwrap_or_else(|| whole(field))
}

fn with_key_usage(extensions: AnyRef<'_>, usage: Option<KeyUsage>) -> Vec<u8> {
    let list = elements(extensions.value()).unwrap_or_default();
    let kept = list.into_iter().filter_map(|extension| {
        if !extension.value().starts_with(&oid(KEY_USAGE)) {
            return Some(whole(extension));
        }
        let value = octet_string(&usage?.to_der());
        Some(sequence(&[oid(KEY_USAGE), boolean_true(), value]))
    });
    context_constructed(3, &sequence(&kept.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{
        authority::{Authority, lab},
        personality::PersonalityName,
        profile::unix_time,
        settings::WindowsSettings,
    };

    #[test]
    fn only_what_is_to_be_changed_changes() {
        let subject = scep::name::parse("CN=CA").unwrap();
        let personality = PersonalityName::Rfc8894.personality();
        let now = std::time::SystemTime::now();
        let ca =
            Authority::create(personality, &lab::KEYS, &subject, &WindowsSettings::default(), now)
                .unwrap()
                .ca;
        let same = altered(&ca.certificate, &Alteration::default(), &ca.key).unwrap();
        assert_eq!(same.to_der().unwrap(), ca.certificate.to_der().unwrap());

        let (start, end) = (datetime!(2001-01-01 00:00 UTC), datetime!(2002-01-01 00:00 UTC));
        let change = Alteration {
            validity: Some((start, end)),
            key_usage: KeyUsageChange::Remove,
            serial: Some(BigNum::from_u32(7).unwrap()),
            ..Alteration::default()
        };
        let other = altered(&ca.certificate, &change, &ca.key).unwrap();
        assert!(other.verify(&ca.key).unwrap());
        assert_eq!(unix_time(other.not_after()).unwrap(), end);
        assert_eq!(
            (KeyUsage::of(&other), other.serial_number().to_bn().unwrap().to_vec()),
            (None, vec![7])
        );
        assert!(other.subject_key_id().is_some());
    }
}
