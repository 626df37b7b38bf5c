//! Labs of containers, on a Docker engine.
//!
//! Each host and each device is a container, and all of a lab stand in one internal network of the engine. The links of the
//! lab are laid over that network from within ([`crate::in_container`]), so that the lab's subnets and addresses are its own.

#![forbid(unsafe_code)]

pub use bollard;

mod attached;
mod container;
pub mod engine;
mod exit_reason;
mod exits;
mod foreign;
mod furnishings;
#[cfg(target_os = "linux")]
pub mod in_container;
mod lab;
pub mod leftovers;
pub mod network;
mod node;
pub mod node_image;
mod on_engine;
mod possible;
mod pull;
mod remains;
mod standing;

use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::remote::RemoteConsole;
use tokio::sync::watch;

use self::engine::Engine;
use self::exits::ContainerExits;
pub use self::on_engine::leftovers as find_leftovers;
use self::standing::Standing;
use model::lab::Lab;
use simulated::client::Builtin;
use simulated::exit::ExitWatcher;
use simulated::lab_device::{self, LabDevice};
use simulated::{ConsoleDriver, refuse_real_things, without_network};
use testbed::{
    Bench, BenchError, Driver, DriverName, KeySupply, LabBook, LabEntry, LabOptions, Remains,
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
    labs: LabBook,
    guard: leftovers::Guard,
    images: node_image::NodeImages,
}

impl Docker {
    /// The driver; no engine is asked yet.
    pub fn new(options: LabOptions) -> Self {
        Self { options: Arc::new(options), state: Arc::default() }
    }
}

#[async_trait]
impl Driver for Docker {
    async fn probe(&self) -> Result<(), BenchError> {
        Engine::connect().await.map(drop)
    }

    async fn build(&self, lab: &Lab, id: &str) -> Result<Bench, BenchError> {
        refuse_real_things(lab, DriverName::Docker)?;
        if !lab.is_networked() {
            return without_network(lab, self.options.client);
        }
        possible::check(lab, &self.options)?;
        let (docker, lab, id) = (self.clone(), lab.clone(), id.to_owned());
        to_its_end(&self.state.labs, move |unwanted| async move {
            let standing = Standing::build(&docker, &lab, &id, unwanted).await?;
            with_devices(standing, &lab, &docker.options).await
        })
        .await
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
    ) -> Result<(RemoteConsole, Bench), BenchError> {
        refuse_real_things(lab, DriverName::Docker)?;
        possible::check(lab, &self.options)?;
        let (docker, lab) = (self.clone(), lab.clone());
        let (id, device) = (id.to_owned(), device.to_owned());
        to_its_end(&self.state.labs, move |unwanted| async move {
            let mut standing = Standing::build(&docker, &lab, &id, unwanted).await?;
            match console(&mut standing, &lab, &device, &docker.options).await {
                Ok(console) => Ok((console, with_devices(standing, &lab, &docker.options).await?)),
                Err(error) => {
                    standing.lab.remove().await;
                    Err(error)
                }
            }
        })
        .await
    }
}

/// Who gives up waiting for a lab leaves nothing half made behind: it is made to its end, or to where it can be given up,
/// and then removed.
async fn to_its_end<T, F>(
    labs: &LabBook,
    build: impl FnOnce(Unwanted) -> F + Send + 'static,
) -> Result<T, BenchError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BenchError>> + Send,
{
    let (_wanted, unwanted) = watch::channel(());
    let entry = labs.enter();
    let building = tokio::spawn(async move { build(Unwanted { told: unwanted, entry }).await });
    building.await.unwrap_or_else(|error| {
        let reason = format!("the lab could not be built: {error}");
        Err(BenchError::Network { reason })
    })
}

/// Tells whether anybody still waits for a lab, which is on the books meanwhile.
struct Unwanted {
    told: watch::Receiver<()>,
    entry: LabEntry,
}

async fn console(
    standing: &mut Standing,
    lab: &Lab,
    name: &str,
    options: &LabOptions,
) -> Result<RemoteConsole, BenchError> {
    let broken = |reason: String| BenchError::Device { name: name.to_owned(), reason };
    let line = standing.devices.remove(name).ok_or_else(|| broken("it has no console".into()))?;
    let settings = lab_device::settings(lab, name, options.client)?;
    let console = RemoteConsole::start(line, settings).await;
    console.map_err(|error| broken(error.to_string()))
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
    let client: Arc<dyn testbed::client::Client> = Arc::new(Builtin::new(pkis.clone()));
    let mut bench = Bench { pkis, client: Some(client), keys, ..Bench::default() };
    for (name, line) in devices {
        let watcher: Arc<dyn ExitWatcher> = Arc::<ContainerExits>::clone(&containers.exits);
        match LabDevice::start(lab, &name, Ok(line), options, watcher).await {
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
