//! The signed attributes of a message, read one by one.

use std::time::SystemTime;

use der::{
    Encode, Tag, Tagged,
    asn1::{Any, ObjectIdentifier},
    oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNING_TIME},
};
use x509_cert::{attr::Attribute, time::Time};

use crate::{
    Error, PeerMisbehaved,
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    cms::SetOf,
    named,
};

named! {
    /// A signed attribute by its name in the standard (RFC 8894 §3.2.1, RFC 5652 §11).
    #[non_exhaustive]
    AttributeName, "attribute" {
        /// `contentType`.
        ContentType = "contentType";
        /// `messageDigest`.
        MessageDigest = "messageDigest";
        /// `signingTime`.
        SigningTime = "signingTime";
        /// `transactionID`.
        TransactionId = "transactionID";
        /// `messageType`.
        MessageType = "messageType";
        /// `pkiStatus`.
        PkiStatus = "pkiStatus";
        /// `failInfo`.
        FailInfo = "failInfo";
        /// `failInfoText`.
        FailInfoText = "failInfoText";
        /// `senderNonce`.
        SenderNonce = "senderNonce";
        /// `recipientNonce`.
        RecipientNonce = "recipientNonce";
    }
}

impl AttributeName {
    pub(crate) fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::ContentType => return ID_CONTENT_TYPE,
            Self::MessageDigest => return ID_MESSAGE_DIGEST,
            Self::SigningTime => return ID_SIGNING_TIME,
            Self::MessageType => "2.16.840.1.113733.1.9.2",
            Self::PkiStatus => "2.16.840.1.113733.1.9.3",
            Self::FailInfo => "2.16.840.1.113733.1.9.4",
            Self::SenderNonce => "2.16.840.1.113733.1.9.5",
            Self::RecipientNonce => "2.16.840.1.113733.1.9.6",
            Self::TransactionId => "2.16.840.1.113733.1.9.7",
            Self::FailInfoText => "1.3.6.1.5.5.7.24.1",
        })
    }

    /// The longest value that is read, in bytes, because servers keep some of the values.
    fn limit(self) -> usize {
        match self {
            Self::MessageType | Self::PkiStatus | Self::FailInfo => 16,
            Self::ContentType | Self::SigningTime => 32,
            Self::MessageDigest | Self::SenderNonce | Self::RecipientNonce => 64,
            Self::TransactionId => 256,
            Self::FailInfoText => 1024,
        }
    }
}

/// The signed attributes of a message (RFC 8894 §3.2.1), each decoded on demand.
#[derive(Debug)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    pub(super) fn read(set: &SetOf) -> Result<Self, Error> {
        set.attributes().map(Self).map_err(Error::malformed("signed attributes"))
    }

    /// The purpose of the message (RFC 8894 §3.2.1.2).
    ///
    /// # Errors
    /// Fails if the attribute is missing, repeated or of another type.
    pub fn message_type(&self) -> Result<MessageType, Error> {
        self.required(AttributeName::MessageType, string).map(|text| MessageType::from_wire(&text))
    }

    /// The id of the transaction (RFC 8894 §3.2.1.1).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn transaction_id(&self) -> Result<TransactionId, Error> {
        self.required(AttributeName::TransactionId, string).map(TransactionId::new)
    }

    /// The nonce of the sender (RFC 8894 §3.2.1.5).
    ///
    /// # Errors
    /// As for [`Self::message_type`], and when it is empty.
    pub fn sender_nonce(&self) -> Result<Nonce, Error> {
        let filled = |value: &Any| octets(value).filter(|nonce| !nonce.is_empty());
        self.required(AttributeName::SenderNonce, filled).map(Nonce::new)
    }

    /// The nonce of the request that this message answers (RFC 8894 §3.2.1.5).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn recipient_nonce(&self) -> Result<Nonce, Error> {
        self.required(AttributeName::RecipientNonce, octets).map(Nonce::new)
    }

    /// The result of the request (RFC 8894 §3.2.1.3).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn pki_status(&self) -> Result<PkiStatus, Error> {
        self.required(AttributeName::PkiStatus, string).map(|text| PkiStatus::from_wire(&text))
    }

    /// The reason for a refusal (RFC 8894 §3.2.1.4).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn fail_info(&self) -> Result<FailInfo, Error> {
        self.required(AttributeName::FailInfo, string).map(|text| FailInfo::from_wire(&text))
    }

    /// The reason for a refusal in words, if the server gives any (RFC 8894 §3.2.1.4).
    ///
    /// # Errors
    /// Fails if the attribute is repeated or its value is not a string.
    pub fn fail_info_text(&self) -> Result<Option<String>, Error> {
        self.optional(AttributeName::FailInfoText, string)
    }

    /// The time of the signature, if the message has it (RFC 5652 §11.3).
    ///
    /// # Errors
    /// Fails if the attribute is repeated or its value is not a time.
    pub fn signing_time(&self) -> Result<Option<SystemTime>, Error> {
        let time = |value: &Any| value.decode_as::<Time>().ok().map(|time| time.to_system_time());
        self.optional(AttributeName::SigningTime, time)
    }

    /// The DER values of an attribute with this dotted object identifier, for attributes unknown to this crate.
    pub fn raw(&self, oid: &str) -> Vec<Vec<u8>> {
        self.0
            .iter()
            .filter(|attribute| attribute.oid.to_string() == oid)
            .flat_map(|attribute| attribute.values.iter())
            .filter_map(|value| value.to_der().ok())
            .collect()
    }

    pub(super) fn content_type(&self) -> Result<Option<ObjectIdentifier>, Error> {
        self.optional(AttributeName::ContentType, |value| value.decode_as().ok())
    }

    pub(super) fn message_digest(&self) -> Result<Vec<u8>, Error> {
        self.required(AttributeName::MessageDigest, octets)
    }

    fn required<T>(
        &self,
        name: AttributeName,
        read: impl FnOnce(&Any) -> Option<T>,
    ) -> Result<T, Error> {
        let missing = PeerMisbehaved::MissingAttribute(name.as_str());
        self.optional(name, read)?.ok_or(missing.into())
    }

    fn optional<T>(
        &self,
        name: AttributeName,
        read: impl FnOnce(&Any) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let (oid, limit) = (name.oid(), name.limit());
        let mut found = self.0.iter().filter(|attribute| attribute.oid == oid);
        let Some(attribute) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(PeerMisbehaved::RepeatedAttribute(name.as_str()).into());
        }
        let value = match attribute.values.as_slice() {
            [value] if value.value().len() <= limit => read(value),
            _ => None,
        };
        value.map(Some).ok_or(PeerMisbehaved::MalformedAttribute(name.as_str()).into())
    }
}

/// A string of any ASN.1 type, because peers use others than the `PrintableString` of the standard.
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
