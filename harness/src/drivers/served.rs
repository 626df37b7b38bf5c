//! A simulated device that is used from other processes.

use std::sync::Arc;

use dut_sim::{Device, KeySource};

use super::{client_is_a_program, network_with_pkis, settings_of};
use crate::lab::Lab;
use crate::run::{Bench, BenchError, Client, Driver, LabOptions, Resource};

/// Builds `lab` in this process, for its device named `options.id`, which is of use as long as the bench is kept.
///
/// The device restarts once in the middle of the commit of that number, where there is one.
///
/// # Errors
/// When the lab has no such device or cannot be built, or the options ask for more than the virtual lab has.
pub fn in_the_virtual_lab(
    lab: &Lab,
    options: &LabOptions,
    restarts_in_commit: Option<u64>,
) -> Result<(Arc<Device>, Bench), BenchError> {
    if options.client != Client::Builtin {
        return Err(client_is_a_program(options));
    }
    if options.driver != Driver::Virtual {
        let what = "a device that is served from it".to_owned();
        return Err(BenchError::NotSupported { driver: options.driver, what });
    }
    let (network, pkis) = network_with_pkis(lab)?;
    let plan = super::plan_of(lab, &options.id)?;
    let mut settings = settings_of(&options.id, plan, &network, &KeySource::Generate)?;
    settings.restarts_in_commit = restarts_in_commit;
    let resources: Vec<Box<dyn Resource>> = vec![Box::new(network)];
    Ok((Device::start(settings), Bench { pkis, resources, ..Bench::default() }))
}

/// The lab's device named `options.id` on the network of this process, of whose interfaces it has the named ones.
///
/// It is to be called within a tokio runtime.
///
/// # Errors
/// When the lab has no such device, or the network cannot be configured.
#[cfg(target_os = "linux")]
pub fn on_the_own_network(
    lab: &Lab,
    interfaces: &[String],
    options: &LabOptions,
    restarts_in_commit: Option<u64>,
) -> Result<Arc<Device>, BenchError> {
    use dut_sim::DeviceSettings;
    use dut_sim::network::kernel::KernelNetwork;

    use super::remote_device;

    let started = remote_device::settings(lab, &options.id, options.client)?;
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
