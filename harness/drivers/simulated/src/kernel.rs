//! The kernel's network: namespaces, links, addresses, and a simulated device on them.

pub mod links;
pub mod namespace;

use std::io;
use std::sync::Arc;

use dut_sim::network::kernel::{Interfaces, KernelNetwork};
use dut_sim::{Device, DeviceSettings, Settings};
use model::lab::Lab;
use testbed::{Client, TestbedError};
use thiserror::Error;

use crate::sim_device;

/// The start time of a process: field 22 of /proc/PID/stat. Field 2, a name, may contain blanks and brackets.
pub fn start_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// The error for a network of the kernel that cannot be configured.
#[derive(Debug, Error)]
#[error("the kernel's network cannot be configured: {0}")]
pub struct NoNetwork(io::Error);

/// Starts a simulated device on the network of this process; `excluded` is an interface that is not the device's.
///
/// # Errors
/// If the network cannot be configured.
pub fn start_device(settings: Settings, excluded: Option<&str>) -> Result<Arc<Device>, NoNetwork> {
    let owned = excluded.map_or(Interfaces::All, |name| Interfaces::AllBut(name.to_owned()));
    let network = KernelNetwork::open(owned, settings.names.clone()).map_err(NoNetwork)?;
    let defaults = DeviceSettings::new(Arc::new(network));
    Ok(Device::start(DeviceSettings { own: settings, ..defaults }))
}

/// Starts the lab's device of that name with these interfaces of this process's network. If `restarts_in_commit` is set, the
/// device restarts once in the middle of the commit of that number.
///
/// Must be called within a tokio runtime.
///
/// # Errors
/// If the lab has no such device, or the network cannot be configured.
pub fn start_device_with_interfaces(
    lab: &Lab,
    device: &str,
    client: Client,
    interfaces: &[String],
    restarts_in_commit: Option<u64>,
) -> Result<Arc<Device>, TestbedError> {
    let mut settings = sim_device::settings(lab, device, client)?;
    interfaces.clone_into(&mut settings.interfaces);
    let owned = Interfaces::Only(interfaces.iter().cloned().collect());
    let network = KernelNetwork::open(owned, settings.names.clone());
    let network = network.map_err(|error| TestbedError::Network { reason: error.to_string() })?;
    let defaults = DeviceSettings::new(Arc::new(network));
    Ok(Device::start(DeviceSettings { own: settings, restarts_in_commit, ..defaults }))
}
