//! The gate before the judgement of a client: the plain right exchange, once for each personality that the cases are at.
//!
//! A mistake in the command must not look like a deviation of the client.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::exchange::Exchange;
use super::set_up;
use crate::exit::{CommandError, Exit};
use diagnostics::{Diagnostic, bugs};
use mock_ca::{Approval, Hierarchy, PersonalityName};
use model::lab::{self, Lab};
use model::scenario::client::ClientStep;
use model::scenario::{Action, Expect, Scenario, Step};
use recording::Folder;
use results::{ScenarioOutcome, Skip, SkipCause, Verdict};
use simulated::client::Command;

/// The result of the gate.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Outcomes of the plain exchanges that did not bring a certificate.
    failed: HashMap<PersonalityName, ScenarioOutcome>,
    /// The first plain exchange that the client completed.
    pub(super) plain: Option<Scenario>,
}

/// The cases after the gate.
pub(super) struct Admitted {
    /// The cases to run.
    pub(super) cases: Vec<Scenario>,
    /// The cases that would prove nothing, with reasons.
    pub(super) skipped: Vec<(Scenario, Skip)>,
}

impl Gate {
    /// Runs the plain exchange of each personality that the selected cases are at. `all` are the cases of the catalogue.
    ///
    /// # Errors
    /// If no exchange brings a certificate, and what was seen points at a mistake in the command; or if an exchange could not be
    /// made for a reason of this side.
    pub(super) async fn pass(
        selected: &[Scenario],
        all: &[Scenario],
        client: &Arc<Command>,
        messages: Option<&Folder>,
    ) -> Result<Self, CommandError> {
        let exchanges = personalities(selected)
            .into_iter()
            .filter_map(|it| Some((it, plain_exchange(it, all)?)));
        let (mut gate, mut mistake) = (Self::default(), None);
        for (personality, scenario) in exchanges {
            let exchange = Exchange::run(&scenario, client, messages).await;
            let exchange = exchange.map_err(|wrong| Exit::Lab.with(vec![wrong]))?;
            if exchange.outcome.verdict == Verdict::Passed {
                gate.plain = gate.plain.or(Some(scenario));
                continue;
            }
            no_fault_of_the_client(&exchange)?;
            // A command that cannot be run is wrong usage.
            let exit = if exchange.has_run() { Exit::Lab } else { Exit::Usage };
            mistake = mistake.or_else(|| Some((exit, set_up::mistake(client, &exchange)?)));
            gate.failed.insert(personality, exchange.outcome);
        }
        // A command that brings a certificate at one CA has no mistake.
        match mistake.filter(|_| gate.plain.is_none()) {
            Some((exit, mistake)) => Err(exit.with(vec![mistake])),
            None => Ok(gate),
        }
    }

    /// Splits the selected cases: a client that fails at the plain exchange of a personality is only judged by the cases that are
    /// this exchange, even if they were not selected.
    ///
    /// `unshown` is why the client cannot be shown the time of a case that has its own.
    pub(super) fn admit(
        &self,
        selected: Vec<Scenario>,
        all: &[Scenario],
        unshown: Option<&Skip>,
    ) -> Admitted {
        let is_barred = |case: &Scenario| {
            if let Some(skip) = unshown.filter(|_| case.lab.leaves_system_time()) {
                return Some(skip.clone());
            }
            let outcome = self.failed.get(&personality(case)?)?;
            (!is_plain(case)).then(|| skip(personality(case), outcome))
        };
        let (mut cases, mut skipped) = (Vec::new(), Vec::new());
        for case in selected {
            match is_barred(&case) {
                Some(skip) => skipped.push((case, skip)),
                None => cases.push(case),
            }
        }
        let is_new = |case: &&Scenario, cases: &[Scenario]| {
            is_plain(case)
                && personality(case).is_some_and(|it| self.failed.contains_key(&it))
                && cases.iter().all(|other| other.id != case.id)
        };
        let further: Vec<_> = all.iter().filter(|case| is_new(case, &cases)).cloned().collect();
        cases.extend(further);
        Admitted { cases, skipped }
    }
}

/// The plain exchange of the personality that most of the selected cases are at.
pub(super) fn plain_of(selected: &[Scenario], all: &[Scenario]) -> Option<Scenario> {
    personalities(selected).into_iter().find_map(|it| plain_exchange(it, all))
}

/// The error, if an exchange failed for a reason of this side, which says nothing about the client.
fn no_fault_of_the_client(exchange: &Exchange) -> Result<(), CommandError> {
    let bug = bugs::noticed().into_iter().next();
    let (exit, reason) = match &exchange.outcome.verdict {
        // A client that could not be started is reported as a mistake in the command.
        Verdict::LabBroke { reason } if exchange.has_run() => (Exit::Lab, reason.to_string()),
        Verdict::Panicked { message } => (Exit::Internal, message.clone()),
        // The bug may be the cause of whatever the client did.
        _ => match &bug {
            Some(bug) => (Exit::Internal, bug.clone()),
            None => return Ok(()),
        },
    };
    let message = "the plain exchange could not be made, so the client is not judged";
    Err(exit.with(vec![Diagnostic::general(message).note(reason)]))
}

/// The skip of a case at a personality whose plain exchange failed.
fn skip(personality: Option<PersonalityName>, outcome: &ScenarioOutcome) -> Skip {
    let at = personality.map(|it| format!(" at `{it}`")).unwrap_or_default();
    let reason = format!("the client does not complete the plain right exchange{at}");
    let evidence = match &outcome.verdict {
        Verdict::Failed(failure) => {
            let said = failure.output.lines().next().map(str::to_owned);
            std::iter::once(failure.message.clone()).chain(said).collect()
        }
        other => other.reason().map(Cow::into_owned).into_iter().collect(),
    };
    Skip { evidence, ..Skip::new(SkipCause::NoPlainExchange, reason) }
}

/// The personalities of the cases, that of most cases first.
fn personalities(cases: &[Scenario]) -> Vec<PersonalityName> {
    let count = |of| cases.iter().filter(|case| personality(case) == Some(of)).count();
    let counted = PersonalityName::ALL.iter().map(|it| (*it, count(*it)));
    let mut all: Vec<_> = counted.collect();
    all.retain(|(_, count)| *count > 0);
    all.sort_by_key(|(_, count)| Reverse(*count));
    all.into_iter().map(|(it, _)| it).collect()
}

/// The personality of a case's PKI; none if it has several or none, or a person decides.
fn personality(case: &Scenario) -> Option<PersonalityName> {
    let pki = only_pki(&case.lab)?;
    (pki.approval == Approval::Automatic).then_some(pki.personality)
}

fn only_pki(lab: &Lab) -> Option<&lab::Pki> {
    let mut pkis = lab.pkis.values();
    pkis.next().filter(|_| pkis.next().is_none())
}

/// True for a case that is itself a plain exchange.
fn is_plain(case: &Scenario) -> bool {
    let is_right = only_pki(&case.lab).is_some_and(|pki| {
        pki.faults.is_empty() && pki.valid_for.is_none() && pki.hierarchy == Hierarchy::default()
    });
    let enrols = |step: &Step| match &step.action {
        Action::Client(client) => client.is_plain(),
        _ => false,
    };
    is_right && !case.lab.has_own_time() && case.steps.iter().all(enrols)
}

/// The plain exchange of a personality: one run of the client in the lab that most of its cases have, without their faults.
fn plain_exchange(of: PersonalityName, all: &[Scenario]) -> Option<Scenario> {
    let mut labs: Vec<(Lab, usize, &Scenario)> = Vec::new();
    for case in all.iter().filter(|case| personality(case) == Some(of)) {
        let mut lab = case.lab.clone();
        lab.pkis.values_mut().for_each(|pki| pki.faults.clear());
        match labs.iter_mut().find(|(known, ..)| *known == lab) {
            Some((_, count, _)) => *count += 1,
            None => labs.push((lab, 1, case)),
        }
    }
    let most = labs.iter().map(|(_, count, _)| *count).max()?;
    let (lab, _, case) = labs.into_iter().find(|(_, count, _)| *count == most)?;
    let step = case.steps.iter().find_map(plain_step)?;
    Some(Scenario { lab, steps: vec![step], ..case.clone() })
}

/// A plain run at the PKI of a step in which a client runs.
fn plain_step(step: &Step) -> Option<Step> {
    let Action::Client(client) = &step.action else { return None };
    let plain = ClientStep::plain(client.pki.clone(), &client.place);
    Some(Step { action: Action::Client(Box::new(plain)), expect: Expect::Success, ..step.clone() })
}
