//! A lab of containers: built, kept, and removed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::query_parameters::InspectNetworkOptions;

use dut_sim::remote::RemoteConsole;
use futures_util::future::{join_all, try_join_all};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::container::Line;
use super::engine::Engine;
use super::foreign::{self, Place};
use super::leftovers::{self, Labels};
use super::network::{Carrier, furnishings};
use super::node::{Nodes, Started};
use super::{Docker, Unwanted};
use model::lab::topology::Topology;
use model::lab::{Lab, Runs};
use simulated::channel::Channel;
use simulated::client::Builtin;
use simulated::connector::KeptConnection;
use simulated::exit::{Exits, LabPart, Lost};
use simulated::mock_pki::MockPki;
use simulated::sim_device::{self, LabDevice};
use testbed::pki::Pki;
use testbed::{KeySupply, LabOptions, OpenLab, Resource, Testbed, TestbedError};

/// How long removing a lab may take.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds a lab, unless it turns out to be unwanted; yields the console of the device of that name, if there is one, and the lab
/// with all other devices.
pub(super) async fn build(
    docker: &Docker,
    lab: &Lab,
    id: &str,
    device: Option<&str>,
    unwanted: Unwanted,
) -> Result<(Option<RemoteConsole>, Testbed), TestbedError> {
    let Docker { options, state } = docker;
    let Unwanted { told, entry } = unwanted;
    let engine = Engine::connect().await?;
    state.guard.prepare(&engine, options.sceplab.as_deref()).await?;
    let image = wanted(&told, state.images.obtain(&engine, options)).await?;
    let images =
        lab.images().map(|(host, image)| foreign::obtain_image(&engine, host, &image.name));
    wanted(&told, async { try_join_all(images).await.map(drop) }).await?;
    let labels = Labels::of_this_process(id);
    let carrier = Carrier::create(&engine, &labels, lab).await?.name;
    let exits = Arc::default();
    let nodes = Nodes {
        engine: engine.clone(),
        lab,
        image,
        foreign: options.node_image.clone(),
        labels: labels.of_lab(&carrier),
        carrier: carrier.clone(),
        exits: Arc::clone(&exits),
    };
    let (hosts, watches) = (BTreeMap::new(), JoinSet::new());
    let mut built = DockerLab { engine, carrier, exits, hosts, watches, entry: Some(entry) };
    match built.set_up(&nodes, device, options, &told).await {
        Ok((console, mut testbed)) => {
            testbed.resources.push(Box::new(built));
            Ok((console, testbed))
        }
        Err(error) => {
            built.remove().await;
            Err(error)
        }
    }
}

/// What may take long is given up if nobody waits for it any more.
async fn wanted<T>(
    told: &watch::Receiver<()>,
    made: impl Future<Output = Result<T, TestbedError>>,
) -> Result<T, TestbedError> {
    let mut told = told.clone();
    tokio::select! {
        made = made => made,
        // Nothing is ever sent: the end of the sender is what is waited for.
        _ = told.changed() => {
            Err(TestbedError::Network { reason: "nobody waits for the lab any more".to_owned() })
        }
    }
}

/// The containers of a lab; dropping it removes them, and is not waited for.
struct DockerLab {
    engine: Engine,
    /// The network that carries the lab.
    carrier: String,
    exits: Arc<Exits>,
    /// The lines to the hosts without a mock CA, which must not end: that such a host has ended, nobody else tells.
    hosts: BTreeMap<String, Arc<Channel>>,
    /// What is done as long as the lab is there.
    watches: JoinSet<()>,
    /// `None` once the lab is being removed.
    entry: Option<OpenLab>,
}

impl DockerLab {
    /// Starts all that is in the lab.
    async fn set_up(
        &mut self,
        nodes: &Nodes<'_>,
        device: Option<&str>,
        options: &LabOptions,
        told: &watch::Receiver<()>,
    ) -> Result<(Option<RemoteConsole>, Testbed), TestbedError> {
        let lab = nodes.lab;
        let (containers, lines) = self.start(nodes).await?;
        let (mut devices, hosts): (BTreeMap<_, _>, BTreeMap<_, _>) =
            lines.into_iter().partition(|(name, _)| lab.devices.contains_key(name));
        let mut testbed = Testbed::default();
        for (host, line) in hosts {
            if let Some(Runs::Pki(name)) = lab.hosts.get(&host).and_then(|host| host.runs.as_ref())
            {
                testbed.pkis.insert(name.clone(), self.mock_ca(lab, name, &host, line).await?);
            } else {
                self.keep(host, line);
            }
        }
        let foreign = lab.images().filter_map(|(host, image)| {
            let (node, channel) = (containers.get(host)?, self.hosts.get(host)?);
            let (engine, labels) = (&self.engine, nodes.labels.clone());
            let place = Place { engine, lab, host, node, channel, labels };
            Some(async move {
                let started = foreign::start(&place, image).await?;
                Ok((host.to_owned(), Arc::new(started) as Arc<dyn Pki>))
            })
        });
        testbed.pkis.extend(wanted(told, try_join_all(foreign)).await?);
        // A foreign PKI may not certify a key twice.
        if lab.images().next().is_none() {
            testbed.keys = KeySupply::Shared;
        }
        testbed.client = Some(Arc::new(Builtin::new(testbed.pkis.clone())));
        let console = match device.and_then(|name| Some((name, devices.remove(name)?))) {
            Some((name, line)) => Some(console(lab, name, line, options).await?),
            None => None,
        };
        for (name, line) in devices {
            let part = LabPart::new(&name, &self.exits);
            let device = LabDevice::start(lab, &name, Ok(line), options, part).await?;
            testbed.devices.insert(name, Arc::new(device));
        }
        Ok((console, testbed))
    }

    /// Starts all nodes, and makes their network; yields their containers and the lines to them, by the names of the lab.
    async fn start(
        &mut self,
        nodes: &Nodes<'_>,
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, Line>), TestbedError> {
        let topology = Topology::of(nodes.lab);
        // One that fails is no reason to leave the others half made.
        let started = join_all(topology.nodes.iter().map(|node| nodes.start(node))).await;
        let started: Vec<Started> = started.into_iter().collect::<Result<_, _>>()?;
        let (mut containers, mut lines) = (BTreeMap::new(), BTreeMap::new());
        for (node, Started { id, line, carrying }) in topology.nodes.iter().zip(started) {
            self.watches.spawn(nodes.watch(&node.name, &id, carrying));
            containers.insert(node.name.clone(), id);
            lines.insert(node.name.clone(), line);
        }
        let addresses = self.addresses(&containers).await?;
        let furnishings = match furnishings(nodes.lab, &topology, &addresses) {
            Ok(furnishings) => furnishings,
            Err(name) => return Err(nodes.without_address(&name).await),
        };
        let furnished = furnishings.into_iter().filter_map(|furnishing| {
            let name = furnishing.node.name.clone();
            let furnished = nodes.furnish(furnishing, lines.remove(&name)?);
            Some(async move { furnished.await.map(|line| (name, line)) })
        });
        let lines = try_join_all(furnished).await?.into_iter().collect();
        Ok((containers, lines))
    }

    /// The addresses that the engine has given the containers on the carrier.
    async fn addresses(
        &self,
        containers: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Ipv4Addr>, TestbedError> {
        let nothing = None::<InspectNetworkOptions>;
        let inspected = self.engine.client().inspect_network(&self.carrier, nothing).await;
        let inspected = inspected
            .map_err(|error| self.engine.explain("looking at the lab's network", &error))?;
        let given = inspected.containers.unwrap_or_default();
        let address = |(name, id): (&String, &String)| {
            let written = given.get(id)?.ipv4_address.as_ref()?;
            let address = written.split('/').next()?.parse().ok()?;
            Some((name.clone(), address))
        };
        Ok(containers.iter().filter_map(address).collect())
    }

    /// The mock CA in the container of its host, whose line is a connection of its control API from here on.
    async fn mock_ca(
        &self,
        lab: &Lab,
        name: &str,
        host: &str,
        line: Line,
    ) -> Result<Arc<dyn Pki>, TestbedError> {
        let connection = KeptConnection::open(line).await;
        let connection =
            connection.map_err(|reason| TestbedError::Pki { name: name.to_owned(), reason })?;
        let part = LabPart::new(host, &self.exits);
        Ok(Arc::new(MockPki::in_lab(lab, name, connection, part)))
    }

    /// Keeps the line to a host, which is over when its container is.
    fn keep(&mut self, name: String, line: Line) {
        let (reader, writer) = tokio::io::split(line);
        let (channel, _) = Channel::new(reader, writer);
        let (exits, told, host) = (Arc::clone(&self.exits), Arc::clone(&channel), name.clone());
        self.watches.spawn(async move {
            told.exits().note_end(Lost::Gone(exits.broken(&host).await));
        });
        self.hosts.insert(name, channel);
    }

    /// Removes all of it, and waits until it is gone.
    async fn remove(mut self) {
        if let Some(removal) = self.removal() {
            removal.await;
        }
    }

    /// What removes all of it; nothing if that was handed out before.
    fn removal(&mut self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let (engine, carrier, entry) =
            (self.engine.clone(), self.carrier.clone(), self.entry.take()?);
        // How containers end from here on is nobody's business.
        self.watches.abort_all();
        Some(async move {
            let removed = timeout(REMOVAL_TIMEOUT, leftovers::remove_lab(&engine, &carrier)).await;
            let complaint = match removed {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(_) => {
                    let seconds = REMOVAL_TIMEOUT.as_secs();
                    format!("removing the lab `{carrier}` took more than {seconds} s")
                }
            };
            entry.complain(format!("{complaint}; `sceplab clean` removes what is left"));
        })
    }
}

async fn console(
    lab: &Lab,
    name: &str,
    line: Line,
    options: &LabOptions,
) -> Result<RemoteConsole, TestbedError> {
    let settings = sim_device::settings(lab, name, options.client)?;
    let console = RemoteConsole::start(line, settings).await.map_err(|error| {
        TestbedError::Device { name: name.to_owned(), reason: error.to_string() }
    })?;
    Ok(console)
}

impl Drop for DockerLab {
    fn drop(&mut self) {
        // Without a runtime the process is at its end, and whoever outlives it removes the lab.
        if let Ok(runtime) = Handle::try_current()
            && let Some(removal) = self.removal()
        {
            runtime.spawn(removal);
        }
    }
}

#[async_trait]
impl Resource for DockerLab {
    async fn close(self: Box<Self>) {
        self.remove().await;
    }

    async fn broken(&self) -> String {
        if self.hosts.is_empty() {
            return std::future::pending().await;
        }
        let hosts: Vec<&str> = self.hosts.keys().map(String::as_str).collect();
        let (name, how) = self.exits.first_of(&hosts).await;
        format!("host `{name}`: {how}")
    }
}
