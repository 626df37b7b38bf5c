//! A lab whose containers stand, and all but the devices in them are at work.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::sync::watch;

use super::attached::Line;
use super::container;
use super::engine::Engine;
use super::foreign::{ForeignPki, Place};
use super::lab::{DockerLab, Stood};
use super::leftovers::Labels;
use super::pull;
use super::{Docker, Unwanted};
use model::lab::{Lab, Runs};
use simulated::channel::{Channel, Witness};
use simulated::lab_pki::LabPkiLine;
use simulated::remote_pki::RemotePki;
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
    let channels: BTreeMap<String, Arc<Channel>> = hosts
        .into_iter()
        .map(|(name, line)| (name.clone(), channel(name, line, containers)))
        .collect();
    let mut pkis = own_pkis(lab, &channels);
    let labels = container::labels(labels, &containers.carrier());
    let foreign = lab.images().filter_map(|(host, image)| {
        let (node, channel) = (ids.get(host)?, channels.get(host)?);
        let place = Place { engine, lab, host, node, channel, labels: labels.clone() };
        Some(async move {
            let started = ForeignPki::start(&place, image).await?;
            Ok((host.to_owned(), Arc::new(started) as Arc<dyn Pki>))
        })
    });
    pkis.extend(wanted(told, try_join_all(foreign)).await?);
    let runs_a_pki = |name: &String| {
        matches!(lab.hosts.get(name).and_then(|host| host.runs.as_ref()), Some(Runs::Pki(_)))
    };
    containers.stand_by(channels.keys().filter(|name| !runs_a_pki(name)).cloned().collect());
    containers.keep(channels.into_values().collect());
    Ok((pkis, devices))
}

/// The line to a host, which is over when its container is.
fn channel(name: String, line: Line, containers: &mut DockerLab) -> Arc<Channel> {
    let (reader, writer) = tokio::io::split(line);
    let (channel, _) = Channel::new(reader, writer);
    let (fates, told) = (Arc::clone(&containers.fates), Arc::clone(&channel));
    containers.meanwhile(async move { told.note_end(fates.broken(&name).await) });
    channel
}

/// The mock CAs, in the containers of their hosts.
fn own_pkis(
    lab: &Lab,
    channels: &BTreeMap<String, Arc<Channel>>,
) -> BTreeMap<String, Arc<dyn Pki>> {
    let pki = |name: &String| {
        let channel = lab.hosts_that_run(name).find_map(|host| channels.get(host))?;
        let line = LabPkiLine::new(name, Arc::clone(channel));
        Some((name.clone(), Arc::new(RemotePki::new(line)) as Arc<dyn Pki>))
    };
    lab.pkis.keys().filter_map(pki).collect()
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
