//! A report of conformance as people read it.

use crate::terminal as scenario;
use crate::tone::Tone;
use diagnostics::{Palette, visible};
use results::{Case, ConformanceReport, Received, ReceivedState, Status, Verdict};

/// One line about a case: what became of it, what is required and how strongly, its id; and why, where that is short.
pub fn line(case: &Case, palette: Palette) -> String {
    let (word, tone) = match case.standing.status() {
        Status::Passed => ("ok   ", Tone::Good),
        Status::Noted => ("note ", Tone::Doubtful),
        Status::Failed => ("FAIL ", Tone::Bad),
        Status::ExpectedFailure => ("known", Tone::Doubtful),
        Status::Vanished | Status::UnexpectedPass => ("gone ", Tone::Doubtful),
        Status::Skipped => ("skip ", Tone::Doubtful),
        Status::LabBroke | Status::Panicked | Status::Unfinished => ("broke", Tone::Bad),
    };
    let reason = case.standing.reason().map(|reason| format!(": {}", visible(&reason)));
    format!(
        "{}  {} {:<6} {}{}",
        tone.paint(palette, word),
        case.requirement,
        case.level.to_string(),
        visible(&case.id),
        palette.faint(&reason.unwrap_or_default())
    )
}

/// What failed in a case, in full: what is required, what was sent, what came, and which outcomes are acceptable.
pub fn explanation(case: &Case, palette: Palette) -> Option<String> {
    let is_wanted = match case.standing.status() {
        Status::Failed | Status::LabBroke | Status::Panicked => true,
        Status::Noted => matches!(case.scenario.verdict, Verdict::Failed(_)),
        _ => false,
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
    let what = scenario::explanation(&case.scenario, palette).unwrap_or_default();
    Some(format!("{heading}\n{required}{}\n{what}", seen.unwrap_or_default()))
}

/// The certificates that were issued: a line each, to be revoked or forgotten.
pub fn issued(report: &ConformanceReport) -> Vec<String> {
    if report.issued.is_empty() && report.challenges == 0 {
        return Vec::new();
    }
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
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
            (ReceivedState::Issued, None) => "(issued, and not readable)",
            (ReceivedState::Pending, _) => "(pending: to be denied)",
            (ReceivedState::Unknown, _) => "(no answer: may have been issued)",
        };
        format!("  {serial}  {}", visible(&one.subject))
    };
    std::iter::once(heading).chain(report.issued.iter().map(line)).collect()
}

/// How many requirements ended how, in a line.
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
