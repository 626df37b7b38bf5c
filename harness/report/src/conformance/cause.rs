//! Groups cases by what came, so that one cause is shown once, however many cases it broke.

use std::collections::BTreeMap;
use std::mem;
use std::sync::LazyLock;

use regex::Regex;

use results::{Assessment, Case, ConformanceReport, Failure, Skip, SkipCause, Status, Verdict};

/// Cases with the same cause. The first is shown for all of them; it is one that fails, if any does.
pub(super) struct Group<'a> {
    pub(super) first: &'a Case,
    pub(super) others: Vec<&'a Case>,
}

/// Groups cases with the same cause, in the order of the first of each.
pub(super) fn grouped<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut by_cause: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        let known = by_cause.get(&cause(case)).and_then(|index| groups.get_mut(*index));
        if let Some(group) = known {
            let is_hidden = is_failure(case) && !is_failure(group.first);
            let other = if is_hidden { mem::replace(&mut group.first, case) } else { case };
            group.others.push(other);
        } else {
            by_cause.insert(cause(case), groups.len());
            groups.push(Group { first: case, others: Vec::new() });
        }
    }
    groups
}

/// True for a case whose verdict is that the peer is wrong, and not a skip or a known deviation.
pub(super) fn is_failure(case: &Case) -> bool {
    matches!(case.assessment.status(), Status::Failed | Status::Unmet | Status::Panicked)
}

/// The cases that are shown, each with the number of further ones that are not: those that could not be tried, and have the reason
/// of the shown one.
pub(super) fn untried_once(report: &ConformanceReport) -> Vec<(&Case, usize)> {
    let mut shown: Vec<(&Case, usize)> = Vec::new();
    let reason = |case: &Case| reason(report, case);
    for case in &report.cases {
        let is_alike = |other: &Case| {
            let is_kind = case.assessment.status() == other.assessment.status();
            is_kind && is_untried(case) && is_untried(other) && reason(other) == reason(case)
        };
        match shown.iter_mut().find(|(other, _)| is_alike(other)) {
            Some((_, further)) => *further += 1,
            None => shown.push((case, 0)),
        }
    }
    shown
}

/// True if the reason lies outside the case: the peer was gone, or does not complete the plain exchange.
fn is_untried(case: &Case) -> bool {
    match &case.assessment {
        Assessment::LabBroke { .. } => true,
        Assessment::Skipped(skip) => skip.because == SkipCause::NoPlainExchange,
        _ => false,
    }
}

/// Reasons that several cases share, in the order of their first case.
pub(super) fn shared_reasons<'a>(
    report: &ConformanceReport,
    cases: impl Iterator<Item = &'a Case>,
) -> Vec<String> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let told = |case: &'a Case| match reason(report, case)? {
        Told::Here(reason) => Some(reason),
        Told::AsTheEnd => None,
    };
    for reason in cases.filter_map(told) {
        match counts.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((reason, 1)),
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(reason, _)| reason).collect()
}

/// Where the reason of a case without a verdict is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// At the case: this reason.
    Here(String),
    /// With the reason why the run ended.
    AsTheEnd,
}

/// The reason of a case without a verdict; it has no number of a step and no fault that did not happen, because the cases differ in
/// those.
pub(super) fn reason(report: &ConformanceReport, case: &Case) -> Option<Told> {
    let (reason, is_of_end) = match &case.assessment {
        Assessment::Skipped(skip) => {
            (Skip { particulars: Vec::new(), ..skip.clone() }.to_string(), false)
        }
        Assessment::LabBroke { reason } => (reason.without_step(), reason.ends_run),
        _ => return None,
    };
    let is_told = |end: &String| is_of_end || end.contains(&reason);
    let as_the_end = report.given_up.as_ref().is_some_and(is_told);
    Some(if as_the_end { Told::AsTheEnd } else { Told::Here(reason) })
}

/// What came, without anything that differs each time.
fn cause(case: &Case) -> String {
    match &case.scenario.verdict {
        Verdict::Failed(failure) if failure.ended_server.is_none() => alike(&of_failure(failure)),
        Verdict::LabBroke { reason } => alike(&reason.without_step()),
        // Each is a cause of its own.
        _ => case.id.clone(),
    }
}

/// The answer, and the expectations that it does not meet.
fn of_failure(failure: &Failure) -> String {
    let mut labels: Vec<&str> =
        failure.findings.iter().map(|finding| finding.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    [&[failure.message.as_str(), &failure.output], labels.as_slice()].concat().join("\n")
}

/// The text without identifiers, durations, lengths, ports and names of temporary folders. Other numbers are kept: HTTP 400 is not
/// HTTP 500, and SHA-1 is not SHA-512.
fn alike(text: &str) -> String {
    static VARYING: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let units = r"\b[0-9]+(\.[0-9]+)? (?:s|ms|bytes|tries)\b";
        let others = r"sceplab-client-\w+|\b[0-9A-Fa-f]{8,}\b|127\.0\.0\.1:[0-9]+";
        Regex::new(&format!("{units}|{others}")).ok()
    });
    match VARYING.as_ref() {
        Some(varying) => varying.replace_all(text, "#").into_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tests::samples;
    use results::requirement::{Basis, End, Level};
    use results::{Breakage, Reason, Skip};

    /// A failed case with this answer and this unmet expectation.
    fn failed(id: &str, output: &str, label: &str) -> Case {
        let mut failure = Failure { output: output.to_owned(), ..samples::failure() };
        failure.findings[0].label = label.to_owned();
        let reason = Reason::of_step(&failure);
        case(id, Verdict::Failed(Box::new(failure)), Assessment::Failed { reason, expected: None })
    }

    fn case(id: &str, verdict: Verdict, assessment: Assessment) -> Case {
        let scenario = samples::outcome().scenarios.swap_remove(0);
        Case {
            id: id.to_owned(),
            title: String::new(),
            requirement: "R01".to_owned(),
            level: Level::Must,
            basis: Basis::Advice { reason: String::new() },
            seen: None,
            assessment,
            scenario: results::ScenarioOutcome { verdict, ..scenario },
        }
    }

    fn report(cases: &[Case], given_up: Option<&str>) -> ConformanceReport {
        ConformanceReport {
            requirements: Vec::new(),
            target: String::new(),
            end: End::Server,
            discovered: Vec::new(),
            cases: cases.to_vec(),
            unfinished: Vec::new(),
            strict: false,
            interrupted: false,
            given_up: given_up.map(str::to_owned),
            caution: None,
            issued: Vec::new(),
            challenges: 0,
            elapsed: Duration::ZERO,
        }
    }

    fn ids(cases: &[Case]) -> Vec<Vec<&str>> {
        grouped(cases)
            .into_iter()
            .map(|group| {
                let others = group.others.into_iter().map(|case| case.id.as_str());
                std::iter::once(group.first.id.as_str()).chain(others).collect()
            })
            .collect()
    }

    #[test]
    fn answers_that_differ_in_durations_and_identifiers_have_one_cause() {
        let cases = [
            failed("a", "status: FAILURE\nserial 0A1B2C3D4E", "not found in 1.0 s"),
            failed("b", "status: FAILURE\nserial FFFFFFFFFF", "not found in 2.5 s"),
            failed("c", "status: PENDING", "not found in 1.0 s"),
        ];
        assert_eq!(ids(&cases), [vec!["a", "b"], vec!["c"]]);
    }

    #[test]
    fn case_that_fails_is_shown_for_skipped_ones_with_its_cause() {
        let skipped = |id: &str| {
            let skip = Skip::new(SkipCause::Pending, "pending");
            Case { assessment: Assessment::Skipped(skip), ..failed(id, "status: FAILURE", "x") }
        };
        let cases = [skipped("a"), failed("b", "status: FAILURE", "x"), skipped("c")];
        assert_eq!(ids(&cases), [["b", "a", "c"]]);
    }

    #[test]
    fn answers_that_differ_in_their_values_are_different_causes() {
        for (one, other) in [("HTTP 400", "HTTP 500"), ("digest: SHA-1", "digest: SHA-512")] {
            let cases =
                [failed("a", one, "not found in 1.0 s"), failed("b", other, "not found in 1.0 s")];
            assert_eq!(ids(&cases), [["a"], ["b"]]);
        }
    }

    #[test]
    fn different_expectations_of_the_same_answer_are_different_causes() {
        let cases = [
            failed("a", "status: SUCCESS", "recipient-nonce is absent"),
            failed("b", "status: SUCCESS", "transaction-id is absent"),
        ];
        assert_eq!(ids(&cases), [["a"], ["b"]]);
    }

    #[test]
    fn reasons_of_several_cases_are_shared() {
        let skipped = |id, reason: &str| {
            let skip = Skip::new(SkipCause::Pending, reason);
            case(id, Verdict::Skipped(skip.clone()), Assessment::Skipped(skip))
        };
        let broke = |id, step| {
            let reason = Breakage { step: Some(step), ..Breakage::new("gone") };
            let verdict = Verdict::LabBroke { reason: reason.clone() };
            case(id, verdict, Assessment::LabBroke { reason })
        };
        let cases = [
            skipped("a", "pending"),
            broke("b", 1),
            broke("c", 2),
            skipped("d", "other"),
            skipped("e", "pending"),
        ];
        let report = report(&cases, None);
        assert_eq!(shared_reasons(&report, cases.iter()), ["pending", "gone"]);
        let shown: Vec<_> =
            untried_once(&report).into_iter().map(|(case, further)| (&*case.id, further)).collect();
        assert_eq!(shown, [("a", 0), ("b", 1), ("d", 0), ("e", 0)]);
    }

    #[test]
    fn reason_of_the_end_is_told_there() {
        let broke = |id, text: &str, ends_run| {
            let reason = Breakage { ends_run, ..Breakage::new(text) };
            let verdict = Verdict::LabBroke { reason: reason.clone() };
            case(id, verdict, Assessment::LabBroke { reason })
        };
        let cases =
            [broke("a", "gone", true), broke("b", "gone before", true), broke("c", "x", false)];
        let report = report(&cases, Some("the server was gone after the request of `d`"));
        let told: Vec<_> = cases.iter().map(|case| reason(&report, case).unwrap()).collect();
        assert_eq!(told, [Told::AsTheEnd, Told::AsTheEnd, Told::Here("x".to_owned())]);
        let shown: Vec<_> =
            untried_once(&report).into_iter().map(|(case, further)| (&*case.id, further)).collect();
        assert_eq!(shown, [("a", 1), ("c", 0)]);
    }

    #[test]
    fn reasons_that_differ_in_the_fault_that_did_not_happen_are_shared() {
        let skipped = |id, rule: &str| {
            let mut skip = Skip::new(SkipCause::FaultNotMet, "it ended before");
            skip.evidence = vec!["it hung".to_owned()];
            skip.particulars = vec![format!("the fault `{rule}` did not happen")];
            case(id, Verdict::Skipped(skip.clone()), Assessment::Skipped(skip))
        };
        let cases = [skipped("a", "do: drop"), skipped("b", "do: wrong-nonce")];
        let report = report(&cases, None);
        assert_eq!(shared_reasons(&report, cases.iter()), ["it ended before (it hung)"]);
    }
}
