//! The signed attributes of a pkiMessage and their values (RFC 8894 §3.2.1).

use std::fmt;

use der::asn1::ObjectIdentifier;
use openssl::{
    error::ErrorStack,
    hash::{MessageDigest, hash},
    pkey::{HasPublic, PKeyRef},
};

use crate::{Entropy, printable::is_printable};

/// The object identifier of the attribute `messageType` (RFC 8894 §3.2.1.2).
pub(crate) const MESSAGE_TYPE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.2");

/// Defines an enumeration that is sent as a decimal `PrintableString`, and keeps unknown values.
macro_rules! wire_number {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value that the standard does not define, as received.
            Other(String),
        }

        impl $name {
            /// The value as it is sent: decimal digits.
            pub fn as_wire(&self) -> &str {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Other(value) => value,
                }
            }

            /// Reads a value from its form in a message: `wire` has decimal digits.
            pub fn from_wire(wire: &str) -> Self {
                match wire {
                    $($number => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)+
                    Self::Other(value) => write!(f, "unknown `{}`", value.escape_debug()),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            /// Reads what `Display` writes.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let unknown = text.strip_prefix("unknown `").and_then(|it| it.strip_suffix('`'));
                Ok(match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(unknown.unwrap_or(text).to_owned()),
                })
            }
        }

        crate::serde_as_text!($name);
    };
}

wire_number! {
    /// The purpose of a message (RFC 8894 §3.2.1.2).
    MessageType {
        /// The server's response to a request.
        CertRep = "3", "CertRep";
        /// A request signed with an existing certificate.
        RenewalReq = "17", "RenewalReq";
        /// A request for a first certificate.
        PkcsReq = "19", "PKCSReq";
        /// A question about a pending request.
        CertPoll = "20", "CertPoll";
        /// A request for an issued certificate.
        GetCert = "21", "GetCert";
        /// A request for a revocation list.
        GetCrl = "22", "GetCRL";
    }
}

wire_number! {
    /// The result of a request (RFC 8894 §3.2.1.3).
    PkiStatus {
        /// The request was granted.
        Success = "0", "SUCCESS";
        /// The request was refused; `failInfo` says why.
        Failure = "2", "FAILURE";
        /// The request waits for a decision.
        Pending = "3", "PENDING";
    }
}

wire_number! {
    /// The reason for a refusal (RFC 8894 §3.2.1.4).
    FailInfo {
        /// An algorithm is not known or not supported.
        BadAlg = "0", "badAlg";
        /// The message's signature does not verify.
        BadMessageCheck = "1", "badMessageCheck";
        /// The transaction is not permitted or not supported.
        BadRequest = "2", "badRequest";
        /// The `signingTime` is too far from the server's time.
        BadTime = "3", "badTime";
        /// The certificate that the request names was not found.
        BadCertId = "4", "badCertId";
    }
}

/// The id of a transaction, the same in all its messages (RFC 8894 §3.2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TransactionId(String);

impl TransactionId {
    /// A transaction id as received; the standard demands no more than a `PrintableString`.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The upper-case hexadecimal SHA-1 digest of the public key's `SubjectPublicKeyInfo`, as strongSwan makes it.
    ///
    /// # Errors
    /// Fails if OpenSSL cannot encode the key.
    pub fn from_public_key<T: HasPublic>(key: &PKeyRef<T>) -> Result<Self, ErrorStack> {
        let digest = hash(MessageDigest::sha1(), &key.public_key_to_der()?)?;
        Ok(Self(hex::encode_upper(digest)))
    }

    /// A unique id: 128 random bits, in upper-case hexadecimal.
    ///
    /// # Errors
    /// Fails if `entropy` fails.
    pub fn generate(entropy: Entropy<'_>) -> Result<Self, ErrorStack> {
        let mut bytes = [0; 16];
        entropy(&mut bytes)?;
        Ok(Self(hex::encode_upper(bytes)))
    }

    /// The first character that no `PrintableString` has (X.680 §41.4), if there is one; a message cannot have such an id
    /// (RFC 8894 §3.2.1.1).
    pub fn unprintable(&self) -> Option<char> {
        self.0.chars().find(|character| !is_printable(*character))
    }

    /// The id as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

/// A number used once, which ties a reply to its request (RFC 8894 §3.2.1.5).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// The length of a generated nonce in bytes (RFC 8894 §3.2.1).
    pub const BYTES: usize = 16;

    /// A nonce as received, of any length.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A fresh nonce.
    ///
    /// # Errors
    /// Fails if `entropy` fails.
    pub fn generate(entropy: Entropy<'_>) -> Result<Self, ErrorStack> {
        let mut bytes = vec![0; Self::BYTES];
        entropy(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes as they are sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_pki_status_keeps_its_text() {
        let status = PkiStatus::from_wire("7");
        assert_eq!(status, PkiStatus::Other("7".into()));
        assert_eq!(status.to_string(), "unknown `7`");
        assert_eq!(status.as_wire(), "7");
    }

    #[test]
    fn message_types_are_read_and_written() {
        for wire in ["3", "17", "19", "20", "21", "22"] {
            let message_type = MessageType::from_wire(wire);
            assert!(!matches!(message_type, MessageType::Other(_)), "{wire}");
            assert_eq!(message_type.as_wire(), wire);
        }
    }
}
