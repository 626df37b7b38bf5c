//! A report of conformance as Markdown: what is found wrong, and a table of all cases.

use crate::markdown::{escaped, row};
use conformance::{CaseReport, Report, RequirementReport, Verdict};
use diagnostics::Palette;

pub(super) fn text(report: &Report) -> String {
    let mut lines = vec![format!("# Conformance of {}", escaped(&report.target)), String::new()];
    lines.push(super::terminal::summary(report, Palette::plain()));
    if !report.discovered.is_empty() {
        lines.push(String::new());
        lines.extend(report.discovered.iter().map(|line| format!("- {}", escaped(line))));
    }
    let is_told = |case: &&CaseReport| !matches!(case.verdict, Verdict::Conforms);
    let told: Vec<&CaseReport> = report.cases.iter().filter(is_told).collect();
    if !told.is_empty() {
        lines.extend(["", "## What is not plainly right", ""].map(str::to_owned));
        lines.extend(told.into_iter().map(finding));
    }
    lines.extend(["", "## Requirement by requirement", ""].map(str::to_owned));
    lines.push(row(&["requirement", "verdict", "cases", "by"].map(str::to_owned)));
    lines.push(row(&["---"; 4].map(str::to_owned)));
    lines.extend(report.by_requirement().iter().map(requirement_row));
    lines.extend(["", "## All cases", ""].map(str::to_owned));
    let headings = ["case", "requirement", "level", "section", "verdict"].map(str::to_owned);
    lines.push(row(&headings));
    lines.push(row(&["---"; 5].map(str::to_owned)));
    lines.extend(report.cases.iter().map(case_row));
    lines.join("\n") + "\n"
}

fn requirement_row(requirement: &RequirementReport) -> String {
    let ids: Vec<String> = requirement.of.iter().map(|id| format!("`{id}`")).collect();
    row(&[
        requirement.requirement.clone(),
        requirement.verdict.to_owned(),
        requirement.cases.to_string(),
        ids.join(", "),
    ])
}

fn finding(case: &CaseReport) -> String {
    let verdict = case.verdict.word();
    let reason = case.verdict.reason().map(|reason| format!(": {}", escaped(&reason)));
    format!(
        "- **{verdict}** `{}` ({} {}, §{}) {}{}",
        case.id,
        case.requirement,
        case.level,
        case.section,
        escaped(&case.title),
        reason.unwrap_or_default()
    )
}

fn case_row(case: &CaseReport) -> String {
    row(&[
        format!("`{}`", case.id),
        case.requirement.clone(),
        case.level.to_string(),
        case.section.clone(),
        case.verdict.word().to_owned(),
    ])
}
