//! Reading a CertRep, and everything a client must check in it (RFC 8894 §3.3.2).

use openssl::x509::{X509, X509Ref};

use super::{Reason, Refusal, Stage};
use crate::{
    Error, PeerMisbehaved,
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    certs_only::{self, CertsOnly},
    envelope,
    identity::Identity,
    message::Message,
};

/// What a reply is held against.
pub struct Expected<'a> {
    /// The exchange, for the words of a refusal.
    pub exchange: &'a str,
    /// The transaction of the request.
    pub transaction_id: &'a TransactionId,
    /// The nonce of the request.
    pub sender_nonce: &'a Nonce,
    /// The certificates that may sign: those of the CA and its RA.
    pub signers: &'a [&'a X509Ref],
    /// The certificate and key that the request was signed with.
    pub recipient: &'a Identity,
}

/// A CertRep that passed every check.
pub struct Reply {
    /// Who signed it.
    pub signer: X509,
    /// What it says.
    pub body: ReplyBody,
}

/// What a CertRep says.
pub enum ReplyBody {
    /// The request is granted, with this content.
    Success(CertsOnly),
    /// The request is refused.
    Failure {
        /// The reason in the standard's terms.
        fail_info: FailInfo,
        /// The reason in words.
        text: Option<String>,
    },
    /// The request waits for a decision.
    Pending,
}

impl Reply {
    /// Reads and checks a reply: signature and signer first, then transaction, nonce and status, then the envelope.
    ///
    /// # Errors
    /// A [`Refusal`] with the stage that failed.
    pub fn read(bytes: &[u8], expected: &Expected<'_>) -> Result<Self, Refusal> {
        let refused = |stage| {
            move |error: Error| Refusal {
                stage,
                exchange: expected.exchange.to_owned(),
                reason: Reason::Message(error),
            }
        };
        let message = Message::parse(bytes).map_err(refused(Stage::Reply))?;
        let signer = check_signer(&message, expected)?;
        let attributes = message.attributes();
        match attributes.message_type().map_err(refused(Stage::Reply))? {
            MessageType::CertRep => {}
            other => {
                let error = PeerMisbehaved::UnexpectedMessageType(other.to_string());
                return Err(refused(Stage::Reply)(error.into()));
            }
        }
        check_transaction(&message, expected)?;
        let body = match attributes.pki_status().map_err(refused(Stage::Answer))? {
            PkiStatus::Success => ReplyBody::Success(success(&message, expected)?),
            PkiStatus::Failure => ReplyBody::Failure {
                fail_info: attributes.fail_info().map_err(refused(Stage::Answer))?,
                text: attributes.fail_info_text().map_err(refused(Stage::Answer))?,
            },
            PkiStatus::Pending => ReplyBody::Pending,
            other @ PkiStatus::Other(_) => {
                let text = format!("pkiStatus is {other}");
                return Err(Refusal::unacceptable(Stage::Answer, expected.exchange, text));
            }
        };
        Ok(Self { signer, body })
    }
}

/// The signature must verify, and with a certificate that the CA gave us: one that came with the reply proves nothing.
fn check_signer(message: &Message, expected: &Expected<'_>) -> Result<X509, Refusal> {
    let refusal = |stage, error| Refusal {
        stage,
        exchange: expected.exchange.to_owned(),
        reason: Reason::Message(error),
    };
    let signer = message.verify(expected.signers).map_err(|error| match error {
        Error::PeerMisbehaved(PeerMisbehaved::SignerNotFound) => refusal(Stage::Signer, error),
        error => refusal(Stage::Signature, error),
    })?;
    let is_known = expected.signers.iter().any(|known| same_certificate(known, &signer));
    if is_known {
        return Ok(signer);
    }
    let text = format!(
        "the reply is signed by `{}`, which is not one of the CA's certificates",
        crate::name::to_text(signer.subject_name())
    );
    Err(Refusal::unacceptable(Stage::Signer, expected.exchange, text))
}

fn same_certificate(one: &X509Ref, other: &X509Ref) -> bool {
    matches!((one.to_der(), other.to_der()), (Ok(one), Ok(other)) if one == other)
}

fn check_transaction(message: &Message, expected: &Expected<'_>) -> Result<(), Refusal> {
    let attributes = message.attributes();
    let refusal = |stage| {
        move |error| Refusal {
            stage,
            exchange: expected.exchange.to_owned(),
            reason: Reason::Message(error),
        }
    };
    let transaction_id = attributes.transaction_id().map_err(refusal(Stage::TransactionId))?;
    if transaction_id != *expected.transaction_id {
        let text = format!(
            "the reply belongs to transaction `{transaction_id}`, the request to `{}`",
            expected.transaction_id
        );
        return Err(Refusal::unacceptable(Stage::TransactionId, expected.exchange, text));
    }
    let nonce = attributes.recipient_nonce().map_err(refusal(Stage::Nonce))?;
    if nonce != *expected.sender_nonce {
        let text = format!(
            "recipientNonce is `{nonce}`, the request's senderNonce was `{}`",
            expected.sender_nonce
        );
        return Err(Refusal::unacceptable(Stage::Nonce, expected.exchange, text));
    }
    Ok(())
}

fn success(message: &Message, expected: &Expected<'_>) -> Result<CertsOnly, Refusal> {
    let refusal = |error| Refusal {
        stage: Stage::Envelope,
        exchange: expected.exchange.to_owned(),
        reason: Reason::Message(error),
    };
    let envelope = message
        .content()
        .filter(|content| !content.is_empty())
        .ok_or_else(|| refusal(PeerMisbehaved::MissingEnvelope.into()))?;
    let opened = envelope::open(envelope, expected.recipient).map_err(refusal)?;
    certs_only::decode(&opened.content).map_err(refusal)
}
