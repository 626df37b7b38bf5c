//! Reading a CertRep, with all checks that a client must make (RFC 8894 §3.3.2).

use std::{cmp::Ordering, time::SystemTime};

use openssl::x509::X509Ref;

use super::{Client, Exchange, Next, Reason, Refusal, Stage, State};
use crate::{
    Error, PeerMisbehaved,
    algorithm::{Cipher, Digest},
    attribute::{MessageType, Nonce, PkiStatus, TransactionId},
    certificate::{allows, invalidity, is_ca, serial_number},
    certs_only::{self, CertsOnly},
    denial::Denial,
    envelope,
    identity::Identity,
    key_usage::KeyUsage,
    message::{Attributes, Message},
    name,
    secret::Secret,
};

/// The values that a reply is compared with.
pub struct Expected<'a> {
    /// The exchange, for the words of a refusal.
    pub exchange: Exchange,
    /// The transaction of the request.
    pub transaction_id: &'a TransactionId,
    /// The nonce of the request.
    pub sender_nonce: &'a Nonce,
    /// The certificates of the CA and its RA. Those of an RA may sign if their key usage allows it.
    pub signers: &'a [&'a X509Ref],
    /// The certificate that the request was signed with, and its key.
    pub recipient: &'a Identity,
    /// The challenge password of the request: the reply to a key that cannot decrypt is encrypted with it (RFC 8894 §3.1).
    pub password: Option<&'a Secret>,
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
    Failure(Denial),
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
    /// use scep::client::{CaCertificates, Exchange, Expected, Refusal, Reply, RequestMessage};
    ///
    /// fn open(cert_rep: &[u8], request: &RequestMessage, ca: &CaCertificates) -> Result<Reply, Refusal> {
    ///     let expected = Expected {
    ///         exchange: Exchange::of(request.message_type.clone()),
    ///         transaction_id: &request.transaction_id,
    ///         sender_nonce: &request.sender_nonce,
    ///         signers: &ca.signers(),
    ///         recipient: &request.signer,
    ///         password: None,
    ///         takes_obsolete_algorithms: false,
    ///         now: SystemTime::now(),
    ///     };
    ///     Reply::read(cert_rep, &expected)
    /// }
    /// ```
    pub fn read(bytes: &[u8], expected: &Expected<'_>) -> Result<Self, Refusal> {
        expected
            .checked(bytes)
            .map_err(|refusal| Refusal { exchange: expected.exchange.clone(), ..refusal })
    }
}

impl Expected<'_> {
    fn checked(&self, bytes: &[u8]) -> Result<Reply, Refusal> {
        let message = Message::parse(bytes).map_err(Refusal::at(Stage::Reply))?;
        message.expect_scep().map_err(Refusal::at(Stage::Reply))?;
        if self.is_own(&message) {
            let text = "the request itself came back in place of the reply";
            return Err(Refusal::unacceptable(Stage::Reply, text));
        }
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
            PkiStatus::Failure => {
                attributes.denial().map(Reply::Failure).map_err(Refusal::at(Stage::Answer))
            }
            PkiStatus::Pending => Ok(Reply::Pending),
            other @ PkiStatus::Other(_) => {
                Err(Refusal::unacceptable(Stage::Answer, format!("pkiStatus is {other}")))
            }
        }
    }

    /// True for a request that names this client's certificate as its signer's.
    fn is_own(&self, message: &Message) -> bool {
        let own: &X509Ref = &self.recipient.certificate;
        let is_request =
            message.attributes().message_type().is_ok_and(|it| it != MessageType::CertRep);
        is_request && message.signer(&[own]).is_ok_and(|signer| signer.as_ref() == own)
    }

    /// The signature must verify with a valid certificate from GetCACert; a certificate from the reply itself proves
    /// nothing.
    fn check_signer(&self, message: &Message) -> Result<(), Refusal> {
        let signer = message.verify(self.signers).map_err(|error| match error {
            Error::PeerMisbehaved(PeerMisbehaved::SignerNotFound(_)) => {
                Refusal::at(Stage::Signer)(error)
            }
            error => Refusal::at(Stage::Signature)(error),
        })?;
        let subject = name::to_text(signer.subject_name());
        if message.digest() == Digest::Md5 && !self.takes_obsolete_algorithms {
            let reason = Reason::ObsoleteDigest(Digest::Md5);
            return Err(Refusal::new(Stage::Signature, reason));
        }
        if !self.signers.contains(&signer.as_ref()) {
            let text = format!(
                "the reply is signed by `{subject}`, which is not among the certificates of GetCACert{}",
                self.namesake(&signer)
            );
            return Err(Refusal::unacceptable(Stage::Signer, text));
        }
        if !is_ca(&signer) && !allows(&signer, KeyUsage::DIGITAL_SIGNATURE) {
            let usage =
                KeyUsage::of(&signer).map(|usage| usage.names().join(", ")).unwrap_or_default();
            let text = format!(
                "the reply is signed with the certificate `{subject}`, whose key usage ({usage}) does not allow \
                 digitalSignature"
            );
            return Err(Refusal::unacceptable(Stage::Signer, text));
        }
        invalidity(&signer, self.now).map_or(Ok(()), |reason| {
            let text =
                format!("the reply is signed with the certificate `{subject}`, which {reason}");
            Err(Refusal::unacceptable(Stage::Signer, text))
        })
    }

    /// The words about a known certificate with the name of a signer that is not known, such as that of an RA before it was renewed.
    fn namesake(&self, signer: &X509Ref) -> String {
        let subject = signer.subject_name();
        let is_same =
            |one: &&&X509Ref| one.subject_name().try_cmp(subject).is_ok_and(Ordering::is_eq);
        let Some(known) = self.signers.iter().find(is_same) else { return String::new() };
        let serial = |one| serial_number(one).unwrap_or_default();
        format!(
            ": its serial number is {}, that of the one of this name {}",
            serial(signer),
            serial(known)
        )
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
            .and_then(|envelope| envelope::open_reply(envelope, self.recipient, self.password))
            .map_err(Refusal::at(Stage::Envelope))?;
        if opened.cipher == Cipher::Des && !self.takes_obsolete_algorithms {
            let reason = Reason::ObsoleteCipher(Cipher::Des);
            return Err(Refusal::new(Stage::Envelope, reason));
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
        let password = self.settings.challenge.as_ref();
        let content = envelope::open_reply(envelope, &transaction.message.signer, password)
            .and_then(|opened| certs_only::decode(&opened.content))
            .map_err(Refusal::at(Stage::Envelope))?;
        self.known_ca()?.issued(&content.certificates, &self.settings.key).map(Next::Issued)
    }
}
