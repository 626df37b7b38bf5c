//! The request for a certificate, and sending it.

use std::time::SystemTime;

use openssl::pkey::{Id, PKeyRef, Private};

use super::{Client, Refusal, RequestMessage, Stage, State, Transaction, choice};
use crate::{
    Entropy,
    algorithm::KeyTransport,
    attribute::{MessageType, Nonce, TransactionId},
    capabilities::Capability,
    http::{HttpRequest, Operation},
    key,
    request::{ChallengeString, CsrBuilder, self_signed},
    secret::Secret,
};

impl Client {
    pub(super) fn request(
        &mut self,
        now: SystemTime,
        entropy: Entropy<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let transaction = self.transaction(now, &mut *entropy)?;
        self.request_in(transaction, entropy)
    }

    pub(super) fn request_in(
        &mut self,
        transaction: Transaction,
        entropy: Entropy<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let csr = CsrBuilder {
            subject: &self.settings.subject,
            key: &self.settings.key,
            challenge_password: self.settings.challenge.as_ref(),
            challenge_string: ChallengeString::default(),
            extensions: &self.settings.extensions,
            digest: transaction.message.digest,
        };
        let body = csr.encode().map_err(Refusal::at(Stage::Request))?;
        self.send(transaction, &body, entropy)
    }

    fn transaction(&self, now: SystemTime, entropy: Entropy<'_>) -> Result<Transaction, Refusal> {
        let settings = &self.settings;
        let capabilities = self.capabilities.clone().unwrap_or_default();
        let signing_key = settings.existing.as_ref().map_or(&settings.key, |it| &it.key);
        let digest = choice::digest_for(signing_key, settings.digest, &capabilities)?;
        expect_readable_reply(signing_key, settings.challenge.as_ref())?;
        let cipher = choice::cipher(settings.cipher, &capabilities)?;
        let renews = settings.existing.is_some() && capabilities.has(Capability::Renewal);
        let (transaction_id, signer) = match &settings.existing {
            // A renewal may keep the key, and an id made from it would be that of the first request.
            Some(existing) => (TransactionId::generate(&mut *entropy), Ok(existing.clone())),
            None => (
                TransactionId::from_public_key(&settings.key),
                self_signed(&settings.subject, &settings.key, digest, now),
            ),
        };
        let message = RequestMessage {
            message_type: if renews { MessageType::RenewalReq } else { MessageType::PkcsReq },
            transaction_id: transaction_id.map_err(Refusal::at(Stage::Request))?,
            sender_nonce: Nonce::generate(entropy).map_err(Refusal::at(Stage::Request))?,
            signer: signer.map_err(Refusal::at(Stage::Request))?,
            cipher,
            key_transport: KeyTransport::Pkcs1v15,
            digest,
        };
        Ok(Transaction { message, method: choice::method(&capabilities) })
    }

    pub(super) fn send(
        &mut self,
        transaction: Transaction,
        body: &[u8],
        entropy: Entropy<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let encoded = transaction.message.encode(body, &self.chosen()?.recipient, entropy);
        let encoded = encoded.map_err(Refusal::at(Stage::Request))?;
        let request = Operation::PkiOperation(encoded).to_http(transaction.method);
        self.state = State::AwaitingReply(transaction);
        Ok(request)
    }
}

/// Refuses a request whose reply cannot be read, before a certificate is issued in vain: a key that only signs, without a password.
fn expect_readable_reply(
    key: &PKeyRef<Private>,
    challenge: Option<&Secret>,
) -> Result<(), Refusal> {
    let has_password = challenge.is_some_and(|challenge| !challenge.expose().is_empty());
    if has_password || matches!(key.id(), Id::RSA | Id::EC) {
        return Ok(());
    }
    let text = format!(
        "a key of the kind {} decrypts nothing, and without a challenge password the reply to its request cannot be encrypted \
         (RFC 8894 §3.1)",
        key::words(key)
    );
    Err(Refusal::unacceptable(Stage::Request, text))
}
