//! A device in a process of a lab, behind the harness's seam: if its console breaks, the exit of its process explains why.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::Stream;
use dut_sim::remote::{RemoteConsole, RemoteError, Settings};

use crate::exit::{ExitWatcher, LabPart};
use crate::seen_changes::SeenChanges;
use crate::sim_device::{refused, told};
use model::lab::Lab;
use testbed::device::{Change, Device, DeviceError};
use testbed::{BenchError, Client, LabOptions};

/// A device whose process is in a lab, by way of its console.
pub struct LabDevice {
    part: LabPart,
    console: RemoteConsole,
    changes: SeenChanges,
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
        S: Stream + 'static,
    {
        let part = LabPart::new(name, watcher);
        let settings = settings(lab, name, options.client)?;
        let started = match stream {
            Ok(stream) => {
                let console = RemoteConsole::start(stream, settings).await;
                console.map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        match started {
            Ok(console) => {
                let changes = SeenChanges::new(console.subscribe());
                Ok(Self { part, console, changes })
            }
            Err(reason) => {
                let reason = part.explain(&reason).await;
                Err(BenchError::Device { name: name.to_owned(), reason })
            }
        }
    }

    async fn explained<T>(&self, outcome: Result<T, RemoteError>) -> Result<T, DeviceError> {
        let reason = match outcome {
            Ok(answer) => return Ok(answer),
            Err(RemoteError::Failed(reason)) => reason,
            Err(RemoteError::Closed(reason)) => gone(&reason),
        };
        Err(DeviceError::Broken { reason: self.part.explain(&reason).await })
    }
}

fn gone(reason: &str) -> String {
    format!("its console is gone: {reason}")
}

#[async_trait]
impl Device for LabDevice {
    async fn configure(&self, change: Change<'_>) -> Result<(), DeviceError> {
        let outcome = match change {
            Change::Replace(lines) => self.console.replace_configuration(lines).await,
            Change::Modify(lines) => self.console.modify_configuration(lines).await,
        };
        self.explained(outcome).await?.map_err(refused)
    }

    async fn execute(&self, command: &str) -> Result<String, DeviceError> {
        self.changes.mark_all();
        told(self.explained(self.console.execute(command).await).await?)
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
        tokio::select! {
            reason = self.part.broken() => reason,
            reason = self.console.closed() => self.part.explain(&gone(&reason)).await,
        }
    }
}

/// What the device `name` of `lab` is started with.
///
/// # Errors
/// When the lab has no such device.
pub fn settings(lab: &Lab, name: &str, client: Client) -> Result<Settings, BenchError> {
    let device = crate::plan_of(lab, name)?;
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
