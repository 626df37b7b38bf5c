//! Builds what a lab file describes: the one place that names the concrete device and the concrete PKI.

#[cfg(any(target_os = "linux", feature = "docker"))]
mod channel;
#[cfg(feature = "docker")]
pub mod docker;
#[cfg(any(target_os = "linux", feature = "docker"))]
mod lab_device;
#[cfg(any(target_os = "linux", feature = "docker"))]
mod lab_pki;
pub mod leftovers;
mod live;
pub mod live_pki;
pub mod loopback;
pub(crate) mod mock_pki;
#[cfg(target_os = "linux")]
mod netns;
#[cfg(any(target_os = "linux", feature = "docker"))]
mod remote_device;
mod seen_changes;
pub mod served;
mod sim_device;
pub mod ssh_device;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::console::Shell;
use dut_sim::{DeviceSettings, KeySource};

#[cfg(feature = "docker")]
pub use self::docker::Docker;
pub use self::live::{Live, TargetOptions, Targets, Used, used};
use self::mock_pki::MockPki;
#[cfg(target_os = "linux")]
pub use self::netns::Netns;
use self::sim_device::SimDevice;
use crate::client::Builtin;
use crate::lab::{self, Lab, Runs};
use crate::testbed::{
    Bench, BenchError, Client, Driver, DriverName, KeySupply, LabOptions, Resource,
};
use crate::virtual_lab::VirtualLab;

/// A driver whose simulated devices have a console for use by hand.
#[async_trait]
pub trait ConsoleDriver: Driver {
    /// Builds `lab` and hands out the command line of its simulated device of that name.
    ///
    /// The device is of use as long as the bench is kept.
    ///
    /// # Errors
    /// As [`Driver::build`], and when the lab has no such device.
    async fn console(
        &self,
        lab: &Lab,
        device: &str,
        id: &str,
    ) -> Result<(Shell, Bench), BenchError>;
}

/// The driver of that name; the error is why it is not there.
///
/// # Errors
/// When the driver needs another operating system, or was not built in.
pub fn driver(
    name: DriverName,
    options: LabOptions,
    targets: Targets,
) -> Result<Arc<dyn Driver>, BenchError> {
    Ok(match name {
        DriverName::Virtual => Arc::new(Virtual::new(options.client)),
        #[cfg(target_os = "linux")]
        DriverName::Netns => Arc::new(Netns::new(options)),
        #[cfg(feature = "docker")]
        DriverName::Docker => Arc::new(Docker::new(options)),
        DriverName::Live => Arc::new(Live::new(targets)),
        #[expect(unreachable_patterns, reason = "all are there on Linux with the feature `docker`")]
        missing => return Err(unavailable(missing)),
    })
}

/// The driver of that name, if its devices have a console.
///
/// # Errors
/// As [`driver`], and when the devices are real and have a console of their own.
pub fn console_driver(
    name: DriverName,
    options: LabOptions,
) -> Result<Arc<dyn ConsoleDriver>, BenchError> {
    Ok(match name {
        DriverName::Virtual => Arc::new(Virtual::new(options.client)),
        #[cfg(target_os = "linux")]
        DriverName::Netns => Arc::new(Netns::new(options)),
        #[cfg(feature = "docker")]
        DriverName::Docker => Arc::new(Docker::new(options)),
        DriverName::Live => {
            let what = "a console: a real device has its own, by `ssh`".to_owned();
            return Err(BenchError::NotSupported { driver: name, what });
        }
        #[expect(unreachable_patterns, reason = "all are there on Linux with the feature `docker`")]
        missing => return Err(unavailable(missing)),
    })
}

fn unavailable(driver: DriverName) -> BenchError {
    if driver == DriverName::Docker {
        let reason = "this `sceplab` was built without the feature `docker`; \
                      `cargo run --release --features docker -- run …` has it";
        return BenchError::NoEngine { reason: reason.to_owned() };
    }
    BenchError::NotSupported { driver, what: "this operating system".to_owned() }
}

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
        device: &str,
        _: &str,
    ) -> Result<(Shell, Bench), BenchError> {
        self.check(lab)?;
        let (network, pkis) = network_with_pkis(lab)?;
        let device = start_device(device, plan_of(lab, device)?, &network, &self.keys)?;
        let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
        Ok((Shell::Here(device), Bench { pkis, resources, ..Bench::default() }))
    }
}

/// PKIs that no host runs are spoken to in this process, whatever the driver: there is no network to build.
fn build_networkless(lab: &Lab, client: Client) -> Result<Bench, BenchError> {
    let bench = build_virtual(lab, &KeySource::Generate)?;
    // A client that is a program would need one.
    let built_in = bench.client.filter(|_| client == Client::Builtin);
    Ok(Bench { client: built_in, ..bench })
}

/// Builds `lab` in this process, with simulated devices that take their keys from there.
fn build_virtual(lab: &Lab, keys: &KeySource) -> Result<Bench, BenchError> {
    let (network, pkis) = network_with_pkis(lab)?;
    let mut devices: BTreeMap<String, Arc<dyn crate::device::Device>> = BTreeMap::new();
    for (name, plan) in &lab.devices {
        let device = start_device(name, plan, &network, keys)?;
        devices.insert(name.clone(), Arc::new(SimDevice::new(device)));
    }
    let client = Arc::new(Builtin::new(pkis.clone()));
    let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
    let keys = KeySupply::Shared;
    Ok(Bench { devices, pkis, client: Some(client), resources, keys, ..Bench::default() })
}

/// Nothing but the driver `live` reaches what is there already.
fn refuse_real_things(lab: &Lab, driver: DriverName) -> Result<(), BenchError> {
    let by_ssh = lab.devices.iter().find_map(|(name, device)| {
        Some(format!("devices over SSH: `{name}` is at {}", device.ssh.as_ref()?))
    });
    let by_url = || {
        let (name, pki) = lab.by_url.first_key_value()?;
        Some(format!("PKIs by URL: `{name}` is at {}", pki.url))
    };
    match by_ssh.or_else(by_url) {
        Some(what) if driver != DriverName::Live => Err(BenchError::NotSupported { driver, what }),
        _ => Ok(()),
    }
}

fn client_is_a_program(client: Client, driver: DriverName) -> BenchError {
    let what = format!("the client `{client}`, which is a program");
    BenchError::NotSupported { driver, what }
}

impl Resource for VirtualLab {}

type Pkis = BTreeMap<String, Arc<dyn crate::pki::Pki>>;

fn network_with_pkis(lab: &Lab) -> Result<(VirtualLab, Pkis), BenchError> {
    if let Some(what) = lab.hosts.iter().find_map(foreigner_of) {
        return Err(BenchError::NotSupported { driver: DriverName::Virtual, what });
    }
    let network = VirtualLab::new(lab);
    let mut pkis: Pkis = BTreeMap::new();
    for (name, plan) in &lab.pkis {
        let pki = Arc::new(MockPki::open(name, plan)?);
        let port = plan.port.unwrap_or_else(|| pki.default_port());
        let hosts = lab.hosts_that_run(name);
        for host in hosts {
            if !network.listen(host, port, Arc::<MockPki>::clone(&pki)) {
                let reason = format!("`{host}` is no host of the lab");
                return Err(BenchError::Network { reason });
            }
        }
        pkis.insert(name.clone(), pki);
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

/// An image that a host runs, in words.
fn image_of(host: &str, image: &lab::Image) -> String {
    format!("images: host `{host}` runs `{}`; `--driver docker` does", image.name)
}

fn start_device(
    name: &str,
    plan: &lab::Device,
    network: &VirtualLab,
    keys: &KeySource,
) -> Result<Arc<dut_sim::Device>, BenchError> {
    settings_of(name, plan, network, keys).map(dut_sim::Device::start)
}

fn plan_of<'a>(lab: &'a Lab, name: &str) -> Result<&'a lab::Device, BenchError> {
    lab.devices.get(name).ok_or_else(|| BenchError::Device {
        name: name.to_owned(),
        reason: "the lab has none of that name".to_owned(),
    })
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
