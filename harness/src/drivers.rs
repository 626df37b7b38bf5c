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

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use dut_sim::console::Shell;
use dut_sim::{DeviceSettings, KeySource};

pub use self::live::{TargetOptions, Targets, Used, used};
use self::mock_pki::MockPki;
use self::sim_device::SimDevice;
pub use self::ssh_device::Changed;
use self::ssh_device::SshSessions;
use crate::client::Builtin;
use crate::lab::{self, Lab, Runs};
use crate::run::{Bench, BenchError, Client, Driver, KeySupply, LabOptions, Resource};
use crate::virtual_lab::VirtualLab;

/// Builds `lab`; it is to be called within a tokio runtime, which runs what is in the lab.
///
/// # Errors
/// When a PKI or a device cannot be started, or the driver cannot build what the lab asks for.
pub async fn build(lab: &Lab, options: &LabOptions) -> Result<Bench, BenchError> {
    refuse_real_things(lab, options.driver)?;
    match options.driver {
        Driver::Virtual if options.client != Client::Builtin => Err(client_is_a_program(options)),
        Driver::Virtual => build_virtual(lab, &KeySource::Generate),
        Driver::Netns | Driver::Docker if !lab.is_networked() => build_networkless(lab, options),
        Driver::Netns => netns::build(lab, options).await,
        Driver::Docker => docker::build(lab, options).await,
        Driver::Live => live::build(lab, options).await,
    }
}

/// PKIs that no host runs are spoken to in this process, whatever the driver: there is no network to build.
fn build_networkless(lab: &Lab, options: &LabOptions) -> Result<Bench, BenchError> {
    let bench = build_virtual(lab, &KeySource::Generate)?;
    // A client that is a program would need one.
    let client = bench.client.filter(|_| options.client == Client::Builtin);
    Ok(Bench { client, ..bench })
}

/// Tries whether the driver can build any lab at all here, and leaves nothing behind.
///
/// # Errors
/// [`BenchError::NotPermitted`] with what would permit it, or what else is in its way.
pub async fn probe(options: &LabOptions) -> Result<(), BenchError> {
    match options.driver {
        Driver::Virtual | Driver::Live => Ok(()),
        Driver::Netns => netns::probe(options).await,
        Driver::Docker => docker::probe().await,
    }
}

/// What a scenario in `lab` must have to itself: no other that holds any of it runs at the same time.
pub(crate) fn held_alone(lab: &Lab, options: &LabOptions) -> BTreeSet<String> {
    match options.driver {
        Driver::Live => live::held_alone(lab, options),
        _ => BTreeSet::new(),
    }
}

/// The sessions with real devices of this process.
pub(crate) fn ssh_sessions() -> SshSessions {
    static SESSIONS: LazyLock<SshSessions> = LazyLock::new(SshSessions::default);
    SESSIONS.clone()
}

/// Waits until nothing is left of any lab of this process, those included that were dropped; tells what was wrong with
/// labs when they ended, each of it once.
pub async fn settled() -> Settled {
    let mut of_labs = netns::settled().await;
    of_labs.extend(docker::settled().await);
    Settled { of_labs, of_devices: ssh_sessions().settled().await }
}

/// What was wrong at the end of labs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// What is left of labs, or could not be ended as it should.
    pub of_labs: Vec<String>,
    /// The real devices that are not as they were.
    pub of_devices: Vec<String>,
}

/// The real devices that were given up so far and of which nobody was told.
pub fn given_up() -> Vec<String> {
    ssh_sessions().complaints()
}

/// The real devices whose configurations this process has yet to put back.
pub fn changed() -> Vec<Changed> {
    ssh_sessions().not_put_back()
}

/// A lab that was closed and stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLab {
    /// What it is called.
    pub id: String,
    /// Whom one can visit in it.
    pub hosts: Vec<String>,
    /// Why it cannot be found from other terminals, where it cannot.
    pub hidden: Option<String>,
}

/// The labs that were closed and stand on, as [`LabOptions::keep`] asks.
pub fn kept() -> Vec<KeptLab> {
    netns::kept()
}

/// Ends the labs that stand on, and waits until nothing is left of them.
pub async fn end_kept() {
    netns::end_kept().await;
}

/// Elsewhere there are no network namespaces.
#[cfg(not(target_os = "linux"))]
mod netns {
    use super::{Bench, BenchError, Driver, KeptLab, Lab, LabOptions};

    pub(super) async fn build(_: &Lab, options: &LabOptions) -> Result<Bench, BenchError> {
        probe(options).await.map(|()| Bench::default())
    }

    pub(super) async fn probe(_: &LabOptions) -> Result<(), BenchError> {
        Err(unsupported())
    }

    fn unsupported() -> BenchError {
        let what = "this operating system".to_owned();
        BenchError::NotSupported { driver: Driver::Netns, what }
    }

    pub(super) async fn build_for_console(
        _: &Lab,
        _: &str,
        _: &LabOptions,
    ) -> Result<(dut_sim::console::Shell, Bench), BenchError> {
        Err(unsupported())
    }

    pub(super) async fn settled() -> Vec<String> {
        Vec::new()
    }

    pub(super) fn kept() -> Vec<KeptLab> {
        Vec::new()
    }

    pub(super) async fn end_kept() {}
}

/// Without the feature there are no containers.
#[cfg(not(feature = "docker"))]
#[expect(clippy::unused_async, reason = "with the feature they wait")]
mod docker {
    use dut_sim::console::Shell;

    use super::{Bench, BenchError, Lab, LabOptions};

    pub(super) async fn build(_: &Lab, _: &LabOptions) -> Result<Bench, BenchError> {
        Err(missing())
    }

    pub(super) async fn probe() -> Result<(), BenchError> {
        Err(missing())
    }

    fn missing() -> BenchError {
        let reason = "this `sceplab` was built without the feature `docker`; \
                      `cargo run --release --features docker -- run …` has it";
        BenchError::NoEngine { reason: reason.to_owned() }
    }

    pub(super) async fn build_for_console(
        _: &Lab,
        _: &str,
        _: &LabOptions,
    ) -> Result<(Shell, Bench), BenchError> {
        Err(missing())
    }

    pub(super) async fn settled() -> Vec<String> {
        Vec::new()
    }
}

/// Builds `lab` in this process, with simulated devices that take their keys from there.
///
/// # Errors
/// As [`build`].
pub fn build_virtual(lab: &Lab, keys: &KeySource) -> Result<Bench, BenchError> {
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

/// Builds `lab` and hands out the command line of its simulated device of that name, for use by hand.
///
/// The device is of use as long as the bench is kept; `None` where the lab has no such device.
///
/// # Errors
/// As [`build`].
pub async fn build_for_console(
    lab: &Lab,
    device: &str,
    options: &LabOptions,
) -> Result<Option<(Shell, Bench)>, BenchError> {
    if !lab.devices.contains_key(device) {
        return Ok(None);
    }
    refuse_real_things(lab, options.driver)?;
    match options.driver {
        Driver::Virtual => {
            if options.client != Client::Builtin {
                return Err(client_is_a_program(options));
            }
            build_virtual_for_console(lab, device).map(Some)
        }
        Driver::Netns => netns::build_for_console(lab, device, options).await.map(Some),
        Driver::Docker => docker::build_for_console(lab, device, options).await.map(Some),
        Driver::Live => {
            let what = "a console: a real device has its own, by `ssh`".to_owned();
            Err(BenchError::NotSupported { driver: Driver::Live, what })
        }
    }
}

fn build_virtual_for_console(lab: &Lab, device: &str) -> Result<(Shell, Bench), BenchError> {
    let (network, pkis) = network_with_pkis(lab)?;
    let device = start_device(device, &lab.devices[device], &network, &KeySource::Generate)?;
    let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
    let bench = Bench { pkis, resources, ..Bench::default() };
    Ok((Shell::Here(device), bench))
}

/// Nothing but the driver `live` reaches what is there already.
fn refuse_real_things(lab: &Lab, driver: Driver) -> Result<(), BenchError> {
    let by_ssh = lab.devices.iter().find_map(|(name, device)| {
        Some(format!("devices over SSH: `{name}` is at {}", device.ssh.as_ref()?))
    });
    let by_url = || {
        let (name, pki) = lab.by_url.first_key_value()?;
        Some(format!("PKIs by URL: `{name}` is at {}", pki.url))
    };
    match by_ssh.or_else(by_url) {
        Some(what) if driver != Driver::Live => Err(BenchError::NotSupported { driver, what }),
        _ => Ok(()),
    }
}

fn client_is_a_program(options: &LabOptions) -> BenchError {
    let what = format!("the client `{}`, which is a program", options.client);
    BenchError::NotSupported { driver: options.driver, what }
}

impl Resource for VirtualLab {}

type Pkis = BTreeMap<String, Arc<dyn crate::pki::Pki>>;

fn network_with_pkis(lab: &Lab) -> Result<(VirtualLab, Pkis), BenchError> {
    if let Some(what) = lab.hosts.iter().find_map(foreigner_of) {
        return Err(BenchError::NotSupported { driver: Driver::Virtual, what });
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
