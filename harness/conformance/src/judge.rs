//! From what happened to a verdict.

use super::{CaseReport, Date, Report, Target, Verdict};
use model::outcome::{self, Outcome, ScenarioOutcome};
use model::requirement::{End, Level};
use model::scenario::{Action, Conformance, Scenario};

/// Holds what happened against the level of each case and what is known of the target; `skipped` are cases that were not
/// run, with the reason.
pub fn judge(
    target: &Target,
    end: End,
    outcome: Outcome,
    cases: &[Scenario],
    skipped: Vec<(Scenario, String)>,
    strict: bool,
    today: Date,
) -> Report {
    let Outcome { scenarios, unfinished, interrupted, elapsed, .. } = outcome;
    let issued = scenarios.iter().flat_map(|one| one.received.clone()).collect();
    let challenges = scenarios.iter().map(|one| one.challenges).sum();
    let grants_nothing = end == End::Server && scenarios.iter().any(is_failed_control);
    let judged = scenarios.into_iter().filter_map(|scenario| {
        let case = cases.iter().find(|case| case.id == scenario.id)?;
        let conformance = case.conformance.as_ref()?;
        let verdict = match unproved(case, &scenario).filter(|_| grants_nothing) {
            Some(reason) => Verdict::Skipped { reason: reason.to_owned() },
            None => verdict(target, conformance, &scenario, strict, today),
        };
        Some(report(conformance, scenario, verdict))
    });
    let not_run = skipped.into_iter().filter_map(|(case, reason)| {
        let blank = ScenarioOutcome::blank(&case);
        Some(report(case.conformance.as_ref()?, blank, Verdict::Skipped { reason }))
    });
    let mut cases: Vec<CaseReport> = judged.chain(not_run).collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Report {
        target: target.title.clone(),
        end,
        discovered: Vec::new(),
        cases,
        unfinished,
        strict,
        interrupted,
        given_up: None,
        issued,
        challenges,
        elapsed,
    }
}

/// The request that must be granted, or a refusal of another says nothing.
const CONTROL: &str = "server/enrolment/pkcs-req";

fn is_failed_control(scenario: &ScenarioOutcome) -> bool {
    scenario.id.ends_with(CONTROL) && matches!(scenario.verdict, outcome::Verdict::Failed(_))
}

/// Why a case says nothing of a server that grants no request at all, be the challenge password wrong or the name one that
/// it does not want.
fn unproved(case: &Scenario, scenario: &ScenarioOutcome) -> Option<&'static str> {
    match &scenario.verdict {
        outcome::Verdict::Passed if only_refuses(case) => {
            Some("nothing is proved: the right request is refused as well")
        }
        // The facts of the answer are a line each.
        outcome::Verdict::Failed(failure)
            if !scenario.id.ends_with(CONTROL)
                && failure.output.lines().any(|fact| fact == "status: FAILURE") =>
        {
            Some("the server refuses the right request, too")
        }
        _ => None,
    }
}

/// Whether a case is content when its last message is refused, and would not be if it were granted.
fn only_refuses(case: &Scenario) -> bool {
    let last = case.steps.iter().rev().find_map(|step| match &step.action {
        Action::Scep(speech) if speech.request.operation.has_message() => Some(speech),
        _ => None,
    });
    last.is_some_and(|speech| !speech.may_be_granted())
}

fn report(conformance: &Conformance, scenario: ScenarioOutcome, verdict: Verdict) -> CaseReport {
    CaseReport {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        requirement: conformance.requirement.id.to_owned(),
        section: conformance.section.clone(),
        level: conformance.level,
        sentence: conformance.sentence.clone(),
        seen: conformance.seen.clone(),
        verdict,
        scenario,
    }
}

fn verdict(
    target: &Target,
    conformance: &Conformance,
    scenario: &ScenarioOutcome,
    strict: bool,
    today: Date,
) -> Verdict {
    let deviation = target.deviation(&scenario.id);
    match &scenario.verdict {
        outcome::Verdict::Passed => match deviation {
            Some(deviation) => Verdict::Vanished { reason: deviation.to_string() },
            None if scenario.notes.is_empty() => Verdict::Conforms,
            None => Verdict::Noted { notes: scenario.notes.clone() },
        },
        outcome::Verdict::Failed(failure) => match deviation {
            Some(deviation) if deviation.is_over(today) => {
                let reason = format!("no longer excused: {deviation}");
                if is_binding(conformance.level, strict) {
                    Verdict::Fails { expired: Some(reason) }
                } else {
                    Verdict::Noted { notes: vec![reason] }
                }
            }
            Some(deviation) => Verdict::Known { reason: deviation.to_string() },
            None if is_binding(conformance.level, strict) => Verdict::Fails { expired: None },
            None if failure.is_unproved => Verdict::Skipped { reason: failure.message.clone() },
            None => {
                let note = format!("{} is not met: {}", conformance.level, failure.message);
                Verdict::Noted { notes: vec![note] }
            }
        },
        outcome::Verdict::Skipped { reason } => Verdict::Skipped { reason: reason.clone() },
        outcome::Verdict::LabBroke { reason } => Verdict::Broke { reason: reason.clone() },
        outcome::Verdict::Panicked { message } => {
            Verdict::Broke { reason: format!("internal error: {message}") }
        }
    }
}

fn is_binding(level: Level, strict: bool) -> bool {
    level == Level::Must || (strict && level == Level::Should)
}
