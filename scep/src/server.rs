//! The server's side: opening a request, building the reply (RFC 8894 §3.3).

use openssl::x509::{X509, X509Crl, X509Ref};

use crate::{
    Entropy, Error, PeerMisbehaved,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    body::{IssuerAndSerial, IssuerAndSubject},
    certs_only, envelope,
    identity::Identity,
    message::{Message, MessageBuilder},
    request::Csr,
};

/// What a reply needs to know of its request.
#[derive(Debug)]
pub struct Header {
    /// What the request is for.
    pub message_type: MessageType,
    /// The name of the transaction.
    pub transaction_id: TransactionId,
    /// The client's nonce, which the reply returns.
    pub sender_nonce: Nonce,
    /// The certificate the request is signed with; a successful reply is enciphered to it.
    pub signer: X509,
    /// The digest of the request.
    pub digest: Digest,
}

/// A request whose signature verifies and whose envelope opened.
pub struct Request {
    /// What a reply needs to know.
    pub header: Header,
    /// The cipher of the request's envelope.
    pub cipher: Cipher,
    /// How the key of the request's envelope travelled.
    pub key_transport: KeyTransport,
    /// What is asked for.
    pub body: Body,
}

/// What a request asks for.
pub enum Body {
    /// A certificate (RFC 8894 §3.3.1).
    PkcsReq(Csr),
    /// A certificate, the request being signed with an existing one (RFC 8894 §3.3.1).
    RenewalReq(Csr),
    /// The state of a pending request (RFC 8894 §3.3.3).
    CertPoll(IssuerAndSubject),
    /// An issued certificate (RFC 8894 §3.3.4).
    GetCert(IssuerAndSerial),
    /// A revocation list (RFC 8894 §3.3.5).
    GetCrl(IssuerAndSerial),
}

/// Why a request was not opened.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct RequestError {
    /// The reason, which gives the `failInfo`.
    #[source]
    pub error: Error,
    /// What is known of the request, where that suffices for a CertRep.
    pub header: Option<Box<Header>>,
}

/// Opens a pkiMessage from a client: verifies its signature, decrypts and reads its content.
///
/// The signer is taken from the message (RFC 8894 §2.3); whether it may have what it asks for is the caller's question,
/// and so is whether a certification request proves possession of its key ([`Csr::verify`]).
///
/// # Errors
/// When any of this fails, with the header once it is known.
pub fn open(message: &Message, decrypter: &Identity) -> Result<Request, RequestError> {
    let header = header(message).map_err(|error| RequestError { error, header: None })?;
    match contents(message, &header, decrypter) {
        Ok((opened, body)) => {
            Ok(Request { header, cipher: opened.cipher, key_transport: opened.key_transport, body })
        }
        Err(error) => Err(RequestError { error, header: Some(Box::new(header)) }),
    }
}

fn header(message: &Message) -> Result<Header, Error> {
    let attributes = message.attributes();
    Ok(Header {
        message_type: attributes.message_type()?,
        transaction_id: attributes.transaction_id()?,
        sender_nonce: attributes.sender_nonce()?,
        signer: message.signer(&[])?,
        digest: message.digest(),
    })
}

fn contents(
    message: &Message,
    header: &Header,
    decrypter: &Identity,
) -> Result<(envelope::Opened, Body), Error> {
    message.verify(&[])?;
    let envelope = message.content().ok_or(PeerMisbehaved::MissingEnvelope)?;
    let opened = envelope::open(envelope, decrypter)?;
    let content = opened.content.as_slice();
    let body = match &header.message_type {
        MessageType::PkcsReq => Body::PkcsReq(Csr::from_der(content)?),
        MessageType::RenewalReq => Body::RenewalReq(Csr::from_der(content)?),
        MessageType::CertPoll => Body::CertPoll(IssuerAndSubject::from_der(content)?),
        MessageType::GetCert => Body::GetCert(IssuerAndSerial::from_der(content)?),
        MessageType::GetCrl => Body::GetCrl(IssuerAndSerial::from_der(content)?),
        other => return Err(PeerMisbehaved::UnexpectedMessageType(other.to_string()).into()),
    };
    Ok((opened, body))
}

/// How a request is answered.
pub enum Outcome<'a> {
    /// With certificates, the issued one first, and revocation lists (RFC 8894 §3.3.2.1).
    Success {
        /// The certificates.
        certificates: &'a [X509],
        /// The revocation lists.
        crls: &'a [X509Crl],
    },
    /// With a refusal (RFC 8894 §3.3.2.2).
    Failure {
        /// The reason in the standard's terms.
        fail_info: FailInfo,
        /// The reason in words.
        text: Option<&'a str>,
    },
    /// With a request to ask again later (RFC 8894 §3.3.2.3).
    Pending,
}

/// A CertRep to be built (RFC 8894 §3.3.2).
pub struct Reply<'a> {
    /// The request that is answered.
    pub header: &'a Header,
    /// The answer.
    pub outcome: Outcome<'a>,
    /// The digest to sign with.
    pub digest: Digest,
    /// The cipher of the envelope.
    pub cipher: Cipher,
    /// How the key of the envelope travels.
    pub key_transport: KeyTransport,
}

impl Reply<'_> {
    /// The reply before it is signed, with a fresh nonce and with nothing that the standard does not ask for: whoever wants a
    /// signing time, certificates in the clear or further attributes in it adds them before it is encoded.
    ///
    /// # Errors
    /// When the client's certificate cannot receive an envelope, or OpenSSL fails.
    pub fn message(&self, entropy: Entropy<'_>) -> Result<MessageBuilder, Error> {
        let mut message = MessageBuilder {
            message_type: Some(MessageType::CertRep),
            transaction_id: Some(self.header.transaction_id.clone()),
            sender_nonce: Some(Nonce::generate(&mut *entropy)?),
            recipient_nonce: Some(self.header.sender_nonce.clone()),
            digest: self.digest,
            ..MessageBuilder::default()
        };
        match &self.outcome {
            Outcome::Success { certificates, crls } => {
                let content = certs_only::encode(certificates, crls)?;
                message.pki_status = Some(PkiStatus::Success);
                message.content = Some(self.seal(&content, &self.header.signer, entropy)?);
            }
            Outcome::Failure { fail_info, text } => {
                message.pki_status = Some(PkiStatus::Failure);
                message.fail_info = Some(fail_info.clone());
                message.fail_info_text = text.map(str::to_owned);
            }
            Outcome::Pending => message.pki_status = Some(PkiStatus::Pending),
        }
        Ok(message)
    }

    /// An envelope such as this reply has, with this content, for this recipient.
    ///
    /// # Errors
    /// When the recipient's certificate cannot receive an envelope, or OpenSSL fails.
    pub fn seal(
        &self,
        content: &[u8],
        recipient: &X509Ref,
        entropy: Entropy<'_>,
    ) -> Result<Vec<u8>, Error> {
        envelope::seal(content, &[recipient], self.cipher, self.key_transport, entropy)
    }
}
