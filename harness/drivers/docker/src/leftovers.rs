//! Removes the objects of runs from an engine, which are found by their labels: at the end of the run, or later if it crashed.

mod inventory;
mod owner;
mod reaper;

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

pub(super) use self::inventory::images;
use self::inventory::labelled;
pub use self::inventory::{Kind, Thing, everything, find};
pub use self::owner::Owner;
use self::reaper::Reaper;
pub use self::reaper::reap;
use super::engine::Engine;
use testbed::TestbedError;
use testbed::leftovers::State;

/// The label with the name of the run, the same for all objects that a process creates.
const RUN: &str = "sceplab.run";
/// The label with the process that created the object and its machine, by which it is checked whether the process lives.
pub(super) const PROCESS: &str = "sceplab.process";
/// The label with the scenario that runs in the lab.
const LAB: &str = "sceplab.lab";
/// The label with the network that carries the lab, by which all objects of one lab are found.
const CARRIER: &str = "sceplab.carrier";
/// The label of the images for nodes of labs.
pub(super) const NODE: &str = "sceplab.node";

/// The timeout for removing everything of a run.
const REMOVING_LIMIT: Duration = Duration::from_secs(30);

/// The timeout for removing what dead runs left, before a run starts.
const SWEEPING_LIMIT: Duration = Duration::from_secs(15);

/// The pause between checks whether an object has been removed.
const INTERVAL: Duration = Duration::from_millis(100);

/// The name of this process's run, which is unique, and the process.
static OF_THIS_PROCESS: LazyLock<(String, String)> = LazyLock::new(|| {
    let run = format!("{:08x}{:08x}", random_number(), std::process::id());
    (run, Owner::of_this_process().to_string())
});

/// The name of this process's run.
pub fn run() -> String {
    OF_THIS_PROCESS.0.clone()
}

/// The labels of a lab's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    run: String,
    process: String,
    lab: String,
}

impl Labels {
    /// The labels for a lab of this process, with its scenario.
    pub fn of_this_process(lab: &str) -> Self {
        let (run, process) = OF_THIS_PROCESS.clone();
        Self { run, process, lab: lab.to_owned() }
    }

    /// The labels for a lab of another process.
    pub fn of(run: &str, process: &Owner, lab: &str) -> Self {
        Self { run: run.to_owned(), process: process.to_string(), lab: lab.to_owned() }
    }

    /// The name of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The labels of a container or network of the lab that this network carries.
    pub(super) fn of_lab(&self, carrier: &str) -> HashMap<String, String> {
        let mut labels = self.map();
        labels.insert(CARRIER.to_owned(), carrier.to_owned());
        labels
    }

    /// The labels as a map, as engines take them.
    pub fn map(&self) -> HashMap<String, String> {
        let labels = [(RUN, &self.run), (PROCESS, &self.process), (LAB, &self.lab)];
        labels.map(|(key, value)| (key.to_owned(), value.clone())).into()
    }
}

/// A random number; zero if there is no randomness, without which SCEP cannot work either.
pub(super) fn random_number() -> u32 {
    let mut bytes = [0; 4];
    let _ = openssl::rand::rand_bytes(&mut bytes);
    u32::from_be_bytes(bytes)
}

/// Makes sure that nothing of a run stays on an engine, in whatever way the run ends.
#[derive(Debug, Default)]
pub struct Guard {
    /// Set once the objects of dead runs have been removed.
    swept: OnceCell<()>,
    reaper: Reaper,
}

impl Guard {
    /// Must be called before anything is created on the engine. Removes what dead runs left, once, and starts the reaper, a
    /// process that removes everything of this run if the runner is killed. `sceplab` is the program of the reaper; this
    /// process's own if there is none.
    ///
    /// # Errors
    /// If the reaper cannot be started.
    pub async fn prepare(
        &self,
        engine: &Engine,
        sceplab: Option<&Path>,
    ) -> Result<(), TestbedError> {
        self.swept
            .get_or_init(|| async {
                // What cannot be removed does no harm.
                let _ = timeout(SWEEPING_LIMIT, sweep(engine)).await;
            })
            .await;
        self.reaper.start(sceplab, &run()).await
    }

    /// Ends the reaper, because nothing of this run is left, and waits for its end.
    pub async fn finish(&self) {
        self.reaper.finish().await;
    }
}

/// Removes what dead runs of this machine left; images stay, because the next run may need them.
///
/// # Errors
/// If the engine cannot list the objects. Objects that cannot be removed are left.
async fn sweep(engine: &Engine) -> Result<(), TestbedError> {
    let things = labelled(engine, RUN).await?;
    for thing in things.iter().filter(|thing| thing.state() == State::Dead) {
        let _ = thing.remove(engine).await;
    }
    Ok(())
}

/// Removes all containers and networks of a run, and waits until they are gone.
///
/// # Errors
/// If some of the objects still exist after half a minute, or the engine does not answer.
pub async fn remove_all(engine: &Engine, run: &str) -> Result<(), TestbedError> {
    remove_labelled(engine, &format!("{RUN}={run}")).await
}

/// Removes all containers and networks of the lab that this network carries, and waits until they are gone. They include
/// containers whose start was not confirmed.
///
/// # Errors
/// If some of the objects still exist after half a minute, or the engine does not answer.
pub(super) async fn remove_lab(engine: &Engine, carrier: &str) -> Result<(), TestbedError> {
    remove_labelled(engine, &format!("{CARRIER}={carrier}")).await
}

async fn remove_labelled(engine: &Engine, label: &str) -> Result<(), TestbedError> {
    let deadline = Instant::now() + REMOVING_LIMIT;
    loop {
        let things = labelled(engine, label).await?;
        if things.is_empty() {
            return Ok(());
        }
        let mut refused = None;
        // A network can be removed when no container is in it any more.
        for kind in [Kind::Container, Kind::Network] {
            let of_kind = things.iter().filter(|thing| thing.kind == kind);
            let removed = join_all(of_kind.map(|thing| thing.remove(engine))).await;
            refused = removed.into_iter().find_map(Result::err).or(refused);
        }
        if Instant::now() > deadline {
            return Err(refused.unwrap_or_else(|| still_there(&things)));
        }
        sleep(INTERVAL).await;
    }
}

fn still_there(things: &[Thing]) -> TestbedError {
    let names: Vec<String> = things.iter().map(|it| format!("{} `{}`", it.kind, it.name)).collect();
    let seconds = REMOVING_LIMIT.as_secs();
    let reason = format!(
        "still there after {seconds} s of removing: {}; try `sceplab clean --all`",
        names.join(", ")
    );
    TestbedError::Engine { reason }
}
