//! Judges the results of cases.

use scep::attribute::PkiStatus;

use super::Target;
use super::case::{is_control, sends_messages};
use super::cause::count_once;

use model::scenario::{Conformance, Scenario};
use results::requirement::{End, Level};
use results::{
    Assessment, Case, ConformanceReport, Date, Failure, Outcome, Reason, RequirementResult,
    ScenarioOutcome, ServerState, Skip, SkipCause, Verdict,
};
use runner::blank;

/// What results are compared with.
#[derive(Debug)]
pub struct Rules<'a> {
    /// The tested peer, with its known deviations.
    pub target: &'a Target,
    /// The end of the protocol that it implements.
    pub end: End,
    /// True if SHOULD counts as MUST.
    pub strict: bool,
    /// The day on which known deviations are compared with their last day.
    pub today: Date,
    /// All cases for this end, selected or not: a requirement conforms if all of its cases held.
    pub known: &'a [Scenario],
    /// Why cases that send messages cannot be judged, if the plain right exchange was not granted.
    pub no_plain_exchange: Option<Skip>,
    /// True if nothing that a server answered is an answer of a SCEP service, so that it meets no requirement.
    pub is_no_service: bool,
}

/// Compares results with the levels of the cases and the known deviations of the target. `skipped` are cases that were not
/// run, with reasons.
pub fn judge(
    rules: &Rules<'_>,
    outcome: Outcome,
    cases: &[Scenario],
    skipped: Vec<(Scenario, Skip)>,
) -> ConformanceReport {
    let Outcome { scenarios, unfinished, interrupted, elapsed, .. } = outcome;
    let issued = scenarios.iter().flat_map(|one| one.received.clone()).collect();
    let challenges = scenarios.iter().map(|one| one.challenges).sum();
    let judged = scenarios.into_iter().map(with_doubt).filter_map(|scenario| {
        let case = cases.iter().find(|case| case.id == scenario.id)?;
        let conformance = case.conformance.as_ref()?;
        let assessment = match &rules.no_plain_exchange {
            Some(skip) if is_unproved(case, &scenario.verdict) => Assessment::Skipped(skip.clone()),
            _ if rules.is_no_service && scenario.verdict == Verdict::Passed => {
                Assessment::Skipped(no_service())
            }
            _ => assessment(rules, conformance, &scenario),
        };
        Some(case_of(conformance, scenario, assessment))
    });
    let not_run = skipped.into_iter().filter_map(|(case, skip)| {
        Some(case_of(case.conformance.as_ref()?, blank(&case), Assessment::Skipped(skip)))
    });
    let mut cases: Vec<Case> = judged.chain(not_run).collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    count_once(&mut cases, rules.known);
    ConformanceReport {
        requirements: RequirementResult::of_all(&cases, &levels(rules.known, rules.end)),
        target: rules.target.title.clone(),
        end: rules.end,
        discovered: Vec::new(),
        cases,
        unfinished,
        strict: rules.strict,
        interrupted,
        given_up: None,
        caution: None,
        issued,
        challenges,
        elapsed,
    }
}

/// The skip of a case that something else than a SCEP service happens to pass.
fn no_service() -> Skip {
    let reason = "nothing that this URL answers is an answer of a SCEP service";
    Skip::new(SkipCause::Inconclusive, reason)
}

/// Requirement and level of each case for this end.
fn levels(known: &[Scenario], end: End) -> Vec<(&'static str, Level)> {
    let conformances = known.iter().filter_map(|case| case.conformance.as_ref());
    let own = conformances.filter(|conformance| conformance.end == end);
    own.map(|conformance| (conformance.requirement.id, conformance.level)).collect()
}

/// True if a case proves nothing about a server that did not grant the plain request. A server that ends, or that grants a
/// wrong request although it refuses the right one, is judged.
pub(super) fn is_unproved(case: &Scenario, verdict: &Verdict) -> bool {
    let is_proved = match verdict {
        Verdict::Failed(failure) => {
            let status = failure.reply.as_ref().and_then(|reply| reply.pki_status.as_ref());
            failure.ended_server.is_some() || status == Some(&PkiStatus::Success)
        }
        Verdict::Passed | Verdict::Skipped(_) => false,
        Verdict::LabBroke { .. } | Verdict::Panicked { .. } => true,
    };
    !is_proved && !is_control(case) && sends_messages(case)
}

fn case_of(conformance: &Conformance, scenario: ScenarioOutcome, assessment: Assessment) -> Case {
    Case {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        requirement: conformance.requirement.id.to_owned(),
        level: conformance.level,
        basis: conformance.basis.clone(),
        seen: conformance.seen.clone(),
        assessment,
        scenario,
    }
}

/// What may have become of a server that does not serve after a request, and how to find out.
fn doubt(failure: &Failure, state: ServerState, id: &str) -> String {
    let repeat = format!("repeat this case with `--case {id}`");
    match state {
        ServerState::Hangs => format!(
            "either this request made it hang, or it is overloaded, or a firewall drops what is sent: its log and its load may say which; \
             when `sceplab health` finds it well again, {repeat}"
        ),
        ServerState::Gone => format!(
            "either this request ended it, or it was stopped: its log may say which; start it again, and {repeat}"
        ),
        ServerState::Back if failure.tries > 1 => {
            format!(
                "probably this request ends it, because it did so twice: its log may say why; {repeat}"
            )
        }
        ServerState::Back => format!(
            "either this request ended it, or it was restarted: its log may say which; {repeat}"
        ),
    }
}

/// Says of a server that did not serve after a request how to find out if the request is the reason.
fn with_doubt(mut scenario: ScenarioOutcome) -> ScenarioOutcome {
    if let Verdict::Failed(failure) = &mut scenario.verdict
        && let Some(state) = failure.ended_server
    {
        failure.hint = Some(doubt(failure, state, &scenario.id));
    }
    scenario
}

fn assessment(
    rules: &Rules<'_>,
    conformance: &Conformance,
    scenario: &ScenarioOutcome,
) -> Assessment {
    let level = conformance.level;
    let is_binding = level == Level::Must || (rules.strict && level == Level::Should);
    let unmet = |note: String| Assessment::Unmet { notes: vec![note] };
    match (scenario.verdict.clone(), rules.target.deviation(&scenario.id).cloned()) {
        (Verdict::Failed(failure), _) if failure.is_unproved => {
            Assessment::Skipped(fault_not_met(&failure, &scenario.notes))
        }
        (Verdict::Passed, Some(expected)) => Assessment::Vanished { expected },
        (Verdict::Passed, None) if !scenario.notes.is_empty() => {
            Assessment::Noted { notes: scenario.notes.clone() }
        }
        (Verdict::Failed(failure), Some(expected)) if !expected.has_expired(rules.today) => {
            Assessment::ExpectedFailure { reason: Reason::of_step(&failure), expected }
        }
        // No level permits a request to end the server.
        (Verdict::Failed(failure), expected) if is_binding || failure.ended_server.is_some() => {
            Assessment::Failed { reason: Reason::of_step(&failure), expected }
        }
        (Verdict::Failed(_), Some(expired)) => unmet(expired.no_longer_excused()),
        (Verdict::Failed(failure), None) => {
            let is_advice = level == Level::Advice;
            let verb = if is_advice { "not followed" } else { "not met" };
            unmet(format!("{level} is {verb}: {}", what_came(&failure)))
        }
        (verdict, _) => verdict.into(),
    }
}

/// The facts that are not as expected by the first acceptable outcome, or else the message of the failure.
fn what_came(failure: &Failure) -> &str {
    let first = failure.findings.iter().find(|finding| finding.expected.is_some());
    first.map_or(failure.message.as_str(), |finding| &finding.label)
}

/// The skip of a case whose fault did not happen, so that the failure of a step proves nothing about it.
fn fault_not_met(failure: &Failure, notes: &[String]) -> Skip {
    let answer = failure.output.lines().next().map(|line| format!("step {}: {line}", failure.step));
    let faults = failure.findings.iter().map(|finding| finding.label.clone());
    let evidence = if notes.is_empty() { faults.collect() } else { notes.to_vec() };
    let evidence = answer.into_iter().chain(evidence);
    let (particulars, evidence) = evidence.partition(|line| failure.idle_faults.contains(line));
    Skip { evidence, particulars, ..Skip::new(SkipCause::FaultNotMet, failure.message.clone()) }
}
