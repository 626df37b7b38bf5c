//! A device in a process of a lab, behind the harness's seam: if its console breaks, the exit of its process explains why.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::exit::{ExitWatcher, LabPart};
use crate::remote_device::RemoteDevice;
use model::lab::Lab;
use testbed::device::{Change, Device, DeviceError};
use testbed::{BenchError, LabOptions};

/// A device whose process is in a lab.
pub struct LabDevice {
    part: LabPart,
    remote: RemoteDevice,
}

impl LabDevice {
    /// Starts the device in the process at the other end of a stream, unless there is a reason why there is none.
    ///
    /// # Errors
    /// When there is no stream, or the device does not start.
    pub async fn start<S>(
        lab: &Lab,
        name: &str,
        stream: Result<S, String>,
        options: &LabOptions,
        watcher: Arc<dyn ExitWatcher>,
    ) -> Result<Self, BenchError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let part = LabPart::new(name, watcher);
        let started = match stream {
            Ok(stream) => RemoteDevice::start(lab, name, stream, options.client).await,
            Err(reason) => Err(BenchError::Device { name: name.to_owned(), reason }),
        };
        match started {
            Ok(remote) => Ok(Self { part, remote }),
            Err(BenchError::Device { name, reason }) => {
                Err(BenchError::Device { name, reason: part.explain(&reason).await })
            }
            Err(error) => Err(error),
        }
    }

    async fn explained<T>(&self, outcome: Result<T, DeviceError>) -> Result<T, DeviceError> {
        match outcome {
            Err(DeviceError::Broken { reason }) => {
                Err(DeviceError::Broken { reason: self.part.explain(&reason).await })
            }
            other => other,
        }
    }
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
            reason = self.part.broken() => reason,
            reason = self.remote.broken() => self.part.explain(&reason).await,
        }
    }
}
