//! Judges the results of cases.

use scep::attribute::PkiStatus;

use super::Target;
use model::scenario::{Action, Conformance, Scenario};
use results::requirement::{End, Level};
use results::{
    Assessment, Case, ConformanceReport, Date, Outcome, Reason, RequirementResult, ScenarioOutcome,
    Verdict,
};
use runner::blank;

/// Compares results with the levels of the cases and the known deviations of the target. `skipped` are cases that were not
/// run, with reasons.
pub fn judge(
    target: &Target,
    end: End,
    outcome: Outcome,
    cases: &[Scenario],
    skipped: Vec<(Scenario, String)>,
    strict: bool,
    today: Date,
) -> ConformanceReport {
    let Outcome { scenarios, unfinished, interrupted, elapsed, .. } = outcome;
    let issued = scenarios.iter().flat_map(|one| one.received.clone()).collect();
    let challenges = scenarios.iter().map(|one| one.challenges).sum();
    let is_failed_control = |scenario: &ScenarioOutcome| {
        matches!(scenario.verdict, Verdict::Failed(_))
            && cases.iter().any(|case| case.id == scenario.id && is_control(case))
    };
    let grants_nothing = end == End::Server && scenarios.iter().any(is_failed_control);
    let judged = scenarios.into_iter().filter_map(|scenario| {
        let case = cases.iter().find(|case| case.id == scenario.id)?;
        let conformance = case.conformance.as_ref()?;
        let assessment = match unproved(case, &scenario.verdict).filter(|_| grants_nothing) {
            Some(reason) => Assessment::Skipped { reason: reason.to_owned() },
            None => assessment(target, conformance, &scenario, strict, today),
        };
        Some(case_of(conformance, scenario, assessment))
    });
    let not_run = skipped.into_iter().filter_map(|(case, reason)| {
        Some(case_of(case.conformance.as_ref()?, blank(&case), Assessment::Skipped { reason }))
    });
    let mut cases: Vec<Case> = judged.chain(not_run).collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    ConformanceReport {
        requirements: RequirementResult::of_all(&cases),
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

/// True for the case with the request that a server must grant; without it, a refused request proves nothing.
fn is_control(case: &Scenario) -> bool {
    case.conformance.as_ref().is_some_and(|conformance| conformance.is_control)
}

/// The reason why a case proves nothing about a server that grants no request at all, for example because of a wrong
/// challenge password.
fn unproved(case: &Scenario, verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Passed if only_refuses(case) => {
            Some("nothing is proved: the server refuses the right request as well")
        }
        Verdict::Failed(failure)
            if !is_control(case) && failure.pki_status == Some(PkiStatus::Failure) =>
        {
            Some("the server refuses the right request as well")
        }
        _ => None,
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

fn case_of(conformance: &Conformance, scenario: ScenarioOutcome, assessment: Assessment) -> Case {
    Case {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        requirement: conformance.requirement.id.to_owned(),
        section: conformance.section.clone(),
        level: conformance.level,
        sentence: conformance.sentence.clone(),
        seen: conformance.seen.clone(),
        assessment,
        scenario,
    }
}

fn assessment(
    target: &Target,
    conformance: &Conformance,
    scenario: &ScenarioOutcome,
    strict: bool,
    today: Date,
) -> Assessment {
    let level = conformance.level;
    let is_binding = level == Level::Must || (strict && level == Level::Should);
    let noted = |note: String| Assessment::Noted { notes: vec![note] };
    match (scenario.verdict.clone(), target.deviation(&scenario.id).cloned()) {
        (Verdict::Passed, Some(expected)) => Assessment::Vanished { expected },
        (Verdict::Passed, None) if !scenario.notes.is_empty() => {
            Assessment::Noted { notes: scenario.notes.clone() }
        }
        (Verdict::Failed(failure), Some(expected)) if !expected.has_expired(today) => {
            Assessment::ExpectedFailure { reason: Reason::of_step(&failure), expected }
        }
        (Verdict::Failed(failure), expected) if is_binding => {
            Assessment::Failed { reason: Reason::of_step(&failure), expected }
        }
        (Verdict::Failed(_), Some(expired)) => noted(expired.no_longer_excused()),
        (Verdict::Failed(failure), None) if failure.is_unproved => {
            Assessment::Skipped { reason: failure.message }
        }
        (Verdict::Failed(failure), None) => {
            noted(format!("{level} is not met: {}", failure.message))
        }
        (verdict, _) => verdict.into(),
    }
}
