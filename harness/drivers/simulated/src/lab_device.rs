//! A device in a process of a lab, behind the harness's seam: its console tells what it does, a witness how it ended.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use super::channel::Witness;
use crate::remote_device::RemoteDevice;
use model::lab::Lab;
use testbed::device::{Change, Device, DeviceError};
use testbed::{BenchError, LabOptions};

/// How long after the end of a console the end of its process is waited for, which tells more.
const EPITAPH_LIMIT: Duration = Duration::from_secs(1);

/// A device whose process is in a lab.
pub struct LabDevice {
    name: String,
    remote: RemoteDevice,
    witness: Arc<dyn Witness>,
}

impl LabDevice {
    /// Starts the device in the process at the other end of a stream, unless there is a reason why there is none.
    pub async fn start<S>(
        lab: &Lab,
        name: &str,
        stream: Result<S, String>,
        options: &LabOptions,
        witness: Arc<dyn Witness>,
    ) -> Result<Self, BenchError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let started = match stream {
            Ok(stream) => RemoteDevice::start(lab, name, stream, options.client).await,
            Err(reason) => Err(BenchError::Device { name: name.to_owned(), reason }),
        };
        match started {
            Ok(remote) => Ok(Self { name: name.to_owned(), remote, witness }),
            Err(BenchError::Device { name, reason }) => {
                let reason = epitaph(&*witness, &name).await.unwrap_or(reason);
                Err(BenchError::Device { name, reason })
            }
            Err(error) => Err(error),
        }
    }

    async fn explained<T>(&self, outcome: Result<T, DeviceError>) -> Result<T, DeviceError> {
        match outcome {
            Err(DeviceError::Broken { reason }) => {
                let reason = epitaph(&*self.witness, &self.name).await.unwrap_or(reason);
                Err(DeviceError::Broken { reason })
            }
            other => other,
        }
    }
}

/// How the device's process, or all of the lab, has ended; `None` where it has not.
async fn epitaph(witness: &dyn Witness, name: &str) -> Option<String> {
    tokio::time::timeout(EPITAPH_LIMIT, witness.broken(name)).await.ok()
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
            reason = self.witness.broken(&self.name) => reason,
            reason = self.remote.broken() => {
                epitaph(&*self.witness, &self.name).await.unwrap_or(reason)
            }
        }
    }
}
