//! What is there already: devices by SSH and PKIs by URL, on the network of this machine.

mod devices;
#[cfg(target_os = "linux")]
mod simulated;
mod targets;
mod used;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use self::targets::{TargetOptions, Targets};
pub use self::used::{Used, used};
use crate::lab::{ChallengeSource, Lab, PkiByUrl};
use crate::run::{Bench, BenchError, Driver, LabOptions};

/// Reaches for all that `lab` names.
pub(super) async fn build(lab: &Lab, options: &LabOptions) -> Result<Bench, BenchError> {
    if !lab.is_live() {
        let what =
            "a lab that names no device by SSH and no PKI by URL; `--lab FILE` names another";
        return Err(not_supported(what.to_owned()));
    }
    let mut bench = Bench::default();
    for (name, plan) in &lab.by_url {
        let broken = |reason| BenchError::Pki { name: name.clone(), reason };
        let pki = options.live.pki(plan).map_err(broken)?;
        let pki = pki.for_scenario().await.map_err(|error| broken(error.to_string()))?;
        bench.secrets.extend(pki.secrets.iter().cloned());
        bench.pkis.insert(name.clone(), Arc::new(pki));
    }
    for (name, plan) in &lab.devices {
        let device = match &plan.ssh {
            Some(target) => {
                let (device, restoring) = options.live.device(name, target).await?;
                bench.resources.push(restoring);
                device
            }
            None => simulated(name, lab).await?,
        };
        bench.devices.insert(name.clone(), device);
    }
    Ok(bench)
}

#[cfg(target_os = "linux")]
async fn simulated(name: &str, lab: &Lab) -> Result<Arc<dyn crate::device::Device>, BenchError> {
    simulated::start(name, lab).await
}

/// Elsewhere the simulated device has no sockets of the system's to ping with.
#[cfg(not(target_os = "linux"))]
async fn simulated(name: &str, _: &Lab) -> Result<Arc<dyn crate::device::Device>, BenchError> {
    Err(not_supported(format!("a simulated device, such as `{name}`, on this operating system")))
}

/// What a scenario in `lab` must have to itself, for others would change it under its feet: devices, passwords that
/// serve once, and what a CA has issued.
pub(super) fn held_alone(lab: &Lab, options: &LabOptions) -> BTreeSet<String> {
    let serves_once = |source: &ChallengeSource| {
        !matches!(source, ChallengeSource::None | ChallengeSource::Static(_))
    };
    let is_held = |pki: &&PkiByUrl| {
        pki.control.is_some() || options.live.source(pki).as_ref().is_some_and(serves_once)
    };
    let pkis = lab.by_url.values().filter(is_held);
    let devices = lab.devices.values().filter_map(|device| device.ssh.as_ref());
    let devices = devices.map(|target| format!("ssh {}:{}", target.host, target.port));
    let controls = lab.by_url.values().filter_map(|pki| pki.control.as_ref());
    let controls = controls.map(|url| format!("control {url}"));
    pkis.map(|pki| pki.url.to_string()).chain(controls).chain(devices).collect()
}

fn not_supported(what: String) -> BenchError {
    BenchError::NotSupported { driver: Driver::Live, what }
}
