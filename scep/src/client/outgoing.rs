//! A client's message: body into envelope, envelope into pkiMessage (RFC 8894 §3.3).

use openssl::x509::X509Ref;

use crate::{
    Entropy, Error,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    envelope,
    identity::Identity,
    message::MessageBuilder,
};

/// A request of any type, to be built.
pub struct RequestMessage {
    /// What the request is for.
    pub message_type: MessageType,
    /// The name of the transaction.
    pub transaction_id: TransactionId,
    /// The client's fresh nonce.
    pub sender_nonce: Nonce,
    /// Who signs; its certificate goes with the message (RFC 8894 §2.3).
    pub signer: Identity,
    /// The cipher of the envelope.
    pub cipher: Cipher,
    /// How the key of the envelope travels.
    pub key_transport: KeyTransport,
    /// The digest to sign with.
    pub digest: Digest,
}

impl RequestMessage {
    /// Enciphers `body` to the CA or RA, signs and encodes the message, in DER.
    ///
    /// # Errors
    /// When the recipient has no RSA key, or OpenSSL fails.
    pub fn encode(
        &self,
        body: &[u8],
        recipient: &X509Ref,
        entropy: Entropy<'_>,
    ) -> Result<Vec<u8>, Error> {
        let content = envelope::seal(body, &[recipient], self.cipher, self.key_transport, entropy)?;
        let message = MessageBuilder {
            message_type: Some(self.message_type.clone()),
            transaction_id: Some(self.transaction_id.clone()),
            sender_nonce: Some(self.sender_nonce.clone()),
            content: Some(content),
            digest: self.digest,
            certificates: vec![self.signer.certificate.clone()],
            ..MessageBuilder::default()
        };
        message.encode(&self.signer)
    }
}
