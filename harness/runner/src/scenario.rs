//! Runs one scenario on a testbed: its steps in order, until one is not as expected.

use std::time::{Duration, SystemTime};

use futures_util::FutureExt;

use super::attempt::{Attempted, ScenarioState, Stop, attempt, unfired};
use super::record::{Recorder, masker};
use super::rest::{Outlook, outlook};
use model::scenario::{Action, Expect, PkiOrder, Scenario, Step};
use results::{
    Breakage, Failure, Received, ReceivedState, ScenarioOutcome, Skip, SkipCause, Verdict,
};
use scep::clock::{Clock, Stopwatch, moment_text};
use testbed::injection::panic_if_asked;
use testbed::{Testbed, TestbedError};

/// Runs a scenario on a testbed that was built for its lab.
pub async fn run_on(scenario: &Scenario, testbed: &Testbed) -> ScenarioOutcome {
    let (begun, start) = (blank(scenario), Stopwatch::start());
    let mut recorder = Recorder::new(scenario, testbed);
    let mut steps = Vec::new();
    let mut state = ScenarioState::default();
    let mut notes = Vec::new();
    let mut verdict = Verdict::Passed;
    for (index, step) in scenario.steps.iter().enumerate() {
        panic_if_asked("step");
        let attempted = tokio::select! {
            attempted = attempt(step, testbed, &mut state) => attempted,
            reason = testbed.broken() => Err(Stop::Broken(reason.into())),
        };
        recorder.add_secrets(std::mem::take(&mut state.secrets));
        let attempted = match attempted {
            Ok(attempted) => attempted,
            Err(stop) => {
                verdict = stopped(stop, index + 1, Some(step), &recorder);
                break;
            }
        };
        steps.push(recorder.step(index + 1, step, &attempted));
        notes.extend(attempted.answers.last.notes.iter().map(|note| recorder.text(note)));
        if let Some(skip) = recorder.skip(index + 1, step, &attempted) {
            verdict = Verdict::Skipped(skip);
            break;
        }
        if let Some(failure) = failure(&recorder, testbed, index + 1, &attempted).await {
            // Fetching the logs may reveal that the lab has broken; then the failed check means nothing.
            verdict = match testbed.broken().now_or_never() {
                Some(reason) => stopped(Stop::Broken(reason.into()), index + 1, None, &recorder),
                None => failure,
            };
            break;
        }
        recorder.ended(&attempted);
    }
    verdict = with_limits(verdict, scenario, &recorder).await;
    verdict = with_faults(verdict, scenario, testbed, &recorder, &mut notes).await;
    let received = state.conversations.values_mut();
    let received = received.flat_map(|one| std::mem::take(&mut one.received));
    let received: Vec<_> = received.map(|one| recorder.received(one)).collect();
    ScenarioOutcome {
        elapsed: start.elapsed(),
        verdict,
        steps,
        notes: [notes, recorder.notes().await].concat(),
        challenges: state.conversations.values().map(|one| one.challenges).sum(),
        has_enrolled: state.client.has_enrolled || received.iter().any(is_enrolment),
        received,
        ..begun
    }
}

/// True if the PKI granted the request, or has it pending.
fn is_enrolment(received: &Received) -> bool {
    matches!(received.state, ReceivedState::Issued | ReceivedState::Pending)
}

/// The outcome of a scenario that begins now.
pub fn blank(scenario: &Scenario) -> ScenarioOutcome {
    ScenarioOutcome {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        path: scenario.path.clone(),
        tags: scenario.tags.clone(),
        started: Clock::system().now(),
        elapsed: Duration::ZERO,
        verdict: Verdict::Passed,
        steps: Vec::new(),
        step_count: scenario.steps.len(),
        notes: Vec::new(),
        received: Vec::new(),
        challenges: 0,
        has_enrolled: false,
    }
}

/// The verdict on a scenario whose lab could not be built.
pub(super) fn broken_lab(scenario: &Scenario, error: &TestbedError) -> Verdict {
    let reason = masker(scenario).text(&error.to_string());
    match error {
        TestbedError::NotSupported { .. } => {
            Verdict::Skipped(Skip::new(SkipCause::NotSupported, reason))
        }
        TestbedError::NotInstalled { .. } => {
            Verdict::Skipped(Skip::new(SkipCause::NotInstalled, reason))
        }
        _ => Verdict::LabBroke { reason: reason.into() },
    }
}

/// What a wait is told that would never end.
const RESTLESS: &str = "the lab does not come to rest: something repeats without a pause";

/// What a wait is told that cannot end well.
const AT_REST: &str = "nothing in this lab will change any more: no retry, poll or renewal is due";

/// What a wait is told that ended long before anything changes.
fn quiet_until(moment: SystemTime) -> String {
    let moment = moment_text(moment);
    format!("nothing in this lab changes before {moment}: an `advance` moves its clock")
}

async fn failure(
    recorder: &Recorder<'_>,
    testbed: &Testbed,
    number: usize,
    attempted: &Attempted,
) -> Option<Verdict> {
    if attempted.as_expected() {
        return None;
    }
    let mut failure = recorder.failure(number, attempted).await;
    // Only now, because this lets the time of the lab pass. A final answer ended the step at once, whatever the lab does.
    let answers = &attempted.answers;
    let waited = !attempted.within.is_zero()
        && attempted.expect == Expect::Success
        && !answers.last.is_final;
    if failure.hint.is_none() && waited {
        if answers.elapsed < attempted.within {
            failure.hint = Some(RESTLESS.to_owned());
        } else {
            failure.hint = match outlook(testbed).await {
                Some(Outlook::AtRest) => Some(AT_REST.to_owned()),
                Some(Outlook::QuietUntil(moment)) => Some(quiet_until(moment)),
                Some(Outlook::Busy) | None => None,
            };
        }
    }
    Some(Verdict::Failed(Box::new(failure)))
}

/// The verdict after asking the devices that the failed step is about what their clients cannot do: a check that depends on it shows
/// nothing about the PKI or the device.
async fn with_limits(verdict: Verdict, scenario: &Scenario, recorder: &Recorder<'_>) -> Verdict {
    let Verdict::Failed(failure) = &verdict else { return verdict };
    let step = failure.step.checked_sub(1).and_then(|index| scenario.steps.get(index));
    if !step.is_some_and(|step| shows_clients(&step.action)) {
        return verdict;
    }
    let limits = recorder.limits(&failure.sent).await;
    if limits.is_empty() {
        return verdict;
    }
    let evidence =
        step.map(|step| format!("{}: {}", recorder.heading(failure.step, step), failure.message));
    let skip = Skip::new(SkipCause::NotSupported, limits.join("; "));
    Verdict::Skipped(Skip { evidence: evidence.into_iter().collect(), ..skip })
}

/// True if a step looks at what the clients of devices have done. All others move the clock, ask a PKI themselves, or give an order which
/// no client has a part in.
fn shows_clients(action: &Action) -> bool {
    match action {
        Action::Run(_)
        | Action::Certificate(_)
        | Action::Issued(_)
        | Action::Approve(_)
        | Action::Deny(_) => true,
        // The latest certificate is that of a client.
        Action::Pki(step) => matches!(step.order, PkiOrder::Revoke { serial: None, .. }),
        _ => false,
    }
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
            Err(stop) => stopped(stop, scenario.steps.len(), Some(last), recorder),
        },
        (Verdict::Failed(failure), _) => {
            // The scenario has failed even if the PKI can no longer report its faults.
            let idle = unfired(testbed).await.unwrap_or_default();
            let told = |rule: &String| format!("the fault `{rule}` did not happen");
            let idle_faults: Vec<String> = idle.iter().map(told).collect();
            notes.extend(idle_faults.clone());
            let is_unproved = !idle.is_empty() && runs_client(scenario, failure.step);
            let failure = Failure { is_unproved, idle_faults, ..Failure::clone(failure) };
            Verdict::Failed(Box::new(failure))
        }
        _ => verdict,
    }
}

/// True if the client under test runs in this step.
fn runs_client(scenario: &Scenario, number: usize) -> bool {
    let step = number.checked_sub(1).and_then(|index| scenario.steps.get(index));
    step.is_some_and(|step| matches!(step.action, Action::Client(_)))
}

fn stopped(stop: Stop, number: usize, at: Option<&Step>, recorder: &Recorder<'_>) -> Verdict {
    match stop {
        Stop::Skip(because, reason) => {
            let evidence = at.map(|step| recorder.heading(number, step)).into_iter().collect();
            Verdict::Skipped(Skip { evidence, ..Skip::new(because, recorder.text(&reason)) })
        }
        Stop::Broken(breakage) => {
            let reason = recorder.text(&breakage.reason);
            Verdict::LabBroke { reason: Breakage { step: Some(number), reason, ..breakage } }
        }
    }
}

#[cfg(test)]
mod tests;
