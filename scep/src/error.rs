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
    /// The message is well-formed but breaks the protocol.
    #[error(transparent)]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The message uses something that this crate does not support.
    #[error("{what} `{value}` is not supported")]
    Unsupported {
        /// The kind of thing, such as `encryption algorithm`.
        what: &'static str,
        /// The name or the dotted object identifier of the thing.
        value: String,
    },
    /// A value of the message cannot be encoded.
    #[error("cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// The caller asked for something impossible.
    #[error("{0}")]
    Misuse(&'static str),
    /// OpenSSL refused an operation that should have worked.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] ErrorStack),
}

/// A way in which a peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A certification request is not signed with the key it asks a certificate for.
    #[error("the certification request's signature does not verify")]
    BadRequestSignature,
    /// The signature over the signed attributes does not verify.
    #[error("the message's signature does not verify")]
    BadSignature,
    /// The envelope cannot be decrypted with the recipient's key; which step failed is not reported.
    #[error("the envelope cannot be decrypted with this key")]
    CannotDecrypt,
    /// The `messageDigest` attribute is not the digest of the content.
    #[error("the messageDigest attribute does not match the content")]
    DigestMismatch,
    /// An attribute has a type or value that the standard does not allow.
    #[error("the {0} attribute has the wrong encoding")]
    MalformedAttribute(&'static str),
    /// A required attribute is missing.
    #[error("the {0} attribute is missing")]
    MissingAttribute(&'static str),
    /// A message has no envelope although it must.
    #[error("the message carries no envelope")]
    MissingEnvelope,
    /// The recipient is not among those of the envelope.
    #[error("the envelope is not addressed to `{0}`")]
    NotARecipient(String),
    /// An attribute occurs more than once.
    #[error("the {0} attribute occurs more than once")]
    RepeatedAttribute(&'static str),
    /// The signer's certificate is neither in the message nor among the known ones.
    #[error("the signer's certificate is neither in the message nor known")]
    SignerNotFound,
    /// The message has not exactly one signer.
    #[error("the message has {0} signers, it must have one")]
    WrongNumberOfSigners(usize),
    /// The message has another type than expected.
    #[error("a {0} message is not expected here")]
    UnexpectedMessageType(String),
}

impl Error {
    /// The `failInfo` with which a server answers this error (RFC 8894 §3.2.1.4).
    pub fn fail_info(&self) -> FailInfo {
        match self {
            Self::Unsupported { .. } => FailInfo::BadAlg,
            Self::PeerMisbehaved(
                PeerMisbehaved::BadSignature
                | PeerMisbehaved::DigestMismatch
                | PeerMisbehaved::BadRequestSignature
                | PeerMisbehaved::SignerNotFound,
            ) => FailInfo::BadMessageCheck,
            _ => FailInfo::BadRequest,
        }
    }

    /// An error in the structure `what`.
    pub(crate) fn malformed<E: ToString>(what: &'static str) -> impl Fn(E) -> Self {
        move |reason| Self::Malformed { what, reason: reason.to_string() }
    }

    pub(crate) fn unsupported(what: &'static str, value: impl Into<String>) -> Self {
        Self::Unsupported { what, value: value.into() }
    }
}
