//! Answers that somebody else has received and verified, as certmonger's `scep-submit` does.

use super::{Client, Next, Refusal, Stage, State};
use crate::{certs_only, envelope};

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
