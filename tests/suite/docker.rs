//! Labs of containers, by the binary.
#![cfg(all(feature = "docker", target_os = "linux"))]

mod broken; // containers and engines that end midway
mod foreign; // images of others as PKIs, good and bad
mod gone; // nothing is left of a lab, however it ends
mod image; // an image of what this machine has
mod isolated; // nobody in a lab reaches anybody outside
mod lab; // the documented scenarios, and runs beside each other
mod proxy; // a way to the engine that can be cut

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::drivers::docker::engine::Engine;
use harness::drivers::docker::leftovers::{Kind, Thing, everything};
use harness::testbed::BenchError;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::sceplab::{DEADLINE, Ended, command, finish, skip};

/// A scenario that waits for an hour for what never comes.
const WAITS: &str = "title: Waits
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
struct Docker {
    runtime: Runtime,
    engine: Engine,
}

impl Docker {
    /// The engine of this machine; where there is none, the test says so and has nothing to try.
    #[track_caller]
    fn here() -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        match runtime.block_on(Engine::connect()) {
            Ok(engine) => Some(Self { runtime, engine }),
            Err(BenchError::NoEngine { reason }) => {
                skip(&reason);
                None
            }
            Err(other) => panic!("the engine is broken: {other}"),
        }
    }

    /// The containers and networks of the labs with this id.
    fn of_lab(&self, id: &str) -> Vec<Thing> {
        let mut things = self.runtime.block_on(everything(&self.engine)).unwrap();
        things.retain(|thing| thing.lab == id && thing.kind != Kind::Image);
        things
    }

    /// The containers of the labs with this id.
    fn containers(&self, id: &str) -> Vec<String> {
        let things = self.of_lab(id).into_iter();
        things.filter(|thing| thing.kind == Kind::Container).map(|thing| thing.id).collect()
    }

    #[track_caller]
    fn assert_gone(&self, id: &str) {
        let left = self.of_lab(id);
        assert!(left.is_empty(), "{left:?}");
    }
}

/// How many there were.
static SCENARIOS: AtomicU32 = AtomicU32::new(0);

/// A scenario in a folder of its own, under an id that nobody else has.
struct Scenario {
    folder: TempDir,
    id: String,
}

impl Scenario {
    fn new(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let number = SCENARIOS.fetch_add(1, Ordering::Relaxed);
        let id = format!("{name}-{}-{number}", std::process::id());
        std::fs::write(folder.path().join(format!("{id}.yaml")), text).unwrap();
        Self { folder, id }
    }

    fn file(&self) -> String {
        format!("{}.yaml", self.id)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The run of it, not started yet.
    fn command(&self, further: &[&str]) -> std::process::Command {
        let file = self.file();
        let arguments = [&["run", "--driver", "docker", file.as_str()], further].concat();
        command(self.path(), &arguments)
    }

    /// Runs it to its end; nothing is left of it.
    #[track_caller]
    fn run(&self, docker: &Docker, further: &[&str]) -> Ended {
        let ended = finish(self.command(further));
        ended.assert_orderly();
        docker.assert_gone(&self.id);
        ended
    }
}

/// Tries until it holds.
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
