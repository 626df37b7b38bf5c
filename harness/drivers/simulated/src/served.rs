//! A simulated device on the network of this process that is used from other processes.
#![cfg(target_os = "linux")]

use std::sync::Arc;

use dut_sim::network::kernel::KernelNetwork;
use dut_sim::{Device, DeviceSettings};
use model::lab::Lab;
use testbed::{BenchError, Client};

use crate::lab_device;

/// The lab's device of that name on the network of this process, of whose interfaces it has the named ones.
///
/// It is to be called within a tokio runtime.
///
/// # Errors
/// When the lab has no such device, or the network cannot be configured.
pub fn on_the_own_network(
    lab: &Lab,
    device: &str,
    client: Client,
    interfaces: &[String],
    restarts_in_commit: Option<u64>,
) -> Result<Arc<Device>, BenchError> {
    let started = lab_device::settings(lab, device, client)?;
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
