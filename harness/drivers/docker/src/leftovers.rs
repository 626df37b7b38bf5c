//! What runs make on an engine, by its labels: removed at their end, and by others where they could not.

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

/// Names the run: one word, the same for all that a process makes.
const RUN: &str = "sceplab.run";
/// Names the process that made it, and its machine, so that it can be told whether it lives.
pub(super) const PROCESS: &str = "sceplab.process";
/// Names the scenario that runs in the lab.
const LAB: &str = "sceplab.lab";
/// Names the network that carries the lab, so that all of one lab is found.
const CARRIER: &str = "sceplab.carrier";
/// Marks the images that nodes of labs are made of.
pub(super) const NODE: &str = "sceplab.node";

/// How long removing all of a run may take.
const REMOVING_LIMIT: Duration = Duration::from_secs(30);

/// How long a look at what others left may keep a run waiting.
const SWEEPING_LIMIT: Duration = Duration::from_secs(15);

/// The time between two looks at whether something is gone.
const INTERVAL: Duration = Duration::from_millis(100);

/// The run of this process, a name that nobody else has, and the process.
static OF_THIS_PROCESS: LazyLock<(String, String)> = LazyLock::new(|| {
    let run = format!("{:08x}{:08x}", random_number(), std::process::id());
    (run, Owner::of_this_process().to_string())
});

/// What the run of this process is called.
pub fn run() -> String {
    OF_THIS_PROCESS.0.clone()
}

/// The labels of what is made for one lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    run: String,
    process: String,
    lab: String,
}

impl Labels {
    /// Those of a lab of this process, called after the scenario that runs in it.
    pub fn of_this_process(lab: &str) -> Self {
        let (run, process) = OF_THIS_PROCESS.clone();
        Self { run, process, lab: lab.to_owned() }
    }

    /// Those of another process's lab.
    pub fn of(run: &str, process: &Owner, lab: &str) -> Self {
        Self { run: run.to_owned(), process: process.to_string(), lab: lab.to_owned() }
    }

    /// The run that they name.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Those of a container or network of the lab that this network carries.
    pub(super) fn of_lab(&self, carrier: &str) -> HashMap<String, String> {
        let mut labels = self.map();
        labels.insert(CARRIER.to_owned(), carrier.to_owned());
        labels
    }

    /// By key, as an engine wants them.
    pub fn map(&self) -> HashMap<String, String> {
        let labels = [(RUN, &self.run), (PROCESS, &self.process), (LAB, &self.lab)];
        labels.map(|(key, value)| (key.to_owned(), value.clone())).into()
    }
}

/// A number that others do not have by chance; without randomness, which SCEP needs as well, zero.
pub(super) fn random_number() -> u32 {
    let mut bytes = [0; 4];
    let _ = openssl::rand::rand_bytes(&mut bytes);
    u32::from_be_bytes(bytes)
}

/// Sees to it that nothing of a run stays on an engine, however the run ends.
#[derive(Debug, Default)]
pub struct Guard {
    /// Whether what others left was removed.
    swept: OnceCell<()>,
    reaper: Reaper,
}

impl Guard {
    /// To be called before anything is made on the engine: removes what dead runs left, once, and starts the process that
    /// removes all of this run if the runner is killed. `sceplab` is the program to run for that; this process's own if
    /// there is none.
    ///
    /// # Errors
    /// When the process that outlives this one cannot be started.
    pub async fn prepare(
        &self,
        engine: &Engine,
        sceplab: Option<&Path>,
    ) -> Result<(), TestbedError> {
        self.swept
            .get_or_init(|| async {
                // What cannot be removed is in nobody's way.
                let _ = timeout(SWEEPING_LIMIT, sweep(engine)).await;
            })
            .await;
        self.reaper.start(sceplab, &run()).await
    }

    /// Lets the process that outlives this one go, for nothing of this run is left; waits for its end.
    pub async fn farewell(&self) {
        self.reaper.farewell().await;
    }
}

/// Removes what runs of this machine left that are known to be dead; images stay, for the next one may need them.
///
/// # Errors
/// When the engine cannot be asked; what cannot be removed is left.
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
/// When some are there still after half a minute, or the engine is gone.
pub async fn remove_all(engine: &Engine, run: &str) -> Result<(), TestbedError> {
    remove_labelled(engine, &format!("{RUN}={run}")).await
}

/// Removes all containers and networks of the lab that this network carries, those included whose start was never told of,
/// and waits until they are gone.
///
/// # Errors
/// When some are there still after half a minute, or the engine is gone.
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
        // Networks go when no container is in them any more.
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
