//! The links of a lab from the side of its runner.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use simulated::channel::Channel;
use simulated::control::{Operation, Reply};
use testbed::links::{LinkError, Links};

/// The timeout for the reply of the lab process.
const LIMIT: Duration = Duration::from_secs(10);

/// Takes the links of a lab down and up by way of its lab process.
pub(super) struct LabLinks(pub(super) Arc<Channel>);

#[async_trait]
impl Links for LabLinks {
    async fn switch(&self, device: &str, interface: &str, is_up: bool) -> Result<(), LinkError> {
        let (device, interface) = (device.to_owned(), interface.to_owned());
        let operation = Operation::SwitchLink { device, interface, is_up };
        let reason = match self.0.request(operation, LIMIT).await {
            Ok(Reply::Switched(Ok(()))) => return Ok(()),
            Ok(Reply::Switched(Err(reason))) => reason,
            Ok(_) => "the lab process sent a reply that does not fit the request".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(LinkError::Broken { reason })
    }
}
