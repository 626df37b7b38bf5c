//! Labs in this process, without sockets and privileges.
#![forbid(unsafe_code)]

pub mod loopback;
pub mod virtual_lab;

use std::net::SocketAddrV4;
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::network::Stream;
use dut_sim::remote::RemoteConsole;
use dut_sim::{Device, DeviceSettings, KeySource};
use model::lab::{self, Lab, Runs};
use scep::clock::Clock;
use simulated::client::Builtin;
use simulated::lab_ca::{LabCa, port_of};
use simulated::mock_pki::MockPki;
use simulated::recorded_pki::RecordedPki;
use simulated::sim_device::{self, SimDevice};
use simulated::{ConsoleDriver, image_of, refuse_live_lab};
use testbed::injection::panic_if_asked;
use testbed::lab_time;
use testbed::{
    Client, Driver, DriverName, KeyStore, LabOptions, OpenLab, OpenLabs, Remains, Resource,
    Testbed, TestbedError,
};

use crate::virtual_lab::{Service, VirtualLab};

/// Builds labs in this process, without sockets and privileges.
#[derive(Debug, Clone, Default)]
pub struct Virtual {
    options: LabOptions,
    labs: OpenLabs,
    keys: KeySource,
    /// The keys that `scep` steps and clients have certified; the labs share them, because a mock CA certifies a key twice and making keys
    /// takes most of the time.
    certified: KeyStore,
}

impl Virtual {
    /// The driver.
    pub fn new(options: LabOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// The driver, for devices that take their keys from `keys`.
    pub fn with_keys(keys: KeySource) -> Self {
        Self { keys, ..Self::default() }
    }

    fn check(&self, lab: &Lab) -> Result<(), TestbedError> {
        refuse_live_lab(lab, DriverName::Virtual)?;
        check_client(self.options.client)
    }
}

#[async_trait]
impl Driver for Virtual {
    fn has_lab_time(&self) -> bool {
        true
    }

    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        panic_if_asked("driver");
        self.check(lab)?;
        let (network, mut testbed) = without_devices(lab, &self.options, id).await?;
        for name in lab.devices.keys() {
            let device = start_device(name, lab, &network, &testbed.clock, &self.keys, None)?;
            testbed.devices.insert(name.clone(), Arc::new(SimDevice::new(device)));
        }
        testbed.keys = self.certified.clone();
        testbed.client = Some(Arc::new(Builtin::new(
            testbed.pkis.clone(),
            testbed.clock.clone(),
            testbed.keys.clone(),
        )));
        testbed.links = Some(network.links());
        testbed.resources.push(Box::new(Network { lab: network, entry: self.labs.open() }));
        Ok(testbed)
    }

    async fn settle(&self) -> Remains {
        let complaints = self.labs.settled().await;
        let captures = self.labs.take_captures();
        Remains { complaints, captures, ..Remains::default() }
    }
}

#[async_trait]
impl ConsoleDriver for Virtual {
    async fn console(
        &self,
        lab: &Lab,
        name: &str,
        _: &str,
    ) -> Result<(RemoteConsole, Testbed), TestbedError> {
        self.check(lab)?;
        let (device, testbed) = with_device(lab, name, &self.keys, None).await?;
        let console = RemoteConsole::of(device).await.map_err(|error| TestbedError::Device {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        Ok((console, testbed))
    }
}

/// Builds `lab` in this process, and returns its device of that name, which works as long as the testbed is kept.
///
/// If `restarts_in_commit` is set, the device restarts once in the middle of the commit of that number.
///
/// # Errors
/// If the lab has no such device or cannot be built, or if the client is a program.
pub async fn in_the_virtual_lab(
    lab: &Lab,
    device: &str,
    client: Client,
    restarts_in_commit: Option<u64>,
) -> Result<(Arc<Device>, Testbed), TestbedError> {
    check_client(client)?;
    with_device(lab, device, &KeySource::Generate, restarts_in_commit).await
}

/// Refuses a client that is a program, because it cannot use the virtual network.
fn check_client(client: Client) -> Result<(), TestbedError> {
    if client == Client::Builtin {
        return Ok(());
    }
    let what = format!("the client `{client}`, which is a program");
    Err(TestbedError::NotSupported { driver: DriverName::Virtual, what })
}

async fn with_device(
    lab: &Lab,
    name: &str,
    keys: &KeySource,
    restarts_in_commit: Option<u64>,
) -> Result<(Arc<Device>, Testbed), TestbedError> {
    let (network, mut testbed) = without_devices(lab, &LabOptions::default(), "").await?;
    let device = start_device(name, lab, &network, &testbed.clock, keys, restarts_in_commit)?;
    let entry = OpenLabs::default().open();
    testbed.resources.push(Box::new(Network { lab: network, entry }));
    Ok((device, testbed))
}

/// The network of a lab, and its entry among the driver's labs.
struct Network {
    lab: VirtualLab,
    entry: OpenLab,
}

#[async_trait]
impl Resource for Network {}

impl Drop for Network {
    fn drop(&mut self) {
        for incomplete in self.lab.end() {
            self.entry.miss_capture(incomplete);
        }
    }
}

#[async_trait]
impl Service for LabCa {
    async fn serve(&self, stream: Box<dyn Stream>, peer: SocketAddrV4) {
        let service = self.service();
        tokio::select! {
            () = service.serve_connection(stream, peer.to_string()) => {}
            () = self.serving.stopped() => {}
        }
    }

    fn is_listening(&self) -> bool {
        self.serving.is_on()
    }
}

#[async_trait]
impl Service for RecordedPki {
    async fn serve(&self, stream: Box<dyn Stream>, peer: SocketAddrV4) {
        tokio::select! {
            () = self.service().serve_connection(stream, peer.to_string()) => {}
            () = self.serving.stopped() => {}
        }
    }

    fn is_listening(&self) -> bool {
        self.serving.is_on()
    }
}

/// Builds the network of `lab` and its PKIs.
async fn without_devices(
    lab: &Lab,
    options: &LabOptions,
    id: &str,
) -> Result<(VirtualLab, Testbed), TestbedError> {
    if let Some(what) = lab.hosts.iter().find_map(unsupported_service) {
        return Err(TestbedError::NotSupported { driver: DriverName::Virtual, what });
    }
    let start = lab.start.unwrap_or_else(|| Clock::system().now());
    let clock = lab_time::clock(start);
    let (network, mut testbed) = (VirtualLab::new(lab), Testbed { clock, ..Testbed::default() });
    let recorder = options.recorder(id, &testbed.clock);
    testbed.wire = Some(Arc::new(recorder.clone()));
    match options.capture_folder(id) {
        Ok(None) => {}
        Ok(Some(folder)) => network.capture(&folder, testbed.clock.clone()),
        Err(reason) => network.miss_captures(reason, testbed.clock.clone()),
    }
    for (name, plan) in &lab.pkis {
        let ca = LabCa::open_within(lab, name, plan, &testbed.clock)?;
        let ca = Arc::new(ca.recorded(Some(recorder.clone())));
        listen(&network, lab, name, port_of(plan), &ca)?;
        testbed.pkis.insert(name.clone(), Arc::new(MockPki::in_this_process(&ca)));
    }
    for (name, plan) in &lab.recorded {
        let pki = RecordedPki::open(lab, name, plan, &testbed.clock, &recorder).await?;
        let pki = Arc::new(pki);
        listen(&network, lab, name, pki.port(), &pki)?;
        testbed.secrets.extend(pki.secrets());
        testbed.pkis.insert(name.clone(), pki);
    }
    Ok((network, testbed))
}

/// Lets a PKI listen at each host that runs it.
fn listen<S: Service + 'static>(
    network: &VirtualLab,
    lab: &Lab,
    pki: &str,
    port: u16,
    service: &Arc<S>,
) -> Result<(), TestbedError> {
    for host in lab.hosts_that_run(pki) {
        if !network.listen(host, port, Arc::<S>::clone(service)) {
            let reason = format!("`{host}` is not a host of the lab");
            return Err(TestbedError::Network { reason });
        }
    }
    Ok(())
}

/// The program or image that a host runs, as the unsupported feature of an error.
fn unsupported_service((name, host): (&String, &lab::Host)) -> Option<String> {
    match host.runs.as_ref()? {
        Runs::Pki(_) => None,
        Runs::Program(program) => {
            let command = program.command.first().map_or("a program", String::as_str);
            Some(format!("programs: host `{name}` runs `{command}`"))
        }
        Runs::Image(image) => Some(image_of(name, image)),
    }
}

fn start_device(
    name: &str,
    lab: &Lab,
    network: &VirtualLab,
    clock: &Clock,
    keys: &KeySource,
    restarts_in_commit: Option<u64>,
) -> Result<Arc<Device>, TestbedError> {
    let own = sim_device::settings(lab, name, Client::Builtin)?;
    let attachment = network.network(name).ok_or_else(|| TestbedError::Device {
        name: name.to_owned(),
        reason: "it is not connected to the network".to_owned(),
    })?;
    let (key_source, defaults) = (keys.clone(), DeviceSettings::new(attachment));
    let clock = clock.clone();
    Ok(Device::start(DeviceSettings { own, clock, key_source, restarts_in_commit, ..defaults }))
}

#[cfg(test)]
mod tests;
