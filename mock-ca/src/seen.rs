//! What was asked of the server and how: the observations by which a client is judged; none of its
//! secrets is kept.

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
pub struct SeenRequest {
    /// When its head had come.
    #[serde(with = "wire::seconds")]
    pub at: SystemTime,
    /// Who asked, as the caller of [`crate::Ca::serve_connection`] named them.
    pub peer: String,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The content type, where one was sent.
    pub content_type: Option<String>,
    /// The operation that the query names, whether it is known or not.
    pub operation: Option<String>,
    /// How the message stood in the query of a PKIOperation by GET.
    #[serde(serialize_with = "query::with_verdict")]
    pub query_message: Option<QueryMessage>,
    /// Whether the newest answer to GetCACaps, that to this request included, offered POST; `None` when there was none
    /// (RFC 8894 §4.1).
    pub post_offered: Option<bool>,
    /// Its pkiMessage, where there is one that can be read.
    pub message: Option<SeenMessage>,
    /// What the server did wrong on purpose as it answered.
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
pub struct SeenMessage {
    /// What it is for, where it says so.
    pub message_type: Option<MessageType>,
    /// The transaction, where it names one.
    pub transaction_id: Option<TransactionId>,
    /// The bytes of its senderNonce, where it has one (RFC 8894 §3.2.1.5 asks for 16).
    pub sender_nonce_bytes: Option<usize>,
    /// The digest that it is signed with.
    pub digest: Digest,
    /// Whether it has a signingTime.
    pub has_signing_time: bool,
    /// How many certificates go with it.
    pub certificates: usize,
    /// Whether its signer's certificate names itself as its issuer and verifies with its own key; `None` where the
    /// certificate is missing.
    pub signer_is_self_signed: Option<bool>,
    /// The key usage of its signer's certificate, where it has one.
    pub signer_key_usage: Option<KeyUsage>,
    /// The cipher of its envelope, where that could be opened.
    pub cipher: Option<Cipher>,
    /// How the key of its envelope travelled, where that could be opened.
    pub key_transport: Option<KeyTransport>,
    /// The certification request, where there is one.
    pub csr: Option<SeenCsr>,
}

/// A certification request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each seen by itself")]
pub struct SeenCsr {
    /// The subject, as OpenSSL writes it on one line.
    pub subject: String,
    /// Whether it has a challenge password, which is not told.
    pub has_challenge: bool,
    /// Whether it is signed with the key that it asks a certificate for.
    pub proves_possession: bool,
    /// The bits of its key.
    pub key_bits: u32,
    /// Whether the signer of the message has the same subject (RFC 8894 §2.3).
    pub subject_is_signers: bool,
    /// Whether the signer of the message has the same key (RFC 8894 §2.3).
    pub key_is_signers: bool,
}

impl SeenMessage {
    /// What can be seen without the CA's key and, where the message could be opened, what its envelope held.
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

/// What a peer sends is cut to so many characters, for a message's worth in each entry would fill the memory.
pub(crate) const LONGEST: usize = 300;

/// The beginning of what a peer sends.
pub(crate) fn shortened(text: impl Into<String>) -> String {
    let mut text = text.into();
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The same of a type that nobody knows.
pub(crate) fn shortened_type(message_type: MessageType) -> MessageType {
    match message_type {
        MessageType::Other(other) => MessageType::Other(shortened(other)),
        known => known,
    }
}

/// The same of a transaction's id.
pub(crate) fn shortened_id(id: &TransactionId) -> TransactionId {
    TransactionId::new(shortened(id.as_str()))
}
