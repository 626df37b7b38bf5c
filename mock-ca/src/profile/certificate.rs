//! Certificates, field by field, and revocation lists.

use std::time::SystemTime;

use der::{
    Decode, Sequence,
    asn1::{Any, OctetString, Uint},
    oid::AssociatedOid,
};
use openssl::{
    bn::BigNumRef,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{HasPublic, PKeyRef, Private},
    sign::Signer,
    x509::{X509, X509Crl, X509Ref},
};
use scep::{identity::Identity, key_usage::KeyUsage};
use x509_cert::{
    certificate::{CertificateInner, Raw, Version},
    ext::{Extension, pkix},
    request::CertReq,
    spki::SubjectPublicKeyInfoOwned,
    time::Validity,
};

use super::{
    der::{
        bit_string, context_constructed, context_primitive, elements, enumerated, integer, null,
        octet_string, oid, sequence, whole,
    },
    validity::{calendar, certificate_time},
};

/// The signed part of a certificate (RFC 5280 §4.1), because that of `x509-cert` cannot be changed.
///
/// ```text
/// TBSCertificate ::= SEQUENCE {
///   version [0] Version DEFAULT v1,
///   serialNumber CertificateSerialNumber,
///   signature AlgorithmIdentifier,
///   issuer Name,
///   validity Validity,
///   subject Name,
///   subjectPublicKeyInfo SubjectPublicKeyInfo,
///   extensions [3] Extensions OPTIONAL }
/// ```
#[derive(Sequence)]
pub(crate) struct TbsCertificate {
    #[asn1(context_specific = "0")]
    pub(crate) version: Version,
    pub(crate) serial_number: Uint,
    pub(crate) signature: Any,
    pub(crate) issuer: Any,
    pub(crate) validity: Validity,
    pub(crate) subject: Any,
    pub(crate) public_key: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3")]
    pub(crate) extensions: Vec<Extension>,
}

impl TbsCertificate {
    /// The certificate, signed with this key.
    ///
    /// It is encoded here and not by OpenSSL's builder, which would decode and encode the public key again: that takes
    /// OpenSSL 3 about as long as a signature.
    pub(crate) fn sign(&self, key: &PKeyRef<Private>) -> Result<X509, ErrorStack> {
        X509::from_der(&signed(whole(self), key)?)
    }

    /// Replaces the key usage, if there is one, or removes it.
    pub(crate) fn set_key_usage(&mut self, usage: Option<KeyUsage>) {
        let value = usage.and_then(|usage| OctetString::new(usage.to_der()).ok());
        self.extensions.retain_mut(|extension| match &value {
            _ if extension.extn_id != pkix::KeyUsage::OID => true,
            Some(value) => {
                extension.extn_value = value.clone();
                true
            }
            None => false,
        });
    }
}

/// A changed copy of the certificate, signed with this key.
pub(crate) fn altered(
    certificate: &X509Ref,
    key: &PKeyRef<Private>,
    change: impl FnOnce(&mut TbsCertificate),
) -> Result<X509, ErrorStack> {
    let encoded = certificate.to_der()?;
    let fields = elements(&encoded).and_then(|parts| parts.first()?.decode_as().ok());
    let mut fields: TbsCertificate = fields.expect("only what this crate wrote is altered");
    change(&mut fields);
    fields.sign(key)
}

/// A certificate or a revocation list: the part to be signed, and its signature.
pub(super) fn signed(to_be_signed: Vec<u8>, key: &PKeyRef<Private>) -> Result<Vec<u8>, ErrorStack> {
    let mut signer = Signer::new(MessageDigest::sha256(), key)?;
    let signature = signer.sign_oneshot_to_vec(&to_be_signed)?;
    Ok(sequence(&[to_be_signed, signature_algorithm(), bit_string(&signature)]))
}

/// The only signature algorithm of the CA.
pub(super) fn signature_algorithm() -> Vec<u8> {
    const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";
    sequence(&[oid(SHA256_WITH_RSA), null()])
}

/// A revoked certificate, with the time and the number of the reason of its revocation (RFC 5280 §5.3.1).
#[derive(Clone, Debug)]
pub(crate) struct RevokedCertificate {
    pub(crate) certificate: X509,
    pub(crate) at: SystemTime,
    pub(crate) reason: Option<u8>,
}

/// A revocation list (RFC 5280 §5) of these certificates, signed by `ca`: made at one moment, to be replaced at another.
pub(crate) fn revocation_list(
    ca: &Identity,
    revoked: &[&RevokedCertificate],
    made: SystemTime,
    until: SystemTime,
) -> Result<X509Crl, ErrorStack> {
    let made = calendar(made);
    let entries = revoked.iter().map(|one| revoked_entry(one));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    // The seconds of the clock increase from list to list, and the entries among lists of the same second, without a counter on disk.
    let number = made.unix_timestamp() + i64::try_from(entries.len()).unwrap_or(0);
    let to_be_signed = sequence(&[
        integer(1),
        signature_algorithm(),
        ca.certificate.subject_name().to_der()?,
        whole(&certificate_time(made)),
        whole(&certificate_time(calendar(until))),
        // An empty list of entries must be left out (RFC 5280 §5.1.2.6).
        if entries.is_empty() { Vec::new() } else { sequence(&entries) },
        context_constructed(0, &list_extensions(ca, number)),
    ]);
    X509Crl::from_der(&signed(to_be_signed, &ca.key)?)
}

fn revoked_entry(revoked: &RevokedCertificate) -> Result<Vec<u8>, ErrorStack> {
    let serial = revoked.certificate.serial_number().to_bn()?;
    let mut entry = vec![whole(&uint(&serial)), whole(&certificate_time(calendar(revoked.at)))];
    if let Some(reason) = revoked.reason {
        let reason = octet_string(&enumerated(reason));
        entry.push(sequence(&[sequence(&[oid("2.5.29.21"), reason])])); // reasonCode
    }
    Ok(sequence(&entry))
}

fn list_extensions(ca: &Identity, number: i64) -> Vec<u8> {
    let key = ca.certificate.subject_key_id();
    let key = key.map(|identifier| {
        let value = sequence(&[context_primitive(0, identifier.as_slice())]);
        sequence(&[oid("2.5.29.35"), octet_string(&value)]) // authorityKeyIdentifier
    });
    let number = whole(&number);
    let number = sequence(&[oid("2.5.29.20"), octet_string(&number)]); // cRLNumber
    sequence(&key.into_iter().chain([number]).collect::<Vec<_>>())
}

/// A value in DER from OpenSSL or this crate.
pub(crate) fn any(der: &[u8]) -> Any {
    Any::from_der(der).expect("OpenSSL and this crate write whole values")
}

/// A serial number as a field of a certificate.
pub(crate) fn uint(number: &BigNumRef) -> Uint {
    Uint::new(&number.to_vec()).expect("DER can encode the length of any serial number")
}

/// The key of a certification request in DER, copied: to encode it again would take OpenSSL 3 a good part of the time of a
/// signature.
pub(crate) fn key_of_request(request: &[u8]) -> Option<SubjectPublicKeyInfoOwned> {
    Some(CertReq::from_der(request).ok()?.info.public_key)
}

/// The key of a certificate in DER, copied.
pub(crate) fn key_of_certificate(certificate: &[u8]) -> Option<SubjectPublicKeyInfoOwned> {
    let certificate = CertificateInner::<Raw>::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate().subject_public_key_info().clone())
}

/// A key of OpenSSL.
pub(crate) fn public_key_info<T: HasPublic>(
    key: &PKeyRef<T>,
) -> Result<SubjectPublicKeyInfoOwned, ErrorStack> {
    let info = SubjectPublicKeyInfoOwned::from_der(&key.public_key_to_der()?);
    Ok(info.expect("OpenSSL writes a whole structure"))
}

#[cfg(test)]
mod tests {
    use openssl::{pkey::PKey, x509::X509Req};
    use time::macros::datetime;

    use super::*;
    use crate::{
        authority::{Plan, Timeline, lab::STRANGER_KEY},
        personality::PersonalityName,
        profile::{ValidityPeriod, unix_time},
        settings::{Hierarchy, Keys, WindowsSettings},
    };

    #[test]
    fn altered_keeps_all_other_fields() {
        let subject = scep::name::parse("CN=CA").unwrap();
        let personality = PersonalityName::Rfc8894.personality();
        let now = scep::clock::Clock::system().now();
        let (windows, hierarchy) = (WindowsSettings::default(), Hierarchy::default());
        let plan = Plan { personality, windows: &windows, hierarchy: &hierarchy, keys: Keys::Lab };
        let ca = Timeline::create(&plan, &subject, now).unwrap().cas.remove(0).value;
        let same = altered(&ca.certificate, &ca.key, |_| ()).unwrap();
        assert_eq!(same.to_der().unwrap(), ca.certificate.to_der().unwrap());

        let (start, end) = (datetime!(2001-01-01 00:00 UTC), datetime!(2002-01-01 00:00 UTC));
        let other = altered(&ca.certificate, &ca.key, |fields| {
            fields.validity = ValidityPeriod { not_before: start, not_after: end }.into();
            fields.set_key_usage(None);
            fields.serial_number = Uint::new(&[7]).unwrap();
        })
        .unwrap();
        assert!(other.verify(&ca.key).unwrap());
        assert_eq!(unix_time(other.not_after()).unwrap(), end);
        assert_eq!(
            (KeyUsage::of(&other), other.serial_number().to_bn().unwrap().to_vec()),
            (None, vec![7])
        );
        assert!(other.subject_key_id().is_some());
    }

    #[test]
    fn key_of_a_request_is_as_openssl_encodes_it() {
        let key = PKey::clone(&STRANGER_KEY);
        let mut builder = X509Req::builder().unwrap();
        builder.set_subject_name(&scep::name::parse("CN=x").unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let request = builder.build().to_der().unwrap();
        let info = key_of_request(&request).unwrap();
        assert_eq!(info, public_key_info(&key).unwrap());
        assert_eq!(
            info.subject_public_key.raw_bytes(),
            key.rsa().unwrap().public_key_to_der_pkcs1().unwrap()
        );
    }

    #[test]
    fn no_key_is_found_in_nonsense() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x02, 0x30, 0x00], &[0x30, 0x80, 0x00, 0x00]] {
            assert_eq!(key_of_request(bytes), None);
            assert_eq!(key_of_certificate(bytes), None);
        }
    }
}
