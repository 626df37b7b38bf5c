//! The kernel's network: namespaces, links, addresses, and a simulated device on them.

pub mod links;
pub mod namespace;

use std::sync::Arc;

use dut_sim::Device;
use dut_sim::network::kernel::KernelNetwork;
use dut_sim::remote::Settings;
use model::lab::Lab;
use testbed::{BenchError, Client};

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
    let network = KernelNetwork::open(settings.names.clone())
        .map_err(|error| format!("the kernel's network cannot be configured: {error}"))?;
    let network = match passed_over {
        Some(interface) => network.passing_over(interface),
        None => network,
    };
    Ok(Device::start(sim_device::on_network(Arc::new(network), settings)))
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
) -> Result<Arc<Device>, BenchError> {
    let mut settings = sim_device::settings(lab, device, client)?;
    interfaces.clone_into(&mut settings.interfaces);
    let network = KernelNetwork::open_on(interfaces.iter().cloned(), settings.names.clone());
    let network = network.map_err(|error| BenchError::Network { reason: error.to_string() })?;
    let mut settings = sim_device::on_network(Arc::new(network), settings);
    settings.restarts_in_commit = restarts_in_commit;
    Ok(Device::start(settings))
}
