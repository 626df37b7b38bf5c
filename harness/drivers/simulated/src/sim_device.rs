//! Simulated devices as [`Device`]s, in this process or in one of a lab.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::Stream;
use dut_sim::remote::{RemoteConsole, RemoteError};
use dut_sim::{Settings, TlsRoots};
use openssl::pkey::{PKey, Private};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::exit::LabPart;
use model::lab::Lab;
use testbed::device::{Change, Device, DeviceError, Outlook};
use testbed::{Client, LabOptions, TestbedError};

/// The settings for the device `name` of `lab`.
///
/// # Errors
/// If the lab has no such device.
pub fn settings(lab: &Lab, name: &str, client: Client) -> Result<Settings, TestbedError> {
    let device = lab.devices.get(name).ok_or_else(|| TestbedError::Device {
        name: name.to_owned(),
        reason: "the lab has none of that name".to_owned(),
    })?;
    let hosts = lab.hosts.iter();
    Ok(Settings {
        hostname: name.to_owned(),
        interfaces: device.interfaces.keys().cloned().collect(),
        keyring: device.keyring.clone().into_iter().collect(),
        names: hosts
            .filter_map(|(name, host)| Some((name.clone(), host.addresses.first()?.addr())))
            .collect(),
        client,
        clock_ahead_ms: device.clock_ahead_ms,
        programs_follow: lab.has_own_time(),
        tls_roots: tls_roots(lab),
    })
}

/// The certificates by which a device of this lab recognises servers: the network of a real PKI has those of the system, and a lab the
/// root below which its PKIs make theirs.
fn tls_roots(lab: &Lab) -> TlsRoots {
    if lab.is_live() {
        TlsRoots::System
    } else {
        TlsRoots::Given(vec![mock_ca::lab_tls_root_pem()])
    }
}

/// The settings for a device in another process, whose clock is that of the system: it is ahead of that as far as the lab is.
pub fn elsewhere(lab: &Lab, settings: Settings) -> Settings {
    let ahead = lab.ahead_of_system_ms().saturating_add(settings.clock_ahead_ms);
    Settings { clock_ahead_ms: ahead, ..settings }
}

/// A simulated device in this process, and which of its changes have been seen.
pub struct SimDevice {
    device: Arc<dut_sim::Device>,
    changes: SeenChanges,
}

impl SimDevice {
    /// The device, without a change seen so far.
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
        output_of(self.device.execute(command).await)
    }

    async fn cut_power(&self) -> Result<(), DeviceError> {
        self.changes.mark_all();
        self.device.cut_power();
        Ok(())
    }

    async fn changed(&self, pause: Duration) {
        self.changes.wait(pause).await;
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.device.protocol_log()
    }

    async fn protocol_log_after(&self, seen: u64) -> (u64, Vec<String>) {
        self.changes.mark_all();
        self.device.protocol_log_after(seen)
    }

    async fn keys(&self) -> Result<Vec<PKey<Private>>, DeviceError> {
        Ok(self.device.made_keys())
    }

    async fn notes(&self) -> Vec<String> {
        self.device.notes()
    }

    async fn limits(&self) -> Vec<String> {
        self.device.limits()
    }
}

/// A device in a process of a lab, used through its console. If the console fails, the exit of the process explains why.
pub struct LabDevice {
    part: LabPart,
    console: RemoteConsole,
    changes: SeenChanges,
}

impl LabDevice {
    /// Starts the device in the process at the other end of a stream; an error instead of the stream is why there is none.
    ///
    /// # Errors
    /// If no stream to the device can be opened, or the device does not start.
    pub async fn start<S>(
        lab: &Lab,
        name: &str,
        stream: Result<S, String>,
        options: &LabOptions,
        part: LabPart,
    ) -> Result<Self, TestbedError>
    where
        S: Stream + 'static,
    {
        let settings = elsewhere(lab, settings(lab, name, options.client)?);
        let started = async {
            let console = RemoteConsole::start(stream?, settings).await;
            console.map_err(|error| error.to_string())
        };
        match started.await {
            Ok(console) => {
                let changes = SeenChanges::new(console.subscribe());
                Ok(Self { part, console, changes })
            }
            Err(reason) => {
                let reason = part.explain(&reason).await;
                Err(TestbedError::Device { name: name.to_owned(), reason })
            }
        }
    }

    async fn explained<T>(&self, outcome: Result<T, RemoteError>) -> Result<T, DeviceError> {
        let reason = match outcome {
            Ok(answer) => return Ok(answer),
            Err(RemoteError::Failed(reason)) => reason,
            Err(RemoteError::Closed(reason)) => console_ended(&reason),
        };
        Err(DeviceError::Broken { reason: self.part.explain(&reason).await })
    }
}

fn console_ended(reason: &str) -> String {
    format!("its console ended: {reason}")
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
        output_of(self.explained(self.console.execute(command).await).await?)
    }

    async fn cut_power(&self) -> Result<(), DeviceError> {
        self.changes.mark_all();
        self.explained(self.console.cut_power().await).await
    }

    async fn changed(&self, pause: Duration) {
        self.changes.wait(pause).await;
    }

    async fn protocol_log(&self) -> Vec<String> {
        self.console.protocol_log().await.unwrap_or_default()
    }

    async fn protocol_log_after(&self, seen: u64) -> (u64, Vec<String>) {
        self.changes.mark_all();
        self.console.protocol_log_after(seen).await.unwrap_or((seen, Vec::new()))
    }

    async fn advance(&self, by: Duration) -> Result<(), DeviceError> {
        self.explained(self.console.advance(by).await).await
    }

    async fn outlook(&self) -> Result<Outlook, DeviceError> {
        self.explained(self.console.outlook().await).await
    }

    async fn notes(&self) -> Vec<String> {
        self.console.notes().await.unwrap_or_default()
    }

    async fn limits(&self) -> Vec<String> {
        self.console.limits().await.unwrap_or_default()
    }

    async fn broken(&self) -> String {
        tokio::select! {
            reason = self.part.broken() => reason,
            reason = self.console.closed() => self.part.explain(&console_ended(&reason)).await,
        }
    }
}

fn refused(error: dut_sim::ConfigurationError) -> DeviceError {
    let dut_sim::ConfigurationError { line, line_text: text, message } = error;
    DeviceError::ConfigurationRefused { line, text, message }
}

fn output_of(reply: dut_sim::Reply) -> Result<String, DeviceError> {
    let dut_sim::Reply { output, ok } = reply;
    if ok { Ok(output) } else { Err(DeviceError::CommandRefused { output }) }
}

/// The changes of a device, and which of them have been seen.
struct SeenChanges(Mutex<watch::Receiver<u64>>);

impl SeenChanges {
    fn new(changes: watch::Receiver<u64>) -> Self {
        Self(Mutex::new(changes))
    }

    /// Marks all changes so far as seen; a check that runs from here on may miss only later ones.
    fn mark_all(&self) {
        self.0.lock().mark_unchanged();
    }

    /// Waits for an unseen change, at most `pause`.
    async fn wait(&self, pause: Duration) {
        let mut changes = self.0.lock().clone();
        if let Ok(Err(_closed)) = tokio::time::timeout(pause, changes.changed()).await {
            // A device that has ended does not change any more; without the pause its checks would spin.
            tokio::time::sleep(pause).await;
        }
    }
}
