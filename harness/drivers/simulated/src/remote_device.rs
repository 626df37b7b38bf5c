//! A simulated device in a process of its own, behind the harness's seam.

use std::time::Duration;

use async_trait::async_trait;
use dut_sim::remote::{RemoteConsole, RemoteError, Settings};
use tokio::io::{AsyncRead, AsyncWrite};

use super::seen_changes::SeenChanges;
use super::sim_device::{refused, told};
use model::lab::Lab;
use testbed::device::{Change, Device, DeviceError};
use testbed::{BenchError, Client};

/// A device in a process of its own, by way of its console.
pub struct RemoteDevice {
    console: RemoteConsole,
    changes: SeenChanges,
}

impl RemoteDevice {
    /// Starts the device `name` of `lab` in the process at the other end of `stream`.
    ///
    /// # Errors
    /// When the lab has no such device, or the process does not start it.
    pub async fn start<S>(
        lab: &Lab,
        name: &str,
        stream: S,
        client: Client,
    ) -> Result<Self, BenchError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let broken = |reason: String| BenchError::Device { name: name.to_owned(), reason };
        let console = RemoteConsole::start(stream, settings(lab, name, client)?);
        Ok(Self::of(console.await.map_err(|error| broken(error.to_string()))?))
    }

    fn of(console: RemoteConsole) -> Self {
        let changes = SeenChanges::new(console.subscribe());
        Self { console, changes }
    }
}

#[async_trait]
impl Device for RemoteDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        let outcome = match change {
            Change::Replace(lines) => self.console.replace_configuration(lines).await,
            Change::Modify(lines) => self.console.modify_configuration(lines).await,
        };
        outcome.map_err(broken)?.map_err(refused)
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        self.changes.mark_all();
        told(self.console.execute(command).await.map_err(broken)?)
    }

    async fn changed(&self, pause: Duration) {
        self.changes.wait(pause).await;
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.console.protocol_log().await.unwrap_or_default()
    }

    async fn notes(&self) -> Vec<String> {
        self.console.notes().await.unwrap_or_default()
    }

    async fn broken(&self) -> String {
        format!("its console is gone: {}", self.console.closed().await)
    }
}

fn broken(error: RemoteError) -> DeviceError {
    let reason = match error {
        RemoteError::Failed(reason) => reason,
        RemoteError::Closed(reason) => format!("its console is gone: {reason}"),
    };
    DeviceError::Broken { reason }
}

/// What the device `name` of `lab` is started with.
///
/// # Errors
/// When the lab has no such device.
pub fn settings(lab: &Lab, name: &str, client: Client) -> Result<Settings, BenchError> {
    let device = super::plan_of(lab, name)?;
    let hosts = lab.hosts.iter();
    Ok(Settings {
        hostname: name.to_owned(),
        interfaces: device.interfaces.keys().cloned().collect(),
        keyring: device.keyring.clone().into_iter().collect(),
        names: hosts
            .filter_map(|(name, host)| Some((name.clone(), host.addresses.first()?.addr())))
            .collect(),
        client,
    })
}
