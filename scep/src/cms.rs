//! The structures of the Cryptographic Message Syntax (RFC 5652) that SCEP is made of.
//!
//! They are read from normalised bytes ([`crate::ber`]). Every `SET OF` keeps the order received, because signatures are made
//! over it and the order of certificates matters to clients.

mod attribute;

pub(crate) use attribute::{Attribute, Value};

use der::{
    Choice, Decode, DecodeValue, Encode, EncodeValue, FixedTag, Header, Length, Reader, Sequence,
    Tag, Writer,
    asn1::{Any, Int, ObjectIdentifier, OctetString, SetOfVec},
};
use openssl::x509::{X509Name, X509NameRef, X509Ref};
use x509_cert::{attr, spki::AlgorithmIdentifierOwned};

use crate::{Error, ber};

/// ```text
/// ContentInfo ::= SEQUENCE {
///   contentType ContentType,
///   content [0] EXPLICIT ANY DEFINED BY contentType }
/// ```
#[derive(Sequence)]
pub(crate) struct ContentInfo {
    pub(crate) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(crate) content: Any,
}

impl ContentInfo {
    /// Reads a message of this content type, in BER or DER.
    pub(crate) fn open<T>(
        bytes: &[u8],
        wanted: ObjectIdentifier,
        what: &'static str,
    ) -> Result<T, Error>
    where
        T: for<'a> Decode<'a, Error = der::Error>,
    {
        if bytes.len() > crate::MAX_MESSAGE_BYTES {
            let reason = format!("{} bytes, at most {}", bytes.len(), crate::MAX_MESSAGE_BYTES);
            return Err(Error::malformed(what)(reason));
        }
        let normalised = ber::normalise(bytes).map_err(|error| error.about(what))?;
        Self::open_normal(&normalised, wanted, what)
    }

    /// Reads a message of this content type that has definite lengths.
    pub(crate) fn open_normal<T>(
        normal: &[u8],
        wanted: ObjectIdentifier,
        what: &'static str,
    ) -> Result<T, Error>
    where
        T: for<'a> Decode<'a, Error = der::Error>,
    {
        let info = Self::from_ber(normal).map_err(|_| {
            let reason =
                "it is another ASN.1 structure than a CMS message (RFC 5652 §3), or damaged";
            Error::malformed(what)(reason)
        })?;
        if info.content_type != wanted {
            let reason = format!("content type `{}`, not `{wanted}`", info.content_type);
            return Err(Error::malformed(what)(reason));
        }
        info.content.to_der().and_then(|content| T::from_ber(&content)).map_err(|error| {
            let reason = format!("its ASN.1 is damaged, or none of this structure ({error})");
            Error::malformed(what)(reason)
        })
    }

    /// Wraps a structure of this content type.
    pub(crate) fn wrap(
        content_type: ObjectIdentifier,
        content: &impl Encode,
    ) -> Result<Vec<u8>, Error> {
        Ok(Self { content_type, content: Any::from_der(&content.to_der()?)? }.to_der()?)
    }
}

/// ```text
/// SignedData ::= SEQUENCE {
///   version CMSVersion,
///   digestAlgorithms SET OF DigestAlgorithmIdentifier,
///   encapContentInfo EncapsulatedContentInfo,
///   certificates [0] IMPLICIT CertificateSet OPTIONAL,
///   crls [1] IMPLICIT RevocationInfoChoices OPTIONAL,
///   signerInfos SET OF SignerInfo }
/// ```
#[derive(Sequence)]
pub(crate) struct SignedData {
    pub(crate) version: u8,
    pub(crate) digest_algorithms: SetOf,
    pub(crate) encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) certificates: Option<SetOf>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) crls: Option<SetOf>,
    pub(crate) signer_infos: SetOf,
}

/// ```text
/// EncapsulatedContentInfo ::= SEQUENCE {
///   eContentType ContentType,
///   eContent [0] EXPLICIT OCTET STRING OPTIONAL }
/// ```
#[derive(Sequence)]
pub(crate) struct EncapsulatedContentInfo {
    pub(crate) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) content: Option<OctetString>,
}

/// ```text
/// SignerInfo ::= SEQUENCE {
///   version CMSVersion,
///   sid SignerIdentifier,
///   digestAlgorithm DigestAlgorithmIdentifier,
///   signedAttrs [0] IMPLICIT SignedAttributes OPTIONAL,
///   signatureAlgorithm SignatureAlgorithmIdentifier,
///   signature SignatureValue,
///   unsignedAttrs [1] IMPLICIT UnsignedAttributes OPTIONAL }
/// ```
#[derive(Sequence)]
pub(crate) struct SignerInfo {
    pub(crate) version: u8,
    pub(crate) sid: CertificateIdentifier,
    pub(crate) digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) signed_attrs: Option<SetOf>,
    pub(crate) signature_algorithm: AlgorithmIdentifierOwned,
    pub(crate) signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) unsigned_attrs: Option<SetOf>,
}

/// ```text
/// EnvelopedData ::= SEQUENCE {
///   version CMSVersion,
///   originatorInfo [0] IMPLICIT OriginatorInfo OPTIONAL,
///   recipientInfos SET SIZE (1..MAX) OF RecipientInfo,
///   encryptedContentInfo EncryptedContentInfo,
///   unprotectedAttrs [1] IMPLICIT UnprotectedAttributes OPTIONAL }
/// ```
#[derive(Sequence)]
pub(crate) struct EnvelopedData {
    pub(crate) version: u8,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) originator_info: Option<SetOf>,
    pub(crate) recipient_infos: SetOf,
    pub(crate) encrypted_content_info: EncryptedContentInfo,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) unprotected_attrs: Option<SetOf>,
}

/// ```text
/// EncryptedContentInfo ::= SEQUENCE {
///   contentType ContentType,
///   contentEncryptionAlgorithm ContentEncryptionAlgorithmIdentifier,
///   encryptedContent [0] IMPLICIT OCTET STRING OPTIONAL }
/// ```
///
/// The content is kept as received, because some peers send it in pieces.
#[derive(Sequence)]
pub(crate) struct EncryptedContentInfo {
    pub(crate) content_type: ObjectIdentifier,
    pub(crate) algorithm: AlgorithmIdentifierOwned,
    #[asn1(optional = "true")]
    pub(crate) encrypted_content: Option<Any>,
}

/// ```text
/// KeyTransRecipientInfo ::= SEQUENCE {
///   version CMSVersion,
///   rid RecipientIdentifier,
///   keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
///   encryptedKey EncryptedKey }
/// ```
#[derive(Sequence)]
pub(crate) struct KeyTransRecipientInfo {
    pub(crate) version: u8,
    pub(crate) rid: CertificateIdentifier,
    pub(crate) algorithm: AlgorithmIdentifierOwned,
    pub(crate) encrypted_key: OctetString,
}

/// The name of a signer's or a recipient's certificate (RFC 5652 §5.3, §6.2.1).
///
/// ```text
/// SignerIdentifier ::= CHOICE {
///   issuerAndSerialNumber IssuerAndSerialNumber,
///   subjectKeyIdentifier [0] SubjectKeyIdentifier }
/// ```
#[derive(Clone, Choice)]
pub(crate) enum CertificateIdentifier {
    IssuerAndSerialNumber(IssuerAndSerialNumber),
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    SubjectKeyIdentifier(OctetString),
}

impl CertificateIdentifier {
    pub(crate) fn of(certificate: &X509Ref) -> Result<Self, Error> {
        IssuerAndSerialNumber::of(certificate).map(Self::IssuerAndSerialNumber)
    }

    pub(crate) fn names(&self, certificate: &X509Ref) -> bool {
        match self {
            Self::IssuerAndSerialNumber(wanted) => IssuerAndSerialNumber::of(certificate)
                .is_ok_and(|own| {
                    own.serial_number.as_bytes() == wanted.serial_number.as_bytes()
                        && (own.issuer == wanted.issuer
                            || is_same_name(&wanted.issuer, certificate.issuer_name()))
                }),
            Self::SubjectKeyIdentifier(wanted) => {
                certificate.subject_key_id().is_some_and(|own| own.as_slice() == wanted.as_bytes())
            }
        }
    }
}

/// OpenSSL ignores differences of encoding, such as another string type.
fn is_same_name(encoded: &Any, name: &X509NameRef) -> bool {
    let parsed = encoded.to_der().ok().and_then(|der| X509Name::from_der(&der).ok());
    parsed.is_some_and(|parsed| parsed.try_cmp(name).is_ok_and(std::cmp::Ordering::is_eq))
}

/// ```text
/// IssuerAndSerialNumber ::= SEQUENCE {
///   issuer Name,
///   serialNumber CertificateSerialNumber }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct IssuerAndSerialNumber {
    pub(crate) issuer: Any,
    pub(crate) serial_number: Int,
}

impl IssuerAndSerialNumber {
    pub(crate) fn of(certificate: &X509Ref) -> Result<Self, Error> {
        let serial = certificate.serial_number().to_bn()?;
        let mut octets = serial.to_vec();
        if octets.first().is_none_or(|first| first & 0x80 != 0) {
            octets.insert(0, 0);
        }
        let issuer = Any::from_der(&certificate.issuer_name().to_der()?)?;
        Ok(Self { issuer, serial_number: Int::new(&octets)? })
    }
}

/// A `SET OF` that keeps the order of its elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetOf(Vec<u8>);

impl SetOf {
    /// A set of these encoded elements, in this order.
    pub(crate) fn in_order(elements: &[Vec<u8>]) -> Self {
        Self(elements.concat())
    }

    /// A set of these encoded elements, in the order of DER.
    pub(crate) fn sorted(mut elements: Vec<Vec<u8>>) -> Self {
        elements.sort();
        Self::in_order(&elements)
    }

    /// The encoding of each element, in order.
    pub(crate) fn elements(&self) -> Result<Vec<&[u8]>, Error> {
        ber::elements(&self.0)
    }

    /// The elements; more than `most` are an error, so that each may be looked at.
    pub(crate) fn at_most(&self, most: usize, what: &'static str) -> Result<Vec<&[u8]>, Error> {
        let elements = self.elements()?;
        if elements.len() > most {
            let reason = format!("{} elements, at most {most} are read", elements.len());
            return Err(Error::malformed(what)(reason));
        }
        Ok(elements)
    }

    /// The elements as attributes.
    pub(crate) fn attributes(&self) -> Result<Vec<Attribute>, Error> {
        self.elements()?.into_iter().map(Attribute::read).collect()
    }
}

impl FixedTag for SetOf {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for SetOf {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_vec(header.length()).map(Self)
    }
}

impl EncodeValue for SetOf {
    fn value_len(&self) -> der::Result<Length> {
        self.0.len().try_into()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.0)
    }
}

/// An encoded attribute with one value.
pub(crate) fn attribute(oid: ObjectIdentifier, value: Any) -> der::Result<Vec<u8>> {
    attr::Attribute { oid, values: SetOfVec::try_from([value])? }.to_der()
}
