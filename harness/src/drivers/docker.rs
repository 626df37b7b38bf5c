//! Labs of containers, on a Docker engine.
//!
//! Each host and each device is a container, and all of a lab stand in one internal network of the engine. The links of the
//! lab are laid over that network from within ([`crate::node`]), so that the lab's subnets and addresses are its own.

mod attached;
mod container;
pub mod engine;
mod epitaph;
mod fates;
mod foreign;
mod furnishings;
mod lab;
pub mod leftovers;
pub mod network;
mod node;
pub mod node_image;
mod possible;
mod pull;
mod remains;
mod standing;

use std::sync::Arc;

use dut_sim::console::Shell;
use dut_sim::remote::RemoteConsole;
use tokio::sync::watch;

use self::engine::Engine;
use self::lab::Booked;
use self::standing::Standing;
use super::channel::Witness;
use super::lab_device::LabDevice;
use super::remote_device;
use crate::client::Builtin;
use crate::lab::Lab;
use crate::run::{Bench, BenchError, KeySupply, LabOptions};

/// Builds `lab` of containers.
pub(super) async fn build(lab: &Lab, options: &LabOptions) -> Result<Bench, BenchError> {
    possible::check(lab, options)?;
    let (lab, options) = (lab.clone(), options.clone());
    to_its_end(move |unwanted| async move {
        let standing = Standing::build(&lab, &options, unwanted).await?;
        let started = with_devices(standing, &lab, &options);
        started.await
    })
    .await
}

/// Builds `lab`, and hands out the console of its device of that name.
pub(super) async fn build_for_console(
    lab: &Lab,
    device: &str,
    options: &LabOptions,
) -> Result<(Shell, Bench), BenchError> {
    possible::check(lab, options)?;
    let (lab, options, device) = (lab.clone(), options.clone(), device.to_owned());
    to_its_end(move |unwanted| async move {
        let mut standing = Standing::build(&lab, &options, unwanted).await?;
        match console(&mut standing, &lab, &device, &options).await {
            Ok(console) => Ok((console, with_devices(standing, &lab, &options).await?)),
            Err(error) => {
                standing.lab.remove().await;
                Err(error)
            }
        }
    })
    .await
}

/// Waits until every lab of this process is removed; tells once what could not be.
pub(super) async fn settled() -> Vec<String> {
    let complaints = lab::settled().await;
    // Where something is left, it is the business of the one that outlives this process.
    if complaints.is_empty() {
        leftovers::farewell().await;
    }
    complaints
}

/// Tries whether there is an engine that answers, and leaves nothing behind.
pub(super) async fn probe() -> Result<(), BenchError> {
    Engine::connect().await.map(drop)
}

/// Who gives up waiting for a lab leaves nothing half made behind: it is made to its end, or to where it can be given up,
/// and then removed.
async fn to_its_end<T, F>(
    build: impl FnOnce(Unwanted) -> F + Send + 'static,
) -> Result<T, BenchError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BenchError>> + Send,
{
    let (_wanted, unwanted) = watch::channel(());
    let booked = Booked::new();
    let built = tokio::spawn(async move { build(Unwanted { told: unwanted, booked }).await });
    built.await.unwrap_or_else(|error| {
        let reason = format!("the lab could not be built: {error}");
        Err(BenchError::Network { reason })
    })
}

/// Tells whether anybody still waits for a lab, which is on the books meanwhile.
struct Unwanted {
    told: watch::Receiver<()>,
    booked: Booked,
}

async fn console(
    standing: &mut Standing,
    lab: &Lab,
    name: &str,
    options: &LabOptions,
) -> Result<Shell, BenchError> {
    let broken = |reason: String| BenchError::Device { name: name.to_owned(), reason };
    let line = standing.devices.remove(name).ok_or_else(|| broken("it has no console".into()))?;
    let settings = remote_device::settings(lab, name, options.client)?;
    let console = RemoteConsole::start(line, settings).await;
    Ok(Shell::There(Arc::new(console.map_err(|error| broken(error.to_string()))?)))
}

/// A lab whose devices are started, behind the harness's seams.
async fn with_devices(
    standing: Standing,
    lab: &Lab,
    options: &LabOptions,
) -> Result<Bench, BenchError> {
    let Standing { lab: containers, pkis, devices } = standing;
    // A foreign PKI may not certify a key twice.
    let keys = if lab.images().next().is_none() { KeySupply::Shared } else { KeySupply::default() };
    let client: Arc<dyn crate::client::Client> = Arc::new(Builtin::new(pkis.clone()));
    let mut bench = Bench { pkis, client: Some(client), keys, ..Bench::default() };
    for (name, line) in devices {
        let witness: Arc<dyn Witness> = Arc::<fates::Fates>::clone(&containers.fates);
        match LabDevice::start(lab, &name, Ok(line), options, witness).await {
            Ok(device) => drop(bench.devices.insert(name, Arc::new(device))),
            Err(error) => {
                containers.remove().await;
                return Err(error);
            }
        }
    }
    bench.resources.push(Box::new(containers));
    Ok(bench)
}
