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
    secret::Secret,
};

/// The facts of a request that its reply needs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Header {
    /// The purpose of the request.
    pub message_type: MessageType,
    /// The id of the transaction.
    pub transaction_id: TransactionId,
    /// The client's nonce, which the reply returns.
    pub sender_nonce: Nonce,
    /// The certificate that the request is signed with; a successful reply is enciphered to it.
    pub signer: X509,
    /// The digest of the request.
    pub digest: Digest,
}

/// A request with a verified signature and an opened envelope.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The facts that a reply needs.
    pub header: Header,
    /// The cipher of the request's envelope.
    pub cipher: Cipher,
    /// The encryption of the envelope's key.
    pub key_transport: KeyTransport,
    /// The content of the request.
    pub body: Body,
}

/// The content of a request.
#[derive(Debug)]
// Exhaustive: a server must answer every kind of request, so a new one is a breaking change.
pub enum Body {
    /// A request for a certificate (RFC 8894 §3.3.1).
    PkcsReq(Csr),
    /// A request for a certificate, signed with an existing one (RFC 8894 §3.3.1).
    RenewalReq(Csr),
    /// A question about a pending request (RFC 8894 §3.3.3).
    CertPoll(IssuerAndSubject),
    /// A request for an issued certificate (RFC 8894 §3.3.4).
    GetCert(IssuerAndSerial),
    /// A request for a revocation list (RFC 8894 §3.3.5).
    GetCrl(IssuerAndSerial),
}

/// The error for a request that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct RequestError {
    /// The reason, which gives the `failInfo`. Its text is also that of this error, so it is no `source`.
    pub error: Error,
    /// The facts of the request, if they suffice for a CertRep.
    pub header: Option<Box<Header>>,
}

/// Opens a pkiMessage from a client: verifies its signature, decrypts and reads its content.
///
/// The signer is taken from the message (RFC 8894 §2.3). The caller must decide if that signer may have what it asks for, and
/// must check that a certification request proves possession of its key ([`Csr::verify`]).
///
/// # Errors
/// Fails if the message cannot be verified, decrypted or read. The error has the header, if it was read, so that the server can
/// answer with a CertRep.
///
/// # Examples
/// ```no_run
/// use openssl::x509::X509;
/// use scep::{
///     attribute::FailInfo,
///     identity::Identity,
///     message::Message,
///     request::Csr,
///     secret::Secret,
///     server::{self, Body},
/// };
///
/// fn decide(
///     body: &[u8],
///     ca: &Identity,
///     issue: impl Fn(&Csr) -> X509,
/// ) -> Result<Result<X509, FailInfo>, scep::Error> {
///     let request = server::open(&Message::parse(body)?, ca).map_err(|refused| refused.error)?;
///     Ok(match &request.body {
///         Body::PkcsReq(csr) if csr.verify().is_err() => Err(FailInfo::BadMessageCheck),
///         Body::PkcsReq(csr) => match &csr.challenge_password {
///             Some(password) if password.matches(&Secret::new("8CE317021F690069")) => Ok(issue(csr)),
///             _ => Err(FailInfo::BadRequest),
///         },
///         _ => Err(FailInfo::BadRequest),
///     })
/// }
/// ```
pub fn open(message: &Message, decrypter: &Identity) -> Result<Request, RequestError> {
    let header = header(message).map_err(|error| RequestError { error, header: None })?;
    match contents(message, &header, decrypter) {
        Ok((opened, body)) => {
            let key_transport = opened.key_management.transport().unwrap_or(KeyTransport::Pkcs1v15);
            Ok(Request { header, cipher: opened.cipher, key_transport, body })
        }
        Err(error) => Err(RequestError { error, header: Some(Box::new(header)) }),
    }
}

fn header(message: &Message) -> Result<Header, Error> {
    message.expect_scep()?;
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

/// The answer to a request.
pub enum Outcome<'a> {
    /// Certificates, the issued one first, and revocation lists (RFC 8894 §3.3.2.1).
    Success {
        /// The certificates.
        certificates: &'a [X509],
        /// The revocation lists.
        crls: &'a [X509Crl],
    },
    /// A refusal (RFC 8894 §3.3.2.2).
    Failure {
        /// The reason in the standard's terms.
        fail_info: FailInfo,
        /// The reason in words.
        text: Option<&'a str>,
    },
    /// No decision yet: the client should ask again later (RFC 8894 §3.3.2.3).
    Pending,
}

impl std::fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Success { certificates, .. } => {
                f.debug_tuple("Success").field(certificates).finish()
            }
            Self::Failure { fail_info, text } => {
                f.debug_tuple("Failure").field(fail_info).field(text).finish()
            }
            Self::Pending => f.write_str("Pending"),
        }
    }
}

/// A CertRep before it is enciphered and signed (RFC 8894 §3.3.2).
#[derive(Debug)]
pub struct Reply<'a> {
    /// The answered request.
    pub header: &'a Header,
    /// The answer.
    pub outcome: Outcome<'a>,
    /// The digest to sign with.
    pub digest: Digest,
    /// The cipher of the envelope.
    pub cipher: Cipher,
    /// The encryption of the envelope's key, for a signer with an RSA key.
    pub key_transport: KeyTransport,
    /// The challenge password of the request, with which the reply to a signer whose key cannot decrypt is encrypted (RFC 8894 §3.1).
    pub password: Option<&'a Secret>,
}

impl Reply<'_> {
    /// The reply before it is signed, with a fresh nonce and only with what the standard demands. The caller may add a signing
    /// time, certificates in the clear or further attributes before it encodes the message.
    ///
    /// # Errors
    /// Fails if the client's certificate cannot receive an envelope, or OpenSSL fails.
    ///
    /// # Examples
    /// ```no_run
    /// # use openssl::{rand::rand_bytes, x509::X509};
    /// # use scep::{algorithm::Digest, identity::Identity, server::{Outcome, Reply, Request}};
    /// fn grant(request: &Request, certificate: X509, ca: &Identity) -> Result<Vec<u8>, scep::Error> {
    ///     let reply = Reply {
    ///         header: &request.header,
    ///         outcome: Outcome::Success { certificates: &[certificate], crls: &[] },
    ///         digest: Digest::Sha256,
    ///         cipher: request.cipher,
    ///         key_transport: request.key_transport,
    ///         password: None,
    ///     };
    ///     reply.message(&mut rand_bytes)?.encode(ca)
    /// }
    /// ```
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

    /// An envelope with the algorithms of this reply, for this content and recipient.
    ///
    /// # Errors
    /// Fails if the recipient's certificate cannot receive an envelope and there is no password, or OpenSSL fails.
    pub fn seal(
        &self,
        content: &[u8],
        recipient: &X509Ref,
        entropy: Entropy<'_>,
    ) -> Result<Vec<u8>, Error> {
        let (cipher, transport) = (self.cipher, self.key_transport);
        envelope::seal_reply(content, recipient, self.password, cipher, transport, entropy)
    }
}
