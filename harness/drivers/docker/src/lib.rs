//! Labs of containers, on a Docker engine.
//!
//! Each host and each device is a container, and all of a lab stand in one internal network of the engine. The links of the
//! lab are laid over that network from within ([`crate::in_container`]), so that the lab's subnets and addresses are its own.

#![forbid(unsafe_code)]

pub use bollard;

mod container;
pub mod engine;
mod exits;
mod foreign;
#[cfg(target_os = "linux")]
pub mod in_container;
mod lab;
pub mod leftovers;
pub mod network;
mod node;
pub mod node_image;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use tokio::sync::watch;

use self::engine::Engine;
pub use self::leftovers::find as find_leftovers;
use model::lab::Lab;
use simulated::{ConsoleDriver, refuse_real_things, without_network};
use testbed::{
    Client, Driver, DriverName, LabOptions, OpenLab, OpenLabs, Remains, Testbed, TestbedError,
};

/// Labs of containers.
#[derive(Clone)]
pub struct Docker {
    options: Arc<LabOptions>,
    state: Arc<State>,
}

/// What is remembered from one lab to the next.
#[derive(Default)]
struct State {
    labs: OpenLabs,
    guard: leftovers::Guard,
    images: node_image::NodeImages,
}

impl Docker {
    /// The driver; no engine is asked yet.
    pub fn new(options: LabOptions) -> Self {
        Self { options: Arc::new(options), state: Arc::default() }
    }

    /// Builds a lab; yields the console of the device of that name, if there is one, and the lab with all other devices.
    ///
    /// Who gives up waiting for it leaves nothing half made behind: it is made to its end, or to where it can be given up, and
    /// then removed.
    async fn stand(
        &self,
        lab: &Lab,
        id: &str,
        device: Option<&str>,
    ) -> Result<(Option<RemoteConsole>, Testbed), TestbedError> {
        check(lab, &self.options)?;
        let (docker, lab, id) = (self.clone(), lab.clone(), id.to_owned());
        let device = device.map(str::to_owned);
        let (_wanted, told) = watch::channel(());
        let unwanted = Unwanted { told, entry: self.state.labs.open() };
        let building = tokio::spawn(async move {
            lab::build(&docker, &lab, &id, device.as_deref(), unwanted).await
        });
        building.await.unwrap_or_else(|error| {
            let reason = format!("the lab could not be built: {error}");
            Err(TestbedError::Network { reason })
        })
    }
}

#[async_trait]
impl Driver for Docker {
    async fn probe(&self) -> Result<(), TestbedError> {
        Engine::connect().await.map(drop)
    }

    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        refuse_real_things(lab, DriverName::Docker)?;
        if !lab.is_networked() {
            return without_network(lab, self.options.client);
        }
        self.stand(lab, id, None).await.map(|(_, testbed)| testbed)
    }

    fn remains(&self) -> Remains {
        Remains { complaints: self.state.labs.complaints(), ..Remains::default() }
    }

    async fn settle(&self) -> Remains {
        let complaints = self.state.labs.settled().await;
        // Where something is left, it is the business of the one that outlives this process.
        if complaints.is_empty() {
            self.state.guard.farewell().await;
        }
        Remains { complaints, ..Remains::default() }
    }
}

#[async_trait]
impl ConsoleDriver for Docker {
    async fn console(
        &self,
        lab: &Lab,
        device: &str,
        id: &str,
    ) -> Result<(RemoteConsole, Testbed), TestbedError> {
        refuse_real_things(lab, DriverName::Docker)?;
        match self.stand(lab, id, Some(device)).await? {
            (Some(console), testbed) => Ok((console, testbed)),
            (None, testbed) => {
                testbed.close().await;
                let (name, reason) = (device.to_owned(), "it has no console".to_owned());
                Err(TestbedError::Device { name, reason })
            }
        }
    }
}

/// Tells whether anybody still waits for a lab, which is on the books meanwhile.
struct Unwanted {
    told: watch::Receiver<()>,
    entry: OpenLab,
}

/// Whether the lab can be built of containers.
///
/// # Errors
/// [`TestbedError::NotSupported`] with what cannot.
fn check(lab: &Lab, options: &LabOptions) -> Result<(), TestbedError> {
    let lacking = client(options.client)
        .or_else(|| program(lab))
        .or_else(|| pki_at_several_hosts(lab))
        .or_else(|| two_interfaces_in_one_link(lab));
    match lacking {
        Some(what) => Err(TestbedError::NotSupported { driver: DriverName::Docker, what }),
        None => Ok(()),
    }
}

fn client(client: Client) -> Option<String> {
    let what = format!("the client `{client}`, a program that is not in the image of a device");
    (client != Client::Builtin).then_some(what)
}

fn program(lab: &Lab) -> Option<String> {
    let (host, program) = lab.programs().next()?;
    let command = program.command.first().map_or("a program", String::as_str);
    Some(format!("programs of this machine: host `{host}` runs `{command}`"))
}

/// Each container is a machine of its own, and so would the PKIs be.
fn pki_at_several_hosts(lab: &Lab) -> Option<String> {
    let several = lab.pkis.keys().find(|pki| lab.hosts_that_run(pki).count() > 1)?;
    Some(format!("one PKI at several hosts, as `{several}` is"))
}

/// A VXLAN is there once in each container.
fn two_interfaces_in_one_link(lab: &Lab) -> Option<String> {
    lab.devices.iter().find_map(|(name, device)| {
        let subnets: BTreeSet<_> = device.interfaces.values().collect();
        let twice = subnets.len() < device.interfaces.len();
        twice.then(|| format!("two interfaces of one device in one subnet, as `{name}` has"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    fn lacking(lab: &str) -> String {
        let lab = Lab::parse(&Source::new("lab", lab.to_owned())).unwrap();
        check(&lab, &LabOptions::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_containers_cannot_be_is_said_with_its_name() {
        let program =
            "hosts: {a: {addresses: [10.0.0.1/24], runs: {program: serve it, ready: {port: 1}}}}";
        let told =
            "driver `docker` does not support programs of this machine: host `a` runs `serve`";
        assert_eq!(lacking(program), told);
        let several = "hosts: {a: {addresses: [10.0.0.1/24], runs: ca}, b: {addresses: [10.0.0.2/24], runs: ca}}\n\
                       pki: {ca: {personality: linux}}";
        assert!(lacking(several).ends_with("one PKI at several hosts, as `ca` is"));
        let twice = "devices: {D: {interfaces: {eth0: 10.0.0.0/24, eth1: 10.0.0.0/24}}}";
        assert!(lacking(twice).ends_with("in one subnet, as `D` has"));
        let options = LabOptions { client: Client::Sscep, ..LabOptions::default() };
        check(&Lab::default(), &options).unwrap_err();
        check(&Lab::default(), &LabOptions::default()).unwrap();
    }
}
