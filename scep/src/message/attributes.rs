//! The signed attributes of a message, read one by one.

use std::time::SystemTime;

use der::{
    Decode, Encode, Tag, Tagged,
    asn1::{Any, ObjectIdentifier, OctetStringRef, PrintableStringRef, SetOfVec, Utf8StringRef},
};
use x509_cert::{attr::Attribute, time::Time};

use crate::{
    Error, PeerMisbehaved,
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    cms::SetOf,
};

/// An attribute of SCEP or CMS: its object identifier, its name in the standard, and the longest value that is read, in
/// bytes; servers keep some of them.
pub(super) struct AttributeKind {
    pub(super) oid: ObjectIdentifier,
    pub(super) name: &'static str,
    most: usize,
}

macro_rules! attribute_kinds {
    ($($constant:ident = $oid:literal, $name:literal, $most:literal;)+) => {
        $(pub(super) const $constant: AttributeKind =
            AttributeKind { oid: ObjectIdentifier::new_unwrap($oid), name: $name, most: $most };)+
    };
}

attribute_kinds! {
    CONTENT_TYPE = "1.2.840.113549.1.9.3", "contentType", 32;
    MESSAGE_DIGEST = "1.2.840.113549.1.9.4", "messageDigest", 64;
    SIGNING_TIME = "1.2.840.113549.1.9.5", "signingTime", 32;
    MESSAGE_TYPE = "2.16.840.1.113733.1.9.2", "messageType", 16;
    PKI_STATUS = "2.16.840.1.113733.1.9.3", "pkiStatus", 16;
    FAIL_INFO = "2.16.840.1.113733.1.9.4", "failInfo", 16;
    SENDER_NONCE = "2.16.840.1.113733.1.9.5", "senderNonce", 64;
    RECIPIENT_NONCE = "2.16.840.1.113733.1.9.6", "recipientNonce", 64;
    TRANSACTION_ID = "2.16.840.1.113733.1.9.7", "transactionID", 256;
    FAIL_INFO_TEXT = "1.3.6.1.5.5.7.24.1", "failInfoText", 1024;
}

/// The signed attributes of a message (RFC 8894 §3.2.1); each is read when it is asked for.
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    pub(super) fn read(set: &SetOf) -> Result<Self, Error> {
        let malformed = Error::malformed("signed attributes");
        let elements = set.elements().map_err(&malformed)?;
        let attributes: der::Result<_> =
            elements.iter().map(|element| Attribute::from_ber(element)).collect();
        attributes.map(Self).map_err(malformed)
    }

    /// What the message is for (RFC 8894 §3.2.1.2).
    ///
    /// # Errors
    /// When the attribute is missing, repeated or no string; this holds for the other ones too.
    pub fn message_type(&self) -> Result<MessageType, Error> {
        self.required(&MESSAGE_TYPE, string).map(|text| MessageType::from_wire(&text))
    }

    /// The name of the transaction (RFC 8894 §3.2.1.1).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn transaction_id(&self) -> Result<TransactionId, Error> {
        self.required(&TRANSACTION_ID, string).map(TransactionId::new)
    }

    /// The nonce of who sent the message (RFC 8894 §3.2.1.5).
    ///
    /// # Errors
    /// As for [`Self::message_type`], and when it is empty.
    pub fn sender_nonce(&self) -> Result<Nonce, Error> {
        match self.required(&SENDER_NONCE, octets)? {
            nonce if nonce.is_empty() => {
                Err(PeerMisbehaved::MalformedAttribute(SENDER_NONCE.name).into())
            }
            nonce => Ok(Nonce::new(nonce)),
        }
    }

    /// The nonce of the request that this message answers (RFC 8894 §3.2.1.5).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn recipient_nonce(&self) -> Result<Nonce, Error> {
        self.required(&RECIPIENT_NONCE, octets).map(Nonce::new)
    }

    /// How the request was answered (RFC 8894 §3.2.1.3).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn pki_status(&self) -> Result<PkiStatus, Error> {
        self.required(&PKI_STATUS, string).map(|text| PkiStatus::from_wire(&text))
    }

    /// Why the request was refused (RFC 8894 §3.2.1.4).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn fail_info(&self) -> Result<FailInfo, Error> {
        self.required(&FAIL_INFO, string).map(|text| FailInfo::from_wire(&text))
    }

    /// The server's words for a refusal, where it gives any (RFC 8894 §3.2.1.4).
    ///
    /// # Errors
    /// When the attribute is there and repeated or no string.
    pub fn fail_info_text(&self) -> Result<Option<String>, Error> {
        self.optional(&FAIL_INFO_TEXT, string)
    }

    /// When the message says it was signed (RFC 5652 §11.3).
    ///
    /// # Errors
    /// When the attribute is there and repeated or no time.
    pub fn signing_time(&self) -> Result<Option<SystemTime>, Error> {
        self.optional(&SIGNING_TIME, |value| {
            Time::from_der(&value.to_der().ok()?).ok().map(|time| time.to_system_time())
        })
    }

    /// The DER values of an attribute named by its dotted object identifier, for those this crate does not know.
    pub fn raw(&self, oid: &str) -> Vec<Vec<u8>> {
        self.0
            .iter()
            .filter(|attribute| attribute.oid.to_string() == oid)
            .flat_map(|attribute| attribute.values.iter())
            .filter_map(|value| value.to_der().ok())
            .collect()
    }

    pub(super) fn content_type(&self) -> Result<Option<ObjectIdentifier>, Error> {
        self.optional(&CONTENT_TYPE, |value| value.decode_as().ok())
    }

    pub(super) fn message_digest(&self) -> Result<Vec<u8>, Error> {
        self.required(&MESSAGE_DIGEST, octets)
    }

    fn required<T>(
        &self,
        kind: &AttributeKind,
        read: impl FnOnce(&Any) -> Option<T>,
    ) -> Result<T, Error> {
        self.optional(kind, read)?.ok_or_else(|| PeerMisbehaved::MissingAttribute(kind.name).into())
    }

    fn optional<T>(
        &self,
        kind: &AttributeKind,
        read: impl FnOnce(&Any) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut found = self.0.iter().filter(|attribute| attribute.oid == kind.oid);
        let Some(attribute) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(PeerMisbehaved::RepeatedAttribute(kind.name).into());
        }
        let [value] = attribute.values.as_slice() else {
            return Err(PeerMisbehaved::MalformedAttribute(kind.name).into());
        };
        if value.value().len() > kind.most {
            return Err(PeerMisbehaved::MalformedAttribute(kind.name).into());
        }
        read(value).map(Some).ok_or(PeerMisbehaved::MalformedAttribute(kind.name).into())
    }
}

/// A string of whatever ASN.1 type: the standard says `PrintableString`, peers take liberties.
fn string(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::PrintableString | Tag::Utf8String | Tag::Ia5String | Tag::TeletexString => {
            String::from_utf8(value.value().to_vec()).ok()
        }
        _ => None,
    }
}

fn octets(value: &Any) -> Option<Vec<u8>> {
    (value.tag() == Tag::OctetString).then(|| value.value().to_vec())
}

/// A signed attribute to put into a message: a dotted object identifier and the DER of its one value.
#[derive(Clone, Debug)]
pub struct ExtraAttribute {
    /// The dotted object identifier.
    pub oid: String,
    /// The value, in DER.
    pub value_der: Vec<u8>,
}

impl ExtraAttribute {
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let oid = ObjectIdentifier::new(&self.oid)
            .map_err(|_| Error::Misuse("an attribute's object identifier is not dotted decimal"))?;
        encode(oid, Any::from_der(&self.value_der))
    }

    pub(super) fn printable(kind: &AttributeKind, text: &str) -> Result<Self, Error> {
        let value = PrintableStringRef::new(text).and_then(|text| text.to_der());
        Self::of(kind, value)
    }

    pub(super) fn utf8(kind: &AttributeKind, text: &str) -> Result<Self, Error> {
        Self::of(kind, Utf8StringRef::new(text).and_then(|text| text.to_der()))
    }

    pub(super) fn octets(kind: &AttributeKind, octets: &[u8]) -> Result<Self, Error> {
        Self::of(kind, OctetStringRef::new(octets).and_then(|octets| octets.to_der()))
    }

    pub(super) fn time(kind: &AttributeKind, time: SystemTime) -> Result<Self, Error> {
        Self::of(kind, Time::try_from(time).and_then(|time| time.to_der()))
    }

    pub(super) fn of(kind: &AttributeKind, value: der::Result<Vec<u8>>) -> Result<Self, Error> {
        let value_der = value.map_err(Error::malformed(kind.name))?;
        Ok(Self { oid: kind.oid.to_string(), value_der })
    }
}

fn encode(oid: ObjectIdentifier, value: der::Result<Any>) -> Result<Vec<u8>, Error> {
    let attribute = || -> der::Result<Vec<u8>> {
        Attribute { oid, values: SetOfVec::try_from(vec![value?])? }.to_der()
    };
    attribute().map_err(Error::malformed("signed attribute"))
}
