//! The run at a server: the plain exchange, then the other cases.

use std::num::NonZeroUsize;
use std::sync::Arc;

use scep::certificate::Fingerprint;

use super::doubts::Doubts;
use super::end::{Order, gone};
use super::identity::{Identity, failures};
use super::outage;
use super::run::run_cases;
use crate::bundles::Bundles;
use crate::exit::{CommandError, Exit};
use crate::output::warn;
use crate::stop::StopSignals;
use crate::wiring::LivePki;
use conformance::{Gate, OnePki, Password, Plan, Rules, SetUpFinding, judge};
use diagnostics::{Diagnostic, counted};
use model::lab::Secret;
use model::scenario::Scenario;
use recording::Folder;
use results::requirement::End;
use results::{
    Assessment, Case, ConformanceReport, Outcome, ScenarioOutcome, Skip, SkipCause, Verdict,
};
use runner::{Event, run_on};
use testbed::pki::Pki;
use testbed::{Driver, KeyStore, ReceivedLog};

/// The advice if all requests have the same subject.
const SAME_SUBJECT: &str = "all requests have the same subject, and perhaps the server certifies no name twice: put `{n}` into `--subject`";

/// Choices for a run.
pub(super) struct Settings {
    /// The subject of requests, if the case does not name one.
    pub(super) subject: String,
    /// The number of cases that run at the same time.
    pub(super) at_once: NonZeroUsize,
    /// True if the server is judged although the set-up is probably at fault.
    pub(super) no_gate: bool,
    /// True if the requests and replies are shown.
    pub(super) verbose: bool,
    /// Passwords that no output may show.
    pub(super) secrets: Vec<Secret>,
    /// True if a case may be run again after an outage of the server, which costs further certificates.
    pub(super) may_repeat: bool,
    /// Fingerprints of the CA's certificates before the run; none if they are unknown.
    pub(super) ca: Vec<Fingerprint>,
    /// Folder for what is exchanged with the server.
    pub(super) messages: Option<Folder>,
}

/// The cases of a plan at a server.
pub(super) struct Trial<'a> {
    settings: Settings,
    pki: Arc<LivePki>,
    stop: &'a StopSignals,
    driver: Arc<dyn Driver>,
    received: ReceivedLog,
    order: Order,
    bundles: Option<&'a Bundles>,
}

/// The result of the plain exchange, and what follows from it.
struct Passage {
    /// The outcome, if it is reported.
    outcome: Option<(Scenario, ScenarioOutcome)>,
    /// The plain exchange, if the server completed it.
    granted: Option<Scenario>,
    /// Why cases that send messages cannot be judged.
    no_plain_exchange: Option<Skip>,
    /// The refusal, if the run goes on all the same.
    refusal: Option<SetUpFinding>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        settings: Settings,
        pki: Arc<LivePki>,
        bundles: Option<&'a Bundles>,
        stop: &'a StopSignals,
    ) -> Self {
        let received = ReceivedLog::default();
        let one: Arc<dyn Pki> = Arc::<LivePki>::clone(&pki);
        let (subject, log) = (settings.subject.clone(), received.clone());
        let secrets = settings.secrets.clone();
        let driver: Arc<dyn Driver> = Arc::new(OnePki {
            pki: one,
            subject,
            received: log,
            secrets,
            keys: KeyStore::default(),
            messages: settings.messages.clone(),
        });
        let driver = bundles.map_or(Arc::clone(&driver), |bundles| bundles.watch(driver));
        Self { settings, pki, stop, driver, received, order: Order::default(), bundles }
    }

    /// Runs the control, then the other cases, and judges them.
    pub(super) async fn run(
        &self,
        mut plan: Plan,
        password: Password,
        rules: Rules<'_>,
    ) -> Result<(ConformanceReport, Option<Diagnostic>), CommandError> {
        let passage = self.pass_gate(&mut plan, password).await?;
        let Plan { run, skipped, .. } = plan;
        let mut cases: Vec<_> = run.into_iter().map(|planned| planned.case).collect();
        let (mut outcome, mut given_up) = match passage.granted {
            Some(granted) => self.outcome_with_doubts(&cases, granted).await,
            None => self.outcome(&cases, self.settings.at_once, None).await,
        };
        if let Some((control, plain)) = passage.outcome {
            outcome.elapsed += plain.elapsed;
            outcome.scenarios.push(plain);
            cases.push(control);
        }
        let rules = Rules { no_plain_exchange: passage.no_plain_exchange, ..rules };
        let mut report = judge(&rules, outcome, &cases, skipped);
        let why = self.pki.gone();
        given_up = why.map(|why| gone(&report, &self.order, &self.pki.url, why)).or(given_up);
        report.given_up = given_up;
        (report.issued, report.challenges) = (self.received.entries(), self.pki.challenges_given());
        let refusal = passage.refusal.map(|refusal| not_judged(&refusal, &report));
        Ok((report, refusal))
    }

    /// Runs the control; the error is that the set-up is probably at fault. Cases that need a granted request leave the plan if
    /// there is none.
    async fn pass_gate(
        &self,
        plan: &mut Plan,
        password: Password,
    ) -> Result<Passage, CommandError> {
        let Some(control) = plan.control.take() else {
            return Ok(Passage {
                outcome: None,
                granted: None,
                no_plain_exchange: None,
                refusal: None,
            });
        };
        let alone = [control.case];
        let (outcome, given_up) = self.outcome(&alone, NonZeroUsize::MIN, None).await;
        let Some(first) = outcome.scenarios.into_iter().next() else {
            return Err(
                given_up.map_or_else(|| Exit::Interrupted.into(), |it| Exit::Lab.because(it))
            );
        };
        let gate = match Gate::of(&first, password) {
            Gate::Open if plan.repeats_control && first.verdict == Verdict::Passed => {
                self.repeated(&alone).await?
            }
            gate => gate,
        };
        let was_granted = first.verdict == Verdict::Passed;
        let [case] = alone;
        let mut refusal = None;
        let no_plain_exchange = match gate {
            Gate::Open => None,
            Gate::SetUp { finding, .. } if !self.settings.no_gate => {
                // No case can be judged without the server.
                let may_go_on = self.pki.gone().is_none();
                return Err(Exit::Lab.with(vec![finding.not_judged(may_go_on)]));
            }
            Gate::SetUp { skip, finding } if was_granted => {
                refusal = Some(finding);
                plan.without_messages(&skip, true);
                Some(skip)
            }
            Gate::SetUp { skip, finding } => {
                plan.without_messages(&skip, true);
                // Its refusal is probably no verdict on the server either.
                plan.skipped.extend(plan.is_control_selected.then(|| (case, skip.clone())));
                let (no_plain_exchange, refusal) = (Some(skip), Some(finding));
                return Ok(Passage { outcome: None, granted: None, no_plain_exchange, refusal });
            }
            // The other cases cannot be tried.
            Gate::Judged { skip, .. } if self.pki.gone().is_some() => Some(skip),
            Gate::Judged { skip, is_silent } => {
                plan.without_messages(&skip, !is_silent);
                Some(skip)
            }
        };
        let is_bad = matches!(first.verdict, Verdict::Failed(_) | Verdict::Panicked { .. });
        let is_reported = plan.is_control_selected || is_bad;
        let granted = no_plain_exchange.is_none().then(|| case.clone());
        let outcome = is_reported.then_some((case, first));
        Ok(Passage { outcome, granted, no_plain_exchange, refusal })
    }

    /// Runs cases with repetitions of the plain exchange between and after them. If the server does not grant it any more, the
    /// results since its last certificate are taken back.
    async fn outcome_with_doubts(
        &self,
        cases: &[Scenario],
        granted: Scenario,
    ) -> (Outcome, Option<String>) {
        let doubts = Doubts::new(End::Server, granted, cases);
        let all = doubts.cases_and_repetitions();
        let (mut outcome, mut given_up) =
            self.outcome(&all, self.settings.at_once, Some(&doubts)).await;
        if given_up.is_none()
            && !outcome.interrupted
            && let Some(last) = doubts.last_repetition(&outcome)
        {
            let (after, reason) = self.outcome(&[last], NonZeroUsize::MIN, Some(&doubts)).await;
            outcome.elapsed += after.elapsed;
            given_up = reason;
        }
        let stopped = doubts.settle(&mut outcome);
        let stopped = stopped.map(|reason| {
            let varies = self.settings.subject.contains("{n}");
            if varies { reason } else { format!("{reason}; {SAME_SUBJECT}") }
        });
        (outcome, given_up.or(stopped))
    }

    /// Runs the control again with the same password.
    async fn repeated(&self, control: &[Scenario]) -> Result<Gate, CommandError> {
        let (outcome, _) = self.outcome(control, NonZeroUsize::MIN, None).await;
        match outcome.scenarios.first() {
            Some(again) => Ok(Gate::of_repetition(again, self.settings.subject.contains("{n}"))),
            None => Err(Exit::Interrupted.into()),
        }
    }

    /// Waits until a repetition of the plain exchange has failed. Repeats it once by itself if many cases end without an enrolment.
    async fn failed_repetition(&self, doubts: &Doubts<'_>) {
        let again = tokio::select! {
            () = doubts.noticed() => return,
            again = doubts.early_repetition() => again,
        };
        if let Ok(testbed) = self.driver.build(&again.lab, &again.id).await {
            doubts.follow(&Event::Started { id: &again.id });
            let outcome = Box::pin(run_on(&again, &testbed)).await;
            testbed.close().await;
            doubts.follow(&Event::Finished(&outcome));
        }
        doubts.noticed().await;
    }

    fn follow(&self, event: &Event<'_>, doubts: Option<&Doubts<'_>>) {
        self.order.note(event);
        if let (Some(bundles), Event::Finished(outcome)) = (self.bundles, event) {
            bundles.ended(outcome);
        }
        if let Some(doubts) = doubts {
            doubts.follow(event);
        }
    }

    /// Runs those cases again, one at a time, after whose request the server was away for a moment. Perhaps its operator restarted it, so
    /// once is no proof.
    async fn repeat_after_outages(
        &self,
        cases: &[Scenario],
        outcome: &mut Outcome,
        doubts: Option<&Doubts<'_>>,
    ) {
        let was_away = |case: &&Scenario| {
            outcome.scenarios.iter().any(|one| one.id == case.id && outage::met_by(one))
        };
        let again: Vec<Scenario> = cases.iter().filter(was_away).cloned().collect();
        if again.is_empty() || !self.settings.may_repeat {
            return;
        }
        let count = counted(again.len(), "case");
        warn(&format!(
            "after a request of {count}, the server was away for a moment: trying again, one at a time"
        ));
        let (stopped, driver) = (self.stop.clone().received(1), Arc::clone(&self.driver));
        let follow = |event: &Event<'_>| self.follow(event, doubts);
        let verbose = self.settings.verbose;
        let repeated = run_cases(driver, &again, NonZeroUsize::MIN, verbose, stopped, follow).await;
        for ended_twice in outage::merge(outcome, repeated) {
            self.follow(&Event::Finished(&ended_twice), doubts);
        }
    }

    /// Runs cases until they are finished, the user stops the run, or the server does not answer; then with the reason.
    async fn outcome(
        &self,
        cases: &[Scenario],
        at_once: NonZeroUsize,
        doubts: Option<&Doubts<'_>>,
    ) -> (Outcome, Option<String>) {
        let (stopped, mut given_up) = (self.stop.clone().received(1), None);
        let identity = Identity::new(&*self.pki, &self.settings.ca);
        let ((note, failed), mut change) = (failures(), None);
        let mut is_doubtful = false;
        let doubt = async {
            match doubts {
                Some(doubts) => Box::pin(self.failed_repetition(doubts)).await,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            tokio::select! {
                () = stopped => {}
                () = doubt => is_doubtful = true,
                reason = self.pki.became_unresponsive() => given_up = Some(reason),
                reason = identity.changed(failed) => change = Some(reason),
            }
        };
        let driver = Arc::clone(&self.driver);
        let verbose = self.settings.verbose;
        let follow = |event: &Event<'_>| {
            note(event);
            self.follow(event, doubts);
        };
        let mut outcome = run_cases(driver, cases, at_once, verbose, ended, follow).await;
        if change.is_none() && given_up.is_none() && !outcome.interrupted {
            self.repeat_after_outages(cases, &mut outcome, doubts).await;
            change = identity.changed_at_last().await;
        }
        if let Some(change) = &change {
            identity.take_back(&mut outcome, change);
        }
        let given_up = given_up.or(change);
        outcome.interrupted &= given_up.is_none() && !is_doubtful;
        (outcome, given_up)
    }
}

/// The closing message of a run that went on although the plain request was refused.
fn not_judged(refusal: &SetUpFinding, report: &ConformanceReport) -> Diagnostic {
    let is_not_judged = |case: &&Case| match &case.assessment {
        Assessment::Skipped(skip) => skip.because == SkipCause::NoPlainExchange,
        _ => false,
    };
    let count = counted(report.cases.iter().filter(is_not_judged).count(), "case");
    refusal.because(&format!("{count} could not be judged"))
}
