//! What a client's message shows of its habits; none of its secrets is kept.

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

use super::shortened;

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
    /// What can be seen without the CA's key.
    pub(crate) fn of(message: &Message) -> Self {
        let attributes = message.attributes();
        let signer = message.signer(&[]).ok();
        let id = |id: TransactionId| TransactionId::new(shortened(id.as_str()));
        Self {
            message_type: attributes.message_type().ok().map(|known| match known {
                MessageType::Other(other) => MessageType::Other(shortened(other)),
                known => known,
            }),
            transaction_id: attributes.transaction_id().ok().map(id),
            sender_nonce_bytes: attributes.sender_nonce().ok().map(|it| it.as_bytes().len()),
            digest: message.digest(),
            has_signing_time: matches!(attributes.signing_time(), Ok(Some(_))),
            certificates: message.certificates().len(),
            signer_is_self_signed: signer.as_deref().map(|it| is_issued_by(it, it)),
            signer_key_usage: signer.as_deref().and_then(KeyUsage::of),
            cipher: None,
            key_transport: None,
            csr: None,
        }
    }

    /// The same, and what the envelope held.
    pub(crate) fn with_request(self, request: &Request) -> Self {
        let csr = match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => {
                Some(SeenCsr::of(csr, &request.header.signer))
            }
            Body::CertPoll(_) | Body::GetCert(_) | Body::GetCrl(_) => None,
        };
        Self {
            cipher: Some(request.cipher),
            key_transport: Some(request.key_transport),
            csr,
            ..self
        }
    }
}

impl SeenCsr {
    fn of(csr: &Csr, signer: &X509Ref) -> Self {
        let order = signer.subject_name().try_cmp(csr.subject());
        Self {
            subject: shortened(name::to_text(csr.subject())),
            has_challenge: csr.challenge_password().is_some(),
            proves_possession: csr.verify(),
            key_bits: csr.public_key().bits(),
            subject_is_signers: order.is_ok_and(std::cmp::Ordering::is_eq),
            key_is_signers: signer.public_key().is_ok_and(|key| key.public_eq(csr.public_key())),
        }
    }
}
