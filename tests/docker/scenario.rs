//! A scenario in containers, and the engine.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use driver_docker::engine::Engine;
use driver_docker::leftovers::{Kind, Thing, everything};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::needs;
use crate::support::sceplab::{DEADLINE, Ended, command, finish};
use crate::support::trials::Need;

/// A scenario that waits an hour for certificates that are never issued.
pub(super) const WAITS: &str = "title: Waits
lab:
  devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
  hosts:
    gateway: {addresses: [10.0.0.1/24, 10.0.1.1/30], forwards: true}
    ca: {addresses: [10.0.1.2/30], routes: {default: 10.0.1.1}, runs: ca}
  pki: {ca: {personality: linux, port: 8080}}
steps:
  - configure: {set: 'set interfaces ethernet eth0 address 10.0.0.64/24'}
  - issued: {pki: ca, count: 9, within: 60m}
";

/// An engine that answers.
pub(super) struct Docker {
    pub(super) runtime: Runtime,
    pub(super) engine: Engine,
}

impl Docker {
    /// The engine of this machine.
    #[track_caller]
    pub(super) fn here() -> Self {
        let runtime = needs::runtime();
        let engine = runtime.block_on(Engine::connect()).unwrap();
        Self { runtime, engine }
    }

    /// Containers and networks of the labs with this id.
    pub(super) fn of_lab(&self, id: &str) -> Vec<Thing> {
        let mut things = self.runtime.block_on(everything(&self.engine)).unwrap();
        things.retain(|thing| thing.lab == id && thing.kind != Kind::Image);
        things
    }

    /// Ids of the containers of the labs with this id.
    pub(super) fn containers(&self, id: &str) -> Vec<String> {
        let things = self.of_lab(id).into_iter();
        things.filter(|thing| thing.kind == Kind::Container).map(|thing| thing.id).collect()
    }

    #[track_caller]
    pub(super) fn assert_gone(&self, id: &str) {
        let left = self.of_lab(id);
        assert!(left.is_empty(), "{left:?}");
    }
}

/// An engine that answers.
pub(crate) fn engine() -> Need {
    let missing = needs::runtime().block_on(Engine::connect()).err();
    Need::new("docker", missing.map(|error| needs::reason(&error)))
}

/// Number of scenarios so far.
static SCENARIOS: AtomicU32 = AtomicU32::new(0);

/// A scenario in its own folder, with a unique id.
pub(super) struct Scenario {
    folder: TempDir,
    pub(super) id: String,
}

impl Scenario {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let number = SCENARIOS.fetch_add(1, Ordering::Relaxed);
        let id = format!("{name}-{}-{number}", std::process::id());
        std::fs::write(folder.path().join(format!("{id}.yaml")), text).unwrap();
        Self { folder, id }
    }

    pub(super) fn file(&self) -> String {
        format!("{}.yaml", self.id)
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command that runs it.
    pub(super) fn command(&self, further: &[&str]) -> std::process::Command {
        let file = self.file();
        let arguments = [&["run", "--driver", "docker", file.as_str()], further].concat();
        command(self.path(), &arguments)
    }

    /// Runs it to its end. Fails if its lab leaves anything behind.
    #[track_caller]
    pub(super) fn run(&self, docker: &Docker, further: &[&str]) -> Ended {
        let ended = finish(self.command(further));
        ended.assert_orderly();
        docker.assert_gone(&self.id);
        ended
    }
}

/// Waits until the condition `holds`.
#[track_caller]
pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
