//! What runs make on an engine, by its labels: removed at their end, and by others where they could not.

mod inventory;
mod labels;
mod owner;
mod reaper;

use std::path::Path;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

pub use self::inventory::{Kind, Thing, everything, images, of_runs};
pub(super) use self::labels::random_number;
pub use self::labels::{Labels, NODE, PROCESS, run};
pub use self::owner::{Life, Owner};
use self::reaper::Reaper;
pub use self::reaper::reap;
use super::engine::Engine;
use testbed::BenchError;

/// How long removing all of a run may take.
const REMOVING_LIMIT: Duration = Duration::from_secs(30);

/// How long a look at what others left may keep a run waiting.
const SWEEPING_LIMIT: Duration = Duration::from_secs(15);

/// The time between two looks at whether something is gone.
const INTERVAL: Duration = Duration::from_millis(100);

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
    pub async fn prepare(&self, engine: &Engine, sceplab: Option<&Path>) -> Result<(), BenchError> {
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
pub async fn sweep(engine: &Engine) -> Result<(), BenchError> {
    let things = of_runs(engine).await?;
    let dead = |thing: &&Thing| thing.life() == Life::Dead;
    for thing in things.iter().filter(dead) {
        let _ = thing.remove(engine).await;
    }
    Ok(())
}

/// Removes all containers and networks of a run, and waits until they are gone.
///
/// # Errors
/// When some are there still after half a minute, or the engine is gone.
pub async fn remove_all(engine: &Engine, run: &str) -> Result<(), BenchError> {
    let deadline = Instant::now() + REMOVING_LIMIT;
    loop {
        let mut things = of_runs(engine).await?;
        things.retain(|thing| thing.run == run);
        if things.is_empty() {
            return Ok(());
        }
        let mut refused = None;
        for thing in &things {
            refused = thing.remove(engine).await.err().or(refused);
        }
        if Instant::now() > deadline {
            return Err(refused.unwrap_or_else(|| still_there(&things)));
        }
        sleep(INTERVAL).await;
    }
}

fn still_there(things: &[Thing]) -> BenchError {
    let names: Vec<String> = things.iter().map(|it| format!("{} `{}`", it.kind, it.name)).collect();
    let seconds = REMOVING_LIMIT.as_secs();
    let reason = format!(
        "still there after {seconds} s of removing: {}; try `sceplab clean --all`",
        names.join(", ")
    );
    BenchError::Engine { reason }
}
