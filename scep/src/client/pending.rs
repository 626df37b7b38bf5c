//! A pending request that outlives its client, so that a device can go on with it after a restart (RFC 8894 §4.4).

use super::{CaCertificates, Chosen, Client, Settings, State, Transaction};
use crate::capabilities::Capabilities;

/// A request about which the CA has not decided, with everything that a client needs to poll for it, except its settings.
#[derive(Clone)]
pub struct PendingRequest {
    transaction: Transaction,
    capabilities: Option<Capabilities>,
    ca_certificates: Option<CaCertificates>,
    chosen: Option<Chosen>,
}

crate::named::debug_of!(PendingRequest { capabilities });

impl Client {
    /// The pending request, to be kept; `None` unless the last answer was [`Next::Pending`](super::Next::Pending).
    pub fn pending(&self) -> Option<PendingRequest> {
        let State::Pending(transaction) = &self.state else { return None };
        Some(PendingRequest {
            transaction: transaction.clone(),
            capabilities: self.capabilities.clone(),
            ca_certificates: self.ca_certificates.clone(),
            chosen: self.chosen.clone(),
        })
    }

    /// A client that goes on with a kept request; [`Client::poll`] is its next step. The settings must be those of the client that
    /// sent it, above all the key.
    pub fn resume(settings: Settings, kept: PendingRequest) -> Self {
        let PendingRequest { transaction, capabilities, ca_certificates, chosen } = kept;
        Self { settings, state: State::Pending(transaction), capabilities, ca_certificates, chosen }
    }
}
