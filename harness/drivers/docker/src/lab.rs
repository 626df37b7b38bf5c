//! A lab of containers: built, kept, and removed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::query_parameters::InspectNetworkOptions;
use futures_util::future::{join_all, try_join_all};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::attached::Line;
use super::container;
use super::engine::Engine;
use super::exits::ContainerExits;
use super::furnishings::furnishings;
use super::leftovers::Labels;
use super::network::Carrier;
use super::node::{Nodes, Started};
use super::remains;
use model::lab::Lab;
use model::lab::topology::Topology;
use simulated::channel::Channel;
use testbed::{BenchError, LabEntry, LabOptions, Resource};

/// How long removing a lab may take.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// The containers of a lab; dropping it removes them, and is not waited for.
pub(super) struct DockerLab {
    /// `None` once they are being removed.
    parts: Option<Parts>,
    pub(super) exits: Arc<ContainerExits>,
    /// Those whose end nobody else tells.
    bystanders: Vec<String>,
    /// The lines to hosts, which must not end.
    channels: Vec<Arc<Channel>>,
}

/// What is to be removed.
struct Parts {
    engine: Engine,
    carrier: Carrier,
    watches: JoinSet<()>,
    entry: LabEntry,
}

/// The nodes of a lab that stand.
pub(super) struct Stood {
    /// The lines to them, by the names of the lab.
    pub(super) lines: BTreeMap<String, Line>,
    /// Their containers.
    pub(super) containers: BTreeMap<String, String>,
}

impl DockerLab {
    /// Makes the network that carries a lab of containers, which has none yet.
    pub(super) async fn begin(
        engine: &Engine,
        labels: &Labels,
        lab: &Lab,
        entry: LabEntry,
    ) -> Result<Self, BenchError> {
        let carrier = Carrier::create(engine, labels, lab).await?;
        let watches = JoinSet::new();
        let parts = Parts { engine: engine.clone(), carrier, watches, entry };
        Ok(Self {
            parts: Some(parts),
            exits: Arc::default(),
            bystanders: Vec::new(),
            channels: Vec::new(),
        })
    }

    /// What the engine knows the lab's network by.
    pub(super) fn carrier(&self) -> String {
        self.parts.as_ref().map(|parts| parts.carrier.name().to_owned()).unwrap_or_default()
    }

    /// Starts all nodes of a lab, and makes their network.
    pub(super) async fn stand(
        &mut self,
        lab: &Lab,
        labels: &Labels,
        image: String,
        options: &LabOptions,
    ) -> Result<Stood, BenchError> {
        let carrier = self.carrier();
        let Some(parts) = &mut self.parts else {
            return Err(BenchError::Network { reason: "the lab is being removed".to_owned() });
        };
        let topology = Topology::of(lab);
        let nodes = Nodes {
            engine: &parts.engine,
            lab,
            image,
            foreign: options.node_image.clone(),
            labels: container::labels(labels, &carrier),
            carrier,
            exits: Arc::clone(&self.exits),
        };
        // One that fails is no reason to leave the others half made.
        let started = join_all(topology.nodes.iter().map(|node| nodes.start(node))).await;
        let started: Vec<Started> = started.into_iter().collect::<Result<_, _>>()?;
        let mut stood = Stood { lines: BTreeMap::new(), containers: BTreeMap::new() };
        for (node, started) in topology.nodes.iter().zip(started) {
            let (id, line) = nodes.watch(&node.name, started, &mut parts.watches);
            stood.containers.insert(node.name.clone(), id);
            stood.lines.insert(node.name.clone(), line);
        }
        let addresses = addresses(&parts.engine, &nodes.carrier, &stood.containers).await?;
        let furnishings = match furnishings(lab, &topology, &addresses) {
            Ok(furnishings) => furnishings,
            Err(name) => return Err(nodes.without_address(&name).await),
        };
        let furnished = furnishings.into_iter().filter_map(|furnishing| {
            let name = furnishing.node.name.clone();
            let line = stood.lines.remove(&name)?;
            let furnished = nodes.furnish(furnishing, line);
            Some(async move { furnished.await.map(|line| (name, line)) })
        });
        stood.lines = try_join_all(furnished).await?.into_iter().collect();
        Ok(stood)
    }

    /// Notes whose end breaks the lab, and is told by nobody else.
    pub(super) fn stand_by(&mut self, names: Vec<String>) {
        self.bystanders = names;
    }

    /// Does something as long as the lab is there.
    pub(super) fn meanwhile(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(parts) = &mut self.parts {
            parts.watches.spawn(task);
        }
    }

    /// Keeps the lines to the hosts.
    pub(super) fn keep(&mut self, channels: Vec<Arc<Channel>>) {
        self.channels = channels;
    }

    /// Removes all of it, and waits until it is gone.
    pub(super) async fn remove(mut self) {
        if let Some(parts) = self.parts.take() {
            parts.remove().await;
        }
    }
}

/// The addresses that the engine has given the containers on the carrier.
async fn addresses(
    engine: &Engine,
    carrier: &str,
    containers: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Ipv4Addr>, BenchError> {
    let inspected = engine.client().inspect_network(carrier, None::<InspectNetworkOptions>).await;
    let inspected =
        inspected.map_err(|error| engine.explain("looking at the lab's network", &error))?;
    let given = inspected.containers.unwrap_or_default();
    let address = |(name, id): (&String, &String)| {
        let written = given.get(id)?.ipv4_address.as_ref()?;
        let address = written.split('/').next()?.parse().ok()?;
        Some((name.clone(), address))
    };
    Ok(containers.iter().filter_map(address).collect())
}

impl Parts {
    async fn remove(mut self) {
        // How containers end from here on is nobody's business.
        self.watches.abort_all();
        let Self { engine, carrier, watches: _watches, entry } = self;
        let name = carrier.name().to_owned();
        let removed = async {
            remains::remove_containers(&engine, &name).await?;
            carrier.remove().await
        };
        let complaint = match timeout(REMOVAL_TIMEOUT, removed).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => {
                format!("removing the lab `{name}` took more than {} s", REMOVAL_TIMEOUT.as_secs())
            }
        };
        let complaint = format!("{complaint}; `sceplab clean` removes what is left");
        entry.complain(complaint);
    }
}

impl Drop for DockerLab {
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else { return };
        // Without a runtime the process is at its end, and whoever outlives it removes the lab.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(parts.remove());
        }
    }
}

#[async_trait]
impl Resource for DockerLab {
    async fn close(self: Box<Self>) {
        self.remove().await;
    }

    async fn broken(&self) -> String {
        if self.bystanders.is_empty() {
            return std::future::pending().await;
        }
        let (name, how) = self.exits.first_of(&self.bystanders).await;
        format!("host `{name}`: {how}")
    }
}
