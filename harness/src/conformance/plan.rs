//! What a run will cost, before it is begun: certificates, challenge passwords, requests.

use crate::scenario::scep::{ChallengeChoice, Operation, Scep};
use crate::scenario::{Action, Scenario};

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
    /// The challenge passwords that it asks for.
    pub challenges: usize,
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
            let (certificates, challenges) = cost(&case);
            let reason = plan.objection(&case, certificates, challenges, budget);
            match reason {
                Some(reason) => plan.skipped.push((case, reason)),
                None => plan.run.push(Planned { case, certificates, challenges }),
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
        self.run.iter().map(|planned| planned.challenges).sum()
    }

    fn objection(
        &self,
        case: &Scenario,
        certificates: usize,
        challenges: usize,
        budget: Budget,
    ) -> Option<String> {
        let is_disruptive = case.conformance.as_ref().is_some_and(|it| it.is_disruptive);
        if is_disruptive && !budget.disruptive {
            return Some("it could disturb others: `--allow-disruptive` runs it".to_owned());
        }
        let exceeds = |most: Option<usize>, used: usize, more: usize| {
            more > 0 && most.is_some_and(|most| used + more > most)
        };
        if exceeds(budget.certificates, self.certificates(), certificates) {
            return Some("the budget of certificates is used up: `--max-certificates`".to_owned());
        }
        if exceeds(budget.challenges, self.challenges(), challenges) {
            return Some("no challenge password is left for it: `--challenge`".to_owned());
        }
        None
    }
}

/// What a case may cost: each request for a certificate may bring one, be it wrong or not.
fn cost(case: &Scenario) -> (usize, usize) {
    let requests = case.steps.iter().filter_map(|step| match &step.action {
        Action::Scep(speech) if speech.request.operation.enrols() => Some(speech),
        _ => None,
    });
    let (mut certificates, mut challenges) = (0, 0);
    for speech in requests {
        certificates += 1;
        challenges += usize::from(asks_for_challenge(speech));
    }
    (certificates, challenges)
}

fn asks_for_challenge(speech: &Scep) -> bool {
    match speech.request.message.challenge {
        ChallengeChoice::Right => speech.request.operation == Operation::PkcsReq,
        ChallengeChoice::Always => true,
        _ => false,
    }
}
