//! The signed attributes of a pkiMessage and their values (RFC 8894 §3.2.1).

use std::fmt;

use openssl::{
    error::ErrorStack,
    hash::{MessageDigest, hash},
    pkey::{HasPublic, PKeyRef},
};

use crate::Entropy;

/// Defines an enumeration that travels as a decimal `PrintableString`, and keeps values it does not know.
macro_rules! wire_number {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value the standard does not know, as it was received.
            Other(String),
        }

        impl $name {
            /// The value as it travels: decimal digits.
            pub fn as_wire(&self) -> &str {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Other(value) => value,
                }
            }

            /// The value that travels as `wire`.
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
    /// What a message is for (RFC 8894 §3.2.1.2).
    MessageType {
        /// The server's response to a request.
        CertRep = "3", "CertRep";
        /// A request signed with an existing certificate.
        RenewalReq = "17", "RenewalReq";
        /// A request for a first certificate.
        PkcsReq = "19", "PKCSReq";
        /// A question after a pending request.
        CertPoll = "20", "CertPoll";
        /// A request for an issued certificate.
        GetCert = "21", "GetCert";
        /// A request for a revocation list.
        GetCrl = "22", "GetCRL";
    }
}

wire_number! {
    /// How a request was answered (RFC 8894 §3.2.1.3).
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
    /// Why a request was refused (RFC 8894 §3.2.1.4).
    FailInfo {
        /// An algorithm is not known or not supported.
        BadAlg = "0", "badAlg";
        /// The message's signature does not verify.
        BadMessageCheck = "1", "badMessageCheck";
        /// The transaction is not permitted or not supported.
        BadRequest = "2", "badRequest";
        /// The `signingTime` is too far from the server's time.
        BadTime = "3", "badTime";
        /// No certificate could be found that the request speaks of.
        BadCertId = "4", "badCertId";
    }
}

/// The name of one transaction, the same in all its messages (RFC 8894 §3.2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TransactionId(String);

impl TransactionId {
    /// A transaction id as received; the standard sets no form beyond `PrintableString`.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The upper-case hexadecimal SHA-1 digest of the public key's `SubjectPublicKeyInfo`, as strongSwan makes it.
    ///
    /// # Errors
    /// When OpenSSL cannot encode the key.
    pub fn from_public_key<T: HasPublic>(key: &PKeyRef<T>) -> Result<Self, ErrorStack> {
        let digest = hash(MessageDigest::sha1(), &key.public_key_to_der()?)?;
        Ok(Self(hex::encode_upper(digest)))
    }

    /// A fresh id that nobody else has: 128 random bits, in upper-case hexadecimal.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub fn generate(entropy: Entropy<'_>) -> Result<Self, ErrorStack> {
        let mut bytes = [0; 16];
        entropy(&mut bytes)?;
        Ok(Self(hex::encode_upper(bytes)))
    }

    /// The id as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

/// A number used once, which ties a reply to its request (RFC 8894 §3.2.1.5): 16 bytes when it is ours.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// The length of a nonce in bytes (RFC 8894 §3.2.1).
    pub const BYTES: usize = 16;

    /// A nonce as received, of whatever length.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A fresh nonce.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub fn generate(entropy: Entropy<'_>) -> Result<Self, ErrorStack> {
        let mut bytes = vec![0; Self::BYTES];
        entropy(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes as they travel.
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
    fn an_unknown_value_keeps_its_text() {
        let status = PkiStatus::from_wire("7");
        assert_eq!(status, PkiStatus::Other("7".into()));
        assert_eq!(status.to_string(), "unknown `7`");
        assert_eq!(status.as_wire(), "7");
    }

    #[test]
    fn known_values_go_both_ways() {
        for wire in ["3", "17", "19", "20", "21", "22"] {
            let message_type = MessageType::from_wire(wire);
            assert!(!matches!(message_type, MessageType::Other(_)), "{wire}");
            assert_eq!(message_type.as_wire(), wire);
        }
    }
}
