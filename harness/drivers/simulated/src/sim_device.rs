//! The simulated device behind the harness's seam.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::seen_changes::SeenChanges;
use testbed::device::{Change, Device, DeviceError};

/// A simulated device, and up to where its changes have been seen.
pub struct SimDevice {
    device: Arc<dut_sim::Device>,
    changes: SeenChanges,
}

impl SimDevice {
    /// The device, of which no change has been seen yet.
    pub fn new(device: Arc<dut_sim::Device>) -> Self {
        let changes = SeenChanges::new(device.subscribe());
        Self { device, changes }
    }
}

#[async_trait]
impl Device for SimDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        let outcome = match change {
            Change::Replace(lines) => self.device.replace_configuration(lines).await,
            Change::Modify(lines) => self.device.modify_configuration(lines).await,
        };
        outcome.map_err(refused)
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        self.changes.mark_all();
        told(self.device.execute(command).await)
    }

    async fn changed(&self, pause: Duration) {
        self.changes.wait(pause).await;
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.device.protocol_log()
    }

    async fn notes(&self) -> Vec<String> {
        self.device.notes()
    }
}

pub(crate) fn refused(error: dut_sim::ConfigurationError) -> DeviceError {
    let dut_sim::ConfigurationError { line, line_text: text, message } = error;
    DeviceError::ConfigurationRefused { line, text, message }
}

pub(crate) fn told(reply: dut_sim::Reply) -> Result<String, DeviceError> {
    let dut_sim::Reply { output, ok } = reply;
    if ok { Ok(output) } else { Err(DeviceError::CommandRefused { output }) }
}
