//! Results of testing a peer, laid out for the formats.

use super::markdown::{escaped, head, row};
use super::{Entry, Part, Reported, Tone, terminal};
use diagnostics::{Palette, counted, visible};
use results::{
    Case, ConformanceReport, Received, ReceivedState, RequirementResult, Status, Unfinished,
    Verdict,
};

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

    /// One group per requirement.
    fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries: Vec<_> = self.cases.iter().map(entry).collect();
        entries.sort_by(|a, b| a.group.cmp(&b.group));
        let why = self.given_up.as_deref();
        let why = why.unwrap_or("the run was interrupted before this was finished");
        let unfinished = |one: &Unfinished| Entry::unfinished("not finished", &one.id, why, None);
        entries.extend(self.unfinished.iter().map(unfinished));
        entries
    }

    /// Findings, and tables of all requirements and cases.
    fn markdown(&self) -> String {
        let title = format!("# Conformance of {}", escaped(&self.target));
        let summary = terminal::summary(self, Palette::plain());
        let mut lines = vec![title, String::new(), summary];
        if !self.discovered.is_empty() {
            lines.push(String::new());
            lines.extend(self.discovered.iter().map(|line| format!("- {}", escaped(line))));
        }
        let is_finding = |case: &&Case| case.assessment.status() != Status::Passed;
        let mut findings = self.cases.iter().filter(is_finding).map(finding).peekable();
        if findings.peek().is_some() {
            lines.extend(["", "## Findings", ""].map(str::to_owned));
            lines.extend(findings);
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
        status: case.assessment.status(),
        message: Some(case.assessment.reason().unwrap_or(requirement)),
        explanation: explanation(case, false, Palette::plain()),
        ..Entry::of(&case.requirement, &case.id, &case.scenario)
    }
}

fn requirement_row(requirement: &RequirementResult) -> String {
    let ids: Vec<String> = requirement.of.iter().map(|id| format!("`{id}`")).collect();
    let cases = requirement.cases.to_string();
    row(&[requirement.requirement.as_str(), requirement.verdict, &cases, &ids.join(", ")])
}

fn finding(case: &Case) -> String {
    let reason = case.assessment.reason().map(|reason| format!(": {}", escaped(&reason)));
    format!(
        "- **{}** `{}` ({} {}, §{}) {}{}",
        case.assessment.status().peer_verdict(),
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
        case.assessment.status().peer_verdict(),
    ])
}

/// A line about a case: verdict, requirement, level, id, and the reason if it is short.
pub fn case_line(case: &Case, palette: Palette) -> String {
    let (word, tone) = match case.assessment.status() {
        Status::Passed => ("ok   ", Tone::Good),
        Status::Noted => ("note ", Tone::Doubtful),
        Status::Failed => ("FAIL ", Tone::Bad),
        Status::ExpectedFailure => ("known", Tone::Doubtful),
        Status::Vanished | Status::UnexpectedPass => ("gone ", Tone::Doubtful),
        Status::Skipped => ("skip ", Tone::Doubtful),
        Status::LabBroke | Status::Panicked | Status::Unfinished => ("broke", Tone::Bad),
    };
    let reason = case.assessment.reason().map(|reason| format!(": {}", visible(&reason)));
    format!(
        "{}  {} {:<6} {}{}",
        tone.paint(palette, word),
        case.requirement,
        case.level.to_string(),
        visible(&case.id),
        palette.faint(&reason.unwrap_or_default())
    )
}

/// Explains a failure: the requirement, the request, the reply, and the acceptable outcomes. If `verbose`, known deviations
/// and failures that prove nothing are explained as well.
pub fn explanation(case: &Case, verbose: bool, palette: Palette) -> Option<String> {
    let is_failed = matches!(case.scenario.verdict, Verdict::Failed(_));
    let is_wanted = match case.assessment.status() {
        Status::Failed | Status::LabBroke | Status::Panicked => true,
        Status::Noted => is_failed,
        _ => is_failed && verbose,
    };
    if !is_wanted {
        return None;
    }
    let heading = palette.strong(&format!("{}  {}", case.id, visible(&case.title)));
    let required = format!(
        "{} {}, RFC 8894 §{}: \u{201c}{}\u{201d}",
        case.requirement, case.level, case.section, case.sentence
    );
    let seen = case.seen.as_ref().map(|seen| format!("\nseen in the wild: {}", visible(seen)));
    let what = terminal::explanation(&case.scenario, palette).unwrap_or_default();
    Some(format!("{heading}\n{required}{}\n{what}", seen.unwrap_or_default()))
}

/// The certificates that were issued, one per line, so that they can be revoked.
pub fn issued(report: &ConformanceReport) -> Vec<String> {
    if report.issued.is_empty() && report.challenges == 0 {
        return Vec::new();
    }
    let count =
        |state: ReceivedState| report.issued.iter().filter(|one| one.state == state).count();
    let heading = format!(
        "{} issued, {} used",
        counted(count(ReceivedState::Issued), "certificate"),
        counted(report.challenges, "challenge password")
    );
    let line = |one: &Received| {
        let serial = match (one.state, one.serial.as_deref()) {
            (ReceivedState::Issued, Some(serial)) => serial,
            (ReceivedState::Issued, None) => "(issued, but not readable)",
            (ReceivedState::Pending, _) => "(pending: must be denied)",
            (ReceivedState::Unknown, _) => "(no answer: may have been issued)",
        };
        format!("  {serial}  {}", visible(&one.subject))
    };
    std::iter::once(heading).chain(report.issued.iter().map(line)).collect()
}

/// Number of requirements with each verdict.
pub fn requirements(report: &ConformanceReport) -> String {
    let requirements = &report.requirements;
    let mut words: Vec<&str> = requirements.iter().map(|one| one.verdict).collect();
    words.sort_unstable();
    words.dedup();
    let count = |word: &&str| {
        let ids: Vec<&str> = requirements
            .iter()
            .filter(|one| one.verdict == *word)
            .map(|one| one.requirement.as_str())
            .collect();
        format!("  {:<21} {:>2}  {}", word, ids.len(), ids.join(" "))
    };
    let lines = words.iter().map(count).collect::<Vec<_>>().join("\n");
    format!("requirement by requirement:\n{lines}")
}
