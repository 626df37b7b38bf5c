//! Ways in which a message can be wrong, or unusual, on purpose: for testing who reads it.

use der::{
    Encode,
    asn1::{Any, Ia5StringRef, ObjectIdentifier, OctetStringRef},
};

use super::attributes::{
    AttributeKind, CONTENT_TYPE, ExtraAttribute, FAIL_INFO, MESSAGE_DIGEST, MESSAGE_TYPE,
    PKI_STATUS, RECIPIENT_NONCE, SENDER_NONCE, SIGNING_TIME, TRANSACTION_ID,
};
use crate::Error;

/// A way in which a message is wrong, or unusual, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distortion {
    /// The attribute is left out.
    Omit(AttributeName),
    /// The attribute is there twice.
    Repeat(AttributeName),
    /// The attribute's value is of another ASN.1 type: a string becomes octets, anything else a string.
    Retype(AttributeName),
    /// The `messageDigest` is that of other content (RFC 5652 §11.2).
    WrongMessageDigest,
    /// The signature is one byte off.
    CorruptSignature,
    /// There is no signer.
    NoSigner,
    /// The signer is there twice.
    TwoSigners,
    /// The signer has no signed attributes, and signs the content itself (RFC 5652 §5.4).
    NoSignedAttributes,
    /// The content says to be another thing than data (RFC 8894 §3.2).
    ContentTypeNotData,
    /// The signed attributes stand, and are signed, in another order than DER's.
    UnsortedAttributes,
}

/// A signed attribute by its name in the standard (RFC 8894 §3.2.1, RFC 5652 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeName {
    /// `contentType`.
    ContentType,
    /// `messageDigest`.
    MessageDigest,
    /// `signingTime`.
    SigningTime,
    /// `transactionID`.
    TransactionId,
    /// `messageType`.
    MessageType,
    /// `pkiStatus`.
    PkiStatus,
    /// `failInfo`.
    FailInfo,
    /// `senderNonce`.
    SenderNonce,
    /// `recipientNonce`.
    RecipientNonce,
}

impl AttributeName {
    fn kind(self) -> &'static AttributeKind {
        match self {
            Self::ContentType => &CONTENT_TYPE,
            Self::MessageDigest => &MESSAGE_DIGEST,
            Self::SigningTime => &SIGNING_TIME,
            Self::TransactionId => &TRANSACTION_ID,
            Self::MessageType => &MESSAGE_TYPE,
            Self::PkiStatus => &PKI_STATUS,
            Self::FailInfo => &FAIL_INFO,
            Self::SenderNonce => &SENDER_NONCE,
            Self::RecipientNonce => &RECIPIENT_NONCE,
        }
    }

    fn names(self, attribute: &ExtraAttribute) -> bool {
        ObjectIdentifier::new(&attribute.oid).is_ok_and(|oid| oid == self.kind().oid)
    }
}

/// Distorts the attributes of a message, which are not encoded yet.
pub(super) fn distort(
    distortions: &[Distortion],
    attributes: &mut Vec<ExtraAttribute>,
) -> Result<(), Error> {
    for distortion in distortions {
        match distortion {
            Distortion::Omit(name) => attributes.retain(|attribute| !name.names(attribute)),
            Distortion::Repeat(name) => {
                let again: Vec<_> =
                    attributes.iter().filter(|one| name.names(one)).cloned().collect();
                attributes.extend(again);
            }
            Distortion::Retype(name) => {
                for attribute in attributes.iter_mut().filter(|one| name.names(one)) {
                    attribute.value_der = retyped(&attribute.value_der)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The same octets as another type; octets that are no text become their hexadecimal digits.
fn retyped(value_der: &[u8]) -> Result<Vec<u8>, Error> {
    use der::{Decode, Tag, Tagged};
    let other = || -> der::Result<Vec<u8>> {
        let value = Any::from_der(value_der)?;
        match value.tag() {
            Tag::PrintableString | Tag::Utf8String => OctetStringRef::new(value.value())?.to_der(),
            _ => {
                let digits = hex::encode_upper(value.value());
                Ia5StringRef::new(&digits)?.to_der()
            }
        }
    };
    other().map_err(Error::malformed("signed attribute"))
}
