//! What a run will cost, before it is begun: certificates, challenge passwords, requests; and which cases cover which requirement.

use serde::Serialize;

use model::scenario::scep::{ChallengeChoice, Operation, Scep};
use model::scenario::{Action, Scenario};
use results::requirement::{End, Requirement};

/// What may be used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// The most certificates that may be issued.
    pub certificates: Option<usize>,
    /// The most challenge passwords that may be used.
    pub challenges: Option<usize>,
    /// Whether what could disturb others may be sent.
    pub disruptive: bool,
}

/// A case that will be run, and what it may cost.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The case.
    pub case: Scenario,
    /// The most certificates that a PKI may issue on it.
    pub certificates: usize,
    /// The challenge passwords that it asks for, that left out which requests share that are wrong on purpose.
    pub challenges: usize,
    /// Whether it has a request that is wrong on purpose and carries a challenge password.
    pub is_expendable: bool,
}

/// What will be run, and what will not.
#[derive(Debug, Default)]
pub struct Plan {
    /// What will be run.
    pub run: Vec<Planned>,
    /// What will not, with the reason.
    pub skipped: Vec<(Scenario, String)>,
}

impl Plan {
    /// Takes the cases in their order until the budget is used up.
    pub fn of(cases: Vec<Scenario>, budget: Budget) -> Self {
        let mut plan = Self::default();
        for case in cases {
            let planned = planned(case);
            match plan.objection(&planned, budget) {
                Some(reason) => plan.skipped.push((planned.case, reason)),
                None => plan.run.push(planned),
            }
        }
        plan
    }

    /// The most certificates that may be issued.
    pub fn certificates(&self) -> usize {
        self.run.iter().map(|planned| planned.certificates).sum()
    }

    /// The challenge passwords that are asked for.
    pub fn challenges(&self) -> usize {
        let shared = self.run.iter().any(|planned| planned.is_expendable);
        self.run.iter().map(|planned| planned.challenges).sum::<usize>() + usize::from(shared)
    }

    fn objection(&self, planned: &Planned, budget: Budget) -> Option<String> {
        let Planned { case, certificates, challenges, is_expendable } = planned;
        let is_disruptive = case.conformance.as_ref().is_some_and(|it| it.is_disruptive);
        if is_disruptive && !budget.disruptive {
            return Some("it could disturb others: `--allow-disruptive` runs it".to_owned());
        }
        if case.steps.iter().any(|step| matches!(step.action, Action::Approve(_) | Action::Deny(_)))
        {
            let reason = "it is decided by hand in the midst of it, which cannot be done from here";
            return Some(reason.to_owned());
        }
        let exceeds = |most: Option<usize>, used: usize, more: usize| {
            more > 0 && most.is_some_and(|most| used + more > most)
        };
        if exceeds(budget.certificates, self.certificates(), *certificates) {
            return Some("the budget of certificates is used up: `--max-certificates`".to_owned());
        }
        let is_first = *is_expendable && self.run.iter().all(|planned| !planned.is_expendable);
        if exceeds(budget.challenges, self.challenges(), challenges + usize::from(is_first)) {
            return Some("no challenge password is left for it: `--challenge`".to_owned());
        }
        None
    }
}

/// What a case may cost: each request for a certificate may bring one, be it wrong or not.
fn planned(case: Scenario) -> Planned {
    let requests = case.steps.iter().filter_map(|step| match &step.action {
        Action::Scep(speech) if speech.request.operation.enrols() => Some(speech),
        _ => None,
    });
    let (mut certificates, mut challenges, mut is_expendable) = (0, 0, false);
    for speech in requests {
        certificates += 1;
        let asks = asks_for_challenge(speech);
        let is_granted = speech.may_be_granted();
        challenges += usize::from(asks && is_granted);
        is_expendable |= asks && !is_granted;
    }
    Planned { case, certificates, challenges, is_expendable }
}

fn asks_for_challenge(speech: &Scep) -> bool {
    match speech.request.message.challenge {
        ChallengeChoice::Right => speech.request.operation == Operation::PkcsReq,
        ChallengeChoice::Always => true,
        _ => false,
    }
}

/// A requirement and its cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// The ids of the cases for each end that is held to it.
    pub cases: Vec<(End, Vec<String>)>,
}

impl Coverage {
    /// The ends for which there is neither a case nor a reason why there can be none.
    pub fn missing(&self) -> Vec<End> {
        let is_missing = |(end, cases): &&(End, Vec<String>)| {
            cases.is_empty() && self.requirement.untestable_for(*end).is_none()
        };
        self.cases.iter().filter(is_missing).map(|(end, _)| *end).collect()
    }
}

/// Each requirement with the cases that are about it.
pub fn coverage(cases: &[Scenario]) -> Vec<Coverage> {
    let about = |requirement: &Requirement, end: End| {
        let is_about = |case: &&Scenario| {
            case.conformance
                .as_ref()
                .is_some_and(|it| it.end == end && it.requirement.id == requirement.id)
        };
        cases.iter().filter(is_about).map(|case| case.id.clone()).collect()
    };
    Requirement::ALL
        .iter()
        .map(|requirement| Coverage {
            requirement,
            cases: requirement.ends.iter().map(|end| (*end, about(requirement, *end))).collect(),
        })
        .collect()
}
