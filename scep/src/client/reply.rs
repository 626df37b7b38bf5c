//! Reading a CertRep, and everything a client must check in it (RFC 8894 §3.3.2), if nobody has checked it before.

use std::time::SystemTime;

use openssl::x509::X509Ref;

use super::{Client, Next, Reason, Refusal, Stage, State};
use crate::{
    Error, PeerMisbehaved,
    algorithm::{Cipher, Digest},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    certificate::{invalidity, is_same},
    certs_only::{self, CertsOnly},
    envelope,
    identity::Identity,
    message::Message,
    name,
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
    /// Whether single DES and MD5 are taken (RFC 8894 §2.9 forbids both).
    pub takes_obsolete_algorithms: bool,
    /// When the reply is judged.
    pub now: SystemTime,
}

/// What a CertRep says that passed every check.
pub enum Reply {
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
        let message = Message::parse(bytes).map_err(expected.refused(Stage::Reply))?;
        check_signer(&message, expected)?;
        let attributes = message.attributes();
        match attributes.message_type().map_err(expected.refused(Stage::Reply))? {
            MessageType::CertRep => {}
            other => {
                let error = PeerMisbehaved::UnexpectedMessageType(other.to_string());
                return Err(expected.refused(Stage::Reply)(error.into()));
            }
        }
        check_transaction(&message, expected)?;
        match attributes.pki_status().map_err(expected.refused(Stage::Answer))? {
            PkiStatus::Success => success(&message, expected).map(Self::Success),
            PkiStatus::Failure => Ok(Self::Failure {
                fail_info: attributes.fail_info().map_err(expected.refused(Stage::Answer))?,
                text: attributes.fail_info_text().map_err(expected.refused(Stage::Answer))?,
            }),
            PkiStatus::Pending => Ok(Self::Pending),
            other @ PkiStatus::Other(_) => {
                let text = format!("pkiStatus is {other}");
                Err(Refusal::unacceptable(Stage::Answer, expected.exchange, text))
            }
        }
    }
}

impl Expected<'_> {
    fn refused(&self, stage: Stage) -> impl Fn(Error) -> Refusal {
        let exchange = self.exchange.to_owned();
        move |error| Refusal { stage, exchange: exchange.clone(), reason: Reason::Message(error) }
    }
}

/// The signature must verify, and with a certificate that the CA gave us and that is valid: one that came with the reply
/// proves nothing.
fn check_signer(message: &Message, expected: &Expected<'_>) -> Result<(), Refusal> {
    let signer = message.verify(expected.signers).map_err(|error| match error {
        Error::PeerMisbehaved(PeerMisbehaved::SignerNotFound) => {
            expected.refused(Stage::Signer)(error)
        }
        error => expected.refused(Stage::Signature)(error),
    })?;
    let subject = name::to_text(signer.subject_name());
    if message.digest() == Digest::Md5 && !expected.takes_obsolete_algorithms {
        let text = "the reply is signed with MD5, which RFC 8894 forbids";
        return Err(Refusal::unacceptable(Stage::Signature, expected.exchange, text));
    }
    let refused = |text| Err(Refusal::unacceptable(Stage::Signer, expected.exchange, text));
    if !expected.signers.iter().any(|known| is_same(known, &signer)) {
        return refused(format!(
            "the reply is signed by `{subject}`, which is not one of the CA's certificates"
        ));
    }
    match invalidity(&signer, expected.now) {
        Some(reason) => {
            refused(format!("the reply is signed with the certificate `{subject}`, which {reason}"))
        }
        None => Ok(()),
    }
}

fn check_transaction(message: &Message, expected: &Expected<'_>) -> Result<(), Refusal> {
    let attributes = message.attributes();
    let transaction_id =
        attributes.transaction_id().map_err(expected.refused(Stage::TransactionId))?;
    if transaction_id != *expected.transaction_id {
        let text = format!(
            "the reply belongs to transaction `{transaction_id}`, the request to `{}`",
            expected.transaction_id
        );
        return Err(Refusal::unacceptable(Stage::TransactionId, expected.exchange, text));
    }
    let nonce = attributes.recipient_nonce().map_err(expected.refused(Stage::Nonce))?;
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
    let refused = expected.refused(Stage::Envelope);
    let envelope = message
        .content()
        .filter(|content| !content.is_empty())
        .ok_or_else(|| refused(PeerMisbehaved::MissingEnvelope.into()))?;
    let opened = envelope::open(envelope, expected.recipient).map_err(&refused)?;
    if opened.cipher == Cipher::Des && !expected.takes_obsolete_algorithms {
        let text = "the reply is enciphered with single DES, which RFC 8894 forbids";
        return Err(Refusal::unacceptable(Stage::Envelope, expected.exchange, text));
    }
    certs_only::decode(&opened.content).map_err(refused)
}

/// An answer whose signature, transaction and nonce were verified elsewhere.
#[derive(Clone, Copy, Debug)]
pub enum Verified<'a> {
    /// The request is granted; the certificate is in this pkcsPKIEnvelope (RFC 8894 §3.2.2).
    Success {
        /// The envelope, in DER or BER.
        envelope: &'a [u8],
    },
    /// The request waits for a decision.
    Pending,
}

impl Client {
    /// Takes an answer that somebody else has received and verified, in place of [`Client::receive`].
    ///
    /// # Errors
    /// When no reply is awaited, the envelope cannot be opened, or the certificate in it is not the one asked for.
    pub fn receive_verified(&mut self, answer: Verified<'_>) -> Result<Next, Refusal> {
        let State::AwaitingReply(transaction) = std::mem::replace(&mut self.state, State::Finished)
        else {
            return Err(Refusal::misuse("no reply is awaited"));
        };
        let Verified::Success { envelope } = answer else {
            self.state = State::Pending(transaction);
            return Ok(Next::Pending);
        };
        let content = envelope::open(envelope, &transaction.signer)
            .and_then(|opened| certs_only::decode(&opened.content))
            .map_err(Refusal::at(Stage::Envelope))?;
        self.known_ca()?.issued(&content.certificates, &self.settings.key).map(Next::Issued)
    }
}
