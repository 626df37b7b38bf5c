//! What can go wrong with a message, by whose fault it is.

use openssl::error::ErrorStack;

use crate::attribute::FailInfo;

/// Why a message was not understood, not accepted or not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not what they should be: truncated, of another type, too deep or too long.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// The structure that was being read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The message is well-formed, and breaks the protocol.
    #[error(transparent)]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The message asks for something this crate does not do.
    #[error("{what} `{value}` is not supported")]
    Unsupported {
        /// The kind of thing asked for, such as `content encryption algorithm`.
        what: &'static str,
        /// Its name or dotted object identifier.
        value: String,
    },
    /// A value that a message is to carry cannot be encoded.
    #[error("not to be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// The caller asked for something that cannot be.
    #[error("{0}")]
    Misuse(&'static str),
    /// OpenSSL refused an operation that should have worked.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] ErrorStack),
}

/// How a peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A certification request is not signed with the key it asks a certificate for.
    #[error("the certification request's signature does not verify")]
    BadRequestSignature,
    /// The signature over the signed attributes does not verify.
    #[error("the message's signature does not verify")]
    BadSignature,
    /// The envelope opens to nothing sensible with our key; which step failed is not told apart.
    #[error("the envelope cannot be decrypted with this key")]
    CannotDecrypt,
    /// The `messageDigest` attribute is not the digest of the content.
    #[error("the messageDigest attribute does not match the content")]
    DigestMismatch,
    /// An attribute is there but not of the type or value the standard gives it.
    #[error("the {0} attribute is not encoded as it should be")]
    MalformedAttribute(&'static str),
    /// An attribute that must be there is not.
    #[error("the {0} attribute is missing")]
    MissingAttribute(&'static str),
    /// A message that must carry an envelope carries none.
    #[error("the message carries no envelope")]
    MissingEnvelope,
    /// None of the recipients of the envelope is us.
    #[error("the envelope is not addressed to `{0}`")]
    NotARecipient(String),
    /// An attribute is there twice.
    #[error("the {0} attribute is there more than once")]
    RepeatedAttribute(&'static str),
    /// The certificate of the signer is neither in the message nor known.
    #[error("the signer's certificate is neither in the message nor known")]
    SignerNotFound,
    /// The message must have exactly one signer.
    #[error("the message has {0} signers, it must have one")]
    WrongNumberOfSigners(usize),
    /// A message of this type is not expected here.
    #[error("a {0} message is not expected here")]
    UnexpectedMessageType(String),
}

impl Error {
    /// The `failInfo` a server answers this error with (RFC 8894 §3.2.1.4).
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

    /// What is wrong with a structure that was being read.
    pub(crate) fn malformed<E: ToString>(what: &'static str) -> impl Fn(E) -> Self {
        move |reason| Self::Malformed { what, reason: reason.to_string() }
    }

    pub(crate) fn unsupported(what: &'static str, value: impl Into<String>) -> Self {
        Self::Unsupported { what, value: value.into() }
    }
}
