//! A simulated device on the kernel's network, in the namespace of the process that it is in.

use std::sync::Arc;

use dut_sim::network::kernel::KernelNetwork;
use dut_sim::remote::Settings;
use dut_sim::{Device, DeviceSettings};

/// Starts a device; the interface that is passed over, where there is one, is not the device's.
///
/// # Errors
/// Why the network cannot be configured.
pub fn start(settings: Settings, passed_over: Option<&str>) -> Result<Arc<Device>, String> {
    let network = KernelNetwork::open(settings.names)
        .map_err(|error| format!("the kernel's network cannot be configured: {error}"))?;
    let network = match passed_over {
        Some(interface) => network.passing_over(interface),
        None => network,
    };
    let mut started = DeviceSettings::new(Arc::new(network));
    started.hostname = settings.hostname;
    started.interfaces = settings.interfaces;
    started.keyring = settings.keyring.into_iter().collect();
    started.client = settings.client;
    Ok(Device::start(started))
}
