//! The cost of a run in advance: certificates, challenge passwords, requests; and the cases of each requirement.

use serde::Serialize;

use model::scenario::scep::{ChallengeChoice, Operation, Scep};
use model::scenario::{Action, Scenario};
use results::requirement::{End, Requirement};

/// Limits of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Limit of certificates that may be issued.
    pub certificates: Option<usize>,
    /// Limit of challenge passwords that may be used.
    pub challenges: Option<usize>,
    /// True if requests that could disturb others may be sent.
    pub disruptive: bool,
}

/// A case that will be run, and its maximum cost.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The case.
    pub case: Scenario,
    /// Maximum number of certificates that a PKI may issue for it.
    pub certificates: usize,
    /// Number of challenge passwords that it asks for, without the one that mutated requests share.
    pub challenges: usize,
    /// True if it has a mutated request with a challenge password.
    pub is_expendable: bool,
}

/// The cases that will be run, and those that will not.
#[derive(Debug, Default)]
pub struct Plan {
    /// Cases that will be run.
    pub run: Vec<Planned>,
    /// Cases that will not be run, with reasons.
    pub skipped: Vec<(Scenario, String)>,
}

impl Plan {
    /// Plans the cases in order until the budget is used up.
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

    /// Maximum number of certificates.
    pub fn certificates(&self) -> usize {
        self.run.iter().map(|planned| planned.certificates).sum()
    }

    /// Number of challenge passwords.
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
            let reason = "it needs a decision at the CA, which cannot be made from here";
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

/// The maximum cost of a case. Every request for a certificate may get one, even a mutated one.
fn planned(case: Scenario) -> Planned {
    let requests = case.steps.iter().filter_map(|step| match &step.action {
        Action::Scep(step) if step.request.operation.enrols() => Some(step),
        _ => None,
    });
    let (mut certificates, mut challenges, mut is_expendable) = (0, 0, false);
    for step in requests {
        certificates += 1;
        let asks = asks_for_challenge(step);
        let is_granted = step.may_be_granted();
        challenges += usize::from(asks && is_granted);
        is_expendable |= asks && !is_granted;
    }
    Planned { case, certificates, challenges, is_expendable }
}

fn asks_for_challenge(step: &Scep) -> bool {
    match step.request.message.challenge {
        ChallengeChoice::Right => step.request.operation == Operation::PkcsReq,
        ChallengeChoice::Always => true,
        _ => false,
    }
}

/// A requirement and its cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// Ids of its cases, by end.
    pub cases: Vec<(End, Vec<String>)>,
}

impl Coverage {
    /// The ends without a case and without a reason why there is none.
    pub fn missing(&self) -> Vec<End> {
        let is_missing = |(end, cases): &&(End, Vec<String>)| {
            cases.is_empty() && self.requirement.untestable_for(*end).is_none()
        };
        self.cases.iter().filter(is_missing).map(|(end, _)| *end).collect()
    }
}

/// All requirements with their cases.
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
