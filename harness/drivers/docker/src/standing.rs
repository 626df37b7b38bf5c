//! A lab whose containers stand, and all but the devices in them are at work.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::sync::watch;

use super::attached::Line;
use super::container;
use super::engine::Engine;
use super::exits::ContainerExits;
use super::foreign::{self, Place};
use super::lab::{DockerLab, Stood};
use super::leftovers::Labels;
use super::pull;
use super::{Docker, Unwanted};
use model::lab::{Lab, Runs};
use simulated::channel::Channel;
use simulated::connector::KeptConnection;
use simulated::exit::{ExitWatcher, LabPart};
use simulated::mock_pki::MockPki;
use testbed::BenchError;
use testbed::pki::Pki;

/// A lab whose devices are not started yet.
pub(super) struct Standing {
    pub(super) lab: DockerLab,
    pub(super) pkis: BTreeMap<String, Arc<dyn Pki>>,
    /// The lines to the devices.
    pub(super) devices: BTreeMap<String, Line>,
}

impl Standing {
    /// Builds it, unless it turns out to be unwanted.
    pub(super) async fn build(
        docker: &Docker,
        lab: &Lab,
        id: &str,
        unwanted: Unwanted,
    ) -> Result<Self, BenchError> {
        let Docker { options, state } = docker;
        let Unwanted { told, entry } = unwanted;
        let engine = Engine::connect().await?;
        state.guard.prepare(&engine, options.sceplab.as_deref()).await?;
        let image = wanted(&told, state.images.obtain(&engine, options)).await?;
        let images = lab.images().map(|(host, image)| pull::obtain(&engine, host, &image.name));
        wanted(&told, async { try_join_all(images).await.map(drop) }).await?;
        let labels = Labels::of_this_process(id);
        let mut containers = DockerLab::begin(&engine, &labels, lab, entry).await?;
        let stood = match containers.stand(lab, &labels, image, options).await {
            Ok(stood) => furnish(lab, &labels, &engine, &mut containers, stood, &told).await,
            Err(error) => Err(error),
        };
        match stood {
            Ok((pkis, devices)) => Ok(Self { lab: containers, pkis, devices }),
            Err(error) => {
                containers.remove().await;
                Err(error)
            }
        }
    }
}

type Furnished = (BTreeMap<String, Arc<dyn Pki>>, BTreeMap<String, Line>);

/// Everything but the devices at work.
async fn furnish(
    lab: &Lab,
    labels: &Labels,
    engine: &Engine,
    containers: &mut DockerLab,
    stood: Stood,
    told: &watch::Receiver<()>,
) -> Result<Furnished, BenchError> {
    let Stood { lines, containers: ids } = stood;
    let (devices, hosts): (BTreeMap<_, _>, BTreeMap<_, _>) =
        lines.into_iter().partition(|(name, _)| lab.devices.contains_key(name));
    let mut pkis = BTreeMap::new();
    let mut channels = BTreeMap::new();
    for (host, line) in hosts {
        if let Some(Runs::Pki(name)) = lab.hosts.get(&host).and_then(|host| host.runs.as_ref()) {
            pkis.insert(name.clone(), mock_ca(lab, name, &host, line, containers).await?);
        } else {
            let channel = channel(host.clone(), line, containers);
            channels.insert(host, channel);
        }
    }
    let labels = container::labels(labels, &containers.carrier());
    let foreign = lab.images().filter_map(|(host, image)| {
        let (node, channel) = (ids.get(host)?, channels.get(host)?);
        let place = Place { engine, lab, host, node, channel, labels: labels.clone() };
        Some(async move {
            let started = foreign::start(&place, image).await?;
            Ok((host.to_owned(), Arc::new(started) as Arc<dyn Pki>))
        })
    });
    pkis.extend(wanted(told, try_join_all(foreign)).await?);
    containers.stand_by(channels.keys().cloned().collect());
    containers.keep(channels.into_values().collect());
    Ok((pkis, devices))
}

/// The line to a host, which is over when its container is.
fn channel(name: String, line: Line, containers: &mut DockerLab) -> Arc<Channel> {
    let (reader, writer) = tokio::io::split(line);
    let (channel, _) = Channel::new(reader, writer);
    let (exits, told) = (Arc::clone(&containers.exits), Arc::clone(&channel));
    containers.meanwhile(async move { told.note_end(exits.broken(&name).await) });
    channel
}

/// The mock CA in the container of its host, whose line is a connection of its control API from here on.
async fn mock_ca(
    lab: &Lab,
    name: &str,
    host: &str,
    line: Line,
    containers: &DockerLab,
) -> Result<Arc<dyn Pki>, BenchError> {
    let connection = KeptConnection::open(line).await;
    let connection =
        connection.map_err(|reason| BenchError::Pki { name: name.to_owned(), reason })?;
    let watcher: Arc<dyn ExitWatcher> = Arc::<ContainerExits>::clone(&containers.exits);
    Ok(Arc::new(MockPki::in_lab(lab, name, connection, LabPart::new(host, watcher))))
}

/// What may take long is given up where nobody waits for it any more.
async fn wanted<T>(
    told: &watch::Receiver<()>,
    made: impl Future<Output = Result<T, BenchError>>,
) -> Result<T, BenchError> {
    let mut told = told.clone();
    tokio::select! {
        made = made => made,
        // Nothing is ever sent: the end of the sender is what is waited for.
        _ = told.changed() => {
            Err(BenchError::Network { reason: "nobody waits for the lab any more".to_owned() })
        }
    }
}
