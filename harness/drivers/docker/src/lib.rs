//! Labs of containers, on a Docker engine.
//!
//! Each host and each device is a container, and all containers of a lab are in one internal network of the engine. The
//! containers build the links of the lab on top of that network ([`crate::in_container`]), so that the lab has its own subnets
//! and addresses.

#![forbid(unsafe_code)]

pub use bollard;

mod container;
pub mod engine;
mod exits;
mod image_pki;
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
use model::lab::topology::{Node, Topology};
use simulated::{
    ConsoleDriver, refuse_clock_of_programs, refuse_live_lab, refuse_recorded, without_network,
};
use testbed::{
    Client, Driver, DriverName, KeyStore, LabOptions, OpenLab, OpenLabs, Remains, Testbed,
    TestbedError,
};

/// Builds labs of containers.
#[derive(Clone)]
pub struct Docker {
    options: Arc<LabOptions>,
    state: Arc<State>,
}

/// The state that all labs of the driver share.
#[derive(Default)]
struct State {
    labs: OpenLabs,
    guard: leftovers::Guard,
    images: node_image::NodeImages,
    /// The keys that `scep` steps have certified; labs of mock CAs alone share them, because making keys takes most of the time.
    keys: KeyStore,
}

impl Docker {
    /// The driver; it does not connect to an engine yet.
    pub fn new(options: LabOptions) -> Self {
        Self { options: Arc::new(options), state: Arc::default() }
    }

    /// Builds a lab; returns the console of the device of that name, if there is one, and the lab with all other devices.
    ///
    /// If this future is dropped, nothing half built is left: building continues to its end, or to a point at which it can stop,
    /// and then the lab is removed.
    async fn start_lab(
        &self,
        lab: &Lab,
        id: &str,
        device: Option<&str>,
    ) -> Result<(Option<RemoteConsole>, Testbed), TestbedError> {
        check(lab, &self.options)?;
        refuse_recorded(lab, DriverName::Docker)?;
        let (docker, lab, id) = (self.clone(), lab.clone(), id.to_owned());
        let device = device.map(str::to_owned);
        let (_waiting, cancelled) = watch::channel(());
        let pending = PendingLab { cancelled, entry: self.state.labs.open() };
        let building = tokio::spawn(async move {
            lab::build(&docker, &lab, &id, device.as_deref(), pending).await
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
        refuse_live_lab(lab, DriverName::Docker)?;
        refuse_clock_of_programs(lab, self.options.client, DriverName::Docker)?;
        if !lab.is_networked() {
            return without_network(lab, id, &self.options, &self.state.keys).await;
        }
        self.start_lab(lab, id, None).await.map(|(_, testbed)| testbed)
    }

    fn remains(&self) -> Remains {
        Remains { complaints: self.state.labs.complaints(), ..Remains::default() }
    }

    async fn settle(&self) -> Remains {
        let complaints = self.state.labs.settled().await;
        // If something is left, the reaper must stay, which outlives this process and removes it.
        if complaints.is_empty() {
            self.state.guard.finish().await;
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
        refuse_live_lab(lab, DriverName::Docker)?;
        refuse_clock_of_programs(lab, self.options.client, DriverName::Docker)?;
        match self.start_lab(lab, id, Some(device)).await? {
            (Some(console), testbed) => Ok((console, testbed)),
            (None, testbed) => {
                testbed.close().await;
                let (name, reason) = (device.to_owned(), "it has no console".to_owned());
                Err(TestbedError::Device { name, reason })
            }
        }
    }
}

/// A lab that is being built; `cancelled` is closed when no task waits for it any more.
struct PendingLab {
    cancelled: watch::Receiver<()>,
    entry: OpenLab,
}

/// Checks that the lab can be built of containers.
///
/// # Errors
/// [`TestbedError::NotSupported`], with the part that cannot.
fn check(lab: &Lab, options: &LabOptions) -> Result<(), TestbedError> {
    let lacking = client(options.client)
        .or_else(|| program(lab))
        .or_else(|| certificate_in_a_file(lab))
        .or_else(|| pki_at_several_hosts(lab))
        .or_else(|| two_interfaces_in_one_link(lab))
        .or_else(|| too_many_on_one_link(lab));
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

/// The file is not in the container.
fn certificate_in_a_file(lab: &Lab) -> Option<String> {
    let mut with_tls = lab.pkis.iter().filter_map(|(name, pki)| Some((name, pki.tls.as_ref()?)));
    let (name, _) = with_tls.find(|(_, tls)| tls.files.is_some())?;
    Some(format!("TLS certificates in files of this machine, as `{name}` has"))
}

/// The PKI would have a separate instance in each container.
fn pki_at_several_hosts(lab: &Lab) -> Option<String> {
    let several = lab.pkis.keys().find(|pki| lab.hosts_that_run(pki).count() > 1)?;
    Some(format!("one PKI at several hosts, as `{several}` is"))
}

/// A container can have only one interface in a VXLAN.
fn two_interfaces_in_one_link(lab: &Lab) -> Option<String> {
    lab.devices.iter().find_map(|(name, device)| {
        let subnets: BTreeSet<_> = device.interfaces.values().collect();
        let twice = subnets.len() < device.interfaces.len();
        twice.then(|| format!("two interfaces of one device in one subnet, as `{name}` has"))
    })
}

/// The most hosts and devices on one link. Each container there resolves the address of each other one, and the kernel keeps the
/// results of all containers in one table, by default of 1024: two such labs at once fit.
const MOST_ON_ONE_LINK: usize = 22;

fn too_many_on_one_link(lab: &Lab) -> Option<String> {
    let topology = Topology::of(lab);
    let count = |link: usize| {
        let is_there = |node: &&Node| node.interfaces.iter().any(|it| it.link == link);
        topology.nodes.iter().filter(is_there).count()
    };
    topology.links.iter().enumerate().find_map(|(link, subnet)| {
        let count = count(link);
        let what = || {
            format!(
                "more than {MOST_ON_ONE_LINK} hosts and devices on one link: {subnet} has {count}"
            )
        };
        (count > MOST_ON_ONE_LINK).then(what)
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
    fn unsupported_labs_are_refused_with_the_reason() {
        let program =
            "hosts: {a: {addresses: [10.0.0.1/24], runs: {program: serve it, ready: {port: 1}}}}";
        let expected =
            "driver `docker` does not support programs of this machine: host `a` runs `serve`";
        assert_eq!(lacking(program), expected);
        let several = "hosts: {a: {addresses: [10.0.0.1/24], runs: ca}, b: {addresses: [10.0.0.2/24], runs: ca}}\n\
                       pki: {ca: {personality: linux}}";
        assert!(lacking(several).ends_with("one PKI at several hosts, as `ca` is"));
        let twice = "devices: {D: {interfaces: {eth0: 10.0.0.0/24, eth1: 10.0.0.0/24}}}";
        assert!(lacking(twice).ends_with("in one subnet, as `D` has"));
        let fleet = |count: u32| {
            let device = |number| format!("R{number}: {{interfaces: {{eth0: 10.0.0.0/24}}}}");
            let devices = (1..count).map(device).collect::<Vec<_>>().join(", ");
            format!("hosts: {{a: {{addresses: [10.0.0.1/24]}}}}\ndevices: {{{devices}}}")
        };
        let many = "more than 22 hosts and devices on one link: 10.0.0.0/24 has 23";
        assert!(lacking(&fleet(23)).ends_with(many));
        let fitting = Lab::parse(&Source::new("lab", fleet(22))).unwrap();
        check(&fitting, &LabOptions::default()).unwrap();
        let options = LabOptions { client: Client::Sscep, ..LabOptions::default() };
        check(&Lab::default(), &options).unwrap_err();
        check(&Lab::default(), &LabOptions::default()).unwrap();
    }
}
