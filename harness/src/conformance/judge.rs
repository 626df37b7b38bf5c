//! From what happened to a verdict.

use super::{CaseReport, Date, Report, Target, Verdict};
use crate::outcome::{self, Outcome, ScenarioOutcome};
use crate::requirement::{End, Level};
use crate::scenario::{Conformance, Scenario};

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
    let judged = scenarios.into_iter().filter_map(|scenario| {
        let case = cases.iter().find(|case| case.id == scenario.id)?;
        let conformance = case.conformance.as_ref()?;
        let verdict = verdict(target, conformance, &scenario, strict, today);
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
        issued,
        challenges,
        elapsed,
    }
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
                Verdict::Fails { expired: Some(format!("no longer excused: {deviation}")) }
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
