//! What is exchanged in a lab, from the side of its runner.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use recording::Exchange;

use simulated::channel::Channel;
use simulated::control::{Operation, Reply};
use testbed::wire::Wire;

/// The timeout for the reply of the lab process.
const LIMIT: Duration = Duration::from_secs(10);

/// The exchanges with the mock CAs of a lab, which its lab process sees.
pub(super) struct LabWire(pub(super) Arc<Channel>);

#[async_trait]
impl Wire for LabWire {
    async fn newest(&self) -> Vec<Exchange> {
        match self.0.request(Operation::ReadExchanges, LIMIT).await {
            Ok(Reply::Exchanges(exchanges)) => exchanges,
            // A lab that has ended is reported as such elsewhere.
            Ok(_) | Err(_) => Vec::new(),
        }
    }
}
