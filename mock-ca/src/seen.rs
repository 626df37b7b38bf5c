//! What the CA observed in each request. Tests judge a client by these observations. They contain none of the client's secrets.

mod query;

use std::{cmp::Ordering, time::SystemTime};

use hyper::{Method, header::CONTENT_TYPE, http::request::Parts};
use openssl::x509::X509Ref;
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, PkiStatus, TransactionId},
    body::IssuerAndSubject,
    certificate::is_issued_by,
    clock::system_time,
    envelope::Outside,
    key_usage::KeyUsage,
    message::Message,
    name,
    request::Csr,
    server::{Body, Request},
};
use serde::{Deserialize, Serialize};

use crate::{fault::Fault, password_problem::PasswordProblem, wire};

pub use query::QueryMessage;
pub(crate) use query::parameter;

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
    /// The pkiStatus of the answer, if it is a CertRep.
    #[serde(default)]
    pub status: Option<PkiStatus>,
    /// The refusal, if the CA refused the request.
    #[serde(default)]
    pub refusal: Option<SeenRefusal>,
}

/// The refusal of a request. An HTTP error that is a fault's is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeenRefusal {
    /// The HTTP status of the answer.
    pub http_status: u16,
    /// The failInfo, if the answer is a CertRep.
    pub fail_info: Option<FailInfo>,
    /// The reason, as the log has it.
    pub reason: String,
    /// What is wrong with the challenge password, if that is the reason.
    pub password: Option<PasswordProblem>,
}

impl SeenRequest {
    pub(crate) fn of(head: &Parts, peer: &str, at: SystemTime) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let operation = parameter(query, "operation").map(shortened);
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_message = head.method == Method::GET && operation.as_deref() == Some("PKIOperation");
        Self {
            at,
            peer: peer.to_owned(),
            method: shortened(head.method.as_str()),
            path: shortened(head.uri.path()),
            content_type: content_type.map(shortened),
            query_message: is_message
                .then(|| parameter(query, "message").map(QueryMessage::of))
                .flatten(),
            operation,
            post_offered: None,
            message: None,
            faults: Vec::new(),
            status: None,
            refusal: None,
        }
    }
}

impl SeenRequest {
    /// The memory of its texts, in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        let optional =
            [&self.content_type, &self.operation].map(|it| it.as_ref().map_or(0, String::len));
        let own = [self.peer.len(), self.method.len(), self.path.len()];
        let message = self.message.as_ref().map_or(0, SeenMessage::text_bytes);
        let refusal = self.refusal.as_ref().map_or(0, |refusal| refusal.reason.len());
        own.iter().chain(&optional).sum::<usize>() + message + refusal
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
    /// The senderNonce in hexadecimal, if it has one.
    pub sender_nonce: Option<String>,
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
    /// The validity of the signer's certificate; `None` if the certificate is missing.
    #[serde(default)]
    pub signer_validity: Option<SeenValidity>,
    /// The cipher of the envelope, if it has one that is known.
    pub cipher: Option<Cipher>,
    /// The key transport of the envelope's first recipient, if it is known.
    pub key_transport: Option<KeyTransport>,
    /// The certification request, if there is one.
    pub csr: Option<SeenCsr>,
    /// The names in a CertPoll, if it is one.
    pub poll: Option<SeenPoll>,
}

/// The validity of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeenValidity {
    /// Its first moment.
    #[serde(with = "wire::seconds")]
    pub from: SystemTime,
    /// Its last moment.
    #[serde(with = "wire::seconds")]
    pub to: SystemTime,
}

/// The names in a CertPoll as they came (RFC 8894 §3.3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeenPoll {
    /// True if the issuer is the CA.
    pub issuer_is_ca: bool,
    /// The issuer, as OpenSSL writes it on one line.
    #[serde(default)]
    pub issuer: String,
    /// The subject, as OpenSSL writes it on one line.
    pub subject: String,
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
    /// The subject of the signer of the message.
    #[serde(default)]
    pub signer_subject: String,
    /// True if the signer of the message has the same key (RFC 8894 §2.3).
    pub key_is_signers: bool,
}

impl SeenMessage {
    /// The observations of a message, and of its content if the envelope could be opened.
    pub(crate) fn of(message: &Message, opened: Option<&Request>, ca: &X509Ref) -> Self {
        let poll = opened.and_then(|request| match &request.body {
            Body::CertPoll(names) => Some(SeenPoll::of(names, ca)),
            _ => None,
        });
        let csr = opened.and_then(|request| match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => {
                Some(SeenCsr::of(csr, &request.header.signer))
            }
            Body::CertPoll(_) | Body::GetCert(_) | Body::GetCrl(_) => None,
        });
        let attributes = message.attributes();
        let signer = message.signer(&[]).ok();
        let outside = message.content().and_then(|envelope| Outside::of(envelope).ok());
        Self {
            message_type: attributes.message_type().ok().map(shortened_type),
            transaction_id: attributes.transaction_id().ok().as_ref().map(shortened_id),
            sender_nonce: attributes.sender_nonce().ok().map(|it| shortened(it.to_string())),
            sender_nonce_bytes: attributes.sender_nonce().ok().map(|it| it.as_bytes().len()),
            digest: message.digest(),
            has_signing_time: matches!(attributes.signing_time(), Ok(Some(_))),
            certificates: message.certificates().len(),
            signer_is_self_signed: signer.as_deref().map(|it| is_issued_by(it, it)),
            signer_key_usage: signer.as_deref().and_then(KeyUsage::of),
            signer_validity: signer.as_deref().and_then(SeenValidity::of),
            cipher: outside.as_ref().and_then(|outside| outside.cipher),
            key_transport: outside.as_ref().and_then(|outside| outside.key_transport),
            csr,
            poll,
        }
    }
}

impl SeenMessage {
    fn text_bytes(&self) -> usize {
        let texts = [
            self.message_type.as_ref().map(|it| it.as_wire().len()),
            self.transaction_id.as_ref().map(|it| it.as_str().len()),
            self.sender_nonce.as_ref().map(String::len),
            self.csr.as_ref().map(|it| it.subject.len() + it.signer_subject.len()),
            self.poll.as_ref().map(|it| it.subject.len() + it.issuer.len()),
        ];
        texts.into_iter().flatten().sum()
    }
}

impl SeenValidity {
    fn of(certificate: &X509Ref) -> Option<Self> {
        let from = system_time(certificate.not_before()).ok()?;
        Some(Self { from, to: system_time(certificate.not_after()).ok()? })
    }
}

impl SeenPoll {
    fn of(names: &IssuerAndSubject, ca: &X509Ref) -> Self {
        let order = names.issuer.try_cmp(ca.subject_name());
        Self {
            issuer_is_ca: order.is_ok_and(Ordering::is_eq),
            issuer: shortened(name::to_text(&names.issuer)),
            subject: shortened(name::to_text(&names.subject)),
        }
    }
}

impl SeenCsr {
    fn of(csr: &Csr, signer: &X509Ref) -> Self {
        let order = signer.subject_name().try_cmp(csr.subject());
        Self {
            subject: shortened(name::to_text(csr.subject())),
            has_challenge: csr.challenge_password.is_some(),
            proves_possession: csr.verify_signature().is_ok(),
            key_bits: csr.public_key.bits(),
            subject_is_signers: order.is_ok_and(Ordering::is_eq),
            signer_subject: shortened(name::to_text(signer.subject_name())),
            key_is_signers: signer.public_key().is_ok_and(|key| key.public_eq(&csr.public_key)),
        }
    }
}

/// The length in characters to which text of a peer is cut, so that a log of long messages does not fill the memory.
pub(crate) const LONGEST: usize = 300;

/// The beginning of a text of a peer.
pub(crate) fn shortened(text: impl Into<String>) -> String {
    shortened_to(LONGEST, text)
}

/// The beginning of a text, with so many characters at most.
pub(crate) fn shortened_to(longest: usize, text: impl Into<String>) -> String {
    let mut text = text.into();
    if let Some((end, _)) = text.char_indices().nth(longest) {
        text.truncate(end);
        text.push('…');
    }
    // Otherwise it would occupy the memory of the whole text.
    text.shrink_to_fit();
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
