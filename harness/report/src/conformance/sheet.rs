//! The Markdown report of a test of a peer.

use super::cause::{Told, grouped, reason};
use super::{issued, legend};
use crate::markdown::{code, escaped, head, row};
use crate::terminal;
use diagnostics::{Palette, counted};
use results::{Assessment, Case, ConformanceReport, Failure, RequirementResult, Status, Verdict};

/// Maximum number of unmet expectations that a finding shows.
const SHOWN: usize = 3;

/// Findings, issued certificates, and tables of all requirements and cases.
pub(super) fn markdown(report: &ConformanceReport) -> String {
    let title = format!("# Conformance of {}", escaped(&report.target));
    let summary = terminal::summary(report, Palette::plain());
    let mut lines = vec![title, String::new(), summary];
    if let Some(reason) = &report.given_up {
        lines.extend([String::new(), escaped(reason)]);
    }
    if !report.discovered.is_empty() {
        lines.push(String::new());
        lines.extend(report.discovered.iter().map(|line| format!("- {}", escaped(line))));
    }
    lines.extend(section("Findings", findings(report)));
    lines.extend(section("Without a verdict", without_verdict(report)));
    lines.extend(section("Issued certificates", certificates(report)));
    let headings = ["requirement", "verdict", "cases", "ran", "held", "not proved by", "by"];
    let rows = report.requirements.iter().map(requirement_row);
    lines.extend(section("Requirement by requirement", head(&headings).into_iter().chain(rows)));
    let headings = ["case", "requirement", "level", "section", "verdict"];
    let rows = report.cases.iter().map(case_row);
    lines.extend(section("All cases", head(&headings).into_iter().chain(rows)));
    lines.extend(section("Legend", codes(report)));
    lines.join("\n") + "\n"
}

/// A table with the meaning of each code in the tables above; nothing if there is none.
fn codes(report: &ConformanceReport) -> Vec<String> {
    let codes = [legend::causes(report), legend::requirements(&report.requirements)].concat();
    if codes.is_empty() {
        return Vec::new();
    }
    let rows = codes.iter().map(|(code, meaning)| row(&[code.clone(), escaped(meaning)]));
    head(&["code", "meaning"]).into_iter().chain(rows).collect()
}

/// A heading and lines; nothing if there are no lines.
fn section(title: &str, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let lines: Vec<String> = lines.into_iter().collect();
    if lines.is_empty() {
        return lines;
    }
    let heading = [String::new(), format!("## {title}"), String::new()];
    heading.into_iter().chain(lines).collect()
}

/// A line for each case that failed, or has a remark; what came is in the first with the same cause.
fn findings(report: &ConformanceReport) -> Vec<String> {
    let is_finding = |case: &&Case| {
        !matches!(
            case.assessment.status(),
            Status::Passed | Status::Skipped | Status::Untried | Status::LabBroke
        )
    };
    let mut lines = Vec::new();
    for group in grouped(report.cases.iter().filter(is_finding)) {
        let what = what(group.first).map(|what| format!(": {}", escaped(&what)));
        lines.push(finding(group.first, &what.unwrap_or_default()));
        let same = format!(": the same as {}", code(&group.first.id));
        lines.extend(group.others.iter().map(|case| finding(case, &same)));
    }
    lines
}

fn finding(case: &Case, what: &str) -> String {
    format!(
        "- **{}** {} ({} {}, {}) {}{what}",
        case.assessment.status().peer_verdict(),
        code(&case.id),
        escaped(&case.requirement),
        case.level,
        escaped(&case.basis.section()),
        escaped(&case.title)
    )
}

/// The remark on a case, or what came in place of the acceptable outcomes.
fn what(case: &Case) -> Option<String> {
    match (case.assessment.reason(), &case.scenario.verdict) {
        (Some(reason), _) => Some(reason),
        (None, Verdict::Failed(failure)) => Some(unmet(failure)),
        _ => None,
    }
}

fn unmet(failure: &Failure) -> String {
    let mut labels: Vec<&str> =
        failure.findings.iter().map(|finding| finding.label.as_str()).collect();
    labels.dedup();
    labels.truncate(SHOWN);
    format!("{} ({})", failure.message, labels.join("; "))
}

/// A line for each reason why cases have no verdict, with the cases.
fn without_verdict(report: &ConformanceReport) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&Case>)> = Vec::new();
    for case in &report.cases {
        let reason = match reason(report, case) {
            Some(Told::Here(reason)) => reason,
            Some(Told::AsTheEnd) => "for the reason at the top".to_owned(),
            None => continue,
        };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, cases)) => cases.push(case),
            None => reasons.push((reason, vec![case])),
        }
    }
    let line = |(reason, cases): (String, Vec<&Case>)| {
        let ids: Vec<String> = cases.iter().map(|case| code(&case.id)).collect();
        let kind = cases.first().map(|case| kind(case)).unwrap_or_default();
        format!("- **{kind}** {}: {}", escaped(&reason), ids.join(", "))
    };
    reasons.into_iter().map(line).collect()
}

/// Verdict, and the kind of the reason for programs.
fn kind(case: &Case) -> String {
    let verdict = case.assessment.status().peer_verdict();
    match &case.assessment {
        Assessment::Skipped(skip) => format!("{verdict}, {}", skip.because),
        _ => verdict.to_owned(),
    }
}

fn certificates(report: &ConformanceReport) -> Vec<String> {
    issued(report).iter().map(|line| format!("- {}", escaped(line.trim()))).collect()
}

fn requirement_row(requirement: &RequirementResult) -> String {
    let ids: Vec<String> = requirement.of.iter().map(|id| code(id)).collect();
    let RequirementResult { level, held, proving, .. } = requirement;
    row(&[
        escaped(&requirement.requirement),
        escaped(&requirement.verdict),
        requirement.cases.to_string(),
        requirement.ran.to_string(),
        format!("{held} of {proving} {level}"),
        rest(requirement),
        ids.join(", "),
    ])
}

/// What became of the cases of a requirement that have no verdict: `12 skipped (pending 12), 1 not selected`.
pub(super) fn rest(requirement: &RequirementResult) -> String {
    let RequirementResult { skipped, cases, known, .. } = requirement;
    let causes: Vec<String> = requirement
        .skipped_by_cause()
        .iter()
        .map(|(cause, count)| format!("{cause} {count}"))
        .collect();
    let mut parts = Vec::new();
    if !skipped.is_empty() {
        parts.push(format!("{} skipped ({})", skipped.len(), causes.join(", ")));
    }
    if requirement.ended_server > 0 {
        parts.push(format!(
            "{} failed because the server did not serve after its request",
            requirement.ended_server
        ));
    }
    if requirement.untried > 0 {
        parts.push(format!("{} not tried", requirement.untried));
    }
    if known > cases {
        parts.push(format!("{} not selected", counted(known - cases, "case")));
    }
    parts.join(", ")
}

fn case_row(case: &Case) -> String {
    row(&[
        code(&case.id).as_str(),
        &escaped(&case.requirement),
        &case.level.to_string(),
        &escaped(&case.basis.section()),
        case.assessment.status().peer_verdict(),
    ])
}
