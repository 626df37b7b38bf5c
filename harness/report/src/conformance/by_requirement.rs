//! The verdicts on the requirements, in lines for a terminal.

use std::collections::BTreeSet;

use super::sheet;
use diagnostics::{counted, visible};
use results::requirement::Level;
use results::{Case, ConformanceReport, RequirementResult, RequirementVerdict, Status};

/// The requirements with each verdict, and for those that are not proved the results of their cases.
pub fn requirements(report: &ConformanceReport) -> String {
    let mut kinds: Vec<RequirementVerdict> =
        report.requirements.iter().map(|one| one.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let line = |kind: &RequirementVerdict| {
        let ids: Vec<String> = report
            .requirements
            .iter()
            .filter(|one| one.kind == *kind)
            .map(|one| visible(&one.requirement))
            .collect();
        format!("  {:<26} {:>2}  {}", kind.words(), ids.len(), ids.join(" "))
    };
    let lines = kinds.iter().rev().map(line).chain(only_in_cases(report));
    let unproved = report.requirements.iter().filter(|one| is_unproved(one)).map(unproved_line);
    let heading = "requirement by requirement:".to_owned();
    let all = std::iter::once(heading).chain(lines).chain(unproved).chain(in_all(report));
    all.collect::<Vec<_>>().join("\n")
}

/// What the verdicts on the requirements do not show: remarks on cases of a requirement with another verdict, and requirements about
/// which there is advice alone, which proves nothing.
fn only_in_cases(report: &ConformanceReport) -> Vec<String> {
    let ids = |is_meant: &dyn Fn(&Case) -> bool| {
        let meant = report.cases.iter().filter(|case| is_meant(case));
        meant.map(|case| visible(&case.requirement)).collect::<BTreeSet<_>>()
    };
    let of = |id: &str| report.requirements.iter().find(|one| visible(&one.requirement) == id);
    let mut noted = ids(&|case| case.assessment.status() == Status::Noted);
    noted.retain(|id| of(id).is_none_or(|one| one.kind != RequirementVerdict::Noted));
    let mut advice = ids(&|case| case.level == Level::Advice);
    advice.retain(|id| of(id).is_none());
    let line = |(words, ids): (&str, BTreeSet<String>)| {
        let listed: Vec<String> = ids.into_iter().collect();
        format!("  {words:<26} {:>2}  {}", listed.len(), listed.join(" "))
    };
    let lines = [("a note in single cases", noted), ("advice only", advice)];
    lines.into_iter().filter(|(_, ids)| !ids.is_empty()).map(line).collect()
}

/// The verdict on all requirements in a sentence, if no case failed and some were not tested completely.
fn in_all(report: &ConformanceReport) -> Option<String> {
    let is_bad = |case: &Case| {
        !matches!(
            case.assessment.status(),
            Status::Passed | Status::Noted | Status::Skipped | Status::Untried | Status::LabBroke
        )
    };
    let is_open = |one: &&RequirementResult| {
        matches!(
            one.kind,
            RequirementVerdict::NotProved | RequirementVerdict::Partly | RequirementVerdict::Broke
        )
    };
    let (open, all) =
        (report.requirements.iter().filter(is_open).count(), report.requirements.len());
    let is_told = open > 0 && !report.cases.iter().any(is_bad);
    is_told.then(|| {
        format!(
            "no case found a requirement broken; {open} of {} were tested in part or not at all",
            counted(all, "requirement")
        )
    })
}

fn is_unproved(requirement: &RequirementResult) -> bool {
    let is_open =
        matches!(requirement.kind, RequirementVerdict::NotProved | RequirementVerdict::Partly);
    let is_partly_tried = requirement.untried > 0 && requirement.kind != RequirementVerdict::Broke;
    is_open || is_partly_tried || requirement.ended_server > 0
}

/// `    R24  3 of 16 MUST cases held; of all 17 cases: 12 skipped (no-plain-exchange 12), 1 not selected`.
fn unproved_line(requirement: &RequirementResult) -> String {
    let RequirementResult { requirement: id, level, proving, held, .. } = requirement;
    let (id, rest) = (visible(id), sheet::rest(requirement));
    let rest = match requirement.known {
        _ if rest.is_empty() => rest,
        // The rest has cases of other levels, too.
        known if known > *proving => format!("; of all {known} cases: {rest}"),
        _ => format!("; {rest}"),
    };
    format!("    {id}  {held} of {} held{rest}", counted(*proving, &format!("{level} case")))
}
