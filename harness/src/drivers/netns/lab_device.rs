//! A device in a lab process, behind the harness's seam: its console tells what it does, the lab process how it ended.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::channel::Channel;
use crate::device::{Change, Device, DeviceError};
use crate::drivers::remote_device::RemoteDevice;
use crate::lab::Lab;
use crate::run::{BenchError, LabOptions};

/// How long after the end of a console the end of its process is waited for, which tells more.
const EPITAPH_LIMIT: Duration = Duration::from_secs(1);

/// A device whose process is in a lab.
pub(super) struct LabDevice {
    name: String,
    remote: RemoteDevice,
    channel: Arc<Channel>,
}

impl LabDevice {
    /// Starts the device in the process that listens at `console`.
    pub(super) async fn start(
        lab: &Lab,
        name: &str,
        console: &Path,
        options: &LabOptions,
        channel: &Arc<Channel>,
    ) -> Result<Self, BenchError> {
        match RemoteDevice::start(lab, name, console, options.client).await {
            Ok(remote) => Ok(Self { name: name.to_owned(), remote, channel: Arc::clone(channel) }),
            Err(BenchError::Device { name, reason }) => {
                let reason = epitaph(channel, &name).await.unwrap_or(reason);
                Err(BenchError::Device { name, reason })
            }
            Err(error) => Err(error),
        }
    }

    async fn explained<T>(&self, outcome: Result<T, DeviceError>) -> Result<T, DeviceError> {
        match outcome {
            Err(DeviceError::Broken { reason }) => {
                let reason = epitaph(&self.channel, &self.name).await.unwrap_or(reason);
                Err(DeviceError::Broken { reason })
            }
            other => other,
        }
    }
}

/// How the device's process, or all of the lab, has ended; `None` where it has not.
async fn epitaph(channel: &Channel, name: &str) -> Option<String> {
    tokio::time::timeout(EPITAPH_LIMIT, channel.broken(name)).await.ok()
}

#[async_trait]
impl Device for LabDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        self.explained(self.remote.configure(change).await).await
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        self.explained(self.remote.execute(command).await).await
    }

    async fn changed(&self, pause: Duration) {
        self.remote.changed(pause).await;
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.remote.protocol_log().await
    }

    async fn notes(&self) -> Vec<String> {
        self.remote.notes().await
    }

    async fn broken(&self) -> String {
        tokio::select! {
            reason = self.channel.broken(&self.name) => reason,
            reason = self.remote.broken() => {
                epitaph(&self.channel, &self.name).await.unwrap_or(reason)
            }
        }
    }
}
