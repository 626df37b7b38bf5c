//! A report of conformance as people read it.

use crate::terminal as scenario;
use crate::terminal::{Part, counted};
use conformance::{CaseReport, Report, Verdict};
use diagnostics::{Palette, visible};
use model::outcome::ReceivedState;

/// One line about a case: what became of it, what is required and how strongly, its id; and why, where that is short.
pub fn line(case: &CaseReport, palette: Palette) -> String {
    let (word, paint): (&str, fn(Palette, &str) -> String) = match &case.verdict {
        Verdict::Conforms => ("ok   ", Palette::good),
        Verdict::Noted { .. } => ("note ", Palette::doubtful),
        Verdict::Fails { .. } => ("FAIL ", Palette::bad),
        Verdict::Known { .. } => ("known", Palette::doubtful),
        Verdict::Vanished { .. } => ("gone ", Palette::doubtful),
        Verdict::Skipped { .. } => ("skip ", Palette::doubtful),
        Verdict::Broke { .. } => ("broke", Palette::bad),
    };
    let reason = case.verdict.reason().map(|reason| format!(": {}", visible(&reason)));
    format!(
        "{}  {} {:<6} {}{}",
        paint(palette, word),
        case.requirement,
        case.level.to_string(),
        visible(&case.id),
        palette.faint(&reason.unwrap_or_default())
    )
}

/// What failed in a case, in full: what is required, what was sent, what came, and which outcomes are acceptable.
pub fn explanation(case: &CaseReport, palette: Palette) -> Option<String> {
    let is_wanted = match case.verdict {
        Verdict::Fails { .. } | Verdict::Broke { .. } => true,
        Verdict::Noted { .. } => {
            matches!(case.scenario.verdict, model::outcome::Verdict::Failed(_))
        }
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
pub fn issued(report: &Report) -> Vec<String> {
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
    let line = |one: &model::outcome::Received| {
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
pub fn requirements(report: &Report) -> String {
    let requirements = report.by_requirement();
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

/// The last line: how many cases ended how.
pub fn summary(report: &Report, palette: Palette) -> String {
    let counts = report.counts();
    let plain = |text: &str| text.to_owned();
    let bad = |text: &str| palette.bad(text);
    let doubtful = |text: &str| palette.doubtful(text);
    let good = |text: &str| palette.good(text);
    let conforms: &dyn Fn(&str) -> String = if counts.conforms > 0 { &good } else { &plain };
    let parts: [Part<'_>; 8] = [
        (counts.conforms, "conform", conforms),
        (counts.noted, "with a note", &doubtful),
        (counts.fails, "fail", &bad),
        (counts.known, "known deviations", &doubtful),
        (counts.vanished, "deviations gone", &doubtful),
        (counts.broke, "not tried", &bad),
        (counts.skipped, "skipped", &doubtful),
        (report.unfinished.len(), "not finished", &plain),
    ];
    counted(&parts, report.interrupted, report.elapsed)
}
