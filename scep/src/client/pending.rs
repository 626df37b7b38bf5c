//! A request that outlives its client, so that a device can go on with it after a restart (RFC 8894 §4.4).

use super::{CaCertificates, Chosen, Client, Refusal, Settings, Stage, State, Transaction};
use crate::{
    Entropy,
    attribute::{MessageType, Nonce},
    capabilities::Capabilities,
    http::HttpRequest,
};

/// A request that the CA has, or may have, with everything that a client needs to go on with it, except its settings.
#[derive(Clone)]
pub struct PendingRequest {
    transaction: Transaction,
    is_answered: bool,
    capabilities: Option<Capabilities>,
    ca_certificates: Option<CaCertificates>,
    chosen: Option<Chosen>,
}

crate::named::debug_of!(PendingRequest { is_answered, capabilities });

impl PendingRequest {
    /// True if the CA has answered that it has not decided: [`Client::poll`] is then the next step, or else [`Client::repeat`].
    pub fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// The certificates of the CA that the request is for.
    pub fn ca_certificates(&self) -> Option<&CaCertificates> {
        self.ca_certificates.as_ref()
    }
}

impl Client {
    /// The pending request, to be kept; `None` unless the last answer was [`Next::Pending`](super::Next::Pending).
    pub fn pending(&self) -> Option<PendingRequest> {
        let State::Pending(transaction) = &self.state else { return None };
        Some(self.kept(transaction, true))
    }

    /// The request for a certificate that is sent next or not answered yet, to be kept before it is sent: its answer may get lost. `None`
    /// if another step is next.
    pub fn unanswered(&self) -> Option<PendingRequest> {
        let State::AwaitingReply(transaction) = &self.state else { return None };
        let is_poll = transaction.message.message_type == MessageType::CertPoll;
        (!is_poll).then(|| self.kept(transaction, false))
    }

    fn kept(&self, transaction: &Transaction, is_answered: bool) -> PendingRequest {
        PendingRequest {
            transaction: transaction.clone(),
            is_answered,
            capabilities: self.capabilities.clone(),
            ca_certificates: self.ca_certificates.clone(),
            chosen: self.chosen.clone(),
        }
    }

    /// A client that goes on with a kept request; [`PendingRequest::is_answered`] tells its next step. The settings must be those of the
    /// client that sent it, above all the key.
    pub fn resume(settings: Settings, kept: PendingRequest) -> Self {
        let PendingRequest { transaction, capabilities, ca_certificates, chosen, .. } = kept;
        Self { settings, state: State::Pending(transaction), capabilities, ca_certificates, chosen }
    }

    /// The request for a certificate again, in the same transaction with a fresh nonce: a CA that has decided about it repeats its
    /// decision, and another takes it as the first.
    ///
    /// # Errors
    /// If no request is kept, it was answered, or the message cannot be built.
    pub fn repeat(&mut self, entropy: Entropy<'_>) -> Result<HttpRequest, Refusal> {
        let State::Pending(mut transaction) = std::mem::replace(&mut self.state, State::Finished)
        else {
            return Err(Refusal::misuse("no request is kept"));
        };
        if transaction.message.message_type == MessageType::CertPoll {
            return Err(Refusal::misuse("the request was answered"));
        }
        transaction.message.sender_nonce =
            Nonce::generate(&mut *entropy).map_err(Refusal::at(Stage::Request))?;
        self.request_in(transaction, entropy)
    }
}
