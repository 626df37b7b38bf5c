//! The kernel's network: namespaces, links, addresses, and a simulated device on them.

pub mod links;
pub mod namespace;

use std::sync::Arc;

use dut_sim::network::kernel::{Interfaces, KernelNetwork};
use dut_sim::{Device, DeviceSettings, Settings};
use model::lab::Lab;
use testbed::{Client, TestbedError};

use crate::sim_device;

/// When a process was started: the 22nd field of /proc/PID/stat; the second, a name, may hold blanks and brackets.
pub fn start_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// Starts a simulated device in the namespace of this process; the interface that is passed over, where there is one, is not the device's.
///
/// # Errors
/// Why the network cannot be configured.
pub fn start_device(settings: Settings, passed_over: Option<&str>) -> Result<Arc<Device>, String> {
    let owned = passed_over.map_or(Interfaces::All, |name| Interfaces::AllBut(name.to_owned()));
    let network = KernelNetwork::open(owned, settings.names.clone())
        .map_err(|error| format!("the kernel's network cannot be configured: {error}"))?;
    let customary = DeviceSettings::new(Arc::new(network));
    Ok(Device::start(DeviceSettings { own: settings, ..customary }))
}

/// Starts the lab's device of that name with these interfaces of the process's network, and restarts it once in the middle
/// of the commit of that number, if there is one.
///
/// It is to be called within a tokio runtime.
///
/// # Errors
/// When the lab has no such device, or the network cannot be configured.
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
    let customary = DeviceSettings::new(Arc::new(network));
    Ok(Device::start(DeviceSettings { own: settings, restarts_in_commit, ..customary }))
}
