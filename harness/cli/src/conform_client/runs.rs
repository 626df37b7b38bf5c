//! The runs of a client: the cases, repetitions of the plain exchange between them, and cases again, one at a time, in which the
//! client asked for nothing while other runs of it were under way, because it may permit only one.

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::bundles::Bundles;
use crate::conform::{Doubts, run_cases};
use crate::output::warn;
use crate::stop::StopSignals;
use diagnostics::counted;
use model::scenario::Scenario;
use results::requirement::End;
use results::{Outcome, ScenarioOutcome};
use runner::{Event, NO_REQUEST};
use testbed::Driver;

/// The runs of the client under test.
pub(super) struct ClientRuns<'a> {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) bundles: Option<&'a Bundles>,
    pub(super) cases: &'a [Scenario],
    /// The number of runs at the same time.
    pub(super) at_once: NonZeroUsize,
    /// True if the client asked for something before.
    pub(super) is_known_to_ask: bool,
    /// True if the output of the client is shown.
    pub(super) verbose: bool,
    pub(super) stop: &'a StopSignals,
}

impl ClientRuns<'_> {
    /// Runs the cases with repetitions of the plain exchange between and after them. If the client does not complete it any more,
    /// the results since its last certificate are taken back, and the reason is returned.
    pub(super) async fn outcome_with_doubts(&self, plain: Scenario) -> (Outcome, Option<String>) {
        let doubts = Doubts::new(End::Client, plain, self.cases);
        let mut outcome = self.outcome(Some(&doubts)).await;
        if !outcome.interrupted
            && let Some(last) = doubts.last_repetition(&outcome)
        {
            let after = self.run(&[last], NonZeroUsize::MIN, Some(&doubts)).await;
            outcome.elapsed += after.elapsed;
            outcome.interrupted |= after.interrupted;
        }
        let stopped = doubts.settle(&mut outcome);
        outcome.interrupted &= stopped.is_none();
        (outcome, stopped)
    }

    /// Runs the cases, and those again in which the client asked for nothing while other runs of it were under way.
    pub(super) async fn outcome(&self, doubts: Option<&Doubts<'_>>) -> Outcome {
        let all = doubts.map_or_else(|| self.cases.to_vec(), Doubts::cases_and_repetitions);
        let outcome = self.run(&all, self.at_once, doubts).await;
        if self.at_once == NonZeroUsize::MIN {
            return outcome;
        }
        self.repeat_silent(&all, outcome, doubts).await
    }

    async fn repeat_silent(
        &self,
        cases: &[Scenario],
        outcome: Outcome,
        doubts: Option<&Doubts<'_>>,
    ) -> Outcome {
        let asks = self.is_known_to_ask || outcome.scenarios.iter().any(|one| !is_silent(one));
        let silent: Vec<Scenario> =
            cases.iter().filter(|case| was_silent(&outcome, case)).cloned().collect();
        if silent.is_empty() || !outcome.unfinished.is_empty() || !asks {
            return outcome;
        }
        warn(&format!(
            "the client sent no request in {} while other runs of it were under way: trying again, one at a time",
            counted(silent.len(), "case")
        ));
        let again = self.run(&silent, NonZeroUsize::MIN, doubts).await;
        if again.scenarios.iter().any(|one| !is_silent(one)) {
            warn("the client seems to permit one run at a time: `-j 1` tries the cases one by one");
        }
        merged(outcome, again)
    }

    /// Runs cases until the user stops the run, or a repetition of the plain exchange has failed.
    async fn run(
        &self,
        cases: &[Scenario],
        at_once: NonZeroUsize,
        doubts: Option<&Doubts<'_>>,
    ) -> Outcome {
        let stopped = self.stop.clone().received(1);
        let noticed = async {
            match doubts {
                Some(doubts) => doubts.noticed().await,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            tokio::select! {
                () = stopped => {}
                () = noticed => {}
            }
        };
        let follow = |event: &Event<'_>| {
            if let (Some(bundles), Event::Finished(outcome)) = (self.bundles, event) {
                bundles.ended(outcome);
            }
            match (doubts, event) {
                (None, _) => {}
                // A client that permits one run at a time is tried again.
                (Some(doubts), Event::Finished(one))
                    if at_once > NonZeroUsize::MIN && is_silent(one) =>
                {
                    doubts.note(event);
                }
                (Some(doubts), _) => doubts.follow(event),
            }
        };
        let driver = Arc::clone(&self.driver);
        run_cases(driver, cases, at_once, self.verbose, ended, follow).await
    }
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
