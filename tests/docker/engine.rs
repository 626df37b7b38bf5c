//! A Docker engine, and the leftovers of runs on it.

pub(crate) mod clean; // leftovers of ended runs are removed, those of running ones kept
pub(crate) mod engines; // engines that are missing, hang, are too old, are full
mod fake; // an engine with prepared answers
pub(crate) mod networks; // networks of labs, until no address is free
pub(crate) mod node_image; // made once, even for concurrent requests
pub(crate) mod reaper; // removes the leftovers of a killed run

use std::path::Path;
use std::process::{Child, Command};

use driver_docker::bollard::models::ContainerCreateBody;
use driver_docker::bollard::query_parameters::CreateContainerOptions;
use driver_docker::engine::Engine;
use driver_docker::leftovers::{Kind, Labels, Owner, Thing, everything};
use driver_docker::node_image::NodeImages;
use testbed::LabOptions;

use crate::support::needs::runtime;

/// The engine of this machine.
#[track_caller]
fn engine(runtime: &tokio::runtime::Runtime) -> Engine {
    runtime.block_on(Engine::connect()).unwrap()
}

fn options() -> LabOptions {
    let sceplab = Some(Path::new(env!("CARGO_BIN_EXE_sceplab")).to_owned());
    LabOptions { sceplab, ..LabOptions::default() }
}

/// Starts a container of the node image, which serves until it is removed.
async fn container(engine: &Engine, labels: &Labels) -> String {
    let image = NodeImages::default().obtain(engine, &options()).await.unwrap();
    let serve = ["serve", "rfc8894", "--listen", "127.0.0.1:8080"].map(str::to_owned).to_vec();
    let body = ContainerCreateBody {
        image: Some(image),
        cmd: Some(serve),
        labels: Some(labels.map()),
        ..ContainerCreateBody::default()
    };
    let client = engine.client();
    let created = client.create_container(None::<CreateContainerOptions>, body).await.unwrap();
    let nothing = None::<driver_docker::bollard::query_parameters::StartContainerOptions>;
    client.start_container(&created.id, nothing).await.unwrap();
    created.id
}

/// The kinds of the existing containers and networks of a run.
async fn of_run(engine: &Engine, run: &str) -> Vec<Kind> {
    let things = everything(engine).await.unwrap();
    things.iter().filter(|thing: &&Thing| thing.run == run).map(|thing| thing.kind).collect()
}

/// A process that owns containers. After its end, every run may remove them, also those of other tests.
struct OwnerProcess(Child);

impl OwnerProcess {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn owner(&self) -> Owner {
        Owner::of(self.0.id())
    }

    /// Ends it like a killed run.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A unique name for a run.
fn name(of: &str) -> String {
    format!("{of}-{}", std::process::id())
}
