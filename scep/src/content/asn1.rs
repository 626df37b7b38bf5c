//! ASN.1 structures that certificates and their tools exchange.

use der::{
    Decode,
    asn1::{ObjectIdentifier, OctetString},
    oid::db::rfc5911::{ID_ENVELOPED_DATA, ID_SIGNED_DATA},
};
use openssl::x509::{X509, X509Crl, X509Req};

use super::{Content, shown};
use crate::{
    attribute::{MESSAGE_TYPE, MessageType},
    ber,
    cms::{ContentInfo, SetOf, SignedData, SignerInfo},
    name,
};

/// An ASN.1 structure in DER or BER.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asn1 {
    /// A certificate with this subject.
    Certificate(String),
    /// A certification request with this subject.
    CertificationRequest(String),
    /// A revocation list of this issuer.
    RevocationList(String),
    /// A private key.
    PrivateKey,
    /// A public key.
    PublicKey,
    /// A PKCS#12 file.
    Pkcs12,
    /// A `SignedData` without signers, with so many certificates.
    CertsOnly(usize),
    /// A SCEP message with this type.
    Scep(MessageType),
    /// A `SignedData` without SCEP's attributes; the kind of its content.
    Signed(&'static str),
    /// An `EnvelopedData`.
    Enveloped,
    /// A CMS message of another content type.
    Cms(ObjectIdentifier),
    /// The beginning of a structure: the bytes that it announces, and the bytes that came.
    Beginning(u64, usize),
    /// Another structure, or a damaged one.
    Other(usize),
}

impl Asn1 {
    /// Recognises a `SEQUENCE`; `None` for other bytes.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let (header, length) = header(bytes)?;
        if let Some(length) = length
            && length > (bytes.len() - header) as u64
        {
            return Some(Self::Beginning(length + header as u64, bytes.len()));
        }
        Some(certificate(bytes).or_else(|| cms(bytes)).unwrap_or(Self::Other(bytes.len())))
    }

    /// The kind of a `SignedData`.
    pub(crate) fn of_signed(signed: &SignedData) -> Self {
        let count = |set: &SetOf| set.elements().map_or(0, |elements| elements.len());
        if count(&signed.signer_infos) == 0 {
            return Self::CertsOnly(signed.certificates.as_ref().map_or(0, count));
        }
        let content = signed.encap_content_info.content.as_ref();
        message_type(signed)
            .map_or_else(|| Self::signed_around(content.map(OctetString::as_bytes)), Self::Scep)
    }

    /// A signed message without SCEP's attributes, with this content.
    pub(crate) fn signed_around(content: Option<&[u8]>) -> Self {
        Self::Signed(match content {
            None | Some([]) => "nothing",
            // Not looked into, so that nesting has an end.
            Some([0x30, ..]) => "ASN.1",
            Some(bytes) => Content::of(bytes).kind(),
        })
    }

    /// True for a `SignedData`, whether SCEP's or not.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self, Self::CertsOnly(_) | Self::Scep(_) | Self::Signed(_))
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "a certificate",
            Self::CertificationRequest(_) => "a certification request",
            Self::RevocationList(_) => "a revocation list",
            Self::PrivateKey => "a private key",
            Self::PublicKey => "a public key",
            Self::Pkcs12 => "a PKCS#12 file",
            Self::CertsOnly(_) => "a certs-only message",
            Self::Scep(_) => "a SCEP message",
            Self::Signed(_) => "a signed message (CMS) without SCEP's attributes",
            Self::Enveloped => "an enciphered message (CMS EnvelopedData)",
            Self::Cms(_) => "a CMS message",
            Self::Beginning(..) => "the beginning of an ASN.1 structure",
            Self::Other(_) => "an unknown ASN.1 structure",
        }
    }

    pub(super) fn details(&self) -> String {
        match self {
            Self::Certificate(subject) => format!(" of `{}`", shown(subject)),
            Self::CertificationRequest(subject) => format!(" for `{}`", shown(subject)),
            Self::RevocationList(issuer) => format!(" of `{}`", shown(issuer)),
            Self::CertsOnly(1) => " with 1 certificate".to_owned(),
            Self::CertsOnly(count) => format!(" with {count} certificates"),
            Self::Scep(message_type) => format!(" ({message_type})"),
            Self::Signed(kind) => format!(" around {kind}"),
            Self::Cms(content_type) => format!(" of the content type {content_type}"),
            Self::Beginning(announced, came) => {
                format!(" ({announced} bytes are announced, {came} came)")
            }
            Self::Other(length) => format!(" ({length} bytes)"),
            Self::PrivateKey | Self::PublicKey | Self::Pkcs12 | Self::Enveloped => String::new(),
        }
    }
}

/// The lengths of the header and of the value of a `SEQUENCE`; `None` for other bytes. The length of the value is `None` if it is
/// indefinite.
fn header(bytes: &[u8]) -> Option<(usize, Option<u64>)> {
    let (&first, rest) = bytes.strip_prefix(&[0x30])?.split_first()?;
    match first {
        0..=0x7f => Some((2, Some(u64::from(first)))),
        0x80 => Some((2, None)),
        0x81..=0x84 => {
            let octets = rest.get(..usize::from(first & 0x7f))?;
            let length = octets.iter().fold(0, |length, octet| length << 8 | u64::from(*octet));
            Some((2 + octets.len(), Some(length)))
        }
        _ => None,
    }
}

/// A structure of certificates and keys. The tags of its parts show which one it is, because OpenSSL takes long to find out that
/// bytes are none of them.
fn certificate(bytes: &[u8]) -> Option<Asn1> {
    let parts = parts(bytes)?;
    match tags(&parts)[..] {
        [SEQUENCE, SEQUENCE, BIT_STRING] => signed_by_issuer(bytes, parts[0]),
        [SEQUENCE, BIT_STRING] => Some(Asn1::PublicKey),
        // PKCS#8 (RFC 5208), PKCS#1 (RFC 8017 appendix A.1.2) and SEC 1 (RFC 5915).
        [INTEGER, SEQUENCE, OCTET_STRING, ..]
        | [INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER]
        | [INTEGER, OCTET_STRING, ..] => Some(Asn1::PrivateKey),
        [INTEGER, SEQUENCE, ..] if parts[0] == [INTEGER, 1, 3] => Some(Asn1::Pkcs12),
        _ => None,
    }
}

/// A certificate, a certification request or a revocation list, by what is signed.
fn signed_by_issuer(bytes: &[u8], signed: &[u8]) -> Option<Asn1> {
    let parts = tags(&parts(signed)?);
    let parts = parts.strip_prefix(&[VERSION]).unwrap_or(&parts);
    match parts {
        [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, ..] => {
            let certificate = X509::from_der(bytes).ok()?;
            Some(Asn1::Certificate(name::to_text(certificate.subject_name())))
        }
        [INTEGER, SEQUENCE, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE, VERSION] => {
            let request = X509Req::from_der(bytes).ok()?;
            Some(Asn1::CertificationRequest(name::to_text(request.subject_name())))
        }
        [INTEGER, SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..]
        | [SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..] => {
            let list = X509Crl::from_der(bytes).ok()?;
            Some(Asn1::RevocationList(name::to_text(list.issuer_name())))
        }
        _ => None,
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`: the version of a certificate, and the attributes of a certification request.
const VERSION: u8 = 0xa0;

/// The parts of a `SEQUENCE` in DER.
fn parts(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (tag, content) = ber::split(&mut &*bytes).ok()?;
    if tag == SEQUENCE { ber::elements(content).ok() } else { None }
}

fn tags(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().map(|part| part[0]).collect()
}

fn cms(bytes: &[u8]) -> Option<Asn1> {
    let whole = bytes.get(..crate::MAX_MESSAGE_BYTES.min(bytes.len()))?;
    let info = ContentInfo::from_ber(&ber::normalise(whole).ok()?).ok()?;
    match info.content_type {
        ID_SIGNED_DATA => info.content.decode_as().ok().map(|signed| Asn1::of_signed(&signed)),
        ID_ENVELOPED_DATA => Some(Asn1::Enveloped),
        other => Some(Asn1::Cms(other)),
    }
}

fn message_type(signed: &SignedData) -> Option<MessageType> {
    let signers = signed.signer_infos.elements().ok()?;
    let first = SignerInfo::from_ber(signers.first()?).ok()?;
    let attributes = first.signed_attrs?.attributes().ok()?;
    let attribute = attributes.iter().find(|attribute| attribute.oid == MESSAGE_TYPE)?;
    let text = attribute.values.as_deref().ok()?.first()?.text();
    Some(MessageType::from_wire(&text.unwrap_or_default()))
}
