//! Reading a CertRep, with all checks that a client must make (RFC 8894 §3.3.2).

use std::time::SystemTime;

use openssl::x509::X509Ref;

use super::{Client, Next, Refusal, Stage, State};
use crate::{
    Error, PeerMisbehaved,
    algorithm::{Cipher, Digest},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    certificate::invalidity,
    certs_only::{self, CertsOnly},
    envelope,
    identity::Identity,
    message::{Attributes, Message},
    name,
};

/// The values that a reply is compared with.
pub struct Expected<'a> {
    /// The exchange, for the words of a refusal.
    pub exchange: &'a str,
    /// The transaction of the request.
    pub transaction_id: &'a TransactionId,
    /// The nonce of the request.
    pub sender_nonce: &'a Nonce,
    /// The certificates that may sign: those of the CA and its RA.
    pub signers: &'a [&'a X509Ref],
    /// The certificate that the request was signed with, and its key.
    pub recipient: &'a Identity,
    /// True to accept single DES and MD5, which RFC 8894 §2.9 forbids.
    pub takes_obsolete_algorithms: bool,
    /// The current time, at which the signer's certificate must be valid.
    pub now: SystemTime,
}

crate::named::debug_of!(Expected<'_> { exchange, transaction_id, sender_nonce });

/// The result in a CertRep that passed every check.
#[derive(Debug)]
// Exhaustive: a caller must handle every result, so a new one is a breaking change.
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
    /// Fails with a [`Refusal`] that has the failed stage.
    ///
    /// # Examples
    /// ```no_run
    /// # use std::time::SystemTime;
    /// use scep::client::{CaCertificates, Expected, Refusal, Reply, RequestMessage};
    ///
    /// fn open(cert_rep: &[u8], request: &RequestMessage, ca: &CaCertificates) -> Result<Reply, Refusal> {
    ///     let expected = Expected {
    ///         exchange: "PKIOperation (PKCSReq)",
    ///         transaction_id: &request.transaction_id,
    ///         sender_nonce: &request.sender_nonce,
    ///         signers: &ca.signers(),
    ///         recipient: &request.signer,
    ///         takes_obsolete_algorithms: false,
    ///         now: SystemTime::now(),
    ///     };
    ///     Reply::read(cert_rep, &expected)
    /// }
    /// ```
    pub fn read(bytes: &[u8], expected: &Expected<'_>) -> Result<Self, Refusal> {
        expected
            .checked(bytes)
            .map_err(|refusal| Refusal { exchange: expected.exchange.to_owned(), ..refusal })
    }
}

impl Expected<'_> {
    fn checked(&self, bytes: &[u8]) -> Result<Reply, Refusal> {
        let message = Message::parse(bytes).map_err(Refusal::at(Stage::Reply))?;
        self.check_signer(&message)?;
        let attributes = message.attributes();
        let message_type = attributes.message_type().map_err(Refusal::at(Stage::Reply))?;
        if message_type != MessageType::CertRep {
            let error = PeerMisbehaved::UnexpectedMessageType(message_type.to_string());
            return Err(Refusal::at(Stage::Reply)(error));
        }
        self.check_transaction(attributes)?;
        match attributes.pki_status().map_err(Refusal::at(Stage::Answer))? {
            PkiStatus::Success => self.content(&message).map(Reply::Success),
            PkiStatus::Failure => Ok(Reply::Failure {
                fail_info: attributes.fail_info().map_err(Refusal::at(Stage::Answer))?,
                text: attributes.fail_info_text().map_err(Refusal::at(Stage::Answer))?,
            }),
            PkiStatus::Pending => Ok(Reply::Pending),
            other @ PkiStatus::Other(_) => {
                Err(Refusal::unacceptable(Stage::Answer, format!("pkiStatus is {other}")))
            }
        }
    }

    /// The signature must verify with a valid certificate from GetCACert; a certificate from the reply itself proves
    /// nothing.
    fn check_signer(&self, message: &Message) -> Result<(), Refusal> {
        let signer = message.verify(self.signers).map_err(|error| match error {
            Error::PeerMisbehaved(PeerMisbehaved::SignerNotFound) => {
                Refusal::at(Stage::Signer)(error)
            }
            error => Refusal::at(Stage::Signature)(error),
        })?;
        let subject = name::to_text(signer.subject_name());
        if message.digest() == Digest::Md5 && !self.takes_obsolete_algorithms {
            let text = "the reply is signed with MD5, which RFC 8894 forbids";
            return Err(Refusal::unacceptable(Stage::Signature, text));
        }
        if !self.signers.contains(&signer.as_ref()) {
            let text = format!(
                "the reply is signed by `{subject}`, which is not one of the CA's certificates"
            );
            return Err(Refusal::unacceptable(Stage::Signer, text));
        }
        invalidity(&signer, self.now).map_or(Ok(()), |reason| {
            let text =
                format!("the reply is signed with the certificate `{subject}`, which {reason}");
            Err(Refusal::unacceptable(Stage::Signer, text))
        })
    }

    fn check_transaction(&self, attributes: &Attributes) -> Result<(), Refusal> {
        let id = attributes.transaction_id().map_err(Refusal::at(Stage::TransactionId))?;
        let asked = self.transaction_id;
        if id != *asked {
            let text = format!("the reply belongs to transaction `{id}`, the request to `{asked}`");
            return Err(Refusal::unacceptable(Stage::TransactionId, text));
        }
        let nonce = attributes.recipient_nonce().map_err(Refusal::at(Stage::Nonce))?;
        let sent = self.sender_nonce;
        if nonce != *sent {
            let text =
                format!("recipientNonce is `{nonce}`, the request's senderNonce was `{sent}`");
            return Err(Refusal::unacceptable(Stage::Nonce, text));
        }
        Ok(())
    }

    fn content(&self, message: &Message) -> Result<CertsOnly, Refusal> {
        let envelope = message.content().filter(|content| !content.is_empty());
        let opened = envelope
            .ok_or(PeerMisbehaved::MissingEnvelope.into())
            .and_then(|envelope| envelope::open(envelope, self.recipient))
            .map_err(Refusal::at(Stage::Envelope))?;
        if opened.cipher == Cipher::Des && !self.takes_obsolete_algorithms {
            let text = "the reply is enciphered with single DES, which RFC 8894 forbids";
            return Err(Refusal::unacceptable(Stage::Envelope, text));
        }
        certs_only::decode(&opened.content).map_err(Refusal::at(Stage::Envelope))
    }
}

/// An answer with a signature, transaction and nonce that another program has verified.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
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
    /// Takes an answer that another program has received and verified, in place of [`Client::receive`].
    ///
    /// # Errors
    /// Fails if no reply is awaited, the envelope cannot be opened, or the certificate in it is not the requested one.
    pub fn receive_verified(&mut self, answer: Verified<'_>) -> Result<Next, Refusal> {
        let State::AwaitingReply(transaction) = std::mem::replace(&mut self.state, State::Finished)
        else {
            return Err(Refusal::misuse("no reply is awaited"));
        };
        let Verified::Success { envelope } = answer else {
            self.state = State::Pending(transaction);
            return Ok(Next::Pending);
        };
        let content = envelope::open(envelope, &transaction.message.signer)
            .and_then(|opened| certs_only::decode(&opened.content))
            .map_err(Refusal::at(Stage::Envelope))?;
        self.known_ca()?.issued(&content.certificates, &self.settings.key).map(Next::Issued)
    }
}
