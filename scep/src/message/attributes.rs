//! The signed attributes of a message, read one by one.

use std::time::SystemTime;

use der::{
    asn1::ObjectIdentifier,
    oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNING_TIME},
};
use x509_cert::time::Time;

use super::Reading;
use crate::{
    Error, PeerMisbehaved,
    attribute::{FailInfo, MESSAGE_TYPE, MessageType, Nonce, PkiStatus, TransactionId},
    cms::{Attribute, SetOf, Value},
    denial::{Denial, Hresult},
    named,
    printable::is_printable,
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
    /// The attribute with this dotted object identifier.
    pub fn of_oid(oid: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.oid().to_string() == oid)
    }

    pub(crate) fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::ContentType => return ID_CONTENT_TYPE,
            Self::MessageDigest => return ID_MESSAGE_DIGEST,
            Self::SigningTime => return ID_SIGNING_TIME,
            Self::MessageType => return MESSAGE_TYPE,
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

    /// What is wrong with a value that cannot be read as this attribute's.
    fn mistake(self, value: &Value) -> String {
        let wanted = match self {
            Self::ContentType => "an OBJECT IDENTIFIER",
            Self::MessageDigest | Self::SenderNonce | Self::RecipientNonce => "an OCTET STRING",
            Self::SigningTime => "a time from 1970 on, with seconds and `Z` (RFC 5652 §11.3)",
            Self::FailInfoText => "a readable UTF8String",
            Self::MessageType | Self::PkiStatus | Self::FailInfo | Self::TransactionId => {
                "a readable PrintableString"
            }
        };
        let text = value.text().filter(|_| value.is_printable_string());
        match text.and_then(|text| text.chars().find(|character| !is_printable(*character))) {
            Some(character) => format!(
                "its PrintableString has `{}`, which is no character of that type",
                character.escape_debug()
            ),
            None if value.content().is_empty() => "it is empty".to_owned(),
            None => format!("its value is {}, not {wanted}", value.type_name()),
        }
    }
}

/// The signed attributes of a message (RFC 8894 §3.2.1), each decoded on demand.
#[derive(Debug)]
pub struct Attributes {
    all: Vec<Attribute>,
    reading: Reading,
}

impl Attributes {
    pub(super) fn read(set: &SetOf, reading: Reading) -> Result<Self, Error> {
        Ok(Self { all: set.attributes()?, reading })
    }

    /// The purpose of the message (RFC 8894 §3.2.1.2).
    ///
    /// # Errors
    /// Fails if the attribute is missing, repeated or of another type.
    pub fn message_type(&self) -> Result<MessageType, Error> {
        self.required(AttributeName::MessageType, self.text())
            .map(|text| MessageType::from_wire(&text))
    }

    /// The id of the transaction (RFC 8894 §3.2.1.1).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn transaction_id(&self) -> Result<TransactionId, Error> {
        self.required(AttributeName::TransactionId, self.text()).map(TransactionId::new)
    }

    /// The nonce of the sender (RFC 8894 §3.2.1.5).
    ///
    /// # Errors
    /// As for [`Self::message_type`], and when it is empty.
    pub fn sender_nonce(&self) -> Result<Nonce, Error> {
        let filled = |value: &Value| octets(value).filter(|nonce| !nonce.is_empty());
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
        self.required(AttributeName::PkiStatus, self.text()).map(|text| PkiStatus::from_wire(&text))
    }

    /// The reason for a refusal (RFC 8894 §3.2.1.4).
    ///
    /// # Errors
    /// As for [`Self::message_type`].
    pub fn fail_info(&self) -> Result<FailInfo, Error> {
        self.required(AttributeName::FailInfo, self.text()).map(|text| FailInfo::from_wire(&text))
    }

    /// The reason for a refusal in words, if the server gives any (RFC 8894 §3.2.1.4).
    ///
    /// # Errors
    /// Fails if the attribute is repeated or its value is not a string.
    pub fn fail_info_text(&self) -> Result<Option<String>, Error> {
        self.optional(AttributeName::FailInfoText, self.text())
    }

    /// All that the server says about a refusal: `failInfo`, `failInfoText`, and what NDES and older step-ca write in their own attributes.
    ///
    /// # Errors
    /// As for [`Self::fail_info`] and [`Self::fail_info_text`]; a missing `failInfo` is none, because the other reasons are worth
    /// more then, and an attribute of NDES that cannot be read is left out.
    pub fn denial(&self) -> Result<Denial, Error> {
        let text = |oid| self.values(oid).find_map(Value::text).map(|text| beginning(&text));
        let number = self.values(Hresult::OID).find_map(|value| {
            value.integer().and_then(Hresult::from_octets).or_else(|| value.text()?.parse().ok())
        });
        // A number that is none is shown as it came.
        let no_number = || text(Hresult::OID).filter(|_| number.is_none());
        Ok(Denial {
            fail_info: self
                .optional(AttributeName::FailInfo, self.text())?
                .map(|text| FailInfo::from_wire(&text)),
            text: self.fail_info_text()?.or_else(|| text(Denial::OLD_STEP_CA_TEXT_OID)),
            hresult: number,
            server_message: text(Denial::SERVER_MESSAGE_OID).or_else(no_number),
        })
    }

    /// True if the message has at least one of SCEP's own attributes (RFC 8894 §3.2.1).
    pub(crate) fn are_scep(&self) -> bool {
        self.all.iter().any(|attribute| attribute.oid.as_bytes().starts_with(SCEP.as_bytes()))
    }

    /// The time of the signature, if the message has it (RFC 5652 §11.3).
    ///
    /// # Errors
    /// Fails if the attribute is repeated or its value is not a time.
    pub fn signing_time(&self) -> Result<Option<SystemTime>, Error> {
        let time = |value: &Value| value.decode::<Time>().map(|time| time.to_system_time());
        self.optional(AttributeName::SigningTime, time)
    }

    /// The DER values of an attribute with this dotted object identifier, for attributes unknown to this crate.
    pub fn raw(&self, oid: &str) -> Vec<Vec<u8>> {
        self.values(oid).map(|value| value.der().to_vec()).collect()
    }

    /// The dotted object identifiers of the attributes, in the order received.
    pub fn oids(&self) -> Vec<String> {
        self.all.iter().map(|attribute| attribute.oid.to_string()).collect()
    }

    /// The text of the first value of an attribute with this dotted object identifier, if it is a string of any type.
    pub fn text_of(&self, oid: &str) -> Option<String> {
        self.values(oid).find_map(Value::text).map(|text| beginning(&text))
    }

    /// True if there is an attribute with this dotted object identifier, whatever its value.
    pub fn has(&self, oid: &str) -> bool {
        self.all.iter().any(|attribute| attribute.oid.to_string() == oid)
    }

    fn values<'a>(&'a self, oid: &'a str) -> impl Iterator<Item = &'a Value> {
        let named = self.all.iter().filter(move |attribute| attribute.oid.to_string() == oid);
        named.filter_map(|attribute| attribute.values.as_ref().ok()).flatten()
    }

    pub(super) fn content_type(&self) -> Result<Option<ObjectIdentifier>, Error> {
        self.optional(AttributeName::ContentType, Value::decode)
    }

    pub(super) fn message_digest(&self) -> Result<Vec<u8>, Error> {
        self.required(AttributeName::MessageDigest, octets)
    }

    fn text(&self) -> impl FnOnce(&Value) -> Option<String> {
        let strict = self.reading.strict_strings;
        move |value| value.text().filter(|_| !strict || !is_printable_string_amiss(value))
    }

    fn required<T>(
        &self,
        name: AttributeName,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Error> {
        let missing = PeerMisbehaved::MissingAttribute(name.as_str());
        self.optional(name, read)?.ok_or(missing.into())
    }

    fn optional<T>(
        &self,
        name: AttributeName,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let (oid, limit) = (name.oid(), name.limit());
        let mut found = self.all.iter().filter(|attribute| attribute.oid == oid);
        let Some(attribute) = found.next() else { return Ok(None) };
        if found.next().is_some() && !self.reading.repeated_attributes {
            return Err(PeerMisbehaved::RepeatedAttribute(name.as_str()).into());
        }
        let value = match attribute.values.as_deref() {
            Ok([value, ..]) if value.content().len() > limit => {
                let reason = format!("{} bytes, at most {limit} are read", value.content().len());
                return Err(Error::malformed(name.as_str())(reason));
            }
            Ok([value, further @ ..]) if further.is_empty() || self.reading.repeated_attributes => {
                read(value).ok_or_else(|| name.mistake(value))
            }
            Ok(values) => Err(format!("it has {} values, and must have one", values.len())),
            Err(no_set) => Err(no_set.to_string()),
        };
        let malformed =
            |reason| PeerMisbehaved::MalformedAttribute { name: name.as_str(), reason }.into();
        value.map(Some).map_err(malformed)
    }
}

/// The arc of the attributes that RFC 8894 §3.2.1 defines, but for `failInfoText`.
const SCEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9");

/// True for a `PrintableString` with characters that neither it has (X.680 §41.4) nor Go reads in it, `*` and `&`.
fn is_printable_string_amiss(value: &Value) -> bool {
    let is_read = |byte: &u8| is_printable(char::from(*byte)) || matches!(byte, b'*' | b'&');
    value.is_printable_string() && !value.content().iter().all(is_read)
}

/// So much of a server's words as is kept.
fn beginning(text: &str) -> String {
    const KEPT: usize = 1024;
    text.chars().take(KEPT).collect()
}

fn octets(value: &Value) -> Option<Vec<u8>> {
    value.octets().map(<[u8]>::to_vec)
}
