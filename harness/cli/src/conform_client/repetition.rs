//! Repeats cases, one at a time, in which the client asked for nothing while other runs of it were under way: it may permit only one.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::conform::run_cases;
use crate::output::warn;
use diagnostics::counted;
use model::scenario::Scenario;
use results::{Outcome, ScenarioOutcome};
use runner::NO_REQUEST;
use testbed::Driver;

/// The outcome after the repetition of such cases. `is_known_to_ask` says that the client asked for something before.
pub(super) async fn repeat_silent(
    driver: Arc<dyn Driver>,
    cases: &[Scenario],
    outcome: Outcome,
    is_known_to_ask: bool,
    verbose: bool,
    stopped: impl Future<Output = ()>,
) -> Outcome {
    let asks = is_known_to_ask || outcome.scenarios.iter().any(|one| !is_silent(one));
    let silent: Vec<Scenario> =
        cases.iter().filter(|case| was_silent(&outcome, case)).cloned().collect();
    if silent.is_empty() || !outcome.unfinished.is_empty() || !asks {
        return outcome;
    }
    warn(&format!(
        "the client sent no request in {} while other runs of it were under way: trying again, one at a time",
        counted(silent.len(), "case")
    ));
    let again = run_cases(driver, &silent, NonZeroUsize::MIN, verbose, stopped).await;
    if again.scenarios.iter().any(|one| !is_silent(one)) {
        warn("the client seems to permit one run at a time: `-j 1` tries the cases one by one");
    }
    merged(outcome, again)
}

fn was_silent(outcome: &Outcome, case: &Scenario) -> bool {
    outcome.scenarios.iter().any(|one| one.id == case.id && is_silent(one))
}

/// True if the client's last run in a case sent no request.
fn is_silent(scenario: &ScenarioOutcome) -> bool {
    let last = scenario.steps.last().and_then(|step| step.output.lines().next());
    last.is_some_and(|line| line.ends_with(NO_REQUEST))
}

/// The outcome with the later results of repeated cases.
fn merged(mut outcome: Outcome, again: Outcome) -> Outcome {
    outcome.elapsed += again.elapsed;
    outcome.interrupted |= again.interrupted;
    for later in again.scenarios {
        if let Some(earlier) = outcome.scenarios.iter_mut().find(|one| one.id == later.id) {
            *earlier = later;
        }
    }
    outcome
}
