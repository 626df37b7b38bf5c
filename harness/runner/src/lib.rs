//! Runs the steps and checks of scenarios, each in its own lab.

#![forbid(unsafe_code)]

mod attempt;
mod closest;
mod conversation;
mod difference;
mod hint;
mod near_miss;
mod pool;
mod record;
mod rest;
mod scenario;
mod shown_certificate;
mod wait;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

pub use self::attempt::NO_REQUEST;
pub use self::pool::{Event, run_jobs};
pub use self::record::masker;
pub use self::scenario::{blank, run_on};
use model::scenario::{LoadErrors, Scenario, discover, load_each};
use results::Outcome;
use testbed::Driver;

/// A scenario to run, and the driver that builds its lab.
#[derive(Clone)]
pub struct Job {
    /// The scenario; its id is unique in a run.
    pub scenario: Scenario,
    /// The driver that builds its lab.
    pub driver: Arc<dyn Driver>,
}

/// The default number of concurrent scenarios: the number of cores.
pub fn default_jobs() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Runs scenarios in labs of one driver, `at_once` of them at a time, until all are finished, `stop` completes or a bug of this
/// program is noticed in whatever task; then unfinished scenarios are dropped.
///
/// A scenario that panics has an outcome. If no scenario did, a bug is the outcome of all that were under way.
pub async fn run_all(
    driver: &Arc<dyn Driver>,
    scenarios: Vec<Scenario>,
    at_once: NonZeroUsize,
    stop: impl Future<Output = ()>,
    observe: impl FnMut(Event<'_>),
) -> Outcome {
    let job = |scenario| Job { scenario, driver: Arc::clone(driver) };
    run_jobs(scenarios.into_iter().map(job).collect(), at_once, stop, observe).await
}

/// Reads and runs one scenario file, or all files of a folder.
///
/// # Errors
/// All errors in the files and their labs; nothing is run then.
pub async fn run_file(driver: &Arc<dyn Driver>, path: &Path) -> Result<Outcome, LoadErrors> {
    let scenarios = load_each(&discover(&[path.to_owned()])?, None)?;
    Ok(run_all(driver, scenarios, default_jobs(), std::future::pending(), |_| {}).await)
}
