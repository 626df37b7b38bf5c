//! The closed catalogue of mutations: what can be wrong or unusual in a request.

use scep::danger::Distortion;
use scep::message::AttributeName::{
    ContentType, MessageDigest, MessageType, SenderNonce, TransactionId,
};

/// The requests that a mutation applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Any request.
    Query,
    /// A pkiMessage.
    Message,
    /// A pkiMessage that asks for a certificate.
    Enrolment,
    /// A pkiMessage that asks for something by the name of its issuer.
    Lookup,
    /// A pkiMessage sent by GET.
    Get,
    /// A pkiMessage sent by POST.
    Post,
}

macro_rules! mutations {
    ($($variant:ident, $name:literal, $carrier:ident, $text:literal;)+) => {
        scep::named! {
            /// A deliberate error or peculiarity of a request.
            #[derive(PartialOrd, Ord)]
            Mutation, "mutation" {
                $(#[doc = $text] $variant = $name;)+
            }
        }

        impl Mutation {
            /// Description in a sentence.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The kind of request that the mutation can change.
            pub fn carrier(self) -> Carrier {
                match self { $(Self::$variant => Carrier::$carrier,)+ }
            }
        }
    };
}

mutations! {
    NoTransactionId, "no-transaction-id", Message, "The transactionID is left out.";
    NoMessageType, "no-message-type", Message, "The messageType is left out.";
    NoSenderNonce, "no-sender-nonce", Message, "The senderNonce is left out.";
    NoContentType, "no-content-type-attribute", Message, "The contentType attribute is left out.";
    NoMessageDigest, "no-message-digest", Message, "The messageDigest is left out.";
    TwoTransactionIds, "two-transaction-ids", Message, "The message has two transactionID attributes.";
    TwoMessageTypes, "two-message-types", Message, "The message has two messageType attributes.";
    TwoSenderNonces, "two-sender-nonces", Message, "The message has two senderNonce attributes.";
    TransactionIdAsOctets, "transaction-id-as-octets", Message, "The transactionID is an OCTET STRING.";
    MessageTypeAsOctets, "message-type-as-octets", Message, "The messageType is an OCTET STRING.";
    SenderNonceAsString, "sender-nonce-as-string", Message, "The senderNonce is a string.";
    ExtraAttribute, "extra-attribute", Message, "An unknown signed attribute is added.";
    UnsortedAttributes, "unsorted-attributes", Message, "The signed attributes are not in DER's order.";
    WrongMessageDigest, "wrong-message-digest", Message, "The messageDigest is the digest of other content.";
    CorruptSignature, "corrupt-signature", Message, "One byte of the signature is wrong.";
    ForeignSignature, "foreign-signature", Message, "The signing key is not the key of the signer's certificate.";
    NoSignedAttributes, "no-signed-attributes", Message, "There are no signed attributes.";
    NoSigner, "no-signer", Message, "The `SignedData` has no signer.";
    TwoSigners, "two-signers", Message, "The `SignedData` has two signers.";
    NoSignerCertificate, "no-signer-certificate", Message, "The signer's certificate is not in the message.";
    ChainOfCertificates, "chain-of-certificates", Message, "The message carries the CA's certificates besides the signer's.";
    ContentTypeNotData, "content-type-not-data", Message, "The eContentType is not data.";
    UnknownMessageType, "unknown-message-type", Message, "The messageType is 99.";
    CertRepAsRequest, "cert-rep-as-request", Message, "The messageType is that of a reply.";
    Truncated, "truncated", Message, "The message ends in its middle.";
    TrailingBytes, "trailing-bytes", Message, "Bytes follow the message.";
    Empty, "empty-message", Message, "The message has no bytes.";
    Noise, "noise", Message, "The message is 512 random bytes.";
    DeeplyNested, "deeply-nested", Message, "The message is ten thousand nested SEQUENCEs.";
    NoEnvelope, "no-envelope", Message, "There is no pkcsPKIEnvelope.";
    EmptyEnvelope, "empty-envelope", Message, "The pkcsPKIEnvelope has no bytes.";
    NoiseAsEnvelope, "noise-as-envelope", Message, "The pkcsPKIEnvelope is random bytes.";
    CorruptEnvelope, "corrupt-envelope", Message, "One byte of the encrypted content is wrong.";
    NothingInEnvelope, "nothing-in-envelope", Message, "The envelope's decrypted content is empty.";
    NotEnciphered, "not-enciphered", Message, "The message has the envelope's content instead of the envelope, unencrypted.";
    EnvelopeContentNotData, "envelope-content-not-data", Message, "The type of the encrypted content is not data.";
    OtherBody, "other-body", Message, "The envelope's content belongs to another messageType.";
    Streamed, "streamed", Message, "The message is BER with indefinite lengths, as streaming encoders write it.";
    BadProofOfPossession, "bad-proof-of-possession", Enrolment, "The certification request's signature does not verify.";
    OtherIssuer, "other-issuer", Lookup, "The name of the issuer is that of another CA.";
    UnpaddedBase64, "unpadded-base64", Get, "The base64 lacks its padding.";
    UrlSafeBase64, "url-safe-base64", Get, "The base64 is base64url.";
    UnescapedBase64, "unescaped-base64", Get, "The base64 is not percent-escaped.";
    WrappedBase64, "wrapped-base64", Get, "The base64 has a line break each 64 characters.";
    NotBase64, "not-base64", Get, "The message parameter is not base64.";
    NoMessageParameter, "no-message-parameter", Get, "The query has no message parameter.";
    OtherContentType, "other-content-type", Post, "The Content-Type is application/octet-stream.";
    NoContentTypeHeader, "no-content-type-header", Post, "The request has no Content-Type.";
    LowerCaseOperation, "lower-case-operation", Query, "The operation is written in lower case.";
    NoOperation, "no-operation", Query, "The query names no operation.";
    OtherPath, "other-path", Query, "The path ends in /pkiclient.exe.";
}

impl Mutation {
    /// The distortion of the message, if the mutation changes how the message is built.
    pub fn distortion(self) -> Option<Distortion> {
        Some(match self {
            Self::NoTransactionId => Distortion::Omit(TransactionId),
            Self::NoMessageType => Distortion::Omit(MessageType),
            Self::NoSenderNonce => Distortion::Omit(SenderNonce),
            Self::NoContentType => Distortion::Omit(ContentType),
            Self::NoMessageDigest => Distortion::Omit(MessageDigest),
            Self::TwoTransactionIds => Distortion::Repeat(TransactionId),
            Self::TwoMessageTypes => Distortion::Repeat(MessageType),
            Self::TwoSenderNonces => Distortion::Repeat(SenderNonce),
            Self::TransactionIdAsOctets => Distortion::Retype(TransactionId),
            Self::MessageTypeAsOctets => Distortion::Retype(MessageType),
            Self::SenderNonceAsString => Distortion::Retype(SenderNonce),
            Self::UnsortedAttributes => Distortion::UnsortedAttributes,
            Self::WrongMessageDigest => Distortion::WrongMessageDigest,
            Self::CorruptSignature => Distortion::CorruptSignature,
            Self::NoSignedAttributes => Distortion::NoSignedAttributes,
            Self::NoSigner => Distortion::NoSigner,
            Self::TwoSigners => Distortion::TwoSigners,
            Self::ContentTypeNotData => Distortion::ContentTypeNotData,
            _ => return None,
        })
    }
}
