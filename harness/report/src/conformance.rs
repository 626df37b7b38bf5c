//! What a peer was found to do, requirement by requirement, laid out for the formats.

pub mod terminal;

use super::markdown::{escaped, head, row};
use super::tone::Tone;
use super::{Entry, Part, Reported};
use diagnostics::Palette;
use results::{Case, ConformanceReport, RequirementResult, Status, Unfinished};

impl Reported for ConformanceReport {
    const SUMMARY: &'static [Part] = &[
        (&[Status::Passed], "conform", Tone::Good),
        (&[Status::Noted], "with a note", Tone::Doubtful),
        (&[Status::Failed], "fail", Tone::Bad),
        (&[Status::ExpectedFailure], "known deviations", Tone::Doubtful),
        (&[Status::Vanished], "deviations gone", Tone::Doubtful),
        (&[Status::LabBroke, Status::Panicked], "not tried", Tone::Bad),
        (&[Status::Skipped], "skipped", Tone::Doubtful),
        (&[Status::Unfinished], "not finished", Tone::Plain),
    ];

    /// A group for each requirement.
    fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries: Vec<_> = self.cases.iter().map(entry).collect();
        entries.sort_by(|a, b| a.group.cmp(&b.group));
        let why = self.given_up.as_deref();
        let why = why.unwrap_or("the run was interrupted before this was finished");
        let unfinished = |one: &Unfinished| Entry::unfinished("not finished", &one.id, why, None);
        entries.extend(self.unfinished.iter().map(unfinished));
        entries
    }

    /// What is found wrong, and tables of all requirements and of all cases.
    fn markdown(&self) -> String {
        let title = format!("# Conformance of {}", escaped(&self.target));
        let summary = super::terminal::summary(self, Palette::plain());
        let mut lines = vec![title, String::new(), summary];
        if !self.discovered.is_empty() {
            lines.push(String::new());
            lines.extend(self.discovered.iter().map(|line| format!("- {}", escaped(line))));
        }
        let is_told = |case: &&Case| case.standing.status() != Status::Passed;
        let mut told = self.cases.iter().filter(is_told).map(finding).peekable();
        if told.peek().is_some() {
            lines.extend(["", "## What is not plainly right", ""].map(str::to_owned));
            lines.extend(told);
        }
        lines.extend(["", "## Requirement by requirement", ""].map(str::to_owned));
        lines.extend(head(&["requirement", "verdict", "cases", "by"]));
        lines.extend(self.requirements.iter().map(requirement_row));
        lines.extend(["", "## All cases", ""].map(str::to_owned));
        lines.extend(head(&["case", "requirement", "level", "section", "verdict"]));
        lines.extend(self.cases.iter().map(case_row));
        lines.join("\n") + "\n"
    }
}

fn entry(case: &Case) -> Entry<'_> {
    let requirement = format!("{}: {}", case.level, case.title);
    Entry {
        status: case.standing.status(),
        message: Some(case.standing.reason().unwrap_or(requirement)),
        explanation: terminal::explanation(case, Palette::plain()),
        ..Entry::of(&case.requirement, &case.id, &case.scenario)
    }
}

fn requirement_row(requirement: &RequirementResult) -> String {
    let ids: Vec<String> = requirement.of.iter().map(|id| format!("`{id}`")).collect();
    let cases = requirement.cases.to_string();
    row(&[requirement.requirement.as_str(), requirement.verdict, &cases, &ids.join(", ")])
}

fn finding(case: &Case) -> String {
    let reason = case.standing.reason().map(|reason| format!(": {}", escaped(&reason)));
    format!(
        "- **{}** `{}` ({} {}, §{}) {}{}",
        case.standing.status().of_peer(),
        case.id,
        case.requirement,
        case.level,
        case.section,
        escaped(&case.title),
        reason.unwrap_or_default()
    )
}

fn case_row(case: &Case) -> String {
    row(&[
        &format!("`{}`", case.id),
        case.requirement.as_str(),
        &case.level.to_string(),
        &case.section,
        case.standing.status().of_peer(),
    ])
}
