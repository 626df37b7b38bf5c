//! Builds, holds and removes a lab of containers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::query_parameters::InspectNetworkOptions;

use dut_sim::remote::RemoteConsole;
use futures_util::future::{join_all, try_join_all};
use scep::clock::Stopwatch;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::container::ControlStream;
use super::engine::Engine;
use super::image_pki::{self, Placement};
use super::leftovers::{self, Labels};
use super::network::{Carrier, configs};
use super::node::{Nodes, Started};
use super::{Docker, PendingLab};
use model::lab::topology::Topology;
use model::lab::{Lab, Runs};
use simulated::channel::Channel;
use simulated::client::Builtin;
use simulated::connector::KeptConnection;
use simulated::exit::{Exits, LabError, LabPart};
use simulated::mock_pki::MockPki;
use simulated::sim_device::{self, LabDevice};
use testbed::pki::Pki;
use testbed::{LabOptions, OpenLab, Resource, Testbed, TestbedError};

/// The timeout for removing a lab.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds a lab, unless it is cancelled; returns the console of the device of that name, if there is one, and the lab with all
/// other devices.
pub(super) async fn build(
    docker: &Docker,
    lab: &Lab,
    id: &str,
    device: Option<&str>,
    pending: PendingLab,
) -> Result<(Option<RemoteConsole>, Testbed), TestbedError> {
    let Docker { options, state } = docker;
    let PendingLab { cancelled, entry } = pending;
    let engine = Engine::connect().await?;
    state.guard.prepare(&engine, options.sceplab.as_deref()).await?;
    let image = unless_cancelled(&cancelled, state.images.obtain(&engine, options)).await?;
    let images =
        lab.images().map(|(host, image)| image_pki::obtain_image(&engine, host, &image.name));
    unless_cancelled(&cancelled, async { try_join_all(images).await.map(drop) }).await?;
    let labels = Labels::of_this_process(id);
    let carrier = Carrier::create(&engine, &labels, lab).await?.name;
    let exits = Arc::default();
    let (lab, begun) = (&lab.begun(), Stopwatch::start());
    let nodes = Nodes {
        engine: engine.clone(),
        lab,
        image,
        named_image: options.node_image.clone(),
        labels: labels.of_lab(&carrier),
        carrier: carrier.clone(),
        exits: Arc::clone(&exits),
    };
    let (hosts, watches) = (BTreeMap::new(), JoinSet::new());
    let mut built = DockerLab { engine, carrier, exits, hosts, watches, entry: Some(entry) };
    match built.set_up(&nodes, device, options, &cancelled).await {
        Ok((console, mut testbed)) => {
            testbed.keys = if lab.images().next().is_none() {
                state.keys.clone()
            } else {
                // A PKI other than the mock CA may refuse to certify a key twice.
                state.keys.with_new_names()
            };
            testbed.begun = Some(begun);
            testbed.resources.push(Box::new(built));
            Ok((console, testbed))
        }
        Err(error) => {
            built.remove().await;
            Err(error)
        }
    }
}

/// Stops an operation that may take long if no task waits for the lab any more.
async fn unless_cancelled<T>(
    cancelled: &watch::Receiver<()>,
    made: impl Future<Output = Result<T, TestbedError>>,
) -> Result<T, TestbedError> {
    let mut cancelled = cancelled.clone();
    tokio::select! {
        made = made => made,
        // The sender sends nothing; its drop is the signal.
        _ = cancelled.changed() => {
            Err(TestbedError::Network { reason: "building the lab was cancelled".to_owned() })
        }
    }
}

/// The containers of a lab. Dropping it starts their removal without waiting for it.
struct DockerLab {
    engine: Engine,
    /// The network that carries the lab.
    carrier: String,
    exits: Arc<Exits>,
    /// The channels to the hosts without a mock CA. They are kept open because such a host has no other connection that reports
    /// its end.
    hosts: BTreeMap<String, Arc<Channel>>,
    /// The tasks that watch the containers until the lab is removed.
    watches: JoinSet<()>,
    /// `None` once the lab is being removed.
    entry: Option<OpenLab>,
}

impl DockerLab {
    /// Starts everything in the lab.
    async fn set_up(
        &mut self,
        nodes: &Nodes<'_>,
        device: Option<&str>,
        options: &LabOptions,
        cancelled: &watch::Receiver<()>,
    ) -> Result<(Option<RemoteConsole>, Testbed), TestbedError> {
        let lab = nodes.lab;
        let (containers, streams) = self.start(nodes).await?;
        let (mut devices, hosts): (BTreeMap<_, _>, BTreeMap<_, _>) =
            streams.into_iter().partition(|(name, _)| lab.devices.contains_key(name));
        let mut testbed = Testbed { clock: lab.clock(), ..Testbed::default() };
        for (host, stream) in hosts {
            if let Some(Runs::Pki(name)) = lab.hosts.get(&host).and_then(|host| host.runs.as_ref())
            {
                testbed.pkis.insert(name.clone(), self.mock_ca(lab, name, &host, stream).await?);
            } else {
                self.keep(host, stream);
            }
        }
        let image_pkis = lab.images().filter_map(|(host, image)| {
            let (node, channel) = (containers.get(host)?, self.hosts.get(host)?);
            let (engine, labels) = (&self.engine, nodes.labels.clone());
            let placement = Placement { engine, lab, host, node, channel, labels };
            Some(async move {
                let started = image_pki::start(&placement, image).await?;
                Ok((host.to_owned(), Arc::new(started) as Arc<dyn Pki>))
            })
        });
        testbed.pkis.extend(unless_cancelled(cancelled, try_join_all(image_pkis)).await?);
        testbed.client = Some(Arc::new(Builtin::new(
            testbed.pkis.clone(),
            testbed.clock.clone(),
            testbed.keys.clone(),
        )));
        let console = match device.and_then(|name| Some((name, devices.remove(name)?))) {
            Some((name, stream)) => Some(console(lab, name, stream, options).await?),
            None => None,
        };
        for (name, stream) in devices {
            let part = LabPart::new(&name, &self.exits);
            let device = LabDevice::start(lab, &name, Ok(stream), options, part).await?;
            testbed.devices.insert(name, Arc::new(device));
        }
        Ok((console, testbed))
    }

    /// Starts all nodes and configures their networks; returns their containers and streams by the names of the lab.
    async fn start(
        &mut self,
        nodes: &Nodes<'_>,
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, ControlStream>), TestbedError> {
        let topology = Topology::of(nodes.lab);
        // If one fails, the others are still completed, so that they can be removed.
        let started = join_all(topology.nodes.iter().map(|node| nodes.start(node))).await;
        let started: Vec<Started> = started.into_iter().collect::<Result<_, _>>()?;
        let (mut containers, mut streams) = (BTreeMap::new(), BTreeMap::new());
        for (node, Started { id, stream, output }) in topology.nodes.iter().zip(started) {
            self.watches.spawn(nodes.watch(&node.name, &id, output));
            containers.insert(node.name.clone(), id);
            streams.insert(node.name.clone(), stream);
        }
        let addresses = self.addresses(&containers).await?;
        let configs = match configs(nodes.lab, &topology, &addresses) {
            Ok(configs) => configs,
            Err(name) => return Err(nodes.without_address(&name).await),
        };
        let configured = configs.into_iter().filter_map(|config| {
            let name = config.node.name.clone();
            let configured = nodes.configure(config, streams.remove(&name)?);
            Some(async move { configured.await.map(|stream| (name, stream)) })
        });
        let streams = try_join_all(configured).await?.into_iter().collect();
        Ok((containers, streams))
    }

    /// The addresses on the carrier that the engine gave the containers.
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

    /// The mock CA in the container of its host, whose stream is a connection to its control API from now on.
    async fn mock_ca(
        &self,
        lab: &Lab,
        name: &str,
        host: &str,
        stream: ControlStream,
    ) -> Result<Arc<dyn Pki>, TestbedError> {
        let connection = KeptConnection::open(stream).await;
        let connection = connection.map_err(|error| TestbedError::Pki {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        let part = LabPart::new(host, &self.exits);
        Ok(Arc::new(MockPki::in_lab(lab, name, connection, part)))
    }

    /// Keeps the stream to a host as a channel, which ends with the container.
    fn keep(&mut self, name: String, stream: ControlStream) {
        let (reader, writer) = tokio::io::split(stream);
        let (channel, _) = Channel::new(reader, writer);
        let (exits, ended, host) = (Arc::clone(&self.exits), Arc::clone(&channel), name.clone());
        self.watches.spawn(async move {
            ended.exits().record_lab_end(LabError::Exited(exits.broken(&host).await));
        });
        self.hosts.insert(name, channel);
    }

    /// Removes the lab, and waits until it is gone.
    async fn remove(mut self) {
        if let Some(removal) = self.removal() {
            removal.await;
        }
    }

    /// The future that removes the lab; `None` if it was taken before.
    fn removal(&mut self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let (engine, carrier, entry) =
            (self.engine.clone(), self.carrier.clone(), self.entry.take()?);
        // The removal ends the containers, which must not be reported.
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
    stream: ControlStream,
    options: &LabOptions,
) -> Result<RemoteConsole, TestbedError> {
    let settings = sim_device::settings(lab, name, options.client)?;
    let settings = sim_device::elsewhere(lab, settings);
    let console = RemoteConsole::start(stream, settings).await.map_err(|error| {
        TestbedError::Device { name: name.to_owned(), reason: error.to_string() }
    })?;
    Ok(console)
}

impl Drop for DockerLab {
    fn drop(&mut self) {
        // Without a runtime this process is ending, and the reaper removes the lab.
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
