//! The cost of a run in advance: certificates, challenge passwords, requests; and the cases of each requirement.

use serde::Serialize;

use super::case::{is_control, sends_messages};
use super::repetition::repetitions;
use model::scenario::scep::{ChallengeChoice, Mutation, Operation, Scep};
use model::scenario::{Action, Scenario, Step};
use results::requirement::{End, Level, Requirement};
use results::{Skip, SkipCause};
use scep::algorithm::Cipher;

/// Limits of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Limit of certificates that may be issued.
    pub certificates: Option<usize>,
    /// Limit of challenge passwords that may be used.
    pub challenges: Option<usize>,
    /// True if requests that could disturb others may be sent.
    pub disruptive: bool,
    /// True if one challenge password serves all requests.
    pub shares_challenge: bool,
    /// True if the challenge password may be sent so that others can read it, or if there is none.
    pub reveals_challenge: bool,
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
    /// Number of its mutated requests with a challenge password. Each uses up the shared one if it is granted.
    pub expendable: usize,
}

impl Planned {
    /// True if a request of it has a valid challenge password.
    fn asks_for_challenge(&self) -> bool {
        self.challenges + self.expendable > 0
    }
}

/// The cases that will be run, and those that will not.
#[derive(Debug, Default)]
pub struct Plan {
    /// The case with the plain right request, which is run before all others; none if no case needs it, or the budget forbids it.
    pub control: Option<Planned>,
    /// True if the control is run twice, to find out if the one challenge password is valid more than once.
    pub repeats_control: bool,
    /// True if one challenge password serves all requests.
    pub shares_challenge: bool,
    /// True if the control was selected, so that its verdict is reported.
    pub is_control_selected: bool,
    /// Cases that will be run after it.
    pub run: Vec<Planned>,
    /// Cases that will not be run, with reasons.
    pub skipped: Vec<(Scenario, Skip)>,
}

impl Plan {
    /// Plans the cases in order until the budget is used up, the control among `known` first.
    pub fn of(cases: Vec<Scenario>, known: &[Scenario], budget: Budget) -> Self {
        let mut plan = Self { shares_challenge: budget.shares_challenge, ..Self::default() };
        let no_control = plan.plan_control(&cases, known, budget);
        let is_control = |case: &Scenario| {
            plan.control.as_ref().is_some_and(|control| control.case.id == case.id)
        };
        let (control, others): (Vec<_>, Vec<_>) = cases.into_iter().partition(is_control);
        plan.is_control_selected = !control.is_empty();
        for case in others {
            let planned = planned(case);
            let without_control = no_control.clone().filter(|_| sends_messages(&planned.case));
            match without_control.or_else(|| plan.objection(&planned, budget)) {
                Some(skip) => plan.skipped.push((planned.case, skip)),
                None => plan.run.push(planned),
            }
        }
        plan
    }

    /// Plans the plain exchange if a selected case sends messages; returns why the budget forbids it.
    fn plan_control(
        &mut self,
        cases: &[Scenario],
        known: &[Scenario],
        budget: Budget,
    ) -> Option<Skip> {
        let control = known.iter().find(|case| is_control(case))?;
        if !cases.iter().any(sends_messages) {
            return None;
        }
        let mut control = planned(control.clone());
        let asks =
            |case: &Scenario| !is_control(case) && planned(case.clone()).asks_for_challenge();
        self.repeats_control = budget.shares_challenge && cases.iter().any(asks);
        if self.repeats_control {
            control.certificates *= 2;
        }
        let objection = self.objection(&control, budget);
        if objection.is_none() {
            self.control = Some(control);
        }
        objection
    }

    /// All cases that will be run, the control first.
    pub fn all(&self) -> impl Iterator<Item = &Planned> {
        self.control.iter().chain(&self.run)
    }

    /// Maximum number of repetitions of the plain request: they show that the server still grants it, so that its refusals mean
    /// something.
    pub fn repetitions(&self) -> usize {
        self.control.as_ref().map_or(0, |_| repetitions(self.run.iter().map(|one| &one.case)))
    }

    /// Maximum number of certificates.
    pub fn certificates(&self) -> usize {
        self.all().map(|planned| planned.certificates).sum::<usize>() + self.repetitions()
    }

    /// Number of challenge passwords, if every mutated request is refused.
    pub fn challenges(&self) -> usize {
        let shared = self.all().any(|planned| planned.expendable > 0);
        let own = self.all().map(|planned| planned.challenges).sum::<usize>();
        own + usize::from(shared) + self.repetitions()
    }

    /// Maximum number of challenge passwords: a mutated request that is granted uses up the one that they share.
    pub fn most_challenges(&self) -> usize {
        let own: usize = self.all().map(|planned| planned.challenges + planned.expendable).sum();
        own + self.repetitions()
    }

    /// Moves cases that send messages to the skipped ones, because the plain exchange was not granted. `refusals` keeps those
    /// that ask for a refusal: a server that grants them, but not the right request, has failed them.
    pub fn without_messages(&mut self, skip: &Skip, refusals: bool) {
        let is_kept = |planned: &Planned| {
            !sends_messages(&planned.case) || (refusals && only_refuses(&planned.case))
        };
        let (kept, dropped): (Vec<_>, Vec<_>) = self.run.drain(..).partition(is_kept);
        self.run = kept;
        self.skipped.extend(dropped.into_iter().map(|planned| (planned.case, skip.clone())));
    }

    fn objection(&self, planned: &Planned, budget: Budget) -> Option<Skip> {
        let Planned { case, certificates, challenges, expendable } = planned;
        let is_disruptive = case.conformance.as_ref().is_some_and(|it| it.is_disruptive);
        if is_disruptive && !budget.disruptive {
            let reason = "it could disturb others: `--allow-disruptive` runs it";
            return Some(Skip::new(SkipCause::Disruptive, reason));
        }
        if !budget.reveals_challenge && case.steps.iter().any(reveals_challenge) {
            let reason = "it sends the challenge password so that others can read it: \
                          `--reveal-challenge` runs it";
            return Some(Skip::new(SkipCause::RevealsPassword, reason));
        }
        if case.steps.iter().any(|step| matches!(step.action, Action::Approve(_) | Action::Deny(_)))
        {
            let reason = "it needs a decision at the CA, which cannot be made from here";
            return Some(Skip::new(SkipCause::NeedsDecision, reason));
        }
        let exceeds = |most: Option<usize>, used: usize, more: usize| {
            more > 0 && most.is_some_and(|most| used + more > most)
        };
        // A case that makes a repetition necessary pays for it.
        let with_it = self.run.iter().map(|one| &one.case).chain([case]);
        let more = match &self.control {
            Some(_) => repetitions(with_it) - self.repetitions(),
            None => 0,
        };
        if exceeds(budget.certificates, self.certificates(), certificates + more) {
            let reason = "the budget of certificates is used up: `--max-certificates`";
            return Some(Skip::new(SkipCause::CertificateLimit, reason));
        }
        let is_first = *expendable > 0 && self.all().all(|planned| planned.expendable == 0);
        let challenges = challenges + more + usize::from(is_first);
        if exceeds(budget.challenges, self.challenges(), challenges) {
            let reason = "no challenge password is left for it: `--challenge-file` takes several";
            return Some(Skip::new(SkipCause::NoPassword, reason));
        }
        None
    }
}

/// True if a case accepts only a refusal of its last message.
fn only_refuses(case: &Scenario) -> bool {
    let last = case.steps.iter().rev().find_map(|step| match &step.action {
        Action::Scep(step) if step.request.operation.has_message() => Some(step),
        _ => None,
    });
    last.is_some_and(|step| !step.may_be_granted())
}

/// The maximum cost of a case. Every request for a certificate may get one, even a mutated one.
fn planned(case: Scenario) -> Planned {
    let requests = case.steps.iter().filter_map(|step| match &step.action {
        Action::Scep(step) if step.request.operation.enrols() => Some(step),
        _ => None,
    });
    let (mut certificates, mut challenges, mut expendable) = (0, 0, 0);
    for step in requests {
        let again = usize::from(step.retry_with_challenge);
        certificates += 1 + again;
        challenges += again;
        if asks_for_challenge(step) {
            let count = if step.may_be_granted() { &mut challenges } else { &mut expendable };
            *count += 1;
        }
    }
    Planned { case, certificates, challenges, expendable }
}

/// True if a step sends a valid challenge password in the clear, or enciphered with single DES, which is soon broken
/// (RFC 8894 §3.1, §7.5).
fn reveals_challenge(step: &Step) -> bool {
    let Action::Scep(step) = &step.action else { return false };
    let request = &step.request;
    let is_readable = request.mutations.contains(&Mutation::NotEnciphered)
        || request.message.cipher == Some(Cipher::Des);
    let is_valid = asks_for_challenge(step) || request.message.challenge == ChallengeChoice::Again;
    is_readable && is_valid
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
    /// Ids of the cases of the level `advice` that are near it, by end. They test no requirement.
    pub advice: Vec<(End, Vec<String>)>,
}

impl Coverage {
    /// The ends without a case and without a reason why there is none.
    pub fn missing(&self) -> Vec<End> {
        let is_missing = |(end, cases): &&(End, Vec<String>)| {
            cases.is_empty()
                && self.requirement.ends.contains(end)
                && self.requirement.untestable_for(*end).is_none()
        };
        self.cases.iter().filter(is_missing).map(|(end, _)| *end).collect()
    }
}

/// All requirements with their cases.
pub fn coverage(cases: &[Scenario]) -> Vec<Coverage> {
    let about = |requirement: &Requirement, end: End, is_advice: bool| {
        let is_about = |case: &&Scenario| {
            case.conformance.as_ref().is_some_and(|it| {
                let level_fits = (it.level == Level::Advice) == is_advice;
                it.end == end && it.requirement.id == requirement.id && level_fits
            })
        };
        cases.iter().filter(is_about).map(|case| case.id.clone()).collect()
    };
    let by_end = |requirement: &Requirement, is_advice| {
        let of = |end| (end, about(requirement, end, is_advice));
        [End::Server, End::Client].map(of).to_vec()
    };
    Requirement::ALL
        .iter()
        .map(|requirement| Coverage {
            requirement,
            cases: by_end(requirement, false),
            advice: by_end(requirement, true),
        })
        .collect()
}
