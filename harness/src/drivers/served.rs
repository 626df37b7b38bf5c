//! A simulated device that is used from other processes.

use std::sync::Arc;

use dut_sim::{Device, KeySource};

use super::{client_is_a_program, network_with_pkis, settings_of};
use crate::lab::Lab;
use crate::testbed::{Bench, BenchError, Client, DriverName, Resource};

/// Builds `lab` in this process, for its device of that name, which is of use as long as the bench is kept.
///
/// The device restarts once in the middle of the commit of that number, where there is one.
///
/// # Errors
/// When the lab has no such device or cannot be built, or the client is a program, which the virtual lab has not.
pub fn in_the_virtual_lab(
    lab: &Lab,
    device: &str,
    client: Client,
    restarts_in_commit: Option<u64>,
) -> Result<(Arc<Device>, Bench), BenchError> {
    if client != Client::Builtin {
        return Err(client_is_a_program(client, DriverName::Virtual));
    }
    let (network, pkis) = network_with_pkis(lab)?;
    let mut settings =
        settings_of(device, super::plan_of(lab, device)?, &network, &KeySource::Generate)?;
    settings.restarts_in_commit = restarts_in_commit;
    let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
    Ok((Device::start(settings), Bench { pkis, resources, ..Bench::default() }))
}

/// The lab's device of that name on the network of this process, of whose interfaces it has the named ones.
///
/// It is to be called within a tokio runtime.
///
/// # Errors
/// When the lab has no such device, or the network cannot be configured.
#[cfg(target_os = "linux")]
pub fn on_the_own_network(
    lab: &Lab,
    device: &str,
    client: Client,
    interfaces: &[String],
    restarts_in_commit: Option<u64>,
) -> Result<Arc<Device>, BenchError> {
    use dut_sim::DeviceSettings;
    use dut_sim::network::kernel::KernelNetwork;

    use super::remote_device;

    let started = remote_device::settings(lab, device, client)?;
    let network = KernelNetwork::open_on(interfaces.iter().cloned(), started.names);
    let network = network.map_err(|error| BenchError::Network { reason: error.to_string() })?;
    let mut settings = DeviceSettings::new(Arc::new(network));
    settings.hostname = started.hostname;
    settings.interfaces = interfaces.to_vec();
    settings.keyring = started.keyring.into_iter().collect();
    settings.client = started.client;
    settings.restarts_in_commit = restarts_in_commit;
    Ok(Device::start(settings))
}
