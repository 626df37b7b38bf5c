//! Labs in this process: no socket, no privilege.
#![forbid(unsafe_code)]

pub mod loopback;
pub mod served;
pub mod virtual_lab;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use dut_sim::{DeviceSettings, KeySource};
use model::lab::{self, Lab, Runs};
use simulated::client::Builtin;
use simulated::lab_ca::LabCa;
use simulated::mock_pki::MockPki;
use simulated::sim_device::SimDevice;
use simulated::{ConsoleDriver, client_is_a_program, image_of, plan_of, refuse_real_things};
use testbed::{Bench, BenchError, Client, Driver, DriverName, KeySupply, Resource};

use tokio::io::DuplexStream;

use crate::virtual_lab::{Service, VirtualLab};

/// Labs in this process; no socket, no privilege.
#[derive(Debug, Clone, Default)]
pub struct Virtual {
    client: Client,
    keys: KeySource,
}

impl Virtual {
    /// The driver, for devices with that client.
    pub fn new(client: Client) -> Self {
        Self { client, keys: KeySource::Generate }
    }

    /// The driver, for devices that take their keys from there.
    pub fn with_keys(keys: KeySource) -> Self {
        Self { client: Client::Builtin, keys }
    }

    fn check(&self, lab: &Lab) -> Result<(), BenchError> {
        refuse_real_things(lab, DriverName::Virtual)?;
        match self.client {
            Client::Builtin => Ok(()),
            program => Err(client_is_a_program(program, DriverName::Virtual)),
        }
    }
}

#[async_trait]
impl Driver for Virtual {
    async fn build(&self, lab: &Lab, _: &str) -> Result<Bench, BenchError> {
        self.check(lab)?;
        build_virtual(lab, &self.keys)
    }
}

#[async_trait]
impl ConsoleDriver for Virtual {
    async fn console(
        &self,
        lab: &Lab,
        name: &str,
        _: &str,
    ) -> Result<(RemoteConsole, Bench), BenchError> {
        self.check(lab)?;
        let (network, pkis) = network_with_pkis(lab)?;
        let device = start_device(name, plan_of(lab, name)?, &network, &self.keys)?;
        let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
        let console = RemoteConsole::of(device).await.map_err(|error| BenchError::Device {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        Ok((console, Bench { pkis, resources, ..Bench::default() }))
    }
}

/// Builds `lab` in this process, with simulated devices that take their keys from there.
fn build_virtual(lab: &Lab, keys: &KeySource) -> Result<Bench, BenchError> {
    let (network, pkis) = network_with_pkis(lab)?;
    let mut devices: BTreeMap<String, Arc<dyn testbed::device::Device>> = BTreeMap::new();
    for (name, plan) in &lab.devices {
        let device = start_device(name, plan, &network, keys)?;
        devices.insert(name.clone(), Arc::new(SimDevice::new(device)));
    }
    let client = Arc::new(Builtin::new(pkis.clone()));
    let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
    let keys = KeySupply::Shared;
    Ok(Bench { devices, pkis, client: Some(client), resources, keys, ..Bench::default() })
}

impl Resource for VirtualLab {}

#[async_trait]
impl Service for LabCa {
    async fn serve(&self, stream: DuplexStream, peer: SocketAddrV4) {
        self.ca().serve_connection(stream, peer.to_string()).await;
    }
}

type Pkis = BTreeMap<String, Arc<dyn testbed::pki::Pki>>;

fn network_with_pkis(lab: &Lab) -> Result<(VirtualLab, Pkis), BenchError> {
    if let Some(what) = lab.hosts.iter().find_map(foreigner_of) {
        return Err(BenchError::NotSupported { driver: DriverName::Virtual, what });
    }
    let network = VirtualLab::new(lab);
    let mut pkis: Pkis = BTreeMap::new();
    for (name, plan) in &lab.pkis {
        let ca = Arc::new(LabCa::open(name, plan)?);
        let hosts = lab.hosts_that_run(name);
        for host in hosts {
            if !network.listen(host, ca.port(), Arc::<LabCa>::clone(&ca)) {
                let reason = format!("`{host}` is no host of the lab");
                return Err(BenchError::Network { reason });
            }
        }
        pkis.insert(name.clone(), Arc::new(MockPki::in_this_process(&ca)));
    }
    Ok((network, pkis))
}

/// What a host runs that is no part of this process, in words.
fn foreigner_of((name, host): (&String, &lab::Host)) -> Option<String> {
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
    plan: &lab::Device,
    network: &VirtualLab,
    keys: &KeySource,
) -> Result<Arc<dut_sim::Device>, BenchError> {
    settings_of(name, plan, network, keys).map(dut_sim::Device::start)
}

fn settings_of(
    name: &str,
    plan: &lab::Device,
    network: &VirtualLab,
    keys: &KeySource,
) -> Result<DeviceSettings, BenchError> {
    let broken = |reason: String| BenchError::Device { name: name.to_owned(), reason };
    let attachment =
        network.network(name).ok_or_else(|| broken("it is plugged into nothing".to_owned()))?;
    let mut settings = DeviceSettings::new(attachment);
    name.clone_into(&mut settings.hostname);
    settings.interfaces = plan.interfaces.keys().cloned().collect();
    settings.keyring = plan.keyring.clone().into_iter().collect();
    settings.key_source = keys.clone();
    Ok(settings)
}

#[cfg(test)]
mod tests;
