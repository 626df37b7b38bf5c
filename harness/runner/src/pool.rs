//! Runs several scenarios at once, each in its own lab and task.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};

use super::Job;
use super::scenario::{blank, broken_lab, run_on};
use model::scenario::Scenario;
use results::{Outcome, ScenarioOutcome, Unfinished, Verdict};
use testbed::Driver;

/// Time limit for the running scenarios to end after the run is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// Something that happened during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A scenario has started.
    Started {
        /// Id of the scenario.
        id: &'a str,
    },
    /// A scenario has finished.
    Finished(&'a ScenarioOutcome),
}

/// Runs scenarios as [`run_all`](super::run_all) does, each in a lab of its own driver.
pub async fn run_jobs(
    jobs: Vec<Job>,
    at_once: NonZeroUsize,
    stop: impl Future<Output = ()>,
    mut observe: impl FnMut(Event<'_>),
) -> Outcome {
    let start = Instant::now();
    let selected = jobs.len();
    let mut pool = Pool::new(jobs, at_once);
    let mut finished = Vec::new();
    tokio::pin!(stop);
    let interrupted = loop {
        pool.fill(&mut observe);
        tokio::select! {
            outcome = pool.next() => match outcome {
                Some(outcome) => {
                    observe(Event::Finished(&outcome));
                    finished.push(outcome);
                }
                None => break false,
            },
            () = &mut stop => break true,
        }
    };
    let unfinished = pool.end().await;
    finished.sort_by(|a, b| a.id.cmp(&b.id));
    Outcome { scenarios: finished, unfinished, selected, elapsed: start.elapsed(), interrupted }
}

struct Pool {
    waiting: VecDeque<(Job, BTreeSet<String>)>,
    running: JoinSet<ScenarioOutcome>,
    /// The running scenarios by task: the outcome if they panic, and the resources they use exclusively.
    begun: HashMap<Id, (ScenarioOutcome, BTreeSet<String>)>,
    /// The waiting and running scenarios, by id.
    unfinished: BTreeMap<String, Unfinished>,
    at_once: NonZeroUsize,
}

impl Pool {
    fn new(jobs: Vec<Job>, at_once: NonZeroUsize) -> Self {
        let unfinished = |job: &Job| {
            let (id, path) = (job.scenario.id.clone(), job.scenario.path.clone());
            (id.clone(), Unfinished { id, path, begun: false })
        };
        Self {
            unfinished: jobs.iter().map(unfinished).collect(),
            waiting: jobs.into_iter().map(with_exclusive_resources).collect(),
            running: JoinSet::new(),
            begun: HashMap::new(),
            at_once,
        }
    }

    fn fill(&mut self, observe: &mut impl FnMut(Event<'_>)) {
        while self.running.len() < self.at_once.get() {
            let Some((Job { scenario, driver }, resources)) = self.next_free() else { return };
            observe(Event::Started { id: &scenario.id });
            if let Some(unfinished) = self.unfinished.get_mut(&scenario.id) {
                unfinished.begun = true;
            }
            let begun = blank(&scenario);
            let task = self.running.spawn(run_in_own_lab(scenario, driver));
            self.begun.insert(task.id(), (begun, resources));
        }
    }

    /// The first waiting job that needs no resource in exclusive use by a running scenario.
    fn next_free(&mut self) -> Option<(Job, BTreeSet<String>)> {
        let is_free = |(_, resources): &(Job, BTreeSet<String>)| {
            self.begun.values().all(|(_, in_use)| in_use.is_disjoint(resources))
        };
        let index = self.waiting.iter().position(is_free)?;
        self.waiting.remove(index)
    }

    async fn next(&mut self) -> Option<ScenarioOutcome> {
        let joined = self.running.join_next_with_id().await?;
        let task = joined.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        // Each task is entered when it is spawned.
        let (begun, _) = self.begun.remove(&task)?;
        let outcome = match joined {
            Ok((_, outcome)) => outcome,
            Err(error) => panicked(begun, error),
        };
        self.unfinished.remove(&outcome.id);
        Some(outcome)
    }

    /// Drops the running scenarios with their labs; returns the unfinished ones.
    async fn end(mut self) -> Vec<Unfinished> {
        self.running.abort_all();
        let _ = tokio::time::timeout(GRACE, async {
            while self.running.join_next().await.is_some() {}
        })
        .await;
        self.unfinished.into_values().collect()
    }
}

fn panicked(begun: ScenarioOutcome, error: JoinError) -> ScenarioOutcome {
    let message = match error.try_into_panic() {
        Ok(payload) => payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned()),
        Err(error) => error.to_string(),
    };
    let elapsed = begun.started.elapsed().unwrap_or_default();
    ScenarioOutcome { elapsed, verdict: Verdict::Panicked { message }, ..begun }
}

fn with_exclusive_resources(job: Job) -> (Job, BTreeSet<String>) {
    let resources = job.driver.exclusive(&job.scenario.lab);
    (job, resources)
}

async fn run_in_own_lab(scenario: Scenario, driver: Arc<dyn Driver>) -> ScenarioOutcome {
    let (begun, start) = (blank(&scenario), Instant::now());
    if let Some(reason) = scenario.skip_reason {
        return ScenarioOutcome { verdict: Verdict::Skipped { reason }, ..begun };
    }
    match driver.build(&scenario.lab, &scenario.id).await {
        Ok(testbed) => {
            let outcome = run_on(&scenario, &testbed).await;
            testbed.close().await;
            outcome
        }
        Err(error) => {
            let verdict = broken_lab(&scenario, &error);
            ScenarioOutcome { verdict, elapsed: start.elapsed(), ..begun }
        }
    }
}

#[cfg(test)]
mod tests;
