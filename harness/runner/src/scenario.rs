//! Runs one scenario on a testbed: its steps in order, until one is not as expected.

use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt;

use super::attempt::{Attempted, ScenarioState, Stop, attempt, unfired};
use super::record::{Recorder, masker};
use model::scenario::Scenario;
use results::{ScenarioOutcome, Verdict};
use testbed::{Testbed, TestbedError};

/// Runs a scenario on a testbed that was built for its lab.
pub async fn run_on(scenario: &Scenario, testbed: &Testbed) -> ScenarioOutcome {
    let (begun, start) = (blank(scenario), Instant::now());
    let mut recorder = Recorder::new(scenario, testbed);
    let mut steps = Vec::new();
    let mut state = ScenarioState::default();
    let mut notes = Vec::new();
    let mut verdict = Verdict::Passed;
    for (index, step) in scenario.steps.iter().enumerate() {
        let attempted = tokio::select! {
            attempted = attempt(step, testbed, &mut state) => attempted,
            reason = testbed.broken() => Err(Stop::Broken(reason)),
        };
        recorder.add_secrets(std::mem::take(&mut state.secrets));
        let attempted = match attempted {
            Ok(attempted) => attempted,
            Err(stop) => {
                verdict = stopped(stop, index + 1, &recorder);
                break;
            }
        };
        steps.push(recorder.step(index + 1, step, &attempted));
        notes.extend(attempted.answers.last.notes.iter().map(|note| recorder.text(note)));
        if let Some(failure) = failure(&recorder, index + 1, &attempted).await {
            // Fetching the logs may reveal that the lab has broken; then the failed check means nothing.
            verdict = match testbed.broken().now_or_never() {
                Some(reason) => stopped(Stop::Broken(reason), index + 1, &recorder),
                None => failure,
            };
            break;
        }
    }
    verdict = with_faults(verdict, scenario, testbed, &recorder, &mut notes).await;
    ScenarioOutcome {
        elapsed: start.elapsed(),
        verdict,
        steps,
        notes: [notes, recorder.notes().await].concat(),
        challenges: state.conversations.values().map(|one| one.challenges).sum(),
        received: state.conversations.into_values().flat_map(|one| one.received).collect(),
        ..begun
    }
}

/// The outcome of a scenario that begins now.
pub fn blank(scenario: &Scenario) -> ScenarioOutcome {
    ScenarioOutcome {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        path: scenario.path.clone(),
        tags: scenario.tags.clone(),
        started: SystemTime::now(),
        elapsed: Duration::ZERO,
        verdict: Verdict::Passed,
        steps: Vec::new(),
        step_count: scenario.steps.len(),
        notes: Vec::new(),
        received: Vec::new(),
        challenges: 0,
    }
}

/// The verdict on a scenario whose lab could not be built.
pub(super) fn broken_lab(scenario: &Scenario, error: &TestbedError) -> Verdict {
    let reason = masker(scenario).text(&error.to_string());
    match error {
        TestbedError::NotSupported { .. } | TestbedError::NotInstalled { .. } => {
            Verdict::Skipped { reason }
        }
        _ => Verdict::LabBroke { reason },
    }
}

async fn failure(recorder: &Recorder<'_>, number: usize, attempted: &Attempted) -> Option<Verdict> {
    if attempted.as_expected() {
        return None;
    }
    Some(Verdict::Failed(Box::new(recorder.failure(number, attempted).await)))
}

/// The verdict after checking the lab's faults: if one did not happen, a passed scenario proves nothing.
async fn with_faults(
    verdict: Verdict,
    scenario: &Scenario,
    testbed: &Testbed,
    recorder: &Recorder<'_>,
    notes: &mut Vec<String>,
) -> Verdict {
    match (&verdict, scenario.steps.last()) {
        (Verdict::Passed, Some(last)) => match unfired(testbed).await {
            Ok(idle) if idle.is_empty() => verdict,
            Ok(idle) => {
                let failure = recorder.unfired(scenario.steps.len(), last, &idle);
                Verdict::Failed(Box::new(failure))
            }
            Err(stop) => stopped(stop, scenario.steps.len(), recorder),
        },
        (Verdict::Failed(_), _) => {
            // The scenario has failed even if the PKI can no longer report its faults.
            let idle = unfired(testbed).await.unwrap_or_default();
            notes.extend(idle.iter().map(|rule| format!("the fault `{rule}` did not happen")));
            verdict
        }
        _ => verdict,
    }
}

fn stopped(stop: Stop, number: usize, recorder: &Recorder<'_>) -> Verdict {
    match stop {
        Stop::NotSupported(reason) => {
            Verdict::Skipped { reason: recorder.text(&format!("step {number}: {reason}")) }
        }
        Stop::Broken(reason) => {
            Verdict::LabBroke { reason: recorder.text(&format!("step {number}: {reason}")) }
        }
    }
}

#[cfg(test)]
mod tests;
