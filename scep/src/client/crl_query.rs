//! GetCRL: the question for the revocation list of the CA that issued a certificate (RFC 8894 §3.3.5, §4.6).

use std::time::SystemTime;

use openssl::x509::X509Ref;

use super::{
    CaCertificates, Exchange, Expected, Reason, Refusal, Reply, RequestMessage, Stage, choice,
};
use crate::{
    Entropy,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    body::IssuerAndSerial,
    capabilities::Capabilities,
    http::{HttpRequest, HttpResponse, Operation},
    identity::Identity,
    revocation_list::RevocationList,
};

/// A GetCRL that is asked once.
pub struct CrlQuery {
    message: RequestMessage,
    /// True to accept replies in single DES or signed with MD5, which some servers still send although RFC 8894 §2.9 forbids both.
    pub takes_obsolete_algorithms: bool,
}

crate::named::debug_of!(CrlQuery { takes_obsolete_algorithms });

impl CrlQuery {
    /// A question about the certificate of `signer`, which signs it; `cipher` and `digest` are the configured ones.
    ///
    /// # Errors
    /// If the CA does not offer what is configured.
    pub fn new(
        signer: Identity,
        cipher: Option<Cipher>,
        digest: Option<Digest>,
        capabilities: &Capabilities,
        entropy: Entropy<'_>,
    ) -> Result<Self, Refusal> {
        let at_request = Refusal::at(Stage::Request);
        let message = RequestMessage {
            message_type: MessageType::GetCrl,
            transaction_id: TransactionId::generate(&mut *entropy).map_err(&at_request)?,
            sender_nonce: Nonce::generate(entropy).map_err(&at_request)?,
            signer,
            cipher: choice::cipher(cipher, capabilities)?,
            key_transport: KeyTransport::Pkcs1v15,
            digest: choice::digest(digest, capabilities)?,
        };
        Ok(Self { message, takes_obsolete_algorithms: false })
    }

    /// The exchange, for the words of a log.
    pub const EXCHANGE: Exchange = Exchange::of(MessageType::GetCrl);

    /// The request, enciphered to the recipient of this CA that is valid at `now`.
    ///
    /// # Errors
    /// If the CA has no such certificate, or the message cannot be built.
    pub fn request(
        &self,
        ca: &CaCertificates,
        capabilities: &Capabilities,
        now: SystemTime,
        entropy: Entropy<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let recipient = ca.choose(now)?.recipient;
        let body = IssuerAndSerial::encode(&self.message.signer.certificate);
        let body = body.map_err(Refusal::at(Stage::Request))?;
        let encoded = self.message.encode(&body, &recipient, entropy);
        let encoded = encoded.map_err(Refusal::at(Stage::Request))?;
        Ok(Operation::PkiOperation(encoded).to_http(choice::method(capabilities)))
    }

    /// The list in the reply, which is not verified: [`RevocationList::check_issuer`] does that.
    ///
    /// # Errors
    /// If the reply is no CertRep of this CA to this question, the CA refuses, or the reply has no list.
    pub fn receive(
        &self,
        response: &HttpResponse,
        ca: &CaCertificates,
        now: SystemTime,
    ) -> Result<RevocationList, Refusal> {
        super::refusal::check_status(Self::EXCHANGE, response)?;
        let expected = Expected {
            exchange: Self::EXCHANGE,
            transaction_id: &self.message.transaction_id,
            sender_nonce: &self.message.sender_nonce,
            signers: &ca.ra.iter().chain(&ca.ca).map(AsRef::as_ref).collect::<Vec<&X509Ref>>(),
            recipient: &self.message.signer,
            password: None,
            takes_obsolete_algorithms: self.takes_obsolete_algorithms,
            now,
        };
        let refused = |stage, reason| Refusal { stage, exchange: Self::EXCHANGE, reason };
        let content = match Reply::read(&response.body, &expected)
            .map_err(|it| it.about(response))?
        {
            Reply::Success(content) => content,
            Reply::Failure(denial) => return Err(refused(Stage::Answer, Reason::Refused(denial))),
            Reply::Pending => {
                let text =
                    "the CA answered PENDING, which is no answer to this question".to_owned();
                return Err(refused(Stage::Answer, Reason::Unacceptable(text)));
            }
        };
        let list = content.crls.into_iter().next().ok_or_else(|| {
            let text = "the reply has no revocation list".to_owned();
            refused(Stage::Envelope, Reason::Unacceptable(text))
        })?;
        RevocationList::of(list).map_err(|error| refused(Stage::Envelope, error.into()))
    }
}
