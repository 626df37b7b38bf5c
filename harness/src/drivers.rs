//! Builds what a lab file describes: the one place that names the concrete device and the concrete PKI.

mod mock_pki;
mod sim_device;

use std::collections::BTreeMap;
use std::sync::Arc;

use dut_sim::{DeviceSettings, KeySource};

use self::mock_pki::MockPki;
use self::sim_device::SimDevice;
use crate::lab::{self, Lab};
use crate::run::{Bench, BenchError, Driver};
use crate::virtual_lab::VirtualLab;

/// Builds `lab`; it is to be called within a tokio runtime, which runs what is in the lab.
///
/// # Errors
/// When a PKI or a device cannot be started, or the driver cannot build what the lab asks for.
pub fn build(lab: &Lab, driver: Driver) -> Result<Bench, BenchError> {
    build_with(lab, driver, &KeySource::Generate)
}

/// As [`build`], with simulated devices that take their keys from there.
///
/// # Errors
/// As [`build`].
pub fn build_with(lab: &Lab, driver: Driver, keys: &KeySource) -> Result<Bench, BenchError> {
    match driver {
        Driver::Virtual => virtual_bench(lab, keys),
    }
}

/// Builds `lab` in this process and hands out its simulated device of that name, for use by hand.
///
/// The device is of use as long as the bench is kept; `None` where the lab has no such device.
///
/// # Errors
/// As [`build`].
pub fn build_for_console(
    lab: &Lab,
    device: &str,
) -> Result<Option<(Arc<dut_sim::Device>, Bench)>, BenchError> {
    let (network, pkis) = network_with_pkis(lab)?;
    let Some((name, plan)) = lab.devices.get_key_value(device) else {
        return Ok(None);
    };
    let device = start_device(name, plan, &network, &KeySource::Generate)?;
    let bench = Bench { devices: BTreeMap::new(), pkis, resources: vec![Box::new(network)] };
    Ok(Some((device, bench)))
}

fn virtual_bench(lab: &Lab, keys: &KeySource) -> Result<Bench, BenchError> {
    let (network, pkis) = network_with_pkis(lab)?;
    let mut devices: BTreeMap<String, Arc<dyn crate::device::Device>> = BTreeMap::new();
    for (name, plan) in &lab.devices {
        let device = start_device(name, plan, &network, keys)?;
        devices.insert(name.clone(), Arc::new(SimDevice::new(device)));
    }
    Ok(Bench { devices, pkis, resources: vec![Box::new(network)] })
}

type Pkis = BTreeMap<String, Arc<dyn crate::pki::Pki>>;

fn network_with_pkis(lab: &Lab) -> Result<(VirtualLab, Pkis), BenchError> {
    let network = VirtualLab::new(lab);
    let mut pkis: Pkis = BTreeMap::new();
    for (name, plan) in &lab.pkis {
        let pki = Arc::new(MockPki::open(name, plan)?);
        let port = plan.port.unwrap_or_else(|| pki.default_port());
        let hosts = lab.hosts.iter().filter(|(_, host)| host.runs.as_ref() == Some(name));
        for (host, _) in hosts {
            if !network.listen(host, port, Arc::<MockPki>::clone(&pki)) {
                let reason = format!("`{host}` is no host of the lab");
                return Err(BenchError::Network { reason });
            }
        }
        pkis.insert(name.clone(), pki);
    }
    Ok((network, pkis))
}

fn start_device(
    name: &str,
    plan: &lab::Device,
    network: &VirtualLab,
    keys: &KeySource,
) -> Result<Arc<dut_sim::Device>, BenchError> {
    let broken = |reason: String| BenchError::Device { name: name.to_owned(), reason };
    let attachment =
        network.network(name).ok_or_else(|| broken("it is plugged into nothing".to_owned()))?;
    let mut settings = DeviceSettings::new(attachment);
    name.clone_into(&mut settings.hostname);
    settings.interfaces = plan.interfaces.keys().cloned().collect();
    settings.keyring = plan
        .keyring
        .iter()
        .map(|(sealed, clear)| (sealed.clone(), dut_sim::Secret::new(clear.expose())))
        .collect();
    settings.key_source = keys.clone();
    Ok(dut_sim::Device::start(settings))
}

#[cfg(test)]
mod tests;
