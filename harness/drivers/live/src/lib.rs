//! What is there already: devices by SSH and PKIs by URL, on the network of this machine.

#![forbid(unsafe_code)]

pub mod live_pki;
#[cfg(target_os = "linux")]
mod sim;
pub mod ssh_device;
mod targets;
mod used;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

#[cfg(target_os = "linux")]
use self::sim::start as simulated;
use self::targets::Restoring;
pub use self::targets::{TargetOptions, Targets};
pub use self::used::{Used, used};
use model::lab::{ChallengeSource, Lab, PkiByUrl};
use testbed::{Bench, BenchError, Driver, DriverName, Remains};

#[async_trait]
impl Driver for Targets {
    async fn build(&self, lab: &Lab, _: &str) -> Result<Bench, BenchError> {
        if !lab.is_live() {
            let what =
                "a lab that names no device by SSH and no PKI by URL; `--lab FILE` names another";
            return Err(not_supported(what.to_owned()));
        }
        let mut bench = Bench::default();
        for (name, plan) in &lab.by_url {
            let broken = |reason| BenchError::Pki { name: name.clone(), reason };
            let pki = self.pki(plan).map_err(broken)?;
            let pki = pki.for_scenario().await.map_err(|error| broken(error.to_string()))?;
            bench.secrets.extend(pki.secrets.iter().cloned());
            bench.pkis.insert(name.clone(), Arc::new(pki));
        }
        for (name, plan) in &lab.devices {
            let device = match &plan.ssh {
                Some(target) => {
                    let keeps = self.options.keep_configuration;
                    let device = Arc::new(self.sessions.open(name, target, keeps).await?);
                    bench.resources.push(Box::new(Restoring(Arc::clone(&device))));
                    device
                }
                None => simulated(name, lab).await?,
            };
            bench.devices.insert(name.clone(), device);
        }
        Ok(bench)
    }

    /// Devices, passwords that serve once, and what a CA has issued: other scenarios would change them meanwhile.
    fn exclusive(&self, lab: &Lab) -> BTreeSet<String> {
        let serves_once = |source: &ChallengeSource| {
            !matches!(source, ChallengeSource::None | ChallengeSource::Static(_))
        };
        let is_held = |pki: &&PkiByUrl| {
            pki.control.is_some() || self.source(pki).as_ref().is_some_and(serves_once)
        };
        let pkis = lab.by_url.values().filter(is_held).map(|pki| pki.url.to_string());
        let controls = lab.by_url.values().filter_map(|pki| pki.control.as_ref());
        let devices = lab.devices.values().filter_map(|device| device.ssh.as_ref());
        pkis.chain(controls.map(|url| format!("control {url}")))
            .chain(devices.map(|target| format!("ssh {}:{}", target.host, target.port)))
            .collect()
    }

    fn remains(&self) -> Remains {
        let (devices, changed) = (self.sessions.complaints(), self.sessions.not_put_back());
        Remains { devices, changed, ..Remains::default() }
    }

    async fn settle(&self) -> Remains {
        let devices = self.sessions.settled().await;
        Remains { devices, ..Remains::default() }
    }
}

/// Elsewhere the simulated device has no sockets of the system's to ping with.
#[cfg(not(target_os = "linux"))]
async fn simulated(name: &str, _: &Lab) -> Result<Arc<dyn testbed::device::Device>, BenchError> {
    Err(not_supported(format!("a simulated device, such as `{name}`, on this operating system")))
}

fn not_supported(what: String) -> BenchError {
    BenchError::NotSupported { driver: DriverName::Live, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    #[test]
    fn passwords_that_serve_once_are_held_and_one_for_all_is_not() {
        let held = |challenge: &str| {
            let text =
                format!("pki: {{p: {{url: http://127.0.0.1:1/scep, challenge: {challenge}}}}}");
            let lab = Lab::parse(&Source::new("lab", text)).unwrap();
            Targets::default().exclusive(&lab)
        };
        let url = BTreeSet::from(["http://127.0.0.1:1/scep".to_owned()]);
        assert_eq!(held("{one-time: [a-password, b-password]}"), url);
        assert_eq!(held("{static: a-password}"), BTreeSet::new());
    }
}
