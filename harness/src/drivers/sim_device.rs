//! The simulated device behind the harness's seam.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::device::{Change, Device, DeviceError};

/// A simulated device, and up to where its changes have been seen.
pub(super) struct SimDevice {
    device: Arc<dut_sim::Device>,
    changes: Mutex<watch::Receiver<u64>>,
}

impl SimDevice {
    pub(super) fn new(device: Arc<dut_sim::Device>) -> Self {
        let changes = Mutex::new(device.subscribe());
        Self { device, changes }
    }

    /// What changes from here on, a check that runs from here on may have missed.
    fn mark_changes_as_seen(&self) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).mark_unchanged();
    }

    fn unseen_changes(&self) -> watch::Receiver<u64> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Device for SimDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        let outcome = match change {
            Change::Replace(lines) => self.device.replace_configuration(lines).await,
            Change::Modify(lines) => self.device.modify_configuration(lines).await,
        };
        outcome.map_err(|error| DeviceError::ConfigurationRefused {
            line: error.line,
            text: error.line_text,
            message: error.message,
        })
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        self.mark_changes_as_seen();
        let reply = self.device.execute(command).await;
        if reply.ok {
            Ok(reply.output)
        } else {
            Err(DeviceError::CommandRefused { output: reply.output })
        }
    }

    async fn changed(&self, pause: Duration) {
        let mut changes = self.unseen_changes();
        if let Ok(Err(_gone)) = tokio::time::timeout(pause, changes.changed()).await {
            // A device that is gone changes no more; without the pause its checks would spin.
            tokio::time::sleep(pause).await;
        }
    }

    fn protocol_log(&self) -> Vec<String> {
        self.device.protocol_log()
    }
}
