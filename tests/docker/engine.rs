//! A Docker engine and what runs leave on it: found, asked, cleaned.

pub(crate) mod clean; // what the dead left goes, what the living have stays
pub(crate) mod engines; // engines that are not there, hang, are too old, are full
mod fake; // an engine that answers as it is told
pub(crate) mod networks; // addresses for everybody, until there are none
pub(crate) mod node_image; // made once, by however many at once
pub(crate) mod reaper; // removes what a killed run left

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

/// A container of the node's image that serves until it is removed.
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

/// The containers and networks of a run that are there.
async fn of_run(engine: &Engine, run: &str) -> Vec<Kind> {
    let things = everything(engine).await.unwrap();
    things.iter().filter(|thing: &&Thing| thing.run == run).map(|thing| thing.kind).collect()
}

/// A process to make things in the name of. When it is dead they are anybody's to remove, other tests' runs among them.
struct Mortal(Child);

impl Mortal {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    fn owner(&self) -> Owner {
        Owner::of(self.0.id())
    }

    /// Ends it as a run that is killed.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A run's name that no other has.
fn name(of: &str) -> String {
    format!("{of}-{}", std::process::id())
}
