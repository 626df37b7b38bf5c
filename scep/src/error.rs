//! Errors of messages, classified by their cause.

use openssl::error::ErrorStack;

use crate::attribute::FailInfo;

/// The reason why a message was not understood, not accepted or not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not the expected structure: truncated, of another type, too deep or too long.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// The expected structure.
        what: &'static str,
        /// The mistake in it.
        reason: String,
    },
    /// The bytes are something else, such as a web page.
    #[error("{came} came in place of the {what}")]
    Foreign {
        /// The expected structure.
        what: &'static str,
        /// What came, in words.
        came: String,
    },
    /// The message is well-formed but breaks the protocol.
    #[error(transparent)]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The message uses something that this crate does not support.
    #[error("{what} {value} is not supported")]
    Unsupported {
        /// The kind of thing, such as `encryption algorithm`.
        what: &'static str,
        /// The name or the dotted object identifier of the thing, between backticks.
        value: String,
    },
    /// A certification request does not prove that its sender has the key.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// A value of the message cannot be encoded.
    #[error("a value cannot be encoded in ASN.1 ({0})")]
    Encoding(der::Error),
    /// The caller asked for something impossible.
    #[error("{0}")]
    Misuse(&'static str),
    /// OpenSSL refused an operation that should have worked.
    #[error("OpenSSL failed at what should work ({})", reasons(.0))]
    Crypto(ErrorStack),
}

// Without `source`: the text of the error has the text of its cause.
impl From<der::Error> for Error {
    fn from(error: der::Error) -> Self {
        Self::Encoding(error)
    }
}

impl From<ErrorStack> for Error {
    fn from(error: ErrorStack) -> Self {
        Self::Crypto(error)
    }
}

/// The reasons of OpenSSL in its words, without numbers, functions and files.
pub fn reasons(errors: &ErrorStack) -> String {
    let mut reasons: Vec<_> =
        errors.errors().iter().filter_map(openssl::error::Error::reason).collect();
    reasons.dedup();
    if reasons.is_empty() { "nothing about the reason".to_owned() } else { reasons.join(", ") }
}

/// The reason why a certification request is not accepted as its sender's own (RFC 2986 §4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproven {
    /// The version is not the only one.
    #[error(
        "the certification request has version {0}; PKCS#10 has only version 0 (RFC 2986 §4.1)"
    )]
    Version(String),
    /// The signature algorithm is unknown.
    #[error("the certification request is signed with the algorithm {0}, which is not supported")]
    Algorithm(String),
    /// The signature algorithm does not fit the key.
    #[error("the certification request is signed with {algorithm}, its key is of the type {key}")]
    KeyType {
        /// The signature algorithm.
        algorithm: String,
        /// The type of the key.
        key: String,
    },
    /// The signature does not verify.
    #[error("the certification request's signature does not verify with the key in it")]
    Signature,
    /// The request is not in DER, and the signature is not that of its form in DER.
    #[error(
        "the certification request is not in DER, and its signature is not one of its form in DER, which is what is signed (RFC 2986 §4.2)"
    )]
    SignatureOfBer,
    /// The signature cannot be compared at all, with what OpenSSL says about it: it has no form that the algorithm allows, or the key
    /// cannot be used.
    #[error(
        "the certification request's signature cannot be checked with the key in it; OpenSSL says: {0}"
    )]
    Unreadable(String),
}

/// A way in which a peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// The signature over the signed attributes does not verify.
    #[error("the message's signature does not verify")]
    BadSignature,
    /// The envelope cannot be decrypted with the recipient's key; which step failed is not reported.
    #[error(
        "the envelope is addressed to this recipient, but its key does not open it: it was enciphered with another key, or damaged"
    )]
    CannotDecrypt,
    /// The `messageDigest` attribute is not the digest of the content.
    #[error("the messageDigest attribute does not match the content")]
    DigestMismatch,
    /// The message is signed with an algorithm that does not fit the key of its signer.
    #[error(
        "the message is signed with the algorithm `{0}`, which does not fit the key of its signer"
    )]
    KeyType(String),
    /// An attribute has a type or value that the standard does not allow.
    #[error("the {name} attribute has the wrong encoding: {reason}")]
    MalformedAttribute {
        /// The attribute.
        name: &'static str,
        /// What came, and what must come.
        reason: String,
    },
    /// A required attribute is missing.
    #[error("the {0} attribute is missing")]
    MissingAttribute(&'static str),
    /// The encrypted content has a length that the cipher does not produce: a multiple of its block, in bytes, and not none.
    #[error(
        "the encrypted content has {length} bytes, and the cipher makes blocks of {block} bytes: it is incomplete or damaged"
    )]
    EncryptedLength {
        /// The length that came, in bytes.
        length: usize,
        /// The length of a block, in bytes.
        block: usize,
    },
    /// The envelope is encrypted with another password than the challenge password, or damaged.
    #[error(
        "the envelope is encrypted with a password (RFC 8894 §3.1), and the challenge password of the request does not open it: it is another \
         one, or the envelope is damaged"
    )]
    OtherPassword,
    /// The envelope is encrypted with a password, and the request had none.
    #[error(
        "the envelope is encrypted with a password (RFC 8894 §3.1), and the request had no challenge password"
    )]
    PasswordRecipient,
    /// A message has no envelope although it must.
    #[error("the message carries no envelope")]
    MissingEnvelope,
    /// The recipient is not among those of the envelope.
    #[error("the envelope is addressed to {addressed_to}, not to {own}")]
    NotARecipient {
        /// The certificates that it is addressed to, in words.
        addressed_to: String,
        /// The recipient's own certificate, in words.
        own: String,
    },
    /// An attribute occurs more than once.
    #[error("the {0} attribute occurs more than once")]
    RepeatedAttribute(&'static str),
    /// The signer's certificate is neither in the message nor among the known ones.
    #[error("the signer, {0}, is neither in the message nor among the known certificates")]
    SignerNotFound(String),
    /// The message has not exactly one signer.
    #[error("the message has {0} signers, it must have one")]
    WrongNumberOfSigners(usize),
    /// The message has another type than expected.
    #[error("a message of the type {0} is not expected here")]
    UnexpectedMessageType(String),
}

impl Error {
    /// The `failInfo` with which a server answers this error (RFC 8894 §3.2.1.4).
    pub fn fail_info(&self) -> FailInfo {
        match self {
            Self::Unsupported { .. } | Self::Unproven(Unproven::Algorithm(_)) => FailInfo::BadAlg,
            Self::PeerMisbehaved(
                PeerMisbehaved::BadSignature
                | PeerMisbehaved::KeyType(_)
                | PeerMisbehaved::DigestMismatch
                | PeerMisbehaved::SignerNotFound(_),
            )
            | Self::Unproven(
                Unproven::Signature
                | Unproven::SignatureOfBer
                | Unproven::Unreadable(_)
                | Unproven::KeyType { .. },
            ) => FailInfo::BadMessageCheck,
            _ => FailInfo::BadRequest,
        }
    }

    /// An error in the structure `what`.
    pub(crate) fn malformed<E: ToString>(what: &'static str) -> impl Fn(E) -> Self {
        move |reason| Self::Malformed { what, reason: reason.to_string() }
    }

    /// The same error in the structure `what`, if it only says that BER is malformed.
    pub(crate) fn about(self, what: &'static str) -> Self {
        match self {
            Self::Malformed { what: "BER", reason } => Self::Malformed { what, reason },
            other => other,
        }
    }

    pub(crate) fn unsupported(what: &'static str, value: &str) -> Self {
        Self::Unsupported { what, value: format!("`{value}`") }
    }
}
