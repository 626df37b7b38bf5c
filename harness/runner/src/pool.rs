//! Several scenarios at once, each in a lab and a task of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};

use super::Job;
use super::scenario::{broken_lab, run_on};
use model::outcome::{Outcome, ScenarioOutcome, Unfinished, Verdict};
use model::scenario::Scenario;
use testbed::Driver;

/// How long the scenarios under way may take to end once the run is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// Something that happened during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A scenario was begun.
    Started {
        /// Its id.
        id: &'a str,
    },
    /// A scenario was finished.
    Finished(&'a ScenarioOutcome),
}

/// Runs scenarios, so many at once, until all are finished or `stop` is.
pub(super) async fn run_in(
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
    /// What those that run have to themselves, by their task.
    held: HashMap<Id, BTreeSet<String>>,
    running: JoinSet<ScenarioOutcome>,
    /// What to say of a scenario that panics.
    fallbacks: HashMap<Id, ScenarioOutcome>,
    /// What waits or runs, by id.
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
            waiting: jobs.into_iter().map(with_what_it_holds).collect(),
            held: HashMap::new(),
            running: JoinSet::new(),
            fallbacks: HashMap::new(),
            at_once,
        }
    }

    fn fill(&mut self, observe: &mut impl FnMut(Event<'_>)) {
        while self.running.len() < self.at_once.get() {
            let Some((Job { scenario, driver }, holds)) = self.next_free() else { return };
            observe(Event::Started { id: &scenario.id });
            if let Some(unfinished) = self.unfinished.get_mut(&scenario.id) {
                unfinished.begun = true;
            }
            let fallback = ScenarioOutcome::blank(&scenario);
            let task = self.running.spawn(run_in_own_lab(scenario, driver));
            self.fallbacks.insert(task.id(), fallback);
            self.held.insert(task.id(), holds);
        }
    }

    /// The first that waits for nothing which others have to themselves.
    fn next_free(&mut self) -> Option<(Job, BTreeSet<String>)> {
        let is_free = |(_, holds): &(Job, BTreeSet<String>)| {
            self.held.values().all(|held| held.is_disjoint(holds))
        };
        let index = self.waiting.iter().position(is_free)?;
        self.waiting.remove(index)
    }

    async fn next(&mut self) -> Option<ScenarioOutcome> {
        let joined = self.running.join_next_with_id().await?;
        let outcome = match joined {
            Ok((id, outcome)) => {
                self.fallbacks.remove(&id);
                self.held.remove(&id);
                outcome
            }
            Err(error) => self.panicked(error),
        };
        self.unfinished.remove(&outcome.id);
        Some(outcome)
    }

    fn panicked(&mut self, error: JoinError) -> ScenarioOutcome {
        self.held.remove(&error.id());
        let fallback = self.fallbacks.remove(&error.id());
        let message = match error.try_into_panic() {
            Ok(payload) => payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic without words".to_owned()),
            Err(error) => error.to_string(),
        };
        let mut outcome = fallback.unwrap_or_else(ScenarioOutcome::nameless);
        outcome.elapsed = outcome.started.elapsed().unwrap_or_default();
        outcome.verdict = Verdict::Panicked { message };
        outcome
    }

    /// Drops what is still running, and its labs with it; tells what was not finished.
    async fn end(mut self) -> Vec<Unfinished> {
        self.running.abort_all();
        let _ = tokio::time::timeout(GRACE, async {
            while self.running.join_next().await.is_some() {}
        })
        .await;
        self.unfinished.into_values().collect()
    }
}

fn with_what_it_holds(job: Job) -> (Job, BTreeSet<String>) {
    let holds = job.driver.exclusive(&job.scenario.lab);
    (job, holds)
}

async fn run_in_own_lab(scenario: Scenario, driver: Arc<dyn Driver>) -> ScenarioOutcome {
    let (begun, start) = (ScenarioOutcome::blank(&scenario), Instant::now());
    if let Some(reason) = scenario.not_here {
        return ScenarioOutcome { verdict: Verdict::Skipped { reason }, ..begun };
    }
    match driver.build(&scenario.lab, &scenario.id).await {
        Ok(bench) => {
            let outcome = run_on(&scenario, &bench).await;
            bench.close().await;
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
