//! Runs scenarios: the bench they stand on, their steps, their checks.

mod attempt;
mod bench;
mod closest;
mod hint;
mod pool;
mod record;
mod scenario;
mod wait;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

pub use self::bench::{Bench, BenchError, Client, Driver, KeySupply, LabOptions, Resource};
pub use self::pool::{Build, Building, Event};
pub use self::scenario::run_on;
use crate::drivers;
use crate::outcome::Outcome;
use crate::scenario::{LoadErrors, Scenario, discover, load};

/// How scenarios are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How their labs are built.
    pub lab: LabOptions,
    /// How many run at once.
    pub jobs: NonZeroUsize,
}

/// A scenario to run, and how its lab is built.
#[derive(Debug, Clone)]
pub struct Job {
    /// The scenario; in one run each has an id of its own.
    pub scenario: Scenario,
    /// How its lab is built.
    pub lab: LabOptions,
}

impl Default for Options {
    /// The virtual driver, and as many at once as there are cores.
    fn default() -> Self {
        let jobs = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { lab: LabOptions::default(), jobs }
    }
}

/// Runs scenarios until all are finished or `stop` is; whatever is under way then is dropped.
///
/// A scenario that panics is an outcome like any other, and keeps no other from running.
pub async fn run_all(
    scenarios: Vec<Scenario>,
    options: &Options,
    stop: impl Future<Output = ()>,
    observe: impl FnMut(Event<'_>),
) -> Outcome {
    let job = |scenario| Job { scenario, lab: options.lab.clone() };
    run_jobs(scenarios.into_iter().map(job).collect(), options.jobs, stop, observe).await
}

/// Runs scenarios, each in a lab of its own kind, as [`run_all`] does; `at_once` of them at a time.
pub async fn run_jobs(
    jobs: Vec<Job>,
    at_once: NonZeroUsize,
    stop: impl Future<Output = ()>,
    observe: impl FnMut(Event<'_>),
) -> Outcome {
    pool::run_in(Arc::new(build), jobs, at_once, stop, observe).await
}

/// Runs scenarios as [`run_jobs`] does, each on a bench that `build` makes.
pub async fn run_on_benches(
    build: Build,
    jobs: Vec<Job>,
    at_once: NonZeroUsize,
    stop: impl Future<Output = ()>,
    observe: impl FnMut(Event<'_>),
) -> Outcome {
    pool::run_in(build, jobs, at_once, stop, observe).await
}

fn build<'a>(scenario: &'a Scenario, options: &'a LabOptions) -> Building<'a> {
    Box::pin(async move {
        let options = LabOptions { id: scenario.id.clone(), ..options.clone() };
        drivers::build(&scenario.lab, &options).await
    })
}

/// Reads one scenario file, or those of a folder, and runs them.
///
/// # Errors
/// All that is wrong with the files and their labs; nothing is run then.
pub async fn run_file(path: &Path, options: &Options) -> Result<Outcome, LoadErrors> {
    let mut scenarios = Vec::new();
    let mut wrong = Vec::new();
    for found in discover(&[path.to_owned()])? {
        match load(&found, None) {
            Ok(scenario) => scenarios.push(scenario),
            Err(errors) => wrong.extend_from_slice(errors.diagnostics()),
        }
    }
    if !wrong.is_empty() {
        return Err(LoadErrors::new(wrong));
    }
    Ok(run_all(scenarios, options, std::future::pending(), |_| {}).await)
}
