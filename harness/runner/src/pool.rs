//! Runs several scenarios at once, each in its own lab and task.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

use super::Job;
use super::scenario::{blank, broken_lab, run_on};
use diagnostics::bugs;
use model::scenario::Scenario;
use results::{Outcome, ScenarioOutcome, Skip, SkipCause, Unfinished, Verdict};
use scep::clock::Stopwatch;
use testbed::{Driver, lab_time};

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
    let start = Stopwatch::start();
    let selected = jobs.len();
    let mut pool = Pool::new(jobs, at_once);
    let mut finished = Vec::new();
    tokio::pin!(stop);
    let end = loop {
        // A run that follows another one does not begin after a bug either.
        if let Some(bug) = bugs::noticed().into_iter().next() {
            break End::Bug(bug);
        }
        pool.fill(&mut observe);
        tokio::select! {
            outcome = pool.next() => match outcome {
                Some(outcome) => {
                    observe(Event::Finished(&outcome));
                    let bug = bug_in(&outcome);
                    finished.push(outcome);
                    if let Some(bug) = bug {
                        break End::Bug(bug);
                    }
                }
                None => break End::Finished,
            },
            bug = bugs::first() => break End::Bug(bug),
            () = &mut stop => break End::Interrupted,
        }
    };
    let mut last = pool.end().await;
    if let End::Bug(bug) = &end
        && finished.iter().chain(&last).all(|outcome| bug_in(outcome).is_none())
    {
        // It may be that of any scenario that was under way.
        last.extend(pool.blame_begun(bug));
    }
    for outcome in &last {
        observe(Event::Finished(outcome));
    }
    finished.extend(last);
    finished.sort_by(|a, b| a.id.cmp(&b.id));
    let (unfinished, interrupted) = (pool.unfinished(), matches!(end, End::Interrupted));
    let (scenarios, elapsed) = (finished, start.elapsed());
    Outcome { scenarios, unfinished, selected, elapsed, interrupted, caution: None }
}

/// Why a run ends.
enum End {
    /// All scenarios are finished.
    Finished,
    /// It was stopped.
    Interrupted,
    /// This program has a bug, which may be the cause of whatever a scenario finds.
    Bug(String),
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
            let task = if driver.has_lab_time() {
                self.running.spawn(lab_time::run(|| run_in_own_lab(scenario, driver)))
            } else {
                self.running.spawn(run_in_own_lab(scenario, driver))
            };
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
        self.outcome(joined)
    }

    fn outcome(
        &mut self,
        joined: Result<(Id, ScenarioOutcome), JoinError>,
    ) -> Option<ScenarioOutcome> {
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

    /// Drops the running scenarios with their labs; returns the outcomes of those that panicked or finished meanwhile.
    async fn end(&mut self) -> Vec<ScenarioOutcome> {
        self.running.abort_all();
        let mut ended = Vec::new();
        let _ = tokio::time::timeout(GRACE, async {
            while let Some(joined) = self.running.join_next_with_id().await {
                if !joined.as_ref().is_err_and(JoinError::is_cancelled) {
                    ended.extend(self.outcome(joined));
                }
            }
        })
        .await;
        ended
    }

    /// The scenarios that were under way when a bug was noticed: each may have it.
    fn blame_begun(&mut self, bug: &str) -> Vec<ScenarioOutcome> {
        let begun = std::mem::take(&mut self.begun).into_values().map(|(begun, _)| begun);
        let outcomes: Vec<_> = begun.map(|begun| broken(begun, bug.to_owned())).collect();
        for outcome in &outcomes {
            self.unfinished.remove(&outcome.id);
        }
        outcomes
    }

    /// The scenarios that have no outcome.
    fn unfinished(self) -> Vec<Unfinished> {
        self.unfinished.into_values().collect()
    }
}

/// The message of the bug that decided this outcome.
fn bug_in(outcome: &ScenarioOutcome) -> Option<String> {
    match &outcome.verdict {
        Verdict::Panicked { message } => Some(message.clone()),
        _ => None,
    }
}

/// The outcome of a scenario that a bug ended.
fn broken(begun: ScenarioOutcome, message: String) -> ScenarioOutcome {
    let elapsed = begun.started.elapsed().unwrap_or_default();
    ScenarioOutcome { elapsed, verdict: Verdict::Panicked { message }, ..begun }
}

fn panicked(begun: ScenarioOutcome, error: JoinError) -> ScenarioOutcome {
    // What the program has noticed has no secrets; the message of a panic may quote any text.
    if let Some(bug) = bugs::noticed().pop().filter(|_| error.is_panic()) {
        return broken(begun, bug);
    }
    let message = match error.try_into_panic() {
        Ok(payload) => payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned()),
        Err(error) => error.to_string(),
    };
    broken(begun, message)
}

fn with_exclusive_resources(job: Job) -> (Job, BTreeSet<String>) {
    let resources = job.driver.exclusive(&job.scenario.lab);
    (job, resources)
}

async fn run_in_own_lab(scenario: Scenario, driver: Arc<dyn Driver>) -> ScenarioOutcome {
    let (begun, start) = (blank(&scenario), Stopwatch::start());
    if let Some(reason) = scenario.skip_reason {
        return ScenarioOutcome {
            verdict: Verdict::Skipped(Skip::new(SkipCause::OtherLab, reason)),
            ..begun
        };
    }
    let noticed = bugs::noticed().len();
    let outcome = match driver.build(&scenario.lab, &scenario.id).await {
        Ok(testbed) => {
            let outcome = run_on(&scenario, &testbed).await;
            testbed.close().await;
            outcome
        }
        Err(error) => {
            let verdict = broken_lab(&scenario, &error);
            ScenarioOutcome { verdict, elapsed: start.elapsed(), ..begun }
        }
    };
    unless_bug(outcome, noticed)
}

/// The outcome, but no failure of a peer if a bug of this program was noticed since: that may be the cause.
fn unless_bug(outcome: ScenarioOutcome, noticed: usize) -> ScenarioOutcome {
    let is_blamed = matches!(outcome.verdict, Verdict::Failed(_) | Verdict::LabBroke { .. });
    match bugs::noticed().get(noticed) {
        Some(bug) if is_blamed => {
            ScenarioOutcome { verdict: Verdict::Panicked { message: bug.clone() }, ..outcome }
        }
        _ => outcome,
    }
}

#[cfg(test)]
mod tests;
