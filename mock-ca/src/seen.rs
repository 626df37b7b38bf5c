//! What the CA observed in each request. Tests judge a client by these observations. They contain none of the client's secrets.

mod query;

use std::{cmp::Ordering, time::SystemTime};

use hyper::{Method, header::CONTENT_TYPE, http::request::Parts};
use openssl::x509::X509Ref;
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, TransactionId},
    certificate::is_issued_by,
    key_usage::KeyUsage,
    message::Message,
    name,
    request::Csr,
    server::{Body, Request},
};
use serde::{Deserialize, Serialize};

use crate::{fault::Fault, wire};

pub use query::QueryMessage;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The time at which its head had arrived.
    #[serde(with = "wire::seconds")]
    pub at: SystemTime,
    /// The peer, as the caller of [`crate::Ca::serve_connection`] named it.
    pub peer: String,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The content type, if one was sent.
    pub content_type: Option<String>,
    /// The operation in the query, even an unknown one.
    pub operation: Option<String>,
    /// The encoding of the message in the query of a PKIOperation by GET.
    #[serde(serialize_with = "query::with_verdict")]
    pub query_message: Option<QueryMessage>,
    /// True if the newest answer to GetCACaps offered POST (RFC 8894 §4.1); `None` if there was none. The answer to this request
    /// counts, too.
    pub post_offered: Option<bool>,
    /// The pkiMessage, if there is one and it can be read.
    pub message: Option<SeenMessage>,
    /// The faults that happened to the answer.
    pub faults: Vec<Fault>,
}

impl SeenRequest {
    pub(crate) fn of(head: &Parts, peer: &str) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let operation = query::parameter(query, "operation").map(shortened);
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_message = head.method == Method::GET && operation.as_deref() == Some("PKIOperation");
        Self {
            at: SystemTime::now(),
            peer: peer.to_owned(),
            method: shortened(head.method.as_str()),
            path: shortened(head.uri.path()),
            content_type: content_type.map(shortened),
            query_message: is_message
                .then(|| query::parameter(query, "message").map(QueryMessage::of))
                .flatten(),
            operation,
            post_offered: None,
            message: None,
            faults: Vec::new(),
        }
    }
}

/// A pkiMessage as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeenMessage {
    /// The messageType, if it has one.
    pub message_type: Option<MessageType>,
    /// The transactionID, if it has one.
    pub transaction_id: Option<TransactionId>,
    /// The length of the senderNonce in bytes, if it has one (RFC 8894 §3.2.1.5 demands 16).
    pub sender_nonce_bytes: Option<usize>,
    /// The digest of the signature.
    pub digest: Digest,
    /// True if it has a signingTime.
    pub has_signing_time: bool,
    /// The number of certificates that it carries.
    pub certificates: usize,
    /// True if the signer's certificate is self-signed; `None` if the certificate is missing.
    pub signer_is_self_signed: Option<bool>,
    /// The key usage of the signer's certificate, if it has one.
    pub signer_key_usage: Option<KeyUsage>,
    /// The cipher of the envelope, if that could be opened.
    pub cipher: Option<Cipher>,
    /// The key transport of the envelope, if that could be opened.
    pub key_transport: Option<KeyTransport>,
    /// The certification request, if there is one.
    pub csr: Option<SeenCsr>,
}

/// A certification request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each seen by itself")]
pub struct SeenCsr {
    /// The subject, as OpenSSL writes it on one line.
    pub subject: String,
    /// True if it has a challenge password, which is not recorded.
    pub has_challenge: bool,
    /// True if it is signed with the key for which it requests a certificate.
    pub proves_possession: bool,
    /// The length of the key in bits.
    pub key_bits: u32,
    /// True if the signer of the message has the same subject (RFC 8894 §2.3).
    pub subject_is_signers: bool,
    /// True if the signer of the message has the same key (RFC 8894 §2.3).
    pub key_is_signers: bool,
}

impl SeenMessage {
    /// The observations of a message, and of its content if the envelope could be opened.
    pub(crate) fn of(message: &Message, opened: Option<&Request>) -> Self {
        let csr = opened.and_then(|request| match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => {
                Some(SeenCsr::of(csr, &request.header.signer))
            }
            Body::CertPoll(_) | Body::GetCert(_) | Body::GetCrl(_) => None,
        });
        let attributes = message.attributes();
        let signer = message.signer(&[]).ok();
        Self {
            message_type: attributes.message_type().ok().map(shortened_type),
            transaction_id: attributes.transaction_id().ok().as_ref().map(shortened_id),
            sender_nonce_bytes: attributes.sender_nonce().ok().map(|it| it.as_bytes().len()),
            digest: message.digest(),
            has_signing_time: matches!(attributes.signing_time(), Ok(Some(_))),
            certificates: message.certificates().len(),
            signer_is_self_signed: signer.as_deref().map(|it| is_issued_by(it, it)),
            signer_key_usage: signer.as_deref().and_then(KeyUsage::of),
            cipher: opened.map(|request| request.cipher),
            key_transport: opened.map(|request| request.key_transport),
            csr,
        }
    }
}

impl SeenCsr {
    fn of(csr: &Csr, signer: &X509Ref) -> Self {
        let order = signer.subject_name().try_cmp(csr.subject());
        Self {
            subject: shortened(name::to_text(csr.subject())),
            has_challenge: csr.challenge_password.is_some(),
            proves_possession: csr.verify(),
            key_bits: csr.public_key.bits(),
            subject_is_signers: order.is_ok_and(Ordering::is_eq),
            key_is_signers: signer.public_key().is_ok_and(|key| key.public_eq(&csr.public_key)),
        }
    }
}

/// The length in characters to which text of a peer is cut, so that a log of long messages does not fill the memory.
pub(crate) const LONGEST: usize = 300;

/// The beginning of a text of a peer.
pub(crate) fn shortened(text: impl Into<String>) -> String {
    let mut text = text.into();
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The same for an unknown message type.
pub(crate) fn shortened_type(message_type: MessageType) -> MessageType {
    match message_type {
        MessageType::Other(other) => MessageType::Other(shortened(other)),
        known => known,
    }
}

/// The same for a transaction id.
pub(crate) fn shortened_id(id: &TransactionId) -> TransactionId {
    TransactionId::new(shortened(id.as_str()))
}
